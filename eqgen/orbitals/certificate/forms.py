"""The certificate of labels in the form in which they are held."""

import math
from dataclasses import replace
from itertools import accumulate, product

import numpy as np

from eqgen.common.arrays import labels_of
from eqgen.common.errors import count
from eqgen.orbitals.certificate.generation import signs_of_move
from eqgen.orbitals.certificate.table import Certificate, certify, certify_support, counted, entry_name
from eqgen.orbitals.limits import LIMITS, Limits
from eqgen.orbitals.matrix import OrbitalMatrix
from eqgen.orbitals.product import ProductLabels
from eqgen.orbitals.sparse import SparseLabels
from eqgen.orbitals.stable import StableLabels
from eqgen.permutations.families import whole_family
from eqgen.spaces.mapping import Mapping


def certify_form(mapping: Mapping, form: OrbitalMatrix, limits: Limits = LIMITS) -> Certificate:
    """The certificate of labels in the form in which they are held: of factors where they are a product, of few points where
    a whole symmetric group makes more points say nothing new, and of the supported pairs alone."""
    if isinstance(form, SparseLabels):
        if mapping.support is not None and mapping.support != form:
            violation = "these are not the pairs of the support that was declared"
            return counted(mapping, limits, form.rank, violation, scope="the support alone")
        return certify_support(mapping, form, limits)
    if isinstance(form, ProductLabels):
        return _read_out(mapping, form, _of_factors(mapping, form, limits), limits)
    if isinstance(form, StableLabels):
        return _read_out(mapping, form, _of_stable_table(mapping, form, limits), limits)
    return certify(mapping, form.table().signed_labels, limits)


def _read_out(mapping: Mapping, form: OrbitalMatrix, parts: Certificate, limits: Limits) -> Certificate:
    """Where the parts are right, so must be what is put together from them."""
    m, n = form.shape
    if not parts:
        return parts
    if m * n <= limits.largest_expanded:
        certificate = certify(mapping, form.at(np.arange(m), np.arange(n)), limits)
        return replace(certificate, scope=f"every pair, and {parts.scope}") if certificate else certificate
    violation = _spot_violation(mapping, form, limits)
    return replace(parts, violation=violation, scope=f"{parts.scope}; pairs drawn at random")


def _spot_violation(mapping: Mapping, form: OrbitalMatrix, limits: Limits) -> str:
    """Labels that a generator changes, or a first pair without its label, among some drawn at random; "" for none."""
    random = np.random.default_rng(0)
    rows, columns = (np.unique(random.integers(size, size=limits.spots)) for size in form.shape)
    signed_labels = form.at(rows, columns)
    for generator in mapping.generators:
        images = form.at(generator.output.image[rows], generator.input.image[columns])
        different = images != signed_labels * signs_of_move(generator, rows, columns)
        if different.any():
            row, column = np.argwhere(different)[0].tolist()
            where = entry_name(mapping, int(rows[row]), int(columns[column]))
            return f"{generator.name} moves entry {where} to one of another label or sign"
    for number in np.unique(random.integers(form.rank, size=limits.spot_orbits)).tolist() if form.rank else ():
        row, column = form.representatives[number].tolist()
        signed_label = form.at(np.array([row]), np.array([column]))[0, 0]
        if signed_label != number + 1:
            where = entry_name(mapping, row, column)
            return f"the first pair of orbit {number}, {where}, has the label {labels_of(signed_label)}"
    return ""


def _of_factors(mapping: Mapping, form: ProductLabels, limits: Limits) -> Certificate:
    """Units move independently, so the orbits of a product are the tuples of the factors' orbits."""
    if [(block.top, block.left, block.offset) for block in form.blocks] != _corners(mapping, form):
        violation = "the blocks do not lie side by side, or share labels"
        return counted(mapping, limits, form.rank, violation, scope="the blocks alone")
    for block in form.blocks:
        for unit, factor in zip(block.units, block.factors, strict=True):
            certificate = certify_form(mapping.parts[unit, block.output, block.input], factor, limits)
            if not certificate:
                where = f"in the factor of {mapping.unit_name(unit)}: "
                return replace(
                    certificate,
                    rank=form.rank,
                    violation=certificate.violation and where + certificate.violation,
                    apart=certificate.apart and where + certificate.apart,
                    scope="the factors",
                )
    checked = count(sum(len(block.factors) for block in form.blocks), "factor")
    scope = f"the {checked}; the orbits of independent axes are tuples of theirs"
    return counted(mapping, limits, form.rank, scope=scope)


def _corners(mapping: Mapping, form: ProductLabels) -> list[tuple[int, int, int]]:
    """Where the block of each pair of terms begins: its first row, column and label."""
    ranks = [math.prod(factor.rank for factor in block.factors) for block in form.blocks]
    corners = zip(product(mapping.output.slices, mapping.input.slices), accumulate(ranks, initial=0), strict=False)
    return [(rows.start, columns.start, offset) for (rows, columns), offset in corners]


def _of_stable_table(mapping: Mapping, form: StableLabels, limits: Limits) -> Certificate:
    """The certificate of the table for few points; that more points change nothing is the theorem that `stable.py` names."""
    ((number,),) = mapping.units
    axis, family, (degree, few) = mapping.axes[number], form.family.__name__, form.degrees
    if whole_family(axis.group, search=True) is not form.family:
        violation = f"the formula is that of {family}(n), and {axis.name} is not known to be all of {family}({degree})"
        return counted(mapping, limits, form.rank, violation, scope="the group alone")
    certificate = certify(form.few, form.stable_table.signed_labels, limits)
    scope = (
        f"every pair for {few} points; {family}(n) has the same orbits for any n from there on, and here it is {degree}"
    )
    return replace(certificate, scope=scope)
