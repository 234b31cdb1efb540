"""What every operator tells of itself; every point alone, and operators made of others."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from eqgen.programs.prices import Work


class Operator(Protocol):
    """A linear map from the points of a space."""

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""

    @property
    def work(self) -> Work:
        """What there is to do for each channel; nothing where nothing moves."""

    def matrix(self) -> np.ndarray:
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
    def work(self) -> Work:
        return Work()

    def matrix(self) -> np.ndarray:
        return np.eye(self.size, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Composition:
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
    def work(self) -> Work:
        # What is read is there for another term.
        return self.later.work

    def matrix(self) -> np.ndarray:
        composed: np.ndarray = self.later.matrix() @ self.first.matrix()
        return composed


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
    def work(self) -> Work:
        return sum((part.work for part in self.parts), Work(started=1))

    def matrix(self) -> np.ndarray:
        matrices = np.stack([part.matrix() for part in self.parts], axis=1)
        return matrices.reshape(self.shape)
