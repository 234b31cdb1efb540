"""Mixes: from the parameters of orbits to matrices, and one product with a matrix for each section of a stage.

Each kind of entries registers its `kernel` in its own file among `kinds`, and `matrices` where it knows a shorter way; that of
combinations of parameters, a product with a matrix of constants, stands here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import singledispatch
from itertools import product
from math import prod
from typing import Any

import numpy as np
from keras import ops

from eqgen.layers.execution.operators import Limits, width
from eqgen.layers.execution.tensors import arranged, concatenated, matmul, multiplied, reshaped, split, total
from eqgen.programs.entries import Entries, LinearCombination
from eqgen.programs.operators.operator import Stack
from eqgen.programs.steps import KroneckerFactor, MixShape


@dataclass(frozen=True)
class MixMatrix:
    """What the rows of one section are multiplied by.

    Attributes:
        blocks: by first input and first output, each (inputs x channels_in, outputs x channels_out), with the groups in front
            where there are several; mostly a single one.
        channels_first: whether rows are (channels_in, inputs) instead.
        of_examples: whether every example has its own, in place of the groups.
    """

    blocks: dict[tuple[int, int], Any]
    channels_first: bool = False
    of_examples: bool = False


Kernel = Callable[[Any, int], Any]
"""Makes entries in place of the parameters that stand on one axis."""

Numbers = tuple[int, ...]
"""One section of each factor, by number."""

Matrices = Callable[[Any, str], dict[Numbers, MixMatrix]]
"""Makes the matrix of every mix of theta (rank, channels_in, channels_out), in a dtype."""


@singledispatch
def kernel(entries: Entries, factor: KroneckerFactor, limits: Limits) -> Kernel:
    """What makes the entries of a factor along one axis, beside others."""
    raise NotImplementedError(f"no kernel of {type(entries).__name__} is registered")


@kernel.register
def _combination(entries: LinearCombination, factor: KroneckerFactor, limits: Limits) -> Kernel:
    # Entries are made for sums, and pools take means.
    widths: list[int] = []
    for stage in factor.stages:
        pools = stage.pool.parts if isinstance(stage.pool, Stack) else (stage.pool,)
        (section,) = stage.sections
        widths += [width(operator) for operator in pools] * section.outputs
    return linear(entries.numerators * np.array(widths)[:, None] / entries.denominators[:, None])


def linear(matrix: np.ndarray) -> Kernel:
    """The kernel whose entries a matrix makes, (entries, rank)."""
    if np.array_equal(matrix, np.eye(len(matrix))):
        return lambda theta, axis: theta
    return lambda theta, axis: multiplied(matrix, theta, axis)


@singledispatch
def matrices(entries: Entries, factor: KroneckerFactor, limits: Limits) -> Matrices:
    """What makes the matrices of a factor that stands alone."""
    return matrices_of([factor], limits)


def matrices_of(factors: Sequence[KroneckerFactor], limits: Limits) -> Matrices:
    """What makes the matrices of a Kronecker product, from the kernels of its factors."""
    kernels = [kernel(factor.entries, factor, limits) for factor in factors]
    sections = [[section for stage in factor.stages for section in stage.sections] for factor in factors]

    def made(theta: Any, dtype: str) -> dict[Numbers, MixMatrix]:
        # Where every example has its own parameters they stand behind it.
        lead = len(theta.shape) - 3
        entries = reshaped(theta, (*[-1] * lead, *(factor.rank for factor in factors), *theta.shape[-2:]))
        for axis, make in enumerate(kernels):
            entries = make(entries, lead + axis)
        pieces = apart(ops.cast(entries, dtype), [[section.entries for section in each] for each in sections], lead)
        return {
            numbers: MixMatrix({(0, 0): _turned(piece, shapes)}, of_examples=lead > 0)
            for (numbers, piece), shapes in zip(pieces.items(), product(*sections), strict=True)
        }

    return made


def _turned(entries: Any, shapes: Sequence[MixShape]) -> Any:
    """(entries of each factor ..., channels_in, channels_out) to one matrix, of every group, or every example, where there are
    several."""
    *own, channels_in, channels_out = entries.shape
    if len(own) > len(shapes):
        # There is one group: the examples take its place.
        shapes = [MixShape(-1, shapes[0].inputs, shapes[0].outputs, shapes[0].copies), *shapes[1:]]
    ends = range(0, 3 * len(shapes), 3)
    grid = [size for shape in shapes for size in (shape.groups, shape.outputs, shape.inputs)]
    order = [*ends, *(end + 2 for end in ends), 3 * len(shapes), *(end + 1 for end in ends), 3 * len(shapes) + 1]
    rows, columns = prod(shape.inputs for shape in shapes), prod(shape.outputs for shape in shapes)
    matrix = (*_groups(shapes), rows * channels_in, columns * channels_out)
    return arranged(entries, [*grid, channels_in, channels_out], order, matrix)


def mixed(pooled: Any, matrix: MixMatrix, shapes: Sequence[MixShape], *, precise: bool) -> Any:
    """Rows of a pool, (batch, rows of each factor ..., channels_in), mixed: (batch, rows ..., channels_out)."""
    channels_in, count = pooled.shape[-1], len(shapes)
    groups, copies, inputs = (range(first, 3 * count + 1, 3) for first in (1, 2, 3))
    ends = [3 * count + 1, *inputs] if matrix.channels_first else [*inputs, 3 * count + 1]
    grid = [-1, *(size for shape in shapes for size in (shape.groups, shape.copies, shape.inputs)), channels_in]
    several = [-1, prod(shape.copies for shape in shapes)] if matrix.of_examples else [*_groups(shapes), -1]
    flat = (*several, prod(shape.inputs for shape in shapes) * channels_in)
    rows = arranged(pooled, grid, [*groups, 0, *copies, *ends], flat)
    bands: dict[int, list[Any]] = {}
    for (left, top), block in matrix.blocks.items():
        size = block.shape[-2]
        taken = rows if size == flat[-1] else rows[..., left * channels_in : left * channels_in + size]
        bands.setdefault(top, []).append(matmul(taken, block, precise=precise))
    rows = concatenated([total(bands[top]) for top in sorted(bands)], -1)
    channels_out = rows.shape[-1] // prod(shape.outputs for shape in shapes)
    sizes = list(zip(*((shape.groups, shape.copies, shape.outputs) for shape in shapes), strict=True))
    order = [count, *(axis for place in range(count) for axis in (place, place + count + 1, place + 2 * count + 1))]
    after = (-1, *(shape.rows_out for shape in shapes), channels_out)
    return arranged(rows, [*sizes[0], -1, *sizes[1], *sizes[2], channels_out], [*order, 3 * count + 1], after)


def _groups(shapes: Sequence[MixShape]) -> tuple[int, ...]:
    groups = prod(shape.groups for shape in shapes)
    return (groups,) if groups != 1 else ()


def apart(tensor: Any, counts: Sequence[Sequence[int]], first: int) -> dict[Numbers, Any]:
    """Pieces of an axis for each factor, from the first one on, that have so many rows each."""
    pieces: dict[Numbers, Any] = {(): tensor}
    for axis, each in enumerate(counts):
        pieces = {
            (*numbers, number): part
            for numbers, piece in pieces.items()
            for number, part in enumerate(split(piece, each, first + axis))
        }
    return pieces


def joined(pieces: dict[Numbers, Any], first: int) -> Any:
    """The way back: pieces one after the other on every axis."""
    for axis in reversed(range(len(next(iter(pieces))))):
        groups: dict[Numbers, list[Any]] = {}
        for numbers, piece in pieces.items():
            groups.setdefault(numbers[:-1], []).append(piece)
        pieces = {numbers: concatenated(group, first + axis) for numbers, group in groups.items()}
    return pieces[()]
