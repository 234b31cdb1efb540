"""Relations of an abstract group, like `a^6, b^2, (a b)^2`, held against what generators really do."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken
from lark.exceptions import VisitError

from eqgen.common.errors import DeclarationError, pointing
from eqgen.permutations.group import Group
from eqgen.permutations.signed_permutation import SignedPermutation, inverse

GRAMMAR = r"""
relations : word ("," word)*
word      : power+
power     : (LETTER | "(" word ")") ["^" EXPONENT]
LETTER    : /[a-z]/
EXPONENT  : /-?(0|[1-9][0-9]{0,17})(?![0-9])/
%ignore /\s+/
"""

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
            element = element.then(step if letter > 0 else _inverse(step))
        wrong = np.flatnonzero((element.image != np.arange(group.degree)) | (element.all_signs() < 0))
        if wrong.size:
            point = int(wrong[0])
            sign = "-" if element.all_signs()[point] < 0 else ""
            raise DeclarationError(
                f"relation {shown} fails on axis {axis}: it sends point {point + 1} to {sign}{element.image[point] + 1}; "
                "correct the relation or the generators"
            )


def _inverse(element: SignedPermutation) -> SignedPermutation:
    image = inverse(element.image)
    return SignedPermutation(image, None if element.signs is None else element.signs[image])


@lru_cache(maxsize=1)
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", start="relations", propagate_positions=True)


def _parsed(text: str) -> list[tuple[str, Word]]:
    try:
        tree = _parser().parse(text)
        words: list[Word] = _Read(text).transform(tree)
    except VisitError as error:
        raise error.orig_exc from None
    except RecursionError:
        raise DeclarationError("the relations are nested too deeply") from None
    except UnexpectedInput as error:
        at_end = isinstance(error, UnexpectedToken) and error.token.type == "$END"
        position = len(text) if at_end or error.pos_in_stream is None else error.pos_in_stream
        raise pointing(
            'relations are words in the generators a, b, c, ..., like "a^6, b^2, (a b)^2"', text, position
        ) from None
    return list(zip((part.strip() for part in _split(text)), words, strict=True))


def _split(text: str) -> list[str]:
    return text.split(",")


class _Read(Transformer[Token, Any]):
    def __init__(self, text: str) -> None:
        super().__init__(visit_tokens=False)
        self.text = text

    def relations(self, children: list[Word]) -> list[Word]:
        return children

    def word(self, children: list[Word]) -> Word:
        self._check_length(sum(map(len, children)))
        return tuple(letter for child in children for letter in child)

    def power(self, children: list[Any]) -> Word:
        base, exponent = children
        letters: Word = (ord(base) - 96,) if isinstance(base, str) else base
        times = 1 if exponent is None else int(exponent)
        self._check_length(abs(times) * len(letters))
        if times < 0:
            letters = tuple(-letter for letter in reversed(letters))
        return letters * abs(times)

    def _check_length(self, letters: int) -> None:
        if letters > LONGEST_WORD:
            raise DeclarationError(f"the relations {self.text[:60]!r} hold a word of more than {LONGEST_WORD} letters")
