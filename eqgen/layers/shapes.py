"""Sizes and constants, as the steps of an execution need them."""

from __future__ import annotations

from math import prod
from typing import Any

from keras import ops


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
