"""Metrics of a synthetic dataset: what a network learns from it, and how far it is from a target.

Transfer is measured as the paper's users meet it: a network is trained on the synthetic set, with all labels of the
union as outputs; then it is fine-tuned on a few labelled shots of the target, or a simple classifier is fitted to them
on its hidden layer; then it is tested on the target. Accuracies tell which test points are right, and as what each is
classified, see `PerItem`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from continuum.core import IncompatibleError, InvalidInputError, Metric, NotConvergedError, PerItem, is_whole
from continuum.measures import SolverLike

from .distance import otdd
from .label_metrics import LabelMetric
from .labelled import LabelledDataset, admit_datasets
from .networks import Convolutional, Network, Perceptron, fine_tune, represent, with_mass

__all__ = ["fine_tuned", "linear_probe", "nearest_neighbour", "otdd_to", "pseudo_labels"]

Predict = Callable[[LabelledDataset, np.random.Generator], NDArray[Any]]  # value -> codes of the test points


def fine_tuned(
    shots: LabelledDataset,
    test: LabelledDataset,
    *,
    network: Network | None = None,
    steps: int = 100,
    learning_rate: float = 3e-3,
    name: str = "fine-tuned accuracy",
) -> Metric:
    """Accuracy on `test` of a network that was pre-trained on the value, then fine-tuned on the `shots`.

    The last layer is replaced by one for the classes of the shots, and all layers are trained with all shots in each
    step, as in the few-shot experiment of Fan & Alvarez-Melis (2023), with a smaller network and fewer steps. With one
    generator all values meet the same initial weights and masks, and those of one size the same order of points, so
    that differences between values are paired.

    The baseline of no pre-training needs no other metric: pass the shots as the value, such as a reference of
    `evaluate`. So they are trained on in as many steps as any value. For the shots in the steps of fine-tuning alone,
    from the same initial body, pass a network of `steps=0` too: `Convolutional(steps=0)`.

    Args:
        shots: the few labelled points of the target, at least two.
        test: labelled points of the target to be tested on.
        network: what to pre-train on the value; None for `Convolutional()`, which takes images.
        steps: steps of fine-tuning.
        learning_rate: of Adam in fine-tuning.
        name: name of the metric.
    """
    shots, encoder = _admit_shots(shots, test), _admit_network(network, Convolutional())
    if len(shots) < 2 or not (is_whole(steps) and steps >= 1 and 0 < learning_rate < math.inf):
        raise InvalidInputError(
            "fine-tuning needs two `shots`, one of `steps` and a positive, finite `learning_rate` or more, got "
            f"{shots!r}, {steps!r} and {learning_rate!r}."
        )

    def predict(value: LabelledDataset, rng: np.random.Generator) -> NDArray[Any]:
        pretraining, tuning = rng.spawn(2)  # whatever the one draws, the other stays
        body = encoder.train(value, pretraining)
        classifier = fine_tune(body, shots, tuning, steps=steps, learning_rate=learning_rate)
        return np.asarray(represent(classifier, test).argmax(1).cpu())

    return _accuracy(predict, shots, test, name)


def linear_probe(
    shots: LabelledDataset, test: LabelledDataset, *, network: Network | None = None, name: str = "transfer accuracy"
) -> Metric:
    """Accuracy on `test` of a logistic regression that was fitted to `shots` on features learnt from the value.

    Args:
        shots: the few labelled points of the target.
        test: labelled points of the target to be tested on.
        network: what to pre-train on the value; None for `Perceptron()`.
        name: name of the metric.
    """
    admit_datasets(shots=shots)
    if len(np.unique(shots.codes)) < 2:
        raise InvalidInputError(f"a regression needs shots of two classes or more, got {shots!r} of one.")
    return _probe(shots, test, LogisticRegression(max_iter=1000), _admit_network(network, Perceptron()), name)


def nearest_neighbour(
    shots: LabelledDataset, test: LabelledDataset, *, network: Network | None = None, name: str = "1-NN accuracy"
) -> Metric:
    """Accuracy on `test` of the nearest of the `shots`, on features learnt from the value; see `linear_probe`.

    With `network=RawFeatures()` it is the baseline of 1-NN in pixels, the same number for every value.
    """
    return _probe(shots, test, KNeighborsClassifier(1), _admit_network(network, Perceptron()), name)


def otdd_to(
    target: LabelledDataset,
    *,
    labels: LabelMetric | None = None,
    solver: SolverLike = "auto",
    feature_weight: float = 1.0,
    label_weight: float = 1.0,
    name: str = "OTDD to target",
) -> Metric:
    """Dataset distance of the value to `target`; the options are those of `otdd`.

    A solve that does not converge is a `NotConvergedError`, which carries the result with its bounds.
    """
    admit_datasets(target=target)

    def distance(value: LabelledDataset) -> float:
        found = otdd(
            value,
            target,
            labels=labels,
            solver=solver,
            feature_weight=feature_weight,
            label_weight=label_weight,
        )
        if not found.converged:  # a table has no room for bounds
            raise NotConvergedError(f"{found!r} did not converge; raise the limit of its solver.", found)
        return found.distance

    return Metric(name, distance, goal="min")


def pseudo_labels(shots: LabelledDataset, data: LabelledDataset) -> LabelledDataset:
    """The points of `data`, each with the label of the nearest of the `shots`.

    Nearest in Euclidean distance of the features as they are; the first of equals. So Fan & Alvarez-Melis (2023) get
    reference set of a geodesic when only a few points of the target are labelled.

    Args:
        shots: the few labelled points; of soft labels the likeliest class counts.
        data: the points to label; its own labels are not looked at, its weights are kept.

    Returns:
        `data` with hard labels, among the classes of `shots`.

    Raises:
        IncompatibleError: if the two have different numbers of features.

    Example:
        >>> shots = LabelledDataset(np.array([[0.0], [1.0]]), ["low", "high"])
        >>> pseudo_labels(shots, LabelledDataset(np.array([[0.2], [0.9], [0.4]]), [0, 0, 0])).y.tolist()
        ['low', 'high', 'low']
    """
    admit_datasets(shots=shots, data=data)
    _admit_dimension(shots, "data", data)
    shots = with_mass(shots)
    known, points = shots.features().to(data.device), data.features()
    wider = torch.promote_types(known.dtype, points.dtype)
    known, points = known.to(wider), points.to(wider)
    centre = known.mean(0)  # far from the origin, squared norms would cancel
    known = known - centre
    # Half the squared distance, up to the norm of the point, which does not change who is nearest.
    nearest = (known.square().sum(1) / 2 - (points - centre) @ known.T).argmin(1).cpu()
    labels = [shots.classes[code] for code in shots.codes[nearest.numpy()]]
    return LabelledDataset(data.x, labels, data.weights, shots.classes)


def _probe(shots: LabelledDataset, test: LabelledDataset, head: Any, network: Network, name: str) -> Metric:
    shots = _admit_shots(shots, test)

    def predict(value: LabelledDataset, rng: np.random.Generator) -> NDArray[Any]:
        encoder = network.train(value, rng)
        train, held_out = (represent(encoder, part).cpu().numpy() for part in (shots, test))
        return np.asarray(clone(head).fit(train, shots.codes).predict(held_out))

    return _accuracy(predict, shots, test, name)


def _accuracy(predict: Predict, shots: LabelledDataset, test: LabelledDataset, name: str) -> Metric:
    # Labels are compared by equality: 1 in the one set and 1.0 in the other are one label.
    code = {label: place for place, label in enumerate(shots.classes)}
    truth = np.array([code.get(test.classes[k], -1) for k in test.codes])

    def accuracy(value: LabelledDataset, rng: np.random.Generator) -> PerItem:
        admit_datasets(value=value)
        _admit_dimension(shots, "value", value)
        predicted = predict(value, rng)
        return PerItem.weighted(predicted == truth, test.weights, decisions=predicted)

    return Metric(name, accuracy, goal="max", stochastic=True)


def _admit_network(network: Any, usual: Network) -> Network:
    if network is None:
        return usual
    if isinstance(network, type) or not isinstance(network, Network):
        raise InvalidInputError(f"`network` must be one, such as Perceptron() or Convolutional(), got {network!r}.")
    return network


def _admit_shots(shots: LabelledDataset, test: LabelledDataset) -> LabelledDataset:
    """The shots of positive weight, if they fit the test set."""
    admit_datasets(shots=shots, test=test)
    _admit_dimension(shots, "test", test)
    return with_mass(shots)


def _admit_dimension(shots: LabelledDataset, name: str, other: LabelledDataset) -> None:
    if shots.dimension != other.dimension:
        raise IncompatibleError(f"`shots` and `{name}` must have as many features, got {shots!r} and {other!r}.")
