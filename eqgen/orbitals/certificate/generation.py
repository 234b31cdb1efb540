"""Generation: is every pair of a label reached from its first pair? Step by step, with nothing but the generators.

This is the half of the proof that invariance leaves open, made without the trees, rows and classes that made the labels.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from eqgen.common.arrays import Integers, Mask, Signs
from eqgen.common.progress import progress
from eqgen.spaces.pair_action import PairAction

Step = Callable[[Integers], Integers]

KEPT = 4
"""So many long products of generators make far pairs near: a cycle of a thousand points is then crossed in some ten steps. No
more are held at once, for each may be as large as a support."""

PRODUCTS = 60
"""So often one of them is multiplied by another, or by a generator."""

LARGEST_PIECE = 1 << 18
"""So many pairs are moved in one numpy call."""

Element = TypeVar("Element")


def with_products(generators: Sequence[Element], then: Callable[[Element, Element], Element]) -> list[Element]:
    """Generators, in whatever form, and some long products of them."""
    if not generators:
        return []
    random = np.random.default_rng(7)
    kept = [generators[place % len(generators)] for place in range(KEPT)]
    for round_ in range(PRODUCTS):
        place = round_ % KEPT
        other = (place + int(random.integers(1, KEPT))) % KEPT
        kept[place] = then(kept[place], kept[other])
        if random.integers(2):
            kept[place] = then(kept[place], generators[int(random.integers(len(generators)))])
    return [*generators, *kept]


def reached(starts: Integers, steps: Sequence[Step], total: int) -> Mask:
    """Which of the numbers 0, ..., total - 1 some steps lead to, each a permutation of them: (total,)."""
    # 0: not reached, 1: reached, and its images are still to be looked at, 2: done.
    state = np.zeros(total, dtype=np.int8)
    state[starts] = 1
    level = starts
    with progress("certifying: generation", total) as advance:
        while level.size:
            advance(level.size)
            # A long list of numbers would take more memory than the table: then the states themselves are gone through.
            if level.size > max(LARGEST_PIECE, total // 16):
                _sweep(state, steps, advance)
                break
            fresh: list[Integers] = []
            for start in range(0, level.size, LARGEST_PIECE):
                fresh += _spread(state, level[start : start + LARGEST_PIECE], steps)
            level = np.concatenate([level[:0], *fresh])
    return state > 0


def _sweep(state: Integers, steps: Sequence[Step], advance: Callable[[int], None]) -> None:
    """Go through all numbers again and again until no image is left to be looked at."""
    waiting = True
    while waiting:
        waiting = False
        for start in range(0, state.size, LARGEST_PIECE):
            level = start + np.flatnonzero(state[start : start + LARGEST_PIECE] == 1)
            if level.size:
                waiting = True
                advance(sum(images.size for images in _spread(state, level, steps)))


def _spread(state: Integers, level: Integers, steps: Sequence[Step]) -> list[Integers]:
    """Mark the images of some numbers; those that were not reached before."""
    fresh = []
    state[level] = 2
    for step in steps:
        images = step(level)
        images = images[state[images] == 0]
        state[images] = 1
        fresh.append(images)
    return fresh


def images_of(generator: PairAction, pairs: Integers) -> Integers:
    """Where a generator moves pairs numbered as output * n + input: from its permutations, not as labels are made."""
    rows, columns = np.divmod(pairs, np.int64(generator.input.size))
    images: Integers = generator.output.image[rows] * np.int64(generator.input.size) + generator.input.image[columns]
    return images


def signs_of_move(generator: PairAction, rows: Any, columns: Any) -> Signs:
    """What a generator multiplies the entries by where some rows and columns cross, (rows, columns)."""
    signs: Signs = np.multiply.outer(generator.output.all_signs()[rows], generator.input.all_signs()[columns])
    return signs
