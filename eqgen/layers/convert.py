"""From an equivariant layer to a Dense one, and from one symmetry to a smaller one, with the weights carried over."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from eqgen.common.errors import DeclarationError
from eqgen.layers.projection import Form, form_of
from eqgen.orbitals.declare import looks_like_mapping
from eqgen.orbitals.declare import mapping as as_mapping
from eqgen.permutations.group import Group
from eqgen.spaces.mapping import Mapping

Array = npt.NDArray[Any]


def to_dense(layer: Any) -> keras.layers.Dense:
    """An ordinary Dense layer that computes the same on flattened points and channels; nothing keeps its form any longer.

    Returns:
        A Dense from n * channels_in to m * channels_out numbers, built. Name, dtype, activation and `trainable` come along;
        regularizers and constraints, which are made for another kernel, do not.

    Raises:
        DeclarationError: the layer has no weights yet, or its activation looks at all channels of a point together.
    """
    matrix = layer.weight_matrix()
    m, n = matrix.shape[:2]
    matrix = matrix.reshape(m, n, *(matrix.shape[2:] or (1, 1)))
    channels_in, channels_out = matrix.shape[2:]
    refuse_across(layer.activation, layer, channels_out)
    dense = keras.layers.Dense(
        m * channels_out,
        activation=layer.activation,
        use_bias=layer.use_bias,
        dtype=layer.dtype_policy,
        name=layer.name,
        trainable=layer.trainable,
    )
    dense.build((None, n * channels_in))
    dense.kernel.assign(matrix.transpose(1, 2, 0, 3).reshape(n * channels_in, m * channels_out))
    if layer.use_bias:
        dense.bias.assign(layer.bias_on_points().reshape(-1))
    return dense


def restrict(layer: Any, finer: Mapping | Group | str) -> Any:
    """The same layer under a smaller symmetry: every orbit falls into orbits of the subgroup, which start from its weight.

    Args:
        layer: one that is built, with a declared mapping.
        finer: a mapping between the same points under a subgroup, or its text; or the subgroup itself, a Group or its text,
            for a mapping of one axis.

    Returns:
        A layer that computes the same (to the last place) and has as many parameters as the finer mapping has orbits.

    Raises:
        DeclarationError: the layer has no weights yet or no mapping, or the mapping is not finer.
    """
    mapping = layer.mapping
    if mapping is None:
        raise DeclarationError("the layer has a typed pattern and no group: only a declared symmetry can be restricted")
    if not layer.built:
        raise DeclarationError("the layer has no weights yet: call it on an input, or build it with a shape")
    target = _finer_mapping(mapping, finer)
    before, after = form_of(mapping), form_of(target)
    _refuse_other(before, after)
    if layer.use_bias:
        assert before.bias is not None
        assert after.bias is not None
        _refuse_other(before.bias, after.bias)
    config = layer.get_config()
    config.pop("fingerprint")
    config.update(declaration=target, kernel_initializer="orbit")
    found = type(layer).from_config(config)
    matrix = layer.weight_matrix()
    matrix = matrix.reshape(*matrix.shape[:2], *(matrix.shape[2:] or (1, 1)))
    assert found.orbits is not None
    rows, columns = found.orbits.representatives.T
    bias = None
    if layer.use_bias:
        assert found.bias_pattern is not None
        firsts = np.unique(found.bias_pattern.labels, return_index=True)[1][-found.bias_pattern.rank :]
        bias = layer.bias_on_points()[firsts]
    fill(found, matrix.shape[2], matrix[rows, columns], bias)
    return found


def _finer_mapping(mapping: Mapping, finer: Mapping | Group | str) -> Mapping:
    if isinstance(finer, Mapping) or (isinstance(finer, str) and looks_like_mapping(finer)):
        return as_mapping(finer)
    if len(mapping.axes) != 1:
        raise DeclarationError(
            f"{mapping.in_short()} has {len(mapping.axes)} axes: pass the finer mapping whole, with the group of each"
        )
    support = None
    if mapping.support is not None:
        support = list(zip(mapping.support.row_numbers().tolist(), mapping.support.indices.tolist(), strict=True))
    return as_mapping(mapping.sides, support=support, **{mapping.axes[0].name: finer})


def _refuse_other(before: Form, after: Form) -> None:
    """Stop unless every orbit of the finer form lies in one of the coarser, with the signs that it has there."""
    if before.shape != after.shape:
        raise DeclarationError(
            f"{after.name} is {after.shape[0]} x {after.shape[1]}, {before.name} is {before.shape[0]} x {before.shape[1]}: "
            "restrict needs the same points; a subgroup is written on all of them, and a one-point cycle says how far they go, "
            "as in (1 2)(8)"
        )
    old = (before.labels + 1) * before.signs
    values = np.zeros(after.rank + 1, dtype=old.dtype)
    # Whichever entry of an orbit comes last speaks for all.
    values[after.places] = (old * after.signs).ravel()
    expected = np.where(after.signs != 0, values[after.places].reshape(old.shape) * after.signs, 0)
    wrong = np.argwhere(expected != old)
    if wrong.size:
        what = "entry" if before.bias is not None else "the bias at"
        row, column = wrong[0].tolist()
        raise DeclarationError(
            f"{after.name} is not finer than {before.name}: {what} ({row}, {column}), counted from 0, would not keep its "
            "weight; restrict to a subgroup of the same action"
        )


def fill(layer: Any, channels_in: int, values: Array, bias: Array | None) -> None:
    """Give a layer the weights that stand in its matrix, (rank, channels_in, channels_out), and a bias for each orbit."""
    n = layer.program.shape[1]
    layer.build((None, n) if layer.units is None else (None, n, channels_in))
    if layer.aggregation == "mean":
        values = values.astype(np.float64) * layer._sizes().subdegrees[:, None, None]
    layer.kernel.assign(np.reshape(values, tuple(layer.kernel.shape)))
    if bias is not None:
        layer.bias.assign(np.reshape(bias, tuple(layer.bias.shape)))


def refuse_across(activation: Any, layer: Any, channels_out: int) -> None:
    """Stop at an activation, like softmax, that would look at other numbers on flattened features."""
    m = layer.program.shape[0]
    probe = np.linspace(-2, 2, m * channels_out, dtype="float32")[None]
    apart = probe.reshape(1, m) if layer.units is None else probe.reshape(1, m, channels_out)
    flat, found = (as_array(activation(ops.convert_to_tensor(values))).ravel() for values in (probe, apart))
    if flat.shape != found.shape or not np.allclose(flat, found, atol=1e-6):
        name = getattr(activation, "__name__", str(activation))
        raise DeclarationError(
            f"activation {name} looks at all channels of a point together, and on flattened points and channels at all numbers: "
            "use a layer without it, and apply it afterwards"
        )


def as_array(tensor: Any) -> Array:
    return np.asarray(
        ops.convert_to_numpy(ops.cast(tensor, "float64" if str(tensor.dtype) == "float64" else "float32"))
    )
