"""All shipped interpolants x all checks. A new interpolant is one line in `CASES`."""

from __future__ import annotations

import tempfile

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import PreTrainedTokenizerFast

from continuum import Interval, Simplex, along, deferred, from_function, nest, product, tabulate, transform
from continuum.compute import (
    AnchoredNetwork,
    Budget,
    BudgetPath,
    Changes,
    ClassificationHead,
    DistributionalDEQ,
    InputPoints,
    Iterations,
    Particles,
    Picard,
    PointCloudBatch,
    Tolerances,
)
from continuum.datasets import ExactLabels, GeneralizedGeodesic, GradientFlow, LabelledDataset, McCann, Mixup
from continuum.decisions import DecisionAwareCost, DecisionCostPath, DecisionPath, PtODataset, TopK
from continuum.models import CheckpointPath, PatchPath, WeightPath, initialize_student
from continuum.models.size import Calibration, Collapse, ExitPath, GatedPath, NeighbourMean, OneShot, PrunedPath
from continuum.selection import Ordering, SubsetPath, WeightedPath
from continuum.testing import Case, exact, parametrize_with_checks

CLOUD, SHIFT = np.arange(6.0).reshape(3, 2), np.array([1.0, -0.5])
TRANSLATION = exact.Translation(CLOUD, SHIFT)


def barycentre(*weights):
    return np.array(weights) @ np.array([[0.0, 1.0], [2.0, -1.0], [0.5, 3.0]])


def centred(x):
    return x - x.mean(axis=0)


def cloud():
    return exact.Translation(CLOUD, SHIFT)


def onward(x):
    return exact.Translation(x, 2 * SHIFT)


def clusters(seed, n, dtype=np.float64):
    """Two classes of images of 2 x 2 pixels, with unequal weights."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    x = rng.normal(size=(n, 2, 2)) + 3.0 * y[:, None, None] + seed
    weights = 1.0 + np.arange(n)
    return LabelledDataset(x.astype(dtype), y, weights / weights.sum())


def tensors(seed, n):
    data = clusters(seed, n)
    return LabelledDataset(torch.as_tensor(data.x), data.y, data.weights)


def adapters(names=("pos", "neg")):
    """A tiny random Llama with two random LoRA adapters."""
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    lora = LoraConfig(r=2, target_modules=["q_proj", "down_proj"], init_lora_weights=False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        base = LlamaForCausalLM(LlamaConfig(vocab_size=16, num_key_value_heads=1, initializer_range=0.3, **sizes))
        model = get_peft_model(base, lora, adapter_name=names[0])
        for name in names[1:]:
            model.add_adapter(name, lora)
    return model


@torch.no_grad()
def says(model):
    """What a model says to some tokens, rounded: a lent model adds in another order than an independent one."""
    return np.round(model(input_ids=torch.arange(6)[None] + 3).logits.double().numpy(), 3)


def weights(backend, **options):
    return WeightPath.from_adapters(adapters(), plus="pos", minus="neg", backend=backend, **options)


def sizes():
    """Sizes between a tiny random Llama of four layers and a noisy copy of two of them."""
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2}
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        teacher = LlamaForCausalLM(LlamaConfig(vocab_size=16, num_key_value_heads=1, initializer_range=0.3, **sizes))
        student = initialize_student(teacher, keep=[0, 2])
        for weight in student.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return PatchPath(student, teacher)


def network(seed):
    """A convolution, normalized over the batch: weights, statistics and a counter."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return torch.nn.Sequential(torch.nn.Conv1d(1, 2, 2), torch.nn.BatchNorm1d(2), torch.nn.Linear(4, 2))


def checkpoints(names, method="linear", **options):
    """A path between networks, from a base for the methods that need one."""
    states = {name: network(seed).state_dict() for seed, name in enumerate(names)}
    if method not in ("linear", "slerp"):
        options["base"] = network(9).state_dict()
    return CheckpointPath(states, method=method, **options)


def stored(folder):
    """A path between two files."""
    for seed in (0, 1):
        save_file(network(seed).state_dict(), f"{folder}/{seed}.safetensors")
    return CheckpointPath([f"{folder}/0.safetensors", f"{folder}/1.safetensors"])


def teacher():
    """A tiny random GPT-2 of four layers."""
    from transformers import GPT2Config, GPT2LMHeadModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        sizes = {"vocab_size": 16, "n_embd": 8, "n_head": 2, "n_layer": 4, "n_positions": 16, "initializer_range": 0.3}
        return GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=0, eos_token_id=0)).eval()


def pruned(pruning):
    return PrunedPath(teacher(), pruning)


def exits():
    """Early exits, with thresholds for numbers as texts."""
    words = Tokenizer(WordLevel({str(k): k for k in range(16)}, unk_token="0"))
    words.pre_tokenizer = Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="0")
    texts = [" ".join(str((a * k) % 16) for k in range(1, 9)) for a in range(1, 16)]
    return ExitPath(teacher(), Calibration(texts, tokenizer, length=4, chunks=None), levels=4)


def equilibria(spending):
    """A tiny untrained model of point clouds, and what it may spend."""
    network = AnchoredNetwork(2, particles=4, width=8, encoder_layers=0, frequencies=2)
    model = DistributionalDEQ(network, ClassificationHead(8, 3), budget=Budget(Picard(), 1e-3, 30))
    return BudgetPath(model.double(), spending)


def classified(member):
    """What a model with a budget makes of three clouds."""
    points = torch.linspace(-1, 1, 30, dtype=torch.float64).reshape(3, 5, 2)
    return member(PointCloudBatch(points)).numpy()


def choices(seed, n):
    """Which of three items to take, from two features."""
    rng = np.random.default_rng(seed)
    return PtODataset(rng.normal(size=(n, 2)), rng.normal(size=(n, 3)), TopK(items=3))


def subsets(schedule, unit, **options):
    """Prefixes of a random ordering of twelve points that have one to twelve tokens."""
    order = np.random.default_rng(0).permutation(12)
    ordering = Ordering(order, -np.arange(12.0), 12)
    return SubsetPath(clusters(0, 12), ordering, schedule, unit, costs=np.arange(1, 13), **options)


FILES = tempfile.TemporaryDirectory()
GUARDED = {
    "check_lease_equals_value": "the lent model refuses the caches of other members: the same function, other hooks"
}
LENT = {"check_lease_equals_value": "the lent model has its adapters beside it: the same function, other parts"}
BASE, SOURCES = clusters(0, 12), {"one": clusters(1, 9), "two": clusters(2, 12)}
TRIANGLE = from_function(Simplex(("a", "b", "c")), barycentre)
SIZES = tabulate({0.0: CLOUD, 0.25: CLOUD + 1, 1.0: CLOUD * 2})

CASES = [
    TRANSLATION,
    TRIANGLE,
    transform(TRANSLATION, centred),
    Case(transform(SIZES, centred), name="Transformed table"),
    product(data=TRIANGLE, shift=TRANSLATION),
    Case(product(size=SIZES, other=SIZES), name="Product of tables"),
    nest(TRANSLATION, onward, Interval()),
    along(TRIANGLE, {"a": 1}, (0.0, 0.5, 0.5)),
    Case(along(product(t=SIZES), 0, 0.25), name="Segment of a table", jump_tolerance=1.0),  # it steps between levels
    SIZES,
    Case(tabulate({(0, 1): CLOUD, (2, 3): SHIFT}, axes=("a", "b")), name="Table of points"),
    deferred(cloud, domain=Interval()),
    GeneralizedGeodesic.fit(BASE, SOURCES),
    Case(GeneralizedGeodesic.fit(tensors(0, 8), {"only": tensors(1, 9)}), name="Geodesic of tensors to one source"),
    Case(along(GeneralizedGeodesic.fit(BASE, SOURCES), (1, 0), (0, 1)), name="Edge of a geodesic"),
    McCann(BASE, SOURCES["one"]),
    Case(McCann(tensors(0, 8), tensors(1, 8), labels=ExactLabels()), name="McCann of tensors"),
    Mixup(SOURCES),
    GradientFlow(BASE, SOURCES["one"], steps=4),
    Case(GradientFlow(tensors(0, 8), tensors(1, 8), steps=2, labels=ExactLabels()), name="Flow of tensors"),
    Case(weights("scale"), name="WeightPath", expected_failed_checks=LENT),
    Case(transform(weights("scale"), says), name="What scaled adapters say", jump_tolerance=0.01),
    Case(transform(weights("gate", bounds=(-1, 2)), says), name="What gated adapters say", jump_tolerance=0.01),
    Case(transform(weights("merged"), says), name="What merged adapters say", jump_tolerance=0.01),
    Case(checkpoints("abc"), name="Soups of three"),
    Case(checkpoints("ab", "slerp", bounds=(-0.5, 1.5)), name="Slerp of checkpoints"),
    *(Case(checkpoints("ab", method), name=f"Path by {method}") for method in ("task-arithmetic", "ties", "dare")),
    Case(checkpoints("ab", "model-stock"), name="Path to the model stock"),
    Case(stored(FILES.name), name="Path between files"),
    Case(checkpoints("ab").as_models(network(2)), name="Models of checkpoints"),
    Case(pruned(OneShot((2, 1))), name="Pruned by deletion"),
    Case(pruned(OneShot((2, 1), Collapse())), name="Pruned by merging"),
    Case(pruned(OneShot((2, 1), NeighbourMean())), name="Pruned and healed"),
    Case(exits(), name="Early exits"),
    Case(transform(exits(), says), name="What early exits say", jump_tolerance=1.0),  # it steps between levels
    Case(sizes(), name="PatchPath", expected_failed_checks=GUARDED),
    Case(transform(sizes(), says), name="What sizes say"),
    Case(GatedPath(sizes()), name="GatedPath"),
    Case(transform(GatedPath(sizes()), says), name="What gated sizes say", jump_tolerance=0.05),
    Case(equilibria(Iterations(1, 8)), name="Budgets of iterations"),
    Case(transform(equilibria(Iterations(1, 8)), classified), name="What iterations say", jump_tolerance=0.05),
    Case(transform(equilibria(Tolerances()), classified), name="What tolerances say", jump_tolerance=1.0),  # it steps
    Case(transform(equilibria(Changes()), classified), name="What stopping says", jump_tolerance=1.0),  # it steps
    Case(transform(equilibria(Particles((1, 2, 4))), classified), name="What particles say"),
    Case(transform(equilibria(InputPoints((2, 3, 5))), classified), name="What points say"),
    Case(subsets("log", "examples"), name="Budgets of examples"),
    Case(subsets("linear", "tokens", k_min=0), name="Budgets of tokens"),
    Case(WeightedPath(CLOUD + 1, CLOUD[:2] + 1), name="Weights of a pool"),
    DecisionCostPath(DecisionAwareCost(TopK(items=3))),
    Case(DecisionPath(choices(0, 5), choices(1, 7)), jump_tolerance=1.0),  # decisions step
]


@parametrize_with_checks(CASES)
def test_interpolant(interpolant, check):
    check(interpolant)
