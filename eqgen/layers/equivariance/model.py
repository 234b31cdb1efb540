"""The numeric check of any Keras model or layer, in its own dtype and shapes, and in a finer one where that decides."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import keras
from keras import ops

from eqgen.common.errors import DeclarationError
from eqgen.layers.equivariance.arithmetic import arithmetic_of, computing_in
from eqgen.layers.equivariance.comparison import Batches
from eqgen.layers.equivariance.decided import decided
from eqgen.layers.equivariance.outcome import Outcome
from eqgen.layers.equivariance.shapes import fitting, is_on, or_grid, with_batch
from eqgen.layers.equivariance.trial import Array, Function, Trial
from eqgen.layers.execution.tensors import as_float64, highest_precision
from eqgen.spaces.mapping import Mapping
from eqgen.spaces.space import Space


def try_model(
    model: Any,
    mapping: Mapping,
    shape: tuple[int, ...],
    trial: Trial,
    before_activation: Function | None = None,
    *,
    function: Function | None = None,
    precise: bool = True,
    batches: Batches = "together",
    trusted: bool = False,
) -> Outcome:
    """Hold a layer or model, whose inputs have this shape without the batch, against a mapping, as `decided` does.

    Args:
        model: a Keras layer or model.
        mapping: what it is held to.
        shape: of one input.
        trial: elements and inputs.
        before_activation: what its last activation is given, where that is known.
        function: what is computed with it, in place of a call.
        precise: at the highest precision that the backend has for one operation; else in the user's arithmetic.
        batches: what goes in together.
        trusted: eqgen's own, which answers the same each time; what holds in float32 is not looked at in float64 as well.
    """
    computed = flat_function(model, mapping, shape) if function is None else function

    @contextmanager
    def as_in(dtype: str) -> Iterator[Function]:
        with computing_in(model, dtype):
            yield computed

    layers = 1 + len(list(model._flatten_layers()))
    with highest_precision() if precise else nullcontext():
        arithmetic = arithmetic_of(model)
        return decided(
            computed, as_in, trial, arithmetic, before_activation, layers=layers, batches=batches, trusted=trusted
        )


def input_shape_of(model: Any, mapping: Mapping, given: tuple[int | None, ...] | None) -> tuple[int, ...]:
    """The shape of one input without the batch; unknown point dimensions are filled in from the mapping.

    Raises:
        DeclarationError: the model does not know its input, has several, takes integers, or does not fit the mapping.
    """
    shape = given if given is not None else _known_input_shape(model, mapping)
    space = mapping.input
    found = fitting(shape, space)
    if found is None:
        raise DeclarationError(f"{model.name!r} takes inputs of shape {with_batch(shape)}, {_needed(mapping, space)}")
    return found[0]


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
    if shape[0] is not None and isinstance(model, keras.Model):
        raise DeclarationError(
            f"{model.name!r} takes batches of {shape[0]} examples alone, and verify tries other ones: make it of inputs without "
            "a batch size"
        )
    dtype = str(getattr(getattr(model, "input", None), "dtype", "float32"))
    if dtype.startswith(("int", "uint", "bool")):
        raise DeclarationError(
            f"{model.name!r} takes {dtype} inputs: verify moves real features; check the part of the model after its embedding"
        )
    return tuple(shape[1:])


def flat_function(model: Any, mapping: Mapping, shape: tuple[int, ...], training: bool = False) -> Function:
    """A model as a function of features (batch, points, channels)."""
    space = mapping.output
    # A layer that does not take the argument hands it on to those inside.
    takes = isinstance(model, keras.Model) or model._call_has_training_arg
    options = {"training": training} if training or takes else {}

    def function(features: Array) -> Array:
        # Named at once: PyTorch would first make single precision of it.
        inputs = ops.convert_to_tensor(features.reshape(len(features), *shape), dtype=features.dtype.name)
        outputs = model(inputs, **options)
        if isinstance(outputs, (list, tuple, dict)):
            raise DeclarationError(
                f"{model.name!r} has several outputs: give a declaration for each, in a list, or by name in a dict"
            )
        array = as_float64(outputs)
        answer = array.shape[1:]
        if not is_on(answer, space):
            raise DeclarationError(f"{model.name!r} answers in shape {with_batch(answer)}, {_needed(mapping, space)}")
        return array.reshape(len(array), space.size, -1)

    return function


def _needed(mapping: Mapping, space: Space) -> str:
    return f"{mapping.in_short()} needs (batch, {space.size}) or (batch, {space.size}, channels){or_grid(space)}"
