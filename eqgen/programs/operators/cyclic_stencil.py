"""The points at some offsets from every point of a grid whose axes are cyclic: their sum, or each alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from eqgen.common.arrays import Permutation
from eqgen.programs.machine import Work
from eqgen.programs.operators.index_table import IndexTable


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

    def matrix(self) -> npt.NDArray[np.int64]:
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
        return self.stencil.shape[0] * int(self.stencil.offsets.shape[0]), self.stencil.shape[1]

    @property
    def work(self) -> Work:
        return Work()

    @cached_property
    def table(self) -> IndexTable:
        """The same as a table of points."""
        summed = self.stencil.table
        return IndexTable(summed.index.reshape(-1, 1), None, summed.columns)

    def matrix(self) -> npt.NDArray[np.int64]:
        return self.table.matrix()

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
