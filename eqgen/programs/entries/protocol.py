"""What every kind of entries tells of itself."""

from __future__ import annotations

from typing import Protocol

from eqgen.programs.operators.protocol import Matrix


class Entries(Protocol):
    """A linear map from parameters to the entries of a part's mixes, in the order of its sections."""

    @property
    def shape(self) -> tuple[int, int]:
        """(entries, rank)."""

    @property
    def multiplications(self) -> int:
        """How many multiply-adds it takes for each pair of channels."""

    def of(self, theta: Matrix) -> Matrix:
        """The entries, (entries, ...), for parameters of shape (rank, ...)."""


def along_first(values: Matrix, like: Matrix) -> Matrix:
    """Values, one for each entry, in a shape that multiplies `like`."""
    return values.reshape(-1, *[1] * (like.ndim - 1))
