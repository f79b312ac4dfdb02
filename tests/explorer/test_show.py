"""Laws of what values look like: each kind has its look, and anything at all has one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")
import torch

from continuum.compute import PointCloudBatch
from continuum.datasets import LabelledDataset
from continuum.explorer import Ask, show
from continuum.explorer.show import renderer
from continuum.harness import Clouds, Facts, Images, Texts
from continuum.models import LanguageModel

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "models"))
from tiny import tiny_llama, tiny_tokenizer


def kinds(value, ask=None):
    return [type(item) for item in (show(value) if ask is None else show(value, ask))]


def test_labelled_images_are_images_with_their_labels(rng):
    (images, *facts) = show(LabelledDataset(rng.random((20, 8, 8)), ["cat", "dog"] * 10), Ask(items=3))
    assert images.captions == ("cat", "dog", "cat")
    assert images.pixels.shape == (3, 8, 8)
    assert facts[0].rows == {"points": "20 of shape (8, 8)", "classes": "2"}
    assert facts[1].rows == {"largest classes": "cat 0.50, dog 0.50"}


def test_mixtures_of_labels_are_told(rng):
    data = LabelledDataset(rng.random((1, 8, 8)), np.array([[0.7, 0.3]]), classes=(("a", 1), ("b", 2)))
    assert show(data)[0].captions == ("1 0.70\n2 0.30",)
    same = LabelledDataset(data.x, data.y, classes=(("a", 1), ("b", 1)))
    assert show(same)[0].captions == ("a 1 0.70\nb 1 0.30",)


@pytest.mark.parametrize("shape", [(5, 8, 8), (5, 1, 8, 8), (5, 3, 8, 8), (5, 8, 8, 3)])
def test_images_come_in_every_layout(rng, shape):
    assert kinds(LabelledDataset(rng.random(shape), [0] * 5))[0] is Images


def test_images_with_other_values_are_stretched():
    assert show(np.linspace(-3, 5, 32).reshape(2, 4, 4))[0].pixels.max() == 255


def test_labelled_points_are_a_cloud_coloured_by_class(rng):
    (cloud, *_) = show(LabelledDataset(rng.normal(size=(10, 2)), [0, 1] * 5))
    assert cloud.groups[0].tolist() == [0, 1] * 5
    assert kinds(LabelledDataset(rng.normal(size=(10, 50)), [0, 1] * 5)) == [Facts, Facts]


def test_batches_of_clouds_are_clouds_without_padding():
    batch = PointCloudBatch.from_list([torch.zeros(1, 3), torch.ones(3, 3)])
    (clouds, facts) = show(batch)
    assert [len(cloud) for cloud in clouds.points] == [1, 3]
    assert facts.rows == {"clouds": "2", "points": "1 to 3", "coordinates": "3"}


@pytest.mark.parametrize("make", [np.zeros, lambda shape: torch.zeros(shape)])
def test_arrays_and_tensors_have_the_same_look(make):
    assert kinds(make((6, 3))) == [Clouds, Facts]
    assert kinds(make((2, 6, 2))) == [Clouds, Facts]
    assert kinds(make((2, 6, 6))) == [Images, Facts]
    assert kinds(make((6,))) == [Facts]
    assert kinds(make((0, 3))) == [Facts]


def test_language_models_go_on_from_the_prompt_with_common_random_numbers():
    model = LanguageModel(tiny_llama(), tiny_tokenizer())
    texts, facts = show(model, Ask(prompt="the movie", tokens=6))
    assert texts.captions == ("the movie",) * 2
    assert show(model, Ask(prompt="the movie", tokens=6))[0] == texts
    assert show(model, Ask(prompt="the movie", tokens=6, seed=1))[0] != texts
    assert facts.rows["layers"] == "2"


def test_a_model_without_its_tokenizer_says_what_is_missing():
    shown = show(tiny_llama())
    assert [type(item) for item in shown] == [Facts, Facts]
    assert "LanguageModel(model, tokenizer)" in shown[1].rows["no text"]


def test_a_model_speaks_with_the_tokenizer_beside_its_weights(tmp_path):
    tiny_llama().save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    loaded = tiny_llama().from_pretrained(tmp_path)
    assert kinds(loaded, Ask(prompt="the movie", tokens=2)) == [Texts, Facts]


def test_shared_weights_count_once():
    layer = torch.nn.Linear(10, 100, bias=False)
    assert show(torch.nn.ModuleList([layer, layer]))[0].rows["parameters"] == "1 thousand"


@pytest.mark.parametrize(
    "value", [3, 2.5, "text", None, True, (1, "a"), {"a": np.zeros(2), "b": "x"}, object(), [], 1j, open, len]
)
def test_anything_has_a_look(value):
    shown = show(value)
    assert shown
    assert all(isinstance(item, Facts | Texts) for item in shown)


def test_an_open_file_has_a_look(tmp_path):
    with (tmp_path / "file").open("w") as file:
        assert show(file)[0].rows["type"] == "TextIOWrapper"


class Coin:
    side = "heads"


def test_a_type_can_be_taught():
    renderer.register(Coin, lambda value, ask: [Facts({"side": value.side})])
    assert show(Coin()) == (Facts({"side": "heads"}),)


def test_looking_at_numbers_imports_no_axis():
    code = "import sys; from continuum.explorer import show; show(1.0); print({'torch', 'gradio'} & sys.modules.keys())"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"
