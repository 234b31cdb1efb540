"""Layers that compute something else than their pattern says, so that each check can be seen to fail."""

from __future__ import annotations

import dataclasses

from eqgen.layers.linear import linear_map


def tamper(layer, entry):
    """Give another parameter to one entry, (row, column), of what a gathering layer computes with."""
    (block,) = layer.program.blocks
    (part,) = block.factors
    signed_labels = part.entries.signed_labels.copy()
    place = entry[0] * part.shape[1] + entry[1]
    signed_labels[place] = abs(signed_labels[place]) % part.rank + 1
    entries = dataclasses.replace(part.entries, signed_labels=signed_labels)
    run_with(layer, dataclasses.replace(part, entries=entries))


def run_with(layer, part):
    """Let a layer compute with another part."""
    (block,) = layer.program.blocks
    program = dataclasses.replace(layer.program, blocks=(dataclasses.replace(block, factors=(part,)),))
    layer._linear = linear_map(program, None, layer.bias_pattern)
