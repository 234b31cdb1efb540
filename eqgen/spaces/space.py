"""Space: the finite set that a feature map is indexed by, and what each group element does to it."""

import math
from collections.abc import Container, Iterator, Sequence
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import accumulate, product
from typing import Any

import numpy as np

from eqgen.common.arrays import Permutation
from eqgen.common.errors import DeclarationError
from eqgen.permutations.signed_permutation import SignedPermutation, identity
from eqgen.spaces.factors import FIXED_POINT, FactorKind, Point

LARGEST_SPACE = 20_000_000
"""More points than this are refused before anything is allocated."""


@dataclass(frozen=True)
class Factor:
    """One factor of a term: its kind, and the number of the axis that moves it (None for a fixed point)."""

    kind: FactorKind
    axis: int | None


Term = tuple[Factor, ...]


@dataclass(frozen=True)
class Space:
    """A disjoint union of terms, each a Cartesian product of factors; points are numbered row-major, terms in turn.

    Attributes:
        terms: the summands.

    >>> import eqgen as eq
    >>> edges = eq.mapping("{p p} -> p", p=eq.S(4)).input
    >>> edges.size, edges.points[:3], edges.index({2, 0}), edges.name(1)
    (6, ((0, 1), (0, 2), (0, 3)), 1, '{1,3}')
    """

    terms: tuple[Term, ...]

    @property
    def size(self) -> int:
        """How many points there are."""
        return self.slices[-1].stop if self.slices else 0

    @cached_property
    def slices(self) -> tuple[slice, ...]:
        """Where the points of each term lie among all."""
        stops = tuple(accumulate(math.prod(term_shape(term)) for term in self.terms))
        return tuple(map(slice, (0, *stops[:-1]), stops))

    def by_term(self, numbers: Permutation) -> Iterator[tuple[Permutation, Permutation]]:
        """For each term, which of some points lie in it, by their place, and their numbers within the term."""
        for own in self.slices:
            chosen = np.flatnonzero((numbers >= own.start) & (numbers < own.stop))
            yield chosen, numbers[chosen] - own.start

    @property
    def axis_numbers(self) -> list[int]:
        """The numbers of the axes that move its factors, factor by factor."""
        return [factor.axis for term in self.terms for factor in term if factor.axis is not None]

    @property
    def shape(self) -> tuple[int, ...]:
        """The grid that the points fill: a size for each factor of a single term, else `(size,)`."""
        return term_shape(self.terms[0]) if len(self.terms) == 1 else (self.size,)

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """The points in order, 0-based.

        A point of `p` is a number, of `{p p}` or `<p p>` a tuple, of `1` the empty tuple, of a product a tuple of its
        factors' points; in a sum of several terms it is (number of the term, point).
        """
        listed: list[Point] = []
        for number, term in enumerate(self.terms):
            for point in product(*(factor.kind.points() for factor in term)):
                shown = point[0] if len(term) == 1 else point
                listed.append(shown if len(self.terms) == 1 else (number, shown))
        return tuple(listed)

    def index(self, point: Any) -> int:
        """The number of a point, written as in `points`; an edge may be written from either end, or as a set.

        Raises:
            DeclarationError: the space has no such point.
        """
        try:
            number, inner = point if len(self.terms) > 1 else (0, point)
            if not 0 <= number < len(self.terms):
                raise IndexError(number)
            term = self.terms[number]
            parts = zip(term, (inner,) if len(term) == 1 else inner, strict=True)
            place = np.ravel_multi_index([factor.kind.index(part) for factor, part in parts], term_shape(term))
            return int(self.slices[number].start + place)
        except (KeyError, TypeError, IndexError, ValueError, AttributeError):
            raise DeclarationError(
                f"{point!r} is no point of this space: its points are written like {self.point(0)!r} and "
                f"{self.point(self.size - 1)!r}, counted from 0"
            ) from None

    def point(self, number: int) -> Point:
        """Point `number` as `points` lists it."""
        place, parts = self._parts(number)
        points = tuple(kind.point(part) for kind, part in parts)
        shown = points[0] if len(points) == 1 else points
        return shown if len(self.terms) == 1 else (place, shown)

    def name(self, number: int) -> str:
        """Point `number` as people write it, 1-based: `3`, `{1,3}`, `(2,5)`."""
        named = [kind.name(kind.point(part)) for kind, part in self._parts(number)[1]]
        return named[0] if len(named) == 1 else f"({', '.join(named)})"

    def _parts(self, number: int) -> tuple[int, list[tuple[FactorKind, int]]]:
        """The term that a point belongs to, and its part in each factor, by number."""
        for place, (term, own) in enumerate(zip(self.terms, self.slices, strict=True)):
            if number < own.stop:
                coordinates = _coordinates(term, np.array(number - own.start))
                return place, [(factor.kind, int(part)) for factor, part in zip(term, coordinates, strict=True)]
        raise IndexError(number)

    def act(self, elements: Dictionary[int, SignedPermutation]) -> SignedPermutation:
        """What group elements of some axes, by the axes' numbers, do to the points together."""
        parts = [_act_on_term(term, elements) for term in self.terms]
        image = np.concatenate([own.start + part.image for own, part in zip(self.slices, parts, strict=True)])
        are_plain = all(part.signs is None for part in parts)
        return SignedPermutation(image, None if are_plain else np.concatenate([part.all_signs() for part in parts]))


def term_shape(term: Term) -> tuple[int, ...]:
    """The grid that the points of a term fill: how many points each factor has."""
    return tuple(factor.kind.count for factor in term)


def term_members(term: Term, numbers: Permutation) -> Permutation:
    """The points of the axes that make some points of a term, given by number, factor by factor: (numbers, members)."""
    parts = [factor.kind.members(part) for factor, part in zip(term, _coordinates(term, numbers), strict=True)]
    return np.concatenate(parts, axis=-1)


def term_numbers(term: Term, members: Permutation) -> Permutation:
    """What undoes `term_members`, for members of shape (..., members)."""
    own = np.split(members, np.cumsum([factor.kind.size for factor in term])[:-1], axis=-1)
    parts = [factor.kind.numbers(part) for factor, part in zip(term, own, strict=True)]
    return np.ravel_multi_index(parts, term_shape(term))


def part_of(term: Term, unit: Container[int | None]) -> Space:
    """The space of those factors of a term that the axes of one unit move (a single point when there is none)."""
    factors = tuple(factor for factor in term if factor.axis in unit)
    return Space((factors or (Factor(FIXED_POINT, None),),))


def part_numbers(term: Term, unit: Container[int | None], numbers: Permutation) -> Permutation:
    """For some points of a term, by number, the number of their part in `part_of(term, unit)`."""
    parts = zip(term, _coordinates(term, numbers), strict=True)
    own = [part for factor, part in parts if factor.axis in unit]
    return np.ravel_multi_index(own, part_of(term, unit).shape) if own else np.zeros_like(numbers)


def from_parts(term: Term, parts: Sequence[tuple[Container[int | None], Permutation]]) -> Permutation:
    """What undoes `part_numbers`: the points of a term from the numbers of their parts for every unit."""
    coordinates = [np.zeros_like(parts[0][1])] * len(term)
    for unit, numbers in parts:
        own = [place for place, factor in enumerate(term) if factor.axis in unit]
        for place, part in zip(own, _coordinates(tuple(term[place] for place in own), numbers), strict=True):
            coordinates[place] = part
    return np.ravel_multi_index(coordinates, term_shape(term))


def _coordinates(term: Term, numbers: Permutation) -> tuple[Permutation, ...]:
    """The number of each factor's point."""
    return np.unravel_index(numbers, term_shape(term)) if term else ()


def _act_on_term(term: Term, elements: Dictionary[int, SignedPermutation]) -> SignedPermutation:
    parts = [
        identity(factor.kind.count)
        if factor.axis is None or factor.axis not in elements
        else factor.kind.act(elements[factor.axis])
        for factor in term
    ]
    image = np.zeros(1, dtype=np.intp)
    for part in parts:
        image = (image[:, None] * part.size + part.image).ravel()
    if all(part.signs is None for part in parts):
        return SignedPermutation(image)
    return SignedPermutation(image, reduce(np.multiply.outer, [part.all_signs() for part in parts]).ravel())
