"""Every entry is one parameter: the plain form."""

from __future__ import annotations

from dataclasses import dataclass

from eqgen.common.arrays import Labels, Signs
from eqgen.programs.entries.protocol import along_first
from eqgen.programs.operators.protocol import Matrix


@dataclass(frozen=True, eq=False)
class GatherEntries:
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
        return theta[self.labels] * along_first(self.signs.astype(theta.dtype), theta)
