"""On JAX."""

from __future__ import annotations

from contextlib import AbstractContextManager
from math import prod
from typing import Any

import jax
import jax.numpy as jnp


def double_precision() -> AbstractContextManager[Any]:
    enabled: AbstractContextManager[Any] = jax.enable_x64(True)
    return enabled


def widest_dtype() -> str:
    return "float64" if jax.config.jax_enable_x64 else "float32"


def spectrum_of(values: Any, grid: tuple[int, ...]) -> Any:
    # There is no transform in half precision.
    values = values if values.dtype == jnp.float64 else values.astype(jnp.float32)
    return jnp.fft.rfftn(values, axes=range(1, 1 + len(grid))).reshape(
        values.shape[0], prod(grid[:-1]) * (grid[-1] // 2 + 1)
    )


def points_of(spectrum: Any, grid: tuple[int, ...]) -> Any:
    apart = spectrum.reshape(spectrum.shape[0], *grid[:-1], grid[-1] // 2 + 1)
    points = jnp.fft.irfftn(apart, s=grid, axes=range(1, 1 + len(grid)))
    return points.reshape(points.shape[0], prod(grid))


def pair_of(spectrum: Any) -> tuple[Any, Any]:
    return spectrum.real, spectrum.imag


def complex_of(real: Any, imaginary: Any) -> Any:
    if real.dtype != jnp.float64:
        real, imaginary = real.astype(jnp.float32), imaginary.astype(jnp.float32)
    return real + 1j * imaginary


def arranged(values: Any, before: tuple[Any, ...], order: tuple[int, ...], after: tuple[Any, ...] | None = None) -> Any:
    found = values.reshape(before).transpose(order)
    return found if after is None else found.reshape(after)


def product(one: Any, other: Any) -> Any:
    return one @ jnp.conj(jnp.swapaxes(other, -1, -2))
