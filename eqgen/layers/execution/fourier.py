"""Fourier transforms in Keras: short ones as matrix products, long ones by the fast algorithm."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from keras import ops

from eqgen.layers.execution.backend import arranged, complex_of, pair_of, points_of, product, spectrum_of
from eqgen.layers.execution.tensors import constant, matmul, product_of, reordered
from eqgen.programs.entries.fourier import FourierEntries
from eqgen.programs.operators.fourier import Fourier, is_short


def transform(fourier: Fourier, features: Any, axis: int) -> Any:
    """Rows (frequency, orbit, real or imaginary) in place of points on one axis."""
    shape = list(ops.shape(features))
    before, after = product_of(shape[:axis]), product_of(shape[axis + 1 :])
    orbits = fourier.index.shape[0]
    if not fourier.is_in_order:
        features = reordered(features, fourier.index.ravel(), axis)
    spectrum = _forward(ops.reshape(features, (before * orbits, *fourier.grid, after)), fourier.grid, fourier.inverse)
    # (before, orbits, 2, frequencies, after) to rows.
    apart = ops.reshape(spectrum, (before, orbits, 2, fourier.frequencies, after))
    rows = ops.transpose(apart, (0, 3, 1, 2, 4))
    return ops.reshape(rows, (*shape[:axis], fourier.shape[0], *shape[axis + 1 :]))


def transform_back(fourier: Fourier, features: Any, axis: int) -> Any:
    """The transpose."""
    shape = list(ops.shape(features))
    before, after = product_of(shape[:axis]), product_of(shape[axis + 1 :])
    orbits = fourier.index.shape[0]
    apart = ops.reshape(features, (before, fourier.frequencies, orbits, 2, after))
    spectrum = ops.reshape(ops.transpose(apart, (0, 2, 3, 1, 4)), (before * orbits, 2, fourier.frequencies, after))
    points = _backward(spectrum, fourier.grid, fourier.inverse)
    points = ops.reshape(points, (*shape[:axis], fourier.index.size, *shape[axis + 1 :]))
    if fourier.is_in_order:
        return points
    return reordered(points, np.argsort(fourier.index.ravel()), axis)


def kernel_transform(entries: FourierEntries, theta: Any, axis: int) -> Any:
    """Entries (frequency, output orbit, 2, input orbit, 2) in place of parameters on one axis."""
    shape = list(ops.shape(theta))
    before, after = product_of(shape[:axis]), product_of(shape[axis + 1 :])
    outputs, inputs, _ = entries.labels.shape
    rows = _taken(entries, theta, axis)
    spectrum = _forward(ops.reshape(rows, (before * outputs * inputs, *entries.grid, after)), entries.grid, False)
    spectrum = ops.reshape(spectrum, (before, outputs, inputs, 2, entries.frequencies, after))
    # A correlation: the conjugate multiplies.
    real, imaginary = spectrum[:, :, :, 0], -spectrum[:, :, :, 1]
    matrix = ops.stack([ops.stack([real, -imaginary], axis=3), ops.stack([imaginary, real], axis=3)], axis=3)
    # (before, outputs, inputs, row, column, frequency, after)
    found = ops.transpose(matrix, (0, 5, 1, 3, 2, 4, 6))
    return ops.reshape(found, (*shape[:axis], entries.shape[0], *shape[axis + 1 :]))


def correlate(entries: FourierEntries, pool: Fourier, spread: Fourier, features: Any, theta: Any) -> Any:
    """A whole part of one transform by the fast algorithm, in complex numbers.

    Args:
        entries, pool, spread: of the part.
        features: (batch, n, channels_in).
        theta: (rank, channels_in, channels_out), in the dtype of the variables.

    Returns:
        (batch, m, channels_out).
    """
    grid = entries.grid
    dtype = features.dtype
    channels_in, channels_out = theta.shape[1:]
    outputs, inputs, size = entries.labels.shape
    if not pool.is_in_order:
        features = reordered(features, pool.index.ravel(), 1)
    batch = ops.shape(features)[0]
    first = ops.transpose(ops.reshape(features, (batch, inputs, size, channels_in)), (0, 1, 3, 2))
    spectrum = spectrum_of(ops.reshape(first, (batch * inputs * channels_in, *grid)), grid)
    spectrum = arranged(spectrum, (batch, inputs * channels_in, entries.frequencies), (2, 0, 1))
    rows = ops.reshape(_taken(entries, theta, 0), (outputs, inputs, size, channels_in, channels_out))
    rows = ops.transpose(rows, (1, 3, 0, 4, 2))
    kernel = spectrum_of(ops.reshape(rows, (inputs * channels_in * outputs * channels_out, *grid)), grid)
    kernel = arranged(kernel, (inputs * channels_in, outputs * channels_out, entries.frequencies), (2, 1, 0))
    # A correlation: the conjugate multiplies, which the product takes on its way.
    mixed = product(spectrum, kernel)
    shape = entries.frequencies, batch, outputs * channels_out
    mixed = arranged(mixed, shape, (1, 2, 0), (batch * outputs * channels_out, entries.frequencies))
    points = ops.cast(ops.reshape(points_of(mixed, grid), (batch, outputs, channels_out, size)), dtype)
    points = ops.reshape(ops.transpose(points, (0, 1, 3, 2)), (batch, outputs * size, channels_out))
    if spread.is_in_order:
        return points
    return reordered(points, np.argsort(spread.index.ravel()), 1)


def _taken(entries: FourierEntries, theta: Any, axis: int) -> Any:
    index = entries.labels.ravel().astype(np.int32)
    if np.array_equal(index, np.arange(entries.rank)):
        return theta
    if index.min() < 0:
        # What a support leaves out reads a row of zeros.
        paddings = [(0, 0)] * len(theta.shape)
        paddings[axis] = (0, 1)
        theta, index = ops.pad(theta, paddings), index % (entries.rank + 1)
    return ops.take(theta, index, axis=axis)


def _forward(values: Any, grid: tuple[int, ...], weighted: bool) -> Any:
    """(rows, grid ..., after) to (rows, 2, frequencies, after)."""
    if not is_short(grid):
        return _forward_fast(values, grid, weighted)
    rows, after = ops.shape(values)[0], ops.shape(values)[-1]
    last = grid[-1]
    half = last // 2 + 1
    found = matmul(constant(_real(last), values), ops.reshape(values, (-1, last, after)))
    if len(grid) > 1:
        found = ops.reshape(found, (rows, prod(grid[:-1]), 2, half, after))
        found = ops.reshape(ops.transpose(found, (0, 2, 1, 3, 4)), (rows, 2, *grid[:-1], half * after))
        found = _complex_axes(found, grid, rows, lambda size: _complex(size))
    found = ops.reshape(found, (rows, 2, prod(grid[:-1]) * half, after))
    return found * constant(_weights(grid), values) if weighted else found


def _backward(spectrum: Any, grid: tuple[int, ...], weighted: bool) -> Any:
    """The transpose of `_forward`."""
    if not is_short(grid):
        return _backward_fast(spectrum, grid)
    rows, after = ops.shape(spectrum)[0], ops.shape(spectrum)[-1]
    last = grid[-1]
    half = last // 2 + 1
    found = spectrum * constant(_weights(grid), spectrum) if weighted else spectrum
    if len(grid) > 1:
        found = ops.reshape(found, (rows, 2, *grid[:-1], half * after))
        found = _complex_axes(found, grid, rows, lambda size: _complex(size).T)
        found = ops.reshape(found, (rows, 2, prod(grid[:-1]), half, after))
        found = ops.transpose(found, (0, 2, 1, 3, 4))
    found = ops.reshape(found, (-1, 2 * half, after))
    return ops.reshape(matmul(constant(_real(last).T, found), found), (rows, *grid, after))


def _forward_fast(values: Any, grid: tuple[int, ...], weighted: bool) -> Any:
    rows, after = ops.shape(values)[0], ops.shape(values)[-1]
    last = ops.transpose(ops.reshape(values, (rows, prod(grid), after)), (0, 2, 1))
    real, imaginary = pair_of(spectrum_of(ops.reshape(last, (-1, *grid)), grid))
    found = ops.reshape(ops.stack([real, imaginary], axis=1), (rows, after, 2, -1))
    found = ops.cast(ops.transpose(found, (0, 2, 3, 1)), values.dtype)
    return found * constant(_weights(grid), values) if weighted else found


def _backward_fast(spectrum: Any, grid: tuple[int, ...]) -> Any:
    """The transpose of the weighted transform, which undoes it."""
    rows, after = ops.shape(spectrum)[0], ops.shape(spectrum)[-1]
    turned = ops.transpose(spectrum, (0, 1, 3, 2))
    frequencies = prod(grid[:-1]) * (grid[-1] // 2 + 1)
    numbers = complex_of(*(ops.reshape(turned[:, part], (-1, frequencies)) for part in (0, 1)))
    points = ops.reshape(points_of(numbers, grid), (rows, after, prod(grid)))
    return ops.cast(ops.reshape(ops.transpose(points, (0, 2, 1)), (rows, *grid, after)), spectrum.dtype)


def _complex_axes(found: Any, grid: tuple[int, ...], rows: Any, matrix: Any) -> Any:
    """Transforms along all axes of a grid but the last, of (rows, 2, grid ..., rest)."""
    for axis, size in enumerate(grid[:-1]):
        inner, outer = prod(grid[axis + 1 : -1]), prod(grid[:axis])
        rest = found.shape[-1] if found.shape[-1] is not None else ops.shape(found)[-1]
        apart = ops.reshape(found, (rows, 2, outer, size, inner * rest))
        apart = ops.reshape(ops.transpose(apart, (0, 2, 1, 3, 4)), (-1, 2 * size, inner * rest))
        apart = matmul(constant(matrix(size), found), apart)
        apart = ops.transpose(ops.reshape(apart, (rows, outer, 2, size, inner * rest)), (0, 2, 1, 3, 4))
        found = ops.reshape(apart, (rows, 2, *grid[:-1], rest))
    return found


def _real(size: int) -> Any:
    """The transform of real numbers, (2 frequencies, size): real parts, then imaginary ones."""
    angles = 2 * np.pi * np.outer(np.arange(size // 2 + 1), np.arange(size)) / size
    return np.concatenate([np.cos(angles), -np.sin(angles)])


def _complex(size: int) -> Any:
    """The transform of complex numbers, (2 size, 2 size)."""
    angles = 2 * np.pi * np.outer(np.arange(size), np.arange(size)) / size
    cosine, sine = np.cos(angles), np.sin(angles)
    return np.block([[cosine, sine], [-sine, cosine]])


def _weights(grid: tuple[int, ...]) -> Any:
    return Fourier(grid, np.zeros((1, prod(grid)), dtype=np.intp), True).weights()[:, None]
