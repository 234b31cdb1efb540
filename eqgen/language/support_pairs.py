"""The pairs of a support: `1 <- 1, 1 <- 2`, or `none`, or `stencil(1)`."""

import re
from collections.abc import Iterable

from eqgen.common.errors import in_short, pointing
from eqgen.language.syntax import LONGEST_NUMBER, SupportSyntax

PAIR = re.compile(r"\s*([0-9]+)\s*<-\s*([0-9]+)\s*(,|\Z)")
STENCIL = re.compile(r"\s*(stencil)\s*\(\s*([0-9]+(?:\.[0-9]+)?)\s*(?:,\s*(square|diamond|disc)\s*)?\)")
"""A stencil on rings, with its radius and its metric."""

PIECES_OF_A_PAIR = (("[0-9]+", "a number"), ("<-", '"<-"'), ("[0-9]+", "a number"), (",", '"," or the end'))

TOKEN = re.compile(r'"[^"\n]*"|->|<-|-?[0-9]+|[A-Za-z_][A-Za-z0-9_]*|.')


def support_after(text: str, plain: str, position: int) -> SupportSyntax:
    """The pairs that follow the word `support`, which ends at a position.

    They are read apart from all else: there may be a hundred thousand of them.

    Args:
        text: the declaration, which messages point at.
        plain: the same without comments.
        position: where they begin.

    Raises:
        DeclarationError: something else stands there.
    """
    none = re.compile(r"\s*none").match(plain, position)
    if none is not None:
        _expect(((r"\Z", "the end"),), text, plain, none.end())
        return SupportSyntax((), (position,))
    stencil = STENCIL.match(plain, position)
    if stencil is not None:
        _expect(((r"\Z", "the end"),), text, plain, stencil.end())
        return SupportSyntax((), (stencil.start(1),), (float(stencil[2]), stencil[3] or "square"))
    pairs: list[tuple[int, ...]] = []
    positions: list[int] = []
    comma = ","
    while comma:
        pair = PAIR.match(plain, position)
        if pair is None:
            _expect(PIECES_OF_A_PAIR, text, plain, position)
        assert pair is not None, "what is no pair lacks one of its pieces"
        pairs.append(tuple(_point(text, pair[side], pair.start(side)) for side in (1, 2)))
        positions.append(pair.start(1))
        position, comma = pair.end(), pair[3]
    return SupportSyntax(tuple(pairs), tuple(positions))


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
