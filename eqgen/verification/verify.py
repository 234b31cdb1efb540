"""verify: does a layer or a model really commute with the group? Integers decide, floats confirm."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import keras
import numpy as np

from eqgen.common.arrays import Integers
from eqgen.common.errors import DeclarationError
from eqgen.common.text import count
from eqgen.layers import EquivariantDense
from eqgen.layers.equivariance.culprit import breaking_operation
from eqgen.layers.equivariance.function import (
    TOLERANCE_IN_EPS,
    Array,
    Function,
    Outcome,
    random_inputs,
    random_products,
    try_elements,
)
from eqgen.layers.equivariance.model import EPS, HALF, in_single_precision, input_shape_of, try_model
from eqgen.layers.equivariance.weights import other_weights, trained_weights
from eqgen.layers.execution.backend import double_precision
from eqgen.orbitals.certificate import Certificate, certify
from eqgen.orbitals.declare import mapping as as_mapping
from eqgen.orbitals.orbits import Orbits
from eqgen.programs.program import NoCombinationError
from eqgen.spaces.mapping import Mapping
from eqgen.verification.layer_checks import bias_checks, certificate_checks, form_check, program_check
from eqgen.verification.report import Check, Report

FLOAT64_TOLERANCE = TOLERANCE_IN_EPS * EPS["float64"]

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
    against Burnside's count) and in float64, rebuilt from its config. Any other Keras model or layer, and an eqgen layer held to a
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
    random = np.random.default_rng(seed)
    # A subclass may compute something else: it is tried as it is, like any other layer.
    if type(layer) is EquivariantDense:
        own = declaration is None or (layer.mapping is not None and as_mapping(declaration) == layer.mapping)
        if own:
            return _verify_layer(layer, words, random) if layer.mapping is not None else _verify_typed(layer, random)
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
    mapping = as_mapping(declaration)
    shape = input_shape_of(layer, mapping, input_shape)
    return _verify_model(layer, mapping, shape, words, random, training)


def _verify_model(
    layer: Any, mapping: Mapping, shape: tuple[int, ...], words: int, random: np.random.Generator, training: bool
) -> Report:
    """Any layer or model, by what it computes."""
    model = in_single_precision(layer)
    outcome, dtype, tolerance = try_model(model, mapping, shape, words, random)
    holds, evidence = outcome.holds(tolerance), outcome.evidence(dtype, tolerance)
    if model is not layer:
        evidence = f"made again in {evidence}"
    if holds is False:
        evidence += _named_culprit(model, mapping, shape)
    elif holds and dtype in HALF:
        holds = None
        evidence += f"; {dtype} hides what is smaller, and the model cannot be made again: build it with dtype float32"
    checks = [Check("numeric", holds, evidence)]
    if training and holds and trained_weights(model):
        with other_weights(model, random):
            other, _, _ = try_model(model, mapping, shape, words, random)
            evidence = f"with other weights too: {other.evidence(dtype, tolerance)}"
            if other.holds(tolerance) is False:
                evidence = (
                    f"only the weights that it has now keep the symmetry, others break it: {other.evidence(dtype, tolerance)}"
                    f"{_named_culprit(model, mapping, shape)}"
                )
        checks.append(Check("training", other.holds(tolerance), evidence))
    subject = f"{type(layer).__name__} {layer.name!r}"
    return Report(subject, str(mapping), tuple(checks), None, outcome.error, tolerance, dtype)


def _named_culprit(model: Any, mapping: Mapping, shape: tuple[int, ...]) -> str:
    if not isinstance(model, keras.Model):
        return ""
    generators = mapping.generators
    spaces = [[generator.input for generator in generators], [generator.output for generator in generators]]
    broken = breaking_operation(model, spaces, shape)
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


def _verify_layer(layer: EquivariantDense, words: int, random: np.random.Generator) -> Report:
    mapping = layer.mapping
    assert mapping is not None
    assert layer.orbits is not None
    columns = _columns(layer, random)
    program = program_check(layer, columns, random)
    certificate = _certificate(layer, layer.orbits, columns)
    outcome = _in_float64(layer, mapping, words, random)
    checks = [
        program,
        *certificate_checks(certificate, len(mapping.generators)),
        *bias_checks(layer, mapping),
        form_check(layer, _applied(layer) if layer.built else None, _channels(layer), random),
        Check("numeric", outcome.holds(FLOAT64_TOLERANCE), outcome.evidence("float64", FLOAT64_TOLERANCE)),
        *_as_it_is(layer, mapping, words, random),
    ]
    subject = f"EquivariantDense {layer.name!r}"
    return Report(subject, str(mapping), tuple(checks), certificate, outcome.error, FLOAT64_TOLERANCE, "float64")


def _columns(layer: EquivariantDense, random: np.random.Generator) -> Integers:
    """The columns of the matrix that the integers look at: all, or of a large one some drawn at random."""
    m, n = layer.program.shape
    if m * n <= LARGEST_MATRIX:
        return np.arange(n)
    return np.sort(random.choice(n, min(n, max(1, LARGEST_MATRIX // m)), replace=False))


def _certificate(layer: EquivariantDense, found: Orbits, columns: Integers) -> Certificate:
    """Of the labels that the program sums to; of a matrix too large to look at, of the orbits that it is made from."""
    if columns.size < layer.program.shape[1]:
        return found.certificate()
    try:
        labels, signs = layer.weight_labels()
    except NoCombinationError:
        # It sums to no labels, which the check of the program has told.
        return found.certificate()
    return certify(found.mapping, labels, signs)


def _verify_typed(layer: EquivariantDense, random: np.random.Generator) -> Report:
    """A typed pattern has no group: its form is checked, and that the layer applies the matrix that it shows."""
    twin = _copy(layer, None, "float64", _weights(layer, random))
    matrix = twin.weight_matrix()
    full = matrix[:, :, None, None] if layer.units is None else matrix
    worst = 0.0
    for features in random_inputs(layer.program.shape[1], _channels(layer), random):
        expected = np.einsum("mnio,bni->bmo", full, features) + twin.bias_on_points()
        error = float(np.abs(_flat(twin)(features) - expected).max() / (np.abs(expected).max() or 1.0))
        worst = error if not error <= worst else worst  # so that NaN counts as a violation
    evidence = f"y = W x in float64: largest relative difference {worst:.1e} (tolerance {FLOAT64_TOLERANCE:.1e})"
    checks = (
        program_check(layer, _columns(layer, random), random),
        form_check(layer, _applied(layer) if layer.built else None, _channels(layer), random),
        Check("numeric", worst <= FLOAT64_TOLERANCE, evidence),
    )
    subject = f"EquivariantDense {layer.name!r}"
    pattern = f"pattern {layer.pattern.in_one_line()}"
    return Report(subject, pattern, checks, None, worst, FLOAT64_TOLERANCE, "float64")


def _in_float64(layer: EquivariantDense, mapping: Mapping, words: int, random: np.random.Generator) -> Outcome:
    """The layer made again in float64, with its own weights and with random ones: zeros would show nothing."""
    products = random_products(mapping, words, random)
    inputs = random_inputs(layer.program.shape[1], _channels(layer), random)
    # An activation that is a layer computes in a dtype of its own; it is tried with the layer as it is.
    activation = None if isinstance(layer.activation, keras.layers.Layer) else layer.activation
    outcomes = []
    for weights in [_weights(layer, random)] + ([_random_weights(layer, random)] if layer.built else []):
        twin, linear = (_flat(_copy(layer, use, "float64", weights)) for use in (activation, None))
        outcomes.append(try_elements(twin, mapping.generators, products, inputs, FLOAT64_TOLERANCE, linear))
    worst = max(outcomes, key=lambda outcome: outcome.error)
    return Outcome(worst.error, worst.worst, any(outcome.told for outcome in outcomes), worst.elements)


def _as_it_is(layer: EquivariantDense, mapping: Mapping, words: int, random: np.random.Generator) -> Iterator[Check]:
    """The very layer, in its own dtype and layout: what was made again in float64 may differ from it."""
    if not layer.built:
        return
    shape = _flat_shape(layer)
    if layer.layout == "grid":
        shape = (*mapping.input.shape, *shape[1:])
    linear = _flat(_copy(layer, None, "float64", _weights(layer, random)))
    outcome, dtype, tolerance = try_model(layer, mapping, shape, words, random, linear)
    # Weights that are all zero show nothing here, and are no mistake: the random ones in float64 decided.
    yield Check("as it is", outcome.holds(tolerance), outcome.evidence(dtype, tolerance))


def _applied(layer: EquivariantDense) -> Function:
    """The linear part of a built layer without its bias, in the dtype of its weights."""
    return _flat(
        _copy(layer, None, layer.variable_dtype, [np.asarray(keras.ops.convert_to_numpy(layer.kernel.value))], False)
    )


def _weights(layer: EquivariantDense, random: np.random.Generator) -> list[Array]:
    """Kernel and bias in float64; random ones for a layer that has none yet."""
    if not layer.built:
        return _random_weights(layer, random)
    variables = [layer.kernel] if layer.bias is None else [layer.kernel, layer.bias]
    return [np.asarray(keras.ops.convert_to_numpy(variable.value)).astype(np.float64) for variable in variables]


def _random_weights(layer: EquivariantDense, random: np.random.Generator) -> list[Array]:
    channels = () if layer.units is None else (_channels(layer), layer.units)
    kernel = random.normal(size=(layer.rank, *channels))
    return (
        [kernel]
        if layer.bias_pattern is None
        else [kernel, random.normal(size=(layer.bias_pattern.rank, *channels[1:]))]
    )


def _channels(layer: EquivariantDense) -> int:
    if layer.units is None:
        return 1
    return int(layer.kernel.shape[1]) if layer.built else UNBUILT_CHANNELS


def _flat_shape(layer: EquivariantDense) -> tuple[int, ...]:
    size = layer.program.shape[1]
    return (size,) if layer.units is None else (size, _channels(layer))


def _copy(
    layer: EquivariantDense, activation: Any, dtype: str, weights: list[Array], with_bias: bool = True
) -> EquivariantDense:
    """A flat layer of the same declaration, in another dtype, with the very table that the layer computes with."""
    typed = layer.mapping is None
    copy = EquivariantDense(
        layer.units,
        layer.pattern if layer.orbits is None else layer.orbits,
        activation=activation,
        use_bias=with_bias and layer.use_bias and not typed,
        bias=layer.typed_bias() if with_bias else None,
        aggregation=layer.aggregation,
        layout="flat",
        lowering=layer.lowering,
        dtype=dtype,
        # A name of its own would move the count of Keras' automatic names.
        name=layer.name,
    )
    with double_precision():
        copy.build((None, *_flat_shape(layer)))
        copy.compute_like(layer)
        copy.kernel.assign(weights[0])
        if copy.bias is not None:
            copy.bias.assign(weights[1])
    return copy


def _flat(layer: EquivariantDense) -> Function:
    def function(features: Array) -> Array:
        with double_precision() if layer.compute_dtype == "float64" else nullcontext():
            # Named at once: PyTorch would first make single precision of it.
            inputs = keras.ops.convert_to_tensor(features, dtype=layer.compute_dtype)
            outputs = layer(inputs[:, :, 0] if layer.units is None else inputs)
            array = np.asarray(keras.ops.convert_to_numpy(outputs))
        return array[:, :, None] if layer.units is None else array

    return function
