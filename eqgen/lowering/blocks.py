"""Block systems: partitions that the group respects, and the smaller spaces that they make."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eqgen.signed import Permutation, SignedPermutation

MOST_STARTS = 64
"""Minimal block systems are looked for through so many pairs of points."""


def block_systems(moves: Sequence[SignedPermutation], starts: Permutation, most: int) -> tuple[list[Permutation], bool]:
    """Block systems of a space that the group moves transitively.

    The minimal ones (Atkinson, "An algorithm for finding the blocks of a permutation group", 1975) and their joins. Where
    signs turn, blocks are those of signed points: a point and another one, or its negative.

    Args:
        moves: the generators.
        starts: points, one in each orbit of the stabilizer of point 0.
        most: how many systems to return.

    Returns:
        Each as the number of every point's block, numbered by first appearance; and whether there may be more.
    """
    images = np.stack([move.image for move in moves])
    found: dict[bytes, Permutation] = {}
    for start in starts[:MOST_STARTS].tolist():
        labels = joined(images, np.array([0]), np.array([start]))
        if labels.any() and start:
            found.setdefault(labels.tobytes(), labels)
    systems = list(found.values())
    for one in range(len(systems)):
        for other in range(one):
            if len(found) >= most:
                return list(found.values())[:most], True
            labels = joined(images, *_as_equalities(systems[one], systems[other]))
            if labels.any():
                found.setdefault(labels.tobytes(), labels)
    return list(found.values())[:most], len(found) > most or starts.size > MOST_STARTS


def joined(images: Permutation, first: Permutation, second: Permutation) -> Permutation:
    """The finest partition that the group respects and that puts these points together, as labels by first appearance."""
    points = np.arange(images.shape[1])
    labels = _components(points.size, first, second)
    while True:
        # A block goes to a block: every point of it where its first point goes.
        _, firsts = np.unique(labels, return_index=True)
        leaders = firsts[labels]
        ones = [points, *(image for image in images)]
        others = [leaders, *(image[leaders] for image in images)]
        new = _components(points.size, np.concatenate(ones), np.concatenate(others))
        if new.max() == labels.max():
            return new
        labels = new


def quotient(moves: Sequence[SignedPermutation], labels: Permutation) -> tuple[SignedPermutation, ...]:
    """What generators do to blocks; signs are dropped."""
    _, firsts = np.unique(labels, return_index=True)
    return tuple(SignedPermutation(labels[move.image[firsts]]) for move in moves)


def _as_equalities(one: Permutation, other: Permutation) -> tuple[Permutation, Permutation]:
    points = np.arange(one.size)
    leaders = [np.unique(labels, return_index=True)[1][labels] for labels in (one, other)]
    return np.concatenate([points, points]), np.concatenate(leaders)


def _components(size: int, first: Permutation, second: Permutation) -> Permutation:
    """Components of a graph on points, numbered by first appearance."""
    smallest = np.arange(size)
    while True:
        before = smallest
        low = np.minimum(smallest[first], smallest[second])
        smallest = smallest.copy()
        np.minimum.at(smallest, first, low)
        np.minimum.at(smallest, second, low)
        # Every label names a point of the same component: whatever was joined to it follows.
        np.minimum.at(smallest, before, smallest)
        smallest = smallest[smallest]
        if np.array_equal(smallest, before):
            return (np.cumsum(smallest == np.arange(size)) - 1)[smallest]
