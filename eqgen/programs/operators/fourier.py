"""The Fourier transform of every orbit of an abelian group."""

import math
from dataclasses import dataclass

import numpy as np

from eqgen.common.arrays import Permutation, Reals
from eqgen.programs.prices import Work

LONGEST_PRODUCT = 128
"""Up to this length a transform is a matrix product: it is as fast as the fast algorithm there, and XLA compiles it well."""


def is_short(grid: tuple[int, ...]) -> bool:
    """Whether a transform over this grid is done by matrix products, an axis at a time."""
    return max(grid) <= LONGEST_PRODUCT


def transform_cost(grid: tuple[int, ...]) -> int:
    """The multiply-adds of a real transform for each point."""
    if is_short(grid):
        return grid[-1] + 1 + 2 * sum(grid[:-1])
    return 2 * math.ceil(math.log2(math.prod(grid)))


def frequencies_of(grid: tuple[int, ...]) -> int:
    """How many complex frequencies a real transform over this grid has."""
    return math.prod(grid[:-1]) * (grid[-1] // 2 + 1)


@dataclass(frozen=True, eq=False)
class Fourier:
    """The Fourier transform of every orbit of an abelian group that acts on each of them regularly.

    Rows are (frequency, orbit, real or imaginary part); the frequencies are those of `numpy.fft.rfftn`.

    Attributes:
        grid: the orders of the cyclic factors.
        index: (orbits, size of the grid), the points at the places of the grid, row-major.
        inverse: whether the transpose is to undo the transform, so that every frequency has its weight.
    """

    grid: tuple[int, ...]
    index: Permutation
    inverse: bool

    @property
    def shape(self) -> tuple[int, int]:
        return 2 * frequencies_of(self.grid) * int(self.index.shape[0]), int(self.index.size)

    @property
    def work(self) -> Work:
        multiplied = int(self.index.size) * transform_cost(self.grid)
        in_order = np.array_equal(self.index.ravel(), np.arange(self.index.size))
        return Work(multiplied, 0 if in_order else int(self.index.size), 1, multiplied)

    def weights(self) -> Reals:
        """What every frequency counts in the inverse, (frequencies,)."""
        last = self.grid[-1]
        # A frequency that is not its own conjugate stands for both.
        counted = np.where(np.arange(last // 2 + 1) * 2 % last == 0, 1.0, 2.0)
        return np.tile(counted, math.prod(self.grid[:-1])) / math.prod(self.grid)

    def of(self, features: np.ndarray) -> np.ndarray:
        """The rows for features of shape (batch, points, channels): what the matrix does, and no matrix."""
        orbits = self.index.shape[0]
        taken = features[:, self.index].reshape(len(features), orbits, *self.grid, features.shape[-1])
        spectrum = np.fft.rfftn(taken, axes=range(2, 2 + len(self.grid)))
        spectrum = spectrum.reshape(len(features), orbits, frequencies_of(self.grid), features.shape[-1])
        rows = np.stack([spectrum.real, spectrum.imag], axis=2)
        if self.inverse:
            rows = rows * self.weights()[:, None]
        return rows.transpose(0, 3, 1, 2, 4).reshape(len(features), -1, features.shape[-1])

    def back(self, rows: np.ndarray) -> np.ndarray:
        """The transpose, of an inverse: the points for rows of shape (batch, rows, channels)."""
        assert self.inverse
        orbits = len(self.index)
        apart = rows.reshape(len(rows), frequencies_of(self.grid), orbits, 2, rows.shape[-1]).transpose(0, 2, 3, 1, 4)
        spectrum = (apart[:, :, 0] + 1j * apart[:, :, 1]).reshape(
            len(rows), orbits, *self.grid[:-1], self.grid[-1] // 2 + 1, rows.shape[-1]
        )
        points = np.fft.irfftn(spectrum, s=self.grid, axes=range(2, 2 + len(self.grid)))
        return points.reshape(len(rows), -1, rows.shape[-1])[:, np.argsort(self.index.ravel())]

    def matrix(self) -> np.ndarray:
        rows: np.ndarray = self.of(np.eye(self.index.size)[None])[0]
        return rows
