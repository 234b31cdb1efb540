"""Exact linear algebra on small integer matrices: which rows are independent, and the inverse in rational numbers."""

from collections.abc import Iterable
from fractions import Fraction
from math import lcm

import numpy as np

from eqgen.common.arrays import Integers

PRIME = 2**31 - 1
"""Rows that are independent modulo a prime are so in rational numbers; the other way round the inverse decides."""


def independent(rows: Iterable[Integers], most: int) -> list[int]:
    """The numbers of rows that are independent of those before them, modulo a prime, up to so many."""
    numbers: list[int] = []
    reduced_rows: dict[int, Integers] = {}
    for number, row in enumerate(rows):
        reduced = row % PRIME
        for pivot, earlier in reduced_rows.items():
            if reduced[pivot]:
                reduced = (reduced - reduced[pivot] * earlier) % PRIME
        if reduced.any():
            pivot = int(np.flatnonzero(reduced)[0])
            reduced_rows[pivot] = reduced * pow(int(reduced[pivot]), -1, PRIME) % PRIME
            numbers.append(number)
            if len(numbers) == most:
                break
    return numbers


def inverse(matrix: Integers) -> tuple[Integers, Integers]:
    """The inverse of a square integer matrix, as numerators (size, size) and one denominator for each row (size,).

    By Gauss and Jordan, in fractions: sympy does the same, and takes longer to import than the whole plan takes.

    Raises:
        ZeroDivisionError: there is none.
    """
    size = len(matrix)
    rows = np.hstack([matrix, np.eye(size, dtype=np.int64)]).astype(object) * Fraction(1)
    for column in range(size):
        below = column + np.flatnonzero(rows[column:, column])
        if not below.size:
            raise ZeroDivisionError(f"the matrix has rank {column} of {size}")
        rows[[column, below[0]]] = rows[[below[0], column]]
        # Most of the matrix is zeros: the orbit matrices themselves are rows of it.
        filled = np.flatnonzero(rows[column])
        rows[column, filled] /= rows[column, column]
        for row in np.flatnonzero(rows[:, column]).tolist():
            if row != column:
                rows[row, filled] -= rows[row, column] * rows[column, filled]
    inverted = rows[:, size:]
    denominators = np.array([lcm(*(value.denominator for value in row)) for row in inverted], dtype=object)
    return (inverted * denominators[:, None]).astype(np.int64), denominators.astype(np.int64)
