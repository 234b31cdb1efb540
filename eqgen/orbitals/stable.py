"""The orbits of pairs under a whole symmetric or alternating group, however many points it has.

Which points of a pair coincide is all that such a group can tell: its orbits are set partitions of the places (Maron,
Ben-Hamu, Shamir, Lipman, "Invariant and equivariant graph networks", ICLR 2019). A pair of K places meets at most K points,
and with two more to spare, S(n) and A(n) move any K points to any others (A(n) is (n-2)-transitive) and turn every sign that
they ever turn. So the orbits for n points are those of the same family for K + 2 points, where they are found by looking; a
pair is looked up there by counting its points 0, 1, 2, ... in their order.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np

from eqgen.common.arrays import Integers, Permutation, SignedLabels
from eqgen.common.memory import refuse_large_table
from eqgen.orbitals.label_table import LabelTable, pair_labels
from eqgen.orbitals.limits import LIMITS, Limits
from eqgen.orbitals.matrix import orbit_sizes
from eqgen.permutations.group import Group
from eqgen.spaces.mapping import Axis, Mapping
from eqgen.spaces.space import Space, Term, term_members, term_numbers

SPARE = 2
"""So many points beside those of a pair make S(n) and A(n) act alike on it."""


def stable_degree(output: Space, input_: Space) -> int:
    """The number of points from which on the orbits stay the same."""
    arities = (max(sum(factor.kind.size for factor in term) for term in space.terms) for space in (output, input_))
    return sum(arities) + SPARE


def stable_labels(mapping: Mapping, family: Callable[[int], Group], limits: Limits = LIMITS) -> "StableLabels":
    """The orbits under S(n) or A(n) on an axis of n points, at least `stable_degree`, that moves both spaces.

    Args:
        mapping: of this axis and of fixed points alone.
        family: S or A. They act alike on the points, and not on the signs of `~p`.
        limits: what decides how tables are made.
    """
    degree = stable_degree(mapping.output, mapping.input)
    output, input_ = (
        Space(tuple(tuple(replace(factor, kind=factor.kind.on(degree)) for factor in term) for term in space.terms))
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
    """The orbits of pairs under S(n) or A(n), looked up in a small table: an `OrbitalMatrix`.

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
        return self.mapping.group.degree, self.few.group.degree

    @property
    def shape(self) -> tuple[int, int]:
        return self.mapping.output.size, self.mapping.input.size

    @property
    def rank(self) -> int:
        return self.stable_table.rank

    @cached_property
    def subdegrees(self) -> Integers:
        few = self.stable_table
        sizes = self._scaled(orbit_sizes(few), *few.representatives.T)
        return sizes // self.row_orbit_sizes[np.searchsorted(few.row_representatives, few.representatives[:, 0])]

    def _scaled(self, counts: Integers, *sides: Permutation) -> Integers:
        """Counts for n points from those of first rows or pairs of the stable table: the k points met stand anywhere instead."""
        (many, few), spaces = self.degrees, (self.few.output, self.few.input)
        met = np.max([_met(numbers, space) for numbers, space in zip(sides, spaces, strict=False)], axis=0)
        scaled = [
            count * math.perm(many, k) // math.perm(few, k)
            for count, k in zip(counts.tolist(), met.tolist(), strict=True)
        ]
        return np.array(scaled, dtype=np.int64)

    @cached_property
    def representatives(self) -> Permutation:
        # The first pair meets the points 0, 1, 2, ... alone, in the stable table as here.
        rows, columns = self.stable_table.representatives.T
        outputs = _grown(rows, self.few.output, self.mapping.output)
        return np.stack([outputs, _grown(columns, self.few.input, self.mapping.input)], axis=1)

    @cached_property
    def row_representatives(self) -> Permutation:
        return _grown(self.stable_table.row_representatives, self.few.output, self.mapping.output)

    @cached_property
    def row_orbit_sizes(self) -> Integers:
        return self._scaled(self.stable_table.row_orbit_sizes, self.stable_table.row_representatives)

    def at(self, rows: Permutation, columns: Permutation) -> SignedLabels:
        shape = (rows.size, columns.size)
        small_rows, small_columns = np.empty(shape, dtype=np.intp), np.empty(shape, dtype=np.intp)
        row_parts = _members_by_term(rows, self.mapping.output, self.few.output)
        column_parts = _members_by_term(columns, self.mapping.input, self.few.input)
        for row_part, column_part in product(row_parts, column_parts):
            (chosen_rows, row_members, small_out, row_start) = row_part
            (chosen_columns, column_members, small_in, column_start) = column_part
            counted = _counted(row_members, column_members)
            crossing = np.ix_(chosen_rows, chosen_columns)
            places = row_members.shape[-1]
            small_rows[crossing] = row_start + term_numbers(small_out, counted[..., :places])
            small_columns[crossing] = column_start + term_numbers(small_in, counted[..., places:])
        return self.stable_table.signed_labels[small_rows, small_columns]

    def table(self) -> LabelTable:
        return pair_labels(self.mapping.elements, self.limits)


def _grown(numbers: Permutation, small: Space, large: Space) -> Permutation:
    """Points of a space for few points of the axis as points of the space for many."""
    grown = np.empty_like(numbers)
    for chosen, members, term, start in _members_by_term(numbers, small, large):
        grown[chosen] = start + term_numbers(term, members)
    return grown


def _met(numbers: Permutation, space: Space) -> Permutation:
    """How many points are met by what stands first in its orbit: it meets 0, 1, 2, ... alone."""
    met = np.zeros_like(numbers)
    for chosen, members, *_ in _members_by_term(numbers, space, space):
        met[chosen] = members.max(axis=-1, initial=-1) + 1
    return met


def _members_by_term(
    numbers: Permutation, space: Space, like: Space
) -> Iterator[tuple[Permutation, Permutation, Term, int]]:
    """For each term the places and members of those points that lie in it, its like for another degree, and that one's start."""
    parts = zip(space.terms, space.by_term(numbers), like.terms, like.slices, strict=True)
    for term, (chosen, inner), like_term, like_slice in parts:
        yield chosen, term_members(term, inner), like_term, like_slice.start


def _counted(rows: Permutation, columns: Permutation) -> Permutation:
    """The points of every pair, counted 0, 1, 2, ... in their order: (rows, columns, places of both)."""
    places = rows.shape[1]
    members = np.empty((len(rows), len(columns), places + columns.shape[1]), dtype=np.intp)
    members[..., :places], members[..., places:] = rows[:, None], columns
    counted = np.zeros(members.shape, dtype=np.intp)
    for place in range(members.shape[-1]):
        point = members[..., place : place + 1]
        # A point is counted once, where it stands first.
        first = ~(members[..., :place] == point).any(axis=-1, keepdims=True)
        counted += first & (point < members)
    return counted
