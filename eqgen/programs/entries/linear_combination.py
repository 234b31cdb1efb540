"""Every entry is a rational combination of parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from eqgen.common.arrays import Integers
from eqgen.programs.entries.protocol import along_first
from eqgen.programs.operators.protocol import Matrix


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
    def common(self) -> int:
        """The common denominator."""
        return math.lcm(*self.denominators.tolist())

    def of(self, theta: Matrix) -> Matrix:
        summed = np.tensordot(self.numerators.astype(theta.dtype), theta, axes=1)
        divisors = along_first(self.denominators.astype(theta.dtype), summed)
        # Whoever passes integers passes multiples of the common denominator.
        entries: Matrix = summed // divisors if np.issubdtype(theta.dtype, np.integer) else summed / divisors
        return entries
