"""What lark could not read, explained: what stands there, where, and what could stand there instead."""

from __future__ import annotations

import re
from typing import NoReturn

from lark import UnexpectedInput, UnexpectedToken

from eqgen.common.errors import pointing

UNQUOTED = re.compile(r"""catalogue\(\s*'?[\w-]*$""")

CYCLE_BEFORE = re.compile(r"(?<![A-Za-z0-9_])\(\s*-?\d[\d\s,-]*\)\s*,?\s*$")

WORDS = {
    "NAME": "a name",
    "NUMBER": "a number",
    "INTEGER": "a point",
    "STRING": 'a quoted name like "rubiks-cube"',
    "LPAR": '"("',
    "RPAR": '")"',
    "LSQB": '"["',
    "RSQB": '"]"',
    "TILDE": '"~"',
    "AMPERSAND": '"&"',
    "LBRACE": '"{"',
    "RBRACE": '"}"',
    "LESSTHAN": '"<"',
    "MORETHAN": '">"',
    "PLUS": '"+"',
    "STAR": '"*"',
    "COMMA": '","',
    "EQUAL": '"="',
    "WHERE": '"where"',
    "__ANON_0": '"->"',
    "FROM": '"<-"',
    "$END": "the end",
}


def explain(error: UnexpectedInput, text: str, start: str) -> NoReturn:
    """Raise the DeclarationError for a text of one of the two grammars (`start` is "mapping", "group" or "pattern")."""
    position = error.pos_in_stream
    at_end = isinstance(error, UnexpectedToken) and error.token.type == "$END"
    if at_end or position is None or position < 0:
        position = len(text.rstrip())
    found = repr(str(error.token) if isinstance(error, UnexpectedToken) else text[position : position + 1])
    if start == "pattern":
        word = re.match(r"[^\s;#]+", text[position:])
        found = repr(word[0]) if word else found
        space = "; a space alone is none: write p -> p where p = ..." if re.search(r"\bwhere\b", text) else ""
        raise pointing(
            f"unexpected {found} in a pattern: entries are names, -names or 0, separated by spaces, rows by ; "
            f'(a mapping has "->"{space})',
            text,
            position,
        ) from None
    # The parser's own lists of what may follow (`allowed`, `expected`) are too long: states of the table are merged.
    accepted = error.interactive_parser.accepts()  # type: ignore[no-untyped-call]
    found = "end" if at_end else found
    expected = sorted(WORDS[name] for name in accepted if name in WORDS)
    wanted = " or ".join([", ".join(expected[:-1]), expected[-1]] if len(expected) > 1 else expected)
    hint = (
        "; cycles inside an expression stand in Group(...)" if CYCLE_BEFORE.search(text[:position]) and wanted else ""
    )
    if UNQUOTED.search(text[:position]):
        hint = '; the name stands in double quotes, as in catalogue("rubiks-cube")'
    raise pointing(f"unexpected {found}" + (f": expected {wanted}" if wanted else "") + hint, text, position) from None
