"""Parameters by signed labels, so that the form of a pattern holds by construction."""

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from keras import ops

from eqgen.common.arrays import Integers, SignedLabels, read_only, smallest_type
from eqgen.layers.execution.operators import LIMITS, Limits
from eqgen.layers.execution.tensors import concatenated, matmul, reshaped, sizes, taken, with_gradient


@dataclass(frozen=True, eq=False)
class WeightTable:
    """Where each entry finds its parameter.

    Attributes:
        index: (entries ...) int32 into the rows of [theta; -theta; 0], of which the last two are there only when needed.
        rank: how many parameters there are.
        negative: whether the table has the rows -theta.
        zero: whether it has the row 0.
        one_hot: up to so many rows the gradient is a product with a one-hot matrix.
    """

    index: Integers
    rank: int
    negative: bool
    zero: bool
    one_hot: int

    @cached_property
    def back(self) -> Integers | None:
        """(rank,) int32, the entry of each parameter, where every one stands at one place, with the sign +; else None."""
        if self.index.size != self.rank or self.rows > self.rank:
            return None
        back = np.full(self.rank, -1, dtype=np.int32)
        back[self.index.ravel()] = np.arange(self.rank)
        return None if (back < 0).any() else back

    @cached_property
    def in_order(self) -> bool:
        """Whether the entries are the parameters as they stand."""
        return self.back is not None and np.array_equal(self.back, np.arange(self.rank))

    @property
    def rows(self) -> int:
        """How many rows the table that is gathered from has."""
        return self.rank * (2 if self.negative else 1) + (1 if self.zero else 0)

    @property
    def signed_labels(self) -> SignedLabels:
        """The signed labels that this table really computes with, transposed: what `verify` reads."""
        rows = np.arange(1, self.rank + 1, dtype=smallest_type(self.rank))
        return np.concatenate([rows, -rows[: self.rank * self.negative], [0]])[self.index.T]


def weight_table(signed_labels: SignedLabels, rank: int, limits: Limits = LIMITS) -> WeightTable:
    """The table of some signed labels, (m, n) of a matrix, which is gathered transposed, or (entries,)."""
    negative, zero = bool((signed_labels < 0).any()), bool((signed_labels == 0).any())
    # By signed label: 0, 1, ..., rank and, from behind, -1, ..., -rank.
    places = np.concatenate([[rank * (2 if negative else 1)], np.arange(rank), rank + np.arange(rank)[::-1]])
    # Contiguous, so that flattening it in every call copies nothing.
    index = read_only(np.ascontiguousarray(places.astype(np.int32)[signed_labels.T]))
    return WeightTable(index, rank, negative, zero, limits.one_hot)


def gathered(table: WeightTable, theta: Any, axis: int) -> Any:
    """The entries of a table, one after the other, in place of the parameters on one axis."""
    index, back, shape = table.index.ravel(), table.back, sizes(theta)
    rows = [theta, *([-theta] if table.negative else [])]
    if table.zero:
        rows.append(ops.zeros((*shape[:axis], 1, *shape[axis + 1 :]), dtype=theta.dtype))
    # Reshaped also where nothing changes: a gradient of one's own is that of a tensor, which a variable is not.
    source = ops.reshape(concatenated(rows, axis), (prod(shape[:axis]), table.rows, prod(shape[axis + 1 :])))

    def entries_of(source: Any) -> Any:
        return taken(source, index, 1)

    def gradient(arriving: Any) -> Any:
        chosen = ops.equal(ops.arange(table.rows, dtype="int32")[:, None], ops.convert_to_tensor(index)[None, :])
        return matmul(ops.cast(chosen, arriving.dtype), arriving, precise=True)

    if table.in_order:
        entries = source
    elif back is not None:
        # The order back, not a scatter.
        entries = with_gradient(entries_of, lambda arriving: taken(arriving, back, 1), source)
    elif table.rows <= table.one_hot:
        entries = with_gradient(entries_of, gradient, source)
    else:
        entries = entries_of(source)
    return reshaped(entries, (*shape[:axis], index.size, *shape[axis + 1 :]))
