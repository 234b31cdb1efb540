"""Counted nouns for messages and reports."""

from __future__ import annotations


def count(number: int, noun: str) -> str:
    """A number with its noun.

    >>> count(1, "orbit"), count(3, "orbit")
    ('1 orbit', '3 orbits')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def in_short(text: str) -> str:
    """A text as it is quoted in a message."""
    return text if len(text) <= 80 else text[:77] + "..."
