"""Every entry is one parameter: the plain form."""

from __future__ import annotations

from dataclasses import dataclass

from eqgen.common.arrays import SignedLabels, labels_of, signs_of
from eqgen.programs.entries.protocol import along_first
from eqgen.programs.operators.protocol import Matrix


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

    def of(self, theta: Matrix) -> Matrix:
        return theta[labels_of(self.signed_labels)] * along_first(
            signs_of(self.signed_labels).astype(theta.dtype), theta
        )
