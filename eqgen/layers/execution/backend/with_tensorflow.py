"""On TensorFlow, which has fast transforms along the last axis."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from math import prod
from typing import Any

import tensorflow as tf


def double_precision() -> AbstractContextManager[None]:
    return nullcontext()


def widest_dtype() -> str:
    return "float64"


def spectrum_of(values: Any, grid: tuple[int, ...]) -> Any:
    # There is no transform in half precision.
    values = values if values.dtype == tf.float64 else tf.cast(values, tf.float32)
    if len(grid) == 1:
        return tf.signal.rfft(values)
    spectrum = tf.cast(tf.signal.rfft(values), tf.complex128 if values.dtype == tf.float64 else tf.complex64)
    for axis in range(1, len(grid)):
        order = _to_last(axis, len(grid))
        spectrum = tf.transpose(tf.signal.fft(tf.transpose(spectrum, order)), order)
    return tf.reshape(spectrum, (tf.shape(values)[0], prod(grid[:-1]) * (grid[-1] // 2 + 1)))


def points_of(spectrum: Any, grid: tuple[int, ...]) -> Any:
    spectrum = tf.reshape(spectrum, (tf.shape(spectrum)[0], *grid[:-1], grid[-1] // 2 + 1))
    for axis in range(1, len(grid)):
        order = _to_last(axis, len(grid))
        spectrum = tf.transpose(tf.signal.ifft(tf.transpose(spectrum, order)), order)
    points = tf.signal.irfft(spectrum, [grid[-1]])
    return tf.reshape(points, (tf.shape(points)[0], prod(grid)))


def pair_of(spectrum: Any) -> tuple[Any, Any]:
    return tf.math.real(spectrum), tf.math.imag(spectrum)


def complex_of(real: Any, imaginary: Any) -> Any:
    if real.dtype != tf.float64:
        real, imaginary = tf.cast(real, tf.float32), tf.cast(imaginary, tf.float32)
    return tf.complex(real, imaginary)


def arranged(values: Any, before: tuple[Any, ...], order: tuple[int, ...], after: tuple[Any, ...] | None = None) -> Any:
    found = tf.transpose(tf.reshape(values, before), order)
    return found if after is None else tf.reshape(found, after)


def product(one: Any, other: Any) -> Any:
    return tf.matmul(one, other, adjoint_b=True)


def _to_last(axis: int, count: int) -> list[int]:
    order = list(range(count + 1))
    order[axis], order[-1] = order[-1], order[axis]
    return order
