"""mapping and one_space: a declaration, in text or in Python, becomes a Mapping."""

import difflib
import re
from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import numpy as np

from eqgen.common.errors import DeclarationError, count, in_short, pointing
from eqgen.language.grammar import is_mapping, parse_mapping, parse_space
from eqgen.language.printed import without_end
from eqgen.language.syntax import AxisSyntax, MappingSyntax, Sum, factor_text, sum_text
from eqgen.orbitals.sparse import NotClosedError, sparse_labels
from eqgen.orbitals.supports import Pairs, stencil, support_pairs
from eqgen.permutations.group import LARGEST_GROUP, Group
from eqgen.permutations.group_expression import axis_group, from_expression
from eqgen.permutations.joint_axes import JointAxis
from eqgen.spaces.factors import FIXED_POINT, FactorKind
from eqgen.spaces.family import MappingFamily
from eqgen.spaces.mapping import MOST_PAIRS_SHOWN, Axis, Mapping, units_of
from eqgen.spaces.space import LARGEST_SPACE, Factor, Space

MOST_FACTORS = 32
"""Of so many factors a term may be made: arrays have no more dimensions."""

MOST_UNITS = 64
"""So many axes may move on their own: each is looked at for every pair of terms."""


def mapping(declaration: str | Mapping, /, *, support: Any = None, **axes: Any) -> Mapping:
    """A Mapping from its declaration, in which every size is a number; for the arguments see `eqgen.mapping`.

    Raises:
        DeclarationError: it cannot be right, or it leaves a size open.
    """
    if isinstance(declaration, MappingFamily):
        sizes = ", ".join(f"{letter}=5" for letter in declaration.letters)
        raise DeclarationError(
            f"{declaration} leaves open how many points there are, and here a number is needed: give it as in mapping.at({sizes})"
        )
    if isinstance(declaration, Mapping):
        if axes or support is not None:
            raise DeclarationError(
                f"{', '.join([*axes, *([] if support is None else ['support'])])}: a finished mapping takes no more axes and no "
                "support; declare them with its text"
            )
        return declaration
    return mapping_of(parse_mapping(declaration), declaration, support, axes)


def mapping_of(syntax: MappingSyntax, declaration: str, support: Any, axes: dict[str, Any]) -> Mapping:
    """The Mapping of a syntax tree, whose text errors point into, with the keywords that `mapping` takes."""
    declared, together = declared_axes(syntax, declaration, axes)
    names = _checked_axis_names(syntax, declaration, declared, axes)
    numbers = {name: number for number, name in enumerate(names)}
    input_, output = (space_of(side, declaration, numbers, declared) for side in (syntax.input, syntax.output))
    groups = tuple(Axis(name, declared[name]) for name in names)
    whole = Mapping(input_, output, groups, units_of(numbers, together))
    if len(whole.units) > MOST_UNITS:
        raise DeclarationError(
            f"{len(whole.units)} axes that move on their own are more than the {MOST_UNITS} that eqgen takes: declare some "
            "together (eq.joint), or cut the mapping into several"
        )
    pairs = _pairs(syntax, declaration, whole, support)
    return whole if pairs is None else supported(whole, pairs)


def _pairs(syntax: MappingSyntax, text: str, whole: Mapping, support: Any) -> Pairs | None:
    """The pairs that the support names, in the text or beside it."""
    if syntax.support is None:
        return None if support is None else support_pairs(support, whole)
    if support is not None:
        raise pointing(
            "the support is declared here and as a keyword: keep one of the two", text, syntax.support.positions[0]
        )
    if syntax.support.stencil is not None:
        radius, metric = syntax.support.stencil
        return support_pairs(stencil(radius, metric=metric, wrap=True), whole)
    sizes = {"output": whole.output.size, "input": whole.input.size}
    numbers = np.array(syntax.support.pairs, dtype=np.intp).reshape(-1, 2) - 1
    # A row for each number that is too large: the pair that it stands in, and the side of it.
    too_large = np.argwhere(numbers >= list(sizes.values()))
    if too_large.size:
        pair, side = too_large[0]
        name, size = list(sizes.items())[side]
        message = f"the support names {name} {numbers[pair, side] + 1}: there are {size}"
        raise pointing(message, text, syntax.support.positions[pair])
    return Pairs(numbers[:, 0], numbers[:, 1], True)


def supported(whole: Mapping, pairs: Pairs) -> Mapping:
    """A mapping with its pairs cut to those of a support."""
    try:
        return replace(whole, support=sparse_labels(whole.elements, pairs))
    except NotClosedError as missing:
        row, column = missing.args
        raise DeclarationError(
            f"the support of {in_short(whole.in_short())} is not closed under the group: it moves pairs of the support to "
            f"{whole.output.name(row)} <- {whole.input.name(column)}, which is missing{pairs.hint}; add that pair, "
            f"({row}, {column}) counted from 0, and its like, or write support=eq.closed(...)"
        ) from None


def one_space(declaration: Mapping | str) -> Mapping:
    """The mapping of a space to itself.

    Args:
        declaration: the text of a space, `"{p p} where p = S(5)"`; or a mapping of a space to itself, or its text.

    Raises:
        DeclarationError: the declaration cannot be read, or leads from one space to another.

    >>> print(one_space("{p p} where p = S(5)"))
    {p p} -> {p p} where p = S(5)
    """
    if isinstance(declaration, str) and not is_mapping(declaration):
        if ";" in without_end(declaration):
            raise DeclarationError(
                f"the pattern {in_short(declaration)} names no space: declare the symmetry, as in "
                '"{p p} where p = S(5)"'
            )
        return mapping_of(parse_space(declaration), declaration, None, {})
    declared = mapping(declaration)
    if declared.input != declared.output:
        raise DeclarationError(
            f"this layer lives on one space, and {declared.in_short()} leads from one to another: write the space alone, "
            'as in "{p p} where p = S(5)"'
        )
    return declared


def in_words(declared: Mapping) -> str:
    """A mapping of a space to itself as the space alone, for messages.

    >>> in_words(one_space("{p p} where p = S(5)"))
    '{p p} where p = S(5)'
    """
    return in_short(declared.space_text(declared.input) + declared.clauses(Group.in_short, MOST_PAIRS_SHOWN))


def looks_like_mapping(value: Any) -> bool:
    """Whether a value is a Mapping or MappingFamily, or the text of one (and not a pattern)."""
    return isinstance(value, (Mapping, MappingFamily)) or (isinstance(value, str) and is_mapping(value))


def declared_axes(
    syntax: MappingSyntax, text: str, axes: dict[str, Any]
) -> tuple[dict[str, Group], list[tuple[str, ...]]]:
    """The group of each axis, and the names of axes that were declared jointly."""
    declared: dict[str, Group] = {}
    size = 0
    for clause in syntax.where:
        groups = _clause_groups(clause, text)
        size += sum(group.generators.size for group in groups)
        if size > LARGEST_GROUP:
            held = f"hold more than {LARGEST_GROUP} images of points, the most that eqgen takes"
            raise pointing(f"the axes up to {clause.names[-1]} {held}", text, clause.position)
        for name, group in zip(clause.names, groups, strict=True):
            if name in declared:
                message = f"axis {name} is declared twice: give the second one another name"
                raise pointing(message, text, clause.position)
            if name in axes:
                message = f"axis {name} is declared here and as a keyword: keep one of the two"
                raise pointing(message, text, clause.position)
            declared[name] = group
    bundles: dict[Hashable, list[str]] = {}
    for name, value in axes.items():
        if not isinstance(value, JointAxis):
            declared[name] = axis_group(name, value)
            continue
        declared[name] = value.group
        bundles.setdefault(value.bundle, []).append(name)
        missing = sorted({other for other, _ in value.bundle} - set(axes))
        if missing:
            raise DeclarationError(
                f"axis {value.name} was declared together with {missing[0]}: pass all axes of eq.joint(...), as in "
                "eq.mapping(..., **axes), or the group of one alone"
            )
    return declared, [*(clause.names for clause in syntax.where), *map(tuple, bundles.values())]


def _clause_groups(clause: AxisSyntax, text: str) -> list[Group]:
    groups = [from_expression(expression, text) for expression in clause.groups]
    first, counts = clause.names[0], [len(group.generators) for group in groups]
    for name, own in zip(clause.names, counts, strict=True):
        if own != counts[0]:
            message = (
                f"axes declared together need one generator list: {first} has {count(counts[0], 'generator')}, {name} has {own}; "
                "write () for a generator that leaves an axis alone"
            )
            raise pointing(message, text, clause.position)
    return groups


def _checked_axis_names(
    syntax: MappingSyntax, text: str, declared: dict[str, Group], axes: dict[str, Any]
) -> tuple[str, ...]:
    """The names of the axes that the spaces mention, in order; refused unless they are just those that are declared."""
    factors = [factor for side in (syntax.input, syntax.output) for term in side for factor in term if factor.size]
    mentioned = tuple(dict.fromkeys(factor.axis for factor in factors))
    for factor in factors:
        if factor.axis not in declared:
            meant = _meant(factor.axis, [name for name in declared if name not in mentioned])
            if meant:
                line = in_short(re.sub(rf"\b{factor.axis}\b", meant, text), 120)
                raise pointing(
                    f"axis {factor.axis} is not declared, and {meant} is: write {line}", text, factor.position
                )
            group = f'{factor.axis} = S(5)"'
            written = f'", {group} at the end' if syntax.where else f'"where {group}'
            message = f"axis {factor.axis} is not declared: add {written} or pass {factor.axis}=..."
            raise pointing(message, text, factor.position)
    # What moves several axes at once moves some of them just as well.
    for clause in syntax.where:
        if not set(clause.names) & set(mentioned):
            message = f"axis {clause.names[0]} is declared but not used: use it in the mapping or drop it"
            raise pointing(message, text, clause.position)
    used = {value.bundle for name, value in axes.items() if name in mentioned and isinstance(value, JointAxis)}
    for name, value in axes.items():
        if name not in mentioned and not (isinstance(value, JointAxis) and value.bundle in used):
            raise DeclarationError(
                f"axis {name} is declared but not used in {in_short(repr(text), 120)}: use it or drop the keyword"
            )
    return mentioned


def _meant(name: str, unused: list[str]) -> str:
    """The declared axis that a name may stand for: the same in other letters, or nearly the same; "" for none."""
    same = (other for other in unused if other.casefold() == name.casefold())
    return next(same, "") or next(iter(difflib.get_close_matches(name, unused, n=1)), "")


def space_of(side: Sum, text: str, numbers: dict[str, int], declared: dict[str, Group]) -> Space:
    """The space of a side of a declaration, whose axes have numbers and groups.

    Raises:
        DeclarationError: it is empty, or too large.
    """
    terms, total = [], 0
    for term in side:
        if len(term) > MOST_FACTORS:
            message = (
                f"a term of {len(term)} factors is more than the {MOST_FACTORS} that eqgen takes: leave out those of a single "
                "point, and declare others that move together as one axis (eq.action)"
            )
            raise pointing(message, text, term[MOST_FACTORS].position)
        factors, size = [], 1
        for syntax in term:
            kind = FIXED_POINT
            if syntax.size:
                group = declared[syntax.axis]
                kind = FactorKind(group.degree, syntax.size, syntax.form, group.point_names)
                if not kind.count:
                    message = (
                        f"{factor_text(syntax)} is empty: {syntax.axis} = {group.in_short()} has only "
                        f"{count(group.degree, 'point')}, and {syntax.size} distinct ones are asked for"
                    )
                    raise pointing(message, text, syntax.position)
            size *= kind.count
            if total + size > LARGEST_SPACE:
                most = f"{LARGEST_SPACE} points, the most that eqgen numbers"
                message = f"{sum_text(side)} has more than {most}: use smaller axes or fewer factors"
                raise pointing(message, text, syntax.position)
            factors.append(Factor(kind, numbers.get(syntax.axis)))
        total += size
        terms.append(tuple(factors))
    return Space(tuple(terms))
