"""OrbitFamily: the orbits of a mapping for every size of its axes, and how their sizes grow, as polynomials.

The orbits of pairs under S(n) are the ways in which the points of a pair coincide, and from as many points on as a pair meets all
of them are there (see `stable.py`): one table of the stable degree decides. An orbit whose first row meets j points and whose first
pair k has `c (n - j) (n - j - 1) ... (n - k + 1)` entries in a row: for S(n) at every n, so that it is empty where n < k.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import perm, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from eqgen.common.arrays import Integers, Permutation, SignedLabels
from eqgen.common.errors import count
from eqgen.orbitals.certificate import Certificate
from eqgen.orbitals.declare_family import RINGS, mapping
from eqgen.orbitals.limits import LIMITS, Limits
from eqgen.orbitals.orbits import Orbits
from eqgen.orbitals.orbits import orbits as orbits_of_one_size
from eqgen.orbitals.pattern import Pattern
from eqgen.spaces.family import AnyBlocks, MappingFamily, Sizes, terms_count
from eqgen.spaces.mapping import Mapping
from eqgen.spaces.space import Space, term_members, term_numbers

if TYPE_CHECKING:
    from sympy import Expr


@dataclass(frozen=True)
class Growth:
    """A number that grows with the sizes: `factor (n - start) ... (n - stop + 1)` over some letters.

    Attributes:
        factor: a fraction.
        spans: (letter, axis, start, stop).
    """

    factor: Fraction
    spans: tuple[tuple[str, int, int, int], ...]

    def at(self, sizes: Sizes) -> int:
        """The number for some sizes; 0 where there is no row of that kind."""
        number = self.factor
        for letter, _, start, stop in self.spans:
            size = sizes[letter]
            number *= perm(size - start, stop - start) if size >= start else 0
        return int(number)

    @property
    def polynomial(self) -> "Expr":
        """The same as a polynomial of the letters, by sympy."""
        from sympy import Rational, Symbol, factor

        product = Rational(self.factor.numerator, self.factor.denominator)
        for letter, _, start, stop in self.spans:
            for place in range(start, stop):
                product *= Symbol(letter) - place
        return factor(product)

    def __str__(self) -> str:
        return str(self.polynomial).replace("*(", "(").replace("*", " ").replace("  ", "**")


@dataclass(frozen=True, repr=False)
class OrbitFamily:
    """The orbits of index pairs for every size; each is one shared parameter.

    Attributes:
        family: what they are of.
        stable: the orbits for as many points as a pair meets, which are those for all larger numbers too.

    >>> import eqgen as eq
    >>> print(eq.orbits("{p p} -> {p p} where p = S(n)"))
    {p p} -> {p p} where p = S(n): 3 orbits, the same for every n >= 4
      a: 1 in a row, n(n - 1)/2 pairs like {1,2} <- {1,2}
      b: 2(n - 2) in a row, n(n - 2)(n - 1) pairs like {1,2} <- {1,3}
      c: (n - 3)(n - 2)/2 in a row, n(n - 3)(n - 2)(n - 1)/4 pairs like {1,2} <- {3,4}
    """

    family: MappingFamily
    stable: Orbits

    @property
    def rank(self) -> int:
        """How many orbits there are, from the stable degree on."""
        return self.stable.rank

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each orbit: a..z, aa, ab, ..."""
        return self.stable.names

    @property
    def orbitals_per_row(self) -> Integers:
        """How many orbits stand in a row that each meets, shape (rank,)."""
        return self.stable.orbitals_per_row

    @property
    def row_sizes(self) -> "tuple[Expr, ...]":
        """How many entries of each orbit stand in one row that it meets, as polynomials of the letters."""
        return tuple(growth.polynomial for growth in self.row_growths)

    @property
    def sizes(self) -> "tuple[Expr, ...]":
        """How many pairs each orbit has, as polynomials of the letters."""
        return tuple(growth.polynomial for growth in self._growths(self.stable.sizes, with_rows=True))

    @cached_property
    def row_growths(self) -> tuple[Growth, ...]:
        """How the row size of each orbit grows."""
        return tuple(self._growths(self.stable.row_sizes, with_rows=False))

    def _growths(self, counts: Integers, *, with_rows: bool) -> list[Growth]:
        stable = self.family.stable
        rows, columns = self.stable.representatives.T
        growths = []
        for number, whole in enumerate(counts.tolist()):
            row, column = rows[number : number + 1], columns[number : number + 1]
            factor, spans = Fraction(whole), []
            for axis, group in enumerate(self.family.groups):
                if group is None:
                    continue
                if isinstance(group, AnyBlocks):
                    named = [] if with_rows else _members_of(stable.output, row, axis)
                    every = _members_of(stable.output, row, axis) + _members_of(stable.input, column, axis)
                    own = block_spans(group, axis, named, every)
                    spans += own
                    few = group.few(0)
                    factor /= prod(perm(few[letter] - start, stop - start) for letter, _, start, stop in own)
                    continue
                start = 0 if with_rows else _met(stable.output, row, axis)
                stop = max(_met(stable.output, row, axis), _met(stable.input, column, axis))
                if group.family in RINGS:
                    # A stencil reaches as many cells from each on every ring.
                    stop = start + with_rows
                factor /= perm(stable.axes[axis].group.degree - start, stop - start)
                spans.append((group.letter, axis, start, stop))
            growths.append(Growth(factor, tuple(span for span in spans if span[2] < span[3])))
        return growths

    @property
    def pattern(self) -> Pattern:
        """The symbolic weight matrix for the fewest points that show all orbits."""
        return self.stable.pattern

    def latex(self) -> str:
        """The pattern for few points as a LaTeX matrix, with dots where it goes on."""
        first, *rows, last = self.pattern.latex().splitlines()
        dotted = [f"{row.removesuffix(' ' + chr(92) * 2)} & \\cdots \\\\" for row in rows]
        columns = self.pattern.shape[1]
        dots = " & ".join(["\\vdots"] * columns)
        return "\n".join([first, *dotted, f"{dots} & \\ddots", last])

    def at(self, **sizes: int) -> Orbits:
        """The orbits for a size of each letter.

        Raises:
            DeclarationError: a letter is missing or unknown, or a space is empty.
        """
        return orbits_of_one_size(self.family.at(**sizes))

    def stable_labels(self, found: Orbits, sizes: Sizes) -> SignedLabels:
        """Which of these orbits each orbit for some sizes is a part of, (rank for these sizes,), plus 1, with its sign.

        0 where none is: with signs of permutations few points may have orbits that more points have not.

        Args:
            found: the orbits of `family.member(sizes)`.
            sizes: one for each letter.
        """
        rows, columns = found.representatives.T
        row_numbers = grown(self.family, rows, found.mapping.output, self.family.stable.output, sizes)
        column_numbers = grown(self.family, columns, found.mapping.input, self.family.stable.input, sizes)
        pairs = [
            self.stable.form.at(*map(np.atleast_1d, pair)) for pair in zip(row_numbers, column_numbers, strict=True)
        ]
        return np.array([int(label[0, 0]) for label in pairs], dtype=np.int64)

    def certificate(self) -> Certificate:
        """The certificate of the orbits for the stable degree, which are those for every larger size."""
        return self.stable.certificate()

    def __str__(self) -> str:
        bounds = " and ".join(f"{letter} >= {size}" for letter, size in self.family.stable_sizes.items())
        lines = [f"{self.family}: {count(self.rank, 'orbit')}, the same for every {bounds}"]
        pairs = self._growths(self.stable.sizes, with_rows=True)
        for number, (row, column) in enumerate(self.stable.representatives.tolist()):
            like = f"{self.family.stable.output.name(row)} <- {self.family.stable.input.name(column)}"
            lines.append(
                f"  {self.names[number]}: {self.row_growths[number]} in a row, {pairs[number]} pairs like {like}"
            )
        return "\n".join(lines)

    __repr__ = __str__


def orbits(declaration: Mapping | MappingFamily | str, *, limits: Limits = LIMITS) -> Orbits | OrbitFamily | Any:
    """The orbits of index pairs of a mapping; of a mapping for every size an OrbitFamily.

    Args:
        declaration: a Mapping or MappingFamily, or the text of one.
        limits: what decides between ways to find them that all give the same.

    Raises:
        DeclarationError: the declaration is wrong, or the table of labels would not fit in memory.
    """
    declared = mapping(declaration)
    if not isinstance(declared, MappingFamily):
        return orbits_of_one_size(declared, limits=limits)
    return OrbitFamily(declared, orbits_of_one_size(declared.stable, limits=limits))


def grown(family: MappingFamily, numbers: Permutation, side: Space, stable: Space, sizes: Sizes) -> Permutation:
    """Points of a side for some sizes, which meet few points of the axes, as points of that side of the stable mapping."""
    kept = [place for place, term in enumerate(stable.terms) if terms_count(family, [term], sizes)]
    found = np.zeros_like(numbers)
    for place, term, (chosen, inner) in zip(kept, side.terms, side.by_term(numbers), strict=True):
        members = term_members(term, inner)
        for number, axis in enumerate(_places(stable.terms[place])):
            group = None if axis is None else family.groups[axis]
            if isinstance(group, AnyBlocks):
                size = group.both(sizes)[0]
                members[:, number] = members[:, number] // size * group.stable[0] + members[:, number] % size
            elif axis is not None and group is not None and group.family in RINGS:
                # What a stencil reaches backwards is counted from the end.
                few = family.stable.axes[axis].group.degree
                members[:, number] -= (members[:, number] > few // 2) * (sizes[group.letter] - few)
        found[chosen] = stable.slices[place].start + term_numbers(stable.terms[place], members)
    return found


def _met(side: Space, numbers: Permutation, axis: int) -> int:
    """How many points of an axis are met by a point that stands first in its orbit: it meets 0, 1, 2, ... alone."""
    met = 0
    for term, (_, inner) in zip(side.terms, side.by_term(numbers), strict=True):
        if inner.size:
            own = [place for place, factor in enumerate(_places(term)) if factor == axis]
            met = max(met, int(term_members(term, inner)[:, own].max(initial=-1)) + 1)
    return met


def block_spans(
    group: AnyBlocks, axis: int, before: Sequence[int], after: Sequence[int]
) -> list[tuple[str, int, int, int]]:
    """How many points and blocks of a wreath product are met by some points of the stable axis, and by some more, as spans."""
    inner = group.stable[0]
    blocks = [{point // inner for point in points} for points in (before, after)]
    counts = [(group.sizes[1], len(blocks[0]), len(blocks[1]))]
    for block in sorted(blocks[1]):
        own = [{point for point in points if point // inner == block} for points in (before, after)]
        counts.append((group.sizes[0], len(own[0]), len(own[1])))
    return [(size, axis, start, stop) for size, start, stop in counts if isinstance(size, str) and start < stop]


def _members_of(side: Space, numbers: Permutation, axis: int) -> list[int]:
    """The points of an axis that make some points of a side."""
    found: list[int] = []
    for term, (_, inner) in zip(side.terms, side.by_term(numbers), strict=True):
        own = [place for place, factor in enumerate(_places(term)) if factor == axis]
        found += term_members(term, inner)[:, own].ravel().tolist()
    return found


def _places(term: Sequence[Any]) -> list[int | None]:
    """The axis of each member of a point of a term."""
    return [factor.axis for factor in term for _ in range(factor.kind.size)]
