"""Fourier transforms: short ones as matrix products, an axis at a time, long ones by the fast algorithm.

Complex numbers are pairs of real ones, as Keras has them. A long transform that stands alone is multiplied part by part.
"""

from functools import partial
from math import prod
from typing import Any

import keras
import numpy as np
from keras import ops

from eqgen.common.arrays import Permutation
from eqgen.layers.execution.exports import check_fourier
from eqgen.layers.execution.mix import Kernel, kernel
from eqgen.layers.execution.operators import Limits, Run, fused, pool, spread
from eqgen.layers.execution.tensors import arranged, constant, matmul, multiplied, reordered, reshaped, sizes
from eqgen.layers.execution.weight_table import WeightTable, gathered, weight_table
from eqgen.programs.entries import FourierEntries
from eqgen.programs.operators.fourier import Fourier, frequencies_of, is_short
from eqgen.programs.steps import KroneckerFactor

Grid = tuple[int, ...]
Pair = tuple[Any, Any]


@pool.register
def _pool(fourier: Fourier, features: Any, axis: int, limits: Limits) -> Any:
    assert not fourier.inverse
    shape = sizes(features)
    after, orbits = prod(shape[axis + 1 :]), len(fourier.index)
    values = reordered(features, fourier.index.ravel(), axis)
    pair = _forward(reshaped(values, (-1, prod(fourier.grid), after)), fourier.grid)
    rows = (*shape[:axis], fourier.shape[0], *shape[axis + 1 :])
    return arranged(pair, (-1, orbits, 2, frequencies_of(fourier.grid), after), (0, 3, 1, 2, 4), rows)


@spread.register
def _spread(fourier: Fourier, features: Any, axis: int, limits: Limits) -> Any:
    assert fourier.inverse
    shape = sizes(features)
    after, orbits, frequencies = prod(shape[axis + 1 :]), len(fourier.index), frequencies_of(fourier.grid)
    pair = arranged(features, (-1, frequencies, orbits, 2, after), (0, 2, 3, 1, 4), (-1, 2, frequencies, after))
    if is_short(fourier.grid):
        values = _backward(pair * constant(fourier.weights()[:, None], pair), fourier.grid)
    else:
        # The inverse of the fast algorithm has the weights within.
        values = _points_of(ops.unstack(ops.transpose(pair, (1, 0, 3, 2))), fourier.grid)
        values = ops.cast(ops.transpose(reshaped(values, (-1, after, prod(fourier.grid))), (0, 2, 1)), features.dtype)
    values = reshaped(values, (*shape[:axis], fourier.shape[1], *shape[axis + 1 :]))
    return reordered(values, np.argsort(fourier.index.ravel()), axis)


@kernel.register
def _kernel(entries: FourierEntries, factor: KroneckerFactor, limits: Limits) -> Kernel:
    outputs, inputs, size = entries.signed_labels.shape
    frequencies = frequencies_of(entries.grid)
    table = weight_table(entries.signed_labels.ravel(), entries.rank, limits)

    def transformed(theta: Any, axis: int) -> Any:
        shape = sizes(theta)
        after = prod(shape[axis + 1 :])
        pair = _forward(reshaped(gathered(table, theta, axis), (-1, size, after)), entries.grid)
        # A correlation: the conjugate multiplies, [[real, imaginary], [-imaginary, real]].
        square = ops.concatenate([pair, -pair[:, 1:], pair[:, :1]], axis=1)
        made = (*shape[:axis], entries.shape[0], *shape[axis + 1 :])
        return arranged(square, (-1, outputs, inputs, 2, 2, frequencies, after), (0, 5, 1, 3, 2, 4, 6), made)

    return transformed


@fused.register
def _fused(pool: Fourier, factor: KroneckerFactor) -> Run | None:
    (stage,) = factor.stages
    assert isinstance(factor.entries, FourierEntries)
    assert isinstance(stage.spread, Fourier)
    if is_short(pool.grid):
        return None
    table = weight_table(factor.entries.signed_labels.ravel(), factor.rank)
    return partial(_correlate, factor.entries, table, (pool.index.ravel(), np.argsort(stage.spread.index.ravel())))


def _correlate(
    entries: FourierEntries,
    table: WeightTable,
    orders: tuple[Permutation, Permutation],
    features: Any,
    theta: Any,
    dtype: str,
) -> Any:
    """A whole factor, which takes half as long as a matrix of both parts, with the orders of points before and afterwards."""
    grid, frequencies = entries.grid, frequencies_of(entries.grid)
    channels_in, channels_out = theta.shape[1:]
    outputs, inputs, size = entries.signed_labels.shape
    rows, columns = outputs * channels_out, inputs * channels_in
    values = reordered(features, orders[0], 1)
    values = arranged(values, (-1, inputs, size, channels_in), (0, 1, 3, 2), (-1, *grid))
    x, y = (
        arranged(part, (-1, columns, frequencies), (2, 0, 1), (frequencies, -1, columns))
        for part in _spectrum_of(values, grid)
    )
    shape = (outputs, inputs, size, channels_in, channels_out)
    weights = arranged(gathered(table, theta, 0), shape, (1, 3, 0, 4, 2), (-1, *grid))
    u, v = (
        ops.cast(arranged(part, (columns, rows, frequencies), (2, 0, 1), (frequencies, columns, rows)), x.dtype)
        for part in _spectrum_of(weights, grid)
    )
    # A correlation: the conjugate multiplies, (x + iy)(u - iv). XLA makes one product faster than four.
    pair = ops.concatenate([ops.concatenate([x, y], -1), ops.concatenate([y, -x], -1)], 1)
    mixed = ops.split(matmul(pair, ops.concatenate([u, v], 1), precise=True), 2, 1)
    real, imaginary = (arranged(part, (frequencies, -1, rows), (1, 2, 0), (-1, frequencies)) for part in mixed)
    values = _points_of((real, imaginary), grid)
    values = arranged(values, (-1, outputs, channels_out, size), (0, 1, 3, 2), (-1, outputs * size, channels_out))
    return reordered(ops.cast(values, dtype), orders[1], 1)


def _forward(values: Any, grid: Grid) -> Any:
    """Real and imaginary parts, (rows, 2, frequencies, after), of values of shape (rows, points of the grid, after)."""
    after, others, half = values.shape[-1], prod(grid[:-1]), grid[-1] // 2 + 1
    if not is_short(grid):
        pair = ops.stack(_spectrum_of(reshaped(ops.transpose(values, (0, 2, 1)), (-1, *grid)), grid), axis=1)
        return ops.cast(ops.transpose(reshaped(pair, (-1, after, 2, others * half)), (0, 2, 3, 1)), values.dtype)
    pair = multiplied(_real(grid[-1]), reshaped(values, (-1, grid[-1], after)), 1)
    pair = arranged(pair, (-1, others, 2, half, after), (0, 2, 1, 3, 4), (-1, 2, others, half * after))
    return reshaped(_along_others(pair, grid, back=False), (-1, 2, others * half, after))


def _backward(pair: Any, grid: Grid) -> Any:
    """The transpose of the short one."""
    after, others, half = pair.shape[-1], prod(grid[:-1]), grid[-1] // 2 + 1
    pair = _along_others(reshaped(pair, (-1, 2, others, half * after)), grid, back=True)
    pair = arranged(pair, (-1, 2, others, half, after), (0, 2, 1, 3, 4), (-1, 2 * half, after))
    return multiplied(_real(grid[-1]).T, pair, 1)


def _along_others(pair: Any, grid: Grid, *, back: bool) -> Any:
    """Transforms along all axes of a grid but the last, of (rows, 2, points of these axes, rest)."""
    shape = (-1, *sizes(pair)[1:])
    for axis, size in enumerate(grid[:-1]):
        outer, inner = prod(grid[:axis]), prod(grid[axis + 1 : -1]) * shape[-1]
        pair = arranged(pair, (-1, 2, outer, size, inner), (0, 2, 1, 3, 4), (-1, 2 * size, inner))
        pair = multiplied(_complex(size).T if back else _complex(size), pair, 1)
        pair = arranged(pair, (-1, outer, 2, size, inner), (0, 2, 1, 3, 4), shape)
    return pair


def _real(size: int) -> np.ndarray:
    """The transform of real numbers, (2 frequencies, size): real parts, then imaginary ones."""
    angles = 2 * np.pi * np.outer(np.arange(size // 2 + 1), np.arange(size)) / size
    return np.concatenate([np.cos(angles), -np.sin(angles)])


def _complex(size: int) -> np.ndarray:
    """The transform of complex numbers, (2 size, 2 size)."""
    angles = 2 * np.pi * np.outer(np.arange(size), np.arange(size)) / size
    return np.block([[np.cos(angles), np.sin(angles)], [-np.sin(angles), np.cos(angles)]])


def _spectrum_of(values: Any, grid: Grid) -> Pair:
    """Real and imaginary parts, (rows, frequencies), of (rows, grid ...), by the fast algorithm, in single precision at least.

    Each axis is brought to the end and stays there: in which order frequencies stand does not matter to a product.
    """
    check_fourier(prod(grid))
    pair = ops.rfft(_at_least_single(values))
    for axis in range(len(grid) - 1, 0, -1):
        pair = ops.fft(tuple(ops.moveaxis(part, axis, -1) for part in pair))
    real, imaginary = (reshaped(part, (-1, prod(grid[:-1]) * (grid[-1] // 2 + 1))) for part in pair)
    return real, imaginary


def _points_of(pair: Pair, grid: Grid) -> Any:
    """The way back, (rows, points)."""
    shape = (-1, grid[-1] // 2 + 1, *grid[-2::-1])
    real, imaginary = (reshaped(_at_least_single(part), shape) for part in pair)
    for axis in range(1, len(grid)):
        # The inverse is the transform with the parts exchanged, divided by the number of points.
        imaginary, real = (ops.moveaxis(part, -1, axis) for part in ops.fft((imaginary, real)))
    points = reshaped(ops.irfft((real, imaginary), grid[-1]), (-1, prod(grid)))
    return points if len(grid) == 1 else points / prod(grid[:-1])


def _at_least_single(values: Any) -> Any:
    # There is no transform in half precision.
    return values if keras.backend.standardize_dtype(values.dtype) == "float64" else ops.cast(values, "float32")
