"""What every operator tells of itself."""

from __future__ import annotations

from typing import Any, Protocol

import numpy.typing as npt

from eqgen.programs.machine import Work

Matrix = npt.NDArray[Any]


class Operator(Protocol):
    """A linear map from the points of a space."""

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""

    @property
    def work(self) -> Work:
        """What there is to do for each channel; nothing where nothing moves."""

    def matrix(self) -> Matrix:
        """The map as a matrix: of integers where it is exact."""
