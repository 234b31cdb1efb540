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


Draw = Callable[[np.random.Generator, tuple[int, ...]], Array]
"""Features of a shape (samples, n, channels)."""


def _mixed(size: float) -> Draw:
    return lambda random, shape: size * random.normal(size=shape)


def _positive(size: float) -> Draw:
    return lambda random, shape: size * np.exp(random.normal(size=shape))


def _far(size: float) -> Draw:
    """Further from zero than the size."""
    return lambda random, shape: size * (1 + np.exp(random.normal(size=shape)))


def _whole(low: int, high: int) -> Draw:
    return lambda random, shape: random.integers(low, high + 1, size=shape).astype(np.float64)


def _one_hot(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """One channel of each point and, in every other example, one point of each channel; of a single channel one point."""
    samples, size, channels = shape
    drawn: Array = (random.integers(0, size, size=(samples, 1, channels)) == np.arange(size)[:, None]).astype(
        np.float64
    )
    if channels > 1:
        drawn[::2] = random.integers(0, channels, size=(*drawn[::2].shape[:2], 1)) == np.arange(channels)
    return drawn


def _shares(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Positive numbers whose sum is 1, over the channels of a point, or over the points of a single channel."""
    drawn = random.exponential(size=shape)
    return np.asarray(drawn / drawn.sum(axis=2 if shape[2] > 1 else 1, keepdims=True))


def _ranks(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return random.permuted(np.broadcast_to(np.arange(shape[1])[:, None], shape), axis=1).astype(np.float64)


def _same_at_all_points(draw: Draw) -> Draw:
    return lambda random, shape: np.repeat(draw(random, (shape[0], 1, shape[2])), shape[1], axis=1)


KINDS: dict[str, Draw] = {
    **{f"mixed signs at {size:g}": _mixed(size) for size in (0.001, 0.1)},
    "mixed signs": _mixed(1),
    **{f"mixed signs at {size:g}": _mixed(size) for size in (10, 1000, 1e6)},
    "positive": _positive(1),
    "positive from 100 on": _far(100),
    "positive at 1000": _positive(1000),
    "negative": _positive(-1),
    "negative from -100 on": _far(-100),
    "fractions": lambda random, shape: random.uniform(size=shape),
    "shares of 1": _shares,
    "whole numbers": _whole(0, 9),
    "whole numbers of both signs": _whole(-9, 9),
    "bytes": _whole(0, 255),
    "zeros and ones": _whole(0, 1),
    "ones of both signs": lambda random, shape: random.choice([-1.0, 1.0], size=shape),
    "one-hot": _one_hot,
    "ranks": _ranks,
    "equal points": _same_at_all_points(_mixed(1)),
    "equal whole points": _same_at_all_points(_whole(0, 9)),
    "zeros": lambda random, shape: np.zeros(shape),
}
"""What a function is tried on: what it does to numbers of both signs says nothing of counts, graphs or prices."""

WHOLE = (
    *("whole numbers", "whole numbers of both signs", "bytes", "zeros and ones", "ones of both signs", "one-hot"),
    *("ranks", "equal whole points", "zeros", "one example, whole numbers"),
)
"""Nudged beside them: a function may jump at those."""

PLAIN = ("zeros", "equal points", "equal whole points", "one-hot")
"""What says little of how a function fails."""

LARGE = ("mixed signs at 1000", "mixed signs at 1e+06", "positive at 1000", "bytes")
"""Not given to half precision, which has no numbers for their squares."""

ONE_EXAMPLE = ("mixed signs", "positive", "whole numbers")
"""Of these kinds one example goes in alone."""

SAMPLES = 4
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
        """The generators, and an input of some kinds, each alone, for what treats a batch of one otherwise."""
        inputs = {f"one example, {kind}": self.inputs[kind][:1] for kind in ONE_EXAMPLE}
        return replace(self, products=(), inputs=inputs)

    def few(self) -> Self:
        """Fewer products, and no kinds beside whose size others are nothing, for what takes statistics of them all."""
        return replace(self.without(LARGE), products=self.products[:2])

    def without(self, kinds: Sequence[str]) -> Self:
        """The same with fewer kinds of inputs."""
        return replace(self, inputs={kind: kept for kind, kept in self.inputs.items() if kind not in kinds})


def random_inputs(size: int, channels: int, random: np.random.Generator, samples: int = SAMPLES) -> dict[str, Array]:
    """Features of each of KINDS."""
    shape = (samples if size * channels <= MANY_NUMBERS else min(samples, FEWER_SAMPLES), size, channels)
    return {kind: draw(random, shape) for kind, draw in KINDS.items()}


def random_trial(
    mapping: Mapping, channels: int, products: int, random: np.random.Generator, samples: int = SAMPLES
) -> Trial:
    """The generators of a mapping, so many random products of them, and random inputs of so many channels."""
    generators = mapping.generators
    drawn = []
    for _ in range(products if generators else 0):
        length = int(random.integers(2, 12))
        factors = [generators[number] for number in random.integers(0, len(generators), size=length)]
        drawn.append(replace(reduce(PairAction.then, factors), name=f"a product of {length} generators"))
    inputs = random_inputs(mapping.input.size, channels, random, samples)
    terms = mapping.input.slices
    for first, others in (("mixed signs", "zeros and ones"), ("zeros and ones", "mixed signs")) if terms[1:] else ():
        parts = [inputs[others if number else first][:, term] for number, term in enumerate(terms)]
        inputs[f"{first} beside {others}"] = np.concatenate(parts, axis=1)
    return Trial(generators, tuple(drawn), inputs)
