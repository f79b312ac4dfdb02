"""What the selectors are defined by, on the whole matrix of similarities: slow, and easy to read."""

from __future__ import annotations

import heapq

import numpy as np

from continuum.selection import SimilaritySource


def similarities(source):
    """All similarities, (m, n), in float64."""
    return np.concatenate([block for _, block in source.blocks()]).T.astype(np.float64)


def ranked(scores, k):
    """Largest first, of equal ones the first."""
    return np.lexsort((np.arange(len(scores)), -np.asarray(scores)))[:k].tolist()


def round_robin(s, k):
    left, chosen = s.copy(), []
    for turn in range(k):
        chosen.append(int(left[turn % len(s)].argmax()))
        left[:, chosen[-1]] = -np.inf
    return chosen


def softmax_log_masses(s, epsilon):
    exponents = s / (2 * epsilon)
    exponents = exponents - exponents.max(axis=1, keepdims=True)
    logs = exponents - np.log(np.exp(exponents).sum(axis=1, keepdims=True)) - np.log(len(s))
    peak = logs.max(axis=0)
    return peak + np.log(np.exp(logs - peak).sum(axis=0))


def neighbours(s, count):
    return np.argsort(-s, axis=1, kind="stable")[:, :count]


def aligned_count(s, alpha, scale, most):
    """TSDS, algorithm 1."""
    distances = np.sort(1 - s, axis=1)[:, :most]
    for k in range(1, most):
        if alpha / scale * sum((row[k] - row[:k]).sum() for row in distances) >= (1 - alpha) * len(s):
            return k
    return most


def covering_count(s, k):
    """The fewest neighbours with which the queries have k distinct ones."""
    return next(count for count in range(1, s.shape[1] + 1) if len(np.unique(neighbours(s, count))) >= k)


def knn_uniform(s, count):
    votes = np.zeros(s.shape[1])
    for row in neighbours(s, count):
        votes[row] += 1
    return votes / (len(s) * count)


def density(points, sigma):
    squared = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    return np.maximum(0, 1 - squared / sigma**2).sum(axis=1)


def kde_level(s, rho, count, alpha, scale):
    """Where the heap of TSDS, algorithm 2, stops: events in the order in which neighbours are full."""
    rows = neighbours(s, count)
    full = [np.cumsum(1 / rho[row]) for row in rows]
    distances = [1 - s[i, row] for i, row in enumerate(rows)]
    cost, heap = np.zeros(len(s)), [(levels[0], i, 0) for i, levels in enumerate(full)]
    heapq.heapify(heap)
    highest = min(levels[-1] for levels in full)
    while heap:
        level, i, last = heapq.heappop(heap)
        filled = slice(last + 1)
        cost[i] = ((distances[i][last + 1] - distances[i][filled]) / rho[rows[i][filled]]).sum()
        if alpha / scale * cost.sum() >= (1 - alpha) * len(s):
            return min(level, highest)
        if last + 2 < count:
            heapq.heappush(heap, (full[i][last + 1], i, last + 1))
    return highest


def kde_masses(s, rho, count, level):
    masses = np.zeros(s.shape[1])
    for row in neighbours(s, count):
        left = 1 / len(s)
        for place in row:
            taken = min(left, 1 / (len(s) * level * rho[place]))
            masses[place] += taken
            left -= taken
    return masses


def herding(gram, near, k):
    """Greedy minima of the squared discrepancy |mean of what is chosen - mean of the query|^2."""
    chosen = []
    for step in range(k):
        values = []
        for j in range(len(gram)):
            some = [*chosen, j]
            value = gram[np.ix_(some, some)].sum() / (step + 1) ** 2 - 2 * near[some].sum() / (step + 1)
            values.append(np.inf if j in chosen else value)
        chosen.append(int(np.argmin(values)))
    return chosen


def facility_location(graph, most, relevance, k):
    """Greedy maxima of the sum of coverages."""
    chosen, coverage = [], np.zeros(len(most))
    for _ in range(k):
        gains = [np.maximum(np.minimum(column, most) - coverage, 0).sum() for column in graph.T]
        keys = [(-gain, -relevance[j], j) for j, gain in enumerate(gains) if j not in chosen]
        chosen.append(min(keys)[2])
        coverage = np.maximum(coverage, np.minimum(graph[:, chosen[-1]], most))
    return chosen


def source_of_matrix(s):
    """A source with given similarities, (m, n)."""
    s = np.asarray(s)
    return SimilaritySource(s.T, np.eye(len(s)), normalize=False)
