"""Arguments of layers, checked one by one; where signs flip, activations have to be odd."""

from typing import Any

import keras
import numpy as np

from eqgen.common.errors import DeclarationError, is_whole, shortened
from eqgen.orbitals.orbits import Orbits
from eqgen.orbitals.pattern import Pattern
from eqgen.spaces.mapping import Mapping
from eqgen.spaces.pair_action import PairAction

PROBES = np.array([[1e-3, 0.1, 0.5, 1.0, 1.7, 2.5, 3.5, 6.5, 20.0, 1e2, 1e4, 1e6]], dtype="float32")
"""An activation is odd when f(-x) = -f(x); it is tried here, to rounding. Samples are no proof: `verify` tries more."""


def not_negative(name: str, number: Any) -> float:
    """A finite number that is not negative.

    Raises:
        DeclarationError: anything else.
    """
    if isinstance(number, bool) or not isinstance(number, (int, float, np.number)) or not 0 <= number < float("inf"):
        raise DeclarationError(f"{name} is a number that is not negative, got {number!r}")
    return float(number)


def checked_units(units: Any) -> int | None:
    """The number of output channels; None for a layer without channels."""
    if units is None:
        return None
    if not is_whole(units, 1):
        swapped = ": the declaration comes second" if isinstance(units, (str, Mapping, Orbits, Pattern)) else ""
        raise DeclarationError(
            "units is the number of output channels, a positive whole number, or None for a layer without channels; got "
            f"{shortened(units)}{swapped}"
        )
    return int(units)


def checked_aggregation(aggregation: Any, units: int | None) -> str:
    """ "mean" or "sum"."""
    if aggregation not in (None, "mean", "sum"):
        raise DeclarationError(f'aggregation is {aggregation!r}: expected "mean" or "sum"')
    if units is not None:
        return aggregation or "mean"
    if aggregation == "mean":
        raise DeclarationError(
            'a layer with units=None holds exactly the numbers a, b, c that stand in the matrix, so its aggregation is "sum":'
            ' drop aggregation="mean"'
        )
    return "sum"


def check_activation(mapping: Mapping, activation: Any) -> None:
    """Raise when a pointwise activation would break the symmetry because a generator flips signs of the output."""
    generator = flipping(mapping)
    if generator is None or activation is keras.activations.linear or is_odd(activation):
        return
    name = getattr(activation, "__name__", str(activation))
    raise DeclarationError(
        f"activation {name} is not odd, and {generator.name} flips the sign of outputs of {mapping}: the layer would not be "
        "equivariant; use an odd one, like tanh or soft_shrink, or multiply the outputs by a gate computed from their "
        "absolute values"
    )


def is_odd(activation: Any) -> bool:
    """Whether f(-x) = -f(x) at the probes, elementwise."""
    plus, minus = (
        np.asarray(keras.ops.convert_to_numpy(activation(keras.ops.convert_to_tensor(sign * PROBES))))
        for sign in (1, -1)
    )
    return plus.shape == PROBES.shape and bool(np.allclose(minus, -plus, rtol=1e-5, atol=1e-6))


def flipping(mapping: Mapping) -> PairAction | None:
    """The first generator that flips the sign of an output, None where none does."""
    return next((generator for generator in mapping.generators if (generator.output.all_signs() < 0).any()), None)
