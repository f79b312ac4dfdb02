"""The studies of the experiment: each number goes through the harness, and into its store."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from cells import Settings, build, target_data
from rows import ROWS, Mixtures, Rows

from continuum import Metric, evaluate
from continuum.datasets import Convolutional, RawFeatures, fine_tuned, nearest_neighbour

CONTRAST = ("barycentric, a*", "Mixup, unlimited pairs", "Mixup, fixed pairs", "few-shot only")
_COLUMNS = ["what", "target", "cell_seed", "row_name", "value"]


@dataclass(frozen=True)
class Study:
    """Targets and seeds under one setting; `what` names it, such as "main" or an ablation."""

    what: str
    targets: tuple[str, ...]
    seeds: tuple[int, ...]
    settings: Settings
    store: Path

    def table(self, only: tuple[str, ...] | None = None) -> pd.DataFrame:
        """Accuracy of the rows in every cell; of all rows, with 1-NN in pixels, if `only` is None."""
        frames = []
        for target, seed in self._cells():
            rows, accuracy = Rows(target, seed, self.settings), self._accuracy(target, seed)
            frame = self._measured(rows, accuracy, rows.numbers(only), f"{self.what} | {target} | {seed}", seed)
            frame = frame.assign(row_name=[list(ROWS)[int(k)] for k in frame["row"]])
            if only is None:
                shots, _, test = target_data(target, seed, self.settings)
                nearest = nearest_neighbour(shots, test, network=RawFeatures(), name="accuracy")
                place = [list(ROWS).index("few-shot only")]  # any value gives the same number
                one = self._measured(rows, nearest, place, f"1-NN | {target} | {seed}", seed)
                frame = pd.concat([frame, one.assign(row_name="1-NN in pixels")])
            frames.append(frame.assign(what=self.what, target=target, cell_seed=seed)[_COLUMNS])
            shown = ", ".join(f"{row.row_name} {row.value:.3f}" for row in frame.itertuples())
            print(f"{time.strftime('%H:%M:%S')} {self.what} | {target} | {seed}: {shown}", flush=True)
        return pd.concat(frames)

    def lattice(self, points: int) -> pd.DataFrame:
        """Distance to the base in closed form, and accuracy, over a lattice of mixtures."""
        frames = []
        for target, seed in self._cells():
            mixtures, accuracy = Mixtures(target, seed, self.settings), self._accuracy(target, seed)
            frame = self._measured(mixtures, accuracy, points, f"simplex | {target} | {seed}", seed)
            path = build(target, seed, self.settings).path
            places = frame[list(mixtures.domain.axes)].to_numpy()
            distances = [path.distance_to_base(tuple(place)) for place in places]
            frame = frame.assign(target=target, cell_seed=seed, distance=distances)
            frames.append(frame[["target", "cell_seed", "distance", "value"]])
        return pd.concat(frames)

    def facts(self) -> list[dict[str, object]]:
        """Distances and weights of each cell, and how many labels of its base are right."""
        found = []
        for target, seed in self._cells():
            cell = build(target, seed, self.settings)
            right = float(np.mean(cell.base.y == target_data(target, seed, self.settings)[1].y))
            squared = dict(zip(cell.path.names, np.diag(cell.path.gram).tolist(), strict=True))
            weights = dict(zip(cell.path.names, cell.weights, strict=True))
            fact = {"target": target, "seed": seed, "weights": weights, "squared": squared}
            found.append(fact | {"pseudo_label_accuracy": right})
        return found

    def _cells(self) -> list[tuple[str, int]]:
        return [(target, seed) for seed in self.seeds for target in self.targets]

    def _accuracy(self, target: str, seed: int) -> Metric:
        shots, _, test = target_data(target, seed, self.settings)
        return fine_tuned(shots, test, network=Convolutional(steps=self.settings.steps), name="accuracy")

    def _measured(
        self, path: Rows | Mixtures, metric: Metric, points: int | list[int], name: str, seed: int
    ) -> pd.DataFrame:
        return evaluate(path, metric, points=points, seeds=[seed], store=self.store, name=name).frame
