"""Tables of points: some are a reshape in disguise, small ones are matrices, of others a few points a row are added up.

The gradient of a pool is the spread of the same table and the other way round, not what autodiff makes of a gather.
"""

from math import prod
from typing import Any

import numpy as np
from keras import ops

from eqgen.layers.execution.operators import Limits, pool, spread, width
from eqgen.layers.execution.tensors import (
    arranged,
    broadcast,
    constant,
    mean,
    merged_axes,
    multiplied,
    sizes,
    split_axis,
    taken,
    with_gradient,
)
from eqgen.programs.operators.index_table import IndexTable, as_sum, as_transposition


@width.register
def _(table: IndexTable) -> int:
    return int(table.index.shape[1])


@pool.register
def _(table: IndexTable, features: Any, axis: int, limits: Limits) -> Any:
    summed, turned = as_sum(table), as_transposition(table)
    if summed is not None:
        return merged_axes(mean(split_axis(features, axis, summed), axis + 1), axis, 2)
    if turned is not None:
        return _transposed(features, axis, turned)
    points = width(table)
    if points > 1 and prod(table.shape) <= limits.product:
        return multiplied(table.matrix() / points, features, axis)
    back = transposed(table)
    rows = with_gradient(lambda values: _sums(table, values, axis), lambda values: _sums(back, values, axis), features)
    return rows if points == 1 else rows * (1 / points)


@spread.register
def _(table: IndexTable, features: Any, axis: int, limits: Limits) -> Any:
    summed, turned = as_sum(table), as_transposition(table)
    if summed is not None:
        if summed[0] == summed[2] == 1:
            # One number for all points: whoever adds it up broadcasts it.
            return features
        rows = split_axis(features, axis, (summed[0], 1, summed[2]))
        return merged_axes(broadcast(rows, axis + 1, summed[1]), axis, 3)
    if turned is not None:
        return _transposed(features, axis, turned[::-1])
    if width(table) > 1 and prod(table.shape) <= limits.product:
        return multiplied(table.matrix().T, features, axis)
    back = transposed(table)
    return with_gradient(lambda values: _sums(back, values, axis), lambda values: _sums(table, values, axis), features)


def transposed(table: IndexTable) -> IndexTable:
    """The transpose of a table; a place without a point, where points have fewer entries than others, has the number after
    the last one."""
    rows, points = table.index.shape[0], table.index.ravel()
    order = np.argsort(points, kind="stable")
    counts = np.bincount(points, minlength=table.columns)
    place = np.arange(points.size) - np.repeat(np.cumsum(counts) - counts, counts)
    index = np.full((table.columns, int(counts.max(initial=0))), rows, dtype=np.intp)
    index[points[order], place] = order // table.index.shape[1]
    signs = None
    if table.signs is not None:
        signs = np.ones(index.shape, dtype=np.int8)
        signs[points[order], place] = table.signs.ravel()[order]
    return IndexTable(index, signs, rows)


def _transposed(features: Any, axis: int, grid: tuple[int, int]) -> Any:
    shape = sizes(features)
    order = [*range(axis), axis + 1, axis, *range(axis + 2, len(shape) + 1)]
    return arranged(features, (*shape[:axis], *grid, *shape[axis + 1 :]), order, shape)


def _sums(table: IndexTable, features: Any, axis: int) -> Any:
    """Every row as the sum of its points, with signs."""
    rows, points = table.index.shape
    if table.index.max(initial=0) == table.columns:
        features = ops.pad(features, [(0, int(place == axis)) for place in range(len(features.shape))])
    total = None
    for place in range(points):
        points_taken = taken(features, table.index[:, place].astype(np.int32), axis)
        if table.signs is not None:
            signs = table.signs[:, place].reshape(
                [rows if other == axis else 1 for other in range(len(points_taken.shape))]
            )
            points_taken = points_taken * constant(signs, features)
        total = points_taken if total is None else total + points_taken
    return total
