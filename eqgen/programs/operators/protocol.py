"""What every operator tells of itself."""

from __future__ import annotations

from typing import Any, Protocol

import numpy.typing as npt

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
