"""The checks of an eqgen layer besides the certificate: its program, its biases, its form as it is applied."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from eqgen.common.arrays import Integers, SignedLabels
from eqgen.common.text import count
from eqgen.layers import EquivariantDense
from eqgen.layers.equivariance.function import TOLERANCE_IN_EPS, Array
from eqgen.layers.execution.backend import double_precision
from eqgen.orbitals.certificate import Certificate
from eqgen.programs.program import NoCombinationError
from eqgen.spaces.mapping import Mapping
from eqgen.verification.report import Check

LARGEST_DRAWN = 1000
"""Parameters are drawn below this: a spectral program is rounded to integers."""

MOST_UNIT_INPUTS = 64
"""So many columns of the matrix are looked at, drawn at random where there are more."""


class Weights(NamedTuple):
    """A kernel, and a bias or None."""

    kernel: Array
    bias: Array | None


def applied(layer: EquivariantDense, weights: Weights, dtype: str, features: Array, activation: Any = None) -> Array:
    """What the very map of a layer answers with other weights in another dtype, (batch, m, channels).

    Args:
        layer: any, built or not.
        weights: of the shapes that the layer has, or would have for as many channels as the features.
        dtype: to compute in.
        features: (batch, n, channels_in).
        activation: a function, applied last.
    """
    with double_precision() if dtype == "float64" else nullcontext():
        # Named at once: PyTorch would first make single precision of it.
        inputs, kernel, bias = (
            None if array is None else ops.convert_to_tensor(array, dtype=dtype) for array in (features, *weights)
        )
        outputs = layer.linear(inputs, kernel, bias, dtype)
        outputs = outputs[:, :, 0] if layer.units is None else outputs
        array = np.asarray(ops.convert_to_numpy(outputs if activation is None else activation(outputs)))
    return array[:, :, None] if layer.units is None else array


def program_check(
    layer: EquivariantDense, columns: Integers, random: np.random.Generator
) -> tuple[Check, SignedLabels | None]:
    """Whether the program that the layer runs sums to the declared pattern, in integers.

    Args:
        layer: any.
        columns: those of the matrix that are looked at.
        random: draws parameters for a second look, which no mixture of orbits survives.

    Returns:
        The check, and the signed labels that the program sums to, (m, columns); None where it sums to none.
    """
    program = layer.program
    declared = layer.declared.signed_at(columns)
    drawn = random.integers(1, LARGEST_DRAWN, size=program.rank)
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
    m, n = program.shape
    looked = f"{m} x {n} entries" if columns.size == n else f"{m} x {columns.size} of {n} columns"
    return Check("program", True, f"{program.lowering}: it sums to the declared labels, {looked}"), summed


def certificate_checks(certificate: Certificate, generators: int) -> Iterator[Check]:
    """What the integers say."""
    each = "the generator" if generators == 1 else f"each of {generators} generators"
    yield Check("invariant", certificate.invariant, certificate.violation or f"the labels are unchanged by {each}")
    if not certificate.invariant:
        yield Check("complete", None, "not looked at: labels that a generator changes are no orbits")
        return
    evidence = (
        certificate.apart or f"{count(certificate.rank, 'orbit')}, each generated from one pair; Burnside's count"
    )
    if not certificate.apart and certificate.burnside is None:
        evidence += f": {certificate.counted}"
    elif not certificate.apart:
        evidence += f" over {certificate.counted} says {certificate.burnside}"
    yield Check("complete", certificate.complete, evidence)


def bias_checks(layer: EquivariantDense, mapping: Mapping) -> Iterator[Check]:
    """Whether the biases that the layer computes with are shared as the symmetry asks, and no further."""
    table = layer.linear.bias_table
    if table is None or layer.bias_pattern is None:
        return
    labels, signs = table.decoded()
    for generator in mapping.generators:
        moved = labels[generator.output.image], signs[generator.output.image]
        expected = labels, signs * generator.output.all_signs()[:, None]
        if not all(map(np.array_equal, moved, expected)):
            yield Check("bias", False, f"{generator.name} moves the shared biases")
            return
    if not np.array_equal(labels, layer.bias_pattern.labels):
        yield Check("bias", False, "the biases are not shared as declared")
        return
    yield Check("bias", True, f"{count(layer.bias_pattern.rank, 'bias parameter')}, unchanged by each generator")


def form_check(layer: EquivariantDense, random: np.random.Generator) -> Check:
    """Whether equal entries of the matrix are the same float, as the layer applies it to unit inputs in its own dtype.

    Bit for bit where the matrix is gathered; to rounding where a program never makes it.

    Args:
        layer: the layer.
        random: draws the columns of a large matrix.
    """
    if not layer.built:
        return Check("form", None, "the layer is not built yet, so there is no matrix to look at")
    n = layer.program.shape[1]
    columns = np.arange(n) if n <= MOST_UNIT_INPUTS else np.sort(random.choice(n, MOST_UNIT_INPUTS, replace=False))
    kernel = np.asarray(ops.convert_to_numpy(layer.kernel.value))
    units = np.zeros((columns.size, n, 1 if layer.units is None else kernel.shape[1]), dtype=np.float32)
    units[np.arange(columns.size), columns, 0] = 1
    entries = np.moveaxis(applied(layer, Weights(kernel, None), layer.variable_dtype, units), 0, 1)
    exact = layer.program.lowering == "gather"
    tolerance = 0.0 if exact else TOLERANCE_IN_EPS * float(np.finfo(layer.variable_dtype).eps)
    stray = _stray(entries, layer.declared.signed_at(columns), layer.rank, tolerance)
    if stray is not None:
        row, column = stray
        return Check("form", False, f"entry ({row + 1}, {columns[column] + 1}) of W is not the number of its parameter")
    looked = "" if columns.size == n else f" in {columns.size} of {n} columns"
    how = "bit for bit" if exact else "to rounding"
    return Check("form", True, f"{count(layer.rank, 'parameter')}: equal entries of W are equal {how}{looked}")


def _stray(entries: Array, signed_labels: SignedLabels, rank: int, tolerance: float) -> tuple[int, int] | None:
    """The first entry, (row, column), that is not the number of its parameter; entries are (m, columns, channels)."""
    signs = np.sign(signed_labels)[:, :, None].astype(entries.dtype)
    numbers = np.abs(signed_labels)
    first = np.zeros((rank + 1, entries.shape[-1]), dtype=entries.dtype)
    # Later entries are written first, so that what stays is the first entry of each parameter; the first row is zero.
    first[numbers.ravel()[::-1]] = (entries * signs).reshape(numbers.size, -1)[::-1]
    first[0] = 0
    allowed = tolerance * float(np.abs(entries).max(initial=0))
    different = np.argwhere(~(np.abs(entries - first[numbers] * signs) <= allowed))
    return None if different.size == 0 else (int(different[0][0]), int(different[0][1]))
