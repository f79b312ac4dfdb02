"""For tests of models: nothing is asked of a hub, and helper modules beside this file can be imported."""

from __future__ import annotations

import os

import pytest
import torch

os.environ.setdefault("HF_HUB_OFFLINE", "1")


@pytest.fixture
def one_thread():
    """Sums of several threads differ in their last bits from those of one, which processes of their own have here."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
