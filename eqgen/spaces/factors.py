"""The kinds of factor: which points are made of an axis, and how a group element moves them."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, permutations
from operator import index
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from eqgen.common.arrays import Signs
from eqgen.permutations.signed_permutation import SignedPermutation, is_even

Point = Hashable

Numbers = npt.NDArray[np.intp]


class FactorKind(Protocol):
    """What a Space needs of each of its factors; all members are pure functions of the frozen fields."""

    @property
    def count(self) -> int:
        """How many points the factor has."""

    def points(self) -> Iterator[Point]:
        """The points in order."""

    @property
    def arity(self) -> int:
        """How many points of the axis make one point of the factor."""

    def members(self, numbers: Numbers) -> Numbers:
        """The points of the axis that make the points of these numbers, (..., arity)."""

    def numbers(self, members: Numbers) -> Numbers:
        """What undoes `members`; the members of a set may come in any order."""

    def on(self, degree: int) -> FactorKind:
        """The same kind of factor of an axis with another number of points."""

    def act(self, element: SignedPermutation) -> SignedPermutation:
        """What a group element, given on the points of the axis, does to the points of the factor."""

    def point(self, number: int) -> Point:
        """Point `number` as `points` lists it."""

    def index(self, point: Any) -> int:
        """The number of a point, for any way of writing it (an edge has no first end); raises where there is none."""

    def name(self, point: Any) -> str:
        """The point as people write it, 1-based."""


@dataclass(frozen=True)
class FixedPoint:
    """`1`: one point that nothing moves, written `()`."""

    count: int = 1
    arity: int = 0

    def points(self) -> Iterator[Point]:
        return iter([()])

    def members(self, numbers: Numbers) -> Numbers:
        return np.empty((*numbers.shape, 0), dtype=np.intp)

    def numbers(self, members: Numbers) -> Numbers:
        return np.zeros(members.shape[:-1], dtype=np.intp)

    def on(self, degree: int) -> FactorKind:
        return self

    def act(self, element: SignedPermutation) -> SignedPermutation:
        return SignedPermutation(np.zeros(1, dtype=np.intp))

    def point(self, number: int) -> Point:
        return ()

    def index(self, point: Any) -> int:
        if point != ():
            raise ValueError(point)
        return 0

    def name(self, point: Any) -> str:
        return "1"


@dataclass(frozen=True)
class NaturalPoints:
    """`p`: the points of an axis themselves, written 0, ..., degree - 1."""

    degree: int
    names: Sequence[str] | None = field(default=None, compare=False)

    @property
    def count(self) -> int:
        return self.degree

    @property
    def arity(self) -> int:
        return 1

    def points(self) -> Iterator[Point]:
        return iter(range(self.degree))

    def members(self, numbers: Numbers) -> Numbers:
        return numbers[..., None]

    def numbers(self, members: Numbers) -> Numbers:
        return members[..., 0]

    def on(self, degree: int) -> FactorKind:
        return replace(self, degree=degree, names=None)

    def act(self, element: SignedPermutation) -> SignedPermutation:
        return element

    def point(self, number: int) -> Point:
        return number

    def index(self, point: Any) -> int:
        return _checked_members([point], 1, self.degree)[0]

    def name(self, point: Any) -> str:
        return str(point + 1) if self.names is None else self.names[point]


@dataclass(frozen=True)
class TwistedPoints(NaturalPoints):
    """`~p`: the points of an axis, each multiplied by the sign of the permutation."""

    def act(self, element: SignedPermutation) -> SignedPermutation:
        if is_even(element.image):
            return element
        return SignedPermutation(element.image, -element.all_signs())


@dataclass(frozen=True)
class Subsets:
    """`{p p}`: the sets of `size` distinct points, in the order of `itertools.combinations`."""

    degree: int
    size: int
    names: Sequence[str] | None = field(default=None, compare=False)

    @property
    def count(self) -> int:
        return math.comb(self.degree, self.size)

    def points(self) -> Iterator[Point]:
        return combinations(range(self.degree), self.size)

    @property
    def arity(self) -> int:
        return self.size

    def members(self, numbers: Numbers) -> Numbers:
        # The sets that come after one are counted place by place: a number in the combinatorial number system.
        after = self.count - 1 - numbers
        found = np.empty((*numbers.shape, self.size), dtype=np.intp)
        for place in range(self.size):
            choices = self._choices(place)
            left = np.searchsorted(choices, after, side="right") - 1
            found[..., place] = self.degree - 1 - left
            after = after - choices[left]
        return found

    def numbers(self, members: Numbers) -> Numbers:
        ordered = np.sort(members, axis=-1)
        after = np.zeros(members.shape[:-1], dtype=np.intp)
        for place in range(self.size):
            after += self._choices(place)[self.degree - 1 - ordered[..., place]]
        return self.count - 1 - after

    def _choices(self, place: int) -> Numbers:
        """How many sets have their member at this place, and all later ones, among so many last points."""
        choices = [min(math.comb(rest, self.size - place), self.count) for rest in range(self.degree)]
        return np.array(choices, dtype=np.intp)

    def on(self, degree: int) -> FactorKind:
        return replace(self, degree=degree, names=None)

    def act(self, element: SignedPermutation) -> SignedPermutation:
        points = self.members(np.arange(self.count))
        return SignedPermutation(self.numbers(element.image[points]), _product_of_signs(element, points))

    def point(self, number: int) -> Point:
        return tuple(self.members(np.array(number)).tolist())

    def index(self, point: Any) -> int:
        return int(self.numbers(np.array(_checked_members(point, self.size, self.degree))))

    def name(self, point: Any) -> str:
        return "{" + ",".join(self._member(member) for member in point) + "}"

    def _member(self, member: int) -> str:
        return str(member + 1) if self.names is None else self.names[member]


@dataclass(frozen=True)
class OrientedEdges(Subsets):
    """`[p p]`: pairs of distinct points with a direction, from the smaller to the larger; a swap of the ends flips the sign."""

    def act(self, element: SignedPermutation) -> SignedPermutation:
        points = self.members(np.arange(self.count))
        ends = element.image[points]
        swapped = np.where(ends[:, 0] > ends[:, 1], -1, 1).astype(np.int8)
        signs = _product_of_signs(element, points)
        return SignedPermutation(self.numbers(ends), swapped if signs is None else swapped * signs)

    def name(self, point: Any) -> str:
        return "[" + ",".join(self._member(member) for member in point) + "]"


@dataclass(frozen=True)
class Tuples:
    """`<p p>`: the ordered tuples of `size` distinct points, lexicographically."""

    degree: int
    size: int
    names: Sequence[str] | None = field(default=None, compare=False)

    @property
    def count(self) -> int:
        return math.perm(self.degree, self.size)

    def points(self) -> Iterator[Point]:
        return permutations(range(self.degree), self.size)

    @property
    def arity(self) -> int:
        return self.size

    def members(self, numbers: Numbers) -> Numbers:
        found = np.empty((*numbers.shape, self.size), dtype=np.intp)
        rest = numbers
        for place in range(self.size):
            found[..., place], rest = np.divmod(rest, self._choices(place))
            # A digit counts among the points that are not taken yet.
            for taken in np.moveaxis(np.sort(found[..., :place], axis=-1), -1, 0):
                found[..., place] += found[..., place] >= taken
        return found

    def numbers(self, members: Numbers) -> Numbers:
        number = np.zeros(members.shape[:-1], dtype=np.intp)
        for place in range(self.size):
            smaller = (members[..., :place] < members[..., place : place + 1]).sum(axis=-1)
            number += (members[..., place] - smaller) * self._choices(place)
        return number

    def _choices(self, place: int) -> int:
        """In how many ways a tuple goes on after this place."""
        return math.perm(self.degree - 1 - place, self.size - 1 - place)

    def on(self, degree: int) -> FactorKind:
        return replace(self, degree=degree, names=None)

    def act(self, element: SignedPermutation) -> SignedPermutation:
        points = self.members(np.arange(self.count))
        return SignedPermutation(self.numbers(element.image[points]), _product_of_signs(element, points))

    def point(self, number: int) -> Point:
        return tuple(self.members(np.array(number)).tolist())

    def index(self, point: Any) -> int:
        return int(self.numbers(np.array(_checked_members(point, self.size, self.degree))))

    def name(self, point: Any) -> str:
        return "(" + ",".join(str(member + 1) if self.names is None else self.names[member] for member in point) + ")"


def _checked_members(point: Iterable[Any], size: int, degree: int) -> list[int]:
    """Distinct points of an axis, so many; raises for anything else."""
    members = [index(member) for member in point]
    if len(set(members)) != size or len(members) != size or not all(0 <= member < degree for member in members):
        raise ValueError(point)
    return members


def _product_of_signs(element: SignedPermutation, points: npt.NDArray[np.intp]) -> Signs | None:
    """The sign of a set or tuple: the product over its members."""
    if element.signs is None:
        return None
    signs: Signs = element.signs[points].prod(axis=1, dtype=np.int8)
    return signs
