"""What a function is tried on: elements of the group, and inputs of several kinds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from eqgen.spaces.mapping import Mapping
from eqgen.spaces.pair_action import PairAction

Array = npt.NDArray[Any]
Function = Callable[[Array], Array]
"""From features (batch, n, channels) to features (batch, m, channels)."""


def _one_hot(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """One channel of each point, or, of a single channel, one point of each example."""
    samples, size, channels = shape
    if channels > 1:
        return np.eye(channels)[random.integers(0, channels, size=(samples, size))]
    return np.eye(size)[random.integers(0, size, size=samples)][:, :, None]


KINDS: dict[str, Callable[[np.random.Generator, tuple[int, ...]], Array]] = {
    "mixed signs at 0.1": lambda random, shape: 0.1 * random.normal(size=shape),
    "mixed signs": lambda random, shape: random.normal(size=shape),
    "mixed signs at 10": lambda random, shape: 10 * random.normal(size=shape),
    "mixed signs at 1000": lambda random, shape: 1000 * random.normal(size=shape),
    "positive": lambda random, shape: np.exp(random.normal(size=shape)),
    "positive at 1000": lambda random, shape: 1000 * np.exp(random.normal(size=shape)),
    "negative": lambda random, shape: -np.exp(random.normal(size=shape)),
    "whole numbers": lambda random, shape: random.integers(0, 10, size=shape).astype(np.float64),
    "zeros and ones": lambda random, shape: random.integers(0, 2, size=shape).astype(np.float64),
    "one-hot": _one_hot,
    "equal points": lambda random, shape: np.repeat(random.normal(size=(shape[0], 1, shape[2])), shape[1], axis=1),
}
"""What a function is tried on: what it does to numbers of both signs says nothing of counts, graphs or prices."""

ONE = "one example of mixed signs"

WHOLE = ("whole numbers", "zeros and ones", "one-hot")
"""Not nudged: they are exact, and a function may jump between them."""

LARGE = ("mixed signs at 1000", "positive at 1000")
"""Not given to half precision, which has no numbers for their squares."""

IN_TRAINING = ("mixed signs", "positive")
"""Statistics are taken of the whole batch, so that each element costs a call for each of these kinds."""

SAMPLES = 6
"""Inputs of each kind: their largest output is the yardstick, so that one answer near zero raises no false alarm."""

FEWER_SAMPLES = 2
"""Where one input holds more than MANY_NUMBERS."""

MANY_NUMBERS = 1 << 14


@dataclass(frozen=True, eq=False)
class Trial:
    """What a function is tried on: generators, products of several, which move what a generator leaves alone, and inputs.

    The inputs are of kinds, (samples, n, channels) each.
    """

    generators: tuple[PairAction, ...]
    products: tuple[PairAction, ...]
    inputs: dict[str, Array]

    @property
    def elements(self) -> tuple[PairAction, ...]:
        """Generators, then products."""
        return (*self.generators, *self.products)

    def one_example(self) -> Self:
        """A generator and one input of mixed signs, for what treats a batch of one otherwise."""
        return replace(self, generators=self.generators[:1], products=(), inputs={ONE: self.features(ONE)})

    def features(self, kind: str) -> Array:
        """The inputs of a kind."""
        return self.inputs[kind] if kind in self.inputs else self.inputs["mixed signs"][:1]

    def without(self, kinds: Sequence[str]) -> Self:
        """The same with fewer kinds of inputs."""
        return replace(self, inputs={kind: kept for kind, kept in self.inputs.items() if kind not in kinds})


def random_inputs(size: int, channels: int, random: np.random.Generator) -> dict[str, Array]:
    """Features of each of KINDS."""
    shape = (SAMPLES if size * channels <= MANY_NUMBERS else FEWER_SAMPLES, size, channels)
    return {kind: draw(random, shape) for kind, draw in KINDS.items()}


def random_trial(mapping: Mapping, channels: int, products: int, random: np.random.Generator) -> Trial:
    """The generators of a mapping, so many random products of them, and random inputs of so many channels."""
    generators = mapping.generators
    drawn = []
    for _ in range(products if generators else 0):
        length = int(random.integers(2, 12))
        factors = [generators[number] for number in random.integers(0, len(generators), size=length)]
        drawn.append(replace(reduce(PairAction.then, factors), name=f"a product of {length} generators"))
    return Trial(generators, tuple(drawn), random_inputs(mapping.input.size, channels, random))
