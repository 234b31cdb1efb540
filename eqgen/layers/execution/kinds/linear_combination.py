"""Entries that are combinations of parameters: one product with a matrix of constants."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eqgen.layers.execution.limits import Limits
from eqgen.layers.execution.mix import Kernel, kernel
from eqgen.layers.execution.operators import width
from eqgen.layers.execution.tensors import multiplied
from eqgen.programs.entries.linear_combination import LinearCombination
from eqgen.programs.operators.composite import Stack
from eqgen.programs.steps import KroneckerFactor


@kernel.register
def _(entries: LinearCombination, factor: KroneckerFactor, limits: Limits) -> Kernel:
    # Entries are made for sums, and pools take means.
    widths: list[int] = []
    for stage in factor.stages:
        pools = stage.pool.parts if isinstance(stage.pool, Stack) else (stage.pool,)
        (section,) = stage.sections
        widths += [width(operator) for operator in pools] * section.outputs
    return linear(entries.numerators * np.array(widths)[:, None] / entries.denominators[:, None])


def linear(matrix: npt.NDArray[np.float64]) -> Kernel:
    """The kernel whose entries a matrix makes, (entries, rank)."""
    if np.array_equal(matrix, np.eye(len(matrix))):
        return lambda theta, axis: theta
    return lambda theta, axis: multiplied(matrix, theta, axis)
