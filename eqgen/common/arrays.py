"""The kinds of array that stand for permutations, signs and labels, and their places as people choose them."""

from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from eqgen.common.errors import DeclarationError, shortened

Permutation = npt.NDArray[np.intp]
Signs = npt.NDArray[np.int8]
Mask = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.signedinteger[Any]]
"""Integers of any size: numbers of points, pairs or labels."""
Labels = npt.NDArray[np.signedinteger[Any]]
"""The number of an orbit at each place, -1 where nothing stands."""
SignedLabels = npt.NDArray[np.signedinteger[Any]]
"""Labels and signs in one: +(k + 1) or -(k + 1) for orbit k, 0 where nothing stands."""
Reals = npt.NDArray[np.float64]

BLOCK = 1 << 18
"""About how many entries of a table are looked at in one numpy call: they stay in the processor's cache."""


def labels_of(signed_labels: SignedLabels) -> Labels:
    """Which orbit stands at each place, -1 for none; of the same shape and type.

    >>> labels_of(np.array([1, -2, 0])).tolist()
    [0, 1, -1]
    """
    labels: Labels = np.abs(signed_labels)
    labels -= 1
    return labels


def signs_of(signed_labels: SignedLabels) -> Signs:
    """The sign of the orbit at each place: +1, -1, or 0 where nothing stands; of the same shape, int8.

    >>> signs_of(np.array([1, -2, 0])).tolist()
    [1, -1, 0]
    """
    return np.sign(signed_labels).astype(np.int8)


def signed_values(values: npt.NDArray[Any], signed_labels: SignedLabels) -> npt.NDArray[Any]:
    """What stands where of values (rank, ...): value k at +(k + 1), its negative at -(k + 1), 0 at 0.

    >>> signed_values(np.array([5, 7]), np.array([1, -2, 0])).tolist()
    [5, -7, 0]
    """
    # From the front 0 and each value; from the back, where negative numbers count from, the negative of each.
    table = np.concatenate([np.zeros((1, *values.shape[1:]), dtype=values.dtype), values, -values[::-1]])
    return table[signed_labels]


def smallest_type(rank: int) -> type[np.signedinteger[Any]]:
    """The smallest signed integer type that holds the signed labels -rank, ..., rank."""
    return next((kind for kind in (np.int8, np.int16, np.int32) if rank <= np.iinfo(kind).max), np.int64)


Array = TypeVar("Array", bound=npt.NDArray[Any])


def read_only(array: Array) -> Array:
    """The same array, which from now on nobody writes to."""
    array.setflags(write=False)
    return array


def row_blocks(m: int, n: int, block: int = BLOCK) -> Iterator[slice]:
    """Slices of rows of an m x n table, about `block` entries each."""
    step = max(1, block // max(n, 1))
    for start in range(0, m, step):
        yield slice(start, min(start + step, m))


def places(chosen: Any, size: int, what: str) -> Permutation:
    """Numbers of rows or columns, counted from 0, as people choose them: by number, from either end, or by a mask."""
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
    return np.mod(numbers, size)
