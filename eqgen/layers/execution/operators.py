"""How one operator of a program runs in TensorFlow, forwards (a pool) and as its transpose (a spread).

A whole axis is summed by a reshape, a few points a row are gathered and added up, and small tables and transforms are matrix
products. The gradient of a pool is the spread of the same operator and the other way round, not what autodiff makes of a
gather.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from keras import ops

from eqgen.common.arrays import Permutation, Signs
from eqgen.layers.execution.fourier import transform, transform_back
from eqgen.layers.execution.isotypic import components, components_back
from eqgen.layers.execution.tensors import constant, matmul, mean
from eqgen.programs.operators.composite import Composition
from eqgen.programs.operators.cyclic_stencil import CyclicStencil, Unfold
from eqgen.programs.operators.fourier import Fourier
from eqgen.programs.operators.identity import Identity
from eqgen.programs.operators.index_table import IndexTable, as_sum, as_transposition
from eqgen.programs.operators.orbit_transforms import OrbitTransforms
from eqgen.programs.operators.protocol import Operator


def width(operator: Operator) -> int:
    """How many points `pool` takes the mean of; 1 for transforms."""
    if isinstance(operator, Composition):
        return width(operator.first) * width(operator.later)
    if isinstance(operator, IndexTable):
        return int(operator.index.shape[1])
    return int(operator.offsets.shape[0]) if isinstance(operator, CyclicStencil) else 1


def pool(operator: Operator, features: Any, axis: int) -> Any:
    """The rows of an operator in place of its columns on one axis.

    Sums are taken as means, `width(operator)` times smaller, so that half precision does not overflow on large orbits.
    """
    if isinstance(operator, CyclicStencil):
        return _shifted(operator, features, axis, 1) * (1 / width(operator))
    if _is_small(operator):
        return _multiplied(operator.matrix(), features, axis)
    return _run(operator, features, axis, _pool_table, transform, components)


def spread(operator: Operator, features: Any, axis: int) -> Any:
    """The transpose: columns in place of rows on one axis, or a single one that stands for all of them."""
    if isinstance(operator, CyclicStencil):
        return _shifted(operator, features, axis, -1)
    if _is_small(operator):
        return _multiplied(operator.matrix().T, features, axis)
    return _run(operator, features, axis, _spread_table, transform_back, components_back)


def _is_small(operator: Operator) -> bool:
    """Whether a transform is one product with its whole matrix, which starts faster than many small steps."""
    return isinstance(operator, OrbitTransforms) and prod(operator.shape) <= LARGEST_PRODUCT


def _run(
    operator: Operator,
    features: Any,
    axis: int,
    table: Callable[[IndexTable, Any, int], Any],
    fourier: Callable[[Fourier, Any, int], Any],
    orbits: Callable[[OrbitTransforms, Any, int], Any],
) -> Any:
    if isinstance(operator, Identity):
        return features
    if isinstance(operator, IndexTable):
        return table(operator, features, axis)
    if isinstance(operator, Unfold):
        return table(operator.table, features, axis)
    if isinstance(operator, Fourier):
        return fourier(operator, features, axis)
    # Chains and stacks are taken apart by whoever shares their parts.
    assert isinstance(operator, OrbitTransforms)
    return orbits(operator, features, axis)


def _pool_table(table: IndexTable, features: Any, axis: int) -> Any:
    if table.signs is None:
        grid = as_sum(table.index, table.columns)
        if grid is not None:
            return _merged(mean(_split(features, axis, grid), axis + 1), axis, 2)
        turned = as_transposition(table.index, table.columns)
        if turned is not None:
            return _transposed(features, axis, turned)
    found = _with_transpose(table, features, axis, True)
    return found if width(table) == 1 else found * (1 / width(table))


def _spread_table(table: IndexTable, features: Any, axis: int) -> Any:
    if table.signs is None:
        grid = as_sum(table.index, table.columns)
        if grid is not None:
            if grid[0] == grid[2] == 1:
                # One number for all points: whoever adds it up broadcasts it.
                return features
            apart = _split(features, axis, (grid[0], 1, grid[2]))
            shape = list(ops.shape(apart))
            shape[axis + 1] = grid[1]
            return _merged(ops.broadcast_to(apart, shape), axis, 3)
        turned = as_transposition(table.index, table.columns)
        if turned is not None:
            return _transposed(features, axis, turned[::-1])
    return _with_transpose(table, features, axis, False)


LARGEST_PRODUCT = 1 << 12
"""Tables and transforms of up to so many rows times points are multiplied as matrices, which starts faster than many copies."""


def _multiplied(matrix: Any, features: Any, axis: int) -> Any:
    shape = list(ops.shape(features))
    after = int(np.prod(list(features.shape[axis + 1 :])))
    flat = ops.reshape(features, (-1, features.shape[axis], after))
    found = matmul(constant(matrix, features), flat)
    return ops.reshape(found, (*shape[:axis], matrix.shape[0], *shape[axis + 1 :]))


def _with_transpose(table: IndexTable, features: Any, axis: int, forwards: bool) -> Any:
    if table.index.shape[1] > 1 and table.shape[0] * table.columns <= LARGEST_PRODUCT:
        return _multiplied(table.matrix() if forwards else table.matrix().T, features, axis)
    there = Sums(table.index, table.signs, table.columns)
    back = transposed(there)
    run, gradient = (there, back) if forwards else (back, there)

    @ops.custom_gradient
    def applied(values: Any) -> Any:
        def backward(*arguments: Any, upstream: Any = None) -> Any:
            return gradient.of(arguments[0] if upstream is None else upstream, axis)

        return run.of(values, axis), backward

    return applied(features)


class Sums:
    """Every row is the sum of a few points, with signs; rows may have fewer than others."""

    def __init__(self, index: Permutation, signs: Signs | None, columns: int) -> None:
        self.index = index
        self.signs = signs
        self.columns = columns

    def of(self, features: Any, axis: int) -> Any:
        """The rows in place of the points on one axis."""
        rows, width = self.index.shape
        # A place without a point has the number of a row of zeros.
        if width and self.index.max(initial=0) == self.columns:
            paddings = [(0, 0)] * len(features.shape)
            paddings[axis] = (0, 1)
            features = ops.pad(features, paddings)
        if width == 0:
            shape = list(ops.shape(features))
            shape[axis] = rows
            return ops.zeros(shape, dtype=features.dtype)
        total = None
        for place in range(width):
            taken = ops.take(features, self.index[:, place].astype(np.int32), axis=axis)
            if self.signs is not None:
                shape = [1] * len(features.shape)
                shape[axis] = rows
                taken = taken * constant(self.signs[:, place].reshape(shape), features)
            total = taken if total is None else total + taken
        return total


def transposed(sums: Sums) -> Sums:
    """The transpose of a table, with rows of zeros where points have fewer entries than others."""
    rows, width = sums.index.shape
    points = sums.index.ravel()
    order = np.argsort(points, kind="stable")
    counts = np.bincount(points, minlength=sums.columns)
    most = int(counts.max(initial=0))
    place = np.arange(points.size) - np.repeat(np.cumsum(counts) - counts, counts)
    index = np.full((sums.columns, most), rows, dtype=np.intp)
    index[points[order], place] = order // width
    signs = None
    if sums.signs is not None:
        signs = np.ones(index.shape, dtype=np.int8)
        signs[points[order], place] = sums.signs.ravel()[order]
    return Sums(index, signs, rows)


def _shifted(stencil: CyclicStencil, features: Any, axis: int, direction: int) -> Any:
    """The sum of the features moved by every offset, cyclically."""
    grid = _split(features, axis, stencil.grid)
    axes = tuple(range(axis, axis + len(stencil.grid)))
    total = None
    for offset in (direction * stencil.offsets).tolist():
        # Point p reads point p + offset.
        moved = ops.roll(grid, [-step for step in offset], axis=axes)
        total = moved if total is None else total + moved
    return _merged(total, axis, len(axes))


def _split(features: Any, axis: int, grid: tuple[int, ...]) -> Any:
    shape = list(ops.shape(features))
    return ops.reshape(features, (*shape[:axis], *grid, *shape[axis + 1 :]))


def _merged(features: Any, axis: int, count: int) -> Any:
    shape = list(ops.shape(features))
    size = int(np.prod([features.shape[place] for place in range(axis, axis + count)]))
    return ops.reshape(features, (*shape[:axis], size, *shape[axis + count :]))


def _transposed(features: Any, axis: int, grid: tuple[int, int]) -> Any:
    apart = _split(features, axis, grid)
    order = list(range(len(apart.shape)))
    order[axis], order[axis + 1] = order[axis + 1], order[axis]
    return _merged(ops.transpose(apart, order), axis, 2)
