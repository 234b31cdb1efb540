"""Certificate: the exact check, in integers, that a table of labels is invariant and complete."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import prod

import numpy as np

from eqgen.group import Group, order_text
from eqgen.labels.table import row_blocks
from eqgen.mapping import Generator, Mapping
from eqgen.pattern import Labels
from eqgen.signed import SignedPermutation, Signs, halved
from eqgen.space import Term, part_of
from eqgen.words import count

LARGEST_ENUMERATED_ORDER = 10_000
"""Groups up to this order are enumerated to count their orbits a second time..."""

LARGEST_ENUMERATION = 4_000_000
"""... when their elements hold no more images of points than this."""


@dataclass(frozen=True)
class Certificate:
    """What integers say of a table of labels.

    Attributes:
        rank: how many distinct labels the table has.
        violation: "" when every generator leaves the table as it is, else the first generator and pair that show a
            difference.
        burnside: the number of orbits by Burnside's lemma, counted from the group's elements without looking at the
            labels; None where the group is too large to enumerate.
        counted: how many elements were enumerated (over all axes), or the reason why none were.
    """

    rank: int
    violation: str
    burnside: int | None
    counted: str

    @property
    def invariant(self) -> bool:
        """Whether the labels are unchanged by every generator."""
        return not self.violation

    @property
    def complete(self) -> bool | None:
        """Whether there are as many labels as Burnside's lemma counts orbits; None where the count was skipped.

        With invariance this proves the table right: invariant labels can only be unions of orbits.
        """
        return None if self.burnside is None else self.burnside == self.rank

    def __bool__(self) -> bool:
        return self.invariant and self.complete is not False


def certify(mapping: Mapping, labels: Labels, signs: Signs) -> Certificate:
    """Check a table of labels and signs, each of shape (m, n), against the raw permutations of a mapping.

    The count is Burnside's lemma, also named after Cauchy and Frobenius: the number of orbits is the mean over the group
    of the number of fixed points, here of pairs: fixed outputs times fixed inputs.

    >>> import eqgen as eq
    >>> o = eq.orbits("{p p} -> {p p} where p = S(5)")
    >>> certify(o.mapping, o.labels, o.signs)
    Certificate(rank=3, violation='', burnside=3, counted='120 elements')
    """
    violation = next(_violations(mapping, labels, signs), "")
    rank = int(np.unique(labels[labels >= 0]).size)
    orders = [mapping.unit_group(unit).quick_order() for unit in mapping.units]
    groups = [mapping.unit_group(unit) for unit in mapping.units]
    if any(_is_too_large(group, order) for group, order in zip(groups, orders, strict=True)):
        known = [f"order {order_text(order)}" for order in orders if order is not None]
        what = f" ({' x '.join(known)})" if len(known) == len(orders) else ""
        reason = f"the group is too large to enumerate{what}"
        return Certificate(rank, violation, None, reason)
    elements = sum(order for order in orders if order is not None) or 1
    return Certificate(rank, violation, burnside_count(mapping), count(elements, "element"))


def _is_too_large(group: Group, order: int | None) -> bool:
    return order is None or order > LARGEST_ENUMERATED_ORDER or order * group.degree > LARGEST_ENUMERATION


@lru_cache(maxsize=64)
def burnside_count(mapping: Mapping) -> int:
    """The number of orbits of pairs, from the elements of each unit's group as sympy lists them.

    It is the mean over the group of trace_out(g) * trace_in(g), the traces with their signs. Units move independently, so
    for each pair of terms the mean over the whole group is the product of the means over the units.
    """
    total = Fraction(0)
    for term_out in mapping.output.terms:
        for term_in in mapping.input.terms:
            total += prod(
                (_mean_of_traces(mapping, unit, term_out, term_in) for unit in mapping.units), start=Fraction(1)
            )
    assert total.denominator == 1, "Burnside's mean is a whole number"
    return int(total)


@lru_cache(maxsize=4)
def _elements(group: Group) -> tuple[SignedPermutation, ...]:
    listed = (np.array(element, dtype=np.intp) for element in group.sympy.generate_schreier_sims(af=True))
    return tuple(SignedPermutation(element) if group.signs is None else halved(element) for element in listed)


def _mean_of_traces(mapping: Mapping, unit: tuple[int, ...], term_out: Term, term_in: Term) -> Fraction:
    output, input_ = part_of(term_out, unit), part_of(term_in, unit)
    degrees = [mapping.axes[number].group.degree for number in unit]
    elements = _elements(mapping.unit_group(unit))
    total = 0
    for element in elements:
        parts = dict(zip(unit, _split(element, degrees), strict=True))
        total += output.act(parts).trace() * input_.act(parts).trace()
    return Fraction(total, len(elements))


def _split(element: SignedPermutation, degrees: list[int]) -> list[SignedPermutation]:
    """An element of a joint group as it acts on each of its axes."""
    if len(degrees) == 1:
        return [element]
    parts, start = [], 0
    for degree in degrees:
        piece = slice(start, start + degree)
        signs = None if element.signs is None else element.signs[piece]
        parts.append(SignedPermutation(element.image[piece] - start, signs))
        start += degree
    return parts


def _violations(mapping: Mapping, labels: Labels, signs: Signs) -> Iterator[str]:
    for generator in mapping.generators:
        output, input_ = generator.output, generator.input
        for rows in row_blocks(*labels.shape):
            moved = labels[output.image[rows]][:, input_.image]
            moved_signs = signs[output.image[rows]][:, input_.image]
            expected = signs[rows] * output.all_signs()[rows][:, None] * input_.all_signs()
            different = (moved != labels[rows]) | (moved_signs != expected)
            if different.any():
                row, column = np.argwhere(different)[0].tolist()
                yield _violation(mapping, generator, labels, rows.start + row, column)


def _violation(mapping: Mapping, generator: Generator, labels: Labels, row: int, column: int) -> str:
    image_row, image_column = int(generator.output.image[row]), int(generator.input.image[column])
    here = f"({mapping.output.name(row)}, {mapping.input.name(column)})"
    there = f"({mapping.output.name(image_row)}, {mapping.input.name(image_column)})"
    first, second = labels[row, column], labels[image_row, image_column]
    what = f"labels differ: {first} and {second}" if first != second else "signs do not fit"
    return f"{generator.name} moves entry {here} to {there}, but their {what}"
