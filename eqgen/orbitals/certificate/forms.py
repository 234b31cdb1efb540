"""The certificate of labels in the form in which they are held."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from eqgen.common.text import count
from eqgen.orbitals.certificate.burnside import counted_orbits
from eqgen.orbitals.certificate.support import certify_support
from eqgen.orbitals.certificate.table import certify, entry_name
from eqgen.orbitals.certificate.value import Certificate
from eqgen.orbitals.matrix import PairLabels
from eqgen.orbitals.product import ProductLabels
from eqgen.orbitals.sparse import SparseLabels
from eqgen.orbitals.stable import StableLabels
from eqgen.permutations.families import whole_family
from eqgen.spaces.mapping import Axis, Mapping

LARGEST_EXPANDED = 1 << 22
"""Up to so many pairs a product or a formula is also written out and certified as a table; beyond, it is looked at in places."""

SPOTS = 64
"""So many rows, and columns, are drawn for that."""

SPOT_ORBITS = 1000


def certify_form(mapping: Mapping, form: PairLabels) -> Certificate:
    """The certificate of labels in the form in which they are held: of factors where they are a product, of few points where
    a whole symmetric group makes more points say nothing new, and of the supported pairs alone."""
    if isinstance(form, SparseLabels):
        if mapping.support is not None and mapping.support != form:
            violation = "these are not the pairs of the support that was declared"
            return Certificate(form.rank, violation, "", *counted_orbits(mapping), "the support alone")
        return certify_support(mapping, form)
    if isinstance(form, (ProductLabels, StableLabels)):
        found = _of_factors(mapping, form) if isinstance(form, ProductLabels) else _of_stable_table(mapping, form)
        return _read_out(mapping, form, found) if found else found
    table = form.table()
    return certify(mapping, table.labels, table.signs)


def _read_out(mapping: Mapping, form: ProductLabels | StableLabels, found: Certificate) -> Certificate:
    """The parts are right: so must be what is put together from them."""
    m, n = form.shape
    if m * n <= LARGEST_EXPANDED:
        labels, signs = form.at(np.arange(m), np.arange(n))
        whole = certify(mapping, labels, signs)
        return replace(whole, scope=f"every pair, and {found.scope}") if whole else whole
    violation = _spot_violation(mapping, form)
    return replace(found, violation=violation, scope=f"{found.scope}; pairs drawn at random")


def _spot_violation(mapping: Mapping, form: PairLabels) -> str:
    """Labels that a generator changes, or a first pair without its label, among some drawn at random; "" for none."""
    random = np.random.default_rng(0)
    rows, columns = (np.unique(random.integers(size, size=SPOTS)) for size in form.shape)
    labels, signs = form.at(rows, columns)
    for generator in mapping.generators:
        output, input_ = generator.output, generator.input
        moved, moved_signs = form.at(output.image[rows], input_.image[columns])
        expected = signs * output.all_signs()[rows][:, None] * input_.all_signs()[columns]
        different = (moved != labels) | (moved_signs != expected)
        if different.any():
            row, column = np.argwhere(different)[0].tolist()
            where = entry_name(mapping, int(rows[row]), int(columns[column]))
            return f"{generator.name} moves entry {where} to one of another label or sign"
    for number in np.unique(random.integers(form.rank, size=SPOT_ORBITS)).tolist() if form.rank else ():
        row, column = form.representatives[number].tolist()
        label, sign = form.at(np.array([row]), np.array([column]))
        if (label.item(), sign.item()) != (number, 1):
            return f"the first pair of orbit {number}, {entry_name(mapping, row, column)}, has the label {label.item()}"
    return ""


def _of_factors(mapping: Mapping, form: ProductLabels) -> Certificate:
    """Units move independently, so the orbits of a product are the tuples of the factors' orbits."""
    checked = 0
    if [(block.top, block.left, block.offset) for block in form.blocks] != list(_corners(mapping, form)):
        violation = "the blocks do not lie side by side, or share labels"
        return Certificate(form.rank, violation, "", *counted_orbits(mapping), "the blocks alone")
    for block in form.blocks:
        for unit, factor in zip(block.units, block.factors, strict=True):
            found = certify_form(mapping.parts[unit, block.output, block.input], factor)
            checked += 1
            if not found:
                where = f"in the factor of {mapping.unit_name(unit)}: "
                return replace(
                    found,
                    rank=form.rank,
                    violation=found.violation and where + found.violation,
                    apart=found.apart and where + found.apart,
                    scope="the factors",
                )
    burnside, counted = counted_orbits(mapping)
    scope = f"the {count(checked, 'factor')}; the orbits of independent axes are tuples of theirs"
    return Certificate(form.rank, "", "", burnside, counted, scope)


def _corners(mapping: Mapping, form: ProductLabels) -> Iterator[tuple[int, int, int]]:
    """Where the block of each pair of terms begins: its first row, column and label."""
    ranks = iter([math.prod(factor.rank for factor in block.factors) for block in form.blocks])
    offset = 0
    for rows in mapping.output.slices:
        for columns in mapping.input.slices:
            yield rows.start, columns.start, offset
            offset += next(ranks, 0)


def _of_stable_table(mapping: Mapping, form: StableLabels) -> Certificate:
    """The certificate of the table for few points; that more points change nothing is the theorem that `stable.py` names."""
    axis, family = mapping.axes[form.axis], form.family.__name__
    if whole_family(axis.group, search=True) is not form.family:
        violation = (
            f"the formula is that of {family}(n), and {axis.name} is not known to be all of {family}({form.degree})"
        )
        return Certificate(form.rank, violation, "", *counted_orbits(mapping), "the group alone")
    axes = list(mapping.axes)
    axes[form.axis] = Axis(axis.name, form.small_group)
    few_points = replace(
        mapping, input=form.small_input, output=form.small_output, axes=tuple(axes), units=((form.axis,),), support=None
    )
    found = certify(few_points, form.stable_table.labels, form.stable_table.signs)
    scope = (
        f"every pair for {form.small_group.degree} points; {family}(n) has the same orbits for any n from there on, and here "
        f"it is {form.degree}"
    )
    return replace(found, scope=scope)
