"""What every form of labels can say, whether or not it holds a table."""

from typing import Protocol

import numpy as np

from eqgen.common.arrays import Integers, Permutation, SignedLabels
from eqgen.orbitals.label_table import LabelTable


class OrbitalMatrix(Protocol):
    """The orbits of m x n pairs, numbered, with signs; 0 where zero is forced or a support leaves a pair out."""

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n)."""

    @property
    def rank(self) -> int:
        """How many orbits there are."""

    @property
    def subdegrees(self) -> Integers:
        """How many entries of each orbit stand in one row that it meets, (rank,)."""

    @property
    def representatives(self) -> Permutation:
        """The first (output, input) pair of each orbit in row-major order, (rank, 2)."""

    @property
    def row_representatives(self) -> Permutation:
        """Rows of which every other row is a rearrangement, in order."""

    @property
    def row_orbit_sizes(self) -> Integers:
        """How many rows each row representative stands for, (row representatives,)."""

    def at(self, rows: Permutation, columns: Permutation) -> SignedLabels:
        """Signed labels where some rows and columns cross, (rows, columns)."""

    def table(self) -> LabelTable:
        """All of them as a table; its memory is the caller's care."""


def orbit_sizes(matrix: OrbitalMatrix) -> Integers:
    """How many pairs each orbit has, (rank,)."""
    return matrix.subdegrees * matrix.row_orbit_sizes[_rows(matrix)]


def orbitals_per_row(matrix: OrbitalMatrix) -> Integers:
    """How many orbits stand in a row that each meets, (rank,)."""
    rows = _rows(matrix)
    return np.bincount(rows, minlength=1)[rows]


def _rows(matrix: OrbitalMatrix) -> Permutation:
    """The number of the row representative that each orbit meets: no orbit meets two."""
    return np.searchsorted(matrix.row_representatives, matrix.representatives[:, 0])
