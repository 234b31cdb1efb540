"""Moves: what one group element does to outputs and to inputs at once, and random products of such."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from eqgen.common.arrays import Permutation
from eqgen.permutations.signed_permutation import SignedPermutation, doubled, halved

SMALLEST_POOL = 8
"""Product replacement keeps at least so many elements, ..."""

BURN_IN = 64
"""... and makes so many products before the first random element is handed out, ..."""

BETWEEN = 3
"""... and so many before each further one."""


@dataclass(frozen=True, eq=False)
class Move:
    """One group element: a signed permutation of the m outputs and one of the n inputs."""

    output: SignedPermutation
    input: SignedPermutation

    @property
    def is_signed(self) -> bool:
        """Whether it may turn signs."""
        return self.output.signs is not None or self.input.signs is not None

    def then(self, later: Move) -> Move:
        """This element first, and then a later one."""
        output = self.output.then(later.output)
        # Where both sides are one space, they are composed once.
        same = self.output is self.input and later.output is later.input
        return Move(output, output if same else self.input.then(later.input))


def moves(outputs: Sequence[SignedPermutation], inputs: Sequence[SignedPermutation]) -> list[Move]:
    """Generators as moves; where both sides are one space, its permutations are held once."""
    same = all(_same(output, input_) for output, input_ in zip(outputs, inputs, strict=True))
    return [Move(output, output if same else input_) for output, input_ in zip(outputs, inputs, strict=True)]


def _same(one: SignedPermutation, other: SignedPermutation) -> bool:
    return one.signs is None and other.signs is None and np.array_equal(one.image, other.image)


def random_moves(generators: Sequence[Move], seed: int = 1) -> Iterator[Move]:
    """Random elements of the group, without end, the same ones for the same seed.

    Product replacement with an accumulator (Celler, Leedham-Green, Murray, Niemeyer, O'Brien, "Generating random elements
    of a finite group", 1995): the words grow exponentially, so that even powers of one long cycle are soon well spread.
    """
    random = np.random.default_rng(seed)
    pool = [_as_one(move) for move in generators] * -(-SMALLEST_POOL // len(generators))
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
                yield _as_move(product, generators[0])
                yields_after = BETWEEN


def _as_one(move: Move) -> Permutation:
    """A move as one plain permutation of +outputs, -outputs, +inputs and -inputs, which is composed in one step."""
    if move.output is move.input:
        return move.output.image
    output = doubled(move.output)
    return np.concatenate([output, output.size + doubled(move.input)])


def _as_move(permutation: Permutation, like: Move) -> Move:
    if like.output is like.input:
        both = SignedPermutation(permutation)
        return Move(both, both)
    output, input_ = np.split(permutation, [2 * like.output.size])
    return Move(_halved(output), _halved(input_ - output.size))


def _halved(permutation: Permutation) -> SignedPermutation:
    found = halved(permutation)
    return found if (found.all_signs() < 0).any() else SignedPermutation(found.image)


def inverse(permutation: Permutation) -> Permutation:
    """The permutation that undoes another."""
    undone = np.empty_like(permutation)
    undone[permutation] = np.arange(permutation.size)
    return undone
