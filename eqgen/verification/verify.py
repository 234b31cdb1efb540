"""verify: does a layer or a model really commute with the group? Integers decide, floats confirm."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np

from eqgen.common.errors import DeclarationError, checked_flag, count, is_whole, shortened
from eqgen.layers import EquivariantDense
from eqgen.layers.equivariance.culprit import symmetry_breaker
from eqgen.layers.equivariance.function import Trial, random_trial
from eqgen.layers.equivariance.model import (
    HALF,
    coarsest_dtype,
    flat_function,
    in_single_precision,
    input_shape_of,
    randomized_weights,
    trained_weights,
    try_model,
)
from eqgen.orbitals.declare import mapping as as_mapping
from eqgen.spaces.mapping import Mapping
from eqgen.verification.difference import first_difference, simple_inputs
from eqgen.verification.functions import verify_function
from eqgen.verification.layer_checks import flat_shape, report_of, verify_layer, verify_typed
from eqgen.verification.report import Check, Report


def verify(
    layer: Any,
    declaration: Mapping | str | None = None,
    *,
    input_shape: tuple[int | None, ...] | None = None,
    words: int = 8,
    seed: int = 0,
    training: bool = True,
) -> Report:
    """Check that a layer or model is equivariant, always against the raw permutations of the declaration.

    An eqgen layer is checked in integers (the labels that its program sums to, under every generator; how many there are,
    against Burnside's count), in float64, and as it is. Any other Keras model or layer, and an eqgen layer held to a
    declaration that is not its own, gets the numeric part: with the weights that it has, and with others, as training might
    leave them. It is computed in its own dtype, or in float32 where that is half precision, which would hide what is wrong.

    Args:
        layer: an EquivariantDense, any Keras layer or model of one input and one output, or any function of one array (numpy,
            JAX, TensorFlow, PyTorch).
        declaration: a Mapping or its text; not needed for an eqgen layer.
        input_shape: the shape of one input, without the batch, for a model that does not know it. A function is given one
            example, by default of shape (n,); with None in front, as in (None, 5, 3), a batch of them.
        words: how many random products of generators to try beside the generators.
        seed: of the random inputs, words and weights.
        training: False for a model that is not trained any further: the weights that it has decide. Frozen weights are kept in
            any case.

    Returns:
        A Report: `bool(report)`, `report.max_error`, `str(report)`.

    Raises:
        DeclarationError: the declaration is missing, or the model's shapes do not fit its spaces.

    >>> import eqgen as eq
    >>> bool(eq.verify(eq.EquivariantDense(4, "{p p} -> p where p = S(5)")))
    True
    """
    checked_flag("training", training)
    for name, number in (("words", words), ("seed", seed)):
        if not is_whole(number, 0):
            raise DeclarationError(f"{name} is a whole number, 0 or more, got {shortened(number)}")
    declaration = None if declaration is None else as_mapping(declaration)
    random = np.random.default_rng(seed)
    if not isinstance(layer, keras.layers.Layer):
        return verify_function(layer, declaration, input_shape, words, random)
    # A subclass may compute something else: it is tried as it is, like any other layer.
    if type(layer) is EquivariantDense:
        if layer.mapping is None and declaration is None:
            return verify_typed(layer, random)
        if layer.orbits is not None and declaration in (None, layer.mapping):
            return verify_layer(layer, layer.orbits, words, random)
    if isinstance(layer, EquivariantDense):
        declaration = layer.mapping if declaration is None else declaration
        input_shape = flat_shape(layer) if input_shape is None and layer.layout != "grid" else input_shape
    if declaration is None:
        inside = count(len(equivariant_layers(layer)), "eqgen layer")
        others = f"; its {inside} can be verified one by one" if not inside.startswith("0 ") else ""
        raise DeclarationError(
            f"{layer.name!r} carries no declaration: say what it should be equivariant to, as in "
            f'verify(model, "{{p p}} -> p where p = S(5)"){others}'
        )
    shape = input_shape_of(layer, declaration, input_shape)
    trial = random_trial(declaration, int(np.prod(shape)) // declaration.input.size, words, random)
    return _verify_model(layer, declaration, shape, trial, random if training else None)


def _verify_model(
    layer: Any, mapping: Mapping, shape: tuple[int, ...], trial: Trial, random: np.random.Generator | None
) -> Report:
    """Any layer or model, by what it computes; with other weights too where a generator of random numbers is given."""
    model = in_single_precision(layer)
    outcome = try_model(model, mapping, shape, trial)
    holds, evidence = outcome.holds, f"{outcome}" if model is layer else f"made again in {outcome}"
    difference = "" if holds is not False else _difference(model, mapping, shape, trial)
    if holds is False:
        evidence += _named_breaker(model, mapping, shape)
    elif holds and outcome.dtype in HALF:
        holds = None
        evidence += (
            f"; {outcome.dtype} hides what is smaller, and the model cannot be made again: build it with dtype float32"
        )
    checks = [Check("numeric", holds, evidence)]
    if random is not None and holds and trained_weights(model):
        with randomized_weights(model, random):
            other = try_model(model, mapping, shape, trial)
            evidence = f"with other weights too: {other}"
            if other.holds is False:
                evidence = (
                    f"only the weights that it has now keep the symmetry, others break it: {other}"
                    f"{_named_breaker(model, mapping, shape)}"
                )
                difference = _difference(model, mapping, shape, trial)
        checks.append(Check("training", other.holds, evidence))
    return replace(report_of(layer, str(mapping), checks, outcome, None), difference=difference)


def _difference(model: Any, mapping: Mapping, shape: tuple[int, ...], trial: Trial) -> str:
    inputs = [*simple_inputs(mapping.input.size, trial.inputs[0].shape[-1]), *trial.inputs]
    return first_difference(flat_function(model, mapping, shape), mapping, trial, inputs, coarsest_dtype(model))


def _named_breaker(model: Any, mapping: Mapping, shape: tuple[int, ...]) -> str:
    if not isinstance(model, keras.Model):
        return ""
    generators = mapping.generators
    spaces = [[generator.input for generator in generators], [generator.output for generator in generators]]
    broken = symmetry_breaker(model, spaces, shape)
    if broken is not None:
        return f"; what breaks it is {broken}"
    if getattr(model, "inputs", None):
        return ""
    return "; no layer can be named in a subclassed model: a functional or sequential one shows what stands between its layers"


def equivariant_layers(model: Any) -> list[EquivariantDense]:
    """Every eqgen layer inside a model, nested ones too."""
    return [layer for layer in model._flatten_layers() if isinstance(layer, EquivariantDense)]
