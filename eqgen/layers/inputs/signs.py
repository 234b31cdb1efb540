"""What a layer may not do where signs flip: activations that are not odd, and biases."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from eqgen.common.errors import DeclarationError
from eqgen.orbitals.pattern import Pattern
from eqgen.spaces.mapping import Mapping
from eqgen.spaces.pair_action import PairAction

PROBES = np.array([[1e-3, 0.1, 0.5, 1.0, 1.7, 2.5, 3.5, 6.5, 20.0, 1e2, 1e4, 1e6]], dtype="float32")
"""An activation is odd when f(-x) = -f(x); it is tried here, to rounding. Samples are no proof: `verify` tries more."""


def refuse_activation(mapping: Mapping, activation: Any) -> None:
    """Raise when a pointwise activation would break the symmetry because a generator flips signs of the output."""
    generator = _flips_output(mapping)
    if generator is None or activation is keras.activations.linear or is_odd(activation):
        return
    name = getattr(activation, "__name__", str(activation))
    raise DeclarationError(
        f"activation {name} is not odd, and {generator.name} flips the sign of outputs of {mapping}: the layer would not be "
        "equivariant; use an odd one, like tanh or soft_shrink, or multiply the outputs by a gate computed from their "
        "absolute values"
    )


def refuse_bias(mapping: Mapping, bias: Pattern) -> None:
    """Raise when the signs forbid every bias."""
    generator = _flips_output(mapping)
    if bias.rank == 0 and generator is not None:
        raise DeclarationError(
            f"no output of {mapping} can have a bias: {generator.name} flips its sign, so it would have to be its own "
            "negative; drop use_bias"
        )


def is_odd(activation: Any) -> bool:
    """Whether f(-x) = -f(x) at the probes, elementwise."""
    plus, minus = (
        np.asarray(keras.ops.convert_to_numpy(activation(keras.ops.convert_to_tensor(sign * PROBES))))
        for sign in (1, -1)
    )
    return plus.shape == PROBES.shape and bool(np.allclose(minus, -plus, rtol=1e-5, atol=1e-6))


def _flips_output(mapping: Mapping) -> PairAction | None:
    for generator in mapping.generators:
        if generator.output.signs is not None and (generator.output.signs < 0).any():
            return generator
    return None
