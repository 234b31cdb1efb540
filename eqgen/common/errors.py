"""The one exception that a user's mistake raises, and what messages are made of: counted nouns, quoted values."""

from collections.abc import Sequence
from typing import TypeGuard

import numpy as np


class DeclarationError(ValueError):
    """Something declared cannot be right: the message says what, where, and what to write instead.

    >>> import eqgen as eq
    >>> eq.mapping("p -> p")
    Traceback (most recent call last):
    eqgen.DeclarationError: axis p is not declared: add "where p = S(5)" or pass p=... (character 1)
      p -> p
      ^
    """

    # What users write and what tracebacks show, wherever the class stands.
    __module__ = "eqgen"


def pointing(message: str, text: str, position: int) -> DeclarationError:
    """A DeclarationError whose message shows the line of `text` with a caret under the character at `position`.

    The character is counted from 1 for the reader; `position` is counted from 0.
    """
    position = min(max(position, 0), len(text))
    start = text.rfind("\n", 0, position) + 1
    stop = text.find("\n", position)
    line = text[start : stop if stop >= 0 else len(text)]
    column = position - start
    # A long line (a group of many cycles) is cut around the place, so that the caret stays under it on any screen.
    if len(line) > 100:
        left = max(0, column - 50)
        line = ("..." if left else "") + line[left : left + 100] + ("..." if left + 100 < len(line) else "")
        column = column - left + (3 if left else 0)
    place = f"line {text.count(chr(10), 0, position) + 1}, " if "\n" in text.strip() else ""
    # Tabs and other control characters would move the caret away from its character.
    shown = "".join(character if character.isprintable() else " " for character in line)
    return DeclarationError(f"{message} ({place}character {position - start + 1})\n  {shown}\n  {' ' * column}^")


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


def checked_flag(name: str, value: object) -> bool:
    """A flag, which is True or False and nothing that only counts as one of them.

    Raises:
        DeclarationError: anything else.

    >>> checked_flag("use_bias", np.True_)
    True
    """
    if not isinstance(value, (bool, np.bool_)):
        raise DeclarationError(f"{name} is True or False, got {shortened(value)}")
    return bool(value)


def checked_choice(name: str, value: object, choices: Sequence[str]) -> str:
    """One of some words.

    Raises:
        DeclarationError: anything else.

    >>> checked_choice("mode", "sum", ("mean", "sum"))
    'sum'
    """
    if not isinstance(value, str) or value not in choices:
        *others, last = (f'"{choice}"' for choice in choices)
        raise DeclarationError(f"{name} is {shortened(value)}: expected {', '.join(others)} or {last}")
    return value
