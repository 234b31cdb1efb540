"""How other programs print and write groups: what they wrap around generators, put in the words of the grammar.

A text keeps its length, so that errors point at the character that its author wrote.
"""

import re

from eqgen.common.errors import pointing

ASSIGNED = re.compile(r"\s*[A-Za-z_][A-Za-z0-9_]*\s*:?=(?!=)")

OF_SAGE = re.compile(r"\s*Permutation Group with generators(?=\s*\[)")

OF_MAGMA = re.compile(
    r"\s*Permutation group\b[^\n]{0,200}?acting on a set of cardinality ([0-9]{1,18})[^\n]{0,200}\n(?:[ \t]*Order = [^\n]*\n)?"
)

INSTEAD = (
    (
        re.compile(r"\s*<[^<>]{0,200}\bgroup\b[^<>]{0,200}>?"),
        "GAP prints this where a group has not been listed: print GeneratorsOfGroup(G), which looks like [ (1,2,3), (1,2) ]",
    ),
    (
        re.compile(r"\s*(?:Symmetric|Alternating|Cyclic|Dihedral)\s[^\n]{0,200}\bas a permutation group"),
        "this is how Sage calls the group, without its generators: print G.gens(), which looks like [(1,2,3), (1,2)], or write "
        "S(5), A(5), C(5) or D(5)",
    ),
)
"""What programs print that names no generators, and what to write in its place."""


def in_our_words(text: str) -> str:
    """The text of a group without a name before it, and without the words that Sage and MAGMA print around generators.

    >>> in_our_words("G := [(1,2), (3,4)]").strip()
    '[(1,2), (3,4)]'
    """
    for printed, message in INSTEAD:
        if printed.match(text):
            raise pointing(message, text, len(text) - len(text.lstrip()))
    for wrapped in (ASSIGNED, OF_SAGE):
        before = wrapped.match(text)
        if before is not None:
            text = " " * before.end() + text[before.end() :]
    header = OF_MAGMA.match(text)
    if header is None:
        return text
    # Each generator begins on a line of its own, a longer one goes on on lines that stand further in.
    lines = text[header.end() :].rstrip().split("\n")
    margin = len(lines[0]) - len(lines[0].lstrip())
    listed = lines[0] + "".join((" " if len(line) - len(line.lstrip()) > margin else ",") + line for line in lines[1:])
    return f"PermutationGroup<{header[1]}|".rjust(header.end()) + listed + ">"


def without_end(text: str) -> str:
    """A text without the semicolons at its end, with which some programs end a line."""
    kept = text.rstrip("; \t\r\n")
    return kept + " " * (len(text) - len(kept))
