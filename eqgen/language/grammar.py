"""The declaration language: text -> syntax tree, with errors that point at the character. It knows no groups."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any

from lark import Lark, Token, Transformer, UnexpectedInput, v_args
from lark.exceptions import VisitError

from eqgen.common.errors import DeclarationError, count, in_short, pointing
from eqgen.language.messages import explain
from eqgen.language.syntax import (
    FIXED,
    ORIENTED,
    POINTS,
    SUBSETS,
    TUPLES,
    TWISTED,
    AxisSyntax,
    Call,
    Cycles,
    Factor,
    GroupExpression,
    MappingSyntax,
    PairSyntax,
    PatternSyntax,
    Product,
    Sum,
    SupportSyntax,
    factor_text,
)

if TYPE_CHECKING:
    from lark.tree import Meta

GRAMMAR = r"""
mapping   : sum "->" sum [where]
space     : sum [where]
sum       : term ("+" term)*
term      : factor+
factor    : NAME | NUMBER | TILDE NAME | LBRACE NAME+ RBRACE | LESSTHAN NAME+ MORETHAN | LSQB NAME NAME RSQB
where     : "where" (axis | joint) ("," (axis | joint | permutation))*
axis      : NAME "=" (expression | permutation)
joint     : NAME ("&" NAME)+ "=" expression ("&" expression)*
?group    : expression | generators
?expression : operand
          | operand ("*" operand)+          -> product
?operand  : NAME "(" (argument ("," argument)*)? ")"   -> call
          | NAME "(" generators ")"         -> listed
          | NAME "(" "[" generators "]" ")" -> listed
          | "(" expression ")"
?argument : expression
          | NUMBER                          -> number
          | STRING                          -> string
generators : permutation ("," permutation)*
permutation : cycle+
cycle     : "(" (INTEGER (","? INTEGER)*)? ")"

TILDE     : "~"
LBRACE    : "{"
RBRACE    : "}"
LESSTHAN  : "<"
MORETHAN  : ">"
LSQB      : "["
RSQB      : "]"
NAME      : /(?!(?:where|support)\b)[A-Za-z_][A-Za-z0-9_]*/
NUMBER    : /[0-9]+/
INTEGER   : /-?[0-9]+/
STRING    : /"[^"\n]*"/
%ignore /[\s]+/
"""

FORMS = {"NAME": POINTS, "TILDE": TWISTED, "LBRACE": SUBSETS, "LESSTHAN": TUPLES, "LSQB": ORIENTED}
"""The form of a factor, by the token that it begins with."""

ENTRY = re.compile(r"0|-?[A-Za-z_][A-Za-z0-9_]*")

PAIR = re.compile(r"\s*([0-9]+)\s*<-\s*([0-9]+)\s*(,|\Z)")
PIECES_OF_A_PAIR = (("[0-9]+", "a number"), ("<-", '"<-"'), ("[0-9]+", "a number"), (",", '"," or the end'))

TOKEN = re.compile(r'"[^"\n]*"|->|<-|-?[0-9]+|[A-Za-z_][A-Za-z0-9_]*|.')

LONGEST_NUMBER = 18
"""A number of more digits names nothing that fits in a computer."""


def is_mapping(text: str) -> bool:
    """Whether a declaration is a mapping (it has an arrow) or a pattern."""
    return "->" in _without_comments(text)


def is_entry(text: str) -> bool:
    """Whether a text is exactly one entry of a pattern: a name, a negated name or 0."""
    return ENTRY.fullmatch(text) is not None


def parse_mapping(text: str) -> MappingSyntax:
    """The syntax tree of `{p p} -> {p p} where p = S(5)`."""
    tree: MappingSyntax = _parse(text, "mapping", 'a mapping, like "p -> p where p = S(5)"')
    return tree


def parse_space(text: str) -> MappingSyntax:
    """The syntax tree of `{p p} where p = S(5)`, as that of the mapping of this space to itself."""
    tree: MappingSyntax = _parse(text, "space", 'a space, like "{p p} where p = S(5)"')
    return tree


def parse_group(text: str) -> GroupExpression:
    """The syntax tree of `S(5)` or `(1 2 3)(4 5), (1 2)`."""
    tree: GroupExpression = _parse(text, "group", 'a group, like "S(5)" or "(1 2 3)(4 5), (1 2)"')
    return tree


def parse_pattern(text: str) -> PatternSyntax:
    """The rows of `a -b; b a`; rows are separated by `;` or new lines, entries by spaces.

    Raises:
        DeclarationError: an unknown symbol, or rows of different lengths.
    """
    plain = _checked(text, 'a pattern, like "a b; b a"', " ;")
    rows = [row.split() for row in re.split(r"[;\n]", plain) if row.strip()]
    # A saved layer may hold a million entries: each word is looked at once.
    words = dict.fromkeys(chain.from_iterable(rows))
    if not all(map(is_entry, words)):
        wrong = next(word for word in re.finditer(r"[^\s;]+", plain) if not is_entry(word[0]))
        space = "; a space alone is none: write p -> p where p = ..." if re.search(r"\bwhere\b", text) else ""
        raise pointing(
            f"unexpected {wrong[0]!r} in a pattern: entries are names, -names or 0, separated by spaces, rows by ; "
            f'(a mapping has "->"{space})',
            text,
            wrong.start(),
        )
    ragged = next((number for number, row in enumerate(rows) if len(row) != len(rows[0])), None)
    if ragged is not None:
        starts = [row.start() for row in re.finditer(r"[^\s;][^;\n]*", plain)]
        raise pointing(
            f"row {ragged + 1} of the pattern has {count(len(rows[ragged]), 'entry', 'entries')}, row 1 has {len(rows[0])}: every "
            "row needs the same number; write 0 where nothing may stand",
            text,
            starts[ragged],
        )
    entries = {word: (-1 if word[0] == "-" else 1, word.lstrip("-")) for word in words} | {"0": (0, "")}
    return tuple(tuple(entries[word] for word in row) for row in rows)


def _checked(text: str, wanted: str, ignored: str = " ") -> str:
    """The text without comments, refused when nothing is left."""
    if not isinstance(text, str):
        raise DeclarationError(f"expected a text, got {type(text).__name__}: write {wanted}")
    plain = _without_comments(text)
    if not re.sub(f"[{ignored}]", "", plain).strip():
        raise DeclarationError(f"the declaration is empty: write {wanted}")
    return plain


def _without_comments(text: str) -> str:
    """The text with spaces in place of comments, so that each character keeps its place."""
    if "#" not in text:
        return text
    return re.sub(r'"[^"\n]*"|#[^\n]*', lambda part: part[0] if part[0][0] == '"' else " " * len(part[0]), text)


@lru_cache(maxsize=1)
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", start=["mapping", "space", "group"], propagate_positions=True)


def _parse(text: str, start: str, wanted: str) -> Any:
    plain = _checked(text, wanted)
    if start == "mapping" and "->" not in plain:
        raise pointing(
            'this mapping has no "->": write "input -> output", like "p -> p where p = S(5)"', text, len(text.rstrip())
        )
    # The word stands for itself nowhere else. Pairs are read apart: there may be a hundred thousand of them.
    keywords = (part for part in re.finditer(r'"[^"\n]*"|\bsupport\b', plain) if part[0] == "support")
    support = None if start == "group" else next(keywords, None)
    end = len(plain) if support is None else support.start()
    try:
        tree = _Reading(text).transform(_parser().parse(plain[:end], start=start))
    except UnexpectedInput as error:
        explain(error, text, end, _parser())
    except VisitError as error:
        if isinstance(error.orig_exc, DeclarationError):
            raise error.orig_exc from None
        raise
    except RecursionError:
        raise DeclarationError("the declaration is nested too deeply: name its parts as axes of their own") from None
    return tree if support is None else replace(tree, support=_support(text, plain, support.end()))


def _support(text: str, plain: str, position: int) -> SupportSyntax:
    """The pairs that follow the word `support`."""
    none = re.compile(r"\s*none").match(plain, position)
    if none is not None:
        _expect(((r"\Z", "the end"),), text, plain, none.end())
        return SupportSyntax((), position)
    pairs: list[PairSyntax] = []
    comma = ","
    while comma:
        pair = PAIR.match(plain, position)
        if pair is None:
            _expect(PIECES_OF_A_PAIR, text, plain, position)
        assert pair is not None, "what is no pair lacks one of its pieces"
        output, input_ = (_point(text, pair[side], pair.start(side)) for side in (1, 2))
        pairs.append(PairSyntax(output, input_, pair.start(1)))
        position, comma = pair.end(), pair[3]
    return SupportSyntax(tuple(pairs), pairs[0].position)


def _expect(pieces: Iterable[tuple[str, str]], text: str, plain: str, position: int) -> None:
    """Stop at the first of some pieces that does not follow; each is a regular expression, and words for it."""
    for piece, wanted in pieces:
        position = len(plain) - len(plain[position:].lstrip())
        match = re.compile(piece).match(plain, position)
        if match is None:
            token = TOKEN.match(plain, position)
            found = "end" if token is None else repr(token[0])
            raise pointing(
                f"unexpected {found}: expected {wanted}", text, len(text.rstrip()) if token is None else position
            )
        position = match.end()


def _point(text: str, digits: str, position: int) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise pointing(f"{in_short(digits, 30)} is too large for a point", text, position)
    if int(digits) == 0:
        raise pointing(f"{in_short(digits, 30)} is no point: the points of a space are numbered from 1", text, position)
    return int(digits)


@v_args(inline=True, meta=True)
class _Reading(Transformer[Token, Any]):
    """Turns lark's tree into the frozen syntax tree, bottom up."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def mapping(self, meta: Meta, left: Sum, right: Sum, where: tuple[AxisSyntax, ...] | None) -> MappingSyntax:
        return MappingSyntax(left, right, where or ())

    def space(self, meta: Meta, space: Sum, where: tuple[AxisSyntax, ...] | None) -> MappingSyntax:
        return MappingSyntax(space, space, where or ())

    def sum(self, meta: Meta, *children: Any) -> tuple[Any, ...]:
        return children

    term = cycle = sum

    def factor(self, meta: Meta, first: Token, *rest: Token) -> Factor:
        if first.type == "NUMBER":
            if first != "1":
                shown = in_short(first, 30)
                raise pointing(
                    f"{shown} is no factor: the only number is 1, one fixed point; {shown} points that a group moves need an "
                    "axis",
                    self.text,
                    meta.start_pos,
                )
            return Factor(FIXED, "", 0, meta.start_pos)
        names = [token for token in (first, *rest) if token.type == "NAME"]
        factor = Factor(FORMS[first.type], str(names[0]), len(names), meta.start_pos)
        for name in names:
            if name != factor.axis:
                written = f"{factor.form.opening}{' '.join(names)}{factor.form.closing}"
                raise pointing(
                    f"{written} mixes the axes {factor.axis} and {name}: distinct points come from one axis; write "
                    f"{factor_text(factor)}, or {factor.axis} {name} for pairs over two axes",
                    self.text,
                    name.start_pos or 0,
                )
        return factor

    def where(self, meta: Meta, *children: AxisSyntax | Cycles) -> tuple[AxisSyntax, ...]:
        # A comma ends an axis or only one of its generators: with one token of lookahead the grammar cannot tell, so it
        # lists both and the generators are gathered here.
        axes: list[AxisSyntax] = []
        for child in children:
            if isinstance(child, AxisSyntax):
                axes.append(child)
                continue
            axis, group = axes[-1], axes[-1].groups[0]
            if not isinstance(group, Cycles) or len(axis.names) > 1:
                raise pointing(
                    f"a list of generators stands only directly after {axis.names[0]} =: inside an expression write "
                    "Group((1 2), (3 4))",
                    self.text,
                    child.position,
                )
            axes[-1] = replace(axis, groups=(replace(group, generators=group.generators + child.generators),))
        return tuple(axes)

    def axis(self, meta: Meta, name: Token, group: GroupExpression) -> AxisSyntax:
        return AxisSyntax((str(name),), (group,), meta.start_pos)

    def joint(self, meta: Meta, *children: Any) -> AxisSyntax:
        names = tuple(str(child) for child in children if isinstance(child, Token))
        groups = children[len(names) :]
        if len(names) != len(groups):
            raise pointing(
                f"{len(names)} axes are declared together and {count(len(groups), 'group')} given: write one for each axis, as "
                "in s & b = Group((1 2)) & Group((1 2)(3 4))",
                self.text,
                meta.start_pos,
            )
        return AxisSyntax(names, groups, meta.start_pos)

    def product(self, meta: Meta, *factors: GroupExpression) -> Product:
        return Product(factors, meta.start_pos)

    def call(self, meta: Meta, name: Token, *arguments: GroupExpression | int | str) -> Call:
        return Call(str(name), arguments, meta.start_pos)

    def listed(self, meta: Meta, name: Token, generators: Cycles) -> Cycles:
        if name != "Group":
            raise pointing(
                f"{name}(...) takes no bare cycles: write Group(...) around a list of generators",
                self.text,
                meta.start_pos,
            )
        return generators

    def number(self, meta: Meta, number: Token) -> int:
        return self._whole(number)

    def string(self, meta: Meta, quoted: Token) -> str:
        return str(quoted)[1:-1]

    def generators(self, meta: Meta, *generators: Cycles) -> Cycles:
        return Cycles(tuple(child.generators[0] for child in generators), meta.start_pos)

    def permutation(self, meta: Meta, *written: tuple[Token, ...]) -> Cycles:
        seen: set[int] = set()
        cycles = []
        for cycle in written:
            points: dict[int, None] = {}
            for token in cycle:
                point, mistake = self._whole(token), ""
                if point == 0:
                    mistake = "point 0 in a cycle: points in text are numbered from 1"
                elif point in points:
                    mistake = f"a cycle repeats point {point}: each point of a cycle goes to the next one, so it is named once"
                elif point in seen:
                    mistake = (
                        f"point {abs(point)} stands in two cycles of one generator: write disjoint cycles, or a comma between "
                        "two generators"
                    )
                if mistake:
                    raise pointing(mistake, self.text, token.start_pos or 0)
                points[point] = None
            # With signs the mirror image of a cycle is meant too, so its points are taken.
            seen.update(points, (-point for point in points))
            if not _mirrors_itself(list(points)):
                raise pointing(
                    "a cycle that holds a point and its negative must hold the negative of each of its points, in the same "
                    "order: write (1 -1) or (1 2 -1 -2)",
                    self.text,
                    cycle[0].start_pos or 0,
                )
            if points:
                cycles.append(tuple(points))
        return Cycles((tuple(cycles),), meta.start_pos)

    def _whole(self, token: Token) -> int:
        if len(token) > LONGEST_NUMBER:
            raise pointing(f"the number {in_short(token, 30)} is too large", self.text, token.start_pos or 0)
        return int(token)


def _mirrors_itself(points: list[int]) -> bool:
    """Whether a cycle is apart from its mirror image, or is it: `(1 2 -1 -2)`."""
    negatives = [-point for point in points]
    half = len(points) // 2
    return set(points).isdisjoint(negatives) or points[half:] == negatives[:half]
