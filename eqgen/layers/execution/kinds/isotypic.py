"""Isotypic components: every class of point orbits is one small matrix product, and so is the kernel between two classes."""

from functools import lru_cache, partial
from itertools import groupby
from math import prod
from typing import Any

import numpy as np
from keras import ops

from eqgen.common.arrays import Permutation
from eqgen.layers.execution.mix import Kernel, Matrices, MixMatrix, Numbers, kernel, linear, matrices, matrices_of
from eqgen.layers.execution.operators import Limits, pool, spread
from eqgen.layers.execution.tensors import concatenated, constant, matmul, multiplied, reordered, reshaped, sizes, split
from eqgen.layers.execution.weight_table import WeightTable, gathered, weight_table
from eqgen.programs.entries import SpectralEntries
from eqgen.programs.operators.isotypic import OrbitTransforms
from eqgen.programs.steps import KroneckerFactor

Blocks = dict[tuple[int, int], Any]
"""By first input and first output, each (inputs x channels_in, outputs x channels_out)."""


@pool.register
def _pool(transforms: OrbitTransforms, features: Any, axis: int, limits: Limits) -> Any:
    if prod(transforms.shape) <= limits.product:
        return multiplied(transforms.matrix(), features, axis)
    return _transformed(transforms, features, axis, *_orders(transforms), back=False)


@spread.register
def _spread(transforms: OrbitTransforms, features: Any, axis: int, limits: Limits) -> Any:
    if prod(transforms.shape) <= limits.product:
        return multiplied(transforms.matrix().T, features, axis)
    points, rows = _orders(transforms)
    return _transformed(transforms, features, axis, np.argsort(rows), np.argsort(points), back=True)


def _transformed(
    transforms: OrbitTransforms, features: Any, axis: int, first: Permutation, last: Permutation, *, back: bool
) -> Any:
    """A product for each class, of what was brought into one order before and is brought into another one after it."""
    shape = sizes(features)
    after = prod(shape[axis + 1 :])
    values = reordered(reshaped(features, (-1, shape[axis], after)), first, 1)
    # Copies before multiplicities, section by section.
    rows = [np.concatenate([each.T.ravel() for each in by_class]) for by_class in zip(*transforms.rows, strict=True)]
    matrices = [matrix[chosen.astype(np.intp)] for matrix, chosen in zip(transforms.transforms, rows, strict=True)]
    matrices = [matrix.T for matrix in matrices] if back else matrices
    classes = list(zip(matrices, transforms.index, transforms.flips, strict=True))
    parts = split(values, [matrix.shape[1] * len(index) for matrix, index, _ in classes], 1)
    pieces = []
    for (matrix, index, signs), piece in zip(classes, parts, strict=True):
        flips = None if signs is None else constant(signs, values)
        if matrix.size:
            piece = piece if back or flips is None else piece * flips
            # Orbits stand beside the channels: one product of the small matrix with all of them.
            piece = multiplied(matrix, reshaped(piece, (-1, matrix.shape[1], len(index) * after)), 1)
            piece = reshaped(piece, (-1, len(matrix) * len(index), after))
            pieces.append(piece * flips if back and flips is not None else piece)
        elif back:
            pieces.append(ops.zeros((ops.shape(values)[0], index.size, after), dtype=features.dtype))
    return reshaped(reordered(concatenated(pieces, 1), last, 1), (*shape[:axis], last.size, *shape[axis + 1 :]))


def _orders(transforms: OrbitTransforms) -> tuple[Permutation, Permutation]:
    """The points class by class, and the rows, (section, copy, class, multiplicity, orbit), by their places in the order of
    the products, (class, section, copy, multiplicity, orbit)."""
    places: list[list[Permutation]] = [[] for _ in transforms.rows]
    start = 0
    for number, index in enumerate(transforms.index):
        for section, by_class in zip(places, transforms.rows, strict=True):
            count = by_class[number].size * len(index)
            if count:
                section.append(np.arange(start, start + count).reshape(by_class[number].shape[1], -1))
            start += count
    points = np.concatenate([index.T.ravel() for index in transforms.index])
    return points, np.concatenate([np.concatenate(section, axis=1).ravel() for section in places])


@kernel.register
def _kernel(entries: SpectralEntries, factor: KroneckerFactor, limits: Limits) -> Kernel:
    if prod(entries.shape) <= limits.transform:
        # One product starts faster than many small steps.
        return linear(entries.of(np.eye(entries.rank)))

    table = _table(entries, 1, limits)

    def transformed(theta: Any, axis: int) -> Any:
        first = ops.moveaxis(theta, axis, 0)
        sections = []
        blocks = _blocks(entries, ops.reshape(first, (entries.rank, 1, -1)), table, limits)
        for (outputs, inputs), matrix in zip(entries.sizes, map(_assembled, blocks), strict=True):
            turned = ops.transpose(ops.reshape(matrix, (inputs, outputs, -1)), (1, 0, 2))
            sections.append(ops.reshape(turned, (outputs * inputs, *first.shape[1:])))
        return ops.moveaxis(concatenated(sections, 0), 0, axis)

    return transformed


@matrices.register
def _matrices(entries: SpectralEntries, factor: KroneckerFactor, limits: Limits) -> Matrices:
    if prod(entries.shape) <= limits.transform:
        return matrices_of([factor], limits)

    # Where nothing is compiled it would be made anew in every call.
    table = lru_cache(partial(_table, entries, limits=limits))

    def made(theta: Any, dtype: str) -> dict[Numbers, MixMatrix]:
        sections = _blocks(entries, theta, table(theta.shape[1]), limits)
        for number, blocks in enumerate(sections):
            # A large block is multiplied where it comes from: to put them together would move it once more.
            if max(prod(block.shape) for block in blocks.values()) < limits.block:
                sections[number] = {(0, 0): _assembled(blocks)}
        return {
            (number,): MixMatrix({place: ops.cast(block, dtype) for place, block in blocks.items()})
            for number, blocks in enumerate(sections)
        }

    return made


def _blocks(entries: SpectralEntries, theta: Any, table: WeightTable, limits: Limits) -> list[Blocks]:
    """The blocks of the matrix of each section, of theta (rank, channels_in, channels_out), whose rows a table finds.

    One gather brings the parameters into an order in which hardly anything has to be turned afterwards.
    """
    channels_in, channels_out = theta.shape[1:]
    # Blocks of one section are apart all or none: they are to begin at the same places.
    sizes = [prod(pair.signed_labels.shape[1:]) * channels_in * channels_out for pair in entries.pairs]
    large = {
        place[0]
        for pair, size in zip(entries.pairs, sizes, strict=True)
        if size >= limits.block
        for place in pair.places
    }
    sections: list[Blocks] = [{} for _ in entries.sizes]
    rows = gathered(table, ops.reshape(theta, (entries.rank * channels_in, channels_out)), 0)
    kernels = split(rows, [pair.signed_labels.size * channels_in for pair in entries.pairs], 0)
    for pair, values in zip(entries.pairs, kernels, strict=True):
        rank, high, wide = pair.signed_labels.shape
        shape = wide * channels_in, high * channels_out
        values = matmul(constant(pair.transform, theta), ops.reshape(values, (rank, prod(shape))), precise=True)
        pieces = split(values, [rows * columns for _, rows, columns, _, _ in pair.places], 0)
        for (section, rows, columns, top, left), piece in zip(pair.places, pieces, strict=True):
            if section in large:
                for place, block in enumerate(split(piece, [1] * (rows * columns), 0)):
                    row, column = divmod(place, columns)
                    sections[section][left + column * wide, top + row * high] = ops.reshape(block, shape)
                continue
            block = ops.reshape(piece, (rows, columns, *shape))
            if rows > 1:
                block = ops.transpose(block, (1, 2, 0, 3))
            sections[section][left, top] = ops.reshape(block, (columns * shape[0], rows * shape[1]))
    return sections


def _assembled(blocks: Blocks) -> Any:
    rows = [[blocks[place] for place in group] for _, group in groupby(sorted(blocks), key=lambda place: place[0])]
    return concatenated([concatenated(row, 1) for row in rows], 0)


def _table(entries: SpectralEntries, channels_in: int, limits: Limits) -> WeightTable:
    """Rows of channels_out, ordered (pair, rank of the pair, input orbit, channel_in, output orbit)."""
    numbers = [
        # Where no parameter stands the sign is 0.
        np.sign(signed) * ((np.abs(signed) - 1) * channels_in + np.arange(1, channels_in + 1)[:, None])
        for signed in (pair.signed_labels.astype(np.int64).transpose(0, 2, 1)[:, :, None, :] for pair in entries.pairs)
    ]
    return weight_table(np.concatenate([each.ravel() for each in numbers]), entries.rank * channels_in, limits)
