"""The report of a model of several inputs or outputs, or of sequences: one view after the other."""

from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from eqgen.common.errors import DeclarationError, count
from eqgen.layers import EquivariantDense
from eqgen.layers.equivariance.model import input_shape_of
from eqgen.layers.equivariance.trial import random_trial
from eqgen.orbitals.declare import mapping as as_mapping
from eqgen.spaces.mapping import Mapping
from eqgen.verification.array_function import name_of
from eqgen.verification.function_checks import verify_function
from eqgen.verification.layer_checks import report_of
from eqgen.verification.model_checks import model_checks
from eqgen.verification.options import Options
from eqgen.verification.report import Check, Report
from eqgen.verification.views import output_keys, several_shapes, view

Declarations = Mapping | str | Sequence[Mapping | str] | Dictionary[str, Mapping | str]


def verify_one(model: Any, mapping: Mapping, options: Options) -> Report:
    """A layer or model of one input and one output, by what it computes."""
    random = options.random
    shape = input_shape_of(model, mapping, options.input_shape)
    trial = random_trial(mapping, int(np.prod(shape)) // mapping.input.size, options.words, random)
    checks, outcome, difference = model_checks(model, mapping, shape, trial, random if options.training else None)
    return replace(report_of(model, str(mapping), checks, outcome, None), difference=difference)


def undeclared(model: Any) -> DeclarationError:
    """What is said of a model that nobody says what it should be of."""
    inside = count(len(equivariant_layers(model)), "eqgen layer")
    others = f"; its {inside} can be verified one by one" if not inside.startswith("0 ") else ""
    return DeclarationError(
        f"{model.name!r} carries no declaration: say what it should be equivariant to, as in "
        f'verify(model, "{{p p}} -> p where p = S(5)"){others}'
    )


def equivariant_layers(model: Any) -> list[EquivariantDense]:
    """Every eqgen layer inside a model, nested ones too."""
    return [layer for layer in model._flatten_layers() if isinstance(layer, EquivariantDense)]


def needs_views(model: Any, declaration: Declarations, options: Options) -> bool:
    """Whether a model has several inputs or outputs, or moments, as far as is told.

    Raises:
        DeclarationError: a function is told of moments.
    """
    if not isinstance(model, keras.layers.Layer):
        if options.time_axis is not None:
            raise DeclarationError(
                "time_axis is for Keras layers and models: a function is given arrays of its input_shape"
            )
        return isinstance(declaration, (list, tuple, Dictionary))
    several = len(getattr(model, "inputs", None) or ()) > 1 or _has_several_outputs(model)
    declared = isinstance(declaration, (list, tuple, Dictionary))
    return declared or several or options.time_axis is not None or several_shapes(options.input_shape)


def verify_views(
    model: Any, declaration: Declarations, options: Options, terms: Dictionary[Any, int] | None = None
) -> Report:
    """A model whose outputs have a declaration each.

    Args:
        model: a Keras layer or model, or a function.
        declaration: one for each output, in a list or by name; of one output it alone.
        options: what else is told.
        terms: how many terms each input is, by its key and in their order; None for one each.

    Raises:
        DeclarationError: declarations and outputs, or terms and inputs, do not match.
    """
    if isinstance(declaration, (str, Mapping)):
        if _has_several_outputs(model):
            outputs = ", ".join(model.output if isinstance(model.output, Dictionary) else model.output_names)
            raise DeclarationError(
                f"{model.name!r} has {count(len(model.outputs), 'output')}, {outputs}: give a declaration for each, as in "
                'verify(model, ["...", "..."])'
            )
        declared: dict[str, tuple[Any, Any]] = {"": (None, declaration)}
    else:
        each = list(declaration.values() if isinstance(declaration, Dictionary) else declaration)
        keys = output_keys(model, declaration)
        declared = {name: (key, one) for (name, key), one in zip(keys.items(), each, strict=True)}
    is_keras = isinstance(model, keras.layers.Layer)
    reports: dict[str, Report] = {}
    inputs = ""
    for name, (key, one) in declared.items():
        mapping = as_mapping(one)
        if is_keras:
            viewed, inputs = view(model, mapping, key, options.input_shape, options.time_axis, terms)
            reports[name] = verify_one(viewed, mapping, replace(options, input_shape=None))
        else:
            reports[name] = verify_function(model, mapping, options, key)
    subject = f"{type(model).__name__} {model.name!r}" if is_keras else name_of(model)
    return _joined(subject, reports, inputs)


def _has_several_outputs(model: Any) -> bool:
    return len(getattr(model, "outputs", None) or ()) > 1


def _joined(subject: str, reports: dict[str, Report], inputs: str) -> Report:
    """One report of several outputs, whose names stand behind those of the checks."""
    worst = max(reports.values(), key=lambda report: report.max_error / report.tolerance)
    declared = [f"{name}: {report.declaration}" if name else report.declaration for name, report in reports.items()]
    checks = [_named(check, name, report) for name, report in reports.items() for check in report.checks]
    different = [
        f"{name}, {report.difference}" if name else report.difference
        for name, report in reports.items()
        if report.difference
    ]
    return replace(
        worst,
        subject=subject,
        declaration="; ".join([*declared, *([inputs] if inputs else [])]),
        checks=tuple(checks),
        difference=next(iter(different), ""),
    )


def _named(check: Check, name: str, report: Report) -> Check:
    """A check of one output; where nothing was told of it, the whole is undecided."""
    left_open = check.open or (check.holds is None and report.verdict == "UNDECIDED")
    return replace(check, name=f"{check.name}, {name}" if name else check.name, open=left_open)
