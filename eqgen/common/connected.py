"""Classes of codes under equalities: networkx for a few, an array method for many."""

from __future__ import annotations

import numpy as np

from eqgen.common.arrays import Integers

MOST_FOR_NETWORKX = 64
"""Beyond so many equalities the array method is the faster one."""


class Classes:
    """A partition of the codes 0, ..., size - 1 that only ever grows coarser; a class is named by its smallest code.

    Each code points to a smaller one of its class, or to itself, so that taking in a few equalities costs no look at the
    rest.
    """

    def __init__(self, size: int) -> None:
        self._towards: Integers = np.arange(size, dtype=np.int32 if size < 2**31 else np.int64)

    def names(self, codes: Integers) -> Integers:
        """For each of these codes the smallest of its class."""
        found = self._towards[codes]
        while True:
            further = self._towards[found]
            if np.array_equal(further, found):
                return found
            found = further

    def merge(self, left: Integers, right: Integers) -> bool:
        """Make codes equal, one by one; says whether that was news."""
        left, right = self.names(left), self.names(right)
        different = left != right
        if not different.any():
            return False
        merge = merge_by_networkx if np.count_nonzero(different) <= MOST_FOR_NETWORKX else merge_by_arrays
        merge(self._towards, left[different], right[different])
        return True

    def all_names(self) -> Integers:
        """For each code the smallest of its class, shape (size,)."""
        moved = np.flatnonzero(self._towards != np.arange(self._towards.size, dtype=self._towards.dtype))
        self._towards[moved] = self.names(moved)
        return self._towards


def merge_by_networkx(towards: Integers, left: Integers, right: Integers) -> None:
    """Let all codes of a class point to its smallest, where the classes are the connected components of a graph.

    Args:
        towards: for each code a smaller one of its class, or itself; changed in place.
        left, right: the edges of the graph; codes that point to themselves.
    """
    import networkx

    graph: networkx.Graph[int] = networkx.Graph()
    graph.add_edges_from(zip(left.tolist(), right.tolist(), strict=True))
    for component in networkx.connected_components(graph):
        towards[list(component)] = min(component)


def merge_by_arrays(towards: Integers, left: Integers, right: Integers) -> None:
    """The same without a graph: hook every code to the smallest equal one and follow the hooks, doubling, to their ends."""
    codes = np.concatenate([left, right])
    while left.size:
        np.minimum.at(towards, np.maximum(left, right), np.minimum(left, right))
        near = towards[codes]
        while True:
            far = towards[near]
            if np.array_equal(far, near):
                break
            towards[codes] = near = far
        left, right = towards[left], towards[right]
        different = left != right
        left, right = left[different], right[different]
