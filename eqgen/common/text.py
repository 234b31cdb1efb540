"""What messages are made of: counted nouns, quoted values, and what counts as a whole number."""

from typing import TypeGuard

import numpy as np


def count(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun, whose plural has an s if none is given.

    >>> count(1, "orbit"), count(3, "orbit")
    ('1 orbit', '3 orbits')
    """
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


def in_short(text: str, most: int = 80) -> str:
    """A text as it is quoted in a message, of at most so many characters."""
    return text if len(text) <= most else text[: most - 3] + "..."


def shortened(value: object) -> str:
    """A value as it is shown in a message."""
    return in_short(repr(value), 60)


def is_whole(value: object, least: int | None = None) -> TypeGuard[int]:
    """Whether a value is a whole number, and not below the least one; True and False are none.

    >>> is_whole(3), is_whole(True), is_whole(0, 1)
    (True, False, False)
    """
    return (
        isinstance(value, (int, np.integer)) and not isinstance(value, bool) and (least is None or bool(value >= least))
    )
