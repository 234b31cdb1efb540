"""The checks of layers and models of named arrays, against what they carry."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from eqgen.common.errors import count
from eqgen.layers import EquivariantTerms
from eqgen.orbitals.orbits import Orbits
from eqgen.verification.declared import NamedDeclaration
from eqgen.verification.layer_checks import verify_layer
from eqgen.verification.options import Options
from eqgen.verification.outputs import verify_views
from eqgen.verification.report import Check, Report

CHANNELS = 3
"""A layer that is not built yet is tried with so many, where none are declared."""


def verify_named(model: Any, named: NamedDeclaration, options: Options) -> Report:
    """Each output against all inputs, by what the whole computes; and the blocks of a layer in integers."""
    blocks: list[Check] = []
    if isinstance(model, EquivariantTerms):
        if type(model) is EquivariantTerms and "call" not in vars(model):
            blocks = list(_block_checks(model, options))
        shapes = options.input_shape or model.example_shapes(CHANNELS)
        options = replace(options, input_shape=shapes)
        if not model.built:
            # It is left as it is.
            model = type(model).from_config(model.get_config())
    report = verify_views(model, named.outputs, options, named.terms)
    return replace(report, checks=(*blocks, *report.checks))


def _block_checks(layer: EquivariantTerms, options: Options) -> Iterator[Check]:
    """Whether each block is what it is declared to be, as a layer by itself."""
    reports = [
        (block.name, verify_layer(block, block.orbits, options.words, options.random))
        for block in layer.blocks
        if isinstance(block.orbits, Orbits)
    ]
    failed = [(name, check) for name, report in reports for check in report.checks if check.holds is False]
    for name, check in failed:
        yield Check(f"{check.name} of {name}", False, check.evidence)
    if not failed:
        orbits = count(sum(block.rank for block in layer.blocks), "orbit")
        evidence = (
            f"{count(len(reports), 'block')}, {orbits}: each as declared, unchanged by each generator, and complete"
        )
        yield Check("blocks", True, evidence)
