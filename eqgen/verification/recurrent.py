"""Cells and layers of cells, whatever they remember, as sequences go through them."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np

from eqgen.common.errors import DeclarationError, shortened
from eqgen.layers import EquivariantRNN, EquivariantRNNCell
from eqgen.orbitals.orbits import Orbits
from eqgen.verification.declared import recurrent_of
from eqgen.verification.layer_checks import verify_layer
from eqgen.verification.options import Options
from eqgen.verification.report import Check, Report

IN_INTEGERS = ("program", "invariant", "complete", "bias")
"""What is shown of the linear maps of a cell, beside what the cell does in time."""


def over_time(layer: Any, options: Options) -> tuple[Any, Options]:
    """A cell, or a layer of cells, as a layer that answers at every step and begins with zeros, made of the very cells.

    So what it keeps between calls stays as it is. Cells that have no weights yet are copied: verifying builds nothing.

    Returns:
        Anything else as it is.

    Raises:
        DeclarationError: time is said to be another axis than it is.
    """
    cell = layer if isinstance(layer, EquivariantRNNCell) else getattr(layer, "cell", None)
    cells = list(getattr(cell, "cells", [cell]))
    known = isinstance(layer, EquivariantRNNCell) or type(layer) in (EquivariantRNN, keras.layers.RNN)
    if not known or not all(isinstance(own, EquivariantRNNCell) for own in cells):
        return layer, options
    if options.time_axis not in (None, 1):
        raise DeclarationError(
            f"time_axis={shortened(options.time_axis)}: {layer.name!r} takes (batch, time, points, channels), time is axis 1"
        )
    shape, first = options.input_shape, cells[0]
    if shape is None:
        channels = int(first.input_drive.candidate.kernel.shape[1]) if first.built else 2
        shape = (None, first.mapping.input.size, channels)
    elif layer is cell:
        shape = (None, *shape)
    cells = [each if each.built else type(each).from_config(each.get_config()) for each in cells]
    # Step by step: JAX would compile a loop anew in every call.
    options_of = {"return_sequences": True, "unroll": True, "go_backwards": bool(getattr(layer, "go_backwards", False))}
    twin = EquivariantRNN(cells, name=layer.name, dtype=layer.dtype_policy, **options_of)
    return twin, replace(options, input_shape=shape, time_axis=1)


def goes_on(model: Any) -> bool:
    """Whether a model takes sequences of points, as far as its layers tell: (batch, time, points, channels)."""
    layers = getattr(model, "layers", ())
    return any(recurrent_of(layer) is not None for layer in layers) and len(model.inputs[0].shape) > 3


def with_integers(report: Report, layer: EquivariantRNN, words: int, random: np.random.Generator) -> Report:
    """What was found of a layer over time, and in front of that what integers say of the linear maps of its cells."""
    checks: list[Check] = []
    for dense in [dense for cell in layer.cells for dense in cell.dense_layers()]:
        assert isinstance(dense.orbits, Orbits)
        found = verify_layer(dense, dense.orbits, words, random).checks
        checks += [replace(check, name=f"{check.name}, {dense.name}") for check in found if check.name in IN_INTEGERS]
    return replace(report, checks=(*checks, *report.checks))
