"""Random elements of a group of plain permutations, by product replacement."""

from collections.abc import Iterator, Sequence

import numpy as np

from eqgen.common.arrays import Permutation

SMALLEST_POOL = 8
"""Product replacement keeps at least so many elements, ..."""

BURN_IN = 64
"""... and makes so many products before the first random element is handed out, ..."""

BETWEEN = 3
"""... and so many before each further one."""


def random_elements(generators: Sequence[Permutation], seed: int = 1) -> Iterator[Permutation]:
    """Random elements of the group that permutations of shape (size,) generate, without end, the same for the same seed.

    Product replacement with an accumulator (Celler, Leedham-Green, Murray, Niemeyer, O'Brien, "Generating random elements
    of a finite group", 1995): the words grow exponentially, so that even powers of one long cycle are soon well spread.
    """
    random = np.random.default_rng(seed)
    pool = list(generators) * -(-SMALLEST_POOL // len(generators))
    product = pool[0]
    yields_after = BURN_IN
    while True:
        replaced = random.integers(len(pool), size=BURN_IN)
        # A shift of at least one place, so that no element is multiplied by itself alone.
        by = (replaced + random.integers(1, len(pool), size=BURN_IN)) % len(pool)
        for first, second in zip(replaced.tolist(), by.tolist(), strict=True):
            pool[first] = pool[second][pool[first]]
            product = pool[first][product]
            yields_after -= 1
            if not yields_after:
                yield product
                yields_after = BETWEEN
