"""The students: main runs, ablations of the loss, controls, and models distilled for one size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from joblib import Parallel, delayed
from models import folder_of, language_model
from pieces import Lab, Piece, kept, needed
from texts import FRAME, corpus

from continuum.models.packing import Packed
from continuum.models.size import (
    CrossEntropy,
    DistillRecipe,
    HiddenCosine,
    RandomSlots,
    TokenKL,
    distill,
    initialize_student,
    random_student,
)
from continuum.models.size.losses import Loss

WEIGHTS = (2, 10, 20, 100, 400)
SEEDS = (0, 1)
SIZES = (20, 24, 28)  # depths with a student of their own
SMALL_SIZES = (7,)

_MAIN, _MIDDLE, _SHORT = 310, 128, 64  # steps of 512 tokens
_KL = TokenKL(share=0.5)


@dataclass(frozen=True)
class Training:
    """A student and how it is trained.

    Attributes:
        name: its folder.
        steps: of 512 tokens.
        losses: what is minimised.
        depth: layers that it keeps; 0 for those of the main layout.
        seed: of the recipe; another seed has other texts too.
        patched: whether random slots are the teacher's meanwhile.
        random: whether its layers start from random numbers, not from the teacher's.
    """

    name: str
    steps: int
    losses: tuple[Loss, ...]
    depth: int = 0
    seed: int = 0
    patched: bool = False
    random: bool = False

    def recipe(self, small: bool) -> DistillRecipe:
        patched = RandomSlots() if self.patched else None
        recipe = DistillRecipe(losses=self.losses, steps=self.steps, seed=self.seed, patched=patched, frame=FRAME)
        return replace(recipe, steps=max(4, self.steps // 16), rows=Packed(32)) if small else recipe


def _losses(weight: float) -> tuple[Loss, ...]:
    return (_KL, HiddenCosine(float(weight)))


def weights() -> list[Training]:
    """One short training for each weight of the cosine."""
    return [Training(f"cosine-{weight}", _SHORT, _losses(weight)) for weight in WEIGHTS]


def mains(weight: float) -> list[Training]:
    """The long trainings, one for each seed."""
    return [Training(f"main-{seed}", _MAIN, _losses(weight), seed=seed) for seed in SEEDS]


def middles(weight: float, sizes: Sequence[int]) -> list[Training]:
    """At one budget: the student, models of single sizes, a random start, and random slots patched."""
    losses = _losses(weight)
    return [
        Training("middle", _MIDDLE, losses),
        Training("random-start", _MIDDLE, losses, random=True),
        *(Training(f"size-{depth}", _MIDDLE, losses, depth=depth) for depth in sizes),
        Training("random-slots", _MIDDLE, losses, patched=True),
    ]


def ablations(weight: float) -> list[Training]:
    """Each loss alone, those of the paper and what is left without one of them, and ours with cross-entropy."""
    cosine, entropy = HiddenCosine(float(weight)), CrossEntropy()
    kinds: dict[str, tuple[Loss, ...]] = {
        "kl-only": (_KL,),
        "cosine-only": (cosine,),
        "ce-only": (entropy,),
        "paper": (entropy, TokenKL(0.1), HiddenCosine(2.0)),
        "paper-no-kl": (entropy, HiddenCosine(2.0)),
        "paper-no-cosine": (entropy, TokenKL(0.1)),
        "all-three": (entropy, _KL, cosine),
    }
    return [Training(name, _SHORT, losses) for name, losses in kinds.items()]


def train(lab: Lab, trainings: Sequence[Training]) -> None:
    """Train what is not there yet, as many at once as there are jobs."""
    work = (delayed(_train)(lab, training) for training in trainings)
    Parallel(lab.jobs, inner_max_num_threads=1)(work)


def initial(lab: Lab, training: Training) -> Any:
    """The student before its training."""
    layout = needed(lab, "layout")
    teacher = language_model(lab).model
    layers = layout["kept"]
    if training.depth:
        layers = layout["single drop"]["kept"][teacher.config.num_hidden_layers - training.depth]
    if training.random:
        return random_student(teacher, layers, seed=training.seed)
    return initialize_student(teacher, layers)


def _train(lab: Lab, training: Training) -> None:
    kept(lab, f"training-{training.name}", lambda: _distilled(lab, training))


def _distilled(lab: Lab, training: Training) -> Piece:
    model = language_model(lab)
    texts = corpus(lab).part(training.seed)
    folder = folder_of(lab, training.name)
    found = distill(
        initial(lab, training),
        model.model,
        texts,
        model.tokenizer,
        folder=folder,
        recipe=training.recipe(lab.small),
    )
    return {
        "tokens": found.tokens,
        "losses": [round(loss, 5) for loss in found.losses],
        "terms": {name: [round(value, 5) for value in values] for name, values in found.terms.items()},
        "training seconds": found.seconds,
    }
