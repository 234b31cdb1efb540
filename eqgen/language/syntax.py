"""The syntax tree of the declaration language: plain frozen values, which know neither text nor groups."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Factor:
    """One factor of a term.

    `p` is of kind "points", `1` "fixed", `{p p}` "subsets", `<p p>` "tuples", `~p` "twisted" and `[p p]` "oriented".

    `axis` is the name of the axis ("" for the fixed point), `size` how many points are taken of it at once.
    """

    kind: str
    axis: str
    size: int
    position: int = field(default=0, compare=False)


Term = tuple[Factor, ...]
Sum = tuple[Term, ...]


@dataclass(frozen=True)
class Call:
    """A group by name: `S(5)`, `wreath(S(3), S(4))`, `catalogue("rubiks-cube")`."""

    name: str
    arguments: tuple[GroupExpression | int | str, ...]
    position: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Cycles:
    """Generators as tuples of disjoint 1-based cycles; a negative point is the point with its sign turned."""

    generators: tuple[tuple[tuple[int, ...], ...], ...]
    position: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Product:
    """A direct product `A * B * ...`."""

    factors: tuple[GroupExpression, ...]
    position: int = field(default=0, compare=False)


GroupExpression = Call | Cycles | Product


@dataclass(frozen=True)
class AxisSyntax:
    """What `where` says: `p = S(5)`, or `s & b = A & B` for axes whose groups one generator list moves together."""

    names: tuple[str, ...]
    groups: tuple[GroupExpression, ...]
    position: int = field(default=0, compare=False)


@dataclass(frozen=True)
class PairSyntax:
    """What `support` says of one pair, `3 <- 1`: output 3 may use input 1; 1-based numbers."""

    output: int
    input: int
    position: int = field(default=0, compare=False)


@dataclass(frozen=True)
class SupportSyntax:
    """The pairs that `support` names, which may be none."""

    pairs: tuple[PairSyntax, ...]
    position: int = field(default=0, compare=False)


@dataclass(frozen=True)
class MappingSyntax:
    """A parsed mapping: both sides, what `where` says of each axis, and the pairs that `support` names, if it is there."""

    input: Sum
    output: Sum
    where: tuple[AxisSyntax, ...]
    support: SupportSyntax | None = None


PatternSyntax = tuple[tuple[tuple[int, str], ...], ...]
"""Rows of (sign, name); a zero entry is (0, "")."""
