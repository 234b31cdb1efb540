"""Group: a finite permutation group, held by its generators; sympy is the exact group behind it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from eqgen.errors import DeclarationError
from eqgen.notation import LARGEST_TEXT_DEGREE, Permutation, cycle_text, generators_text, unpacked
from eqgen.words import count

if TYPE_CHECKING:
    from sympy.combinatorics import PermutationGroup

LARGEST_DEGREE = 10_000_000
"""More natural points than this are refused before anything is allocated."""

LARGEST_QUICK_DEGREE = 50
"""Up to this degree sympy answers the order of any group within about two seconds."""

LARGEST_QUICK_FORMULA_DEGREE = 20_000
"""Up to this degree a factorial is worked out at once."""

LARGEST_QUICK_ENUMERATION = 4_000_000
"""How many images of points the order may look at by listing elements before a print gives up."""


@dataclass(frozen=True, eq=False, repr=False)
class Group:
    """A finite permutation group on the points 0, ..., degree - 1.

    Attributes:
        generators: read-only integer array of shape (number of generators, degree); row s sends point i to
            `generators[s, i]`. There is always at least one row (the identity for the trivial group).
        text: the group expression that gives these generators back, like `S(5)` or `(1 2 3)(4 5), (1 2)`.
        order_formula: computes the order where a formula gives it, else None.

    Two groups are equal (`==`) when their degrees and generators are; printing shows the order and the orbits.

    >>> import eqgen as eq
    >>> print(eq.C(4))
    C(4)  # order 4, one orbit of 4 points
    >>> eq.C(4) == eq.group("(1 2 3 4)")
    True
    """

    generators: Permutation
    text: str
    order_formula: Callable[[], int] | None = field(default=None)

    @property
    def degree(self) -> int:
        """How many natural points there are."""
        return int(self.generators.shape[1])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Group):
            return NotImplemented
        return np.array_equal(self.generators, other.generators)

    def __hash__(self) -> int:
        return hash((self.generators.shape, self.generators.tobytes()))

    def __mul__(self, other: Group) -> Group:
        return direct_product(self, other)

    def __str__(self) -> str:
        return f"{self.text}  # {self.describe()}"

    def __repr__(self) -> str:
        return str(self)

    @cached_property
    def sympy(self) -> PermutationGroup:
        """The same group as a sympy `PermutationGroup`."""
        from sympy.combinatorics import Permutation as SympyPermutation
        from sympy.combinatorics import PermutationGroup

        return PermutationGroup([SympyPermutation(row.tolist(), size=self.degree) for row in self.generators])

    @cached_property
    def order(self) -> int:
        """How many elements the group has: by formula where one is known, else by sympy (Schreier-Sims, exact)."""
        if self.order_formula is not None:
            return self.order_formula()
        # Jordan's theorem finds the alternating and symmetric groups at once, where Schreier-Sims takes seconds from 40
        # points on; sympy's test never says yes wrongly.
        if self.degree >= 8 and self.sympy.is_alt_sym():
            even = all(generator.is_even for generator in self.sympy.generators)
            return math.factorial(self.degree) // (2 if even else 1)
        return int(self.sympy.order())

    @cached_property
    def orbits(self) -> npt.NDArray[np.intp]:
        """The orbit of each point, shape (degree,), numbered by first appearance."""
        return point_orbits(self.generators)

    def quick_order(self) -> int | None:
        """The order where it is known or soon found, None where sympy would keep the reader waiting."""
        limit = LARGEST_QUICK_DEGREE if self.order_formula is None else LARGEST_QUICK_FORMULA_DEGREE
        if "order" in self.__dict__ or self.degree <= limit:
            return self.order
        return _order_by_listing(self.generators)

    def describe(self) -> str:
        """The order and the orbits in words, so that a group larger than its owner meant is seen at once."""
        order = self.quick_order()
        shown = f"order {order_text(order)}" if order is not None else "order not computed (.order may be slow)"
        sizes = np.sort(np.bincount(self.orbits))[::-1].tolist()
        if len(sizes) == 1:
            return f"{shown}, one orbit of {count(sizes[0], 'point')}"
        listed = ", ".join(map(str, sizes[:8])) + (", ..." if len(sizes) > 8 else "")
        return f"{shown}, {len(sizes)} orbits of {listed} points"

    def generator_text(self, number: int) -> str:
        """Generator `number` (from 0) in cycles, cut where it is long: for messages and reports."""
        text = cycle_text(self.generators[number]) or "the identity"
        return text if len(text) <= 60 else text[:57] + "..."


def direct_product(*groups: Group) -> Group:
    """Each group moving its own points, the points laid one after the other: `S(2) * S(3)` has 5 points."""
    degree = checked_degree(" * ".join(group.text for group in groups), sum(group.degree for group in groups))
    generators, start = [], 0
    for group in groups:
        for row in group.generators:
            image = np.arange(degree)
            image[start : start + group.degree] = start + row
            generators.append(image)
        start += group.degree
    formula = None
    if all(group.order_formula is not None for group in groups):
        formula = partial(_product_of_orders, groups)
    return make_group(generators, " * ".join(operand_text(group) for group in groups), formula)


def from_arrays(generators: Iterable[Sequence[int] | npt.NDArray[Any]]) -> Group:
    """The group of 0-based generator arrays: generator g sends point i to g[i].

    Raises:
        DeclarationError: no generator, generators of different lengths, or one that is no permutation.
    """
    rows: list[Permutation] = []
    for number, generator in enumerate(generators, start=1):
        try:
            row = np.asarray(generator)
        except (ValueError, TypeError, OverflowError):
            row = np.zeros((0, 0))
        if row.ndim != 1 or row.dtype.kind not in "iu":
            raise DeclarationError(
                f"generator {number} is {shortened(generator)}: expected a list of whole numbers, where the i-th "
                "(from 0) says where point i goes, like [1, 2, 0]"
            )
        checked_degree(f"generator {number}", row.size)
        if row.size == 0:
            raise DeclarationError(f"generator {number} is empty: a group needs at least one point")
        if rows and row.size != rows[0].size:
            raise DeclarationError(
                f"generator {number} moves {row.size} points, generator 1 moves {rows[0].size}: all generators of a "
                "group move the same points; write the fixed points too"
            )
        _check_permutation(row, number)
        rows.append(row.astype(np.intp))
    if not rows:
        raise DeclarationError(
            "a group needs at least one generator: for the trivial group on n points write list(range(n))"
        )
    return make_group(rows)


def from_cycles(generators: Sequence[Sequence[Sequence[int]]]) -> Group:
    """The group of generators written as disjoint cycles of 1-based points; the largest point sets the degree."""
    degree = max((point for cycles in generators for cycle in cycles for point in cycle), default=0)
    if degree == 0:
        raise DeclarationError("no point is named: for the trivial group on three points write (1)(2)(3)")
    checked_degree("a cycle", degree)
    rows = []
    for cycles in generators:
        image = np.arange(degree)
        for cycle in cycles:
            points = np.asarray(cycle, dtype=np.intp) - 1
            image[points] = np.roll(points, -1)
        rows.append(image)
    return make_group(rows)


def from_sympy(group: PermutationGroup) -> Group:
    """The same group as a sympy `PermutationGroup`."""
    return from_arrays([generator.array_form for generator in group.generators])


def from_compressed(text: str) -> Group:
    """The group that `generators("...")` holds.

    Raises:
        DeclarationError: the text is damaged.
    """
    try:
        rows = unpacked(text)
    except ValueError:
        raise DeclarationError(
            'generators("...") does not hold generators: the text inside the quotes is written by eqgen for groups of more '
            f"than {LARGEST_TEXT_DEGREE} points and is not meant to be edited"
        ) from None
    return from_arrays(list(rows))


def point_orbits(permutations: Permutation) -> npt.NDArray[np.intp]:
    """The orbit of each point under permutations of shape (count, size), numbered by first appearance."""
    size = permutations.shape[1]
    smallest = np.arange(size)
    while True:
        before = smallest
        for image in permutations:
            lower = np.minimum(smallest, smallest[image])
            carried = np.empty_like(lower)
            carried[image] = lower
            smallest = np.minimum(lower, carried)
        # Every label names a point of the same orbit, so following it twice only shortens the way.
        smallest = smallest[smallest]
        if np.array_equal(smallest, before):
            return np.unique(smallest, return_inverse=True)[1].reshape(size)


def make_group(
    rows: Sequence[Permutation], text: str | None = None, order_formula: Callable[[], int] | None = None
) -> Group:
    """A Group of rows that are known to be permutations, with its text and its order where a formula gives it."""
    generators = np.array(rows, dtype=np.intp)
    generators.setflags(write=False)
    return Group(generators, text if text is not None else generators_text(generators), order_formula)


def operand_text(group: Group) -> str:
    """The text of a group inside a larger expression, where a bare list of generators cannot stand."""
    return f"Group({group.text})" if group.text.startswith("(") else group.text


def checked_degree(what: str, degree: int) -> int:
    """The degree, refused when a group of so many points would only fill the memory."""
    if degree > LARGEST_DEGREE:
        raise DeclarationError(
            f"{what if len(what) < 60 else what[:57] + '...'} has {degree} points: eqgen takes at most {LARGEST_DEGREE}"
        )
    return degree


def _check_permutation(row: npt.NDArray[Any], number: int) -> None:
    outside = np.flatnonzero((row < 0) | (row >= row.size))
    if outside.size:
        point = int(outside[0])
        raise DeclarationError(
            f"generator {number} is no permutation: it sends point {point} to {row[point]}, which is outside "
            f"0..{row.size - 1}; arrays are 0-based (cycles in text are 1-based)"
        )
    counts = np.bincount(row, minlength=row.size)
    if (counts != 1).any():
        image = int(np.argmax(counts > 1))
        first, second = np.flatnonzero(row == image)[:2].tolist()
        raise DeclarationError(
            f"generator {number} is no permutation: it sends both point {first} and point {second} to {image}, and no "
            f"point to {int(np.argmin(counts))}; each point must be reached once"
        )


def _order_by_listing(generators: Permutation) -> int | None:
    """The order by listing the elements, None when that would look at more than LARGEST_QUICK_ENUMERATION images."""
    identity = np.arange(generators.shape[1])
    found = {identity.tobytes()}
    frontier = [identity]
    budget = LARGEST_QUICK_ENUMERATION // (generators.size or 1)
    while frontier:
        element = frontier.pop()
        for generator in generators:
            image = generator[element]
            key = image.tobytes()
            if key not in found:
                if len(found) >= budget:
                    return None
                found.add(key)
                frontier.append(image)
    return len(found)


def order_text(order: int) -> str:
    """An order as people read it: in full up to 30 digits, else rounded.

    >>> order_text(120), order_text(10**100)
    ('120', 'about 1.0e100')
    """
    if order < 10**30:
        return str(order)
    return f"about {Decimal(order):.1e}".replace("+", "")


def _product_of_orders(groups: Sequence[Group]) -> int:
    return math.prod(group.order for group in groups)


def shortened(value: object) -> str:
    """A value as it is shown in a message."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
