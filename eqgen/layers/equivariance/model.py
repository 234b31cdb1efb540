"""The numeric check of any Keras model or layer, in its own dtype and shapes, with the weights that it has or others."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from math import prod
from typing import Any

import keras
import numpy as np

from eqgen.common.errors import DeclarationError
from eqgen.layers.equivariance.function import EPS, Array, Function, Outcome, Trial, try_function
from eqgen.layers.execution.tensors import as_float64
from eqgen.spaces.mapping import Mapping
from eqgen.spaces.space import Space

HALF = ("float16", "bfloat16")


def try_model(
    model: Any, mapping: Mapping, shape: tuple[int, ...], trial: Trial, before_activation: Function | None = None
) -> Outcome:
    """Hold a layer or model, whose inputs have this shape without the batch, against a mapping in its own dtype."""
    return try_function(flat_function(model, mapping, shape), trial, coarsest_dtype(model), before_activation)


def in_single_precision(model: Any) -> Any:
    """A model that computes in half precision, made again in float32 with the same weights; any other as it is.

    Rounding to half precision hides what breaks a symmetry. A subclassed model, whose config does not tell what it computes, is
    returned as it is.
    """
    if coarsest_dtype(model) not in HALF:
        return model
    usual = keras.config.dtype_policy()
    # Models that hold layers have the policy that is in force when they are made.
    keras.config.set_dtype_policy("float32")
    try:
        if isinstance(model, keras.Model):
            copy = keras.models.clone_model(model, clone_function=_single, recursive=True)
        else:
            copy = _single(model)
            copy.build(model.get_build_config()["input_shape"])
        copy.set_weights([as_float64(weight).astype("float32") for weight in model.weights])
    except (TypeError, ValueError, KeyError, NotImplementedError):
        return model
    finally:
        keras.config.set_dtype_policy(usual)
    return copy if coarsest_dtype(copy) not in HALF else model


def _single(layer: Any) -> Any:
    return type(layer).from_config(_in_float32(layer.get_config()))


def _in_float32(config: Any) -> Any:
    """A config whose every dtype is float32, in the layers that it holds too."""
    if isinstance(config, (list, tuple)):
        return type(config)(map(_in_float32, config))
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "DTypePolicy":
        return {**config, "config": {"name": "float32"}}
    return {
        key: "float32" if key == "dtype" and isinstance(value, str) and value in HALF else _in_float32(value)
        for key, value in config.items()
    }


def coarsest_dtype(model: Any) -> str:
    """The coarsest dtype that any layer of a model computes in: the model cannot be more exact than that."""
    dtypes = {str(layer.compute_dtype) for layer in model._flatten_layers()}
    return max(dtypes & EPS.keys(), key=EPS.__getitem__, default="float32")


def input_shape_of(model: Any, mapping: Mapping, given: tuple[int | None, ...] | None) -> tuple[int, ...]:
    """The shape of one input without the batch; unknown point dimensions are filled in from the mapping.

    Raises:
        DeclarationError: the model does not know its input, has several, takes integers, or does not fit the mapping.
    """
    shape = given if given is not None else _known_input_shape(model, mapping)
    space = mapping.input
    for points, channels in product(((space.size,), space.shape), ((), shape[-1:])):
        wanted = (*points, *channels)
        fits = len(shape) == len(wanted) and all(a in (None, b) for a, b in zip(shape, wanted, strict=True))
        if fits and None not in channels:
            return tuple(int(size) for size in wanted if size is not None)
    raise DeclarationError(f"{model.name!r} takes inputs of shape {_with_batch(shape)}, {_needed(mapping, space)}")


def _known_input_shape(model: Any, mapping: Mapping) -> tuple[int | None, ...]:
    try:
        shape = model.input_shape
    except AttributeError:
        shape = (getattr(model, "_build_shapes_dict", None) or {}).get("input_shape")
    if shape is None:
        raise DeclarationError(
            f"{model.name!r} does not know the shape of its input: pass it without the batch, as in "
            f"input_shape=({mapping.input.size}, 1)"
        )
    if not isinstance(shape, (list, tuple)) or not all(size is None or isinstance(size, int) for size in shape):
        raise DeclarationError(f"{model.name!r} has several inputs: verify takes models of one input and one output")
    dtype = str(getattr(getattr(model, "input", None), "dtype", "float32"))
    if dtype.startswith(("int", "uint", "bool")):
        raise DeclarationError(
            f"{model.name!r} takes {dtype} inputs: verify moves real features; check the part of the model after its embedding"
        )
    return tuple(shape[1:])


def flat_function(model: Any, mapping: Mapping, shape: tuple[int, ...]) -> Function:
    """A model as a function of features, from (batch, n, channels) to (batch, m, channels)."""
    space = mapping.output
    # A layer may not take the argument; a model always does.
    options = {"training": False} if isinstance(model, keras.Model) else {}

    def function(features: Array) -> Array:
        outputs = model(features.reshape(len(features), *shape), **options)
        if isinstance(outputs, (list, tuple, dict)):
            raise DeclarationError(
                f"{model.name!r} has several outputs: verify takes models of one input and one output"
            )
        array = as_float64(outputs)
        answer = array.shape[1:]
        if space.size != 1 and answer[:1] != (space.size,) and answer[: len(space.shape)] != space.shape:
            raise DeclarationError(f"{model.name!r} answers in shape {_with_batch(answer)}, {_needed(mapping, space)}")
        return array.reshape(len(array), space.size, -1)

    return function


def _with_batch(shape: tuple[int | None, ...]) -> str:
    return f"({', '.join(['batch', *map(str, shape)])})"


def _needed(mapping: Mapping, space: Space) -> str:
    needed = f"{mapping} needs (batch, {space.size}) or (batch, {space.size}, channels)"
    grid = " x ".join(map(str, space.shape))
    return needed if len(space.shape) < 2 else f"{needed}, or a grid of {grid} in place of {space.size}"


def trained_weights(model: Any) -> list[Any]:
    """What training changes: trainable weights, and the statistics that batch normalization keeps."""
    kept = [
        weight
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
        for weight in layer.non_trainable_weights
    ]
    return list({id(weight): weight for weight in [*model.trainable_weights, *kept]}.values())


@contextmanager
def randomized_weights(model: Any, random: np.random.Generator) -> Iterator[None]:
    """Inside, what training changes is drawn at random, within its constraints; afterwards it is as it was."""
    weights = trained_weights(model)
    before = [np.asarray(keras.ops.convert_to_numpy(weight.value)) for weight in weights]
    try:
        for weight, values in zip(weights, before, strict=True):
            weight.assign(_drawn(values, random))
            if weight.constraint is not None:
                weight.assign(weight.constraint(weight))
        yield
    finally:
        for weight, values in zip(weights, before, strict=True):
            weight.assign(values)


def _drawn(values: Array, random: np.random.Generator) -> Array:
    """Vectors positive, for one may be a variance; matrices that keep the size of what they multiply; counters stay."""
    if not np.issubdtype(values.dtype, np.floating) and values.dtype.name != "bfloat16":
        return values
    if values.ndim < 2:
        drawn = random.uniform(0.5, 1.5, size=values.shape)
    else:
        drawn = random.normal(size=values.shape) / np.sqrt(prod(values.shape[:-1]))
    return drawn.astype(values.dtype)
