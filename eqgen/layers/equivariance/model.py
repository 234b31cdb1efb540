"""The numeric check of any Keras model or layer, in its own dtype and shapes, and in a finer one where that decides."""

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import keras
from keras import ops

from eqgen.common.errors import DeclarationError
from eqgen.layers.equivariance.arithmetic import arithmetic_of, coarsest_dtype, computing_in
from eqgen.layers.equivariance.function import (
    COARSE,
    LARGE,
    ROUNDING,
    TF32,
    Array,
    Function,
    Outcome,
    Trial,
    agree,
    answers,
    only_rounding,
    try_function,
)
from eqgen.layers.equivariance.shapes import fitting, is_on, or_grid, with_batch
from eqgen.layers.execution.tensors import as_float64, highest_precision
from eqgen.spaces.mapping import Mapping
from eqgen.spaces.space import Space

FINER = {"float16": "float32", "bfloat16": "float32", TF32: "float64", "float32": "float64"}


def try_model(
    model: Any,
    mapping: Mapping,
    shape: tuple[int, ...],
    trial: Trial,
    before_activation: Function | None = None,
    *,
    function: Function | None = None,
    precise: bool = True,
    alone: bool = False,
) -> Outcome:
    """Hold a layer or model, whose inputs have this shape without the batch, against a mapping.

    It is tried in its own arithmetic. Coarse ones hide what is smaller, so that the very model is also computed in a finer one,
    where it has to answer the same; and what fails in float32, or shows nothing, is decided in float64, for rounding may be
    large behind a constant.

    Args:
        model: a Keras layer or model.
        mapping: what it is held to.
        shape: of one input.
        trial: elements and inputs.
        before_activation: what its last activation is given, where that is known.
        function: what is computed with it, in place of a call.
        precise: at the highest precision that the backend has for one operation; else in the user's arithmetic.
        alone: the inputs of each element in a batch of their own.
    """
    function = flat_function(model, mapping, shape) if function is None else function
    with highest_precision() if precise else nullcontext():
        arithmetic = arithmetic_of(model)
        trial = trial if coarsest_dtype(model) in ("float32", "float64") else trial.without(LARGE)
        own = try_function(function, trial, arithmetic, before_activation, alone=alone)
        if arithmetic == "float64" and own.holds is False and own.error < ROUNDING:
            with computing_in(model, "float32"):
                return only_rounding(own, try_function(function, trial, "float32", before_activation, alone=alone))
        if arithmetic == "float64" or (arithmetic == "float32" and own.holds and not own.faint) or own.doubt:
            return own
        finer, same = FINER[arithmetic], True
        try:
            coarse = list(answers(function, trial, arithmetic, alone)) if arithmetic in COARSE else []
            with computing_in(model, finer):
                fine = try_function(function, trial, finer, before_activation, alone=alone)
                if finer == "float32" and fine.holds is not True:
                    with computing_in(model, "float64"):
                        finest = try_function(function, trial, "float64", before_activation, alone=alone)
                    fine = _of_single(fine, finest)
                if coarse:
                    same = agree(
                        coarse,
                        list(answers(function, trial, finer, alone)),
                        arithmetic,
                        len(list(model._flatten_layers())),
                    )
        except DeclarationError:
            raise
        except Exception:
            # A model with a dtype in its code may raise anything in another.
            fine = None
    if arithmetic in COARSE:
        return _of_coarse(own, fine, same, finer)
    return own if fine is None else _of_single(own, fine)


def _of_coarse(own: Outcome, fine: Outcome | None, same: bool, finer: str) -> Outcome:
    """What is told by a model in coarse arithmetic, and by itself in a finer one."""
    fine = None if fine is None else only_rounding(fine, own)
    if fine is not None and (fine.holds is False or (same and own.holds is not False)):
        confirmed = own.arithmetic == TF32 and fine.holds
        return replace(own, how="") if confirmed else replace(fine, how="made again in ")
    if own.holds is False and not (fine is not None and same and own.error < 1):
        return own
    if fine is None:
        doubt = f"{own.dtype} hides what is smaller, and the model cannot be made again: build it with dtype {finer}"
    else:
        doubt = f"{own.dtype} hides what is smaller, and in {finer} the model answers otherwise: build it with dtype {finer}"
    return replace(own, doubt=doubt)


def _of_single(own: Outcome, fine: Outcome) -> Outcome:
    """What is told by a model in float32 that failed or showed nothing, and by itself in float64."""
    fine = replace(fine, how="decided in ")
    if own.holds is False:
        # What is left is the rounding of float64, seen through the same constant.
        fine = only_rounding(fine, own)
        return own if fine.holds is False else fine
    # A model that computes in float32 whatever it is told does not follow the last place of its inputs.
    if fine.holds is False and not fine.respond:
        return own
    return fine if own.holds is None or fine.holds is False else own


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
    options = {"training": training} if training or isinstance(model, keras.Model) else {}

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
