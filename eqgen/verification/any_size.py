"""The checks of a layer for every size: the certificate of the stable orbits, and the layers of a few sizes."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from keras import ops

from eqgen.common.errors import DeclarationError
from eqgen.layers import EquivariantDense
from eqgen.layers.equivariance.rounding import tolerance_of
from eqgen.layers.execution.tensors import double_precision
from eqgen.layers.inputs.shape import Reading
from eqgen.layers.open_sizes import OpenPlan
from eqgen.layers.sized import AnySize, Plan
from eqgen.layers.transfer import bias_transfer, kernel_transfer
from eqgen.orbitals.orbit_family import OrbitFamily
from eqgen.orbitals.orbits import Orbits
from eqgen.spaces.family import MappingFamily, Sizes, sizes_text
from eqgen.spaces.mapping import Mapping
from eqgen.verification.layer_checks import applied, certificate_checks, verify_layer
from eqgen.verification.report import Check, Report

TRIED = (-1, 0, 2)
"""Sizes that are tried, beside the stable one; several letters get sizes that differ."""


def verify_any_size(layer: EquivariantDense, words: int, random: np.random.Generator) -> Report:
    """The integers for every size, and numbers for a few."""
    family, found = layer.mapping, layer.orbits
    assert isinstance(family, MappingFamily)
    assert isinstance(found, OrbitFamily)
    certificate = found.certificate()
    checks = list(certificate_checks(certificate, len(family.stable.generators)))
    stable = ", ".join(f"{letter} >= {size}" for letter, size in family.stable_sizes.items())
    checks = [replace(check, evidence=f"for every {stable}: {check.evidence}") for check in checks]
    worst = 0.0
    for sizes, _ in _tried(family):
        own, error = _at_one_size(layer, found, sizes, words, random)
        worst = max(worst, error)
        checks.append(own)
    return Report(
        f"{type(layer).__name__} {layer.name!r}",
        family.in_short(),
        tuple(checks),
        certificate,
        worst,
        tolerance_of("float64"),
        "float64",
    )


def verify_sizes(family: MappingFamily, of_one: Callable[[Mapping], Report]) -> Report:
    """What was found of a model for a few sizes: the checks of all, and the worst error."""
    reports = [(sizes_text(sizes), of_one(mapping)) for sizes, mapping in _tried(family)]
    checks = [replace(check, name=f"{check.name}, {sizes}") for sizes, report in reports for check in report.checks]
    worst = max((report for _, report in reports), key=lambda report: report.max_error / report.tolerance)
    return replace(worst, declaration=f"{family.in_short()}, at {len(reports)} sizes", checks=tuple(checks))


def _tried(family: MappingFamily) -> list[tuple[dict[str, int], Mapping]]:
    """Sizes that are tried, with their mappings; few points may leave a space empty."""
    found = []
    for more in TRIED:
        stable = enumerate(family.stable_sizes.items())
        sizes = {letter: max(1, size + more + place) for place, (letter, size) in stable}
        try:
            found.append((sizes, family.at(**sizes)))
        except DeclarationError:
            continue
    return found


def _at_one_size(
    layer: EquivariantDense, found: OrbitFamily, sizes: Sizes, words: int, random: np.random.Generator
) -> tuple[Check, float]:
    """Whether the layer of one size is verified, and computes what the layer for every size does."""
    with warnings.catch_warnings():
        # That few points have more orbits is no mistake of the layer.
        warnings.simplefilter("ignore")
        fixed: Any = layer.at(**sizes)
    report = verify_layer(fixed, fixed.orbits, words, random)
    if not report:
        failed = "; ".join(f"{check.name}: {check.evidence}" for check in report.checks if check.holds is not True)
        return Check(
            sizes_text(sizes), False if report.verdict == "NOT VERIFIED" else None, failed, open=True
        ), report.max_error
    rows = _row_sizes(found, fixed.orbits, sizes)
    if rows:
        return Check(sizes_text(sizes), False, rows), report.max_error
    of_channels = () if layer.units is None else (int(layer.kernel.shape[1]) if layer.built else 3,)
    out = () if layer.units is None else (layer.units,)
    kernel = random.normal(size=(layer.rank, *of_channels, *out))
    points = fixed.mapping.input.shape if layer.layout == "grid" else (fixed.mapping.input.size,)
    plan = layer.sized.plan((2, *points, *of_channels), dict(sizes))
    assert isinstance(plan, Plan)
    features = random.normal(size=(2, fixed.mapping.input.size, *(of_channels or (1,))))
    bias = own_bias = None
    if layer.bias_pattern is not None:
        bias = random.normal(size=(layer.bias_pattern.rank, *out))
        own_bias = bias_transfer(layer, fixed, sizes).there(bias)
    with double_precision():
        from_every = applied(layer, (kernel, bias), "float64", features, linear=plan.linear)
        try:
            from_open = applied(layer, (kernel, bias), "float64", features, linear=partial(_in_a_graph, layer, sizes))
        except DeclarationError:
            # Not all of them go into a graph without sizes.
            from_open = from_every
        from_one = applied(fixed, (kernel_transfer(layer, fixed, sizes).there(kernel), own_bias), "float64", features)
    differences = (np.abs(answers - from_one).max(initial=0) for answers in (from_every, from_open))
    error = float(max(differences) / (np.abs(from_one).max(initial=0) or 1.0))
    tolerance = tolerance_of("float64")
    evidence = f"that of this size is verified, and differs from it by {error:.1e} (tolerance {tolerance:.1e})"
    return Check(sizes_text(sizes), error <= tolerance, evidence), max(error, report.max_error)


def _in_a_graph(layer: EquivariantDense, sizes: Sizes, features: Any, kernel: Any, bias: Any, dtype: str) -> Any:
    """What the layer answers where a graph does not know the sizes."""
    kernel = kernel if len(kernel.shape) == 3 else ops.reshape(kernel, (-1, 1, 1))
    reading = Reading(1, int(kernel.shape[1]), (None, int(kernel.shape[2])))
    assert isinstance(layer.sized, AnySize)
    return OpenPlan(layer.sized.maps, reading, "flat", dict(sizes)).apply(features, None, kernel, bias, dtype)


def _row_sizes(found: OrbitFamily, fixed: Orbits, sizes: Sizes) -> str:
    """What is wrong with the row sizes that the polynomials give, against the rows themselves."""
    labels = np.append(found.stable_labels(fixed, sizes), 0)
    for row in np.unique(fixed.representatives[:, 0]).tolist():
        orbits, signs = fixed.labels_at([row], np.arange(fixed.shape[1]))
        counts = np.bincount(np.abs(labels[orbits] * signs).ravel(), minlength=found.rank + 1)[1:]
        for number in np.flatnonzero(counts).tolist():
            told = found.row_growths[number].at(sizes)
            if told != counts[number]:
                return f"orbit {found.names[number]} has {counts[number]} entries in row {row + 1}, not {told}"
    return ""
