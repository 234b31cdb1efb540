"""A model with randomized weights for a while: what holds only for those that it has, training breaks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import keras
import numpy as np

from eqgen.layers.equivariance.function import Array


def trained_weights(model: Any) -> list[Any]:
    """What training changes: trainable weights, and the statistics that batch normalization keeps."""
    layers = model._flatten_layers() if hasattr(model, "_flatten_layers") else [model]
    kept = [
        weight
        for layer in layers
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
        for weight in layer.non_trainable_weights
    ]
    own = {id(weight): weight for weight in [*model.trainable_weights, *kept]}
    return list(own.values())


@contextmanager
def randomized_weights(model: Any, random: np.random.Generator) -> Iterator[None]:
    """Inside, what training changes is drawn at random, within its constraints; afterwards it is as it was."""
    weights = trained_weights(model)
    before = [np.asarray(keras.ops.convert_to_numpy(weight.value)) for weight in weights]
    try:
        for weight, values in zip(weights, before, strict=True):
            weight.assign(_drawn(values, random))
            if weight.constraint is not None:
                weight.assign(weight.constraint(weight))
        yield
    finally:
        for weight, values in zip(weights, before, strict=True):
            weight.assign(values)


def _drawn(values: Array, random: np.random.Generator) -> Array:
    """Vectors positive, for one may be a variance; matrices that keep the size of what they multiply; counters stay."""
    if not np.issubdtype(values.dtype, np.floating) and values.dtype.name != "bfloat16":
        return values
    if values.ndim < 2:
        drawn = random.uniform(0.5, 1.5, size=values.shape)
    else:
        drawn = random.normal(size=values.shape) / np.sqrt(prod(values.shape[:-1]))
    return drawn.astype(values.dtype)
