"""What a person may have meant by a text that cannot be read: the same text, corrected in the ways in which people slip."""

import difflib
import re
from collections.abc import Callable, Sequence

from eqgen.common.errors import in_short

ARROWS = re.compile(r"\s*(?:[→⟶⇒⟹➝➔➜↦]|[-=–—−]+\s*[>＞])\s*")
"""What stands for an arrow where people or programs that mend their typing write it."""

EQUALS = re.compile(r"([A-Za-z_]\w*)\s*(?::=|==|:|≅|≡|∼)\s*(?=[A-Za-z(\[])")

AXIS = re.compile(r"[\s,;:|]*(?<![\w&])(?:(?:with|for|when|if|let|given|and)\s+)?([A-Za-z_]\w*\s*=)(?![=>])")
"""The first axis with its group, and what people write before it where `where` should stand."""

WITHOUT_PARENTHESES = re.compile(r"\b(?:([A-Za-z])_?(\d{1,9})|([A-Za-z])\s*[\[{]\s*(\d{1,9})\s*[\]}])(?![\w(]|\s*=)")
"""`D4`, `D_4`, `D[4]`."""

LONGEST = 2_000
"""Of longer texts nobody guesses what was meant."""

FAMILIES = {"S": "S", "A": "A", "C": "C", "D": "D", "Z": "C"}

NAMED = {
    "Q8": "Group((1 2 3 4)(5 6 7 8), (1 5 3 7)(2 8 4 6))",
    **dict.fromkeys(("V4", "K4"), "Group((1 2)(3 4), (1 3)(2 4))"),
    "M11": 'catalogue("mathieu-11")',
    "M24": 'catalogue("mathieu-24")',
}
"""Groups that books call by a letter and a number, as the language writes them."""


def named_group(letter: str, number: object) -> str:
    """What to write for a group that books call by a letter and a number; "" where nothing is known by it.

    >>> named_group("D", 4), named_group("Z", 5), named_group("X", 1)
    ('D(4)', 'C(5)', '')
    """
    upper = letter.upper()
    return NAMED.get(f"{upper}{number}") or (f"{FAMILIES[upper]}({number})" if upper in FAMILIES else "")


def corrected(text: str, reads: Callable[[str], bool]) -> str:
    """The text without the usual slips, if it can be read then, and is another one; else ""."""
    found = ARROWS.sub(" -> ", text)
    found = EQUALS.sub(r"\1 = ", found)
    if not re.search(r"\bwhere\b", found):
        found = _with_where(found)
    sides, where, groups = found.rpartition("where")
    found = f"{sides}{where}{WITHOUT_PARENTHESES.sub(_with_parentheses, groups)}"
    found = " ".join(found.split())
    return found if found != " ".join(text.split()) and reads(found) else ""


def instead(text: str, reads: Callable[[str], bool]) -> str:
    """What is added to a message: the line to write instead, where there is one."""
    found = corrected(text, reads) if len(text) <= LONGEST else ""
    return f"; write {in_short(found, 120)}" if found else ""


def nearest_name(name: str, names: Sequence[str]) -> str:
    """What is added to a message about a public name that is none: the line to write instead, where there is one.

    >>> nearest_name("mapings", ["mapping", "orbits"]), nearest_name("D4", ["mapping", "D"]), nearest_name("x", ["mapping"])
    (': did you mean eqgen.mapping?', ': write eqgen.D(4)', '')
    """
    number = re.fullmatch(r"([A-Za-z])_?(\d+)", name)
    meant = named_group(number[1], number[2]) if number else ""
    if meant:
        return f": write eqgen.{meant}" if meant[0] in names else f": write eqgen.group('{meant}')"
    lower = {other.lower(): other for other in names}
    close = difflib.get_close_matches(name.lower(), lower, n=1)
    return f": did you mean eqgen.{lower[close[0]]}?" if close else ""


def nearest(name: str, names: Sequence[str]) -> str:
    """What is added to a message about a name that is none of some.

    >>> nearest("bond", ["atoms", "bonds"]), nearest("x", ["bonds"])
    ('; did you mean bonds?', '')
    """
    close = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _with_where(text: str) -> str:
    # A word that is nearly the right one, or else what stands before the first axis.
    for word in re.finditer(r"[A-Za-z]{4,7}(?=\s+[A-Za-z_]\w*\s*=)", text):
        if difflib.SequenceMatcher(None, word[0].lower(), "where").ratio() > 0.7:
            return f"{text[: word.start()]}where{text[word.end() :]}"
    return AXIS.sub(r" where \1", text, count=1) if "=" in text else text


def _with_parentheses(found: re.Match[str]) -> str:
    return named_group(found[1] or found[3], found[2] or found[4]) or found[0]
