"""Stencils: orbits of pairs that read the same offsets from every point of a grid with cyclic axes."""

from __future__ import annotations

import math

import numpy as np

from eqgen.programs.operators import IndexTable, Operator, Shifts

MOST_OFFSETS = 64
"""Wider orbits of pairs are no stencils."""


def as_stencil(operator: Operator, grid: tuple[int, ...]) -> Operator:
    """The same operator as a stencil, where it is one.

    Args:
        operator: any.
        grid: the shape that the points fill; where it is flat, grids of two axes are tried as well.
    """
    if not isinstance(operator, IndexTable) or operator.signs is not None or operator.shape[0] != operator.shape[1]:
        return operator
    index = operator.index
    if not 2 <= index.shape[1] <= MOST_OFFSETS:
        return operator
    size = operator.columns
    # The rows of points 0 and 1 tell most grids apart before whole tables are made.
    for shape in [grid, *((size // width, width) for width in range(2, size // 2 + 1) if size % width == 0)]:
        if math.prod(shape) != size:
            continue
        offsets = np.stack(np.unravel_index(index[0], shape), axis=-1)
        second = (np.array(np.unravel_index(1, shape)) + offsets) % np.array(shape)
        if set(np.ravel_multi_index(tuple(second.T), shape).tolist()) != set(index[1].tolist()):
            continue
        found = Shifts(shape, offsets)
        if np.array_equal(np.sort(found.table.index, axis=1), np.sort(index, axis=1)):
            return found
    return operator
