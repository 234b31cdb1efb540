"""The kinds of array that stand for permutations, signs and labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Permutation = npt.NDArray[np.intp]
Signs = npt.NDArray[np.int8]
Integers = npt.NDArray[np.signedinteger[Any]]
"""Integers of any size: numbers of points, pairs or labels."""
Labels = npt.NDArray[np.signedinteger[Any]]


def smallest_type(rank: int) -> type[np.signedinteger[Any]]:
    """The smallest signed integer type that holds the labels -1, ..., rank - 1."""
    for kind in (np.int8, np.int16, np.int32):
        if rank - 1 <= np.iinfo(kind).max:
            return kind
    return np.int64
