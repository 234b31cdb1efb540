"""Index tables that are a reshape in disguise: they run without a gather, and cost less."""

from __future__ import annotations

import numpy as np

from eqgen.common.arrays import Permutation


def as_sum(index: Permutation, columns: int) -> tuple[int, int, int] | None:
    """(before, summed, after) where the table sums the middle axis of a grid of all points; None where it does not."""
    rows, width = index.shape
    if rows * width != columns or width == 1:
        return None
    after = int(index[0, 1] - index[0, 0])
    if after < 1 or rows % after:
        return None
    grid = np.arange(columns).reshape(rows // after, width, after)
    return grid.shape if np.array_equal(grid.transpose(0, 2, 1).reshape(rows, width), index) else None


def as_transposition(index: Permutation, columns: int) -> tuple[int, int] | None:
    """(rows, columns) of the grid that a table of one point a row transposes; None where it does something else."""
    if index.shape[1] != 1 or index.shape[0] != columns or columns < 4:
        return None
    step = int(index[1, 0] - index[0, 0])
    if step < 2 or columns % step or index[0, 0] != 0:
        return None
    grid = np.arange(columns).reshape(columns // step, step)
    return grid.shape if np.array_equal(grid.T.ravel(), index[:, 0]) else None


def is_strided(index: Permutation, columns: int) -> bool:
    """Whether one of these holds."""
    return as_sum(index, columns) is not None or as_transposition(index, columns) is not None
