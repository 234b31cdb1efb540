"""The numeric check of a function: does moving the input move the output? Numpy alone, against raw permutations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from eqgen.spaces.mapping import Mapping
from eqgen.spaces.pair_action import PairAction

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


def random_inputs(size: int, channels: int, random: np.random.Generator) -> list[Array]:
    """Normal features, one array of shape (SAMPLES, size, channels) for each of SCALES."""
    return [scale * random.normal(size=(SAMPLES, size, channels)) for scale in SCALES]


def random_products(mapping: Mapping, count: int, random: np.random.Generator) -> list[PairAction]:
    """Random products of generators, which move every point: what a generator leaves alone is tried too."""
    found = []
    for _ in range(count if mapping.generators else 0):
        length = int(random.integers(2, 12))
        chosen = [mapping.generators[number] for number in random.integers(0, len(mapping.generators), size=length)]
        found.append(replace(reduce(PairAction.then, chosen), name=f"a product of {length} generators"))
    return found


@dataclass(frozen=True)
class Outcome:
    """What trying a function on moved inputs showed.

    Attributes:
        error: the largest difference between f(g x) and g f(x), relative to the largest output of the same channel; inf
            where no output is finite.
        worst: the generator that shows the largest difference, or the product of several when no generator shows one.
        told: whether the outputs vary by more than rounding; a constant shows nothing.
        elements: how many group elements were tried.
    """

    error: float
    worst: str
    told: bool
    elements: int

    def holds(self, tolerance: float) -> bool | None:
        """Whether the function is equivariant to this tolerance, None where that cannot be told."""
        if not self.error <= tolerance:
            return False
        return True if self.told else None

    def evidence(self, dtype: str, tolerance: float) -> str:
        """The outcome in words."""
        if self.error == float("inf"):
            return f"{dtype}: the outputs are not finite"
        text = (
            f"{dtype}, {self.elements} group elements, {SAMPLES * len(SCALES)} inputs: largest relative difference "
            f"{self.error:.1e} (tolerance {tolerance:.1e})"
        )
        if not self.told:
            return f"{text}, but the outputs vary by no more than that: nothing is shown"
        return text if self.error <= tolerance else f"{text}, under {self.worst}"


def try_elements(
    function: Function,
    generators: Sequence[PairAction],
    products: Sequence[PairAction],
    inputs: list[Array],
    tolerance: float,
    before_activation: Function | None = None,
) -> Outcome:
    """Hold f(g x) against g f(x) for every generator, product of such, and input.

    Each channel has its own yardstick, so that a large one does not hide a small one: its largest output, or how much
    rounding could move it, where that is more.
    """
    moves = [*generators, *products]
    errors = dict.fromkeys((move.name for move in moves), 0.0)
    told, finite = False, False
    for features in inputs if moves else []:
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
        eps = tolerance / TOLERANCE_IN_EPS
        nudged = features * (1 + eps * np.where(np.arange(features.size).reshape(features.shape) % 3 == 0, -1, 1))
        noise = np.abs(function(nudged.astype(features.dtype)).astype(np.float64) - plain).max(axis=(0, 1))
        yardstick = np.maximum(yardstick, np.where(np.isfinite(noise), noise, 0) / eps)
        spread = np.abs(plain - plain.mean(axis=(0, 1))).max(axis=(0, 1))
        told |= bool((spread > tolerance * yardstick).any())
        yardstick = np.where(yardstick > 0, yardstick, 1.0)
        # All moved inputs go in as one batch: a function of Keras costs more per call than per sample.
        answers = np.split(
            function(np.concatenate([move.input.applied(features, axis=1) for move in moves])), len(moves)
        )
        for move, answer in zip(moves, answers, strict=True):
            difference = np.abs(answer.astype(np.float64) - move.output.applied(plain, axis=1)).max(axis=(0, 1))
            error = float((difference / yardstick).max())
            # What is not a number counts as the largest violation.
            errors[move.name] = max(errors[move.name], error if np.isfinite(error) else float("inf"))
    largest = max(errors.values(), default=0.0) if finite or not moves else float("inf")
    # Whoever breaks a symmetry breaks it under some generator, which says more than a product of several.
    failing = [move.name for move in generators if errors[move.name] > tolerance]
    worst = max(failing or errors, key=errors.__getitem__, default="")
    return Outcome(largest, worst, told or not moves, len(moves))
