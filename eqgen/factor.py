"""The kinds of factor: which points are made of an axis, and how a permutation of the axis moves them."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from eqgen.notation import Permutation

Point = Hashable


class FactorKind(Protocol):
    """What a Space needs of each of its factors; all members are pure functions of the frozen fields."""

    @property
    def count(self) -> int:
        """How many points the factor has."""

    def points(self) -> Iterator[Point]:
        """The points in order."""

    def act(self, permutation: Permutation) -> Permutation:
        """What a permutation of the axis, shape (degree,), does to the points: shape (count,)."""

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

    def act(self, permutation: Permutation) -> Permutation:
        return np.zeros(1, dtype=np.intp)

    def normal(self, point: Any) -> Point:
        return point  # type: ignore[no-any-return]

    def name(self, point: Any) -> str:
        return "1"


@dataclass(frozen=True)
class NaturalPoints:
    """`p`: the points of an axis themselves, written 0, ..., degree - 1."""

    degree: int

    @property
    def count(self) -> int:
        return self.degree

    def points(self) -> Iterator[Point]:
        return iter(range(self.degree))

    def act(self, permutation: Permutation) -> Permutation:
        return permutation

    def normal(self, point: Any) -> Point:
        return point  # type: ignore[no-any-return]

    def name(self, point: Any) -> str:
        return str(point + 1)


@dataclass(frozen=True)
class Subsets:
    """`{p p}`: the sets of `size` distinct points, in the order of `itertools.combinations`."""

    degree: int
    size: int

    @property
    def count(self) -> int:
        return math.comb(self.degree, self.size)

    def points(self) -> Iterator[Point]:
        return combinations(range(self.degree), self.size)

    def act(self, permutation: Permutation) -> Permutation:
        members = np.sort(permutation[_as_array(self.points(), self.count, self.size)], axis=1)
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
        return "{" + ",".join(str(member + 1) for member in point) + "}"


@dataclass(frozen=True)
class Tuples:
    """`<p p>`: the ordered tuples of `size` distinct points, lexicographically."""

    degree: int
    size: int

    @property
    def count(self) -> int:
        return math.perm(self.degree, self.size)

    def points(self) -> Iterator[Point]:
        return permutations(range(self.degree), self.size)

    def act(self, permutation: Permutation) -> Permutation:
        members = permutation[_as_array(self.points(), self.count, self.size)]
        number = np.zeros(self.count, dtype=np.int64)
        for place in range(self.size):
            smaller = (members[:, :place] < members[:, place : place + 1]).sum(axis=1)
            number += (members[:, place] - smaller) * math.perm(self.degree - 1 - place, self.size - 1 - place)
        return number.astype(np.intp)

    def normal(self, point: Any) -> Point:
        return tuple(point)

    def name(self, point: Any) -> str:
        return "(" + ",".join(str(member + 1) for member in point) + ")"


def _as_array(points: Iterator[Point], count: int, size: int) -> npt.NDArray[np.intp]:
    flat = np.fromiter((member for point in points for member in point), dtype=np.intp, count=count * size)  # type: ignore[attr-defined]
    return flat.reshape(count, size)
