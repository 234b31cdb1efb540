"""What every form of labels can say, whether or not it holds a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from eqgen.common.arrays import Integers, Labels, Permutation, Signs

if TYPE_CHECKING:
    from eqgen.orbitals.dense import LabelTable


class PairLabels(Protocol):
    """The orbits of m x n pairs, numbered; -1 where zero is forced or a support leaves a pair out."""

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n)."""

    @property
    def rank(self) -> int:
        """How many orbits there are."""

    @property
    def signed(self) -> bool:
        """Whether entries may be negative or zero."""

    @property
    def sizes(self) -> Integers:
        """How many pairs each orbit has, (rank,)."""

    @property
    def subdegrees(self) -> Integers:
        """How many entries of each orbit stand in one row that it meets, (rank,)."""

    @property
    def orbitals_per_row(self) -> Integers:
        """How many orbits stand in a row that each meets, (rank,)."""

    @property
    def representatives(self) -> Permutation:
        """The first (output, input) pair of each orbit in row-major order, (rank, 2)."""

    @property
    def row_representatives(self) -> Permutation:
        """Rows of which every other row is a rearrangement, in order."""

    @property
    def row_orbit_sizes(self) -> Integers:
        """How many rows each key row stands for, (key rows,)."""

    def at(self, rows: Permutation, columns: Permutation) -> tuple[Labels, Signs]:
        """Labels and signs where some rows and columns cross, (rows, columns) each."""

    def table(self) -> LabelTable:
        """All of them as a table; its memory is the caller's care."""
