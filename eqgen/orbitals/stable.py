"""The orbits of pairs under a whole symmetric or alternating group, however many points it has.

Which points of a pair coincide is all that such a group can tell: its orbits are set partitions of the places (Maron,
Ben-Hamu, Shamir, Lipman, "Invariant and equivariant graph networks", ICLR 2019). A pair of K places meets at most K points,
and with two more to spare, S(n) and A(n) move any K points to any others (A(n) is (n-2)-transitive) and turn every sign that
they ever turn. So the orbits for n points are those of the same family for K + 2 points, where they are found by looking; a
pair is looked up there by counting its points 0, 1, 2, ... in their order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from eqgen.common.arrays import Integers, Permutation, SignedLabels
from eqgen.common.memory import refuse_large_table
from eqgen.orbitals.dense import LabelTable, pair_labels
from eqgen.orbitals.limits import LIMITS, Limits
from eqgen.orbitals.matrix import orbit_sizes
from eqgen.permutations.group import Group
from eqgen.spaces.mapping import Axis, Mapping
from eqgen.spaces.space import Factor, Space, Term

SPARE = 2
"""So many points beside those of a pair make S(n) and A(n) act alike on it."""


def stable_degree(output: Space, input_: Space) -> int:
    """The number of points from which on the orbits stay the same."""
    return max(map(_arity, output.terms)) + max(map(_arity, input_.terms)) + SPARE


def stable_labels(mapping: Mapping, family: Callable[[int], Group], limits: Limits = LIMITS) -> StableLabels:
    """The orbits under S(n) or A(n) on an axis of n points, at least `stable_degree`, that moves both spaces.

    Args:
        mapping: of this axis and of fixed points alone.
        family: S or A. They act alike on the points, and not on the signs of `~p`.
        limits: what decides how tables are made.
    """
    degree = stable_degree(mapping.output, mapping.input)
    output, input_ = (
        Space(tuple(tuple(Factor(factor.kind.on(degree), factor.axis) for factor in term) for term in space.terms))
        for space in (mapping.output, mapping.input)
    )
    hint = "pairs of fewer points need a smaller table"
    refuse_large_table(f"the formula for {degree} points", output.size, input_.size, hint)
    ((number,),) = mapping.units
    axes = list(mapping.axes)
    axes[number] = Axis(axes[number].name, family(degree))
    few = replace(mapping, output=output, input=input_, axes=tuple(axes), support=None)
    return StableLabels(mapping, family, few, pair_labels(few.elements, limits), limits)


@dataclass(frozen=True, eq=False)
class StableLabels:
    """The orbits of pairs under S(n) or A(n), looked up in a small table.

    Attributes:
        mapping: what the orbits are of, ...
        family: ... whose one axis has the group `family(n)`.
        few: the same for the few points that are enough.
        stable_table: the labels of these.
        limits: what decides how the table for n points is made when it is asked for.
    """

    mapping: Mapping
    family: Callable[[int], Group]
    few: Mapping
    stable_table: LabelTable
    limits: Limits = LIMITS

    @cached_property
    def degrees(self) -> tuple[int, int]:
        """How many points there are, and how many are enough."""
        ((number,),) = self.mapping.units
        return self.mapping.axes[number].group.degree, self.few.axes[number].group.degree

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n)."""
        return self.mapping.output.size, self.mapping.input.size

    @property
    def rank(self) -> int:
        """How many orbits there are."""
        return self.stable_table.rank

    @cached_property
    def subdegrees(self) -> Integers:
        """How many entries of each orbit stand in one row that it meets, (rank,)."""
        few = self.stable_table
        sizes = self._scaled(orbit_sizes(few), few.representatives)
        return sizes // self.row_orbit_sizes[np.searchsorted(few.row_representatives, few.representatives[:, 0])]

    def _scaled(self, counts: Integers, pairs: Permutation) -> Integers:
        """Counts for n points from those of pairs of the stable table, or of outputs: k points stand anywhere among n instead."""
        (many, few), scaled = self.degrees, []
        for count, pair in zip(counts.tolist(), pairs.tolist(), strict=True):
            met = map(_members_of, (self.few.output, self.few.input), pair)
            k = len(set().union(*met))
            scaled.append(count * math.perm(many, k) // math.perm(few, k))
        return np.array(scaled, dtype=np.int64)

    @cached_property
    def representatives(self) -> Permutation:
        """The first (output, input) pair of each orbit in row-major order, (rank, 2).

        The first pair meets the points 0, 1, 2, ... alone, in the stable table as here.
        """
        rows, columns = self.stable_table.representatives.T
        return np.stack(
            [_grown(rows, self.few.output, self.mapping.output), _grown(columns, self.few.input, self.mapping.input)],
            axis=1,
        )

    @cached_property
    def row_representatives(self) -> Permutation:
        """Rows of which every other row is a rearrangement, in order."""
        return _grown(self.stable_table.row_representatives, self.few.output, self.mapping.output)

    @cached_property
    def row_orbit_sizes(self) -> Integers:
        """How many rows each row representative stands for, (row representatives,)."""
        return self._scaled(self.stable_table.row_orbit_sizes, self.stable_table.row_representatives[:, None])

    def at(self, rows: Permutation, columns: Permutation) -> SignedLabels:
        """Signed labels where some rows and columns cross, (rows, columns)."""
        shape = (rows.size, columns.size)
        small_rows, small_columns = np.empty(shape, dtype=np.intp), np.empty(shape, dtype=np.intp)
        for term_out, out, small_term_out, small_out in _terms(self.mapping.output, self.few.output):
            chosen_rows = np.flatnonzero((rows >= out.start) & (rows < out.stop))
            row_members = _members(term_out, rows[chosen_rows] - out.start)
            for term_in, in_, small_term_in, small_in in _terms(self.mapping.input, self.few.input):
                chosen_columns = np.flatnonzero((columns >= in_.start) & (columns < in_.stop))
                column_members = _members(term_in, columns[chosen_columns] - in_.start)
                counted = _counted(row_members, column_members)
                crossing = np.ix_(chosen_rows, chosen_columns)
                places = row_members.shape[-1]
                small_rows[crossing] = small_out.start + _numbers(small_term_out, counted[..., :places])
                small_columns[crossing] = small_in.start + _numbers(small_term_in, counted[..., places:])
        return self.stable_table.signed_labels[small_rows, small_columns]

    def table(self) -> LabelTable:
        """All of them as a table."""
        return pair_labels(self.mapping.elements, self.limits)


def _grown(numbers: Permutation, small: Space, large: Space) -> Permutation:
    """Points of a space for few points of the axis as points of the space for many."""
    grown = np.empty_like(numbers)
    for small_term, few, term, many in _terms(small, large):
        chosen = np.flatnonzero((numbers >= few.start) & (numbers < few.stop))
        grown[chosen] = many.start + _numbers(term, _members(small_term, numbers[chosen] - few.start))
    return grown


def _terms(space: Space, like: Space) -> Iterator[tuple[Term, slice, Term, slice]]:
    """The terms of a space and of its like for another number of points, each with where its points lie."""
    return zip(space.terms, space.slices, like.terms, like.slices, strict=True)


def _counted(rows: Permutation, columns: Permutation) -> Permutation:
    """The points of every pair, counted 0, 1, 2, ... in their order: (rows, columns, places of both)."""
    shape = (rows.shape[0], columns.shape[0])
    members = np.concatenate(
        [
            np.broadcast_to(rows[:, None, :], (*shape, rows.shape[1])),
            np.broadcast_to(columns[None, :, :], (*shape, columns.shape[1])),
        ],
        axis=-1,
    )
    counted = np.zeros(members.shape, dtype=np.intp)
    for place in range(members.shape[-1]):
        point = members[..., place : place + 1]
        # A point is counted once, where it stands first.
        first = ~(members[..., :place] == point).any(axis=-1, keepdims=True)
        counted += first & (point < members)
    return counted


def _members_of(space: Space, number: int) -> list[int]:
    term, own = next((term, own) for term, own in zip(space.terms, space.slices, strict=True) if number < own.stop)
    members: list[int] = _members(term, np.array([number - own.start]))[0].tolist()
    return members


def _members(term: Term, numbers: Permutation) -> Permutation:
    """The points of the axis that make some points of a term, (numbers, places)."""
    coordinates = np.unravel_index(numbers, [factor.kind.count for factor in term])
    parts = [factor.kind.members(number) for factor, number in zip(term, coordinates, strict=True)]
    return np.concatenate(parts, axis=-1)


def _numbers(term: Term, members: Permutation) -> Permutation:
    """What undoes `_members`."""
    total = np.zeros(members.shape[:-1], dtype=np.intp)
    place = 0
    for factor in term:
        own = members[..., place : place + factor.kind.size]
        total = total * factor.kind.count + factor.kind.numbers(own)
        place += factor.kind.size
    return total


def _arity(term: Term) -> int:
    return sum(factor.kind.size for factor in term)
