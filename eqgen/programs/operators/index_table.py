"""Sums of a few points, with signs; some tables are a reshape in disguise: they run without a gather, and cost less."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from eqgen.common.arrays import Permutation, Signs
from eqgen.programs.operators.operator import Identity, Operator
from eqgen.programs.prices import Work


@dataclass(frozen=True, eq=False)
class IndexTable:
    """Every row is the sum of equally many points, with signs.

    Attributes:
        index: (rows, points in a row), the numbers of the points.
        signs: of the same shape, int8, or None where all are +.
        columns: how many points there are.
    """

    index: Permutation
    signs: Signs | None
    columns: int

    @property
    def shape(self) -> tuple[int, int]:
        return int(self.index.shape[0]), self.columns

    @cached_property
    def work(self) -> Work:
        kind = "moved" if as_sum(self) or as_transposition(self) else "out_of_place"
        return Work(started=1, **{kind: int(self.index.size)})

    def matrix(self) -> np.ndarray:
        matrix = np.zeros(self.shape, dtype=np.int64)
        rows = np.broadcast_to(np.arange(self.index.shape[0])[:, None], self.index.shape)
        np.add.at(matrix, (rows, self.index), 1 if self.signs is None else self.signs.astype(np.int64))
        return matrix


def summing(index: Permutation, signs: Signs | None, columns: int) -> Operator:
    """The operator whose rows sum some points, (rows, points in a row) each; what moves nothing is the identity."""
    if signs is not None and not (signs < 0).any():
        signs = None
    if signs is None and np.array_equal(index, np.arange(columns)[:, None]):
        return Identity(columns)
    return IndexTable(index, signs, columns)


def as_sum(table: IndexTable) -> tuple[int, int, int] | None:
    """(before, summed, after) where the table sums the middle axis of a grid of all points; None where it does not."""
    index, columns = table.index, table.columns
    rows, width = index.shape
    if table.signs is not None or rows * width != columns or width == 1:
        return None
    after = int(index[0, 1] - index[0, 0])
    if after < 1 or rows % after:
        return None
    grid = np.arange(columns).reshape(rows // after, width, after)
    return grid.shape if np.array_equal(grid.transpose(0, 2, 1).reshape(rows, width), index) else None


def as_transposition(table: IndexTable) -> tuple[int, int] | None:
    """(rows, columns) of the grid that a table of one point a row transposes; None where it does something else."""
    index, columns = table.index, table.columns
    if table.signs is not None or index.shape != (columns, 1) or columns < 4:
        return None
    step = int(index[1, 0] - index[0, 0])
    if step < 2 or columns % step or index[0, 0] != 0:
        return None
    grid = np.arange(columns).reshape(columns // step, step)
    return grid.shape if np.array_equal(grid.T.ravel(), index[:, 0]) else None
