"""PairAction: what one group element does to the outputs and to the inputs of a mapping at once."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np

from eqgen.common.arrays import Array, Integers, Permutation
from eqgen.permutations.signed_permutation import SignedPermutation, doubled, halved

SMALLEST_POOL = 8
"""Product replacement keeps at least so many elements, ..."""

BURN_IN = 64
"""... and makes so many products before the first random element is handed out, ..."""

BETWEEN = 3
"""... and so many before each further one."""


@dataclass(frozen=True, eq=False)
class PairAction:
    """One group element on both sides of a mapping.

    Attributes:
        output: what it does to the m outputs.
        input: what it does to the n inputs; where both sides are one space, the very same value.
        name: for messages, like `generator 1 of p, (1 2 3 4 5)`; may be empty.
    """

    output: SignedPermutation
    input: SignedPermutation
    name: str = ""

    @property
    def is_signed(self) -> bool:
        """Whether it may turn signs."""
        return self.output.signs is not None or self.input.signs is not None

    def then(self, later: "PairAction") -> "PairAction":
        """This element first, and then a later one; the product has no name."""
        output = self.output.then(later.output)
        # Where both sides are one space, they are composed once.
        same = self.output is self.input and later.output is later.input
        return PairAction(output, output if same else self.input.then(later.input))

    def images(self, pairs: Integers) -> Integers:
        """Where it moves (output, input) pairs, each numbered as output * n + input."""
        n = np.int64(self.input.size)
        images: Integers = self.output.image[pairs // n] * n + self.input.image[pairs % n]
        return images

    def turned(self, entries: Array, rows: Any = slice(None), columns: Any = slice(None)) -> Array:
        """Entries of an (m, n) matrix with the signs that the element gives them where it moves them; changed in place.

        Args:
            entries: where some rows and columns cross, (rows, columns).
            rows, columns: which these are; all of them where it is not said.
        """
        if self.output.signs is not None:
            entries *= self.output.signs[rows][:, None]
        if self.input.signs is not None:
            entries *= self.input.signs[columns]
        return entries


def paired(outputs: Sequence[SignedPermutation], inputs: Sequence[SignedPermutation]) -> list[PairAction]:
    """What some elements do to outputs and to inputs, element by element; equal permutations are held once."""
    same = all(
        output is input_
        or (output.signs is None and input_.signs is None and np.array_equal(output.image, input_.image))
        for output, input_ in zip(outputs, inputs, strict=True)
    )
    return [PairAction(output, output if same else input_) for output, input_ in zip(outputs, inputs, strict=True)]


def random_actions(generators: Sequence[PairAction], seed: int = 1) -> Iterator[PairAction]:
    """Random elements of the group, without end, the same ones for the same seed."""
    one_space = all(generator.output is generator.input for generator in generators)
    signed = any(generator.is_signed for generator in generators)

    plain: Callable[[SignedPermutation], Permutation] = doubled if signed else attrgetter("image")
    unplain: Callable[[Permutation], SignedPermutation] = halved if signed else SignedPermutation
    size = plain(generators[0].output).size
    images = [plain(generator.output) for generator in generators]
    if not one_space:
        # Both sides as one plain permutation are composed in one step.
        inputs = (size + plain(generator.input) for generator in generators)
        images = [np.concatenate(sides) for sides in zip(images, inputs, strict=True)]
    for element in random_elements(images, seed):
        output = unplain(element[:size])
        yield PairAction(output, output if one_space else unplain(element[size:] - size))


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
