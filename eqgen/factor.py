"""The kinds of factor: which points are made of an axis, and how a group element moves them."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, permutations
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from eqgen.signed import SignedPermutation, Signs, is_even

Point = Hashable


class FactorKind(Protocol):
    """What a Space needs of each of its factors; all members are pure functions of the frozen fields."""

    @property
    def count(self) -> int:
        """How many points the factor has."""

    def points(self) -> Iterator[Point]:
        """The points in order."""

    def act(self, element: SignedPermutation) -> SignedPermutation:
        """What a group element, given on the points of the axis, does to the points of the factor."""

    def normal(self, point: Any) -> Point:
        """The point as `points` lists it, for any way of writing it (an edge has no first end)."""

    def name(self, point: Any) -> str:
        """The point as people write it, 1-based."""


@dataclass(frozen=True)
class FixedPoint:
    """`1`: one point that nothing moves, written `()`."""

    count: int = 1

    def points(self) -> Iterator[Point]:
        return iter([()])

    def act(self, element: SignedPermutation) -> SignedPermutation:
        return SignedPermutation(np.zeros(1, dtype=np.intp))

    def normal(self, point: Any) -> Point:
        return point  # type: ignore[no-any-return]

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

    def points(self) -> Iterator[Point]:
        return iter(range(self.degree))

    def act(self, element: SignedPermutation) -> SignedPermutation:
        return element

    def normal(self, point: Any) -> Point:
        return point  # type: ignore[no-any-return]

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

    def act(self, element: SignedPermutation) -> SignedPermutation:
        points = _as_array(self.points(), self.count, self.size)
        return SignedPermutation(
            self._numbers(np.sort(element.image[points], axis=1)), _product_of_signs(element, points)
        )

    def _numbers(self, members: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """The numbers of subsets, given as sorted rows."""
        # The number of a combination in lexicographic order: those that come after it are counted place by place.
        after = np.zeros(self.count, dtype=np.int64)
        for place in range(self.size):
            left = self.size - place
            choices = [min(math.comb(rest, left), self.count) for rest in range(self.degree)]
            after += np.array(choices, dtype=np.int64)[self.degree - 1 - members[:, place]]
        return (self.count - 1 - after).astype(np.intp)

    def normal(self, point: Any) -> Point:
        return tuple(sorted(point))

    def name(self, point: Any) -> str:
        return "{" + ",".join(self._member(member) for member in point) + "}"

    def _member(self, member: int) -> str:
        return str(member + 1) if self.names is None else self.names[member]


@dataclass(frozen=True)
class OrientedEdges(Subsets):
    """`[p p]`: pairs of distinct points with a direction, from the smaller to the larger; a swap of the ends flips the sign."""

    def act(self, element: SignedPermutation) -> SignedPermutation:
        points = _as_array(self.points(), self.count, self.size)
        ends = element.image[points]
        swapped = np.where(ends[:, 0] > ends[:, 1], -1, 1).astype(np.int8)
        signs = _product_of_signs(element, points)
        return SignedPermutation(self._numbers(np.sort(ends, axis=1)), swapped if signs is None else swapped * signs)

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

    def act(self, element: SignedPermutation) -> SignedPermutation:
        points = _as_array(self.points(), self.count, self.size)
        members = element.image[points]
        number = np.zeros(self.count, dtype=np.int64)
        for place in range(self.size):
            smaller = (members[:, :place] < members[:, place : place + 1]).sum(axis=1)
            number += (members[:, place] - smaller) * math.perm(self.degree - 1 - place, self.size - 1 - place)
        return SignedPermutation(number.astype(np.intp), _product_of_signs(element, points))

    def normal(self, point: Any) -> Point:
        return tuple(point)

    def name(self, point: Any) -> str:
        return "(" + ",".join(str(member + 1) if self.names is None else self.names[member] for member in point) + ")"


def _product_of_signs(element: SignedPermutation, points: npt.NDArray[np.intp]) -> Signs | None:
    """The sign of a set or tuple: the product over its members."""
    if element.signs is None:
        return None
    signs: Signs = element.signs[points].prod(axis=1, dtype=np.int8)
    return signs


def _as_array(points: Iterator[Point], count: int, size: int) -> npt.NDArray[np.intp]:
    flat = np.fromiter((member for point in points for member in point), dtype=np.intp, count=count * size)  # type: ignore[attr-defined]
    return flat.reshape(count, size)
