"""Burnside's count: how many orbits of pairs there are, from the elements of the group alone."""

from fractions import Fraction
from functools import lru_cache
from itertools import product
from math import prod

import numpy as np

from eqgen.common.errors import count
from eqgen.orbitals.limits import LIMITS, Limits
from eqgen.permutations.group import Group, order_text
from eqgen.permutations.signed_permutation import SignedPermutation, halved
from eqgen.spaces.mapping import Mapping
from eqgen.spaces.space import Term, part_of


def counted_orbits(mapping: Mapping, limits: Limits = LIMITS) -> tuple[int | None, str]:
    """Burnside's count and how many elements it took, or None and why there is none."""
    if mapping.support is not None:
        return None, "not made, for it counts all pairs and the support leaves some out"
    orders = [mapping.unit_group(unit).quick_order() for unit in mapping.units]
    sizes = [order for order in orders if order is not None]
    if len(sizes) < len(orders):
        return None, "the group is too large to enumerate"
    if any(_is_too_large(mapping, unit, order, limits) for unit, order in zip(mapping.units, sizes, strict=True)):
        told = " x ".join(f"order {order_text(order)}" for order in sizes)
        return None, f"the group is too large to enumerate ({told})"
    return burnside_count(mapping), count(sum(sizes) or 1, "element")


def _is_too_large(mapping: Mapping, unit: tuple[int, ...], order: int, limits: Limits) -> bool:
    """Whether listing the elements, or moving the points of both spaces by each, would keep the reader waiting."""
    images = order * mapping.unit_group(unit).degree
    moved = sum(part_of(term, unit).size for term in (*mapping.output.terms, *mapping.input.terms))
    return order > limits.largest_order or images > limits.largest_enumeration or order * moved > limits.largest_work


@lru_cache(maxsize=64)
def burnside_count(mapping: Mapping) -> int:
    """The number of orbits of pairs, from the elements of each unit's group as sympy lists them.

    It is the mean over the group of trace_out(g) * trace_in(g), the traces with their signs. Units move independently, so
    for each pair of terms the mean over the whole group is the product of the means over the units.
    """
    total = Fraction(0)
    for terms in product(mapping.output.terms, mapping.input.terms):
        total += prod((_mean_of_traces(mapping, unit, *terms) for unit in mapping.units), start=Fraction(1))
    assert total.denominator == 1, "Burnside's mean is a whole number"
    return int(total)


@lru_cache(maxsize=4)
def _elements(group: Group) -> tuple[SignedPermutation, ...]:
    listed = (np.array(element, dtype=np.intp) for element in group.sympy.generate_schreier_sims(af=True))
    return tuple(SignedPermutation(element) if group.signs is None else halved(element) for element in listed)


def _mean_of_traces(mapping: Mapping, unit: tuple[int, ...], term_out: Term, term_in: Term) -> Fraction:
    part = mapping.parts[unit, term_out, term_in]
    degrees = [mapping.axes[number].group.degree for number in unit]
    elements = _elements(mapping.unit_group(unit))
    total = 0
    for element in elements:
        parts = dict(zip(unit, _split(element, degrees), strict=True))
        total += part.output.act(parts).trace() * part.input.act(parts).trace()
    return Fraction(total, len(elements))


def _split(element: SignedPermutation, degrees: list[int]) -> list[SignedPermutation]:
    """An element of a joint group as it acts on each of its axes."""
    starts = np.cumsum([0, *degrees[:-1]])
    images = np.split(element.image, starts[1:])
    signs = [None] * len(degrees) if element.signs is None else np.split(element.signs, starts[1:])
    return [SignedPermutation(image - start, own) for image, start, own in zip(images, starts, signs, strict=True)]
