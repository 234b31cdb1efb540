"""verify: does a layer or a model really commute with the group? Integers decide, floats confirm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import keras
import numpy as np

from eqgen.common.arrays import Integers, labels_of, signs_of
from eqgen.common.errors import DeclarationError
from eqgen.common.text import count
from eqgen.layers import EquivariantDense
from eqgen.layers.equivariance.culprit import symmetry_breaker
from eqgen.layers.equivariance.function import Outcome, Trial, random_inputs, random_trial, try_function
from eqgen.layers.equivariance.model import HALF, in_single_precision, input_shape_of, try_model
from eqgen.layers.equivariance.weights import randomized_weights, trained_weights
from eqgen.layers.execution.backend import double_precision
from eqgen.layers.execution.tensors import as_float64
from eqgen.orbitals.certificate import Certificate, certify
from eqgen.orbitals.declare import mapping as as_mapping
from eqgen.orbitals.orbits import Orbits
from eqgen.spaces.mapping import Mapping
from eqgen.verification.layer_checks import (
    Weights,
    applied,
    bias_checks,
    certificate_checks,
    form_check,
    program_check,
)
from eqgen.verification.report import Check, Report

LARGEST_MATRIX = 1 << 22
"""Of larger matrices some columns are looked at."""

UNBUILT_CHANNELS = 3
"""A layer that is not built yet is tried with so many channels."""


def verify(
    layer: Any,
    declaration: Mapping | str | None = None,
    *,
    input_shape: tuple[int, ...] | None = None,
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
        layer: an EquivariantDense, or any Keras layer or model of one input and one output.
        declaration: a Mapping or its text; not needed for an eqgen layer.
        input_shape: the shape of one input, without the batch, for a model that does not know it.
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
    if not isinstance(layer, keras.layers.Layer):
        raise DeclarationError(f"verify takes a Keras layer or model, got {type(layer).__name__}")
    declaration = None if declaration is None else as_mapping(declaration)
    random = np.random.default_rng(seed)
    # A subclass may compute something else: it is tried as it is, like any other layer.
    if type(layer) is EquivariantDense:
        if layer.mapping is None and declaration is None:
            return _verify_typed(layer, random)
        if layer.orbits is not None and declaration in (None, layer.mapping):
            return _verify_layer(layer, layer.orbits, words, random)
    if isinstance(layer, EquivariantDense):
        declaration = layer.mapping if declaration is None else declaration
        input_shape = _flat_shape(layer) if input_shape is None and layer.layout != "grid" else input_shape
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
        checks.append(Check("training", other.holds, evidence))
    return _report(layer, str(mapping), checks, outcome, None)


def _report(
    layer: Any, declaration: str, checks: list[Check], outcome: Outcome, certificate: Certificate | None
) -> Report:
    subject = f"{type(layer).__name__} {layer.name!r}"
    return Report(subject, declaration, tuple(checks), certificate, outcome.error, outcome.tolerance, outcome.dtype)


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
    if isinstance(model, EquivariantDense):
        return [model]
    layers = model._flatten_layers(include_self=False) if hasattr(model, "_flatten_layers") else []
    return [layer for layer in layers if isinstance(layer, EquivariantDense)]


def _verify_layer(layer: EquivariantDense, orbits: Orbits, words: int, random: np.random.Generator) -> Report:
    mapping = orbits.mapping
    columns = _columns(layer, random)
    program, summed = program_check(layer, columns, random)
    if summed is None or summed.shape != layer.program.shape:
        # It sums to no labels, which the check of the program has told, or to more than are looked at.
        certificate = orbits.certificate()
    else:
        certificate = certify(mapping, labels_of(summed), signs_of(summed))
    trial = random_trial(mapping, _channels(layer), words, random)
    weights = _weights(layer, random)
    outcome = _in_float64(layer, trial, [weights, _random_weights(layer, random)] if layer.built else [weights])
    checks = [
        program,
        *certificate_checks(certificate, len(mapping.generators)),
        *bias_checks(layer, mapping),
        form_check(layer, random),
        Check("numeric", outcome.holds, str(outcome)),
        *_as_it_is(layer, mapping, trial, weights),
    ]
    return _report(layer, str(mapping), checks, outcome, certificate)


def _columns(layer: EquivariantDense, random: np.random.Generator) -> Integers:
    """The columns of the matrix that the integers look at: all, or of a large one some drawn at random."""
    m, n = layer.program.shape
    if m * n <= LARGEST_MATRIX:
        return np.arange(n)
    return np.sort(random.choice(n, min(n, max(1, LARGEST_MATRIX // m)), replace=False))


def _verify_typed(layer: EquivariantDense, random: np.random.Generator) -> Report:
    """A typed pattern has no group: its form is checked, and that the layer applies the matrix that it shows."""
    weights = _weights(layer, random)
    matrix = layer.linear.matrix(layer.pattern, weights.kernel)
    with double_precision():
        bias = 0.0 if weights.bias is None else as_float64(layer.linear.bias_on_points(weights.bias))
    worst = 0.0
    for features in random_inputs(layer.program.shape[1], _channels(layer), random):
        expected = np.einsum("mnio,bni->bmo", matrix, features) + bias
        difference = np.abs(applied(layer, weights, "float64", features) - expected).max()
        error = float(difference / (np.abs(expected).max() or 1.0))
        worst = error if not error <= worst else worst  # so that NaN counts as a violation
    outcome = Outcome(worst, "", True, 0, "float64")
    evidence = f"y = W x in float64: largest relative difference {worst:.1e} (tolerance {outcome.tolerance:.1e})"
    program, _ = program_check(layer, _columns(layer, random), random)
    checks = [program, form_check(layer, random), Check("numeric", worst <= outcome.tolerance, evidence)]
    return _report(layer, f"pattern {layer.declared.title}", checks, outcome, None)


def _in_float64(layer: EquivariantDense, trial: Trial, several_weights: list[Weights]) -> Outcome:
    """The layer in float64, with its own weights and with random ones: zeros would show nothing."""
    # An activation that is a layer computes in a dtype of its own; it is tried with the layer as it is.
    activation = None if isinstance(layer.activation, keras.layers.Layer) else layer.activation
    outcomes = []
    for weights in several_weights:
        linear = partial(applied, layer, weights, "float64")
        outcomes.append(try_function(partial(linear, activation=activation), trial, "float64", linear))
    worst = max(outcomes, key=lambda outcome: outcome.error)
    return replace(worst, informative=any(outcome.informative for outcome in outcomes))


def _as_it_is(layer: EquivariantDense, mapping: Mapping, trial: Trial, weights: Weights) -> Iterator[Check]:
    """The very layer, in its own dtype and layout: what is applied in float64 may differ from it."""
    if not layer.built:
        return
    shape = _flat_shape(layer)
    if layer.layout == "grid":
        shape = (*mapping.input.shape, *shape[1:])
    outcome = try_model(layer, mapping, shape, trial, partial(applied, layer, weights, "float64"))
    # Weights that are all zero show nothing here, and are no mistake: the random ones in float64 decided.
    yield Check("as it is", outcome.holds, str(outcome))


def _weights(layer: EquivariantDense, random: np.random.Generator) -> Weights:
    """Kernel and bias in float64; random ones for a layer that has none yet."""
    if not layer.built:
        return _random_weights(layer, random)
    return Weights(as_float64(layer.kernel), None if layer.bias is None else as_float64(layer.bias))


def _random_weights(layer: EquivariantDense, random: np.random.Generator) -> Weights:
    channels = () if layer.units is None else (_channels(layer), layer.units)
    kernel, shared = random.normal(size=(layer.rank, *channels)), layer.bias_pattern
    return Weights(kernel, None if shared is None else random.normal(size=(shared.rank, *channels[1:])))


def _channels(layer: EquivariantDense) -> int:
    if layer.units is None:
        return 1
    return int(layer.kernel.shape[1]) if layer.built else UNBUILT_CHANNELS


def _flat_shape(layer: EquivariantDense) -> tuple[int, ...]:
    size = layer.program.shape[1]
    return (size,) if layer.units is None else (size, _channels(layer))
