"""PairAction: what one group element does to the outputs and to the inputs of a mapping at once."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from eqgen.common.arrays import Integers, Permutation
from eqgen.permutations.random_elements import random_elements
from eqgen.permutations.signed_permutation import SignedPermutation, doubled, halved

Entries = TypeVar("Entries", bound=npt.NDArray[Any])


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

    def turned(self, entries: Entries, rows: Any = slice(None), columns: Any = slice(None)) -> Entries:
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
    same = all(map(_same, outputs, inputs))
    return [PairAction(output, output if same else input_) for output, input_ in zip(outputs, inputs, strict=True)]


def _same(output: SignedPermutation, input_: SignedPermutation) -> bool:
    if output is input_:
        return True
    return output.signs is None and input_.signs is None and np.array_equal(output.image, input_.image)


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
