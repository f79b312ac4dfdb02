"""Laws of distillation: the recipe alone decides, both models stay as they are, and a kill costs only time."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import json
import math
import os
import random
import signal
import subprocess
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from families import perturbed
from safetensors.torch import load_file
from tiny import WORDS, tiny_gpt2, tiny_llama, tiny_tokenizer

from continuum.core import IncompatibleError, StoreError, rng_for
from continuum.models import DistillRecipe, PatchPath, blocks, distill, initialize_student
from continuum.models.packing import OnePerRow, Packed
from continuum.models.size import (
    CrossEntropy,
    HiddenCosine,
    Layout,
    RandomSlots,
    TokenKL,
    provenance_of,
    read_provenance,
)
from continuum.models.weights.identity import digest_of

RECIPE = DistillRecipe(rows=Packed(16), batch_size=4, steps=8, learning_rate=1e-2, warmup=0.25, precision="float32")
TESTS = Path(__file__).parents[1]

pytestmark = pytest.mark.usefixtures("one_thread")


def some_texts(seed=0, n=200):
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=draw.randint(2, 12))) for _ in range(n)]


def a_teacher(seed=0, **options):
    return tiny_llama(seed, layers=6, **options)


def distilled(folder, *, student=None, teacher=None, texts=None, recipe=RECIPE, **options):
    teacher = teacher or a_teacher()
    student = student or initialize_student(teacher)
    return distill(student, teacher, texts or some_texts(), tiny_tokenizer(), folder=folder, recipe=recipe, **options)


def with_recipe(**changes):
    return dataclasses.replace(RECIPE, **changes)


def weights(folder):
    return load_file(Path(folder, "model.safetensors"))


def assert_equal(one, other):
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


# What is trained


def rows_of(recipe, texts):
    stream = [t for text in texts for t in (0, *tiny_tokenizer()(text, add_special_tokens=False)["input_ids"])]
    count, length = recipe.steps * recipe.batch_size, recipe.rows.length
    rows = torch.tensor(stream[: count * length]).reshape(count, length)
    return rows[rng_for(recipe.seed, "order of rows").permutation(count)]


def by_hand(recipe):
    """Losses of a recipe with all positions, in plain torch with `output_hidden_states`."""
    teacher = a_teacher()
    student = initialize_student(teacher)
    aligned = student.provenance.kept, Layout(student.provenance.kept, 6).aligned
    layers = [p for layer in blocks(student) for p in layer.parameters()]
    matrices, norms = ([p for p in layers if (p.dim() > 1) == is_matrix] for is_matrix in (True, False))
    groups = [{"params": matrices, "weight_decay": recipe.weight_decay}, {"params": norms, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=0.0, betas=recipe.betas)
    kl, cosine = recipe.losses
    for step, ids in enumerate(rows_of(recipe, some_texts()).split(recipe.batch_size)):
        rise = step / recipe.warmup_steps
        phase = math.pi * (step - recipe.warmup_steps) / (recipe.steps - recipe.warmup_steps)
        fall = recipe.final_rate + (1 - recipe.final_rate) * (1 + math.cos(phase)) / 2
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * (rise if rise < 1 else fall)
        with torch.no_grad():
            t = teacher(input_ids=ids, output_hidden_states=True)
        s = student(input_ids=ids, output_hidden_states=True)
        log_s, log_t = (out.logits[:, :-1].log_softmax(-1) for out in (s, t))
        divergence = (log_t.exp() * (log_t - log_s)).sum(-1).mean()
        pairs = [(s.hidden_states[i], t.hidden_states[j]) for i, j in aligned[1].items() if i > 0]
        alignment = torch.stack([1 - torch.cosine_similarity(a, b, dim=-1) for a, b in pairs]).mean()
        loss = kl.weight * divergence + cosine.weight * alignment
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(layers, recipe.max_gradient_norm)
        optimizer.step()
        yield loss.item(), divergence.item(), alignment.item()


@pytest.mark.parametrize("kl", [1.0, 0.0], ids=["both", "cosine"])
def test_it_is_adamw_on_the_layers_with_a_cosine_rate(tmp_path, kl):
    recipe = with_recipe(losses=(TokenKL(kl), HiddenCosine(2.0)))
    found = distilled(tmp_path / "run", recipe=recipe)
    losses, divergences, alignments = zip(*by_hand(recipe), strict=True)
    # Eight steps of float32 sums in another order.
    assert found.losses == pytest.approx(losses, rel=1e-3)
    assert found.terms["TokenKL"] == pytest.approx(divergences, rel=1e-3)
    assert found.terms["HiddenCosine"] == pytest.approx(alignments, rel=1e-3)
    assert found.tokens == 8 * 4 * 16


def test_alignment_alone_is_trained_alike_without_logits(tmp_path):
    both = distilled(tmp_path / "both", recipe=with_recipe(losses=(TokenKL(0.0), HiddenCosine(2.0))))
    alone = distilled(tmp_path / "alone", recipe=with_recipe(losses=(HiddenCosine(2.0),)))
    assert alone.losses == pytest.approx(both.losses, rel=1e-4)
    assert list(alone.terms) == ["HiddenCosine"]


@pytest.mark.parametrize("rows", [Packed(16), OnePerRow(16)], ids=["equal", "padded"])
@pytest.mark.parametrize("losses", [RECIPE.losses, DistillRecipe.paper().losses], ids=["default", "paper"])
def test_a_step_in_eight_batches_is_the_step_in_one(tmp_path, rows, losses):
    recipe = with_recipe(rows=rows, losses=losses, batch_size=8, steps=1, warmup=0.0, trained="all")
    one = distilled(tmp_path / "one", recipe=recipe)
    eight = distilled(tmp_path / "eight", recipe=recipe, rows_at_once=1)
    assert eight.losses == pytest.approx(one.losses, rel=1e-5)
    norms = []
    for found in (one, eight):
        moved, start = weights(found.folder), initialize_student(a_teacher()).state_dict()
        norms.append({name: moved[name] - start[name] for name in moved})
    for name in norms[0]:
        # The first step of AdamW is the sign of the gradient: where that is nearly nought, rounding decides.
        agree = torch.isclose(norms[0][name], norms[1][name], rtol=1e-2, atol=1e-6).float().mean()
        assert agree > 0.99, name


def test_the_curve_is_the_same_in_eight_batches(tmp_path):
    one = distilled(tmp_path / "one", recipe=with_recipe(rows=OnePerRow(16), batch_size=8))
    eight = distilled(tmp_path / "eight", recipe=with_recipe(rows=OnePerRow(16), batch_size=8), rows_at_once=1)
    assert eight.losses == pytest.approx(one.losses, rel=1e-2)


def test_the_loss_falls(tmp_path):
    found = distilled(tmp_path / "run", texts=["the film was great"] * 400, recipe=with_recipe(steps=24))
    assert found.losses[-1] < 0.5 * found.losses[0]


def test_embedding_norm_and_head_stay_the_teachers_unless_all_is_trained(tmp_path):
    teacher = a_teacher().state_dict()
    around = ["model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"]
    layers, everything = (
        weights(distilled(tmp_path / trained, recipe=with_recipe(trained=trained)).folder)
        for trained in ("layers", "all")
    )
    assert all(torch.equal(layers[name], teacher[name]) for name in around)
    assert not any(torch.equal(everything[name], teacher[name]) for name in around)
    assert not any(torch.equal(layers[name], teacher[name]) for name in layers if "layers.0" in name)


def test_each_seed_counts_and_nothing_else_does(tmp_path):
    found = {
        name: distilled(tmp_path / name, recipe=with_recipe(seed=seed, losses=(TokenKL(share=0.5),)))
        for name, seed in {"one": 0, "again": 0, "other": 1}.items()
    }
    assert found["one"].losses == found["again"].losses != found["other"].losses
    assert_equal(weights(tmp_path / "one"), weights(tmp_path / "again"))


def test_bfloat16_is_near_float32_and_its_masters_are_float32(tmp_path):
    exact = distilled(tmp_path / "exact")
    found = distilled(tmp_path / "bf16", recipe=with_recipe(precision="bfloat16"))
    assert found.losses == pytest.approx(exact.losses, rel=0.1)
    assert found.losses != exact.losses
    assert {tensor.dtype for tensor in weights(found.folder).values()} == {torch.float32}


def test_models_in_bfloat16_give_a_student_in_bfloat16(tmp_path):
    teacher = a_teacher(dtype=torch.bfloat16)
    found = distilled(tmp_path / "run", teacher=teacher)
    assert found.load().dtype == torch.bfloat16
    assert found.losses[-1] < found.losses[0]
    assert PatchPath(found.load(), teacher).domain.values == (0.0, 0.5, 1.0)


# What is written


def test_the_folder_is_a_plain_student_that_knows_its_teacher(tmp_path):
    teacher = a_teacher()
    found = distilled(tmp_path / "run", teacher=teacher)
    student = found.load()
    assert provenance_of(student).kept == (0, 2, 4, 5)
    losses = read_provenance(found.folder).loss["losses"]
    assert losses[0] == {"kind": "TokenKL", "weight": 1.0, "temperature": 1.0, "share": 0.5}
    path = PatchPath(student, teacher, head="teacher")
    ids = torch.arange(2, 12)[None]
    with torch.no_grad(), path.lease(0.0) as model:
        assert torch.equal(model(input_ids=ids).logits, student(input_ids=ids).logits)
    with pytest.raises(IncompatibleError, match="was made of the teacher"):
        PatchPath(student, a_teacher(seed=3))
    assert os.listdir(tmp_path) == ["run"]
    assert not list(found.folder.glob("*.bin"))
    record = json.loads((found.folder / "distillation.json").read_text())
    assert record["training"]["recipe"]["learning_rate"] == RECIPE.learning_rate


def test_both_models_and_the_random_state_are_left_as_they_were(tmp_path):
    teacher = tiny_gpt2(layers=4)  # with dropout, and a tied head
    student = initialize_student(teacher)
    teacher.transformer.h[0].train()

    def state():
        return [
            (
                digest_of("", model.state_dict().items()),
                [(name, module.training) for name, module in model.named_modules()],
                [(name, id(p), p.requires_grad, p.grad) for name, p in model.named_parameters()],
                [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()],
                sorted(vars(model)),
                model.config.to_dict(),
            )
            for model in (student, teacher)
        ]

    before, drawn = state(), torch.random.get_rng_state()
    distilled(tmp_path / "run", student=student, teacher=teacher, recipe=with_recipe(trained="all"))
    assert state() == before
    assert torch.equal(torch.random.get_rng_state(), drawn)


def test_nothing_is_said_where_nobody_watches(tmp_path, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        distilled(tmp_path / "run", checkpoint_steps=4)
    assert capfd.readouterr() == ("", "")


# What a kill costs


@contextmanager
def interrupted_in_step(n):
    """Within this block the n-th step of the optimiser is interrupted."""
    steps, step = itertools.count(1), torch.optim.AdamW.step

    def stopping(self, *args, **options):
        if next(steps) == n:
            raise KeyboardInterrupt
        return step(self, *args, **options)

    with patch.object(torch.optim.AdamW, "step", stopping):
        yield


CHANGES = {
    "plain": {},
    "patched": {"patched": RandomSlots(0.7)},
    "padded": {"rows": OnePerRow(16)},
    "all": {"trained": "all", "losses": (CrossEntropy(), TokenKL(0.1), HiddenCosine(2.0, embedding=True))},
}


@pytest.mark.parametrize("make", [a_teacher, lambda: tiny_gpt2(layers=6)], ids=["llama", "gpt2"])  # tied, with dropout
@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_an_interrupted_training_goes_on_to_the_same_weights(tmp_path, make, changes):
    recipe = with_recipe(**changes)
    whole = distilled(tmp_path / "whole", teacher=make(), recipe=recipe, rows_at_once=2)
    with interrupted_in_step(6), pytest.raises(KeyboardInterrupt):
        distilled(tmp_path / "run", teacher=make(), recipe=recipe, rows_at_once=2, checkpoint_steps=2)
    assert not (tmp_path / "run").exists()
    resumed = distilled(tmp_path / "run", teacher=make(), recipe=recipe, rows_at_once=2, checkpoint_steps=2)
    assert (resumed.losses, resumed.terms) == (whole.losses, whole.terms)
    assert_equal(weights(tmp_path / "run"), weights(tmp_path / "whole"))
    assert not (tmp_path / ".run.training").exists()


def test_only_the_steps_since_the_last_checkpoint_are_done_again(tmp_path):
    with interrupted_in_step(7), pytest.raises(KeyboardInterrupt):
        distilled(tmp_path / "run", checkpoint_steps=4)
    with interrupted_in_step(5):  # there are only four left
        distilled(tmp_path / "run", checkpoint_steps=4)


def test_nothing_pickled_is_loaded_when_it_goes_on(tmp_path):
    with interrupted_in_step(7), pytest.raises(KeyboardInterrupt):
        distilled(tmp_path / "run", checkpoint_steps=4)
    with patch("torch.load", wraps=torch.load) as load:
        distilled(tmp_path / "run", checkpoint_steps=4)
    assert load.call_count >= 2  # the optimiser and the schedule
    assert all(call.kwargs["weights_only"] is True for call in load.call_args_list)


KILLED = """
import os, signal, sys
sys.path[:0] = [{tests!r}, {here!r}]
import torch
from continuum.models.size import distillation
from test_distill import distilled
torch.set_num_threads(1)
calls = []

def in_call(n, work):
    def counted(*args, **options):
        calls.append(n)
        return os.kill(os.getpid(), signal.SIGKILL) if len(calls) == n else work(*args, **options)
    return counted

if {moment!r} == "step":
    torch.optim.AdamW.step = in_call(6, torch.optim.AdamW.step)
elif {moment!r} == "checkpoint":
    torch.save = in_call(10, torch.save)  # the second file of the third checkpoint, of four files each
else:
    distillation.write_provenance = in_call(1, distillation.write_provenance)  # in the middle of the last folder
distilled({folder!r}, checkpoint_steps=2)
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["step", "checkpoint", "end"])
def test_a_killed_training_goes_on_to_the_same_weights(tmp_path, moment):
    whole = distilled(tmp_path / "whole")
    folder = tmp_path / "run"
    code = KILLED.format(tests=str(TESTS), here=str(TESTS / "size"), moment=moment, folder=str(folder))
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == -signal.SIGKILL
    assert not folder.exists()
    assert list((tmp_path / ".run.training").glob("checkpoint-*/complete.json"))
    resumed = distilled(folder, checkpoint_steps=2)
    assert resumed.losses == whole.losses
    assert_equal(weights(folder), weights(tmp_path / "whole"))


# The same folder again


def test_a_finished_training_is_not_done_again(tmp_path):
    first = distilled(tmp_path / "run")
    (tmp_path / ".run.training").mkdir()  # what a kill leaves that comes right after the end
    with interrupted_in_step(1):
        again = distilled(tmp_path / "run")
    assert dataclasses.asdict(again) == dataclasses.asdict(first)
    assert not (tmp_path / ".run.training").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recipe": with_recipe(learning_rate=0.5)}, "`learning_rate` is 0.01 there and 0.5 here"),
        ({"recipe": with_recipe(losses=(HiddenCosine(),))}, "`losses` is .*TokenKL.* there and .* here"),
        ({"texts": some_texts(9)}, "other texts"),
        ({"student": perturbed(initialize_student(a_teacher()))}, "another student"),
        ({"teacher": a_teacher(seed=7)}, "another student|another teacher"),
    ],
    ids=["recipe", "losses", "texts", "student", "teacher"],
)
@pytest.mark.parametrize("is_finished", [True, False], ids=["finished", "unfinished"])
def test_another_training_does_not_take_the_folder(tmp_path, changes, message, is_finished):
    if is_finished:
        distilled(tmp_path / "run")
    else:
        with interrupted_in_step(2), pytest.raises(KeyboardInterrupt):
            distilled(tmp_path / "run")
    with pytest.raises(IncompatibleError, match=message):
        distilled(tmp_path / "run", **changes)


def test_folders_of_others_are_left_alone(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("notes", "file"):
        with pytest.raises(StoreError, match="not trained here"):
            distilled(tmp_path / name)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "notes", "notes.txt"]


def test_a_student_with_a_copy_of_every_layer_has_nothing_to_learn(tmp_path):
    teacher = a_teacher()
    with torch.no_grad():
        teacher.model.embed_tokens.weight[0] = 1.0  # that of padding is nought, which has no direction
    student = initialize_student(teacher, range(6))
    found = distilled(tmp_path / "run", student=student, teacher=copy.deepcopy(teacher), recipe=with_recipe(steps=2))
    assert abs(found.terms["TokenKL"][0]) < 1e-6  # attention with gradients is another kernel
    assert abs(found.terms["HiddenCosine"][0]) < 1e-6
