"""Language models from folders and the cache: all of their weights, safetensors only, no network, no foreign code."""

from __future__ import annotations

import hashlib
import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import tiny_llama, tiny_tokenizer

from continuum.core import IncompatibleError, InvalidInputError, MissingDataError, StoreError, UntrustedArtifactError
from continuum.models.recipes import MODELS
from continuum.models.sources import available_models, load_language_model, model_path

Q = "model.layers.0.self_attn.q_proj.weight"
here = pytest.mark.skipif("smollm2" not in available_models(), reason="`continuum fetch smollm2` brings it")


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "model"
    tiny_llama().save_pretrained(path)
    tiny_tokenizer().save_pretrained(path)
    return path


def change_weights(folder, change):
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def change_config(folder, **changes):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))


@pytest.mark.parametrize("kind", [str, lambda path: path], ids=["str", "path"])
def test_a_folder_gives_back_what_was_saved_in_it(folder, kind):
    found = load_language_model(kind(folder))
    saved = tiny_llama().state_dict()
    assert found.model.state_dict().keys() == saved.keys()
    assert all(torch.equal(found.model.state_dict()[name], saved[name]) for name in saved)
    assert not found.model.training
    assert found.tokenizer("the film")["input_ids"] == tiny_tokenizer()("the film")["input_ids"]


def test_weights_have_the_type_that_was_asked_for(folder):
    model = load_language_model(folder, dtype=torch.bfloat16).model
    assert {weight.dtype for weight in model.parameters()} == {torch.bfloat16}
    with pytest.raises(InvalidInputError, match=r"floating type, got torch\.int8"):
        load_language_model(folder, dtype=torch.int8)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda weights: weights.pop(Q), f"1 missing, such as {Q}"),
        (lambda weights: weights.update(odd=torch.ones(1)), "1 unexpected, such as odd"),
        (lambda weights: weights.update({Q: torch.ones(3, 3)}), f"1 mismatched, such as .*{Q}.*3, 3.*32, 32"),
    ],
    ids=["missing", "unexpected", "mismatched"],
)
def test_weights_of_another_architecture_are_refused_by_name(folder, change, said):
    change_weights(folder, change)
    with pytest.raises(IncompatibleError, match=f"not those of the architecture.*{said}"):
        load_language_model(folder)


def test_weights_that_are_not_safetensors_are_not_read(folder, tmp_path):
    class Canary:
        def __reduce__(self):
            return (tmp_path / "canary").touch, ()

    torch.save({Q: Canary()}, folder / "pytorch_model.bin")
    assert load_language_model(folder).model.get_parameter(Q).shape == (32, 32)
    (folder / "model.safetensors").unlink()
    with pytest.raises(UntrustedArtifactError, match=r"no weights in safetensors.*could run code"):
        load_language_model(folder)
    assert not (tmp_path / "canary").exists()


def test_code_that_comes_with_a_model_is_not_run(folder, tmp_path):
    (folder / "own.py").write_text(f"import pathlib; pathlib.Path({str(tmp_path / 'canary')!r}).touch()")
    change_config(folder, model_type="own", auto_map={"AutoConfig": "own.C", "AutoModelForCausalLM": "own.M"})
    with pytest.raises(InvalidInputError, match="cannot be loaded as a language model"):
        load_language_model(folder)
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "config.json").unlink(), r"no config\.json"),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be loaded"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"short"), "cannot be loaded"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "cannot be loaded"),
        (lambda folder: (folder / "adapter_config.json").write_text("{}"), "holds an adapter"),
    ],
    ids=["no config", "broken config", "broken weights", "no tokenizer", "adapter"],
)
def test_a_folder_that_is_no_model_is_one_clear_error(folder, damage, said):
    damage(folder)
    with pytest.raises(InvalidInputError, match=said):
        load_language_model(folder)


@pytest.mark.parametrize("name", ["gpt2", "someone/a-model"])
def test_a_name_that_is_neither_known_nor_a_folder_is_refused_with_the_names(cache, name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInputError, match=f"`{name}` is neither a folder nor one of the models: smollm2"):
        load_language_model(name)


def test_a_model_that_is_not_here_names_the_command(cache):
    assert available_models() == ()
    for ask in (load_language_model, model_path):
        with pytest.raises(MissingDataError, match="run `continuum fetch smollm2`"):
            ask("smollm2")


def test_a_damaged_model_in_the_cache_says_how_to_repair_it(cache):
    MODELS["smollm2"].path.mkdir(parents=True)
    with pytest.raises(StoreError, match=r"no config\.json; delete `.*smollm2.*` and run `continuum fetch smollm2`"):
        load_language_model("smollm2")


def test_a_name_that_is_no_model_has_no_path(cache):
    with pytest.raises(InvalidInputError, match="choose one of smollm2"):
        model_path("gpt2")


@pytest.fixture(scope="module")
def smollm2():
    return load_language_model("smollm2")


@pytest.mark.data
@here
def test_smollm2_has_the_weights_of_its_gguf_file_bit_for_bit(smollm2):
    # The digest was computed from the model that transformers 5.23 reads straight out of the pinned GGUF file.
    digest = hashlib.sha256()
    for name, weight in sorted(smollm2.model.state_dict().items()):
        digest.update(name.encode())
        digest.update(weight.numpy().tobytes())
    assert digest.hexdigest() == "3c5fdee91060c09a103a3ace048e09657659253dda455eaa5b13bcd2d5525f3b"


@pytest.mark.data
@here
def test_smollm2_knows_the_capital_of_italy(smollm2):
    assert smollm2.model.num_parameters() == 134_515_008
    assert len(smollm2.model.model.layers) == 30
    ids = smollm2.tokenizer("The capital of Italy is", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        following = smollm2.model(ids).logits[0, -1].argmax()
    assert smollm2.tokenizer.decode(following) == " Rome"
