"""The entries of a Fourier transform."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from eqgen.common.arrays import SignedLabels
from eqgen.programs.operators.fourier import transform_cost
from eqgen.programs.operators.protocol import Matrix


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
    def frequencies(self) -> int:
        """How many complex frequencies there are."""
        return math.prod(self.grid[:-1]) * (self.grid[-1] // 2 + 1)

    @property
    def shape(self) -> tuple[int, int]:
        return 4 * self.frequencies * int(math.prod(self.signed_labels.shape[:2])), self.rank

    @property
    def multiplications(self) -> int:
        return int(self.signed_labels.size) * transform_cost(self.grid)

    def of(self, theta: Matrix) -> Matrix:
        outputs, inputs, _ = self.signed_labels.shape
        # No sign is turned: the first row is that of no parameter.
        padded = np.concatenate([np.zeros((1, *theta.shape[1:]), dtype=theta.dtype), theta])
        rows = padded[self.signed_labels].reshape(outputs, inputs, *self.grid, *theta.shape[1:])
        spectrum = np.fft.rfftn(rows, axes=range(2, 2 + len(self.grid)))
        spectrum = spectrum.reshape(outputs, inputs, self.frequencies, *theta.shape[1:])
        # y[g] = sum over h of w[h - g] x[h] is a correlation: the conjugate multiplies.
        real, imaginary = spectrum.real, -spectrum.imag
        square = np.stack([np.stack([real, -imaginary]), np.stack([imaginary, real])])
        # (row, column, output, input, frequency, ...) to (frequency, output, row, input, column, ...)
        order = (4, 2, 0, 3, 1, *range(5, square.ndim))
        return square.transpose(order).reshape(-1, *theta.shape[1:])
