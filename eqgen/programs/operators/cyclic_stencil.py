"""The points at some offsets from every point of a grid whose axes are cyclic: their sum, or each alone.

Orbits of pairs that read the same offsets from every point are such stencils in disguise.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from eqgen.common.arrays import Labels, Permutation
from eqgen.programs.operators.index_table import IndexTable
from eqgen.programs.operators.operator import Operator
from eqgen.programs.prices import Work

MOST_OFFSETS = 64
"""Wider orbits of pairs are no stencils."""

MOST_AXES = 3
"""Backends convolve over up to three axes."""


@dataclass(frozen=True, eq=False)
class CyclicStencil:
    """Every row is the sum of the points at some offsets from it, on a grid whose axes are cyclic: a stencil.

    Attributes:
        grid: the lengths of the cyclic axes; points are numbered row-major.
        offsets: (points in a row, axes), each between 0 and the length of its axis.
    """

    grid: tuple[int, ...]
    offsets: Permutation

    @property
    def shape(self) -> tuple[int, int]:
        return math.prod(self.grid), math.prod(self.grid)

    @property
    def work(self) -> Work:
        return Work(moved=self.shape[0] * int(self.offsets.shape[0]), started=1)

    @cached_property
    def table(self) -> IndexTable:
        """The same as a table of points."""
        places = np.stack(np.unravel_index(np.arange(self.shape[0]), self.grid), axis=-1)
        moved = (places[:, None, :] + self.offsets[None]) % np.array(self.grid)
        return IndexTable(np.ravel_multi_index(tuple(np.moveaxis(moved, -1, 0)), self.grid), None, self.shape[1])

    def matrix(self) -> np.ndarray:
        return self.table.matrix()


@dataclass(frozen=True, eq=False)
class Unfold:
    """The points at some offsets from every point, each on a row of its own, on a grid whose axes are cyclic.

    Rows are ordered (point, offset): what a convolution reads.

    Attributes:
        stencil: the grid and the offsets.
    """

    stencil: CyclicStencil

    @property
    def shape(self) -> tuple[int, int]:
        points = math.prod(self.stencil.grid)
        return points * len(self.stencil.offsets), points

    @property
    def work(self) -> Work:
        return Work()

    def matrix(self) -> np.ndarray:
        return IndexTable(self.stencil.table.index.reshape(-1, 1), None, self.shape[1]).matrix()

    @cached_property
    def steps(self) -> Permutation:
        """The offsets as the shortest ways there, forwards or backwards, (offsets, axes)."""
        sizes = np.array(self.stencil.grid)
        steps: Permutation = (self.stencil.offsets + sizes // 2) % sizes - sizes // 2
        return steps

    @property
    def window(self) -> tuple[int, ...]:
        """The smallest box that holds all offsets."""
        return tuple((np.ptp(self.steps, axis=0) + 1).tolist())


def as_stencil(operator: Operator, grid: tuple[int, ...]) -> Operator:
    """The same operator as a stencil on the grid that the points fill, where it is one; on others of two axes, too."""
    if not isinstance(operator, IndexTable) or operator.signs is not None or operator.shape[0] != operator.shape[1]:
        return operator
    return stencil(operator.index, grid) or operator


def stencil(index: Permutation, grid: tuple[int, ...]) -> CyclicStencil | None:
    """The stencil that reads these points, (points, offsets), in each row in any order; its own order is that of row 0."""
    if not 2 <= index.shape[1] <= MOST_OFFSETS:
        return None
    size = index.shape[0]
    # The rows of points 0 and 1 tell most grids apart before whole tables are made.
    for shape in [grid, *((size // width, width) for width in range(2, size // 2 + 1) if size % width == 0)]:
        if math.prod(shape) != size:
            continue
        offsets = np.stack(np.unravel_index(index[0], shape), axis=-1)
        second = (np.array(np.unravel_index(1, shape)) + offsets) % np.array(shape)
        if set(np.ravel_multi_index(tuple(second.T), shape).tolist()) != set(index[1].tolist()):
            continue
        candidate = CyclicStencil(shape, offsets)
        if np.array_equal(np.sort(candidate.table.index, axis=1), np.sort(index, axis=1)):
            return candidate
    return None


def as_windows(index: Permutation, labels: Labels, grid: tuple[int, ...]) -> Unfold | None:
    """What a convolution reads, where every point has neighbours of the same labels at the same offsets on a grid.

    Both tables are (points, neighbours), in each row in the same order of the labels.
    """
    offsets = stencil(index, grid)
    if offsets is None or len(offsets.grid) > MOST_AXES:
        return None
    there, here = (np.argsort(table, axis=1) for table in (offsets.table.index, index))
    if not np.array_equal(labels[0][there], np.take_along_axis(labels, here, axis=1)):
        return None
    windows = Unfold(offsets)
    # A window with as many holes as points takes longer than to gather the points.
    return windows if math.prod(windows.window) < 2 * index.shape[1] else None
