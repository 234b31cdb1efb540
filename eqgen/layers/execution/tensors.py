"""Sizes and constants, as the steps of an execution need them."""

from __future__ import annotations

from math import prod
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from eqgen.common.arrays import Permutation


def product_of(sizes: list[Any]) -> Any:
    """The product of sizes of which one may be known only at run time."""
    known: Any = prod(size for size in sizes if isinstance(size, int))
    for size in sizes:
        if not isinstance(size, int):
            known = known * size
    return known


def constant(matrix: Any, like: Any) -> Any:
    """An array as a tensor of another one's dtype."""
    # Named at once: PyTorch would first make single precision of it.
    return ops.convert_to_tensor(matrix, dtype=keras.backend.standardize_dtype(like.dtype))


def reordered(values: Any, order: Permutation, axis: int) -> Any:
    """Values in another order along one axis; the gradient is the order back, not the scatter that autodiff makes."""
    there, back = order.astype(np.int32), np.argsort(order).astype(np.int32)

    @ops.custom_gradient
    def applied(values: Any) -> Any:
        def gradient(*arguments: Any, upstream: Any = None) -> Any:
            return ops.take(arguments[0] if upstream is None else upstream, back, axis=axis)

        return ops.take(values, there, axis=axis), gradient

    return applied(values)


def mean(values: Any, axis: int, *, keepdims: bool = False) -> Any:
    """The mean along one axis.

    Keras 3.15 takes means in single precision on JAX whatever comes; sums of half precision would overflow.
    """
    if keras.backend.standardize_dtype(values.dtype) != "float64":
        return ops.mean(values, axis=axis, keepdims=keepdims)
    return ops.sum(values, axis=axis, keepdims=keepdims) / values.shape[axis]


def matmul(one: Any, other: Any) -> Any:
    """The product of two tensors of one dtype; Keras 3.15 makes single precision of it on PyTorch whatever comes."""
    is_double = keras.backend.standardize_dtype(one.dtype) == "float64"
    return one @ other if is_double else ops.matmul(one, other)


def as_float64(tensor: Any) -> npt.NDArray[np.float64]:
    """A tensor of any dtype as a numpy array in double precision, which not every backend has."""
    if keras.backend.standardize_dtype(tensor.dtype) in ("float16", "bfloat16"):
        tensor = ops.cast(tensor, "float32")
    found: npt.NDArray[np.float64] = np.asarray(ops.convert_to_numpy(tensor)).astype(np.float64)
    return found
