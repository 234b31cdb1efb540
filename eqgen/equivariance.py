"""The numeric check of a function: does moving the input move the output? Numpy alone, against raw permutations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eqgen.mapping import Mapping
from eqgen.signed import SignedPermutation

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


@dataclass(frozen=True, eq=False)
class Move:
    """A group element as it acts on both sides."""

    name: str
    output: SignedPermutation
    input: SignedPermutation


def generator_moves(mapping: Mapping) -> list[Move]:
    """Each generator of a mapping."""
    return [Move(generator.name, generator.output, generator.input) for generator in mapping.generators]


def word_moves(mapping: Mapping, count: int, random: np.random.Generator) -> list[Move]:
    """Random products of generators: they catch a table that only looks right one generator at a time."""
    found = []
    for _ in range(count if mapping.generators else 0):
        output = SignedPermutation(np.arange(mapping.output.size))
        input_ = SignedPermutation(np.arange(mapping.input.size))
        length = int(random.integers(2, 12))
        for number in random.integers(0, len(mapping.generators), size=length):
            generator = mapping.generators[number]
            output, input_ = output.then(generator.output), input_.then(generator.input)
        found.append(Move(f"a product of {length} generators", output, input_))
    return found


def largest_violation(
    function: Function, moves: list[Move], inputs: list[Array], before_activation: Function | None = None
) -> tuple[float, str]:
    """The largest relative difference between f(g x) and g f(x), and the element g that shows it.

    The yardstick is the largest output, or the largest value before the activation where that is known and larger.
    """
    largest, worst = 0.0, ""
    for features in inputs if moves else []:
        plain = function(features)
        yardsticks = [plain] if before_activation is None else [plain, before_activation(features)]
        scale = max(float(np.abs(values.astype(np.float64)).max()) for values in yardsticks) or 1.0
        # All moved inputs go in as one batch: a function of Keras costs more per call than per sample.
        answers = np.split(
            function(np.concatenate([move.input.applied(features, axis=1) for move in moves])), len(moves)
        )
        for move, answer in zip(moves, answers, strict=True):
            difference = answer.astype(np.float64) - move.output.applied(plain.astype(np.float64), axis=1)
            error = float(np.abs(difference).max()) / scale
            if not error <= largest:  # so that NaN counts as a violation
                largest, worst = (error if np.isfinite(error) else float("inf")), move.name
    return largest, worst


def numeric_evidence(dtype: str, moves: list[Move], error: float, tolerance: float, worst: str) -> str:
    """What the numeric check saw, in words."""
    text = (
        f"{dtype}, {len(moves)} group elements, {SAMPLES * len(SCALES)} inputs: largest relative difference {error:.1e} "
        f"(tolerance {tolerance:.1e})"
    )
    return text if error <= tolerance else f"{text}, under {worst}"
