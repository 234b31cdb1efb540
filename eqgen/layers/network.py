"""A whole equivariant network in one line: lift, residual blocks, head."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from eqgen.common.errors import DeclarationError, is_whole, shortened
from eqgen.layers.dense import EquivariantDense
from eqgen.layers.equivariance.arithmetic import coarsest_dtype, computing_in
from eqgen.layers.equivariance.culprit import symmetry_breaker
from eqgen.layers.equivariance.weights import randomized_weights
from eqgen.layers.inputs.arguments import check_activation, flipping
from eqgen.layers.masks.model import EquivariantNetwork
from eqgen.layers.normalization import EquivariantNormalization
from eqgen.layers.pooling import InvariantPool
from eqgen.orbitals.composition import chain_of, moves_of
from eqgen.spaces.mapping import Mapping, identity_mapping

BREAKING = 1e-3
"""With weights at random a larger difference, beside the largest value, is no rounding, however deep the network."""


def network(
    mappings: Mapping | str | Sequence[Mapping | str],
    widths: Sequence[int],
    *,
    channels: int = 1,
    outputs: int = 1,
    head: str | keras.layers.Layer = "equivariant",
    activation: Any = None,
    normalization: Callable[[], keras.layers.Layer] | None = None,
    name: str | None = None,
) -> keras.Model:
    """A network of equivariant layers with an equivariant or an invariant head.

    The first layer lifts the input to `widths[0]` channels. Every further one is normalization, activation, linear, and where
    the points stay the same its input is added (He et al., "Identity mappings in deep residual networks", 2016), so that depth
    costs no gradient. The head normalizes once more.

    Args:
        mappings: one mapping for all layers, or one for each; the input of each is the output of the one before.
        widths: channels of each layer.
        channels: of the input.
        outputs: channels of the answer.
        head: "equivariant" for an answer at each point of the last space, "invariant" for one that the group does not change,
            or a Keras layer that takes (batch, points, channels).
        activation: of the blocks, any that Keras knows; by default "gelu", and "tanh" where signs flip.
        normalization: makes the normalization of a block; by default `EquivariantNormalization`.
        name: of the model.

    Returns:
        A functional Keras model from (batch, points, channels) to (batch, points, outputs), or (batch, outputs) where the head
        is invariant and the group moves all points.

    Raises:
        DeclarationError: the spaces do not chain, numbers do not fit, or a layer that was passed breaks the symmetry.

    >>> import eqgen as eq
    >>> model = eq.network("p -> p where p = S(10)", [32, 32], channels=3, outputs=2, head="invariant")
    >>> model.output_shape
    (None, 2)
    """
    several = isinstance(widths, Sequence) and not isinstance(widths, str) and len(widths) > 0
    if not several or not all(is_whole(width, 1) for width in widths):
        raise DeclarationError(
            f"widths are the channels of each layer, positive whole numbers as in [64, 64], got {widths!r}"
        )
    chain = chain_of(mappings, len(widths))
    for what, number in (("channels", channels), ("outputs", outputs)):
        if not is_whole(number, 1):
            raise DeclarationError(f"{what} is a positive whole number, got {number!r}")
    _check_pieces(chain, head, activation, normalization)
    inputs = keras.Input((chain[0].input.size, channels))
    features = inputs
    for number, (mapping, width) in enumerate(zip(chain, widths, strict=True)):
        block = _activated(features, chain[number - 1], activation, normalization) if number else features
        block = EquivariantDense(width, mapping, layout="flat")(block)
        stays = number and mapping.input == mapping.output and width == widths[number - 1]
        features = keras.layers.Add()([features, block]) if stays else block
    last = chain[-1]
    features = _activated(features, last, activation, normalization)
    last_space = identity_mapping(last.output, last)
    if isinstance(head, keras.layers.Layer):
        answer = head(features)
    elif head == "invariant":
        answer = keras.layers.Dense(outputs)(InvariantPool(last_space)(features))
    else:
        answer = EquivariantDense(outputs, last_space, use_bias=flipping(last) is None, layout="flat")(features)
    model = EquivariantNetwork(inputs, answer, name=name)
    _check_symmetry(model, chain, head, normalization, activation)
    return model


def _check_pieces(chain: list[Mapping], head: Any, activation: Any, normalization: Any) -> None:
    """Stop at a head, an activation or a normalization that cannot be one."""
    known = isinstance(head, str) and head in ("equivariant", "invariant")
    if not known and not isinstance(head, keras.layers.Layer):
        raise DeclarationError(f'head is {shortened(head)}: expected "equivariant", "invariant" or a Keras layer')
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
    for mapping in chain if activation is not None else ():
        check_activation(mapping, keras.activations.get(activation))


def _activated(
    features: Any, mapping: Mapping, activation: Any, normalization: Callable[[], keras.layers.Layer] | None
) -> Any:
    """Normalization and activation on the output of a mapping."""
    space = identity_mapping(mapping.output, mapping)
    layer = EquivariantNormalization(space) if normalization is None else normalization()
    if activation is None:
        activation = "gelu" if flipping(mapping) is None else "tanh"
    return keras.layers.Activation(activation)(layer(features))


def _check_symmetry(model: keras.Model, chain: list[Mapping], head: Any, normalization: Any, activation: Any) -> None:
    """Stop at a layer of the user's own that breaks the symmetry."""
    if not isinstance(head, keras.layers.Layer) and normalization is None and activation is None:
        return
    # A scale for each point breaks nothing as long as all are 1, as they are at the start.
    single = None if coarsest_dtype(model) in ("float32", "float64") else "float32"
    with computing_in(model, single), randomized_weights(model, np.random.default_rng(0)):
        broken = symmetry_breaker(model, moves_of(chain), tuple(model.input_shape[1:]), BREAKING)
    if broken is not None:
        raise DeclarationError(
            f"{broken} breaks the symmetry of {chain[0].in_short()}: what it learns for one point it does not know for the "
            "points that the group moves it to; use layers that treat points alike, as EquivariantDense, "
            "EquivariantNormalization and InvariantPool do"
        )
