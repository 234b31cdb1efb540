"""The checks of an eqgen layer: the certificate, its program, its biases, its form as it is applied, and in float64."""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops

from eqgen.common.arrays import Integers, SignedLabels
from eqgen.common.errors import count
from eqgen.layers import EquivariantDense
from eqgen.layers.equivariance.comparison import try_function
from eqgen.layers.equivariance.model import try_model
from eqgen.layers.equivariance.outcome import NO_NUMBERS, Outcome, combined, only_rounding
from eqgen.layers.equivariance.rounding import TOLERANCE_IN_EPS, tolerance_of
from eqgen.layers.equivariance.trial import Array, Trial, random_inputs, random_trial
from eqgen.layers.execution.tensors import as_float64, double_precision, highest_precision
from eqgen.orbitals.certificate import Certificate, certify
from eqgen.orbitals.orbit_family import OrbitFamily
from eqgen.orbitals.orbits import Orbits
from eqgen.programs.program import NoCombinationError
from eqgen.spaces.mapping import Mapping
from eqgen.verification.model_checks import model_checks
from eqgen.verification.report import Check, Report

LARGEST_MATRIX = 1 << 22
"""Of larger matrices some columns are looked at."""

MOST_UNIT_INPUTS = 64
"""So many columns of the matrix are looked at, drawn at random where there are more."""

Weights = tuple[Array, Array | None]
"""A kernel, and a bias or None."""


def verify_layer(layer: EquivariantDense, orbits: Orbits, words: int, random: np.random.Generator) -> Report:
    """In integers, in float64, and as it is."""
    mapping, shape = orbits.mapping, flat_shape(layer)
    program, summed = program_check(layer, random)
    # It may sum to no labels, which the check of the program has told, or to more than are looked at.
    certificate = (
        certify(mapping, summed) if summed is not None and summed.shape == layer.program.shape else orbits.certificate()
    )
    trial = random_trial(mapping, (*shape, 1)[1], words, random)
    weights = _weights(layer, random)
    outcome = _in_float64(layer, trial, weights)
    if layer.built and not all(np.isfinite(as_float64(weight)).all() for weight in layer.weights):
        outcome = replace(outcome, error=float("inf"), doubt="", how="the weights are not finite; ")
    checks = [
        program,
        *certificate_checks(certificate, len(mapping.generators)),
        *bias_checks(layer, mapping),
        form_check(layer, random),
        Check("numeric", outcome.holds, str(outcome), open=outcome.holds is None),
    ]
    if layer.built:
        # The very layer, in its own dtype and layout: what is applied in float64 may differ from it. Weights that are all zero
        # show nothing here, and are no mistake: the random ones in float64 decided.
        points = (*mapping.input.shape, *shape[1:]) if layer.layout == "grid" else shape
        as_it_is = try_model(layer, mapping, points, trial, precise=False, trusted=True)
        if as_it_is.holds and not _is_linear(layer):
            one = try_model(layer, mapping, points, trial.one_example(), precise=False, batches="alone", trusted=True)
            as_it_is = one if one.holds is False else as_it_is
        checks.append(Check("as it is", as_it_is.holds, str(as_it_is), open=as_it_is.doubt not in ("", NO_NUMBERS)))
    if isinstance(layer.activation, keras.layers.Layer):
        # It is a part of the layer, with weights of its own and perhaps statistics.
        subject = layer if layer.built else _built(layer, shape)
        points = (*mapping.input.shape, *shape[1:]) if subject.layout == "grid" else shape
        found, _, _ = model_checks(subject, mapping, points, trial, random)
        checks += [replace(check, name=f"{check.name}, activation") for check in found]
    return report_of(layer, mapping.in_short(), checks, outcome, certificate)


def _built(layer: EquivariantDense, shape: tuple[int, ...]) -> EquivariantDense:
    """A layer like one that is not built yet, with an activation like its own, which is left unbuilt."""
    options = {name: getattr(layer, name) for name in ("use_bias", "aggregation", "lowering")}
    like = EquivariantDense(layer.units, layer.declared.source, layout="flat", dtype=layer.dtype_policy, **options)
    like.activation = layer.activation if layer.activation.built else _unbuilt_copy(layer.activation)
    like(np.zeros((1, *shape), dtype="float32"))
    return like


def _unbuilt_copy(activation: keras.layers.Layer) -> keras.layers.Layer:
    """A layer made of the config of one, with what was set on it since; itself where its config does not make one."""
    try:
        copy = type(activation).from_config(activation.get_config())
    except (TypeError, ValueError, NotImplementedError):
        return activation
    # Its layers come from the config, and what Keras keeps of a layer is the copy's own.
    bookkeeping = vars(keras.layers.Layer())
    for name, value in vars(activation).items():
        parts = keras.tree.flatten(value)
        if name not in bookkeeping and not any(isinstance(part, keras.layers.Layer | keras.Variable) for part in parts):
            setattr(copy, name, value)
    return copy


def verify_typed(layer: EquivariantDense, random: np.random.Generator) -> Report:
    """A typed pattern has no group: its form is checked, and that the layer applies the matrix that it shows."""
    kernel, bias = _weights(layer, random)[0]
    matrix = layer.linear.matrix(layer.pattern, kernel)
    with double_precision():
        shift = 0.0 if bias is None else as_float64(layer.linear.bias_on_points(bias))
    worst = 0.0
    n, channels = (*flat_shape(layer), 1)[:2]
    for features in random_inputs(n, channels, random).values():
        expected = np.einsum("mnio,bni->bmo", matrix, features) + shift
        difference = np.abs(applied(layer, (kernel, bias), "float64", features) - expected).max()
        error = float(difference / (np.abs(expected).max() or 1.0))
        worst = error if not error <= worst else worst  # so that NaN counts as a violation
    tolerance = tolerance_of("float64")
    evidence = f"y = W x in float64: largest relative difference {worst:.1e} (tolerance {tolerance:.1e})"
    program, _ = program_check(layer, random)
    checks = [program, form_check(layer, random), Check("numeric", worst <= tolerance, evidence)]
    return report_of(layer, f"pattern {layer.declared.title}", checks, (worst, tolerance, "float64"), None)


def _in_float64(layer: EquivariantDense, trial: Trial, several_weights: list[Weights]) -> Outcome:
    """The map of a layer and its activation, in float64, with several weights."""
    # An activation that is a layer computes in a dtype of its own; it is tried with the layer as it is.
    activation = None if isinstance(layer.activation, keras.layers.Layer) else layer.activation
    outcomes = []
    for weights in several_weights:
        linear = partial(applied, layer, weights, "float64")
        before = None if _is_linear(layer) else linear
        function, arithmetic = partial(linear, activation=activation), "float64"
        if before is not None:
            # On JAX tanh and its like of Keras 3.15 answer to double precision in single.
            arithmetic = function(next(iter(trial.inputs.values()))[:1]).dtype.name
        outcome = try_function(function, trial, arithmetic, before, trusted=before is None)
        if outcome.holds is False:
            single = partial(applied, layer, weights, "float32")
            coarse = try_function(partial(single, activation=activation), trial, "float32", before and single)
            outcome = only_rounding(outcome, coarse)
        outcomes.append(outcome)
    return combined(outcomes)


def _is_linear(layer: EquivariantDense) -> bool:
    """Whether there is none, so that what it is given is the answer."""
    return layer.activation is keras.activations.linear


def _weights(layer: EquivariantDense, random: np.random.Generator) -> list[Weights]:
    """In float64 the weights that a layer has, if any, and random ones: zeros would show nothing.

    An activation is given answers of both signs, and all of one sign, too.
    """
    bias = None if layer.bias is None else as_float64(layer.bias)
    own = [(as_float64(layer.kernel), bias)] if layer.built else []
    sizes, shared = () if layer.units is None else (flat_shape(layer)[1], layer.units), layer.bias_pattern
    kernel = random.normal(size=(layer.rank, *sizes))
    drawn = None if shared is None else random.normal(size=(shared.rank, *sizes[1:]))
    one_sign = [] if _is_linear(layer) else [(np.abs(kernel), None if drawn is None else np.zeros_like(drawn))]
    return [*own, (kernel, drawn), *one_sign]


def flat_shape(layer: EquivariantDense, declared: Mapping | None = None) -> tuple[int, ...]:
    """The shape of one input, flat and without the batch; a layer that is not built yet is tried with three channels.

    One for every size is tried with those of what is declared.
    """
    is_sized = declared is None or not isinstance(layer.orbits, OrbitFamily)
    n = layer.program.shape[1] if declared is None or is_sized else declared.input.size
    return (n,) if layer.units is None else (n, int(layer.kernel.shape[1]) if layer.built else 3)


def report_of(
    layer: Any,
    declaration: str,
    checks: list[Check],
    outcome: Outcome | tuple[float, float, str],
    certificate: Certificate | None,
) -> Report:
    """What was found of a layer."""
    numbers = outcome if isinstance(outcome, tuple) else (outcome.error, outcome.tolerance, outcome.dtype)
    return Report(f"{type(layer).__name__} {layer.name!r}", declaration, tuple(checks), certificate, *numbers)


def applied(
    layer: EquivariantDense,
    weights: Weights,
    dtype: str,
    features: Array,
    activation: Any = None,
    *,
    linear: Any = None,
) -> Array:
    """What the very map of a layer, built or not, answers in some dtype to (batch, n, channels_in): (batch, m, channels).

    The weights are those of as many channels; an activation is a function, applied last. The map is that of a layer of one size,
    unless it is given.
    """
    with double_precision() if dtype == "float64" else nullcontext():
        # Named at once: PyTorch would first make single precision of it.
        inputs, kernel, bias = (
            None if array is None else ops.convert_to_tensor(array, dtype=dtype) for array in (features, *weights)
        )
        outputs = (linear or layer.linear)(inputs, kernel, bias, dtype)
        outputs = outputs[:, :, 0] if layer.units is None else outputs
        array = np.asarray(ops.convert_to_numpy(outputs if activation is None else activation(outputs)))
    return array[:, :, None] if layer.units is None else array


def _columns(n: int, most: int, random: np.random.Generator) -> Integers:
    """The columns of a matrix that are looked at: all, or of many some drawn at random."""
    return np.arange(n) if n <= most else np.sort(random.choice(n, most, replace=False))


def program_check(layer: EquivariantDense, random: np.random.Generator) -> tuple[Check, SignedLabels | None]:
    """Whether the program that the layer runs sums to the declared pattern, in integers; and what labels it sums to.

    Columns of a large matrix are drawn at random, and parameters for a second look, which no mixture of orbits survives. The
    signed labels are (m, columns); None where it sums to none.
    """
    program, (m, n) = layer.program, layer.program.shape
    columns = _columns(n, max(1, LARGEST_MATRIX // m), random)
    declared = layer.declared.signed_at(columns)
    # No larger ones: a spectral program is rounded to integers.
    drawn = random.integers(1, 1000, size=program.rank)
    summed: SignedLabels | None = None
    for theta in (np.arange(1, program.rank + 1), drawn):
        # What is zero has the sign 0, whatever the last parameter is.
        expected = np.append(theta, 0)[np.abs(declared) - 1] * np.sign(declared)
        try:
            matrix = program.matrix(theta, columns)
        except NoCombinationError as error:
            return Check("program", False, str(error)), summed
        summed = matrix if summed is None else summed
        different = np.argwhere(matrix != expected)
        if different.size:
            row, column = different[0].tolist()
            evidence = (
                f"{len(different)} entries of {program.lowering} are not as declared: the first is ({row + 1}, "
                f"{columns[column] + 1}), {matrix[row, column]} instead of {expected[row, column]}"
            )
            return Check("program", False, evidence), summed
    looked = f"{m} x {n} entries" if columns.size == n else f"{m} x {columns.size} of {n} columns"
    return Check("program", True, f"{program.lowering}: it sums to the declared labels, {looked}"), summed


def certificate_checks(certificate: Certificate, generators: int) -> Iterator[Check]:
    """What the integers say."""
    each = "the generator" if generators == 1 else f"each of {generators} generators"
    yield Check("invariant", certificate.invariant, certificate.violation or f"the labels are unchanged by {each}")
    if not certificate.invariant:
        yield Check("complete", None, "not looked at: labels that a generator changes are no orbits")
        return
    counted = f": {certificate.counted}"
    if certificate.burnside is not None:
        counted = f" over {certificate.counted} says {certificate.burnside}"
    generated = f"{count(certificate.rank, 'orbit')}, each generated from one pair; Burnside's count{counted}"
    yield Check("complete", certificate.complete, certificate.apart or generated)


def bias_checks(layer: EquivariantDense, mapping: Mapping) -> Iterator[Check]:
    """Whether the biases that the layer computes with are shared as the symmetry asks, and no further."""
    table = layer.linear.bias_table
    if table is None or layer.bias_pattern is None:
        return
    signed_labels = table.signed_labels
    for generator in mapping.generators:
        expected = signed_labels * generator.output.all_signs()[:, None]
        if not np.array_equal(signed_labels[generator.output.image], expected):
            yield Check("bias", False, f"{generator.name} moves the shared biases")
            return
    shared = np.array_equal(signed_labels, layer.bias_pattern.signed_labels)
    evidence = f"{count(layer.bias_pattern.rank, 'bias parameter')}, unchanged by each generator"
    yield Check("bias", shared, evidence if shared else "the biases are not shared as declared")


def form_check(layer: EquivariantDense, random: np.random.Generator) -> Check:
    """Whether equal entries of the matrix are the same float, as the layer applies it to unit inputs in its own dtype.

    Bit for bit where the matrix is gathered; to rounding where a program never makes it. Of a large one some columns are
    drawn at random.
    """
    if not layer.built:
        return Check("form", None, "the layer is not built yet, so there is no matrix to look at")
    n = layer.program.shape[1]
    columns = _columns(n, MOST_UNIT_INPUTS, random)
    kernel = np.asarray(ops.convert_to_numpy(layer.kernel.value))
    units = np.zeros((columns.size, n, 1 if layer.units is None else kernel.shape[1]), dtype=np.float32)
    units[np.arange(columns.size), columns, 0] = 1
    with highest_precision():
        entries = np.moveaxis(applied(layer, (kernel, None), layer.variable_dtype, units), 0, 1)
    exact = layer.program.lowering == "gather"
    tolerance = 0.0 if exact else TOLERANCE_IN_EPS * float(np.finfo(layer.variable_dtype).eps)
    signed_labels = layer.declared.signed_at(columns)
    numbers, signs = np.abs(signed_labels), np.sign(signed_labels)[:, :, None].astype(entries.dtype)
    first = np.zeros((layer.rank + 1, entries.shape[-1]), dtype=entries.dtype)
    # Later entries are written first, so that what stays is the first entry of each parameter; the first row is zero.
    first[numbers.ravel()[::-1]] = (entries * signs).reshape(numbers.size, -1)[::-1]
    first[0] = 0
    allowed = tolerance * float(np.abs(entries).max(initial=0))
    stray = np.argwhere(~(np.abs(entries - first[numbers] * signs) <= allowed))
    if stray.size:
        row, column, _ = stray[0]
        return Check("form", False, f"entry ({row + 1}, {columns[column] + 1}) of W is not the number of its parameter")
    looked = "" if columns.size == n else f" in {columns.size} of {n} columns"
    how = "bit for bit" if exact else "to rounding"
    return Check("form", True, f"{count(layer.rank, 'parameter')}: equal entries of W are equal {how}{looked}")
