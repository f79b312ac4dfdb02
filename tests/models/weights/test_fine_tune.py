"""Laws of fine-tuning: the recipe and nothing else decides, the base stays as it is, and a kill costs only time."""

from __future__ import annotations

import dataclasses
import itertools
import os
import random
import signal
import subprocess
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tiny import CONTEXT, WORDS, tiny_gpt2, tiny_llama, tiny_tokenizer

from continuum.core import IncompatibleError, InvalidInputError, NotConvergedError, StoreError, rng_for
from continuum.models import WeightPath
from continuum.models.tokens import Frame
from continuum.models.weights import base_fingerprint
from continuum.models.weights.adapter_files import BASE_KEY
from continuum.models.weights.adapter_folder import read_record
from continuum.models.weights.fine_tune import fine_tune_lora
from continuum.models.weights.identity import digest_of
from continuum.models.weights.lora_recipe import LoraRecipe

RECIPE = LoraRecipe(rank=2, alpha=4, steps=8, batch_size=3, warmup_steps=2, learning_rate=1e-2, precision="float32")
TESTS = Path(__file__).parents[1]

pytestmark = pytest.mark.usefixtures("one_thread")


def some_texts(seed=0, n=30):
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=draw.randint(2, 12))) for _ in range(n)]


def trained(folder, *, model=None, texts=None, recipe=RECIPE, **options):
    texts = some_texts() if texts is None else texts
    return fine_tune_lora(model or tiny_llama(), tiny_tokenizer(), texts, folder, recipe=recipe, **options)


def with_recipe(**changes):
    return dataclasses.replace(RECIPE, **changes)


def weights(folder):
    return load_file(Path(folder, "adapter_model.safetensors"))


def assert_equal(one, other):
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


# What is trained


def by_hand(texts):
    """Losses of the recipe in plain torch, one text at a time."""
    encoded = [[0, *ids, 0] for ids in tiny_tokenizer()(texts[: RECIPE.texts], add_special_tokens=False)["input_ids"]]
    by_length = sorted(encoded, key=len)
    torch.manual_seed(RECIPE.init_seed)
    model = get_peft_model(tiny_llama(), LoraConfig(r=2, lora_alpha=4, target_modules=list(RECIPE.modules)))
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=0.0, weight_decay=0.0)
    for step, batch in enumerate(rng_for(RECIPE.data_seed, "order of batches").permutation(RECIPE.steps)):
        rise, fall = step / RECIPE.warmup_steps, (RECIPE.steps - step) / (RECIPE.steps - RECIPE.warmup_steps)
        optimizer.param_groups[0]["lr"] = RECIPE.learning_rate * min(rise, fall)
        examples = by_length[batch * RECIPE.batch_size : (batch + 1) * RECIPE.batch_size]
        predicted = [model(input_ids=torch.tensor([ids])).logits[0, :-1].log_softmax(-1) for ids in examples]
        total = sum(p[range(len(ids) - 1), ids[1:]].sum() for p, ids in zip(predicted, examples, strict=True))
        loss = -total / sum(len(ids) - 1 for ids in examples)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, RECIPE.max_gradient_norm)
        optimizer.step()
        yield loss.item()


def test_it_is_adamw_on_batches_of_like_lengths_with_a_linear_rate(tmp_path):
    # Eight steps of float32 sums in another order.
    assert trained(tmp_path / "run").losses == pytest.approx(list(by_hand(some_texts())), rel=1e-4)


def test_the_loss_falls_on_texts_that_are_all_alike(tmp_path):
    losses = trained(tmp_path / "run", texts=["the film was great"] * 30).losses
    assert losses[-1] < losses[0] - 1


def test_all_tokens_but_the_first_of_each_text_are_predicted(tmp_path):
    found = trained(tmp_path / "run", texts=["the film"] * 30)
    assert found.tokens == RECIPE.texts * 3  # two words and the end


def test_only_the_first_texts_count_and_each_once(tmp_path):
    texts = some_texts()
    one = trained(tmp_path / "one", texts=texts)
    other = trained(tmp_path / "other", texts=[*texts[: RECIPE.texts], "never seen"])
    assert one.losses == other.losses


def test_the_same_call_gives_the_same_weights_and_each_seed_counts(tmp_path):
    for name, changes in {"one": {}, "again": {}, "init": {"init_seed": 1}, "data": {"data_seed": 1}}.items():
        trained(tmp_path / name, recipe=with_recipe(**changes))
    assert_equal(weights(tmp_path / "one"), weights(tmp_path / "again"))
    for other in ("init", "data"):
        assert not torch.equal(*(next(iter(weights(tmp_path / name).values())) for name in ("one", other)))


def test_adapters_of_one_seed_start_the_same_whatever_the_texts(tmp_path):
    still = with_recipe(learning_rate=1e-30)  # too small to change a float32
    for name, seed in (("one", 0), ("other", 5)):
        trained(tmp_path / name, texts=some_texts(seed), recipe=still)
    trained(tmp_path / "third", recipe=dataclasses.replace(still, init_seed=1))
    one, other, third = (
        {k: v for k, v in weights(tmp_path / n).items() if "lora_A" in k} for n in ("one", "other", "third")
    )
    assert_equal(one, other)
    assert not any(torch.equal(one[name], third[name]) for name in one)


def test_bfloat16_is_near_float32_and_its_masters_are_float32(tmp_path):
    exact = trained(tmp_path / "exact")
    found = trained(tmp_path / "bf16", recipe=with_recipe(precision="bfloat16"))
    assert found.losses == pytest.approx(exact.losses, rel=0.05)
    assert found.losses != exact.losses
    assert read_record(found.folder)["precision"] == "bfloat16"
    assert {tensor.dtype for tensor in weights(tmp_path / "bf16").values()} == {torch.float32}


# What is written


def test_the_folder_is_a_plain_adapter_that_peft_loads(tmp_path):
    trained(tmp_path / "run")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        loaded = PeftModel.from_pretrained(tiny_llama(), str(tmp_path / "run"))
    config = loaded.peft_config["default"]
    assert (config.r, config.lora_alpha, config.target_modules) == (2, 4, set(RECIPE.modules))


def test_the_header_names_the_base_the_recipe_and_the_data(tmp_path):
    found = trained(tmp_path / "run")
    with safe_open(tmp_path / "run" / "adapter_model.safetensors", framework="pt") as file:
        assert file.metadata()[BASE_KEY] == base_fingerprint(tiny_llama())
    record = read_record(tmp_path / "run")
    assert record["training"]["recipe"]["learning_rate"] == RECIPE.learning_rate
    assert len(record["training"]["data"]) == 64
    assert (tuple(record["losses"]), record["tokens"]) == (found.losses, found.tokens)
    assert 0 < record["seconds"] == found.seconds


def test_two_of_them_are_the_anchors_of_a_path(tmp_path):
    for name, seed in (("plus", 0), ("minus", 1)):
        trained(tmp_path / name, texts=some_texts(seed))
    path = WeightPath.from_adapters(tiny_llama(), plus=tmp_path / "plus", minus=tmp_path / "minus")
    ids = torch.arange(2, 12)[None]
    with torch.no_grad(), path.lease(0.5) as model:
        half = model(input_ids=ids).logits
    assert not torch.equal(half, tiny_llama()(input_ids=ids).logits)


def test_models_with_transposed_weights_are_trained_too(tmp_path):
    recipe = with_recipe(modules=("c_attn", "attn.c_proj"))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # PEFT warns if the transposition is not said
        trained(tmp_path / "run", model=tiny_gpt2(), recipe=recipe)
    assert {name.rpartition(".lora_")[0].rpartition(".")[2] for name in weights(tmp_path / "run")} == {
        "c_attn",
        "c_proj",
    }
    assert not any(".mlp." in name for name in weights(tmp_path / "run"))


# What is left alone


def test_the_base_is_left_as_it_was(tmp_path):
    model = tiny_gpt2()  # with dropout
    model.transformer.h[0].train()
    model.lm_head.weight.requires_grad_(False)
    config = model.config.to_dict()

    def state():
        return (
            digest_of("", model.state_dict().items()),
            [(name, type(module), module.training) for name, module in model.named_modules()],
            [(name, id(p), p.requires_grad, p.grad) for name, p in model.named_parameters()],
            sorted(vars(model)),
        )

    before = state()
    trained(tmp_path / "run", model=model, recipe=with_recipe(modules=("c_attn",)))
    assert state() == before
    assert model.config.to_dict() == config


def test_the_base_is_left_as_it_was_by_a_training_that_fails(tmp_path):
    model = tiny_llama()
    before = digest_of("", model.state_dict().items())
    with interrupted_in_step(4), pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "run", model=model)
    assert digest_of("", model.state_dict().items()) == before
    assert not any(hasattr(module, "lora_A") for module in model.modules())
    assert all(p.requires_grad and p.grad is None for p in model.parameters())


def test_random_streams_of_the_process_are_left_alone(tmp_path):
    def drawn(work):
        random.seed(3)
        np.random.seed(3)
        torch.manual_seed(3)
        work()
        return random.random(), np.random.rand(), torch.rand(1).item()

    assert drawn(lambda: trained(tmp_path / "run")) == drawn(lambda: None)


def test_nothing_is_said_where_nobody_watches(tmp_path, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # PEFT uses a name that transformers will drop
        trained(tmp_path / "run", checkpoint_steps=100)
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


@pytest.mark.parametrize("step", [1, 2, 6, 8])
@pytest.mark.parametrize("recipe", [RECIPE, with_recipe(dropout=0.2)], ids=["plain", "dropout"])
def test_an_interrupted_training_goes_on_to_the_same_weights(tmp_path, step, recipe):
    whole = trained(tmp_path / "whole", recipe=recipe)
    with interrupted_in_step(step), pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "run", recipe=recipe, checkpoint_steps=2)
    assert not (tmp_path / "run" / "adapter_model.safetensors").exists()
    resumed = trained(tmp_path / "run", recipe=recipe, checkpoint_steps=2)
    assert resumed.losses == whole.losses
    assert_equal(weights(tmp_path / "run"), weights(tmp_path / "whole"))
    assert not (tmp_path / "run" / ".training").exists()


def test_only_the_steps_since_the_last_checkpoint_are_done_again(tmp_path):
    with interrupted_in_step(7), pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "run", checkpoint_steps=4)
    with interrupted_in_step(5):  # there are only four left
        trained(tmp_path / "run", checkpoint_steps=4)


def test_nothing_pickled_is_loaded_when_it_goes_on(tmp_path):
    with interrupted_in_step(7), pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "run", checkpoint_steps=4)
    with patch("torch.load", wraps=torch.load) as load:
        trained(tmp_path / "run", checkpoint_steps=4)
    assert load.call_count >= 2  # the optimiser and the schedule
    assert all(call.kwargs["weights_only"] is True for call in load.call_args_list)


KILLED = """
import os, signal, sys
sys.path[:0] = [{tests!r}, {here!r}]
import safetensors.torch, torch
from test_fine_tune import trained
torch.set_num_threads(1)
kill = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
calls = []

def in_call(n, work):
    def counted(*args, **options):
        calls.append(n)
        return kill() if len(calls) == n else work(*args, **options)
    return counted

if {moment!r} == "step":
    torch.optim.AdamW.step = in_call(6, torch.optim.AdamW.step)
elif {moment!r} == "checkpoint":
    torch.save = in_call(10, torch.save)  # the second file of the third checkpoint, of four files each
else:
    safetensors.torch.save = in_call(1, safetensors.torch.save)  # the adapter, after the last step
trained({folder!r}, checkpoint_steps=2)
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["step", "checkpoint", "end"])
def test_a_killed_training_goes_on_to_the_same_weights(tmp_path, moment):
    whole = trained(tmp_path / "whole")
    folder = tmp_path / "run"
    code = KILLED.format(tests=str(TESTS), here=str(TESTS / "weights"), moment=moment, folder=str(folder))
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == -signal.SIGKILL
    assert not (folder / "adapter_model.safetensors").exists()
    assert list((folder / ".training").glob("checkpoint-*/complete.json"))
    resumed = trained(folder, checkpoint_steps=2)
    assert resumed.losses == whole.losses
    assert_equal(weights(folder), weights(tmp_path / "whole"))


# The same folder again


def test_a_finished_training_is_not_done_again(tmp_path):
    first = trained(tmp_path / "run")
    stamp = (tmp_path / "run" / "adapter_model.safetensors").stat().st_mtime_ns
    (tmp_path / "run" / ".training").mkdir()  # what a kill leaves that comes right after the end
    with interrupted_in_step(1):
        again = trained(tmp_path / "run")
    assert not (tmp_path / "run" / ".training").exists()
    assert dataclasses.asdict(again) == dataclasses.asdict(first)
    assert (tmp_path / "run" / "adapter_model.safetensors").stat().st_mtime_ns == stamp


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recipe": with_recipe(learning_rate=0.5)}, "`learning_rate` is 0.01 there and 0.5 here"),
        ({"recipe": with_recipe(frame=Frame("<unk>"))}, "`frame` is .* there and .* here; it has other texts"),
        ({"texts": some_texts(9)}, "other texts"),
        ({"model": tiny_llama(seed=7)}, "another base"),
    ],
    ids=["recipe", "frame", "texts", "base"],
)
@pytest.mark.parametrize("is_finished", [True, False], ids=["finished", "unfinished"])
def test_another_training_does_not_take_the_folder(tmp_path, changes, message, is_finished):
    if is_finished:
        trained(tmp_path / "run")
    else:
        with interrupted_in_step(2), pytest.raises(KeyboardInterrupt):
            trained(tmp_path / "run")
    with pytest.raises(IncompatibleError, match=message):
        trained(tmp_path / "run", **changes)


def test_folders_of_others_are_left_alone(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "notes.txt").write_text("mine")
    with pytest.raises(StoreError, match="holds files already"):
        trained(tmp_path / "notes")
    (tmp_path / "foreign").mkdir()
    save_file({"w": torch.ones(1)}, tmp_path / "foreign" / "adapter_model.safetensors")
    with pytest.raises(StoreError, match="not trained here"):
        trained(tmp_path / "foreign")
    assert [path.name for path in tmp_path.rglob("*.*")] == ["notes.txt", "adapter_model.safetensors"]


# Bad input


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (some_texts(n=23), "8 steps of 3 texts need 24, got 23"),
        (["the film", "  ", *some_texts()], r"`texts\[1\]` is empty"),
        (["the film " * CONTEXT, *some_texts()], "the model takes 128"),
        ("the film", "sequence of strings"),
    ],
    ids=["few", "empty", "long", "string"],
)
def test_texts_that_cannot_be_trained_on_are_refused(tmp_path, texts, message):
    with pytest.raises(InvalidInputError, match=message):
        trained(tmp_path / "run", texts=texts)
    assert not (tmp_path / "run").exists()


def test_modules_that_are_not_there_are_refused_by_name(tmp_path):
    with pytest.raises(IncompatibleError, match=r"no linear module 'c_attn'.*q_proj"):
        trained(tmp_path / "run", recipe=with_recipe(modules=("q_proj", "c_attn")))
    with pytest.raises(IncompatibleError, match="no linear module 'embed_tokens'"):
        trained(tmp_path / "run", recipe=with_recipe(modules=("embed_tokens",)))


def test_a_model_with_adapters_is_refused(tmp_path):
    model = get_peft_model(tiny_llama(), LoraConfig(target_modules=["q_proj"]))
    with pytest.raises(IncompatibleError, match="has adapters already"):
        trained(tmp_path / "run", model=model)


def test_what_diverges_is_no_anchor(tmp_path):
    with pytest.raises(NotConvergedError, match="diverged"):
        trained(tmp_path / "run", recipe=with_recipe(learning_rate=1e30, warmup_steps=0))
    assert not (tmp_path / "run" / "adapter_model.safetensors").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"rank": 0},
        {"alpha": 0},
        {"steps": 2.0},
        {"batch_size": True},
        {"warmup_steps": -1},
        {"init_seed": -1},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"max_gradient_norm": float("inf")},
        {"dropout": 1.0},
        {"weight_decay": -0.1},
        {"modules": ()},
        {"modules": "q_proj"},
        {"precision": "float16"},
    ],
    ids=str,
)
def test_a_recipe_has_numbers_within_range(changes):
    with pytest.raises(InvalidInputError, match=f"`{next(iter(changes))}`"):
        with_recipe(**changes)


def test_checkpoints_come_every_few_steps(tmp_path):
    with pytest.raises(InvalidInputError, match="`checkpoint_steps` must be at least 1"):
        trained(tmp_path / "run", checkpoint_steps=0)
