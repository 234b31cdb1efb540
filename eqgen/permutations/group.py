"""Group: a finite permutation group, held by its generators; sympy is the exact group behind it."""

import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property, partial, reduce
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np

from eqgen.common.arrays import Permutation, Signs, read_only
from eqgen.common.errors import DeclarationError, count, in_short
from eqgen.language.grammar import MOST_GENERATORS
from eqgen.language.syntax import operand_text
from eqgen.permutations.notation import cycle_text, generators_text
from eqgen.permutations.signed_permutation import SignedPermutation, doubled, point_orbits

if TYPE_CHECKING:
    from sympy.combinatorics import PermutationGroup

LARGEST_DEGREE = 10_000_000
"""More natural points than this are refused before anything is allocated."""

LARGEST_GROUP = 50_000_000
"""A group that would hold more images of points than this, over all generators (400 MB), is refused likewise; so is a
declaration whose axes do together."""

MOST_FACTORS = 128
"""A direct product of more groups than this is refused."""

LARGEST_QUICK_DEGREE = 50
"""Up to this degree sympy answers the order of any group within about two seconds."""

SLOW = (
    "sympy builds a base and strong generating set of a group on {degree} points (Schreier-Sims): seconds from 50 points on, "
    "about a minute for 100 points, and more for larger ones"
)

LARGEST_QUICK_FORMULA_DEGREE = 20_000
"""Up to this degree a factorial is worked out at once."""

LARGEST_QUICK_ENUMERATION = 1_000_000
"""How many images of points the order may look at by listing elements before a print gives up."""


@dataclass(frozen=True, eq=False, repr=False)
class Group:
    """A finite permutation group on the points 0, ..., degree - 1.

    Attributes:
        generators: read-only integer array of shape (number of generators, degree); row s sends point i to
            `generators[s, i]`. There is always at least one row (the identity for the trivial group).
        signs: int8 array of the same shape, -1 where a generator also flips the sign of the feature that it moves away
            from that point; None when none does.
        text: the group expression that gives these generators back, like `S(5)` or `(1 2 3)(4 5), (1 2)`.
        order_formula: computes the order where a formula gives it, else None.
        point_names: how people call the points, None for 1, 2, 3, ...
        written: "array", "pair" or "function", where the generators were written in a form that people read in two ways
            (see `readings.py`); None where there is one.

    Two groups are equal (`==`) when their generators and signs are; `equals` compares as groups. Printing shows the order
    and the orbits, and of a long text only its beginning.

    >>> import eqgen as eq
    >>> print(eq.C(4))
    C(4)  # order 4, one orbit of 4 points
    >>> eq.C(4) == eq.group("(1 2 3 4)")
    True
    """

    generators: Permutation
    signs: Signs | None
    text: str
    order_formula: Callable[[], int] | None = field(default=None)
    point_names: Sequence[str] | None = field(default=None)
    written: str | None = field(default=None)

    @property
    def degree(self) -> int:
        """How many natural points there are."""
        return int(self.generators.shape[1])

    @cached_property
    def elements(self) -> tuple[SignedPermutation, ...]:
        """The generators as signed permutations, one by one."""
        signs: Iterable[Signs | None] = repeat(None) if self.signs is None else self.signs
        return tuple(map(SignedPermutation, self.generators, signs))

    @property
    def faithful_generators(self) -> Permutation:
        """The generators as plain permutations: of the points, or of the points and their negatives where signs flip."""
        return self.generators if self.signs is None else np.array([doubled(element) for element in self.elements])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Group):
            return NotImplemented
        if (self.signs is None) != (other.signs is None) or not np.array_equal(self.generators, other.generators):
            return False
        return self.signs is None or other.signs is None or np.array_equal(self.signs, other.signs)

    def __hash__(self) -> int:
        signs = b"" if self.signs is None else self.signs.tobytes()
        return hash((self.generators.shape, self.generators.tobytes(), signs))

    def __mul__(self, other: "Group") -> "Group":
        return direct_product(self, other) if isinstance(other, Group) else NotImplemented

    def __setstate__(self, state: dict[str, object]) -> None:
        # Arrays come back from a pickle writeable, and the group is hashed by them.
        self.__dict__.update(state)
        read_only(self.generators)
        if self.signs is not None:
            read_only(self.signs)

    def __str__(self) -> str:
        return f"{self.in_short()}  # {self.describe()}"

    __repr__ = __str__

    @cached_property
    def sympy(self) -> "PermutationGroup":
        """The same group as a sympy `PermutationGroup`; on the points and then their negatives where signs flip."""
        from sympy.combinatorics import Permutation as SympyPermutation
        from sympy.combinatorics import PermutationGroup

        rows = self.faithful_generators
        return PermutationGroup([SympyPermutation(row.tolist(), size=rows.shape[1]) for row in rows])

    @cached_property
    def order(self) -> int:
        """How many elements the group has: by formula where one is known, by listing few, else by sympy; always exact.

        Sympy takes seconds from some 40 points on, and a minute for a hundred points moved by plain generators: where that
        is to be expected, a warning says so.
        """
        if self.order_formula is not None:
            return self.order_formula()
        found = self._order_without_schreier_sims()
        if found is not None:
            return found
        if self.faithful_generators.shape[1] > LARGEST_QUICK_DEGREE:
            warnings.warn(SLOW.format(degree=self.degree), stacklevel=2)
        return int(self.sympy.order())

    @cached_property
    def orbits(self) -> Permutation:
        """The orbit of each point, shape (degree,), numbered by first appearance."""
        return point_orbits(self.generators)

    @cached_property
    def _listed_order(self) -> int | None:
        """The order by listing the elements, None when that would look at more than LARGEST_QUICK_ENUMERATION images."""
        generators = self.faithful_generators
        frontier = [np.arange(generators.shape[1])]
        listed = {frontier[0].tobytes()}
        budget = LARGEST_QUICK_ENUMERATION // (generators.size or 1)
        while frontier:
            element = frontier.pop()
            for generator in generators:
                image = generator[element]
                key = image.tobytes()
                if key not in listed:
                    if len(listed) >= budget:
                        return None
                    listed.add(key)
                    frontier.append(image)
        return len(listed)

    def quick_order(self) -> int | None:
        """The order where it is known or soon found, None where sympy would keep the reader waiting."""
        limit = LARGEST_QUICK_DEGREE if self.order_formula is None else LARGEST_QUICK_FORMULA_DEGREE
        if "order" in self.__dict__ or self.degree * (1 if self.signs is None else 2) <= limit:
            return self.order
        return self._order_without_schreier_sims()

    def _order_without_schreier_sims(self) -> int | None:
        """The order of a small group by listing its elements, or of an alternating or symmetric one by Jordan's theorem."""
        if self._listed_order is not None:
            return self._listed_order
        # Sympy's test for the two draws elements: it never says yes wrongly, and no once in 1 / eps times, by default in twenty.
        if self.signs is None and 8 <= self.degree <= LARGEST_QUICK_FORMULA_DEGREE and self.sympy.is_alt_sym(eps=1e-6):
            even = all(generator.is_even for generator in self.sympy.generators)
            return math.factorial(self.degree) // (2 if even else 1)
        return None

    def equals(self, other: "Group") -> bool:
        """Whether two groups have the same elements, whatever their generators; decided by sympy.

        Quick for groups of small order or degree; else sympy needs a base and strong generating set of both, and a warning
        says what that costs.

        >>> import eqgen as eq
        >>> eq.S(3).equals(eq.group("(1 2), (2 3)"))
        True
        """
        if not isinstance(other, Group):
            raise DeclarationError(f"equals compares two groups, got {type(other).__name__}: eq.group(...) makes one")
        if self == other:
            return True
        if self.degree != other.degree or (self.signs is None) != (other.signs is None):
            return False
        orders = self.quick_order(), other.quick_order()
        if None in orders:
            warnings.warn(SLOW.format(degree=self.degree), stacklevel=2)
        elif orders[0] != orders[1]:
            return False
        inside = all(self.sympy.contains(generator) for generator in other.sympy.generators)
        return inside and all(other.sympy.contains(generator) for generator in self.sympy.generators)

    def describe(self) -> str:
        """The order and the orbits in words, so that a group larger than its owner meant is seen at once."""
        order = self.quick_order()
        shown = f"order {order_text(order)}" if order is not None else "order not computed (.order may be slow)"
        signed = "" if self.signs is None else ", signs flip"
        sizes = np.sort(np.bincount(self.orbits))[::-1].tolist()
        if len(sizes) == 1:
            return f"{shown}, one orbit of {count(sizes[0], 'point')}{signed}"
        listed = ", ".join(map(str, sizes[:8])) + (", ..." if len(sizes) > 8 else "")
        return f"{shown}, {len(sizes)} orbits of {listed} points{signed}"

    def in_short(self) -> str:
        """The text, cut where it is long: for people."""
        return in_short(self.text)

    def without_catalogue(self) -> str:
        """A text that gives the group back even if the catalogue changes: what a saved layer holds."""
        return generators_text(self.elements) if "catalogue(" in self.text else self.text

    def generator_text(self, number: int) -> str:
        """Generator `number` (from 0) in cycles, cut where it is long: for messages and reports."""
        return in_short(cycle_text(self.elements[number], 60) or "the identity", 60)


def direct_product(*groups: Group) -> Group:
    """Each group moving its own points, the points laid one after the other: `S(2) * S(3)` has 5 points."""
    text = " * ".join(operand_text(group.text) for group in groups)
    if text.count(" * ") >= MOST_FACTORS:
        raise DeclarationError(
            f"a direct product of {text.count(' * ') + 1} groups is more than the {MOST_FACTORS} that eqgen takes: declare axes "
            "that move independently, as in p q -> p q where p = S(2), q = S(3)"
        )
    degree = checked_degree(text, sum(group.degree for group in groups), sum(len(group.generators) for group in groups))
    rows, start = [], 0
    for group in groups:
        rows += [on_some_points(element, start, degree) for element in group.elements]
        start += group.degree
    formula = partial(_product_of_orders, groups) if all(group.order_formula for group in groups) else None
    written = next((group.written for group in groups if group.written), None)
    return make_group(rows, text, formula, written=written)


def diagonal(groups: Sequence[Group]) -> Group:
    """The group whose generator k is generator k of each group at once, on their points laid one after the other."""
    if len(groups) == 1:
        return groups[0]
    starts = np.cumsum([0, *(group.degree for group in groups)])
    elements = [
        reduce(SignedPermutation.then, map(on_some_points, together, starts.tolist(), repeat(int(starts[-1]))))
        for together in zip(*(group.elements for group in groups), strict=True)
    ]
    return make_group(elements)


def on_some_points(element: SignedPermutation, start: int, degree: int) -> SignedPermutation:
    """An element that moves the points start, start + 1, ... of `degree` points, and leaves the others."""
    own = slice(start, start + element.size)
    image, signs = np.arange(degree), np.ones(degree, dtype=np.int8)
    image[own], signs[own] = start + element.image, element.all_signs()
    return SignedPermutation(image, None if element.signs is None else signs)


def make_group(
    elements: Sequence[SignedPermutation],
    text: str | None = None,
    order_formula: Callable[[], int] | None = None,
    point_names: Sequence[str] | None = None,
    written: str | None = None,
) -> Group:
    """A Group of generators that are known to be permutations, with its text and its order where a formula gives it."""
    images = read_only(np.array([element.image for element in elements], dtype=np.intp))
    signs = None
    if any(element.signs is not None and (element.signs < 0).any() for element in elements):
        signs = read_only(np.array([element.all_signs() for element in elements], dtype=np.int8))
    text = generators_text(elements) if text is None else text
    return Group(images, signs, text, order_formula, point_names, written)


def checked_degree(what: str, degree: int, generators: int = 1) -> int:
    """The degree, refused before so many generators on so many points are allocated that would only fill the memory."""
    if degree > LARGEST_DEGREE:
        raise DeclarationError(f"{in_short(what, 60)} has {degree} points: eqgen takes at most {LARGEST_DEGREE}")
    if generators * degree > LARGEST_GROUP:
        raise DeclarationError(
            f"{in_short(what, 60)} has {generators} generators on {degree} points: eqgen holds at most "
            f"{LARGEST_GROUP} images of points"
        )
    check_number_of_generators(generators)
    return degree


def check_number_of_generators(generators: int) -> None:
    """Stop at generators that are too many to be looked at one by one."""
    if generators > MOST_GENERATORS:
        raise DeclarationError(
            f"{generators} generators are more than the {MOST_GENERATORS} that eqgen takes: leave out those that others generate "
            "(a group on n points never needs more than n)"
        )


def order_text(order: int) -> str:
    """An order as people read it: in full up to 30 digits, else rounded.

    >>> order_text(120), order_text(10**100)
    ('120', 'about 1.0e100')
    """
    return str(order) if order < 10**30 else f"about {Decimal(order):.1e}".replace("+", "")


def _product_of_orders(groups: Sequence[Group]) -> int:
    return math.prod(group.order for group in groups)
