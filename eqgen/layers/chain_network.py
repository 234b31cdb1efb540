"""A whole network of one array: lift, residual blocks, head."""

from collections.abc import Sequence
from typing import Any

import keras

from eqgen.common.errors import DeclarationError, is_whole, shortened
from eqgen.layers.dense import EquivariantDense
from eqgen.layers.inputs.arguments import flipping
from eqgen.layers.masks.model import EquivariantNetwork
from eqgen.layers.normalization import EquivariantNormalization
from eqgen.layers.pieces import Normalization, check_blocks, check_symmetry
from eqgen.layers.pooling import InvariantPool
from eqgen.orbitals.composition import chain_of, moves_of
from eqgen.spaces.mapping import Mapping, identity_mapping


def chain_network(
    mappings: Any,
    widths: Any,
    *,
    channels: int,
    outputs: int,
    head: str | keras.layers.Layer,
    activation: Any,
    normalization: Normalization,
    use_bias: bool | None,
    name: str | None,
    options: dict[str, Any],
) -> keras.Model:
    """What `network` makes of mappings and widths; its arguments are told there.

    Raises:
        DeclarationError: the spaces do not chain, numbers do not fit, or a layer that was passed breaks the symmetry.
    """
    several = isinstance(widths, Sequence) and not isinstance(widths, str) and len(widths) > 0
    if mappings is None or not several or not all(is_whole(width, 1) for width in widths or ()):
        raise DeclarationError(
            f"widths are the channels of each layer, positive whole numbers as in [64, 64], got {widths!r}"
        )
    chain = chain_of(mappings, len(widths))
    for what, number in (("channels", channels), ("outputs", outputs)):
        if not is_whole(number, 1):
            raise DeclarationError(f"{what} is a positive whole number, got {number!r}")
    _check_pieces(chain, head, activation, normalization)
    options.setdefault("layout", "flat")
    points = chain[0].input.shape if options["layout"] == "grid" else (chain[0].input.size,)
    given = keras.Input((*points, channels))
    features = given
    for number, (mapping, width) in enumerate(zip(chain, widths, strict=True)):
        block = _activated(features, chain[number - 1], activation, normalization) if number else features
        block = EquivariantDense(width, mapping, use_bias=bool(use_bias), **options)(block)
        stays = number and mapping.input == mapping.output and width == widths[number - 1]
        features = keras.layers.Add()([features, block]) if stays else block
    last = chain[-1]
    features = _activated(features, last, activation, normalization)
    last_space = identity_mapping(last.output, last)
    head_bias = flipping(last) is None if use_bias is None else use_bias
    if isinstance(head, keras.layers.Layer):
        answer = head(features)
    elif head == "invariant":
        answer = keras.layers.Dense(outputs, use_bias=use_bias is not False)(InvariantPool(last_space)(features))
    else:
        answer = EquivariantDense(outputs, last_space, use_bias=head_bias, **options)(features)
    model = EquivariantNetwork(given, answer, name=name)
    if isinstance(head, keras.layers.Layer) or normalization is not None or activation is not None:
        check_symmetry(model, moves_of(chain), chain[0].in_short())
    return model


def _check_pieces(chain: list[Mapping], head: Any, activation: Any, normalization: Any) -> None:
    """Stop at a head, an activation or a normalization that cannot be one."""
    known = isinstance(head, str) and head in ("equivariant", "invariant")
    if not known and not isinstance(head, keras.layers.Layer):
        raise DeclarationError(f'head is {shortened(head)}: expected "equivariant", "invariant" or a Keras layer')
    check_blocks(chain, activation, normalization)


def _activated(features: Any, mapping: Mapping, activation: Any, normalization: Normalization) -> Any:
    """Normalization and activation on the output of a mapping."""
    space = identity_mapping(mapping.output, mapping)
    layer = EquivariantNormalization(space) if normalization is None else normalization()
    if activation is None:
        activation = "gelu" if flipping(mapping) is None else "tanh"
    return keras.layers.Activation(activation)(layer(features))
