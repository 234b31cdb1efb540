"""verify: does a layer or a model really commute with the group? Integers decide, floats confirm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import ml_dtypes
import numpy as np

from eqgen.certificate import Certificate, certify
from eqgen.equivariance import (
    TOLERANCE_IN_EPS,
    Array,
    Function,
    generator_moves,
    largest_violation,
    numeric_evidence,
    random_inputs,
    word_moves,
)
from eqgen.errors import DeclarationError
from eqgen.layers import EquivariantDense
from eqgen.mapping import Mapping
from eqgen.mapping import mapping as as_mapping
from eqgen.orbits import row_blocks
from eqgen.pattern import Labels, Pattern
from eqgen.report import Check, Report
from eqgen.signed import Signs
from eqgen.words import count


def verify(
    layer: Any,
    declaration: Mapping | str | None = None,
    *,
    input_shape: tuple[int, ...] | None = None,
    words: int = 8,
    seed: int = 0,
) -> Report:
    """Check that a layer or model is equivariant, always against the raw permutations of the declaration.

    An eqgen layer is checked in integers (its label table under every generator, its number of orbits against Burnside's
    count) and in float64, rebuilt from its config. Any other Keras model or layer, and an eqgen layer held to a
    declaration that is not its own, gets the numeric part in its own dtype.

    Args:
        layer: an EquivariantDense, or any Keras layer or model of one input and one output.
        declaration: a Mapping or its text; not needed for an eqgen layer.
        input_shape: the shape of one input, without the batch, for a model that does not know it.
        words: how many random products of generators to try beside the generators.
        seed: of the random inputs and words.

    Returns:
        A Report: `bool(report)`, `report.max_error`, `str(report)`.

    Raises:
        DeclarationError: the declaration is missing, or the model's shapes do not fit its spaces.

    >>> import eqgen as eq
    >>> bool(eq.verify(eq.EquivariantDense(4, "{p p} -> p where p = S(5)")))
    True
    """
    random = np.random.default_rng(seed)
    if isinstance(layer, EquivariantDense):
        own = declaration is None or (layer.mapping is not None and as_mapping(declaration) == layer.mapping)
        if own and layer.mapping is not None:
            return _verify_layer(layer, layer.mapping, words, random)
        if own:
            return _verify_typed(layer, random)
    if declaration is None:
        raise DeclarationError(
            f"{layer.name!r} carries no declaration: say what it should be equivariant to, as in "
            'verify(model, "{p p} -> p where p = S(5)")'
        )
    return _verify_model(layer, as_mapping(declaration), input_shape, words, random)


def equivariant_layers(model: Any) -> list[EquivariantDense]:
    """Every eqgen layer inside a model, nested ones too."""
    if isinstance(model, EquivariantDense):
        return [model]
    layers = model._flatten_layers(include_self=False) if hasattr(model, "_flatten_layers") else []
    return [layer for layer in layers if isinstance(layer, EquivariantDense)]


def _verify_layer(layer: EquivariantDense, mapping: Mapping, words: int, random: np.random.Generator) -> Report:
    labels, signs = layer.weight_labels()
    certificate = certify(mapping, labels, signs)
    twin = _in_float64(layer, random)
    moves = [*generator_moves(mapping), *word_moves(mapping, words, random)]
    inputs = _inputs(layer.pattern.shape[1], twin, random)
    error, worst = largest_violation(_flat_function(twin), moves, inputs, _flat_function(_without_activation(twin)))
    tolerance = TOLERANCE_IN_EPS * float(np.finfo(np.float64).eps)
    checks = [
        _table_check(layer, labels, signs),
        Check(
            "invariant",
            certificate.invariant,
            certificate.violation or f"the labels are unchanged by {_each_of(len(mapping.generators))}",
        ),
        _completeness(certificate),
        *_bias_checks(layer, mapping),
        _form_check(layer),
        Check("numeric", error <= tolerance, numeric_evidence("float64", moves, error, tolerance, worst)),
    ]
    return Report(
        f"EquivariantDense {layer.name!r}", str(mapping), tuple(checks), certificate, error, tolerance, "float64"
    )


def _verify_typed(layer: EquivariantDense, random: np.random.Generator) -> Report:
    labels, signs = layer.weight_labels()
    twin = _in_float64(layer, random)
    inputs = _inputs(layer.pattern.shape[1], twin, random)
    matrix = twin.weight_matrix()
    full = matrix[:, :, None, None] if layer.units is None else matrix
    linear = _flat_function(_without_activation(twin))
    bias = twin.bias_on_points()
    error = 0.0
    for features in inputs:
        expected = np.einsum("mnio,bni->bmo", full, features) + bias
        found = linear(features)
        error = max(error, float(np.abs(found - expected).max() / (np.abs(expected).max() or 1.0)))
    tolerance = TOLERANCE_IN_EPS * float(np.finfo(np.float64).eps)
    evidence = f"y = W x in float64: largest relative difference {error:.1e} (tolerance {tolerance:.1e})"
    checks = (
        _table_check(layer, labels, signs),
        _form_check(layer),
        Check("numeric", error <= tolerance, evidence),
    )
    return Report(
        f"EquivariantDense {layer.name!r}",
        f"pattern {layer.pattern.in_one_line()}",
        checks,
        None,
        error,
        tolerance,
        "float64",
    )


def _verify_model(
    model: Any, mapping: Mapping, input_shape: tuple[int, ...] | None, words: int, random: np.random.Generator
) -> Report:
    dtype = _dtype_of(model)
    shape = _model_input_shape(model, mapping, input_shape)
    function = _model_function(model, mapping, shape, dtype)
    channels = int(np.prod(shape)) // mapping.input.size
    inputs = [features.astype(dtype) for features in random_inputs(mapping.input.size, channels, random)]
    moves = [*generator_moves(mapping), *word_moves(mapping, words, random)]
    error, worst = largest_violation(function, moves, inputs)
    tolerance = TOLERANCE_IN_EPS * float(ml_dtypes.finfo(dtype).eps)  # type: ignore[no-untyped-call]
    check = Check("numeric", error <= tolerance, numeric_evidence(dtype, moves, error, tolerance, worst))
    return Report(f"{type(model).__name__} {model.name!r}", str(mapping), (check,), None, error, tolerance, dtype)


def _table_check(layer: EquivariantDense, labels: Labels, signs: Signs) -> Check:
    pattern = layer.pattern
    different = np.argwhere((labels != pattern.labels) | (signs != pattern.signs))
    if different.size:
        row, column = different[0].tolist()
        return Check(
            "table",
            False,
            f"{len(different)} entries are not as declared: the first is ({row + 1}, {column + 1}), label "
            f"{labels[row, column]} instead of {pattern.labels[row, column]}",
        )
    m, n = pattern.shape
    return Check("table", True, f"the layer computes with the declared labels, {m} x {n} entries")


def _completeness(certificate: Certificate) -> Check:
    if certificate.burnside is None:
        return Check("complete", None, f"{count(certificate.rank, 'orbit')}; Burnside's count: {certificate.counted}")
    return Check(
        "complete",
        certificate.complete,
        f"{count(certificate.rank, 'orbit')}, Burnside's count over {certificate.counted} says {certificate.burnside}",
    )


def _each_of(generators: int) -> str:
    return "the generator" if generators == 1 else f"each of {generators} generators"


def _bias_checks(layer: EquivariantDense, mapping: Mapping) -> Iterator[Check]:
    bias = layer.bias_pattern
    if bias is None:
        return
    for generator in mapping.generators:
        moved = bias.labels[generator.output.image], bias.signs[generator.output.image]
        expected = bias.labels, bias.signs * generator.output.all_signs()[:, None]
        if not all(map(np.array_equal, moved, expected)):
            yield Check("bias", False, f"{generator.name} moves the shared biases")
            return
    yield Check(
        "bias", True, f"{count(bias.rank, 'bias parameter')}, unchanged by each generator".replace("biass", "biases")
    )


def _form_check(layer: EquivariantDense) -> Check:
    """Whether all entries of each parameter are the same float, bit for bit, in the matrix as it is now."""
    if not layer.built:
        return Check("form", None, "the layer is not built yet, so there is no matrix to look at")
    matrix = layer.weight_matrix()
    entries = matrix.reshape(*layer.pattern.shape, -1)
    strays = _strays(entries, layer.pattern)
    if strays:
        return Check("form", False, strays)
    return Check("form", True, f"{count(layer.pattern.rank, 'parameter')}: equal entries of W are equal bit for bit")


def _strays(entries: Array, pattern: Pattern) -> str:
    first = np.zeros((pattern.rank + 1, entries.shape[-1]), dtype=entries.dtype)
    labels = pattern.labels.ravel()
    # Later entries are written first, so that what stays is the first entry of each parameter.
    first[labels[::-1]] = (entries * pattern.signs[:, :, None].astype(entries.dtype)).reshape(labels.size, -1)[::-1]
    first[-1] = 0
    for rows in row_blocks(*pattern.shape):
        signs = pattern.signs[rows][:, :, None].astype(entries.dtype)
        expected = first[pattern.labels[rows]] * signs
        different = (entries[rows] != expected) & ~(np.isnan(entries[rows]) & np.isnan(expected))
        if different.any():
            row, column, _ = np.argwhere(different)[0].tolist()
            return f"entry ({rows.start + row + 1}, {column + 1}) of W is not the number of its parameter"
    return ""


def _in_float64(layer: EquivariantDense, random: np.random.Generator) -> EquivariantDense:
    """The same layer in float64, with the same weights and the same table; an unbuilt one gets random weights."""
    channels = 3 if not layer.built else layer.kernel.shape[1] if layer.units is not None else 1
    twin = _copy(layer, layer.activation, channels)
    weights = [keras.ops.convert_to_numpy(weight).astype(np.float64) for weight in layer.weights]
    twin.set_weights(weights if layer.built else [random.normal(size=weight.shape) for weight in twin.weights])
    return twin


def _without_activation(twin: EquivariantDense) -> EquivariantDense:
    """The linear part of a layer in float64."""
    linear = _copy(twin, None, twin.kernel.shape[1] if twin.units is not None else 1)
    linear.set_weights(twin.get_weights())
    return linear


def _copy(layer: EquivariantDense, activation: Any, channels: int) -> EquivariantDense:
    config = layer.get_config()
    config.update(dtype="float64", activation=activation, layout="flat")
    copy = EquivariantDense.from_config(config)
    size = layer.pattern.shape[1]
    copy.build((None, size) if layer.units is None else (None, size, channels))
    copy.compute_with_table_of(layer)
    return copy


def _flat_function(layer: EquivariantDense) -> Function:
    def function(features: Array) -> Array:
        if layer.units is None:
            return np.asarray(keras.ops.convert_to_numpy(layer(features[:, :, 0])))[:, :, None]
        return np.asarray(keras.ops.convert_to_numpy(layer(features)))

    return function


def _inputs(size: int, layer: EquivariantDense, random: np.random.Generator) -> list[Array]:
    return random_inputs(size, 1 if layer.units is None else layer.kernel.shape[1], random)


def _dtype_of(model: Any) -> str:
    dtype = str(model.compute_dtype)
    if dtype not in ("float64", "float32", "float16", "bfloat16"):
        raise DeclarationError(f"{model.name!r} computes in {dtype}: verify needs a floating dtype")
    return dtype


def _model_input_shape(model: Any, mapping: Mapping, given: tuple[int, ...] | None) -> tuple[int, ...]:
    """The shape of one input without the batch; unknown point dimensions are filled in from the mapping."""
    shape = given if given is not None else _known_input_shape(model)
    space = mapping.input
    for points in dict.fromkeys([(space.size,), space.shape]):
        for channels in ((), shape[-1:]):
            wanted = (*points, *channels)
            fits = len(shape) == len(wanted) and all(a in (None, b) for a, b in zip(shape, wanted, strict=True))
            if fits and None not in channels:
                return tuple(int(size) for size in wanted if size is not None)
    raise DeclarationError(
        f"{model.name!r} takes inputs of shape {_with_batch(shape)}, {mapping} needs (batch, {space.size}) or "
        f"(batch, {space.size}, channels)" + (f" or a grid of {space.shape}" if len(space.shape) > 1 else "")
    )


def _known_input_shape(model: Any) -> tuple[int | None, ...]:
    try:
        shape = model.input_shape
    except AttributeError:
        shape = (getattr(model, "_build_shapes_dict", None) or {}).get("input_shape")
    if shape is None:
        raise DeclarationError(
            f"{model.name!r} does not know the shape of its input: pass it without the batch, as in input_shape=(21, 1)"
        )
    if not isinstance(shape, (list, tuple)) or not all(size is None or isinstance(size, int) for size in shape):
        raise DeclarationError(f"{model.name!r} has several inputs: verify takes models of one input and one output")
    return tuple(shape[1:])


def _model_function(model: Any, mapping: Mapping, shape: tuple[int, ...], dtype: str) -> Function:
    space = mapping.output

    def function(features: Array) -> Array:
        outputs = model(features.reshape(len(features), *shape).astype(dtype), training=False)
        if isinstance(outputs, (list, tuple, dict)):
            raise DeclarationError(
                f"{model.name!r} has several outputs: verify takes models of one input and one output"
            )
        array = np.asarray(keras.ops.convert_to_numpy(outputs))
        found = array.shape[1:]
        fits = space.size == 1 or found[:1] == (space.size,) or found[: len(space.shape)] == space.shape
        if not fits:
            raise DeclarationError(
                f"{model.name!r} answers in shape {_with_batch(found)}, {mapping} needs (batch, {space.size}) or "
                f"(batch, {space.size}, channels)"
            )
        return array.reshape(len(array), space.size, -1)

    return function


def _with_batch(shape: tuple[int | None, ...]) -> str:
    return f"({', '.join(['batch', *map(str, shape)])})"
