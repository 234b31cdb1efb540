"""The weight of a pattern, gathered from its few parameters, so that the form holds by construction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

from eqgen.common.arrays import Labels, Signs
from eqgen.layers.execution.tensors import matmul

LARGEST_ONE_HOT_RANK = 8
"""Up to this many table rows the gradient of the gather is a product with a one-hot matrix: without XLA up to three times
as fast as the scatter that autodiff makes of it, and the same bits on a GPU every time (docs/benchmarks/weight.md)."""


@dataclass(frozen=True, eq=False)
class WeightTable:
    """Where each entry of the transposed weight matrix finds its number: the plain form of a pattern.

    Attributes:
        index: (n, m) int32 into the rows of [theta; -theta; 0], of which the last two are there only when needed.
        rank: how many parameters there are.
        negative: whether the table has the rows -theta.
        zero: whether it has the row 0.
    """

    index: npt.NDArray[np.int32]
    rank: int
    negative: bool
    zero: bool

    @property
    def rows(self) -> int:
        """How many rows the table that is gathered from has."""
        return self.rank * (2 if self.negative else 1) + (1 if self.zero else 0)

    def decoded(self) -> tuple[Labels, Signs]:
        """The labels and signs that this table really computes with, each (m, n): what `verify` reads."""
        index = self.index.T
        is_zero = self.zero & (index == self.rows - 1)
        is_negative = self.negative & ~is_zero & (index >= self.rank)
        labels = np.where(is_zero, -1, np.where(is_negative, index - self.rank, index))
        signs = np.where(is_zero, 0, np.where(is_negative, -1, 1)).astype(np.int8)
        return labels, signs


def weight_table(labels: Labels, signs: Signs, rank: int) -> WeightTable:
    """The table of some labels and signs, (m, n) each."""
    negative = bool((signs < 0).any())
    zero = bool((signs == 0).any())
    # Contiguous, so that flattening it in every call copies nothing.
    index = np.ascontiguousarray(labels.T.astype(np.int32))
    if negative:
        index += np.where(signs.T < 0, np.int32(rank), np.int32(0))
    if zero:
        index[signs.T == 0] = rank * (2 if negative else 1)
    index.setflags(write=False)
    return WeightTable(index, rank, negative, zero)


def gather_weight(table: WeightTable, theta: Any) -> Any:
    """The transposed weight matrix.

    Args:
        table: the table of a pattern.
        theta: (rank, channels_in, channels_out), already scaled.

    Returns:
        (channels_in, n, m, channels_out).
    """
    _, channels_in, channels_out = theta.shape
    rows = [theta]
    if table.negative:
        rows.append(-theta)
    if table.zero:
        rows.append(ops.zeros((1, channels_in, channels_out), dtype=theta.dtype))
    # Channels first: the reshape to a matrix after the gather then moves no data.
    source = ops.transpose(ops.concatenate(rows, axis=0) if len(rows) > 1 else theta, (1, 0, 2))
    flat = table.index.ravel()
    take = _take_with_one_hot_gradient if table.rows <= LARGEST_ONE_HOT_RANK else _take
    return ops.reshape(take(source, flat, table.rows), (channels_in, *table.index.shape, channels_out))


def _take(source: Any, flat: npt.NDArray[np.int32], rows: int) -> Any:
    return ops.take(source, flat, axis=1)


def _take_with_one_hot_gradient(source: Any, flat: npt.NDArray[np.int32], rows: int) -> Any:
    @ops.custom_gradient
    def taken(source: Any) -> Any:
        def gradient(*arguments: Any, upstream: Any = None) -> Any:
            arriving = arguments[0] if upstream is None else upstream
            chosen = ops.equal(ops.arange(rows, dtype="int32")[:, None], ops.convert_to_tensor(flat)[None, :])
            return matmul(ops.cast(chosen, arriving.dtype), arriving)

        return ops.take(source, flat, axis=1), gradient

    return taken(source)
