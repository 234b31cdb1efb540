"""Rows and columns as people choose them: by number, counted from either end, or by a mask."""

from typing import Any

import numpy as np

from eqgen.common.arrays import Permutation
from eqgen.common.errors import DeclarationError, shortened


def places(chosen: Any, size: int, what: str) -> Permutation:
    """Numbers of rows or columns, counted from 0."""
    array = np.asarray(chosen)
    if array.dtype == bool and array.shape == (size,):
        return np.flatnonzero(array)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise DeclarationError(
            f"{what} are chosen by a list of numbers, like [3], or by a mask of length {size}, got {shortened(chosen)}"
        )
    numbers = array.astype(np.intp)
    if numbers.size and not -size <= numbers.min() <= numbers.max() < size:
        raise IndexError(f"{what} {numbers.min()} to {numbers.max()} are asked for: there are {size}, counted from 0")
    found: Permutation = numbers % size
    return found
