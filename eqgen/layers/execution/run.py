"""How a program runs in TensorFlow: steps that share a pool or a spread share the work, and mixes are matrix products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

from eqgen.layers.execution.entries import entries_of
from eqgen.layers.execution.fourier import correlate
from eqgen.layers.execution.gather import WeightTable, gather_weight, weight_table
from eqgen.layers.execution.isotypic import spectral_mix
from eqgen.layers.execution.operators import pool, spread
from eqgen.layers.execution.stencil import convolve
from eqgen.layers.execution.tensors import constant, matmul
from eqgen.programs.entries.fourier import FourierEntries
from eqgen.programs.entries.gather import GatherEntries
from eqgen.programs.entries.spectral import SpectralEntries, scaled_entries
from eqgen.programs.operators.composite import Composition, Stack
from eqgen.programs.operators.cyclic_stencil import Unfold
from eqgen.programs.operators.fourier import Fourier, is_short
from eqgen.programs.operators.identity import Identity
from eqgen.programs.operators.protocol import Operator
from eqgen.programs.reference import stages_of
from eqgen.programs.steps import KroneckerFactor, KroneckerProduct, MixShape, Side

Term = tuple[tuple[Operator, ...], Any]
"""Operators whose transposes are still to be applied, one for each part, and what they are applied to."""


class Execution:
    """A program made ready to run: what can be decided before features come is decided here.

    Args:
        blocks: of the program.
        outputs: m.
        scale: (rank,), what each parameter is multiplied by before it stands in the matrix; all 1 unless told.
    """

    def __init__(
        self, blocks: Sequence[KroneckerProduct], outputs: int, scale: npt.NDArray[np.float64] | None = None
    ) -> None:
        self.outputs = outputs
        # What a block has not taken into its own constants is left to do in every step.
        self._scales: dict[KroneckerProduct, npt.NDArray[np.float64]] = {}
        whole = np.ones(0) if scale is None else scale
        blocks = [self._scaled(block, whole[block.first : block.first + block.rank]) for block in blocks]
        tops = {block.output.start: block.output.size for block in sorted(blocks, key=lambda block: block.output.start)}
        # Every run of outputs with the blocks that lead there; none where everything is forced to zero.
        self._rows: list[tuple[int, list[KroneckerProduct]]] = []
        done = 0
        for top, size in tops.items():
            if top > done:
                self._rows.append((top - done, []))
            self._rows.append((size, [block for block in blocks if block.output.start == top]))
            done = top + size
        if done < outputs:
            self._rows.append((outputs - done, []))
        self._tables = {
            block: weight_table(*_as_table(block.factors[0], block.factors[0].entries), block.rank)
            for block in blocks
            if len(block.factors) == 1 and _is_whole(block.factors[0])
        }

    def _scaled(self, block: KroneckerProduct, scale: npt.NDArray[np.float64]) -> KroneckerProduct:
        """The block for parameters before they are scaled, if its own constants can do it; else noted down."""
        if (scale == 1).all():
            return block
        entries = block.factors[0].entries
        if len(block.factors) == 1 and isinstance(entries, SpectralEntries):
            scaled = scaled_entries(entries, scale)
            if scaled is not None:
                return replace(block, factors=(replace(block.factors[0], entries=scaled),))
        self._scales[block] = scale
        return block

    def __call__(self, features: Any, theta: Any, dtype: str) -> Any:
        """Apply the program.

        Args:
            features: (batch, n, channels_in), in the compute dtype.
            theta: (rank, channels_in, channels_out), in the dtype of the variables; times the scale it stands in the matrix.
            dtype: the compute dtype.

        Returns:
            (batch, m, channels_out).
        """
        rows = []
        for size, here in self._rows:
            total = None
            for block in here:
                found = self._block(block, features, theta, dtype)
                total = found if total is None else total + found
            rows.append(
                ops.zeros((ops.shape(features)[0], size, theta.shape[2]), dtype=dtype) if total is None else total
            )
        return rows[0] if len(rows) == 1 else ops.concatenate(rows, axis=1)

    def _block(self, block: KroneckerProduct, features: Any, theta: Any, dtype: str) -> Any:
        side, parts = block.input, block.factors
        if side.size < features.shape[1]:
            features = features[:, side.start : side.start + side.size]
        if block.rank < theta.shape[0]:
            theta = theta[block.first : block.first + block.rank]
        if block in self._scales:
            theta = theta * constant(self._scales[block][:, None, None], theta)
        features = _laid_out(side, [part.shape[1] for part in parts], features)
        if len(parts) == 1:
            return _spread_out(block.output, self._alone(block, features, theta, dtype))
        return _spread_out(block.output, _kronecker(parts, features, theta, dtype))

    def _alone(self, block: KroneckerProduct, features: Any, theta: Any, dtype: str) -> Any:
        (part,) = block.factors
        entries = part.entries
        if block in self._tables:
            return _gathered(self._tables[block], features, theta, dtype)
        windows = part.stages[0].pool if part.stages else None
        if isinstance(windows, Unfold):
            assert isinstance(entries, GatherEntries)
            return convolve(windows, entries, features, theta, dtype)
        if isinstance(entries, SpectralEntries):
            return _spectral(part, entries, features, theta, dtype)
        if isinstance(entries, FourierEntries) and not is_short(entries.grid):
            (stage,) = part.stages
            assert isinstance(stage.pool, Fourier)
            assert isinstance(stage.spread, Fourier)
            return correlate(entries, stage.pool, stage.spread, features, theta)
        return _kronecker(block.factors, features, theta, dtype)


def _is_whole(part: KroneckerFactor) -> bool:
    """Whether the entries of a part are its whole matrix."""
    return isinstance(part.entries, GatherEntries) and isinstance(part.stages[0].pool, Identity)


def _as_table(part: KroneckerFactor, entries: Any) -> tuple[Any, Any]:
    return entries.labels.reshape(part.shape), entries.signs.reshape(part.shape)


def _gathered(table: WeightTable, features: Any, theta: Any, dtype: str) -> Any:
    """The plain form: one product with the whole weight matrix."""
    n, m = table.index.shape
    channels_in, channels_out = theta.shape[1:]
    # The gather comes before the cast: its gradient sums over whole orbits, which half precision cannot hold.
    weight = ops.cast(gather_weight(table, theta), dtype)
    if channels_in > 1:
        features = ops.transpose(features, (0, 2, 1))
    flat = ops.reshape(features, (-1, channels_in * n))
    product_ = matmul(flat, ops.reshape(weight, (channels_in * n, m * channels_out)))
    return ops.reshape(product_, (-1, m, channels_out))


def _kronecker(parts: Sequence[KroneckerFactor], features: Any, theta: Any, dtype: str) -> Any:
    """Any program: (batch, points of each part ..., channels_in) to (batch, points of each part ..., channels_out)."""
    weights = ops.reshape(theta, (*(part.rank for part in parts), *theta.shape[1:]))
    for axis, part in enumerate(parts):
        weights = entries_of(part, weights, axis)
    weights = ops.cast(weights, dtype)
    pools = Pools(features)
    terms: list[Term] = []
    for chosen in product(*(stages_of(part) for part in parts)):
        pooled = pools.of([operator for operator, _, _ in chosen])
        pieces = []
        for sections in product(*(sections for _, _, sections in chosen)):
            taken = _cut(pooled, [rows for _, rows, _, _ in sections])
            weight = _cut(weights, [place for *_, place in sections], first=0)
            pieces.append(_mixed(taken, weight, [section for section, *_ in sections]))
        mixed = pieces[0] if len(pieces) == 1 else _joined(pieces, [len(sections) for _, _, sections in chosen])
        terms.append((tuple(operator for _, operator, _ in chosen), mixed))
    return _spread(terms, [part.shape[0] for part in parts])


def _spectral(part: KroneckerFactor, entries: SpectralEntries, features: Any, theta: Any, dtype: str) -> Any:
    """A part whose sections come as matrices that are ready to multiply by."""
    (stage,) = part.stages
    pooled = pool(stage.pool, features, 1)
    mixed = spectral_mix(entries, pooled, theta, stage.sections, dtype)
    return spread(stage.spread, mixed, 1)


class Pools:
    """Pools of one block's features; what begins alike is done once."""

    def __init__(self, features: Any) -> None:
        self._done: dict[tuple[int, ...], Any] = {(): features}

    def of(self, operators: list[Operator]) -> Any:
        """The features pooled along every axis in turn."""
        found = self._done[()]
        name: tuple[int, ...] = ()
        for axis, operator in enumerate(operators):
            found = self._along(operator, found, axis + 1, name)
            name = (*name, id(operator))
        return found

    def _along(self, operator: Operator, features: Any, axis: int, before: tuple[int, ...]) -> Any:
        name = (*before, id(operator))
        if name not in self._done:
            if isinstance(operator, Composition):
                self._done[name] = pool(operator.later, self._along(operator.first, features, axis, before), axis)
            elif isinstance(operator, Stack):
                found = [self._along(part, features, axis, before) for part in operator.parts]
                stacked = ops.stack(found, axis=axis + 1)
                shape = list(ops.shape(found[0]))
                shape[axis] = found[0].shape[axis] * len(found)
                self._done[name] = ops.reshape(stacked, shape)
            else:
                self._done[name] = pool(operator, features, axis)
        return self._done[name]


def _mixed(pooled: Any, weight: Any, sections: list[MixShape]) -> Any:
    """One mix: (batch, rows of each part ..., channels) by (entries of each part ..., channels_in, channels_out)."""
    channels_in, channels_out = weight.shape[-2:]
    count = len(sections)
    groups = prod(s.groups for s in sections)
    inputs, outputs = prod(s.inputs for s in sections), prod(s.outputs for s in sections)
    apart = [size for s in sections for size in (s.groups, s.copies, s.inputs)]
    inner = ops.reshape(pooled, (-1, *apart, channels_in))
    order = [
        *(1 + 3 * p for p in range(count)),
        0,
        *(2 + 3 * p for p in range(count)),
        *(3 + 3 * p for p in range(count)),
    ]
    inner = _arranged(inner, [*order, 1 + 3 * count], [-1, *apart, channels_in])
    whole = [size for s in sections for size in (s.groups, s.outputs, s.inputs)]
    # Entries are (group, output, input); the product wants (group, input and its channels, output and its channels).
    sizes = [*whole, channels_in, channels_out]
    turn = [
        *(3 * p for p in range(count)),
        *(2 + 3 * p for p in range(count)),
        3 * count,
        *(1 + 3 * p for p in range(count)),
        3 * count + 1,
    ]
    matrix = _arranged(ops.reshape(weight, sizes), turn, sizes)
    if groups == 1:
        flat = ops.reshape(inner, (-1, inputs * channels_in))
        found = matmul(flat, ops.reshape(matrix, (inputs * channels_in, outputs * channels_out)))
    else:
        flat = ops.reshape(inner, (groups, -1, inputs * channels_in))
        found = matmul(flat, ops.reshape(matrix, (groups, inputs * channels_in, outputs * channels_out)))
    after = [
        *(s.groups for s in sections),
        -1,
        *(s.copies for s in sections),
        *(s.outputs for s in sections),
        channels_out,
    ]
    back = [count, *(place for p in range(count) for place in (p, count + 1 + p, 2 * count + 1 + p)), 3 * count + 1]
    found = _arranged(ops.reshape(found, after), back, after)
    return ops.reshape(found, (-1, *(s.rows_out for s in sections), channels_out))


def _arranged(tensor: Any, order: list[int], sizes: list[int]) -> Any:
    """A transpose, left out where it moves axes of one point alone."""
    moving = [axis for axis in order if sizes[axis] != 1]
    return tensor if moving == sorted(moving) else ops.transpose(tensor, order)


def _cut(tensor: Any, slices: list[slice], first: int = 1) -> Any:
    """Some rows of each part."""
    whole = all(place.start == 0 and place.stop == tensor.shape[first + axis] for axis, place in enumerate(slices))
    return tensor if whole else tensor[(*[slice(None)] * first, *slices)]


def _joined(pieces: list[Any], counts: list[int]) -> Any:
    """The sections of one stage one after the other, on the axis of each part."""
    for axis in reversed(range(len(counts))):
        step = counts[axis]
        pieces = [
            ops.concatenate(pieces[start : start + step], axis=axis + 1) if step > 1 else pieces[start]
            for start in range(0, len(pieces), step)
        ]
    return pieces[0]


def _spread(terms: list[Term], sizes: list[int]) -> Any:
    """The sum of all terms, spread along the last axis first."""
    for axis in reversed(range(len(sizes))):
        groups: dict[tuple[int, ...], list[Term]] = {}
        for operators, mixed in terms:
            groups.setdefault(tuple(map(id, operators[:axis])), []).append((operators, mixed))
        terms = [
            (
                group[0][0][:axis],
                _summed([(operators[axis], mixed) for operators, mixed in group], axis + 1, sizes[axis]),
            )
            for group in groups.values()
        ]
    return terms[0][1]


def _summed(items: list[tuple[Operator, Any]], axis: int, size: int) -> Any:
    """Spreads along one axis, added up; those that go through another's space are added there."""
    apart = [piece for operator, mixed in items for piece in _unstacked(operator, mixed, axis)]
    waiting: dict[int, tuple[Operator, Any]] = {}
    for operator, mixed in apart:
        first = operator
        if isinstance(operator, Composition):
            mixed, first = spread(operator.later, mixed, axis), operator.first
        known = waiting.get(id(first))
        waiting[id(first)] = (first, mixed if known is None else known[1] + mixed)
    total = None
    for operator, mixed in waiting.values():
        found = spread(operator, _whole(mixed, axis, operator.shape[0]), axis)
        total = found if total is None else total + found
    return _whole(total, axis, size)


def _unstacked(operator: Operator, mixed: Any, axis: int) -> list[tuple[Operator, Any]]:
    if not isinstance(operator, Stack):
        return [(operator, mixed)]
    count = len(operator.parts)
    shape = list(ops.shape(mixed))
    apart = ops.reshape(mixed, (*shape[:axis], mixed.shape[axis] // count, count, *shape[axis + 1 :]))
    place = (slice(None),) * (axis + 1)
    return [(part, apart[(*place, number)]) for number, part in enumerate(operator.parts)]


def _whole(tensor: Any, axis: int, size: int) -> Any:
    """All points, where one stands for them."""
    if tensor.shape[axis] == size:
        return tensor
    shape = list(ops.shape(tensor))
    shape[axis] = size
    return ops.broadcast_to(tensor, shape)


def _laid_out(side: Side, sizes: list[int], features: Any) -> Any:
    """(batch, points of a term, channels) to (batch, points of each part ..., channels)."""
    channels = features.shape[-1]
    grid = ops.reshape(features, (-1, *side.grid, channels))
    order = [0, *(1 + place for place in side.order), 1 + len(side.grid)]
    return ops.reshape(_arranged(grid, order, [-1, *side.grid, channels]), (-1, *sizes, channels))


def _spread_out(side: Side, features: Any) -> Any:
    """The way back, for outputs."""
    channels = features.shape[-1]
    sizes = [side.grid[place] for place in side.order]
    back = np.argsort(np.array(side.order, dtype=np.intp)).tolist()
    grid = ops.reshape(features, (-1, *sizes, channels))
    order = [0, *(1 + place for place in back), 1 + len(sizes)]
    return ops.reshape(_arranged(grid, order, [-1, *sizes, channels]), (-1, side.size, channels))
