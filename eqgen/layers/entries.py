"""From the parameters of orbits to the entries that mix channels, in TensorFlow."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from eqgen.layers.components import spectral_kernel
from eqgen.layers.fourier import kernel_transform
from eqgen.program.entries import Chosen, Combination, Entries, FourierEntries, SpectralEntries


def entries_of(entries: Entries, theta: Any, axis: int) -> Any:
    """Entries in place of parameters on one axis."""
    if isinstance(entries, Combination):
        return _combined(entries, theta, axis)
    if isinstance(entries, Chosen):
        return _chosen(entries, theta, axis)
    if isinstance(entries, FourierEntries):
        return kernel_transform(entries, theta, axis)
    if isinstance(entries, SpectralEntries):
        return spectral_kernel(entries, theta, axis)
    raise NotImplementedError(type(entries))


def _combined(entries: Combination, theta: Any, axis: int) -> Any:
    matrix = entries.numerators / entries.denominators[:, None]
    if np.array_equal(matrix, np.eye(*matrix.shape)):
        return theta
    order = list(range(len(theta.shape)))
    order.insert(0, order.pop(axis))
    first = ops.transpose(theta, order) if axis else theta
    found = ops.matmul(ops.cast(matrix, theta.dtype), ops.reshape(first, (theta.shape[axis], -1)))
    found = ops.reshape(found, (matrix.shape[0], *first.shape[1:]))
    back = list(range(1, len(theta.shape)))
    back.insert(axis, 0)
    return ops.transpose(found, back) if axis else found


def _chosen(entries: Chosen, theta: Any, axis: int) -> Any:
    found = ops.take(theta, np.maximum(entries.labels, 0).astype(np.int32), axis=axis)
    if (entries.signs == 1).all():
        return found
    shape = [1] * len(theta.shape)
    shape[axis] = entries.signs.size
    return found * ops.cast(entries.signs.reshape(shape), theta.dtype)
