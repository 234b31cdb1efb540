"""Entries: the numbers that mix channels, as linear combinations of the parameters of the orbits."""

import math
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from eqgen.common.arrays import Integers, Reals, SignedLabels, signed_values
from eqgen.programs.operators.fourier import frequencies_of, transform_cost


class Entries(Protocol):
    """A linear map from parameters to the entries of a part's mixes, in the order of its sections."""

    @property
    def shape(self) -> tuple[int, int]:
        """(entries, rank)."""

    @property
    def multiplications(self) -> int:
        """How many multiply-adds it takes for each pair of channels."""

    def of(self, theta: np.ndarray) -> np.ndarray:
        """The entries, (entries, ...), for parameters of shape (rank, ...)."""


@dataclass(frozen=True, eq=False)
class GatherEntries:
    """Every entry is one parameter, its negative, or zero: the plain form.

    Attributes:
        signed_labels: (entries,).
        rank: how many parameters there are.
    """

    signed_labels: SignedLabels
    rank: int

    @property
    def shape(self) -> tuple[int, int]:
        return int(self.signed_labels.size), self.rank

    @property
    def multiplications(self) -> int:
        return 0

    def of(self, theta: np.ndarray) -> np.ndarray:
        return signed_values(theta, self.signed_labels)


@dataclass(frozen=True, eq=False)
class LinearCombination:
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
    def common_denominator(self) -> int:
        return math.lcm(*self.denominators.tolist())

    def of(self, theta: np.ndarray) -> np.ndarray:
        summed = np.tensordot(self.numerators.astype(theta.dtype), theta, axes=1)
        divisors = self.denominators.astype(theta.dtype).reshape(-1, *[1] * (summed.ndim - 1))
        # Whoever passes integers passes multiples of the common denominator.
        entries: np.ndarray = summed // divisors if np.issubdtype(theta.dtype, np.integer) else summed / divisors
        return entries


@dataclass(frozen=True, eq=False)
class FourierEntries:
    """The Fourier transform of every row of a kernel: real 2 x 2 matrices, (frequency, output orbit, 2, input orbit, 2).

    Attributes:
        grid: the orders of the cyclic factors.
        signed_labels: (output orbits, input orbits, size of the grid), the parameter that leads from the first point of an
            output orbit to the point at each place of an input orbit; 0 where a support leaves the pair out.
        rank: how many parameters there are.
    """

    grid: tuple[int, ...]
    signed_labels: SignedLabels
    rank: int

    @property
    def shape(self) -> tuple[int, int]:
        return 4 * frequencies_of(self.grid) * math.prod(self.signed_labels.shape[:2]), self.rank

    @property
    def multiplications(self) -> int:
        return int(self.signed_labels.size) * transform_cost(self.grid)

    def of(self, theta: np.ndarray) -> np.ndarray:
        outputs, inputs, _ = self.signed_labels.shape
        rows = signed_values(theta, self.signed_labels).reshape(outputs, inputs, *self.grid, *theta.shape[1:])
        spectrum = np.fft.rfftn(rows, axes=range(2, 2 + len(self.grid)))
        spectrum = spectrum.reshape(outputs, inputs, -1, *theta.shape[1:])
        # y[g] = sum over h of w[h - g] x[h] is a correlation: the conjugate multiplies.
        real, imaginary = spectrum.real, -spectrum.imag
        square = np.stack([np.stack([real, -imaginary]), np.stack([imaginary, real])])
        # (row, column, output, input, frequency, ...) to (frequency, output, row, input, column, ...)
        order = (4, 2, 0, 3, 1, *range(5, square.ndim))
        return square.transpose(order).reshape(-1, *theta.shape[1:])


@dataclass(frozen=True, eq=False)
class OrbitPairs:
    """The kernels between two classes of point orbits, and what transforms them.

    Attributes:
        signed_labels: (rank of the pair, output orbits, input orbits), the parameters of each pair of orbits; 0 where a sign
            forces zero or a support leaves pairs out.
        transform: (spectral entries, rank of the pair).
        places: (section, rows, columns, first row, first column) of what is consecutive in the spectral entries: rows and
            columns are multiplicities.
    """

    signed_labels: SignedLabels
    transform: Reals
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
        return sum(math.prod(pair.signed_labels.shape[1:]) * pair.transform.size for pair in self.pairs)

    def of(self, theta: np.ndarray) -> np.ndarray:
        rest = theta.shape[1:]
        sections = [np.zeros((outputs, inputs, *rest)) for outputs, inputs in self.sizes]
        for pair in self.pairs:
            spectral = np.tensordot(pair.transform, signed_values(theta, pair.signed_labels), axes=1)
            high, wide = pair.signed_labels.shape[1:]
            start = 0
            for section, rows, columns, top, left in pair.places:
                block = spectral[start : start + rows * columns].reshape(rows, columns, high, wide, *rest)
                block = np.swapaxes(block, 1, 2).reshape(rows * high, columns * wide, *rest)
                sections[section][top : top + rows * high, left : left + columns * wide] = block
                start += rows * columns
        return np.concatenate([section.reshape(-1, *rest) for section in sections])


def scaled_entries(entries: SpectralEntries, scale: Reals) -> SpectralEntries | None:
    """The same for parameters that are yet to be multiplied by a scale, (rank,).

    The parameters of one orbit of pairs between two classes have one row size, and so one scale; None where they have not.
    """
    pairs = []
    for pair in entries.pairs:
        # What is forced to zero may have any scale: it has 0 here.
        scales = signed_values(scale, np.abs(pair.signed_labels)).reshape(len(pair.signed_labels), -1)
        each = scales.max(axis=1, initial=0)
        if ((scales != each[:, None]) & (scales != 0)).any():
            return None
        pairs.append(replace(pair, transform=pair.transform * each))
    return replace(entries, pairs=tuple(pairs))
