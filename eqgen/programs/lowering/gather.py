"""gather: the plain form, one matrix entry for each pair of points. The reference for every other lowering."""

from __future__ import annotations

import numpy as np

from eqgen.orbitals.dense import LabelTable
from eqgen.programs.entries.gather import GatherEntries
from eqgen.programs.operators.identity import Identity
from eqgen.programs.steps import KroneckerFactor, MixShape, Stage


def gather(table: LabelTable, notes: tuple[str, ...] = ()) -> KroneckerFactor:
    """The part that multiplies by the whole weight matrix of some orbits."""
    entries = GatherEntries(table.labels.ravel(), np.ascontiguousarray(table.signs).ravel(), table.rank)
    return gathered(table.shape, entries, notes)


def gathered(shape: tuple[int, int], entries: GatherEntries, notes: tuple[str, ...] = ()) -> KroneckerFactor:
    """The same for entries that are known."""
    m, n = shape
    stage = Stage(Identity(n), Identity(m), (MixShape(1, n, m, 1),), "all points at once", "every point")
    return KroneckerFactor("gather", (m, n), (stage,), entries, notes)
