"""Orders that are found by trying: the slot whose patch brings the model nearest to the teacher, step by step."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from continuum.core import InvalidInputError

from .calibration import Calibration
from .execution import Divergence, Execution, Work
from .members import Members
from .orders import size_moves
from .states import Evaluation, Move, Trajectories

__all__ = ["BackwardGreedy", "KLPatch", "Neutral", "PatchSearch"]

Neutral = Literal["ride", "free"]


@dataclass(frozen=True, eq=False)
class PatchSearch:
    """An order that was searched for.

    Attributes:
        order: the slots as they are patched.
        patched: the patched slots at each size, from none to all.
        divergences: how far these members are from the teacher on the calibration texts.
        work: what was run, with the member that the search began at.
        seconds: how long it took.
    """

    order: tuple[int, ...]
    patched: tuple[frozenset[int], ...]
    divergences: tuple[Divergence, ...]
    work: Work
    seconds: float

    @property
    def kl(self) -> tuple[float, ...]:
        """The mean divergence at each size."""
        return tuple(found.mean for found in self.divergences)


@dataclass(frozen=True, eq=False)
class KLPatch:
    r"""The greedy order from the student: each step patches the slot after which the divergence is least.

    The divergence is $D(z) = \mathbb{E}\,\mathrm{KL}(p_T \| p_z)$, over positions of calibration texts. Of m slots
    m (m + 1) / 2 members are tried, out of $2^m$. The direction of the divergence, what neutral slots do and all of the
    reuse of states is ours: we know the method by its description in Zhou et al. (2026), Appendix J.

    Args:
        calibration: the texts.
        neutral: what slots of one layer do, which change weights and no size. "ride": each goes with the nearest size
            slot; "free": after each step those are patched, one by one, that lower the divergence.
        per_parameter: whether the change of the divergence is divided by the number of parameters that it takes, for
            blocks of unlike sizes.
        evaluation: how candidates are evaluated, which changes time and memory, not the order.

    Raises:
        InvalidInputError: if an option is unknown.

    Example:
        >>> from tokenizers import Tokenizer, models, pre_tokenizers
        >>> from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast
        >>> from continuum.models import PatchPath, initialize_student
        >>> words = Tokenizer(models.WordLevel({"<end>": 0, "a": 1, "good": 2, "film": 3}))
        >>> words.pre_tokenizer = pre_tokenizers.Whitespace()
        >>> tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<end>")
        >>> teacher = GPT2LMHeadModel(GPT2Config(vocab_size=16, n_embd=8, n_head=2, n_layer=6))
        >>> path = PatchPath(initialize_student(teacher), teacher)
        >>> found = KLPatch(Calibration(["a film", "a good film"], tokenizer)).search(path.members)
        >>> sorted(found.order), len(found.kl), found.kl[-1]
        ([0, 1], 3, 0.0)
    """

    calibration: Calibration
    neutral: Neutral = "ride"
    per_parameter: bool = False
    evaluation: Evaluation = field(default_factory=Evaluation)

    def __post_init__(self) -> None:
        _check_neutral(self.neutral)

    def search(self, members: Members) -> PatchSearch:
        """The order of a family, with the divergence at each size."""
        return _Greedy(members, self).search(frozenset())

    def slots(self, members: Members, /) -> Sequence[int]:
        return self.search(members).order


@dataclass(frozen=True, eq=False)
class BackwardGreedy:
    """The greedy order from the teacher: each step gives the slot back to the student that costs least.

    Found from large to small, and returned from small to large, as all orders are. Near the teacher, where differences
    are small, it can be better than `KLPatch`; try both.

    Args:
        calibration: the texts.
        neutral: see `KLPatch`.
        per_parameter: see `KLPatch`.
        evaluation: see `KLPatch`.

    Raises:
        InvalidInputError: if an option is unknown.
    """

    calibration: Calibration
    neutral: Neutral = "ride"
    per_parameter: bool = False
    evaluation: Evaluation = field(default_factory=Evaluation)

    def __post_init__(self) -> None:
        _check_neutral(self.neutral)

    def search(self, members: Members) -> PatchSearch:
        """The order of a family, with the divergence at each size."""
        return _Greedy(members, self).search(frozenset(range(len(members.layout.kept))))

    def slots(self, members: Members, /) -> Sequence[int]:
        return self.search(members).order


class _Greedy:
    """One search, in either direction: each step gives slots the other owner."""

    def __init__(self, members: Members, options: KLPatch | BackwardGreedy) -> None:
        self._members, self._options = members, options
        layout = members.layout
        rides = options.neutral == "ride"
        self._sizes = size_moves(layout) if rides else {slot: frozenset({slot}) for slot in layout.size_slots}
        self._neutral = set() if rides else set(layout.neutral_slots)

    def search(self, start: frozenset[int]) -> PatchSearch:
        begin = time.perf_counter()
        execution = Execution(self._members, self._options.calibration, stack=self._options.evaluation.stack)
        moves = len(self._sizes) + len(self._neutral)
        self._at = Trajectories(execution, start, self._options.evaluation, moves)
        patched, divergences, steps = [start], [self._at.divergence], []
        while self._sizes:
            steps.append(self._step())
            patched.append(self._at.patched)
            divergences.append(self._at.divergence)
        way = 1 if not start else -1
        return PatchSearch(
            tuple(slot for step in steps[::way] for slot in step),
            tuple(patched[::way]),
            tuple(divergences[::way]),
            execution.work,
            time.perf_counter() - begin,
        )

    def _step(self) -> tuple[int, ...]:
        """Change one size slot, and neutral ones; the slots to name in an order, the size slot last."""
        moves = {move: slot for slot, move in self._sizes.items()}
        if len(moves) == 1:  # nothing is left to choose: what is left goes along
            moves = {move | self._neutral: slot for move, slot in moves.items()}
        move, divergence = self._at.best(tuple(moves), self._cost)
        self._at.accept(move, divergence)
        slot = moves[move]
        del self._sizes[slot]
        named = set(self._neutral) if not self._sizes else self._improve()
        self._neutral -= named
        return (*sorted(named), slot)

    def _improve(self) -> set[int]:
        """Change neutral slots as long as that lowers the divergence."""
        found: set[int] = set()
        while left := sorted(self._neutral - found):
            moves = [frozenset({slot}) for slot in left]
            move, divergence = self._at.best(moves, lambda _, candidate: candidate.mean)
            if not divergence.mean < self._at.divergence.mean:
                break
            self._at.accept(move, divergence)
            found |= move
        return found

    def _cost(self, move: Move, divergence: Divergence) -> float:
        if not self._options.per_parameter:
            return divergence.mean
        before, after = (self._members.counts(p).inference for p in (self._at.patched, self._at.patched ^ move))
        return (divergence.mean - self._at.divergence.mean) / abs(after - before)


def _check_neutral(neutral: str) -> None:
    if neutral not in get_args(Neutral):
        raise InvalidInputError(f"`neutral` must be one of {get_args(Neutral)}, got {neutral!r}.")
