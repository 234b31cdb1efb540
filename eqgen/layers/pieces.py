"""The pieces of a network that a user brings: what is no piece, and what breaks the symmetry, is refused."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np

from eqgen.common.errors import DeclarationError
from eqgen.layers.equivariance.arithmetic import coarsest_dtype, computing_in
from eqgen.layers.equivariance.culprit import symmetry_breaker
from eqgen.layers.equivariance.weights import randomized_weights
from eqgen.layers.inputs.arguments import check_activation
from eqgen.permutations.signed_permutation import SignedPermutation
from eqgen.spaces.mapping import Mapping

Normalization = Callable[[], keras.layers.Layer] | None

BREAKING = 1e-3
"""With weights at random a larger difference, beside the largest value, is no rounding, however deep the network."""


def check_blocks(mappings: Iterable[Mapping], activation: Any, normalization: Any) -> None:
    """Stop at an activation or a normalization that cannot be one of blocks that answer as some mappings do."""
    if isinstance(normalization, keras.layers.Layer) or not (normalization is None or callable(normalization)):
        raise DeclarationError(
            f"normalization is {normalization!r}, and every block has one of its own: expected a function that makes a layer, as "
            "in normalization=lambda: keras.layers.LayerNormalization()"
        )
    if isinstance(activation, keras.layers.Layer):
        raise DeclarationError(
            f"activation is the layer {activation.name!r}, and every block has its own: expected a function or its name, as in "
            '"relu"'
        )
    for mapping in mappings if activation is not None else ():
        check_activation(mapping, keras.activations.get(activation))


def check_symmetry(model: keras.Model, moves: Sequence[Sequence[SignedPermutation]], declared: str) -> None:
    """Stop at a layer of the user's own that breaks the symmetry.

    Args:
        model: of one input, a network or a part of it.
        moves: for each space in it, that of the input first, what each generator does.
        declared: the symmetry, for the message.
    """
    # A scale for each point breaks nothing as long as all are 1, as they are at the start.
    single = None if coarsest_dtype(model) in ("float32", "float64") else "float32"
    with computing_in(model, single), randomized_weights(model, np.random.default_rng(0)):
        broken = symmetry_breaker(model, moves, tuple(model.input_shape[1:]), BREAKING)
    if broken is not None:
        raise DeclarationError(
            f"{broken} breaks the symmetry of {declared}: what it learns for one point it does not know for the "
            "points that the group moves it to; use layers that treat points alike, as EquivariantDense, "
            "EquivariantNormalization and InvariantPool do"
        )
