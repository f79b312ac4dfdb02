"""The studies of the experiment: each number goes through the harness, and into its store."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from cells import Settings, target_data
from joblib import Parallel, delayed
from rows import ROWS, Distances, Facts, Mixtures, Rows

from continuum import Interpolant, Metric, evaluate
from continuum.datasets import Convolutional, RawFeatures, fine_tuned, nearest_neighbour

CONTRAST = ("barycentric, a*", "Mixup, unlimited pairs", "Mixup, fixed pairs", "few-shot only")
_NUMBER = Metric("number", float)  # of paths whose values are numbers


@dataclass(frozen=True)
class Cell:
    """A target and a seed of a study under one setting; `what` names the study, such as "main" or an ablation."""

    what: str
    target: str
    seed: int
    settings: Settings
    store: Path

    def rows(self, only: tuple[str, ...] = ()) -> pd.DataFrame:
        """Accuracy of the named rows; without names of all of them, and of 1-NN in pixels."""
        rows = Rows(self.target, self.seed, self.settings)
        frame = self._evaluated(rows, self._accuracy(), rows.numbers(only))
        frame = frame.assign(row_name=[list(ROWS)[int(k)] for k in frame["row"]])
        if not only:
            shots, _, test = target_data(self.target, self.seed, self.settings)
            nearest = nearest_neighbour(shots, test, network=RawFeatures(), name="1-NN in pixels")
            place = [list(ROWS).index("few-shot only")]  # any value gives the same number
            one = self._evaluated(rows, nearest, place)
            frame = pd.concat([frame, one.assign(row_name="1-NN in pixels")])
        return self._named(frame[["row_name", "value", "seconds"]])

    def lattice(self, points: int) -> pd.DataFrame:
        """Distance to the base in closed form, and accuracy, over a lattice of mixtures."""
        mixtures = Mixtures(self.target, self.seed, self.settings)
        distances = Distances(self.target, self.seed, self.settings)
        frame = self._evaluated(mixtures, self._accuracy(), points)
        near = self._evaluated(distances, _NUMBER, points)
        alone = frame[list(mixtures.domain.axes)].max(axis=1) == 1
        seconds = frame["seconds"].to_numpy() + near["seconds"].to_numpy()
        frame = frame.assign(squared=near["value"].to_numpy(), alone=alone, seconds=seconds)
        return self._named(frame[["squared", "alone", "value", "seconds"]])

    def facts(self) -> pd.DataFrame:
        """Distances and weights, and how many labels of the base are right."""
        facts = Facts(self.target, self.seed, self.settings)
        frame = self._evaluated(facts, _NUMBER, list(range(len(facts.names))))
        return self._named(frame.assign(fact=facts.names)[["fact", "value", "seconds"]])

    def rows_and_facts(self) -> pd.DataFrame:
        """Both while the cell is in memory."""
        return pd.concat([self.rows(), self.facts()], ignore_index=True)

    def _accuracy(self) -> Metric:
        shots, _, test = target_data(self.target, self.seed, self.settings)
        return fine_tuned(shots, test, network=Convolutional(steps=self.settings.steps), name="accuracy")

    def _evaluated(self, path: Interpolant, metric: Metric, points: int | list[int]) -> pd.DataFrame:
        name = f"{self.what} | {type(path).__name__} | {self.target} | {self.seed} | {self.settings.space}"
        frame = evaluate(path, metric, points=points, seeds=[self.seed], store=self.store, name=name).frame
        return frame.assign(seconds=frame["build_s"] + frame["metric_s"])

    def _named(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(
            what=self.what, space=self.settings.space, target=self.target, seed=self.seed, n=self.settings.n
        )


def run(cells: Sequence[Cell], work: Callable[[Cell], pd.DataFrame], jobs: int) -> pd.DataFrame:
    """`work` on every cell, `jobs` at a time in processes of one thread; says what comes in."""
    found = []
    for frame in Parallel(jobs, return_as="generator", inner_max_num_threads=1)(map(delayed(work), cells)):
        first = frame.iloc[0]
        print(f"{time.strftime('%H:%M:%S')} {first.what} | {first.target} | {first.seed} | {_shown(frame)}", flush=True)
        found.append(frame)
    return pd.concat(found, ignore_index=True)


def _shown(frame: pd.DataFrame) -> str:
    if "alone" in frame:
        return f"{len(frame)} mixtures, accuracy {frame['value'].min():.3f} to {frame['value'].max():.3f}"
    rows = frame[frame["row_name"].notna()]
    return ", ".join(f"{row.row_name} {row.value:.3f}" for row in rows.itertuples())
