"""The declaration language: text -> syntax tree, with errors that point at the character. It knows no groups."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from itertools import chain, islice
from typing import Any, NoReturn

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken, v_args
from lark.exceptions import VisitError
from lark.tree import Meta

from eqgen.common.errors import DeclarationError, count, in_short, pointing
from eqgen.language.meant import instead
from eqgen.language.printed import in_our_words, without_end
from eqgen.language.support_pairs import support_after
from eqgen.language.syntax import (
    FORMS,
    LONGEST_NUMBER,
    AxisSyntax,
    Call,
    Cycles,
    Factor,
    GroupExpression,
    Letter,
    MappingSyntax,
    Product,
    factor_text,
)

GRAMMAR = r"""
mapping   : sum "->" sum [where]
space     : sum [where]               -> mapping
sum       : term ("+" term)*
term      : factor+
factor    : NAME | NUMBER | TILDE NAME | LBRACE NAME+ RBRACE | LESSTHAN NAME+ MORETHAN | LSQB NAME NAME RSQB
where     : "where" (axis | joint) ("," (axis | joint | permutation))*
axis      : NAME "=" (expression | permutation)
joint     : NAME ("&" NAME)+ "=" expression ("&" expression)*   -> axis
?group    : expression | generators
?expression : operand
          | operand ("*" operand)+          -> product
?operand  : NAME "(" (argument ("," argument)*)? ")"   -> call
          | NAME "(" generators ")"         -> listed
          | NAME "<" argument "|" generators ">"  -> inside
          | NAME "<" argument "|" "[" generators "]" ">"  -> inside
          | "[" generators "]"              -> bracketed
          | "[" product_of_cycles ("," product_of_cycles)* "]"  -> generators
          | "(" expression ")"
          | "(" generator ("," generator)+ ")"  -> generators
?argument : expression
          | NUMBER                          -> number
          | STRING                          -> string
          | NAME                            -> letter
          | "[" NUMBER ".." NUMBER "]"      -> interval
          | "{" NUMBER ".." NUMBER "}"      -> interval
generators : generator ("," generator)*
?generator : permutation
          | QUOTE permutation QUOTE         -> quoted
permutation : cycle+
product_of_cycles : "[" cycle ("," cycle)* "]"  -> permutation
cycle     : "(" (INTEGER (","? INTEGER)*)? ")"

QUOTE     : "'"
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

ENTRY = re.compile(r"0|-?[A-Za-z_][A-Za-z0-9_]*")

UNQUOTED = re.compile(r"""catalogue\(\s*'?[\w-]*$""")

CYCLE_BEFORE = re.compile(r"(?<![A-Za-z0-9_])\(\s*-?\d[\d\s,-]*\)\s*,?\s*$")

SPACED_CYCLE = re.compile(r"\(\s*-?[0-9]+\s+[0-9]")

ARRAY_BEFORE = re.compile(r"\[\s*[0-9]*\s*$")

OF_OTHER_PROGRAMS = {"LSQB", "LBRACE", "LESSTHAN", "QUOTE"}
"""What is read around groups because other programs write it; where something is missing, our own words are named."""

MOST_GENERATORS = 10_000

LONG_LISTS = (
    (
        re.compile(r"\)\s*,\s*\("),
        MOST_GENERATORS,
        "generators, the most that eqgen takes: leave out those that others generate (a group on n points never needs more than n)",
    ),
    (
        re.compile(r"\*"),
        1_000,
        "groups are multiplied, more than eqgen takes: declare axes that move independently, as in p q -> p q where p = S(2), "
        "q = S(3)",
    ),
)
"""Signs of which a text may hold so many, and what more of them say: the parser would take seconds."""

OF_A_SUPPORT = re.compile(r"support\b|<-")
"""Words that the parser does not know, because the support is read apart."""

WORDS = {"NAME": "a name", "NUMBER": "a number", "INTEGER": "a point", "STRING": 'a quoted name like "rubiks-cube"'}
"""What is written in many ways, in words; other tokens stand for themselves."""

LISTING = ("Group", "GroupWithGenerators", "GroupByGenerators", "PermutationGroup")
"""What is written around a list of generators."""


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


def parse_pattern(text: str) -> tuple[tuple[tuple[int, str], ...], ...]:
    """The rows of `a -b; b a`, of (sign, name), and (0, "") for a zero; `;` or a new line ends a row, spaces an entry.

    Raises:
        DeclarationError: an unknown symbol, or rows of different lengths.
    """
    plain = _checked(text, 'a pattern, like "a b; b a"', " ;")
    rows = [row.split() for row in re.split(r"[;\n]", plain) if row.strip()]
    # A saved layer may hold a million entries: each word is looked at once.
    words = dict.fromkeys(chain.from_iterable(rows))
    if not all(map(is_entry, words)):
        wrong = next(word for word in re.finditer(r"[^\s;]+", plain) if not is_entry(word[0]))
        line = instead(plain, _reads("mapping"))
        if line:
            raise pointing(f"unexpected {wrong[0]!r} in a pattern{line}", text, wrong.start())
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
    plain = without_end(_checked(text, wanted, " ;"))
    if start == "group":
        plain = in_our_words(plain)
    if start == "mapping" and "->" not in plain:
        line = instead(plain, _reads(start)) or '; write "input -> output", like "p -> p where p = S(5)"'
        raise pointing(f'this mapping has no "->"{line.replace(";", ":", 1)}', text, len(text.rstrip()))
    # The word stands for itself nowhere else. Pairs are read apart: there may be a hundred thousand of them.
    keywords = (part for part in re.finditer(r'"[^"\n]*"|\bsupport\b', plain) if part[0] == "support")
    support = None if start == "group" else next(keywords, None)
    end = len(plain) if support is None else support.start()
    _refuse_long_lists(plain[:end], text)
    try:
        tree = _Reading(text).transform(_parser().parse(plain[:end], start=start))
    except UnexpectedInput as error:
        _explain(error, text, end, start)
    except VisitError as error:
        if isinstance(error.orig_exc, DeclarationError):
            raise error.orig_exc from None
        raise
    except RecursionError:
        raise DeclarationError("the declaration is nested too deeply: name its parts as axes of their own") from None
    return tree if support is None else replace(tree, support=support_after(text, plain, support.end()))


def _reads(start: str) -> Callable[[str], bool]:
    """Whether a text is a whole mapping, space or group, as far as the grammar goes."""

    def reads(text: str) -> bool:
        try:
            _parser().parse(text, start=start)
        except (UnexpectedInput, RecursionError):
            return False
        return True

    return reads


def _refuse_long_lists(plain: str, text: str) -> None:
    """Stop before the parser looks at more generators, or groups of a product, than anything may have."""
    for sign, most, what in LONG_LISTS:
        places = [place.start() for place in islice(sign.finditer(plain), most + 1)]
        if len(places) > most:
            raise pointing(f"more than {most} {what}", text, places[-1])


def _explain(error: UnexpectedInput, text: str, end: int, start: str) -> NoReturn:
    """Raise the DeclarationError for a text that the parser could not read up to its character `end`."""
    position = error.pos_in_stream
    at_end = isinstance(error, UnexpectedToken) and error.token.type == "$END"
    if at_end or position is None or position < 0:
        position = end if end < len(text) else len(text.rstrip())
    found = repr(str(error.token) if isinstance(error, UnexpectedToken) else text[position : position + 1])
    word = OF_A_SUPPORT.match(text, position)
    if word:
        found = repr(word[0])
    elif at_end:
        found = "end"
    # The parser's own lists of what may follow (`allowed`, `expected`) are too long: states of the table are merged.
    accepted = error.interactive_parser.accepts()  # type: ignore[no-untyped-call]
    if "TILDE" not in accepted:
        accepted = accepted - OF_OTHER_PROGRAMS or accepted
    words = {token.name: f'"{token.pattern.value}"' for token in _parser().terminals} | WORDS | {"$END": "the end"}
    expected = sorted(words[name] for name in accepted)
    wanted = " or ".join([", ".join(expected[:-1]), expected[-1]] if len(expected) > 1 else expected)
    hint = instead(text[:end], _reads(start))
    if hint:
        wanted = ""
    elif UNQUOTED.search(text[:position]):
        hint = '; the name stands in double quotes, as in catalogue("rubiks-cube")'
    elif CYCLE_BEFORE.search(text[:position]) and wanted:
        hint = "; cycles inside an expression stand in Group(...)"
    elif ARRAY_BEFORE.search(text[max(0, position - 50) : position]) and found[1:2].isdigit():
        hint = "; a text holds cycles, like [(1,2,3), (1,2)], and arrays are given in Python, like p=[[1, 2, 0], [1, 0, 2]]"
    elif start == "group" and not at_end and "$END" not in accepted:
        hint = '; a group is written like "S(5)", "(1 2 3)(4 5), (1 2)" or "[(1,2,3), (1,2)]"'
    raise pointing(f"unexpected {found}" + (f": expected {wanted}" if wanted else "") + hint, text, position) from None


@v_args(inline=True, meta=True)
class _Reading(Transformer[Token, Any]):
    """Turns lark's tree into the frozen syntax tree, bottom up."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def mapping(self, meta: Meta, *sides_and_where: Any) -> MappingSyntax:
        *sides, where = sides_and_where
        return MappingSyntax(sides[0], sides[-1], where or ())

    def sum(self, meta: Meta, *children: Any) -> tuple[Any, ...]:
        return children

    term = cycle = sum

    def factor(self, meta: Meta, first: Token, *rest: Token) -> Factor:
        if first.type == "NUMBER" and first != "1":
            shown = in_short(first, 30)
            raise self._mistake(
                f"{shown} is no factor: the only number is 1, one fixed point; {shown} points that a group moves need an axis",
                meta.start_pos,
            )
        names = [token for token in (first, *rest) if token.type == "NAME"]
        opening = "" if first.type == "NAME" else str(first)
        # The fixed point names no axis.
        axis = str(names[0]) if names else ""
        factor = Factor(FORMS[opening], axis, len(names), meta.start_pos)
        for name in names:
            if name != factor.axis:
                written = f"{factor.form.opening}{' '.join(names)}{factor.form.closing}"
                raise self._mistake(
                    f"{written} mixes the axes {factor.axis} and {name}: distinct points come from one axis; write "
                    f"{factor_text(factor)}, or {factor.axis} {name} for pairs over two axes",
                    name.start_pos,
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
                raise self._mistake(
                    f"a list of generators stands only directly after {axis.names[0]} =: inside an expression write "
                    "Group((1 2), (3 4))",
                    child.position,
                )
            axes[-1] = replace(axis, groups=(replace(group, generators=group.generators + child.generators),))
        return tuple(axes)

    def axis(self, meta: Meta, *children: Any) -> AxisSyntax:
        names = tuple(str(child) for child in children if isinstance(child, Token))
        groups = children[len(names) :]
        if len(names) != len(groups):
            raise self._mistake(
                f"{len(names)} axes are declared together and {count(len(groups), 'group')} given: write one for each axis, as "
                "in s & b = Group((1 2)) & Group((1 2)(3 4))",
                meta.start_pos,
            )
        return AxisSyntax(names, groups, meta.start_pos)

    def product(self, meta: Meta, *factors: GroupExpression) -> Product:
        return Product(factors)

    def call(self, meta: Meta, name: Token, *arguments: GroupExpression | Letter | int | str) -> Call:
        if name == "PermutationGroup" and SPACED_CYCLE.search(self.text, meta.start_pos, meta.end_pos):
            raise self._mistake(
                "PermutationGroup with spaces between points is how sympy prints a group, counting from 0: give the group itself, "
                "or write Group((1 2 3), (1 2)) to count from 1",
                meta.start_pos,
            )
        return Call(str(name), arguments, meta.start_pos)

    def listed(self, meta: Meta, name: Token, generators: Cycles) -> Cycles:
        if name not in LISTING:
            raise self._mistake(
                f"{name}(...) takes no bare cycles: write Group(...) around a list of generators", meta.start_pos
            )
        return generators

    def bracketed(self, meta: Meta, generators: Cycles) -> Cycles:
        return generators

    def quoted(self, meta: Meta, before: Token, permutation: Cycles, after: Token) -> Cycles:
        return permutation

    def inside(self, meta: Meta, name: Token, whole: GroupExpression | Letter | int | str, generators: Cycles) -> Call:
        return Call(str(name), (whole, generators), meta.start_pos)

    def interval(self, meta: Meta, first: Token, last: Token) -> int:
        if self._whole(first) != 1:
            raise self._mistake(
                f"points are numbered from 1, and these from {in_short(first, 30)}: write the generators as cycles, like "
                "(3 4 5), (3 4)",
                meta.start_pos,
            )
        return self._whole(last)

    def number(self, meta: Meta, number: Token) -> int:
        return self._whole(number)

    def letter(self, meta: Meta, name: Token) -> Letter:
        if name in ("None", "True", "False"):
            raise self._mistake(
                f"{name} is no size: write a number, as in S(5), or a letter for any size", meta.start_pos
            )
        return Letter(str(name), meta.start_pos)

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
                    if "PermutationGroup" in self.text:
                        mistake += "; sympy counts from 0: give the group itself, or add 1 to every point"
                elif point in points:
                    mistake = f"a cycle repeats point {point}: each point of a cycle goes to the next one, so it is named once"
                elif point in seen:
                    mistake = (
                        f"point {abs(point)} stands in two cycles of one generator: write disjoint cycles, or a comma between "
                        "two generators"
                    )
                if mistake:
                    raise self._mistake(mistake, token.start_pos)
                points[point] = None
            # With signs the mirror image of a cycle is meant too, so its points are taken.
            negatives, half = [-point for point in points], len(points) // 2
            seen.update(points, negatives)
            # A cycle is apart from its mirror image, or is it: (1 2 -1 -2).
            if not points.keys().isdisjoint(negatives) and list(points)[half:] != negatives[:half]:
                raise self._mistake(
                    "a cycle that holds a point and its negative must hold the negative of each of its points, in the same "
                    "order: write (1 -1) or (1 2 -1 -2)",
                    cycle[0].start_pos,
                )
            if points:
                cycles.append(tuple(points))
        return Cycles((tuple(cycles),), meta.start_pos)

    def _mistake(self, message: str, position: int | None) -> DeclarationError:
        return pointing(message, self.text, position or 0)

    def _whole(self, token: Token) -> int:
        if len(token) > LONGEST_NUMBER:
            raise self._mistake(f"the number {in_short(token, 30)} is too large", token.start_pos)
        return int(token)
