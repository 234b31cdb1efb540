"""What lark could not read, explained: what stands there, where, and what could stand there instead."""

import re
from typing import NoReturn

from lark import Lark, UnexpectedInput, UnexpectedToken

from eqgen.common.errors import pointing

UNQUOTED = re.compile(r"""catalogue\(\s*'?[\w-]*$""")

CYCLE_BEFORE = re.compile(r"(?<![A-Za-z0-9_])\(\s*-?\d[\d\s,-]*\)\s*,?\s*$")

OF_A_SUPPORT = re.compile(r"support\b|<-")
"""Words that the parser does not know, because the support is read apart."""

WORDS = {"NAME": "a name", "NUMBER": "a number", "INTEGER": "a point", "STRING": 'a quoted name like "rubiks-cube"'}
"""What is written in many ways, in words; other tokens stand for themselves."""


def explain(error: UnexpectedInput, text: str, end: int, parser: Lark) -> NoReturn:
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
    words = {token.name: f'"{token.pattern.value}"' for token in parser.terminals} | WORDS | {"$END": "the end"}
    expected = sorted(words[name] for name in accepted)
    wanted = " or ".join([", ".join(expected[:-1]), expected[-1]] if len(expected) > 1 else expected)
    hint = ""
    if UNQUOTED.search(text[:position]):
        hint = '; the name stands in double quotes, as in catalogue("rubiks-cube")'
    elif CYCLE_BEFORE.search(text[:position]) and wanted:
        hint = "; cycles inside an expression stand in Group(...)"
    raise pointing(f"unexpected {found}" + (f": expected {wanted}" if wanted else "") + hint, text, position) from None
