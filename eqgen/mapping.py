"""Mapping: an input space and an output space that one group moves together."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from eqgen.axes import from_expression
from eqgen.axes import group as as_group
from eqgen.declaration import is_mapping, parse_mapping
from eqgen.errors import DeclarationError, pointing
from eqgen.factor import FactorKind, FixedPoint, NaturalPoints, Subsets, Tuples
from eqgen.families import S
from eqgen.group import Group, direct_product
from eqgen.notation import Permutation
from eqgen.space import LARGEST_SPACE, Factor, Space
from eqgen.syntax import Factor as FactorSyntax
from eqgen.syntax import MappingSyntax, Sum
from eqgen.words import count


@dataclass(frozen=True)
class Axis:
    """One declared group under a name. Equal groups make equal axes, whatever their names."""

    name: str = field(compare=False)
    group: Group


@dataclass(frozen=True, eq=False)
class Generator:
    """One generator of a mapping's group, and what it does on both sides.

    Attributes:
        name: for messages, like `generator 1 of p, (1 2 3 4 5)`.
        output: shape (m,), output point i goes to `output[i]`.
        input: shape (n,), input point j goes to `input[j]`.
    """

    name: str
    output: Permutation
    input: Permutation


@dataclass(frozen=True, repr=False)
class Mapping:
    """Input space -> output space under a group; `str` gives the declaration that makes it.

    Attributes:
        input: the space that columns of the weight matrix are indexed by.
        output: the space that its rows are indexed by.
        axes: the declared groups, in the order in which the declaration first mentions them.
        declaration: the text of the mapping, which parses back to an equal value.

    >>> import eqgen as eq
    >>> m = eq.mapping("{p p} -> p", p=eq.S(5))
    >>> print(m)
    {p p} -> p where p = S(5)
    >>> m.input.size, m.output.size, m.group.order
    (10, 5, 120)
    """

    input: Space
    output: Space
    axes: tuple[Axis, ...]
    declaration: str = field(compare=False)

    def __str__(self) -> str:
        return self.declaration

    def __repr__(self) -> str:
        orders = "; ".join(f"{axis.name}: {axis.group.describe()}" for axis in self.axes)
        return f"{self.declaration}  # {orders}" if orders else self.declaration

    @cached_property
    def group(self) -> Group:
        """The group that moves both sides: the axis' own, or the direct product of several axes."""
        groups = [axis.group for axis in self.axes]
        if not groups:
            return S(1)
        return groups[0] if len(groups) == 1 else direct_product(*groups)

    @cached_property
    def generators(self) -> tuple[Generator, ...]:
        """Each generator of each axis, as a permutation of the output and of the input."""
        found = []
        for number, axis in enumerate(self.axes):
            for row, image in enumerate(axis.group.generators):
                name = f"generator {row + 1} of {axis.name}, {axis.group.generator_text(row)}"
                found.append(Generator(name, self.output.act({number: image}), self.input.act({number: image})))
        return tuple(found)


def mapping(declaration: str | Mapping, /, **axes: Any) -> Mapping:
    """A Mapping from its declaration.

    Args:
        declaration: `"{p p} -> {p p} where p = S(5)"`; axes that `where` does not name come as keywords. (A Mapping is
            handed back as it is.)
        **axes: a group each: a Group, its text, 0-based generator arrays, or a sympy `PermutationGroup`.

    Raises:
        DeclarationError: the text cannot be read, an axis is undeclared, unused or declared twice, or a space is empty
            or too large.

    >>> mapping("h w -> h w", h="C(4)", w=[[1, 2, 0]])
    h w -> h w where h = C(4), w = (1 2 3)  # h: order 4, one orbit of 4 points; w: order 3, one orbit of 3 points
    """
    if isinstance(declaration, Mapping):
        if axes:
            raise DeclarationError(
                f"{', '.join(axes)}: a finished mapping takes no more axes; declare them in its text"
            )
        return declaration
    syntax = parse_mapping(declaration)
    declared = _declared_axes(syntax, declaration, axes)
    mentioned = _mentioned(syntax, declaration, declared)
    for name, position in {name: position for name, _, position in syntax.where}.items():
        if name not in mentioned:
            raise pointing(
                f"axis {name} is declared but not used: use it in the mapping or drop it", declaration, position
            )
    for name in axes:
        if name not in mentioned:
            raise DeclarationError(
                f"axis {name} is declared but not used in {declaration!r}: use it or drop the keyword"
            )
    numbers = {name: number for number, name in enumerate(mentioned)}
    found = tuple(Axis(name, declared[name]) for name in mentioned)
    sides = [_space(side, declaration, numbers, declared) for side in (syntax.input, syntax.output)]
    text = f"{_sum_text(syntax.input)} -> {_sum_text(syntax.output)}"
    if found:
        text += " where " + ", ".join(f"{axis.name} = {axis.group.text}" for axis in found)
    return Mapping(sides[0], sides[1], found, text)


def looks_like_mapping(value: Any) -> bool:
    """Whether a value is a Mapping or the text of one (and not a pattern)."""
    return isinstance(value, Mapping) or (isinstance(value, str) and is_mapping(value))


def _declared_axes(syntax: MappingSyntax, text: str, axes: dict[str, Any]) -> dict[str, Group]:
    declared: dict[str, Group] = {}
    for name, expression, position in syntax.where:
        if name in declared:
            raise pointing(f"axis {name} is declared twice: give the second one another name", text, position)
        if name in axes:
            raise pointing(f"axis {name} is declared here and as a keyword: keep one of the two", text, position)
        declared[name] = from_expression(expression, text)
    for name, value in axes.items():
        try:
            declared[name] = as_group(value)
        except DeclarationError as error:
            raise DeclarationError(f"axis {name}: {error}") from None
    return declared


def _mentioned(syntax: MappingSyntax, text: str, declared: dict[str, Group]) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for side in (syntax.input, syntax.output):
        for term in side:
            for factor in term:
                if factor.kind == "fixed":
                    continue
                if factor.axis not in declared:
                    has_where = (
                        f', {factor.axis} = S(5)" at the end' if syntax.where else f'where {factor.axis} = S(5)"'
                    )
                    raise pointing(
                        f'axis {factor.axis} is not declared: add "{has_where} or pass {factor.axis}=...',
                        text,
                        factor.position,
                    )
                names[factor.axis] = None
    return tuple(names)


def _space(side: Sum, text: str, numbers: dict[str, int], declared: dict[str, Group]) -> Space:
    terms, total = [], 0
    for term in side:
        factors, size = [], 1
        for syntax in term:
            kind = _kind(syntax, declared)
            size *= kind.count
            if kind.count == 0:
                raise pointing(
                    f"{_factor_text(syntax)} is empty: {syntax.axis} = {declared[syntax.axis].text} has only "
                    f"{count(declared[syntax.axis].degree, 'point')}, and {syntax.size} distinct ones are asked for",
                    text,
                    syntax.position,
                )
            if total + size > LARGEST_SPACE:
                raise pointing(
                    f"{_sum_text(side)} has more than {LARGEST_SPACE} points, the most that eqgen numbers: use smaller "
                    "axes or fewer factors",
                    text,
                    syntax.position,
                )
            factors.append(Factor(kind, numbers.get(syntax.axis)))
        total += size
        terms.append(tuple(factors))
    return Space(tuple(terms))


def _kind(syntax: FactorSyntax, declared: dict[str, Group]) -> FactorKind:
    if syntax.kind == "fixed":
        return FixedPoint()
    degree = declared[syntax.axis].degree
    if syntax.kind == "subsets":
        return Subsets(degree, syntax.size)
    if syntax.kind == "tuples":
        return Tuples(degree, syntax.size)
    return NaturalPoints(degree)


def _factor_text(factor: FactorSyntax) -> str:
    names = " ".join([factor.axis] * factor.size)
    return {"points": names, "fixed": "1", "subsets": f"{{{names}}}", "tuples": f"<{names}>"}[factor.kind]


def _sum_text(side: Sum) -> str:
    return " + ".join(" ".join(_factor_text(factor) for factor in term) for term in side)
