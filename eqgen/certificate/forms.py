"""The certificate of labels in the form in which they are held."""

from __future__ import annotations

from dataclasses import replace

from eqgen.certificate.burnside import counted_orbits
from eqgen.certificate.support import certify_support
from eqgen.certificate.table import certify
from eqgen.certificate.value import Certificate
from eqgen.families import whole_family
from eqgen.labels.form import PairLabels
from eqgen.labels.product import ProductLabels
from eqgen.labels.sparse import SparseLabels
from eqgen.labels.stable import StableLabels
from eqgen.mapping import Axis, Mapping
from eqgen.space import part_of
from eqgen.words import count


def certify_form(mapping: Mapping, form: PairLabels) -> Certificate:
    """The certificate of labels in the form in which they are held: of factors where they are a product, of few points where
    a whole symmetric group makes more points say nothing new, and of the supported pairs alone."""
    if isinstance(form, ProductLabels):
        return _of_factors(mapping, form)
    if isinstance(form, StableLabels):
        return _of_twin(mapping, form)
    if isinstance(form, SparseLabels):
        return certify_support(mapping, form)
    table = form.table()
    return certify(mapping, table.labels, table.signs)


def _of_factors(mapping: Mapping, form: ProductLabels) -> Certificate:
    """Units move independently, so the orbits of a product are the tuples of the factors' orbits."""
    checked = 0
    for block in form.blocks:
        for unit, factor in zip(block.units, block.factors, strict=True):
            own = replace(
                mapping,
                input=part_of(block.input, unit),
                output=part_of(block.output, unit),
                units=(unit,),
                support=None,
            )
            found = certify_form(own, factor)
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


def _of_twin(mapping: Mapping, form: StableLabels) -> Certificate:
    """The twin's own certificate; that more points change nothing is the theorem that `stable.py` names."""
    number = next(
        factor.axis
        for space in (form.output, form.input)
        for term in space.terms
        for factor in term
        if factor.axis is not None
    )
    axes = list(mapping.axes)
    family = form.small_group.text[0]
    whole = whole_family(axes[number].group)
    if whole is None or whole(form.small_group.degree) != form.small_group:
        violation = f"the formula is that of {family}(n), and {axes[number].name} is not known to be all of {family}({form.degree})"
        return Certificate(form.rank, violation, "", *counted_orbits(mapping), "the group alone")
    axes[number] = Axis(axes[number].name, form.small_group)
    twin = replace(
        mapping, input=form.small_input, output=form.small_output, axes=tuple(axes), units=((number,),), support=None
    )
    found = certify(twin, form.twin.labels, form.twin.signs)
    scope = (
        f"every pair for {form.small_group.degree} points; {family}(n) has the same orbits for any n from "
        f"there on, and here it is {form.degree}"
    )
    return replace(found, scope=scope)
