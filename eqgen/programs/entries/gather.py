"""Every entry is one parameter: the plain form."""

from __future__ import annotations

from dataclasses import dataclass

from eqgen.common.arrays import Labels, SignedLabels, Signs, labels_of, signs_of
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
    def labels(self) -> Labels:
        """The parameter of each entry, -1 for none."""
        return labels_of(self.signed_labels)

    @property
    def signs(self) -> Signs:
        """Its sign, 0 where there is none."""
        return signs_of(self.signed_labels)

    @property
    def shape(self) -> tuple[int, int]:
        return int(self.signed_labels.size), self.rank

    @property
    def multiplications(self) -> int:
        return 0

    def of(self, theta: Matrix) -> Matrix:
        return theta[self.labels] * along_first(self.signs.astype(theta.dtype), theta)
