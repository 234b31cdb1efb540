"""The arithmetic that a model computes in, and the very model in a finer one."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import keras

from eqgen.layers.equivariance.rounding import EPS, TF32
from eqgen.layers.execution.tensors import double_precision, rounds_products


def coarsest_dtype(model: Any) -> str:
    """The coarsest dtype that any layer of a model computes in: the model cannot be more exact than that."""
    dtypes = {str(layer.compute_dtype) for layer in model._flatten_layers()}
    return max(dtypes & EPS.keys(), key=EPS.__getitem__, default="float32")


def arithmetic_of(model: Any) -> str:
    """The same, as one of EPS: on a GPU float32 may not be what it says."""
    dtype = coarsest_dtype(model)
    return TF32 if dtype == "float32" and rounds_products() else dtype


class _Finer(keras.DTypePolicy):
    """A policy that computes in a dtype and keeps weights as they are."""

    def __init__(self, compute: str, variable: str) -> None:
        super().__init__(variable)
        self._compute_dtype = compute


@contextmanager
def computing_in(model: Any, dtype: str | None) -> Iterator[None]:
    """Inside, every layer of a model computes in a dtype: the very layers, with whatever was set on them since they were made.

    A layer with a dtype written into its code may raise, or compute as before. None changes nothing.
    """
    if dtype is None:
        yield
        return
    layers = [layer for layer in model._flatten_layers() if str(layer.compute_dtype) in EPS]
    policies = [layer.dtype_policy for layer in layers]
    # A functional model casts what comes to the dtype of its inputs.
    inputs = {
        id(tensor): tensor
        for layer in layers
        if isinstance(layer, keras.Model) and getattr(layer, "inputs", None)
        for tensor in layer.inputs
        if str(tensor.dtype) in EPS
    }
    dtypes = {name: tensor.dtype for name, tensor in inputs.items()}
    try:
        for layer in layers:
            layer.dtype_policy = _Finer(dtype, layer.variable_dtype)
        for tensor in inputs.values():
            tensor._dtype = dtype
        with double_precision() if dtype == "float64" else nullcontext():
            yield
    finally:
        for layer, policy in zip(layers, policies, strict=True):
            layer.dtype_policy = policy
        for name, tensor in inputs.items():
            tensor._dtype = dtypes[name]
