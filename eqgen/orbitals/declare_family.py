"""mapping: a declaration, in text or in Python, becomes a Mapping, or a MappingFamily where a size is a letter."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from eqgen.common.errors import DeclarationError, pointing
from eqgen.language.grammar import parse_group, parse_mapping
from eqgen.language.syntax import AxisSyntax, Call, GroupExpression, Letter, MappingSyntax
from eqgen.orbitals import declare
from eqgen.orbitals.stable import SPARE
from eqgen.orbitals.supports import Stencil, stencil, support_pairs
from eqgen.permutations.families import ELSEWHERE, FAMILIES, A, C, D
from eqgen.permutations.group import Group
from eqgen.permutations.group_expression import no_letter
from eqgen.spaces.family import AnyBlocks, AnySize, MappingFamily, Sizes
from eqgen.spaces.mapping import Mapping

RINGS = (C, D)
"""The groups whose orbits are the same for all sizes where a stencil says which pairs a kernel may use."""


@dataclass(frozen=True, repr=False)
class StencilFamily(MappingFamily):
    """A mapping of a ring or torus of any size to itself, with a local kernel.

    Attributes:
        stencil: which cells a kernel reaches.
    """

    stencil: Stencil

    def member(self, sizes: Sizes) -> Mapping:
        """The mapping for a size of each letter, none of which is shorter than the stencil."""
        for letter, least in self.stable_sizes.items():
            if sizes[letter] < least:
                raise DeclarationError(
                    f"a ring of {letter} = {sizes[letter]} points is shorter than the stencil of {self.in_short()}, which reaches "
                    f"{least}: give a size of {least} or more"
                )
        whole = replace(super().member(sizes), support=None)
        return declare.supported(whole, support_pairs(self.stencil, whole))

    def _text(self, group_text: Callable[[Group], str]) -> str:
        metric = "" if self.stencil.metric == "square" else f", {self.stencil.metric}"
        return f"{super()._text(group_text)} support stencil({self.stencil.radius:g}{metric})"


def mapping(
    declaration: str | Mapping | MappingFamily, /, *, support: Any = None, **axes: Any
) -> Mapping | MappingFamily | Any:
    """A Mapping from its declaration; or one for every size, a MappingFamily, where a letter stands for a size.

    Args:
        declaration: `"{p p} -> {p p} where p = S(5)"`; axes that `where` does not name come as keywords. Of `p = S(n)` or
            `p = A(n)` the size is left open, with a stencil that of rings too, `p = C(n)` or `p = D(n)`. (A Mapping or
            MappingFamily is handed back as it is.)
        support: the pairs that a local kernel may use: a networkx graph whose nodes are the points (its edges, and each node
            with itself), `eq.neighbours(graph, radius)`, `eq.stencil(radius, shape)`, or a list of (output, input) pairs, by
            number or written as in `space.points`, which bring with them all that the group moves them to.
        **axes: a group each: a Group, its text, 0-based generator arrays, or a sympy `PermutationGroup`; or the axes of
            `eq.joint`, as in `eq.mapping("s b -> s b", **eq.joint(s=..., b=...))`, of which unused ones are dropped.

    Raises:
        DeclarationError: the text cannot be read, an axis is undeclared, unused or declared twice, a space is empty or too
            large, the group moves a pair of the support to one that is missing, or a letter stands where none can.

    >>> mapping("h w -> h w", h="C(4)", w=[[1, 2, 0]])
    h w -> h w where h = C(4), w = (1 2 3)  # h: order 4, one orbit of 4 points; w: order 3, one orbit of 3 points
    >>> mapping("{p p} -> p where p = S(n)").at(n=4)
    {p p} -> p where p = S(4)  # p: order 24, one orbit of 4 points
    """
    if isinstance(declaration, MappingFamily) and not axes and support is None:
        return declaration
    if not isinstance(declaration, str):
        whole = declaration.stable if isinstance(declaration, MappingFamily) else declaration
        return declare.mapping(whole, support=support, **axes)
    syntax = parse_mapping(declaration)
    read = {name: _expression(value) for name, value in axes.items()}
    named = tuple(
        AxisSyntax((name,), (group,)) for name, group in read.items() if group is not None and has_letter(group)
    )
    if not named and not any(has_letter(group) for clause in syntax.where for group in clause.groups):
        return declare.mapping_of(syntax, declaration, support, axes)
    others = {name: value for name, value in axes.items() if not has_letter(read[name])}
    return _family(replace(syntax, where=(*syntax.where, *named)), declaration, support, others)


def letter_of(expression: Any) -> str | None:
    """The letter of `S(n)`, `A(n)`, `C(n)` or `D(n)`, None of any other group."""
    if not isinstance(expression, Call) or ELSEWHERE.get(expression.name, expression.name) not in FAMILIES:
        return None
    letters = [argument.name for argument in expression.arguments if isinstance(argument, Letter)]
    return letters[0] if len(letters) == len(expression.arguments) == 1 else None


def blocks_of(expression: Any) -> tuple[Any, Any] | None:
    """The two families of `wreath(S(n), S(m))`, one of which has a letter at least; None of any other group."""
    if not isinstance(expression, Call) or expression.name != "wreath" or len(expression.arguments) != 2:
        return None
    inner, outer = expression.arguments
    return (inner, outer) if letter_of(inner) or letter_of(outer) else None


def has_letter(expression: Any) -> bool:
    """Whether the size of a group is left open."""
    return letter_of(expression) is not None or blocks_of(expression) is not None


def _blocks(inner: Any, outer: Any, met: int, text: str, position: int) -> tuple[AnyBlocks, Call]:
    """A wreath product of open sizes, and the one for few points."""
    families, sizes = [], []
    for call in (inner, outer):
        name = ELSEWHERE.get(call.name, call.name) if isinstance(call, Call) else ""
        if name not in ("S", "A") or len(call.arguments) != 1 or not isinstance(call.arguments[0], (int, Letter)):
            message = "a wreath product of any size is made of S(n) and A(n), each with a letter or a number: wreath(S(n), S(m))"
            raise pointing(message, text, position)
        families.append(FAMILIES[name])
        sizes.append(call.arguments[0].name if isinstance(call.arguments[0], Letter) else call.arguments[0])
    few = tuple(size if isinstance(size, int) else max(1, met) for size in sizes)
    stable = (few[0], few[1])
    calls = tuple(replace(call, arguments=(size,)) for call, size in zip((inner, outer), stable, strict=True))
    return AnyBlocks(families[0], families[1], (sizes[0], sizes[1]), stable), Call("wreath", calls, position)


def _expression(value: Any) -> GroupExpression | None:
    """The expression of a text; what cannot be read is told where the axis is declared."""
    try:
        return parse_group(value) if isinstance(value, str) else None
    except DeclarationError:
        return None


def _family(syntax: MappingSyntax, text: str, support: Any, axes: dict[str, Any]) -> MappingFamily:
    """The family of a syntax tree in which some sizes are letters."""
    rings = _stencil_of(syntax, support)
    groups: dict[str, AnySize | AnyBlocks] = {}
    where = []
    for clause in syntax.where:
        if len(clause.names) > 1 and any(map(has_letter, clause.groups)):
            message = (
                f"axes declared together have a size each that is a number: {' & '.join(clause.names)} have a letter; an axis that "
                "moves alone may have one"
            )
            raise pointing(message, text, clause.position)
        (name, *_), (group, *_) = clause.names, clause.groups
        letter, blocks = letter_of(group), blocks_of(group)
        if blocks is not None and rings is None:
            assert isinstance(group, Call)
            met = _stable_degree(syntax, name, A)
            groups[name], few = _blocks(*blocks, met, text, group.position)
            clause = replace(clause, groups=(few,))
        if letter is not None:
            assert isinstance(group, Call)
            family = FAMILIES[ELSEWHERE.get(group.name, group.name)]
            if (family in RINGS) != (rings is not None):
                raise pointing(_no_stencil(family, letter), text, group.position)
            groups[name] = AnySize(family, letter)
            degree = _stable_degree(syntax, name, family) if rings is None else 2 * int(rings.radius) + 1
            clause = replace(clause, groups=(Call(group.name, (degree,), group.position),))
        where.append(clause)
    stable = declare.mapping_of(replace(syntax, where=tuple(where), support=None), text, rings, axes)
    sizes = tuple(groups.get(axis.name) for axis in stable.axes)
    if rings is None:
        return MappingFamily(stable, sizes)
    (term, *others) = stable.input.terms
    named = [factor.axis for factor in term if factor.axis is not None and sizes[factor.axis]]
    single = all(factor.kind.size == 1 for factor in term if factor.axis in named)
    if stable.input != stable.output or others or not single or len(set(named)) < len(named):
        raise DeclarationError(
            f"a ring of any size leads to itself, as in h w -> h w where h = C(n), w = C(m): the mapping is {stable.sides}"
        )
    return StencilFamily(stable, sizes, rings)


def _stencil_of(syntax: MappingSyntax, support: Any) -> Stencil | None:
    """The stencil that is the support of every size, None without a support.

    Raises:
        DeclarationError: a support that belongs to one size.
    """
    if support is None and syntax.support is None:
        return None
    if support is None and syntax.support is not None and syntax.support.stencil is not None:
        radius, metric = syntax.support.stencil
        return stencil(radius, metric=metric, wrap=True)
    on_rings = isinstance(support, Stencil) and support.wrap is True and not support.shape and not support.axes
    if not on_rings or syntax.support is not None:
        raise DeclarationError(
            "a support names pairs of points, and how many there are is left open: give sizes as numbers, or a stencil on rings of "
            "any size, support=eq.stencil(1, wrap=True)"
        )
    found: Stencil = support
    return found


def _no_stencil(family: Callable[[int], Group], letter: str) -> str:
    if family in RINGS:
        return no_letter(family.__name__, letter)
    return f"a stencil reaches along rings, and points under {family.__name__}({letter}) have no neighbours: write C({letter})"


def _stable_degree(syntax: MappingSyntax, axis: str, family: Callable[[int], Group]) -> int:
    """The number of points of an axis from which on the orbits stay the same: those that a pair meets.

    And two to spare where signs of permutations, or even ones alone, count (see `stable.py`).
    """
    own = [
        [[factor for factor in term if factor.axis == axis] for term in side] for side in (syntax.output, syntax.input)
    ]
    signed = any(factor.form.sign == "parity" for side in own for term in side for factor in term)
    met = sum(max(sum(factor.size for factor in term) for term in side) for side in own)
    return max(1, met + (SPARE if signed or family is A else 0))
