"""The numeric check of a function: does moving the input move the output? Numpy alone, against raw permutations."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from eqgen.spaces.mapping import Mapping
from eqgen.spaces.pair_action import PairAction

EPS = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
"""The spacing of numbers above 1, from the finest dtype to the coarsest."""

TOLERANCE_IN_EPS = 100
"""A difference counts as rounding up to this many eps of the dtype, relative to the largest output."""

SCALES = (0.1, 1.0, 10.0)
"""Inputs of random sign are tried at each of these scales. Far larger ones would measure how an activation saturates: its
output stays near 1 while the rounding of what it is given grows."""

SAMPLES = 8
"""Inputs per scale: their largest output is the yardstick, so that one answer near zero raises no false alarm."""

Array = npt.NDArray[Any]
Function = Callable[[Array], Array]
"""From features (batch, n, channels) to features (batch, m, channels)."""


@dataclass(frozen=True, eq=False)
class Trial:
    """What a function is tried on: generators, products of several, which move what a generator leaves alone, and inputs."""

    generators: tuple[PairAction, ...]
    products: tuple[PairAction, ...]
    inputs: tuple[Array, ...]


def random_inputs(size: int, channels: int, random: np.random.Generator) -> tuple[Array, ...]:
    """Normal features, one array of shape (SAMPLES, size, channels) for each of SCALES."""
    return tuple(scale * random.normal(size=(SAMPLES, size, channels)) for scale in SCALES)


def random_trial(mapping: Mapping, channels: int, products: int, random: np.random.Generator) -> Trial:
    """The generators of a mapping, so many random products of them, and random inputs of so many channels."""
    generators = mapping.generators
    drawn = []
    for _ in range(products if generators else 0):
        length = int(random.integers(2, 12))
        factors = [generators[number] for number in random.integers(0, len(generators), size=length)]
        drawn.append(replace(reduce(PairAction.then, factors), name=f"a product of {length} generators"))
    return Trial(generators, tuple(drawn), random_inputs(mapping.input.size, channels, random))


@dataclass(frozen=True)
class Outcome:
    """What trying a function on moved inputs showed.

    Attributes:
        error: the largest difference between f(g x) and g f(x), relative to the largest output of the same channel; inf
            where no output is finite.
        worst_element: the generator that shows the largest difference, or the product of several when no generator shows one.
        informative: whether the outputs vary by more than rounding; a constant shows nothing.
        elements: how many group elements were tried.
        dtype: that was computed in.
    """

    error: float
    worst_element: str
    informative: bool
    elements: int
    dtype: str

    @property
    def tolerance(self) -> float:
        """What the error may be."""
        return TOLERANCE_IN_EPS * EPS[self.dtype]

    @property
    def holds(self) -> bool | None:
        """Whether the function is equivariant to rounding, None where that cannot be told."""
        if not self.error <= self.tolerance:
            return False
        return True if self.informative else None

    def __str__(self) -> str:
        if self.error == float("inf"):
            return f"{self.dtype}: the outputs are not finite"
        text = (
            f"{self.dtype}, {self.elements} group elements, {SAMPLES * len(SCALES)} inputs: largest relative difference "
            f"{self.error:.1e} (tolerance {self.tolerance:.1e})"
        )
        if not self.informative:
            return f"{text}, but the outputs vary by no more than that: nothing is shown"
        return text if self.error <= self.tolerance else f"{text}, under {self.worst_element}"


def try_function(function: Function, trial: Trial, dtype: str, before_activation: Function | None = None) -> Outcome:
    """Hold f(g x) against g f(x) for every element and input, for a function that computes in some dtype.

    Each channel has its own yardstick, so that a large one does not hide a small one: its largest output, or how much
    rounding could move it, where that is more; the values that its last activation is given, where they are known, count too.
    """
    elements = [*trial.generators, *trial.products]
    tolerance = TOLERANCE_IN_EPS * EPS[dtype]
    errors = dict.fromkeys((element.name for element in elements), 0.0)
    informative = finite = False
    for features in trial.inputs if elements else ():
        features = features.astype("float64" if dtype == "float64" else "float32")
        plain = function(features).astype(np.float64)
        if not np.isfinite(plain).all():
            continue
        finite = True
        yardstick = np.abs(plain).max(axis=(0, 1))
        if before_activation is not None:
            before = np.abs(before_activation(features).astype(np.float64)).max(axis=(0, 1))
            yardstick = np.maximum(before, yardstick * (1 + before))
        # Outputs that are small because large values cancel move with the rounding of those: the last place of the inputs
        # tells how much.
        nudges = np.where(np.arange(features.size).reshape(features.shape) % 3 == 0, -EPS[dtype], EPS[dtype])
        nudged = (features * (1 + nudges)).astype(features.dtype)
        noise = np.abs(function(nudged).astype(np.float64) - plain).max(axis=(0, 1))
        yardstick = np.maximum(yardstick, np.where(np.isfinite(noise), noise, 0) / EPS[dtype])
        spread = np.abs(plain - plain.mean(axis=(0, 1))).max(axis=(0, 1))
        informative |= bool((spread > tolerance * yardstick).any())
        yardstick = np.where(yardstick > 0, yardstick, 1.0)
        # All moved inputs go in as one batch: a function of Keras costs more per call than per sample.
        moved = np.concatenate([element.input.applied(features, axis=1) for element in elements])
        for element, answer in zip(elements, np.split(function(moved), len(elements)), strict=True):
            difference = np.abs(answer.astype(np.float64) - element.output.applied(plain, axis=1)).max(axis=(0, 1))
            error = float((difference / yardstick).max())
            # What is not a number counts as the largest violation.
            errors[element.name] = max(errors[element.name], error if np.isfinite(error) else float("inf"))
    largest = max(errors.values(), default=0.0) if finite or not elements else float("inf")
    # Whoever breaks a symmetry breaks it under some generator, which says more than a product of several.
    generators = [element.name for element in trial.generators if errors[element.name] > tolerance]
    worst = max(generators or errors, key=errors.__getitem__, default="")
    return Outcome(largest, worst, informative or not elements, len(elements), dtype)
