"""Block systems: partitions that the group respects, and the smaller spaces that they make."""

from collections.abc import Sequence

import numpy as np

from eqgen.common.arrays import Permutation
from eqgen.common.connected import Classes
from eqgen.orbitals.label_table import pair_labels
from eqgen.permutations.signed_permutation import SignedPermutation
from eqgen.spaces.pair_action import paired

MOST_STARTS = 64
"""Minimal block systems are looked for through so many pairs of points."""


def block_systems(moves: Sequence[SignedPermutation], most: int) -> tuple[list[Permutation], bool]:
    """Block systems of a space that the group moves transitively.

    The smallest block that holds points 0 and p is the component of 0 in the graph whose edges are the orbit of the pair
    (0, p) (Higman, "Intersection matrices for finite permutation groups", 1967); all others are joins of such.

    Args:
        moves: what generators do to the points; signs do not matter.
        most: how many systems to return.

    Returns:
        Each as the number of every point's block, numbered by first appearance; and whether there may be more.
    """
    size = moves[0].size
    unsigned = [SignedPermutation(move.image) for move in moves]
    labels = pair_labels(paired(unsigned, unsigned)).signed_labels
    # One point in each orbit of the stabilizer of point 0, but for that point itself.
    starts = np.unique(labels[0], return_index=True)[1][1:]
    if starts.size < 2:
        # Two points of any pair generate all pairs: a block system would be one of all points.
        return [], False
    distinct: dict[bytes, Permutation] = {}
    for start in starts[:MOST_STARTS].tolist():
        system = _components(size, np.nonzero(labels == labels[0, start]))
        if system.any():
            distinct.setdefault(system.tobytes(), system)
    # Each point with the first of its block, for each system: components of what the group respects, it respects too.
    edges = [(np.arange(size), np.unique(system, return_index=True)[1][system]) for system in distinct.values()]
    for number, later in enumerate(edges):
        for earlier in edges[:number]:
            if len(distinct) >= most:
                return list(distinct.values())[:most], True
            system = _components(size, later, earlier)
            if system.any():
                distinct.setdefault(system.tobytes(), system)
    return list(distinct.values())[:most], len(distinct) > most or starts.size > MOST_STARTS


def quotient(moves: Sequence[SignedPermutation], labels: Permutation) -> tuple[SignedPermutation, ...]:
    """What generators do to blocks; signs are dropped."""
    _, firsts = np.unique(labels, return_index=True)
    return tuple(SignedPermutation(labels[move.image[firsts]]) for move in moves)


def signed_quotient(moves: Sequence[SignedPermutation], labels: Permutation) -> tuple[SignedPermutation, ...] | None:
    """What generators do to signed sums over blocks, where signs can be chosen so that they map these to each other.

    A sign for every point, times the sign of a generator there, is to be the same for the whole block: linear equations over
    the field of two elements, solved by elimination.

    >>> swap = SignedPermutation(np.array([1, 0]), np.array([-1, -1], dtype=np.int8))
    >>> (whole,) = signed_quotient([swap], np.array([0, 0]))
    >>> whole.signs.tolist()
    [-1]
    """
    size = labels.size
    _, firsts = np.unique(labels, return_index=True)
    first = firsts[labels]
    constant = 1 << size  # beyond all unknowns: whether a point and the first of its block have different signs
    pivots: dict[int, int] = {}
    for move in moves:
        turned = move.all_signs() != move.all_signs()[first]
        for point in range(size):
            row = constant if turned[point] else 0
            for unknown in (point, int(move.image[point]), int(move.image[first[point]])):
                if unknown != first[unknown]:
                    row ^= 1 << unknown
            while low := row & -row:
                if low == constant:
                    return None
                if low not in pivots:
                    pivots[low] = row
                    break
                row ^= pivots[low]
    # The constant counts as one, and what no row decides stays zero.
    solution = constant
    for low, row in sorted(pivots.items(), reverse=True):
        if (row & solution).bit_count() % 2:
            solution |= low
    signs = np.array([-1 if solution >> point & 1 else 1 for point in range(size)], dtype=np.int8)
    return tuple(
        SignedPermutation(labels[move.image[firsts]], (signs * move.all_signs() * signs[move.image])[firsts])
        for move in moves
    )


def _components(size: int, *edges: tuple[Permutation, ...]) -> Permutation:
    """Components of a graph on points, numbered by first appearance."""
    classes = Classes(size)
    for ends in edges:
        classes.merge(*ends)
    return np.unique(classes.all_names(), return_inverse=True)[1]
