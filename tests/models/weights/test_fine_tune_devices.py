"""Laws of fine-tuning on many devices: two processes train what one trains."""

from __future__ import annotations

import pytest
from test_fine_tune import trained, weights, with_recipe
from two_processes import on_two_processes

from continuum.core import InvalidInputError

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]

TRAINED = """
from test_fine_tune import trained, with_recipe
trained({folder!r}, recipe=with_recipe(batch_size=4, steps=6), checkpoint_steps=2)
"""

REFUSED = """
from test_fine_tune import trained, with_recipe
try:
    trained({folder!r}, recipe=with_recipe(batch_size=3))
except Exception as error:
    print(type(error).__name__, error)
"""


def test_two_processes_train_the_adapter_that_one_trains(tmp_path):
    recipe = with_recipe(batch_size=4, steps=6)
    alone = trained(tmp_path / "alone", recipe=recipe)
    on_two_processes(TRAINED.format(folder=str(tmp_path / "both")), tmp_path)
    both = trained(tmp_path / "both", recipe=recipe)  # it is there already
    # Sums of float32 in another order, over six steps of AdamW.
    assert both.losses == pytest.approx(alone.losses, rel=1e-4)
    assert both.tokens == alone.tokens
    theirs, ours = weights(tmp_path / "both"), weights(tmp_path / "alone")
    assert theirs.keys() == ours.keys()
    assert all(theirs[name].sub(ours[name]).abs().max() < 1e-3 for name in ours)


def test_texts_that_two_processes_cannot_share_evenly_are_refused(tmp_path):
    said = on_two_processes(REFUSED.format(folder=str(tmp_path / "odd")), tmp_path)
    assert said.count(f"{InvalidInputError.__name__} `batch_size` 3 cannot be shared evenly among 2 devices") == 2
    assert not (tmp_path / "odd").exists()
