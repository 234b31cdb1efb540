"""The checks of an eqgen layer besides the certificate: its program, its biases, its form as it is applied."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from eqgen.common.arrays import Integers, Labels, Signs
from eqgen.common.text import count
from eqgen.layers import EquivariantDense
from eqgen.layers.equivariance.function import TOLERANCE_IN_EPS, Array, Function
from eqgen.orbitals.certificate import Certificate
from eqgen.programs.program import NoCombinationError
from eqgen.spaces.mapping import Mapping
from eqgen.verification.report import Check

LARGEST_DRAWN = 1000
"""Parameters are drawn below this: a spectral program is rounded to integers."""

MOST_UNIT_INPUTS = 64
"""So many columns of the matrix are looked at, drawn at random where there are more."""


def program_check(layer: EquivariantDense, columns: Integers, random: np.random.Generator) -> Check:
    """Whether the program that the layer runs sums to the declared pattern, in integers.

    Args:
        layer: any.
        columns: those of the matrix that are looked at.
        random: draws parameters for a second look, which no mixture of orbits survives.
    """
    program = layer.program
    labels, signs = declared_at(layer, columns)
    drawn = random.integers(1, LARGEST_DRAWN, size=program.rank)
    for theta in (np.arange(1, program.rank + 1), drawn):
        expected = np.append(theta, 0)[labels] * signs
        try:
            found = program.matrix(theta, columns)
        except NoCombinationError as error:
            return Check("program", False, str(error))
        different = np.argwhere(found != expected)
        if different.size:
            row, column = different[0].tolist()
            return Check(
                "program",
                False,
                f"{len(different)} entries of {program.lowering} are not as declared: the first is ({row + 1}, "
                f"{columns[column] + 1}), {found[row, column]} instead of {expected[row, column]}",
            )
    m, n = program.shape
    looked = f"{m} x {n} entries" if columns.size == n else f"{m} x {columns.size} of {n} columns"
    return Check("program", True, f"{program.lowering}: it sums to the declared labels, {looked}")


def declared_at(layer: EquivariantDense, columns: Integers) -> tuple[Labels, Signs]:
    """What is declared in some columns."""
    if layer.orbits is not None and "pattern" not in vars(layer.orbits):
        return layer.orbits.form.at(np.arange(layer.orbits.shape[0]), columns)
    return layer.pattern.labels[:, columns], layer.pattern.signs[:, columns]


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
    table = layer.bias_labels()
    if table is None or layer.bias_pattern is None:
        return
    labels, signs = table
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


def form_check(layer: EquivariantDense, linear: Function | None, channels: int, random: np.random.Generator) -> Check:
    """Whether equal entries of the matrix are the same float, as the layer applies it to unit inputs.

    Bit for bit where the matrix is gathered; to rounding where a program never makes it.

    Args:
        layer: the layer.
        linear: its linear part, without bias, in its own dtype; None for a layer that is not built.
        channels: its input channels.
        random: draws the columns of a large matrix.
    """
    if linear is None:
        return Check("form", None, "the layer is not built yet, so there is no matrix to look at")
    n = layer.program.shape[1]
    columns = np.arange(n) if n <= MOST_UNIT_INPUTS else np.sort(random.choice(n, MOST_UNIT_INPUTS, replace=False))
    units = np.zeros((columns.size, n, channels), dtype=np.float32)
    units[np.arange(columns.size), columns, 0] = 1
    entries = np.moveaxis(linear(units), 0, 1)
    exact = layer.program.lowering == "gather"
    tolerance = 0.0 if exact else TOLERANCE_IN_EPS * float(np.finfo(layer.variable_dtype).eps)
    stray = _stray(entries, *declared_at(layer, columns), layer.rank, tolerance)
    if stray is not None:
        row, column = stray
        return Check("form", False, f"entry ({row + 1}, {columns[column] + 1}) of W is not the number of its parameter")
    looked = "" if columns.size == n else f" in {columns.size} of {n} columns"
    how = "bit for bit" if exact else "to rounding"
    return Check("form", True, f"{count(layer.rank, 'parameter')}: equal entries of W are equal {how}{looked}")


def _stray(entries: Array, labels: Labels, signs: Signs, rank: int, tolerance: float) -> tuple[int, int] | None:
    """The first entry, (row, column), that is not the number of its parameter; entries are (m, columns, channels)."""
    signed = entries * signs[:, :, None].astype(entries.dtype)
    first = np.zeros((rank + 1, entries.shape[-1]), dtype=entries.dtype)
    # Later entries are written first, so that what stays is the first entry of each parameter; -1 is the last row, zero.
    first[labels.ravel()[::-1]] = signed.reshape(labels.size, -1)[::-1]
    first[-1] = 0
    expected = first[labels] * signs[:, :, None].astype(entries.dtype)
    allowed = tolerance * float(np.abs(entries).max(initial=0))
    different = np.argwhere(~(np.abs(entries - expected) <= allowed))
    return None if different.size == 0 else (int(different[0][0]), int(different[0][1]))
