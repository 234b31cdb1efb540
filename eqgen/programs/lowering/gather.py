"""gather: the plain form, one matrix entry for each pair of points. The reference for every other lowering."""

from math import inf, prod

from eqgen.common.memory import fits
from eqgen.programs.entries import GatherEntries
from eqgen.programs.lowering.lowering import Lowering, Problem
from eqgen.programs.operators.operator import Identity
from eqgen.programs.steps import KroneckerFactor, MixShape, Stage

MADE_AT_ONCE = 1 << 22
"""Larger tables are looked at where nothing else serves."""


def gather(problem: Problem) -> KroneckerFactor | str:
    """The factor that multiplies by the whole weight matrix, or in words why there is none."""
    m, n = problem.shape
    if not fits(16 * m * n):
        return f"a table of {m} x {n} pairs does not fit in memory"
    table = problem.labels.table()
    return gathered(table.shape, GatherEntries(table.signed_labels.ravel(), table.rank))


def gathered(shape: tuple[int, int], entries: GatherEntries, notes: tuple[str, ...] = ()) -> KroneckerFactor:
    """The same for entries that are known."""
    m, n = shape
    stage = Stage(Identity(n), Identity(m), (MixShape(1, n, m, 1),), "all points at once", "every point")
    return KroneckerFactor("gather", (m, n), (stage,), entries, notes)


GATHER = Lowering("gather", gather, lower_bound=lambda problem: 0 if prod(problem.shape) <= MADE_AT_ONCE else inf)
