"""The syntax tree of the declaration language: plain frozen values, which know neither text nor groups."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

LONGEST_NUMBER = 18
"""A number of more digits names nothing that fits in a computer."""


@dataclass(frozen=True)
class Form:
    """How a factor is made of points of one axis.

    Attributes:
        opening, closing: what is written around the names of the axis.
        ordered: whether the order of the points counts.
        sign: what turns its sign: the "parity" of the permutation of the axis, or the "orientation", where a pair of points
            is no longer in its order; None for neither.
    """

    opening: str = ""
    closing: str = ""
    ordered: bool = True
    sign: Literal["parity", "orientation"] | None = None


POINTS = Form()
FIXED = Form("1")
TWISTED = Form("~", sign="parity")
TUPLES = Form("<", ">")
SUBSETS = Form("{", "}", ordered=False)
ORIENTED = Form("[", "]", ordered=False, sign="orientation")
FORMS = {form.opening: form for form in (POINTS, FIXED, TWISTED, TUPLES, SUBSETS, ORIENTED)}


@dataclass(frozen=True)
class Factor:
    """One factor of a term: `p`, `1`, `{p p}`, `<p p>`, `~p` or `[p p]`.

    `axis` is the name of the axis ("" for the fixed point), `size` how many points are taken of it at once.
    """

    form: Form
    axis: str
    size: int
    position: int = field(default=0, compare=False)


Sum = tuple[tuple[Factor, ...], ...]


@dataclass(frozen=True)
class Letter:
    """A letter that stands for any size: the n of `S(n)`."""

    name: str
    position: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Call:
    """A group by name: `S(5)`, `S(n)`, `wreath(S(3), S(4))`, `catalogue("rubiks-cube")`."""

    name: str
    arguments: tuple["GroupExpression | Letter | int | str", ...]
    position: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Cycles:
    """Generators as tuples of disjoint 1-based cycles; a negative point is the point with its sign turned."""

    generators: tuple[tuple[tuple[int, ...], ...], ...]
    position: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Product:
    """A direct product `A * B * ...`."""

    factors: tuple["GroupExpression", ...]


GroupExpression = Call | Cycles | Product


@dataclass(frozen=True)
class AxisSyntax:
    """What `where` says: `p = S(5)`, or `s & b = A & B` for axes whose groups one generator list moves together."""

    names: tuple[str, ...]
    groups: tuple[GroupExpression, ...]
    position: int = field(default=0, compare=False)


@dataclass(frozen=True)
class SupportSyntax:
    """The pairs that `support` names: of `3 <- 1` it is (3, 1), output 3 may use input 1; of `none` only a position is left.

    Or the radius and the metric of a stencil on rings, `stencil(1)` or `stencil(1.5, disc)`.
    """

    pairs: tuple[tuple[int, ...], ...]
    positions: tuple[int, ...] = field(compare=False)
    stencil: tuple[float, str] | None = None


@dataclass(frozen=True)
class MappingSyntax:
    """A parsed mapping: both sides, what `where` says of each axis, and the pairs that `support` names, if it is there."""

    input: Sum
    output: Sum
    where: tuple[AxisSyntax, ...]
    support: SupportSyntax | None = None


def factor_text(factor: Factor) -> str:
    """A factor as it is written."""
    return f"{factor.form.opening}{' '.join([factor.axis] * factor.size)}{factor.form.closing}"


def sum_text(side: Sum) -> str:
    """A space as it is written: `{p p} + 1`."""
    return " + ".join(" ".join(map(factor_text, term)) for term in side)


def where_text(clauses: Iterable[tuple[Sequence[str], Sequence[str]]]) -> str:
    """The where clause: for axes that move together their names, and a text of the group of each; "" without axes."""
    texts = []
    for names, groups in clauses:
        if len(names) > 1:
            groups = [operand_text(group) for group in groups]
        texts.append(f"{' & '.join(names)} = {' & '.join(groups)}")
    return f" where {', '.join(texts)}" if texts else ""


def operand_text(group: str) -> str:
    """A group inside a larger expression, where a bare list of generators cannot stand."""
    return f"Group({group})" if group.startswith("(") else group


def support_text(pairs: Iterable[Sequence[int]]) -> str:
    """The support clause: (output, input) pairs, counted from 1."""
    return f" support {', '.join(f'{output} <- {input_}' for output, input_ in pairs) or 'none'}"
