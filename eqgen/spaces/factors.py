"""The kinds of factor: which points are made of an axis, and how a group element moves them."""

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import combinations, permutations
from operator import index
from typing import Any, Self

import numpy as np

from eqgen.common.arrays import Permutation
from eqgen.language.syntax import FIXED, POINTS, Form
from eqgen.permutations.signed_permutation import SignedPermutation, is_even

Point = Hashable


@dataclass(frozen=True)
class FactorKind:
    """So many distinct points of an axis at once: tuples lexicographically, sets in the order of `itertools.combinations`.

    One point alone, as in `p` and `~p`, is written as its number; none at all, `1`, is one fixed point, `()`.

    Attributes:
        degree: how many points the axis has.
        size: how many of them make one point of the factor.
        form: whether their order counts, which sign they take, and how they are written.
        names: of the points of the axis, None for 1, 2, 3, ...
    """

    degree: int
    size: int
    form: Form = POINTS
    names: Sequence[str] | None = field(default=None, compare=False)

    @cached_property
    def count(self) -> int:
        """How many points the factor has."""
        return (math.perm if self.form.ordered else math.comb)(self.degree, self.size)

    @property
    def _is_alone(self) -> bool:
        """Whether a point is one of the axis, written without brackets."""
        return self.size == 1 and not self.form.closing

    def points(self) -> Iterator[Point]:
        """The points in order."""
        axis = range(self.degree)
        if self._is_alone:
            return iter(axis)
        return permutations(axis, self.size) if self.form.ordered else combinations(axis, self.size)

    def members(self, numbers: Permutation) -> Permutation:
        """The points of the axis that make the points of these numbers, (..., size)."""
        if self.size == 1:
            return numbers[..., None]
        return self._members_of_tuples(numbers) if self.form.ordered else self._members_of_sets(numbers)

    def numbers(self, members: Permutation) -> Permutation:
        """What undoes `members`; the members of a set may come in any order."""
        if self.size == 1:
            return members[..., 0]
        return self._numbers_of_tuples(members) if self.form.ordered else self._numbers_of_sets(members)

    def _members_of_sets(self, numbers: Permutation) -> Permutation:
        # The sets that come after one are counted place by place: a number in the combinatorial number system.
        after = self.count - 1 - numbers
        found = np.empty((*numbers.shape, self.size), dtype=np.intp)
        for place, choices in enumerate(_later_sets(self.degree, self.size)):
            left = np.searchsorted(choices, after, side="right") - 1
            found[..., place] = self.degree - 1 - left
            after = after - choices[left]
        return found

    def _numbers_of_sets(self, members: Permutation) -> Permutation:
        ordered = np.sort(members, axis=-1)
        after = np.zeros(members.shape[:-1], dtype=np.intp)
        for place, choices in enumerate(_later_sets(self.degree, self.size)):
            after += choices[self.degree - 1 - ordered[..., place]]
        return self.count - 1 - after

    def _members_of_tuples(self, numbers: Permutation) -> Permutation:
        found = np.empty((*numbers.shape, self.size), dtype=np.intp)
        rest = numbers
        for place, choices in enumerate(self._continuations):
            found[..., place], rest = np.divmod(rest, choices)
            # A digit counts among the points that are not taken yet.
            for taken in np.moveaxis(np.sort(found[..., :place], axis=-1), -1, 0):
                found[..., place] += found[..., place] >= taken
        return found

    def _numbers_of_tuples(self, members: Permutation) -> Permutation:
        number = np.zeros(members.shape[:-1], dtype=np.intp)
        for place, choices in enumerate(self._continuations):
            smaller = (members[..., :place] < members[..., place : place + 1]).sum(axis=-1)
            number += (members[..., place] - smaller) * choices
        return number

    @property
    def _continuations(self) -> list[int]:
        """In how many ways a tuple goes on after each place."""
        return [math.perm(self.degree - 1 - place, self.size - 1 - place) for place in range(self.size)]

    def on(self, degree: int) -> Self:
        """The same kind of factor of an axis with another number of points."""
        return replace(self, degree=degree, names=None) if self.size else self

    def act(self, element: SignedPermutation) -> SignedPermutation:
        """What a group element, given on the points of the axis, does to the points of the factor.

        The sign of a set or tuple is the product over its members, times that of its form.
        """
        image, signs, flips = element.image, element.signs, None
        if self.size != 1:
            points = self.members(np.arange(self.count))
            moved = element.image[points]
            image = self.numbers(moved)
            signs = None if signs is None else signs[points].prod(axis=1, dtype=np.int8)
            if self.form.sign == "orientation":
                flips = np.where(moved[:, 0] > moved[:, 1], -1, 1).astype(np.int8)
        if self.form.sign == "parity" and not is_even(element.image):
            flips = np.full(self.count, -1, dtype=np.int8)
        if flips is not None:
            signs = flips if signs is None else flips * signs
        return SignedPermutation(image, signs)

    def point(self, number: int) -> Point:
        """Point `number` as `points` lists it."""
        return number if self._is_alone else tuple(self.members(np.array(number)).tolist())

    def index(self, point: Any) -> int:
        """The number of a point, for any way of writing it (an edge has no first end); raises where there is none."""
        members = [index(member) for member in ([point] if self._is_alone else point)]
        if not len(members) == len(set(members)) == self.size or not all(
            0 <= member < self.degree for member in members
        ):
            raise ValueError(point)
        return int(self.numbers(np.array(members, dtype=np.intp)))

    def name(self, point: Any) -> str:
        """The point as people write it, 1-based: `3`, `{1,3}`, `(2,5)`."""
        if not self.size:
            return "1"
        members = [point] if self._is_alone else point
        named = ",".join(str(member + 1) if self.names is None else self.names[member] for member in members)
        opening, closing = ("(", ")") if self.form.ordered else (self.form.opening, self.form.closing)
        return named if self._is_alone else f"{opening}{named}{closing}"


FIXED_POINT = FactorKind(0, 0, FIXED)


@lru_cache(maxsize=32)
def _later_sets(degree: int, size: int) -> list[Permutation]:
    """For each place how many sets have their member there, and all later ones, among so many last points."""
    binomials = [np.ones(degree, dtype=np.intp)]
    for _ in range(size):
        # The choices among the first points add up to those of one more member; none is asked for beyond all sets.
        binomials.append(np.minimum(np.cumsum(binomials[-1]) - binomials[-1], math.comb(degree, size)))
    return binomials[:0:-1]
