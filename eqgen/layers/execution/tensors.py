"""Shapes, constants and precision, as the steps of an execution need them."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from math import prod
from typing import Any

import keras
import numpy as np
from keras import ops

from eqgen.common.arrays import Integers, Permutation, Reals
from eqgen.layers.execution.exports import is_traced

WITHOUT_GRADIENTS = ("numpy", "openvino")
"""Backends of Keras that differentiate nothing."""


def sizes(tensor: Any) -> list[int]:
    """The shape of a tensor, with -1 for the one size that is known only at run time."""
    return [-1 if size is None else size for size in tensor.shape]


def reshaped(tensor: Any, shape: Sequence[int]) -> Any:
    """A reshape, left out where it changes nothing."""
    before = sizes(tensor)
    same = len(shape) == len(before) and all(size in (-1, known) for size, known in zip(shape, before, strict=True))
    return tensor if same else ops.reshape(tensor, shape)


def arranged(tensor: Any, before: Sequence[int], order: Sequence[int], after: Sequence[int]) -> Any:
    """A reshape, a transpose and a reshape; the transpose is left out where it moves axes of one point alone."""
    # A size that PyTorch traces is none of these, even if the example that it traces has one row.
    moving = [axis for axis in order if not (isinstance(before[axis], int) and before[axis] == 1)]
    if moving != sorted(moving):
        tensor = reshaped(tensor, [before[axis] for axis in sorted(moving)])
        tensor = ops.transpose(tensor, np.argsort(np.argsort(moving)).tolist())
    return reshaped(tensor, after)


def split_axis(tensor: Any, axis: int, grid: Sequence[int]) -> Any:
    """A grid in place of one axis."""
    shape = sizes(tensor)
    return reshaped(tensor, (*shape[:axis], *grid, *shape[axis + 1 :]))


def merged_axes(tensor: Any, axis: int, count: int) -> Any:
    """One axis in place of some that stand side by side."""
    shape = sizes(tensor)
    return reshaped(tensor, (*shape[:axis], prod(shape[axis : axis + count]), *shape[axis + count :]))


def broadcast(tensor: Any, axis: int, size: int) -> Any:
    """So many points on one axis, where one may stand for all of them."""
    if tensor.shape[axis] == size:
        return tensor
    shape = list(ops.shape(tensor))
    shape[axis] = size
    return ops.broadcast_to(tensor, shape)


def split(tensor: Any, counts: Sequence[int], axis: int) -> list[Any]:
    """Rows apart, some after others: the gradient puts them together once, where that of slices adds up whole arrays."""
    if len(counts) == 1:
        return [tensor]
    # Keras works out the sizes of unequal pieces by operations of its own.
    places = len(counts) if len(set(counts)) == 1 else np.cumsum(counts)[:-1].tolist()
    return list(ops.split(tensor, places, axis=axis))


def concatenated(tensors: Sequence[Any], axis: int) -> Any:
    """Tensors one after the other, where there are several."""
    return tensors[0] if len(tensors) == 1 else ops.concatenate(tensors, axis=axis)


def total(terms: Sequence[Any]) -> Any:
    """The sum of one tensor or more."""
    return sum(terms[1:], start=terms[0])


def constant(matrix: Any, like: Any) -> Any:
    """An array as a tensor of another one's dtype."""
    # Named at once: PyTorch would first make single precision of it.
    return ops.convert_to_tensor(matrix, dtype=keras.backend.standardize_dtype(like.dtype))


def multiplied(matrix: np.ndarray, values: Any, axis: int) -> Any:
    """A matrix of constants times what stands on one axis."""
    shape = sizes(values)
    flat = reshaped(values, (*([-1] if axis else []), shape[axis], prod(shape[axis + 1 :])))
    return reshaped(
        matmul(constant(matrix, values), flat, precise=True), (*shape[:axis], matrix.shape[0], *shape[axis + 1 :])
    )


def taken(values: Any, places: Integers, axis: int) -> Any:
    """What stands at some places, (count,), along one axis."""
    if keras.backend.backend() != "torch" or isinstance(values, keras.KerasTensor):
        return ops.take(values, places, axis=axis)
    import torch

    # Keras 3.15 wraps negative places and flattens the others by operations that are not exported to ONNX.
    return torch.index_select(values, axis, ops.convert_to_tensor(places))


def activated(activation: Callable[[Any], Any], values: Any) -> Any:
    """What an activation makes of values, in their precision: on JAX Keras 3.15 has tanh of double precision in single."""
    in_single = keras.backend.backend() == "jax" and activation is keras.activations.tanh
    if in_single and keras.backend.standardize_dtype(values.dtype) == "float64":
        return 2 * ops.sigmoid(2 * values) - 1
    return activation(values)


def with_gradient(run: Callable[[Any], Any], back: Callable[[Any], Any], values: Any) -> Any:
    """What a linear map makes of values; its gradient is the transpose that is given, not what autodiff makes of it."""
    if keras.backend.backend() in WITHOUT_GRADIENTS or is_traced():
        return run(values)

    @ops.custom_gradient
    def applied(values: Any) -> Any:
        def gradient(*arguments: Any, upstream: Any = None) -> Any:
            return back(arguments[0] if upstream is None else upstream)

        return run(values), gradient

    return applied(values)


def reordered(values: Any, order: Permutation, axis: int) -> Any:
    """Values in another order along one axis; the gradient is the order back, not a scatter."""
    if np.array_equal(order, np.arange(order.size)):
        return values
    there, back = order.astype(np.int32), np.argsort(order).astype(np.int32)
    return with_gradient(lambda values: taken(values, there, axis), lambda values: taken(values, back, axis), values)


def mean(values: Any, axis: int, *, keepdims: bool = False) -> Any:
    """The mean along one axis.

    Keras 3.15 takes means in single precision on JAX whatever comes; sums of half precision would overflow.
    """
    if keras.backend.standardize_dtype(values.dtype) != "float64":
        return ops.mean(values, axis=axis, keepdims=keepdims)
    return ops.sum(values, axis=axis, keepdims=keepdims) / values.shape[axis]


def matmul(left: Any, right: Any, *, precise: bool = False) -> Any:
    """The product of two tensors of one dtype; Keras 3.15 makes single precision of it on PyTorch whatever comes.

    On a GPU products of single precision may be rounded to 10 bits (TF32). A precise one is not, nor are those of its gradient:
    coefficients of a transform, unlike points, are mixed with each other when points move, so that to round them breaks the
    symmetry. Only JAX has a precision for one operation; elsewhere the switch of the whole process holds.
    """
    with highest_precision() if precise else nullcontext():
        is_double = keras.backend.standardize_dtype(left.dtype) == "float64"
        return left @ right if is_double else ops.matmul(left, right)


def highest_precision() -> AbstractContextManager[Any]:
    """A context in which products are as precise as their dtype, where the backend has one."""
    if keras.backend.backend() != "jax":
        return nullcontext()
    import jax

    highest: AbstractContextManager[Any] = jax.default_matmul_precision("highest")
    return highest


def rounds_products() -> bool:
    """Whether products of single precision are rounded to 10 bits (TF32) here and now: on a GPU, by the switches of its backend."""
    if keras.backend.backend() == "jax":
        import jax

        precise = str(jax.config.jax_default_matmul_precision).lower() in ("highest", "float32", "3")
        return jax.default_backend() == "gpu" and not precise
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return (
            bool(tf.config.list_physical_devices("GPU")) and tf.config.experimental.tensor_float_32_execution_enabled()
        )
    if keras.backend.backend() == "torch":
        import torch

        return bool(torch.cuda.is_available() and torch.backends.cuda.matmul.allow_tf32)
    return False


def as_float64(tensor: Any) -> Reals:
    """A tensor of any dtype as a numpy array in double precision, which not every backend has."""
    if keras.backend.standardize_dtype(tensor.dtype) in ("float16", "bfloat16"):
        tensor = ops.cast(tensor, "float32")
    return np.asarray(ops.convert_to_numpy(tensor)).astype(np.float64)


def double_precision() -> AbstractContextManager[Any]:
    """A context in which there is float64, which JAX has only where it is asked for."""
    if keras.backend.backend() != "jax":
        return nullcontext()
    import jax

    enabled: AbstractContextManager[Any] = jax.enable_x64(True)
    return enabled


def widest_dtype() -> str:
    """The widest dtype outside of `double_precision`."""
    if keras.backend.backend() != "jax":
        return "float64"
    import jax

    return "float64" if jax.config.jax_enable_x64 else "float32"
