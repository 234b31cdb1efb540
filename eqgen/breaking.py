"""Which layer of a model breaks a symmetry: the first whose output moves in none of the ways that it may."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from eqgen.equivariance import TOLERANCE_IN_EPS, Array
from eqgen.mapping import Mapping
from eqgen.model_check import EPS, coarsest_dtype
from eqgen.signed import SignedPermutation, identity
from eqgen.space import Space

SAMPLES = 4
"""So many random inputs tell."""


def breaking_layer(model: Any, mappings: Sequence[Mapping], shape: tuple[int, ...]) -> Any:
    """The first layer of a functional or sequential model whose output does not move with its input.

    An output may move as the points of any of the spaces do, flat or as a grid, or not at all.

    Args:
        model: any Keras model; None is found in one that does not show its layers' outputs.
        mappings: their spaces; axes of one name are one group.
        shape: of one input, without the batch.

    Returns:
        The layer, or None.
    """
    dtype = coarsest_dtype(model)
    random = np.random.default_rng(0)
    features = random.normal(size=(SAMPLES, *shape)).astype("float64" if dtype == "float64" else "float32")
    first = mappings[0]
    moved = [_moved(features, first.input, _move(first, first.input, row)) for row in _rows(first)]
    return _first_broken(model, [features, *moved], mappings, TOLERANCE_IN_EPS * EPS[dtype])


def _first_broken(model: Any, inputs: list[Array], mappings: Sequence[Mapping], tolerance: float) -> Any:
    """The same for inputs that are moved already: as they are, and moved by each generator."""
    if not isinstance(model, keras.Model) or len(getattr(model, "inputs", None) or ()) != 1:
        return None
    spaces = [(mapping, space) for mapping in mappings for space in (mapping.input, mapping.output)]
    for layer in model.layers:
        output = getattr(layer, "output", None)
        if isinstance(layer, keras.layers.InputLayer) or not isinstance(output, keras.KerasTensor):
            continue
        plain, *others = _values(model, output, inputs)
        follows = any(_follows(plain, others, mappings[0], mapping, space, tolerance) for mapping, space in spaces)
        if not follows and not all(_close(other, plain, tolerance) for other in others):
            inner = None
            if isinstance(layer, keras.Model) and isinstance(layer.input, keras.KerasTensor):
                before = _values(model, model.get_layer(layer.name)._inbound_nodes[-1].input_tensors[0], inputs)
                inner = _first_broken(layer, before, mappings, tolerance)
            return layer if inner is None else inner
    return None


def _values(model: Any, tensor: Any, inputs: list[Array]) -> list[Array]:
    """What a tensor inside a model is for some inputs."""
    part = keras.Model(model.inputs[0], tensor)
    return [_array(part(values, training=False)) for values in inputs]


Row = tuple[tuple[int, ...], int]
"""A generator: the axes that it moves together, and its number there."""


def _rows(mapping: Mapping) -> list[Row]:
    return [(unit, row) for unit in mapping.units for row in range(len(mapping.axes[unit[0]].group.generators))]


def _move(mapping: Mapping, space: Space, row: Row, other: Mapping | None = None) -> SignedPermutation:
    """What a generator of one mapping does to a space of the same, or of another one with axes of the same names."""
    unit, number = row
    elements = {mapping.axes[axis].name: mapping.axes[axis].group.elements[number] for axis in unit}
    owner = mapping if other is None else other
    return space.act(
        {place: elements.get(axis.name, identity(axis.group.degree)) for place, axis in enumerate(owner.axes)}
    )


def _follows(
    plain: Array, others: list[Array], first: Mapping, mapping: Mapping, space: Space, tolerance: float
) -> bool:
    """Whether an output moves as the points of a space do."""
    if plain.shape[1:2] != (space.size,) and plain.shape[1 : 1 + len(space.shape)] != space.shape:
        return False
    moves = [_move(first, space, row, mapping) for row in _rows(first)]
    return all(_close(other, _moved(plain, space, move), tolerance) for other, move in zip(others, moves, strict=True))


def _moved(features: Array, space: Space, move: SignedPermutation) -> Array:
    flat = features.reshape(len(features), space.size, -1)
    return move.applied(flat, 1).reshape(features.shape)


def _close(one: Array, other: Array, tolerance: float) -> bool:
    return bool(np.abs(one - other).max(initial=0) <= tolerance * max(np.abs(other).max(initial=0), 1e-30))


def _array(outputs: Any) -> Array:
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(outputs, "float64")))
