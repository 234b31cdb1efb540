"""Generation: is every pair of a label reached from its first pair? Step by step, with nothing but the generators.

This is the half of the proof that invariance leaves open, made without the trees, rows and classes that made the labels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from eqgen.signed import Integers

Step = Callable[[Integers], Integers]

PRODUCTS = 60
"""So many products of generators are formed, each of two chosen at random among all so far, ..."""

KEPT = 4
"""... and the last of them make far pairs near: a cycle of a thousand points is then crossed in some ten steps."""

LARGEST_PIECE = 1 << 18
"""So many pairs are moved in one numpy call."""

Element = TypeVar("Element")


def with_products(generators: Sequence[Element], then: Callable[[Element, Element], Element]) -> list[Element]:
    """Generators, in whatever form, and some long products of them."""
    random = np.random.default_rng(7)
    known = list(generators)
    for _ in range(PRODUCTS if known else 0):
        one, other = (known[int(place)] for place in random.integers(len(known), size=2))
        known.append(then(one, other))
    return [*generators, *known[len(generators) :][-KEPT:]]


def reached(starts: Integers, steps: Sequence[Step], total: int) -> npt.NDArray[np.bool_]:
    """Which of the numbers 0, ..., total - 1 some steps lead to, each a permutation of them: (total,)."""
    found = np.zeros(total, dtype=bool)
    found[starts] = True
    level = starts
    while level.size:
        fresh: list[Integers] = []
        for start in range(0, level.size, LARGEST_PIECE):
            for step in steps:
                images = step(level[start : start + LARGEST_PIECE])
                images = images[~found[images]]
                found[images] = True
                fresh.append(images)
        level = np.concatenate([level[:0], *fresh])
    return found
