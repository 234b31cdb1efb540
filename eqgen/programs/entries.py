"""Entries: the numbers that mix channels, as linear combinations of the parameters of the orbits."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from eqgen.common.arrays import Integers, Labels, Signs
from eqgen.programs.operators import Matrix, transform_cost


class Entries(Protocol):
    """A linear map from parameters to the entries of a part's mixes, in the order of its sections."""

    @property
    def shape(self) -> tuple[int, int]:
        """(entries, rank)."""

    @property
    def multiplications(self) -> int:
        """How many multiply-adds it takes for each pair of channels."""

    def of(self, theta: Matrix) -> Matrix:
        """The entries, (entries, ...), for parameters of shape (rank, ...)."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """Every entry is one parameter, its negative, or zero: the plain form.

    Attributes:
        labels: (entries,), -1 for zero.
        signs: (entries,) int8, 0 for zero.
        rank: how many parameters there are.
    """

    labels: Labels
    signs: Signs
    rank: int

    @property
    def shape(self) -> tuple[int, int]:
        return int(self.labels.size), self.rank

    @property
    def multiplications(self) -> int:
        return 0

    def of(self, theta: Matrix) -> Matrix:
        return theta[self.labels] * _along_first(self.signs.astype(theta.dtype), theta)


@dataclass(frozen=True, eq=False)
class Combination:
    """Exact rational combinations of a few parameters.

    Attributes:
        numerators: (entries, rank).
        denominators: (entries,), positive.
    """

    numerators: Integers
    denominators: Integers

    @property
    def shape(self) -> tuple[int, int]:
        return int(self.numerators.shape[0]), int(self.numerators.shape[1])

    @property
    def multiplications(self) -> int:
        return int(self.numerators.size)

    @property
    def common(self) -> int:
        """The common denominator."""
        return math.lcm(*self.denominators.tolist())

    def of(self, theta: Matrix) -> Matrix:
        summed = np.tensordot(self.numerators.astype(theta.dtype), theta, axes=1)
        divisors = _along_first(self.denominators.astype(theta.dtype), summed)
        # Whoever passes integers passes multiples of the common denominator.
        found: Matrix = summed // divisors if np.issubdtype(theta.dtype, np.integer) else summed / divisors
        return found


@dataclass(frozen=True, eq=False)
class FourierEntries:
    """The Fourier transform of every row of a kernel: real 2 x 2 matrices, (frequency, output orbit, 2, input orbit, 2).

    Attributes:
        grid: the orders of the cyclic factors.
        labels: (output orbits, input orbits, size of the grid), the parameter that leads from the first point of an output
            orbit to the point at each place of an input orbit; -1 where a support leaves the pair out.
        rank: how many parameters there are.
    """

    grid: tuple[int, ...]
    labels: Labels
    rank: int

    @property
    def frequencies(self) -> int:
        """How many complex frequencies there are."""
        return math.prod(self.grid[:-1]) * (self.grid[-1] // 2 + 1)

    @property
    def shape(self) -> tuple[int, int]:
        return 4 * self.frequencies * int(math.prod(self.labels.shape[:2])), self.rank

    @property
    def multiplications(self) -> int:
        return int(self.labels.size) * transform_cost(self.grid)

    def of(self, theta: Matrix) -> Matrix:
        outputs, inputs, _ = self.labels.shape
        padded = np.concatenate([theta, np.zeros((1, *theta.shape[1:]), dtype=theta.dtype)])
        rows = padded[self.labels].reshape(outputs, inputs, *self.grid, *theta.shape[1:])
        spectrum = np.fft.rfftn(rows, axes=range(2, 2 + len(self.grid)))
        spectrum = spectrum.reshape(outputs, inputs, self.frequencies, *theta.shape[1:])
        # y[g] = sum over h of w[h - g] x[h] is a correlation: the conjugate multiplies.
        real, imaginary = spectrum.real, -spectrum.imag
        found = np.stack([np.stack([real, -imaginary]), np.stack([imaginary, real])])
        # (row, column, output, input, frequency, ...) to (frequency, output, row, input, column, ...)
        order = (4, 2, 0, 3, 1, *range(5, found.ndim))
        return found.transpose(order).reshape(-1, *theta.shape[1:])


@dataclass(frozen=True, eq=False)
class OrbitPairs:
    """The kernels between two classes of point orbits, and what transforms them.

    Attributes:
        labels: (rank of the pair, output orbits, input orbits), the parameters of each pair of orbits.
        signs: of the same shape, int8, 0 where a sign forces zero or a support leaves pairs out.
        transform: (spectral entries, rank of the pair).
        places: (section, rows, columns, first row, first column) of what is consecutive in the spectral entries: rows and
            columns are multiplicities.
    """

    labels: Labels
    signs: Signs
    transform: npt.NDArray[np.float64]
    places: tuple[tuple[int, int, int, int, int], ...]


@dataclass(frozen=True, eq=False)
class SpectralEntries:
    """Block-diagonal over pairs of point orbits: the kernel of each pair is transformed alone.

    A section's rows and columns are ordered (class, multiplicity, orbit).

    Attributes:
        pairs: for each output class and each input class.
        sizes: for each section (outputs, inputs).
        rank: how many parameters there are.
    """

    pairs: tuple[OrbitPairs, ...]
    sizes: tuple[tuple[int, int], ...]
    rank: int

    @property
    def shape(self) -> tuple[int, int]:
        return sum(outputs * inputs for outputs, inputs in self.sizes), self.rank

    @property
    def multiplications(self) -> int:
        return sum(math.prod(pair.labels.shape[1:]) * pair.transform.size for pair in self.pairs)

    def of(self, theta: Matrix) -> Matrix:
        rest = theta.shape[1:]
        sections = [np.zeros((outputs, inputs, *rest)) for outputs, inputs in self.sizes]
        for pair in self.pairs:
            taken = theta[pair.labels] * pair.signs.reshape(*pair.signs.shape, *[1] * len(rest))
            spectral = np.tensordot(pair.transform, taken, axes=1)
            high, wide = pair.labels.shape[1:]
            start = 0
            for section, rows, columns, top, left in pair.places:
                block = spectral[start : start + rows * columns].reshape(rows, columns, high, wide, *rest)
                block = np.swapaxes(block, 1, 2).reshape(rows * high, columns * wide, *rest)
                sections[section][top : top + rows * high, left : left + columns * wide] = block
                start += rows * columns
        return np.concatenate([section.reshape(-1, *rest) for section in sections])


def scaled_entries(entries: SpectralEntries, scale: npt.NDArray[np.float64]) -> SpectralEntries | None:
    """The same for parameters that are yet to be multiplied by a scale, (rank,).

    The parameters of one orbit of pairs between two classes have one row size, and so one scale; None where they have not.
    """
    pairs = []
    for pair in entries.pairs:
        # What is forced to zero may have any scale.
        found = np.where(pair.signs != 0, scale[pair.labels], 0).reshape(len(pair.labels), -1)
        each = found.max(axis=1, initial=0)
        if ((found != each[:, None]) & (found != 0)).any():
            return None
        pairs.append(replace(pair, transform=pair.transform * each))
    return replace(entries, pairs=tuple(pairs))


def _along_first(values: Matrix, like: Matrix) -> Matrix:
    return values.reshape(-1, *[1] * (like.ndim - 1))
