"""From a trained Dense layer to the equivariant one nearest to it."""

from typing import Any

import keras
import numpy as np
from keras import ops

from eqgen.common.errors import DeclarationError
from eqgen.layers.convert import carried, check_pointwise, fill, refuse_activation_layer
from eqgen.layers.dense import EquivariantDense
from eqgen.layers.execution.tensors import as_float64, double_precision
from eqgen.layers.projection import Form, form_of, nearest
from eqgen.orbitals.orbits import Orbits
from eqgen.orbitals.pattern import Pattern
from eqgen.spaces.mapping import Mapping


def symmetrize(
    layer: keras.layers.Dense, declaration: Mapping | Orbits | Pattern | str, *, aggregation: str | None = None
) -> EquivariantDense:
    """The equivariant layer nearest to a trained Dense: every orbit of weights becomes its mean.

    Args:
        layer: a Dense that is built, on flattened points and channels.
        declaration: a Mapping, its Orbits, a Pattern, or the text of a mapping or pattern.
        aggregation: of the new layer, as in `EquivariantDense`.

    Returns:
        A layer with `units=None` where the Dense has one number for each point; else one that takes (..., n, channels_in) and
        gives (..., m, channels_out). The bias is the mean over each point orbit of the output; where signs force it to zero
        there is none. Name, dtype, activation and `trainable` come along; regularizers and constraints, which are made for
        another kernel, do not.

    Raises:
        DeclarationError: it is no Dense layer, has no weights yet, its kernel does not fit the declaration, its activation is a
            layer, or a typed pattern does not say which outputs share the bias.

    >>> import keras, eqgen as eq
    >>> dense = keras.layers.Dense(3, use_bias=False)
    >>> dense.build((None, 3))
    >>> eq.symmetrize(dense, "p -> p where p = C(3)").rank
    3
    """
    if not isinstance(layer, keras.layers.Dense):
        raise DeclarationError(f"symmetrize takes a keras.layers.Dense, got {type(layer).__name__}")
    if not layer.built:
        raise DeclarationError(f"{layer.name!r} has no weights yet: call it on an input, or build it with a shape")
    refuse_activation_layer(layer)
    form = form_of(declaration)
    channels_in, channels_out = form.channels(tuple(layer.kernel.shape))
    bias = None
    if layer.use_bias and form.bias is None:
        raise DeclarationError(
            f"{layer.name!r} has a bias, and a typed pattern does not say which outputs share it: declare the symmetry, or take a "
            "Dense with use_bias=False"
        )
    # Signs may force every bias to zero.
    if layer.use_bias and form.bias is not None and form.bias.pattern.rank:
        bias = _means(form.bias, layer.bias, 1, channels_out)
    units = None if channels_in == channels_out == 1 else channels_out
    options = {"use_bias": bias is not None, "aggregation": aggregation, "layout": "flat", **carried(layer)}
    equivariant = EquivariantDense(units, declaration, **options)
    check_pointwise(equivariant, channels_out)
    fill(equivariant, channels_in, _means(form, layer.kernel, channels_in, channels_out), bias)
    return equivariant


def _means(form: Form, weight: Any, channels_in: int, channels_out: int) -> np.ndarray:
    """The mean over each orbit, (rank, channels_in, channels_out), of a Dense kernel or bias, taken in double precision."""
    m, n = form.pattern.shape
    matrix = as_float64(weight).reshape(n * channels_in, m * channels_out)
    with double_precision():
        held = as_float64(nearest(form, ops.convert_to_tensor(matrix, dtype="float64")))
    entries = held.reshape(n, channels_in, m, channels_out).transpose(2, 0, 1, 3)
    entries = entries.reshape(m * n, channels_in, channels_out)[form.firsts[1:]]
    return entries * form.pattern.signs.ravel()[form.firsts[1:], None, None]
