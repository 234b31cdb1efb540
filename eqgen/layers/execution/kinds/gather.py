"""Entries that are one parameter each; where they are the whole weight, it is gathered and multiplied by at once."""

from functools import partial
from typing import Any

from keras import ops

from eqgen.layers.execution.mix import Kernel, Matrices, MixMatrix, Numbers, kernel, matrices, matrices_of
from eqgen.layers.execution.operators import Limits
from eqgen.layers.execution.weight_table import WeightTable, gathered, weight_table
from eqgen.programs.entries import GatherEntries
from eqgen.programs.operators.operator import Identity
from eqgen.programs.steps import KroneckerFactor


@kernel.register
def _kernel(entries: GatherEntries, factor: KroneckerFactor, limits: Limits) -> Kernel:
    return partial(gathered, weight_table(entries.signed_labels, entries.rank, limits))


@matrices.register
def _matrices(entries: GatherEntries, factor: KroneckerFactor, limits: Limits) -> Matrices:
    if not isinstance(factor.stages[0].pool, Identity):
        return matrices_of([factor], limits)
    m, n = factor.shape
    table = weight_table(entries.signed_labels.reshape(m, n), entries.rank, limits)

    def whole(theta: Any, dtype: str) -> dict[Numbers, MixMatrix]:
        channels_in, channels_out = theta.shape[1:]
        # The gather comes before the cast: its gradient sums over whole orbits, which half precision cannot hold.
        weight = ops.cast(gather_weight(table, theta), dtype)
        weight = ops.reshape(weight, (channels_in * n, m * channels_out))
        return {(0,): MixMatrix({(0, 0): weight}, channels_first=True)}

    return whole


def gather_weight(table: WeightTable, theta: Any) -> Any:
    """The transposed weight matrix, (channels_in, n, m, channels_out), for a pattern's table.

    theta, (rank, channels_in, channels_out), is scaled already.
    """
    # Channels first: the reshape to a matrix after the gather then moves no data.
    weight = gathered(table, ops.transpose(theta, (1, 0, 2)), 1)
    return ops.reshape(weight, (theta.shape[1], *table.index.shape, theta.shape[2]))
