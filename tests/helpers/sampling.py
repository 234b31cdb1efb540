"""How much of the slow tests runs when nobody asks for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

SHARE = 4
"""Of the cases of a slow test, and of its random examples, one in so many runs by default."""

everything = False
"""Whether the slow tests run whole; set before test modules are imported."""


def sample(cases: int, count: int | None = None) -> list[int]:
    """Which of the cases of a slow test run by default: the first, and others at equal distances.

    >>> sample(10), sample(10, 2), sample(1), sample(3, 0)
    ([0, 3, 6], [0, 5], [0], [])
    """
    count = min(cases, ceil(cases / SHARE) if count is None else count)
    return [number * cases // count for number in range(count)]


def sampled(functions: Sequence[tuple[str, int | None]]) -> list[bool]:
    """For each case in a list of (test function, how many of its cases are wanted): whether it runs by default."""
    places: dict[str, list[int]] = {}
    for place, (name, _) in enumerate(functions):
        places.setdefault(name, []).append(place)
    runs = [False] * len(functions)
    for name_places in places.values():
        for number in sample(len(name_places), functions[name_places[0]][1]):
            runs[name_places[number]] = True
    return runs


def examples(count: int) -> int:
    """How many random examples a slow test draws: all of them where the slow tests run whole."""
    return count if everything else ceil(count / SHARE)
