"""Isotypic components in TensorFlow: every class of point orbits is one small matrix product."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from keras import ops

from eqgen.layers.execution.tensors import constant, matmul, product_of, reordered
from eqgen.programs.entries.spectral import OrbitPairs, SpectralEntries
from eqgen.programs.operators.orbit_transforms import OrbitTransforms
from eqgen.programs.steps import MixShape

SMALL_TRANSFORM = 1 << 14
"""Parameters are transformed by one matrix of up to so many entries, pair by pair of classes where it would have more."""

LARGE_BLOCK = 1 << 16
"""Blocks of fewer numbers are put together and multiplied at once."""


def components(transforms: OrbitTransforms, features: Any, axis: int) -> Any:
    """Rows (section, copy, class, multiplicity, orbit) in place of points on one axis."""
    shape = list(ops.shape(features))
    before, after = product_of(shape[:axis]), product_of(shape[axis + 1 :])
    flat = ops.reshape(features, (before, transforms.columns, after))
    flat = reordered(flat, np.concatenate([index.T.ravel() for index in transforms.index]), 1)
    spectra, start = [], 0
    for number, index in enumerate(transforms.index):
        orbits, size = index.shape
        # Orbits stand beside the channels: one product of the small matrix with all of them.
        taken = flat[:, start : start + index.size]
        start += index.size
        taken = _signed(transforms, number, taken)
        matrix = _ordered(transforms, number)
        spectra.append(matmul(constant(matrix, flat), ops.reshape(taken, (before, size, orbits * after))))
    found = []
    starts = [0] * len(spectra)
    for by_class in transforms.rows:
        pieces = []
        for number, rows in enumerate(by_class):
            if rows.size:
                multiplicity, copies = rows.shape
                taken = spectra[number][:, starts[number] : starts[number] + rows.size]
                pieces.append(
                    ops.reshape(taken, (before, copies, multiplicity * transforms.index[number].shape[0], after))
                )
                starts[number] += rows.size
        whole = pieces[0] if len(pieces) == 1 else ops.concatenate(pieces, axis=2)
        found.append(ops.reshape(whole, (before, whole.shape[1] * whole.shape[2], after)))
    rows = found[0] if len(found) == 1 else ops.concatenate(found, axis=1)
    return ops.reshape(rows, (*shape[:axis], transforms.shape[0], *shape[axis + 1 :]))


def components_back(transforms: OrbitTransforms, features: Any, axis: int) -> Any:
    """The transpose."""
    shape = list(ops.shape(features))
    before, after = product_of(shape[:axis]), product_of(shape[axis + 1 :])
    flat = ops.reshape(features, (before, transforms.shape[0], after))
    spectra: list[list[Any]] = [[] for _ in transforms.index]
    start = 0
    for by_class in transforms.rows:
        copies = max(rows.shape[1] for rows in by_class if rows.size)
        widths = [rows.shape[0] * index.shape[0] for rows, index in zip(by_class, transforms.index, strict=True)]
        section = ops.reshape(flat[:, start : start + copies * sum(widths)], (before, copies, sum(widths), after))
        start += copies * sum(widths)
        left = 0
        for number, (rows, width) in enumerate(zip(by_class, widths, strict=True)):
            if width:
                orbits = transforms.index[number].shape[0]
                taken = section[:, :, left : left + width]
                spectra[number].append(ops.reshape(taken, (before, rows.size, orbits * after)))
            left += width
    points = []
    for number, index in enumerate(transforms.index):
        orbits, size = index.shape
        if not spectra[number]:
            points.append(ops.zeros((before, orbits * size, after), dtype=features.dtype))
            continue
        whole = spectra[number][0] if len(spectra[number]) == 1 else ops.concatenate(spectra[number], axis=1)
        matrix = _ordered(transforms, number)
        found = matmul(constant(matrix.T, flat), whole)
        points.append(_signed(transforms, number, ops.reshape(found, (before, size * orbits, after))))
    whole = points[0] if len(points) == 1 else ops.concatenate(points, axis=1)
    order = np.concatenate([index.T.ravel() for index in transforms.index])
    whole = reordered(whole, np.argsort(order), 1)
    return ops.reshape(whole, (*shape[:axis], transforms.columns, *shape[axis + 1 :]))


def spectral_kernel(entries: SpectralEntries, theta: Any, axis: int) -> Any:
    """Entries (section, row, column) in place of parameters on one axis."""
    shape = list(ops.shape(theta))
    before, after = product_of(shape[:axis]), product_of(shape[axis + 1 :])
    flat = ops.reshape(theta, (before, entries.rank, after))
    blocks: dict[tuple[int, int, int], Any] = {}
    for pair in entries.pairs:
        spectral = _spectral(pair, flat, before, after)
        high, wide = pair.labels.shape[1:]
        start = 0
        for section, rows, columns, top, left in pair.places:
            block = ops.reshape(spectral[:, start : start + rows * columns], (before, rows, columns, high, wide, after))
            block = ops.reshape(ops.transpose(block, (0, 1, 3, 2, 4, 5)), (before, rows * high, columns * wide, after))
            blocks[section, top, left] = block
            start += rows * columns
    found = []
    for section, (outputs, inputs) in enumerate(entries.sizes):
        bands = []
        for top in sorted({key[1] for key in blocks if key[0] == section}):
            lefts = sorted(key[2] for key in blocks if key[:2] == (section, top))
            row = [blocks[section, top, left] for left in lefts]
            bands.append(row[0] if len(row) == 1 else ops.concatenate(row, axis=2))
        whole = bands[0] if len(bands) == 1 else ops.concatenate(bands, axis=1)
        found.append(ops.reshape(whole, (before, outputs * inputs, after)))
    whole = found[0] if len(found) == 1 else ops.concatenate(found, axis=1)
    return ops.reshape(whole, (*shape[:axis], entries.shape[0], *shape[axis + 1 :]))


def _spectral(pair: OrbitPairs, flat: Any, before: Any, after: Any) -> Any:
    """(before, spectral entries, output orbits x input orbits, after) of one pair of classes."""
    rank = pair.labels.shape[0]
    taken = ops.take(flat, pair.labels.ravel().astype(np.int32), axis=1)
    if (pair.signs != 1).any():
        taken = taken * constant(pair.signs.reshape(-1, 1).astype(np.float64), flat)
    taken = ops.reshape(taken, (before, rank, int(np.prod(pair.labels.shape[1:])) * after))
    return matmul(constant(pair.transform, flat), taken)


def _ordered(transforms: OrbitTransforms, number: int) -> Any:
    """The rows of a class's transform in the order of the sections, copies before multiplicities."""
    rows = np.concatenate([by_class[number].T.ravel() for by_class in transforms.rows])
    return transforms.transforms[number][rows.astype(np.intp)]


def _signed(transforms: OrbitTransforms, number: int, values: Any) -> Any:
    signs = transforms.signs[number]
    return values if signs is None else values * constant(signs.T.reshape(-1, 1).astype(np.float64), values)


def spectral_mix(entries: SpectralEntries, pooled: Any, theta: Any, sections: Sequence[MixShape], dtype: str) -> Any:
    """The mixes of all sections, from rows of (batch, rows, channels_in) and theta of (rank, channels_in, channels_out).

    One gather brings the parameters into an order in which hardly anything has to be turned afterwards. A block is multiplied
    where it comes from: to put large ones together first would move them through memory once more.
    """
    channels_in, channels_out = theta.shape[1:]
    blocks = _blocks(entries, theta)
    mixed, top = [], 0
    for number, section in enumerate(sections):
        taken = ops.reshape(pooled[:, top : top + section.rows_in], (-1, section.inputs, channels_in))
        top += section.rows_in
        here = {key[1:]: block for key, block in blocks.items() if key[0] == number}
        if max(block.shape[0] * block.shape[1] for block in here.values()) < LARGE_BLOCK:
            here = {(0, 0): _assembled(here)}
        mixed.append(ops.reshape(_multiplied(taken, here, dtype), (-1, section.rows_out, channels_out)))
    return mixed[0] if len(mixed) == 1 else ops.concatenate(mixed, axis=1)


def _multiplied(taken: Any, blocks: dict[tuple[int, int], Any], dtype: str) -> Any:
    """Rows of (..., inputs, channels_in) times a matrix of blocks at (left, top), each (inputs x channels_in, outputs x
    channels_out)."""
    channels_in = taken.shape[-1]
    rows: dict[int, Any] = {}
    for (left, top), block in blocks.items():
        size = block.shape[0] // channels_in
        part = taken if size == taken.shape[1] else taken[:, left : left + size]
        found = matmul(ops.reshape(part, (-1, block.shape[0])), ops.cast(block, dtype))
        rows[top] = found if top not in rows else rows[top] + found
    pieces = [rows[top] for top in sorted(rows)]
    return pieces[0] if len(pieces) == 1 else ops.concatenate(pieces, axis=1)


def _blocks(entries: SpectralEntries, theta: Any) -> dict[tuple[int, int, int], Any]:
    """The blocks of all matrices by (section, left, top), counted in inputs and outputs."""
    channels_in, channels_out = theta.shape[1:]
    if prod(entries.shape) <= SMALL_TRANSFORM:
        return _few_blocks(entries, theta)
    sizes = [pair.labels.size * channels_in for pair in entries.pairs]
    blocks: dict[tuple[int, int, int], Any] = {}
    for pair, kernels in zip(entries.pairs, _split(_permuted(entries, theta), sizes), strict=True):
        rank, high, wide = pair.labels.shape
        shape = wide * channels_in, high * channels_out
        spectral = matmul(constant(pair.transform, theta), ops.reshape(kernels, (rank, shape[0] * shape[1])))
        large = shape[0] * shape[1] >= LARGE_BLOCK
        counts = [rows * columns for _, rows, columns, _, _ in pair.places]
        for (section, rows, columns, top, left), found in zip(pair.places, _split(spectral, counts), strict=True):
            if large:
                each = iter(_split(found, [1] * (rows * columns)))
                for row in range(rows):
                    for column in range(columns):
                        place = section, left + column * wide, top + row * high
                        blocks[place] = ops.reshape(next(each), shape)
                continue
            block = ops.reshape(found, (rows, columns, *shape))
            if rows > 1:
                block = ops.transpose(block, (1, 2, 0, 3))
            blocks[section, left, top] = ops.reshape(block, (columns * shape[0], rows * shape[1]))
    return blocks


def _few_blocks(entries: SpectralEntries, theta: Any) -> dict[tuple[int, int, int], Any]:
    """One block for each section, all from one product: it starts faster than many small steps."""
    rank, channels_in, channels_out = theta.shape
    found = matmul(constant(entries.of(np.eye(rank)), theta), ops.reshape(theta, (rank, channels_in * channels_out)))
    blocks = {}
    counts = [outputs * inputs for outputs, inputs in entries.sizes]
    for section, ((outputs, inputs), values) in enumerate(zip(entries.sizes, _split(found, counts), strict=True)):
        block = ops.reshape(values, (outputs, inputs, channels_in, channels_out))
        if outputs > 1:
            block = ops.transpose(block, (1, 2, 0, 3))
        blocks[section, 0, 0] = ops.reshape(block, (inputs * channels_in, outputs * channels_out))
    return blocks


def _split(values: Any, sizes: Sequence[int]) -> list[Any]:
    """Rows apart, some after others: the gradient puts them together once, where that of slices adds up whole arrays."""
    return [values] if len(sizes) == 1 else list(ops.split(values, np.cumsum(sizes)[:-1].tolist(), axis=0))


def _assembled(blocks: dict[tuple[int, int], Any]) -> Any:
    rows = []
    for left in sorted({left for left, _ in blocks}):
        row = [blocks[left, top] for top in sorted(top for here, top in blocks if here == left)]
        rows.append(row[0] if len(row) == 1 else ops.concatenate(row, axis=1))
    return rows[0] if len(rows) == 1 else ops.concatenate(rows, axis=0)


def _permuted(entries: SpectralEntries, theta: Any) -> Any:
    """Rows of channels_out, ordered (pair, rank of the pair, input orbit, channel_in, output orbit)."""
    rank, channels_in, channels_out = theta.shape
    channel = np.arange(channels_in)[None, None, :, None]
    index, signs = [], []
    for pair in entries.pairs:
        places = pair.labels.transpose(0, 2, 1)[:, :, None, :] * channels_in + channel
        index.append(places.ravel())
        signs.append(np.broadcast_to(pair.signs.transpose(0, 2, 1)[:, :, None, :], places.shape).ravel())
    order, turned = np.concatenate(index), np.concatenate(signs)
    rows = ops.reshape(theta, (rank * channels_in, channels_out))
    if (turned == 1).all() and order.size == rank * channels_in:
        return reordered(rows, order, 0)
    taken = ops.take(rows, order.astype(np.int32), axis=0)
    return taken if (turned == 1).all() else taken * constant(turned[:, None].astype(np.float64), theta)
