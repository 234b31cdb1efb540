"""A stencil on cyclic axes as the backend's own convolution, of features that are wrapped around."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from keras import ops

from eqgen.programs.entries.gather import GatherEntries
from eqgen.programs.operators.cyclic_stencil import Unfold


def convolve(windows: Unfold, entries: GatherEntries, features: Any, theta: Any, dtype: str) -> Any:
    """Apply a kernel that is the same at every point.

    Args:
        windows: the grid and the offsets.
        entries: the parameter of each offset.
        features: (batch, points, channels_in), in the compute dtype.
        theta: (rank, channels_in, channels_out), in the dtype of the variables.
        dtype: the compute dtype.

    Returns:
        (batch, points, channels_out).
    """
    grid, window = windows.stencil.grid, windows.window
    channels_in, channels_out = theta.shape[1:]
    steps = windows.steps
    low = steps.min(axis=0)
    # Where the window has a hole the number of a row of zeros stands.
    places = np.full(prod(window), entries.rank, dtype=np.int32)
    places[np.ravel_multi_index(tuple((steps - low).T), window)] = entries.labels
    if (places == entries.rank).any():
        theta = ops.pad(theta, [(0, 1), (0, 0), (0, 0)])
    # The gather comes before the cast: its gradient is a sum.
    kernel = ops.reshape(ops.cast(ops.take(theta, places, axis=0), dtype), (*window, channels_in, channels_out))
    found = ops.reshape(features, (-1, *grid, channels_in))
    for axis, (size, first, width) in enumerate(zip(grid, low.tolist(), window, strict=True)):
        found = _wrapped(found, axis + 1, size, -first, first + width - 1)
    found = ops.conv(found, kernel, padding="valid", data_format="channels_last")
    return ops.reshape(found, (-1, prod(grid), channels_out))


def _wrapped(features: Any, axis: int, size: int, before: int, after: int) -> Any:
    """Features with what comes before the first and after the last place of one axis; a negative number leaves places out."""
    place = [slice(None)] * len(features.shape)
    pieces = []
    for start, stop in ((size - before, size), (max(0, -before), size - max(0, -after)), (0, after)):
        if start < stop:
            pieces.append(features[(*place[:axis], slice(start, stop))])
    return pieces[0] if len(pieces) == 1 else ops.concatenate(pieces, axis=axis)
