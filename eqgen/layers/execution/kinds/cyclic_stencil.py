"""Stencils on cyclic axes: sums of features that are rolled, and the backend's own convolution."""

from functools import partial
from math import prod
from typing import Any

import numpy as np
from keras import ops

from eqgen.common.arrays import smallest_type
from eqgen.layers.execution.operators import Limits, Run, fused, pool, spread, width
from eqgen.layers.execution.tensors import concatenated, merged_axes, reshaped, split_axis, total
from eqgen.layers.execution.weight_table import gathered, weight_table
from eqgen.programs.entries import GatherEntries
from eqgen.programs.operators.cyclic_stencil import CyclicStencil, Unfold
from eqgen.programs.steps import KroneckerFactor


@width.register
def _(stencil: CyclicStencil) -> int:
    return int(stencil.offsets.shape[0])


@pool.register
def _(stencil: CyclicStencil, features: Any, axis: int, limits: Limits) -> Any:
    return _rolled(stencil, features, axis, 1) * (1 / width(stencil))


@spread.register
def _(stencil: CyclicStencil, features: Any, axis: int, limits: Limits) -> Any:
    return _rolled(stencil, features, axis, -1)


def _rolled(stencil: CyclicStencil, features: Any, axis: int, direction: int) -> Any:
    """The sum of the features moved by every offset."""
    grid = split_axis(features, axis, stencil.grid)
    axes = tuple(range(axis, axis + len(stencil.grid)))
    # Point p reads point p + offset.
    moved = [ops.roll(grid, steps, axis=axes) for steps in (-direction * stencil.offsets).tolist()]
    return merged_axes(total(moved), axis, len(axes))


@fused.register
def _(unfold: Unfold, factor: KroneckerFactor) -> Run:
    assert isinstance(factor.entries, GatherEntries)
    return partial(_convolved, unfold, factor.entries)


def _convolved(unfold: Unfold, entries: GatherEntries, features: Any, theta: Any, dtype: str) -> Any:
    """A kernel that is the same at every point, of a parameter for each offset, applied to features that are wrapped around."""
    grid, window = unfold.stencil.grid, unfold.window
    channels_in, channels_out = theta.shape[1:]
    low = unfold.steps.min(axis=0)
    # Zero stands where the window has a hole.
    places = np.zeros(prod(window), dtype=smallest_type(entries.rank))
    places[np.ravel_multi_index(tuple((unfold.steps - low).T), window)] = entries.signed_labels
    kernel = gathered(weight_table(places, entries.rank), theta, 0)
    # The gather comes before the cast: its gradient is a sum.
    kernel = ops.reshape(ops.cast(kernel, dtype), (*window, channels_in, channels_out))
    wrapped = ops.reshape(features, (-1, *grid, channels_in))
    for axis, (size, first, length) in enumerate(zip(grid, low.tolist(), window, strict=True)):
        wrapped = _wrapped(wrapped, axis + 1, size, -first, first + length - 1)
    outputs = ops.conv(wrapped, kernel, padding="valid", data_format="channels_last")
    return reshaped(outputs, (-1, prod(grid), channels_out))


def _wrapped(features: Any, axis: int, size: int, before: int, after: int) -> Any:
    """Features with what comes before the first and after the last place of one axis; a negative number leaves places out."""
    pieces = [(size - before, size), (max(0, -before), size - max(0, -after)), (0, after)]
    place = (slice(None),) * axis
    return concatenated([features[(*place, slice(*piece))] for piece in pieces if piece[0] < piece[1]], axis)
