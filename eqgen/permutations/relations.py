"""Relations of an abstract group, like `a^6, b^2, (a b)^2`, held against what generators really do."""

import re
from itertools import chain

import numpy as np

from eqgen.common.errors import DeclarationError, pointing
from eqgen.permutations.group import Group
from eqgen.permutations.signed_permutation import SignedPermutation

SYMBOL = re.compile(r"\s*(?:([a-z(),])|\^\s*(-?(?:0|[1-9][0-9]{0,17})(?![0-9]))|\Z)")
"""A letter, a parenthesis, a comma, an exponent, or the end."""

LONGEST_WORD = 10_000
"""A word of more letters than this is refused: it would take too long to apply."""

Word = tuple[int, ...]
"""Generators from left to right, in the order in which they are applied, counted from 1; a negative number is the inverse."""


def check_relations(text: str, axis: str, group: Group) -> None:
    """Raise when a word of `text` moves a point or turns a sign of this axis."""
    if not text.strip():
        return
    for shown, word in _parsed(text):
        element = SignedPermutation(np.arange(group.degree))
        for letter in word:
            if abs(letter) > len(group.generators):
                raise DeclarationError(
                    f"relation {shown} names generator {chr(96 + abs(letter))}: axis {axis} has "
                    f"{len(group.generators)}, which are a to {chr(96 + min(26, len(group.generators)))}"
                )
            step = group.elements[abs(letter) - 1]
            element = element.then(step if letter > 0 else step.inverse())
        wrong = np.flatnonzero((element.image != np.arange(group.degree)) | (element.all_signs() < 0))
        if wrong.size:
            point = int(wrong[0])
            sign = "-" if element.all_signs()[point] < 0 else ""
            raise DeclarationError(
                f"relation {shown} fails on axis {axis}: it sends point {point + 1} to {sign}{element.image[point] + 1}; "
                "correct the relation or the generators"
            )


def _parsed(text: str) -> list[tuple[str, Word]]:
    """The words as they are written, and as generators."""
    words: list[Word] = []
    # The powers of each word that has not ended, the outermost first.
    unfinished: list[list[Word]] = [[]]
    position, may_raise = 0, False
    while len(words) <= text.count(","):
        symbol = SYMBOL.match(text, position)
        kind = "?" if symbol is None else symbol[1] or symbol[2] or "."
        powers = unfinished[-1]
        if kind.isalpha():
            powers.append((ord(kind) - 96,))
        elif kind == "(":
            unfinished.append([])
        elif symbol is not None and symbol[2] and may_raise:
            inverse = tuple(-letter for letter in reversed(powers[-1]))
            powers[-1] = _joined([inverse if int(kind) < 0 else powers[-1]], text, abs(int(kind)))
        elif kind == ")" and powers and len(unfinished) > 1:
            unfinished.pop()
            unfinished[-1].append(_joined(powers, text))
        elif kind in ",." and powers and len(unfinished) == 1:
            words.append(_joined(powers, text))
            unfinished = [[]]
        else:
            # After a ^ that may stand, what is no exponent is the mistake.
            rest = re.sub(r"\s*(?:\^\s*)?" if may_raise else r"\s*", "", text[position:], count=1)
            place = len(text) - len(rest)
            raise pointing('relations are words in the generators a, b, c, ..., like "a^6, b^2, (a b)^2"', text, place)
        assert symbol is not None
        position, may_raise = symbol.end(), kind.isalpha() or kind == ")"
    return list(zip(map(str.strip, text.split(",")), words, strict=True))


def _joined(powers: list[Word], text: str, times: int = 1) -> Word:
    if times * sum(map(len, powers)) > LONGEST_WORD:
        raise DeclarationError(f"the relations {text[:60]!r} hold a word of more than {LONGEST_WORD} letters")
    return tuple(chain.from_iterable(powers)) * times
