"""How a program runs on Keras: steps that share a pool or a spread share the work, and mixes are matrix products."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import accumulate, product
from math import prod
from typing import Any

import numpy as np
from keras import ops

# They register their ways.
from eqgen.layers.execution.kinds import cyclic_stencil, fourier, gather, index_table, isotypic  # noqa: F401
from eqgen.layers.execution.mix import MixMatrix, Numbers, apart, joined, matrices, matrices_of, mixed
from eqgen.layers.execution.operators import LIMITS, Limits, Operators, fused, pooled, spread_all, takes_points
from eqgen.layers.execution.tensors import arranged, concatenated, constant, total
from eqgen.programs.entries import LinearCombination, SpectralEntries, scaled_entries
from eqgen.programs.steps import KroneckerFactor, KroneckerProduct

Applied = Callable[[Any], Any]
"""Applies a map to features (batch, n, channels_in)."""

Prepare = Callable[[Any, str], Applied]
"""Makes one of parameters (rank, channels_in, channels_out), in a dtype."""

Scale = np.ndarray | None
"""(rank,), what each parameter is multiplied by before it stands in the matrix; None where that is 1."""


class Execution:
    """A program of so many outputs made ready to run: what can be decided before features come is decided here."""

    def __init__(
        self, blocks: Sequence[KroneckerProduct], outputs: int, scale: Scale = None, limits: Limits = LIMITS
    ) -> None:
        # Every run of outputs with the blocks that lead there; none where everything is forced to zero.
        self._rows: list[tuple[int, list[Prepare]]] = []
        done = 0
        for start, size in [*sorted({(block.output.start, block.output.size) for block in blocks}), (outputs, 0)]:
            if done < start:
                self._rows.append((start - done, []))
            if size:
                leading = [_block(block, scale, limits) for block in blocks if block.output.start == start]
                self._rows.append((size, leading))
            done = start + size

    def __call__(self, features: Any, theta: Any, dtype: str) -> Any:
        """Apply the program to features (batch, n, channels_in) in the compute dtype: (batch, m, channels_out)."""
        return self.prepared(theta, dtype)(features)

    def prepared(self, theta: Any, dtype: str) -> Applied:
        """The program with its parameters: what is made of them is made once, however often it is applied.

        theta, (rank, channels_in, channels_out), or (batch, rank, channels_in, channels_out) of a program whose matrices are
        combinations of parameters (`mixes_alone`), is in the dtype of the variables; times the scale it stands in the matrix.
        """
        made = [(size, [block(theta, dtype) for block in blocks]) for size, blocks in self._rows]

        def applied(features: Any) -> Any:
            rows = []
            for size, blocks in made:
                terms = [block(features) for block in blocks]
                if not blocks:
                    terms = [ops.zeros((ops.shape(features)[0], size, theta.shape[-1]), dtype=dtype)]
                rows.append(total(terms))
            return concatenated(rows, 1)

        return applied


def mixes_alone(blocks: Sequence[KroneckerProduct]) -> tuple[int, int] | None:
    """Whether a program can take other parameters for each example: how many matrices it makes of them, and mixes how many points.

    It can where the matrices are combinations of parameters, which are mixed in one group; else None.
    """
    if not all(isinstance(factor.entries, LinearCombination) for block in blocks for factor in block.factors):
        return None
    sections = [
        [[section for stage in factor.stages for section in stage.sections] for factor in block.factors]
        for block in blocks
    ]
    matrices = sum(prod(sum(each.entries for each in own) for own in factors) for factors in sections)
    points = sum(prod(sum(each.entries * each.copies for each in own) for own in factors) for factors in sections)
    return matrices, points


def _block(block: KroneckerProduct, scale: Scale, limits: Limits) -> Prepare:
    """What applies one block to its part of all features, made of its part of the parameters."""
    source, target = block.input, block.output
    factors, scale = _scaled(block.factors, None if scale is None else scale[block.first : block.first + block.rank])
    run = _factors(factors, limits)
    points = [factor.shape[1] for factor in factors]
    # From a term's own order to that of the factors, and back again.
    order_in = [0, *(1 + place for place in source.order), 1 + len(source.grid)]
    order_out = [0, *(1 + int(place) for place in np.argsort(target.order)), 1 + len(target.order)]
    grid_out = [target.grid[place] for place in target.order]

    def prepared(theta: Any, dtype: str) -> Applied:
        if block.rank < theta.shape[-3]:
            theta = theta[..., block.first : block.first + block.rank, :, :]
        if scale is not None:
            theta = theta * constant(scale[:, None, None], theta)
        channels_out = theta.shape[-1]
        made = run(theta, dtype)

        def applied(features: Any) -> Any:
            if source.size < features.shape[1]:
                features = features[:, source.start : source.start + source.size]
            channels_in = features.shape[-1]
            features = arranged(features, (-1, *source.grid, channels_in), order_in, (-1, *points, channels_in))
            return arranged(made(features), (-1, *grid_out, channels_out), order_out, (-1, target.size, channels_out))

        return applied

    return prepared


def _scaled(factors: Sequence[KroneckerFactor], scale: Scale) -> tuple[Sequence[KroneckerFactor], Scale]:
    """Factors for parameters before they are scaled, and what of the scale is left to do in every step."""
    if scale is None or (scale == 1).all():
        return factors, None
    # Kernels of high rank take the scale into their own constants.
    if len(factors) == 1 and isinstance(entries := factors[0].entries, SpectralEntries):
        scaled = scaled_entries(entries, scale)
        if scaled is not None:
            return [replace(factors[0], entries=scaled)], None
    return factors, scale


def _factors(factors: Sequence[KroneckerFactor], limits: Limits) -> Prepare:
    """What applies a Kronecker product, or a factor that stands alone."""
    alone = factors[0] if len(factors) == 1 else None
    shortcut = fused(alone.stages[0].pool, alone) if alone and len(alone.stages) == 1 else None
    if shortcut is not None:
        return lambda theta, dtype: lambda features: shortcut(features, theta, dtype)
    make = matrices(alone.entries, alone, limits) if alone else matrices_of(factors, limits)
    points = [factor.shape[0] for factor in factors]
    # Stages with the numbers of their first sections.
    numbered = [
        list(zip(factor.stages, accumulate((len(stage.sections) for stage in factor.stages), initial=0), strict=False))
        for factor in factors
    ]

    def applied(matrix_of: dict[Numbers, MixMatrix], features: Any) -> Any:
        done: dict[Operators, Any] = {(): features}
        terms = []
        for chosen in product(*numbered):
            stages, firsts = zip(*chosen, strict=True)
            pools = pooled(tuple(stage.pool for stage in stages), done, limits)
            precise = not all(takes_points(stage.pool) for stage in stages)
            rows = apart(pools, [[section.rows_in for section in stage.sections] for stage in stages], 1)
            for numbers, shapes in zip(rows, product(*(stage.sections for stage in stages)), strict=True):
                matrix = matrix_of[tuple(map(sum, zip(firsts, numbers, strict=True)))]
                rows[numbers] = mixed(rows[numbers], matrix, shapes, precise=precise)
            terms.append((tuple(stage.spread for stage in stages), joined(rows, 1)))
        return spread_all(terms, points, limits)

    return lambda theta, dtype: partial(applied, make(theta, dtype))
