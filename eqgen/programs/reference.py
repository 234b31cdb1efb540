"""A program in numpy: slow and obvious, what every fast execution is held to."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise, product

import numpy as np

from eqgen.programs.operators.fourier import Fourier
from eqgen.programs.operators.operator import Identity, Operator
from eqgen.programs.steps import KroneckerFactor, KroneckerProduct, MixShape, Side, Stage

Sections = list[tuple[MixShape, slice, slice, slice]]
"""Each section with its rows in, its rows out and its entries."""


def run(blocks: Sequence[KroneckerProduct], features: np.ndarray, kernel: np.ndarray, outputs: int) -> np.ndarray:
    """Apply blocks to features (batch, n, channels_in) with a kernel (rank, channels_in, channels_out).

    Returns:
        (batch, m, channels_out), m being `outputs`, in the common dtype where all operators are exact, else in float64.
    """
    total = np.zeros((len(features), outputs, kernel.shape[2]), dtype=np.result_type(features, kernel))
    for block in blocks:
        theta = kernel[block.first : block.first + block.rank]
        inputs = features[:, block.input.start : block.input.start + block.input.size]
        applied = _by_points(block.output, _run_block(block, _by_parts(block, inputs), theta))
        if applied.dtype != total.dtype:
            # An operator in floating point makes the sum of all blocks one.
            total = total.astype(np.result_type(total, applied))
        total[:, block.output.start : block.output.start + block.output.size] += applied
    return total


def _by_parts(block: KroneckerProduct, features: np.ndarray) -> np.ndarray:
    """Inputs of a term, (batch, points, channels), as (batch, points of each part ..., channels)."""
    batch, channels, order = len(features), features.shape[-1], block.input.order
    grid = features.reshape(batch, *block.input.grid, channels)
    by_parts = grid.transpose(0, *(1 + place for place in order), 1 + len(order))
    return by_parts.reshape(batch, *(part.shape[1] for part in block.factors), channels)


def _by_points(side: Side, features: np.ndarray) -> np.ndarray:
    """The way back, for outputs."""
    batch, channels = len(features), features.shape[-1]
    by_parts = features.reshape(batch, *(side.grid[place] for place in side.order), channels)
    grid = by_parts.transpose(0, *(1 + place for place in np.argsort(side.order)), 1 + len(side.order))
    return grid.reshape(batch, side.size, channels)


def _run_block(block: KroneckerProduct, features: np.ndarray, theta: np.ndarray) -> np.ndarray:
    channels = theta.shape[1:]
    entries = theta.reshape(*(part.rank for part in block.factors), *channels)
    for axis, part in enumerate(block.factors):
        entries = np.moveaxis(part.entries.of(np.moveaxis(entries, axis, 0)), 0, axis)
    total = np.zeros((len(features), *(part.shape[0] for part in block.factors), channels[1]), dtype=features.dtype)
    for chosen in product(*(_stages(part) for part in block.factors)):
        pooled = features
        for axis, (stage, _) in enumerate(chosen):
            pooled = _along(stage.pool, pooled, axis + 1)
        rows = [sum(section.rows_out for section in stage.sections) for stage, _ in chosen]
        mixed = np.zeros((features.shape[0], *rows, channels[1]), dtype=np.result_type(pooled, entries))
        for sections in product(*(sections for _, sections in chosen)):
            taken = pooled[(slice(None), *(rows_in for _, rows_in, _, _ in sections))]
            weight = entries[tuple(place for *_, place in sections)]
            shapes = [section for section, *_ in sections]
            mixed[(slice(None), *(rows_out for _, _, rows_out, _ in sections))] = _mixed(taken, weight, shapes)
        for axis, (stage, _) in enumerate(chosen):
            mixed = _along(stage.spread, mixed, axis + 1, back=True)
        total = total + mixed
    return total


def _stages(part: KroneckerFactor) -> Iterator[tuple[Stage, Sections]]:
    entries = iter(_slices(section.entries for stage in part.stages for section in stage.sections))
    for stage in part.stages:
        rows_in = _slices(section.rows_in for section in stage.sections)
        rows_out = _slices(section.rows_out for section in stage.sections)
        yield stage, list(zip(stage.sections, rows_in, rows_out, entries, strict=False))


def _slices(sizes: Iterable[int]) -> list[slice]:
    """Rows of so many each, one after the other."""
    return [slice(*ends) for ends in pairwise(accumulate(sizes, initial=0))]


def _along(operator: Operator, features: np.ndarray, axis: int, *, back: bool = False) -> np.ndarray:
    if isinstance(operator, Identity):
        return features
    if isinstance(operator, Fourier):
        # The matrix of many points would not be slow and obvious, but too large. In single precision numpy stays there.
        moved = np.moveaxis(features.astype(np.float64), axis, -2)
        flat = moved.reshape(-1, *moved.shape[-2:])
        done = operator.back(flat) if back else operator.of(flat)
        return np.moveaxis(done.reshape(*moved.shape[:-2], *done.shape[-2:]), -2, axis)
    matrix = operator.matrix().T if back else operator.matrix()
    return np.moveaxis(np.tensordot(matrix, features, axes=(1, axis)), 0, axis)


def _mixed(pooled: np.ndarray, weight: np.ndarray, sections: list[MixShape]) -> np.ndarray:
    """One mix: every section is a Kronecker factor of it."""
    batch, channels_in = pooled.shape[0], pooled.shape[-1]
    features = pooled.reshape(batch, *(n for s in sections for n in (s.groups, s.copies, s.inputs)), channels_in)
    matrices = weight.reshape(*(n for s in sections for n in (s.groups, s.outputs, s.inputs)), *weight.shape[-2:])
    # Axes of einsum by number: batch 0, channels 1 and 2, then four for each section.
    named = [range(3 + 4 * place, 7 + 4 * place) for place in range(len(sections))]
    inner = [axis for group, copy, _, into in named for axis in (group, copy, into)]
    weights = [axis for group, _, out, into in named for axis in (group, out, into)]
    outer = [axis for group, copy, out, _ in named for axis in (group, copy, out)]
    mixed: np.ndarray = np.einsum(features, [0, *inner, 1], matrices, [*weights, 1, 2], [0, *outer, 2])
    return mixed.reshape(batch, *(section.rows_out for section in sections), weight.shape[-1])
