"""What there is to do, and what a machine takes for it: the prices that all choices are made by."""

from __future__ import annotations

from dataclasses import dataclass

BYTES = 4
"""Of a number in float32."""


@dataclass(frozen=True)
class Work:
    """What there is to do.

    Attributes:
        multiply_adds: of products.
        moved: numbers read or written besides in the order in which they lie, 4 bytes each in float32.
        out_of_place: numbers read besides from anywhere, and added.
        started: operations, each of which takes a while to start.
        transformed: how many of the multiply-adds are those of transforms.
    """

    multiply_adds: int = 0
    moved: int = 0
    started: int = 0
    transformed: int = 0
    out_of_place: int = 0

    def __add__(self, other: Work) -> Work:
        return Work(
            self.multiply_adds + other.multiply_adds,
            self.moved + other.moved,
            self.started + other.started,
            self.transformed + other.transformed,
            self.out_of_place + other.out_of_place,
        )

    def times(self, factor: int) -> Work:
        """The same for several examples at once: no more operations are started."""
        return Work(
            self.multiply_adds * factor,
            self.moved * factor,
            self.started,
            self.transformed * factor,
            self.out_of_place * factor,
        )

    @property
    def bytes(self) -> int:
        """What is read or written."""
        return BYTES * (self.moved + self.out_of_place)


@dataclass(frozen=True)
class Machine:
    """What things take, in multiply-adds of a matrix product; all numbers are measured on CPUs unless told.

    Attributes:
        moved: to read a number, add it and write it.
        out_of_place: the same where it comes from anywhere, as in a table of points, or where many are added to few places, as
            in the gradient of a gather (measured on two CPU cores: below 30, S(12) on pairs takes terms over blocks that are
            1.15 times as slow as the transposed pairs; above 36, layers of some dozens of points gather where sums would take
            0.6 of the time).
        started: so many could be done in the time that it takes to start one operation.
        transformed: a multiply-add of a transform, whose matrices are small and many (Fourier transforms over 32 x 32 points
            take as long as the convolution that has 1.7 times their multiply-adds).
    """

    moved: int = 3
    out_of_place: int = 30
    started: int = 300_000
    transformed: int = 2

    def price(self, *works: Work) -> int:
        """One number to compare by, in multiply-adds."""
        work = sum(works, Work())
        slower = (self.transformed - 1) * work.transformed
        numbers = self.moved * work.moved + self.out_of_place * work.out_of_place
        return work.multiply_adds + slower + numbers + self.started * work.started


CPU = Machine()
