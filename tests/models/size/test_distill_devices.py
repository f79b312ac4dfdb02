"""Laws of distillation on many devices: two processes train what one trains, and sharded layers give one gradient."""

from __future__ import annotations

import json

import pytest
from test_distill import distilled, with_recipe
from two_processes import on_two_processes

from continuum.models.packing import OnePerRow
from continuum.models.size import RandomSlots

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]

CHANGES = {"padded": {"rows": OnePerRow(16)}, "patched": {"patched": RandomSlots(0.7)}}

DISTILL = """
from test_distill import distilled, with_recipe
from test_distill_devices import CHANGES
distilled({folder!r}, recipe=with_recipe(**CHANGES[{name!r}]))
"""

SHARDED = """
import json, sys
import torch, torch.distributed as dist
from families import KEPT, pair
from test_distill_losses import LOSSES, batch_of, some_rows
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from continuum.models import DistillRecipe, blocks
from continuum.models.size import Layout
from continuum.models.size.distill_training import _masters, _seen
from continuum.models.size.mixed import mixed

dist.init_process_group("gloo")
mesh, me = init_device_mesh("cpu", (2,)), dist.get_rank()
(student, teacher), layout = pair("llama"), Layout(KEPT, 7)
batch = batch_of(some_rows(9, 5, 7, 3)[2 * me : 2 * me + 2])
plain, sharded = (_masters(student, DistillRecipe()) for _ in range(2))
for layer in blocks(sharded):
    fully_shard(layer, mesh=mesh)
fully_shard(sharded, mesh=mesh)


def backward(model, patched):
    at, aligned = batch.draw < 1, layout.aligned
    model.zero_grad()
    with torch.no_grad():
        theirs = _seen(blocks(teacher), teacher, aligned.values(), batch, at)
    with mixed(blocks(model), blocks(teacher), layout, patched):
        ours = _seen(blocks(model), model, aligned.keys(), batch, at)
    sum(loss.total(ours, theirs, aligned, batch) for loss in LOSSES).backward()


same = []
for patched in ((), (1, 3)):
    backward(plain, patched)
    backward(sharded, patched)
    for one, other in zip(plain.parameters(), sharded.parameters(), strict=True):
        if one.grad is not None:
            mean = one.grad / 2
            dist.all_reduce(mean)
            same.append(torch.allclose(mean, other.grad.full_tensor(), atol=1e-4))
if me == 0:
    print(json.dumps([len(same), all(same)]))
"""


@pytest.mark.parametrize("name", CHANGES)
def test_two_processes_train_what_one_trains(tmp_path, name):
    alone = distilled(tmp_path / "alone", recipe=with_recipe(**CHANGES[name]))
    on_two_processes(DISTILL.format(folder=str(tmp_path / "both"), name=name), tmp_path)
    both = distilled(tmp_path / "both", recipe=with_recipe(**CHANGES[name]))  # it is there already
    assert both.losses == pytest.approx(alone.losses, rel=1e-4)
    assert both.terms["TokenKL"] == pytest.approx(alone.terms["TokenKL"], rel=1e-4)


def test_sharded_layers_have_the_gradients_of_whole_ones(tmp_path):
    count, are_equal = json.loads(on_two_processes(SHARDED, tmp_path))
    # All of four layers of nine weights; then those of the two that the teacher did not replace.
    assert count == 4 * 9 + 2 * 9
    assert are_equal
