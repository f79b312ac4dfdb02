"""For tests of models: nothing is asked of a hub, and helper modules beside this file can be imported."""

from __future__ import annotations

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
