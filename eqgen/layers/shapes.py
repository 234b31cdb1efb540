"""Sizes and constants, as the steps of an execution need them."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from keras import ops

from eqgen.signed import Permutation


def product_of(sizes: list[Any]) -> Any:
    """The product of sizes of which one may be known only at run time."""
    known: Any = prod(size for size in sizes if isinstance(size, int))
    for size in sizes:
        if not isinstance(size, int):
            known = known * size
    return known


def constant(matrix: Any, like: Any) -> Any:
    """An array as a tensor of another one's dtype."""
    return ops.cast(ops.convert_to_tensor(matrix), like.dtype)


def reordered(values: Any, order: Permutation, axis: int) -> Any:
    """Values in another order along one axis; the gradient is the order back, not the scatter that autodiff makes."""
    there, back = order.astype(np.int32), np.argsort(order).astype(np.int32)

    @ops.custom_gradient
    def applied(values: Any) -> Any:
        def gradient(*arguments: Any, upstream: Any = None) -> Any:
            return ops.take(arguments[0] if upstream is None else upstream, back, axis=axis)

        return ops.take(values, there, axis=axis), gradient

    return applied(values)
