"""Operators: the small linear maps that pools and spreads are made of. A spread is the transpose of one of these.

The rows of an operator are those of a smaller or a transformed space, its columns the points of an input or output space.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from eqgen.common.arrays import Integers, Permutation, Signs

Matrix = npt.NDArray[Any]


class Operator(Protocol):
    """A linear map from the points of a space."""

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""

    @property
    def additions(self) -> int:
        """How many numbers are read and added up for each channel; 0 where nothing moves."""

    @property
    def multiplications(self) -> int:
        """How many numbers are multiplied for each channel."""

    def matrix(self) -> Matrix:
        """The map as a matrix: of integers where it is exact."""


@dataclass(frozen=True, eq=False)
class Identity:
    """Every point alone.

    Attributes:
        size: how many points there are.
    """

    size: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.size, self.size

    @property
    def additions(self) -> int:
        return 0

    @property
    def multiplications(self) -> int:
        return 0

    def matrix(self) -> npt.NDArray[np.int64]:
        return np.eye(self.size, dtype=np.int64)


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

    @property
    def additions(self) -> int:
        return int(self.index.size)

    @property
    def multiplications(self) -> int:
        return 0

    def matrix(self) -> npt.NDArray[np.int64]:
        found = np.zeros(self.shape, dtype=np.int64)
        rows = np.broadcast_to(np.arange(self.index.shape[0])[:, None], self.index.shape)
        np.add.at(found, (rows, self.index), 1 if self.signs is None else self.signs.astype(np.int64))
        return found


@dataclass(frozen=True, eq=False)
class Shifts:
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
    def additions(self) -> int:
        return self.shape[0] * int(self.offsets.shape[0])

    @property
    def multiplications(self) -> int:
        return 0

    @cached_property
    def table(self) -> IndexTable:
        """The same as a table of points."""
        places = np.stack(np.unravel_index(np.arange(self.shape[0]), self.grid), axis=-1)
        moved = (places[:, None, :] + self.offsets[None]) % np.array(self.grid)
        return IndexTable(np.ravel_multi_index(tuple(np.moveaxis(moved, -1, 0)), self.grid), None, self.shape[1])

    def matrix(self) -> npt.NDArray[np.int64]:
        return self.table.matrix()


@dataclass(frozen=True, eq=False)
class Windows:
    """The points at some offsets from every point, each on a row of its own, on a grid whose axes are cyclic.

    Rows are ordered (point, offset): what a convolution reads.

    Attributes:
        stencil: the grid and the offsets.
    """

    stencil: Shifts

    @property
    def shape(self) -> tuple[int, int]:
        return self.stencil.additions, self.stencil.shape[1]

    @property
    def additions(self) -> int:
        return 0

    @property
    def multiplications(self) -> int:
        return 0

    @cached_property
    def table(self) -> IndexTable:
        """The same as a table of points."""
        found = self.stencil.table
        return IndexTable(found.index.reshape(-1, 1), None, found.columns)

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


@dataclass(frozen=True, eq=False)
class Chain:
    """One operator after another: a coarse pool that reads a finer one.

    Attributes:
        first: reads the points.
        later: reads what `first` made of them.
    """

    first: Operator
    later: Operator

    @property
    def shape(self) -> tuple[int, int]:
        return self.later.shape[0], self.first.shape[1]

    @property
    def additions(self) -> int:
        # What is read is there for another term.
        return self.later.additions

    @property
    def multiplications(self) -> int:
        return self.later.multiplications

    def matrix(self) -> Matrix:
        return self.later.matrix() @ self.first.matrix()


@dataclass(frozen=True, eq=False)
class Stack:
    """Several operators to one space, laid side by side: row (point, number of the operator).

    Attributes:
        parts: the operators.
    """

    parts: tuple[Operator, ...]

    @property
    def shape(self) -> tuple[int, int]:
        rows, columns = self.parts[0].shape
        return rows * len(self.parts), columns

    @property
    def additions(self) -> int:
        return sum(part.additions for part in self.parts)

    @property
    def multiplications(self) -> int:
        return sum(part.multiplications for part in self.parts)

    def matrix(self) -> Matrix:
        found = np.stack([part.matrix() for part in self.parts], axis=1)
        return found.reshape(self.shape)


LONGEST_PRODUCT = 128
"""Up to this length a transform is a matrix product: it is as fast as the fast algorithm there, and XLA compiles it well."""


def is_short(grid: tuple[int, ...]) -> bool:
    """Whether a transform over this grid is done by matrix products, an axis at a time."""
    return max(grid) <= LONGEST_PRODUCT


def transform_cost(grid: tuple[int, ...]) -> int:
    """The multiply-adds of a real transform for each point."""
    if is_short(grid):
        return grid[-1] + 1 + 2 * sum(grid[:-1])
    return 2 * math.ceil(math.log2(math.prod(grid)))


@dataclass(frozen=True, eq=False)
class Fourier:
    """The Fourier transform of every orbit of an abelian group that acts on each of them regularly.

    Rows are (frequency, orbit, real or imaginary part); the frequencies are those of `numpy.fft.rfftn`.

    Attributes:
        grid: the orders of the cyclic factors.
        index: (orbits, size of the grid), the points at the places of the grid, row-major.
        inverse: whether the transpose is to undo the transform, so that every frequency has its weight.
    """

    grid: tuple[int, ...]
    index: Permutation
    inverse: bool

    @property
    def frequencies(self) -> int:
        """How many complex frequencies there are."""
        return math.prod(self.grid[:-1]) * (self.grid[-1] // 2 + 1)

    @property
    def shape(self) -> tuple[int, int]:
        return 2 * self.frequencies * int(self.index.shape[0]), int(self.index.size)

    @property
    def is_in_order(self) -> bool:
        """Whether the points stand in the order of the grid."""
        return np.array_equal(self.index.ravel(), np.arange(self.index.size))

    @property
    def additions(self) -> int:
        return 0 if self.is_in_order else int(self.index.size)

    @property
    def multiplications(self) -> int:
        return int(self.index.size) * transform_cost(self.grid)

    def weights(self) -> npt.NDArray[np.float64]:
        """What every frequency counts in the inverse, (frequencies,)."""
        last = self.grid[-1]
        doubled = np.full(last // 2 + 1, 2.0)
        doubled[0] = 1
        if last % 2 == 0:
            doubled[-1] = 1
        return np.tile(doubled, math.prod(self.grid[:-1])) / math.prod(self.grid)

    def of(self, features: Matrix) -> Matrix:
        """The rows for features of shape (batch, points, channels): what the matrix does, and no matrix."""
        orbits = self.index.shape[0]
        taken = features[:, self.index].reshape(len(features), orbits, *self.grid, features.shape[-1])
        spectrum = np.fft.rfftn(taken, axes=range(2, 2 + len(self.grid)))
        spectrum = spectrum.reshape(len(features), orbits, self.frequencies, features.shape[-1])
        found = np.stack([spectrum.real, spectrum.imag], axis=2)
        if self.inverse:
            found = found * self.weights()[:, None]
        return found.transpose(0, 3, 1, 2, 4).reshape(len(features), -1, features.shape[-1])

    def back(self, rows: Matrix) -> Matrix:
        """The transpose, of an inverse: the points for rows of shape (batch, rows, channels)."""
        assert self.inverse
        orbits, size = self.index.shape
        apart = rows.reshape(len(rows), self.frequencies, orbits, 2, rows.shape[-1]).transpose(0, 2, 3, 1, 4)
        spectrum = (apart[:, :, 0] + 1j * apart[:, :, 1]).reshape(
            len(rows), orbits, *self.grid[:-1], self.grid[-1] // 2 + 1, rows.shape[-1]
        )
        points = np.fft.irfftn(spectrum, s=self.grid, axes=range(2, 2 + len(self.grid)))
        found = np.empty((len(rows), self.index.size, rows.shape[-1]))
        found[:, self.index.ravel()] = points.reshape(len(rows), orbits * size, rows.shape[-1])
        return found

    def matrix(self) -> npt.NDArray[np.float64]:
        orbits, size = self.index.shape
        spectrum = np.fft.rfftn(np.eye(size).reshape(size, *self.grid), axes=range(1, 1 + len(self.grid)))
        found = np.stack([spectrum.reshape(size, -1).real, spectrum.reshape(size, -1).imag], axis=-1)
        if self.inverse:
            found = found * self.weights()[None, :, None]
        placed = np.zeros((self.frequencies, orbits, 2, self.index.size))
        for orbit in range(orbits):
            placed[:, orbit, :, self.index[orbit]] = found
        return placed.reshape(self.shape)


@dataclass(frozen=True, eq=False)
class OrbitTransforms:
    """An orthogonal transform of the points of every orbit; orbits that the group moves alike share theirs.

    Rows are ordered section by section, and there (copy, class, multiplicity, orbit).

    Attributes:
        index: for each class of orbits (orbits, points in an orbit), the numbers of the points.
        signs: for each class an array of the same shape, int8, or None where all are +.
        transforms: for each class (points in an orbit, points in an orbit), orthogonal.
        rows: for each section and each class (multiplicity, copies), the rows of the transform that belong there.
        columns: how many points there are.
    """

    index: tuple[Permutation, ...]
    signs: tuple[Signs | None, ...]
    transforms: tuple[npt.NDArray[np.float64], ...]
    rows: tuple[tuple[Permutation, ...], ...]
    columns: int

    @property
    def shape(self) -> tuple[int, int]:
        used = [
            rows.size * index.shape[0]
            for by_class in self.rows
            for rows, index in zip(by_class, self.index, strict=True)
        ]
        return sum(used), self.columns

    @property
    def additions(self) -> int:
        return 2 * self.columns

    @property
    def multiplications(self) -> int:
        return sum(index.shape[0] * index.shape[1] ** 2 for index in self.index)

    def matrix(self) -> npt.NDArray[np.float64]:
        whole = []
        for index, signs, transform in zip(self.index, self.signs, self.transforms, strict=True):
            # (rows of the transform, orbits, columns)
            found = np.zeros((transform.shape[0], index.shape[0], self.columns))
            for orbit, points in enumerate(index):
                found[:, orbit, points] = transform if signs is None else transform * signs[orbit]
            whole.append(found)
        sections = []
        for by_class in self.rows:
            # (multiplicity, copies) to (copies, multiplicity, orbits, columns)
            taken = [found[rows.T] for found, rows in zip(whole, by_class, strict=True) if rows.size]
            copies = taken[0].shape[0]
            sections.append(np.concatenate([part.reshape(copies, -1, self.columns) for part in taken], axis=1))
        return np.concatenate([section.reshape(-1, self.columns) for section in sections])


def selection(numbers: Integers, columns: int) -> Operator:
    """The operator that takes some points out."""
    if np.array_equal(numbers, np.arange(columns)):
        return Identity(columns)
    return IndexTable(numbers.astype(np.intp)[:, None], None, columns)
