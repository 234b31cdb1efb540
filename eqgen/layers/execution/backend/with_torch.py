"""On PyTorch."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from math import prod
from typing import Any

import torch


def double_precision() -> AbstractContextManager[None]:
    return nullcontext()


def widest_dtype() -> str:
    return "float64"


def spectrum_of(values: Any, grid: tuple[int, ...]) -> Any:
    # There is no transform in half precision.
    values = values if values.dtype == torch.float64 else values.to(torch.float32)
    return torch.fft.rfftn(values, dim=tuple(range(1, 1 + len(grid)))).reshape(
        values.shape[0], prod(grid[:-1]) * (grid[-1] // 2 + 1)
    )


def points_of(spectrum: Any, grid: tuple[int, ...]) -> Any:
    apart = spectrum.reshape(spectrum.shape[0], *grid[:-1], grid[-1] // 2 + 1)
    points = torch.fft.irfftn(apart, s=grid, dim=tuple(range(1, 1 + len(grid))))
    return points.reshape(points.shape[0], prod(grid))


def pair_of(spectrum: Any) -> tuple[Any, Any]:
    return spectrum.real, spectrum.imag


def complex_of(real: Any, imaginary: Any) -> Any:
    if real.dtype != torch.float64:
        real, imaginary = real.to(torch.float32), imaginary.to(torch.float32)
    return torch.complex(real, imaginary)


def arranged(values: Any, before: tuple[Any, ...], order: tuple[int, ...], after: tuple[Any, ...] | None = None) -> Any:
    found = values.reshape(before).permute(order)
    return found if after is None else found.reshape(after)


def product(one: Any, other: Any) -> Any:
    return one @ other.transpose(-1, -2).conj()
