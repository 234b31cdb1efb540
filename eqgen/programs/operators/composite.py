"""Operators made of others: one after the other, or side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eqgen.programs.machine import Work
from eqgen.programs.operators.protocol import Matrix, Operator


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
    def work(self) -> Work:
        return sum((part.work for part in self.parts), Work(started=1))

    def matrix(self) -> Matrix:
        matrices = np.stack([part.matrix() for part in self.parts], axis=1)
        return matrices.reshape(self.shape)
