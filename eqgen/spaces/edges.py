"""Adjacency matrices to edge vectors and back, in the order of `{p p}`."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from eqgen.common.errors import DeclarationError, checked_flag


def to_edges(adjacency: npt.ArrayLike, *, channels: bool = False) -> npt.NDArray[np.generic]:
    """The entries above the diagonal of symmetric matrices, in the order of `{p p}`.

    Args:
        adjacency: (..., n, n), symmetric, zero on the diagonal, any dtype.
        channels: whether several numbers stand at each entry, (..., n, n, channels).

    Returns:
        (..., n * (n - 1) / 2), or (..., n * (n - 1) / 2, channels), the same dtype.

    Raises:
        DeclarationError: the matrix is not square, not symmetric, or has loops.

    >>> to_edges([[0, 1, 2], [1, 0, 3], [2, 3, 0]])
    array([1, 2, 3])
    """
    if checked_flag("channels", channels):
        matrices = _as_array("to_edges takes arrays of shape (..., n, n, channels)", adjacency)
        if matrices.ndim < 3 or matrices.shape[-2] != matrices.shape[-3]:
            raise DeclarationError(f"to_edges takes arrays of shape (..., n, n, channels), got {matrices.shape}")
        return np.moveaxis(to_edges(np.moveaxis(matrices, -1, 0)), 0, -1)
    matrix = _as_array("to_edges takes arrays of shape (..., n, n)", adjacency)
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2]:
        may_have_channels = matrix.ndim > 2 and matrix.shape[-2] == matrix.shape[-3]
        hint = "; of (..., n, n, channels) say channels=True" if may_have_channels else ""
        raise DeclarationError(f"to_edges takes arrays of shape (..., n, n), got {matrix.shape}{hint}")
    different = matrix != np.swapaxes(matrix, -1, -2)
    if matrix.dtype.kind in "fc":
        different &= ~(np.isnan(matrix) & np.isnan(np.swapaxes(matrix, -1, -2)))
    if different.any():
        *_, i, j = np.argwhere(different)[0].tolist()
        raise DeclarationError(
            f"to_edges takes symmetric matrices, entries ({i}, {j}) and ({j}, {i}) differ: for directed edges declare <p p>"
        )
    loops = np.diagonal(matrix, axis1=-2, axis2=-1) != 0
    if loops.any():
        node = int(np.argwhere(loops)[0][-1])
        raise DeclarationError(
            f"to_edges takes graphs without loops, entry ({node}, {node}) is not zero: clear the diagonal, or declare p p"
        )
    rows, columns = np.triu_indices(matrix.shape[-1], 1)
    return matrix[..., rows, columns]


def to_adjacency(edges: npt.ArrayLike, *, channels: bool = False) -> npt.NDArray[np.generic]:
    """Edge vectors in the order of `{p p}` as symmetric matrices with a zero diagonal; undoes `to_edges`.

    Args:
        edges: (..., n * (n - 1) / 2), any dtype.
        channels: whether several numbers stand at each edge, (..., n * (n - 1) / 2, channels).

    Returns:
        (..., n, n), or (..., n, n, channels), the same dtype.

    Raises:
        DeclarationError: the dimension of edges is not n * (n - 1) / 2 for any n >= 2.

    >>> to_adjacency([1, 2, 3])
    array([[0, 1, 2],
           [1, 0, 3],
           [2, 3, 0]])
    """
    if checked_flag("channels", channels):
        vectors = _as_array("to_adjacency takes arrays of shape (..., n(n-1)/2, channels)", edges)
        if vectors.ndim < 2:
            raise DeclarationError(f"to_adjacency takes arrays of shape (..., n(n-1)/2, channels), got {vectors.shape}")
        return np.moveaxis(to_adjacency(np.moveaxis(vectors, -1, 0)), 0, -1)
    vector = _as_array("to_adjacency takes arrays of shape (..., n(n-1)/2)", edges)
    count = vector.shape[-1] if vector.ndim else 0
    n = (1 + math.isqrt(1 + 8 * count)) // 2
    if n < 2 or n * (n - 1) // 2 != count:
        raise DeclarationError(
            f"to_adjacency takes arrays of shape (..., n(n-1)/2), got {vector.shape}: a graph has 1, 3, 6, 10, ... edges"
        )
    matrix = np.zeros((*vector.shape[:-1], n, n), dtype=vector.dtype)
    rows, columns = np.triu_indices(n, 1)
    matrix[..., rows, columns] = matrix[..., columns, rows] = vector
    return matrix


def _as_array(wanted: str, value: npt.ArrayLike) -> npt.NDArray[Any]:
    try:
        return np.asarray(value)
    except ValueError:
        raise DeclarationError(f"{wanted}, got rows of different lengths") from None
