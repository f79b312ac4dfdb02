"""What selectors are defined as, on the whole matrix of similarities, and the published way to the densities."""

from __future__ import annotations

import numpy as np


def similarities(source):
    """All similarities, (m, n)."""
    return np.ascontiguousarray(np.concatenate([block for _, block in source.blocks()]).T)


def round_robin(s, k):
    used, chosen = np.zeros(s.shape[1], bool), []
    for turn in range(k):
        chosen.append(int(np.where(used, -np.inf, s[turn % len(s)]).argmax()))
        used[chosen[-1]] = True
    return np.array(chosen)


def ranked(scores, k):
    return np.argsort(-scores, kind="stable")[:k]


def doubly_greedy(s, k):
    return ranked(s.max(axis=0), k)


def softmax(s, k, epsilon=0.01):
    exponents = s.astype(np.float64) / (2 * epsilon)
    votes = np.exp(exponents - exponents.max(axis=1, keepdims=True))
    return ranked((votes / votes.sum(axis=1, keepdims=True)).mean(axis=0), k)


def votes_of_neighbours(s, count):
    neighbours = np.argsort(-s, axis=1, kind="stable")[:, :count]
    return np.bincount(neighbours.ravel(), minlength=s.shape[1]) / (len(s) * count)


def fewest_neighbours(s, k):
    """The smallest count for which the queries have `k` distinct neighbours."""
    order = np.argsort(-s, axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(s.shape[1])[None], axis=1)
    return int(np.sort(rank.min(axis=0))[k - 1]) + 1


def densities(points, sigma, most=1000, rows=1024):
    """By the `most` nearest of each point, as published: search, sort, sum."""
    found = np.empty(len(points))
    for start in range(0, len(points), rows):
        squared = 2 - 2 * (points[start : start + rows] @ points.T)
        nearest = np.argpartition(squared, most - 1, axis=1)[:, :most]
        distances = np.sort(np.take_along_axis(squared, nearest, axis=1), axis=1)
        found[start : start + rows] = np.maximum(0, 1 - distances / sigma**2).sum(axis=1)
    return found


def knn_kde(unit, s, count, level, sigma):
    """Masses by water-filling at a level, with densities as published."""
    neighbours = np.argsort(-s, axis=1, kind="stable")[:, :count]
    near = np.unique(neighbours)
    rho = np.ones(s.shape[1])
    rho[near] = densities(unit[near], sigma)
    masses = np.zeros(s.shape[1])
    for row in neighbours:
        filled = np.minimum(np.cumsum(1 / rho[row]), level)
        np.add.at(masses, row, np.diff(filled, prepend=0) / (len(s) * level))
    return masses
