"""From the parameters of orbits to the entries that mix channels, in TensorFlow."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from eqgen.layers.execution.fourier import kernel_transform
from eqgen.layers.execution.isotypic import spectral_kernel
from eqgen.layers.execution.operators import width
from eqgen.layers.execution.tensors import constant, matmul
from eqgen.programs.entries.fourier import FourierEntries
from eqgen.programs.entries.gather import GatherEntries
from eqgen.programs.entries.linear_combination import LinearCombination
from eqgen.programs.entries.spectral import SpectralEntries
from eqgen.programs.operators.composite import Stack
from eqgen.programs.steps import KroneckerFactor


def entries_of(part: KroneckerFactor, theta: Any, axis: int) -> Any:
    """The entries of a part in place of its parameters on one axis."""
    entries = part.entries
    if isinstance(entries, LinearCombination):
        return _combined(entries, _widths(part), theta, axis)
    if isinstance(entries, GatherEntries):
        return _chosen(entries, theta, axis)
    if isinstance(entries, FourierEntries):
        return kernel_transform(entries, theta, axis)
    assert isinstance(entries, SpectralEntries)
    return spectral_kernel(entries, theta, axis)


def _widths(part: KroneckerFactor) -> Any:
    """How many points the pool of each entry takes the mean of, (entries,): entries are made for sums."""
    found = []
    for stage in part.stages:
        pools = stage.pool.parts if isinstance(stage.pool, Stack) else (stage.pool,)
        (section,) = stage.sections
        found += [width(operator) for operator in pools] * section.outputs
    return np.array(found)


def _combined(entries: LinearCombination, widths: Any, theta: Any, axis: int) -> Any:
    matrix = entries.numerators * widths[:, None] / entries.denominators[:, None]
    if np.array_equal(matrix, np.eye(*matrix.shape)):
        return theta
    order = list(range(len(theta.shape)))
    order.insert(0, order.pop(axis))
    first = ops.transpose(theta, order) if axis else theta
    found = matmul(constant(matrix, theta), ops.reshape(first, (theta.shape[axis], -1)))
    found = ops.reshape(found, (matrix.shape[0], *first.shape[1:]))
    back = list(range(1, len(theta.shape)))
    back.insert(axis, 0)
    return ops.transpose(found, back) if axis else found


def _chosen(entries: GatherEntries, theta: Any, axis: int) -> Any:
    found = ops.take(theta, np.maximum(entries.labels, 0).astype(np.int32), axis=axis)
    if (entries.signs == 1).all():
        return found
    shape = [1] * len(theta.shape)
    shape[axis] = entries.signs.size
    return found * constant(entries.signs.reshape(shape), theta)
