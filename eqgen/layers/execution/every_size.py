"""How a program for every size runs where sizes are known only in the graph: index tables are made there, of arithmetic on n."""

from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from math import factorial
from typing import Any

import numpy as np
from keras import ops

from eqgen.layers.execution.tensors import concatenated, constant, matmul, total
from eqgen.orbitals.orbit_family import Growth
from eqgen.programs.coincidences import Mix, Place, Pool, TermPair, places_of
from eqgen.spaces.factors import FactorKind
from eqgen.spaces.family import AnySize
from eqgen.spaces.space import Space, Term

Points = Dictionary[int, Any]
"""How many points each axis has whose size is open, by its number: a whole number or a tensor of one."""


@dataclass(frozen=True, eq=False)
class EverySize:
    """A linear map between two spaces for every size.

    Attributes:
        output, input: the spaces for few points.
        groups: of the axes, None where the size is a number.
        pairs: what leads from input terms to output terms.
        growths: how the row size of each parameter grows, for means; None for sums.
    """

    output: Space
    input: Space
    groups: tuple[AnySize | None, ...]
    pairs: tuple[TermPair, ...]
    growths: tuple[Growth, ...] | None

    def __call__(self, features: Any, kernel: Any, points: Points, present: Points | None, dtype: str) -> Any:
        """Apply the map to features (batch, n, channels_in), which are 0 where they are not there: (batch, m, channels_out).

        Args:
            features: of the compute dtype.
            kernel: (rank, channels_in, channels_out), in the dtype of the variables.
            points: how many points the axes have.
            present: how many of them are there in each example, (batch,); None for all.
            dtype: to compute in.
        """
        terms = apart(features, [count(term, self.groups, points) for term in self.input.terms])
        inputs = [dense(part, term, self.groups, points) for part, term in zip(terms, self.input.terms, strict=True)]
        kinds = self._kinds(kernel, points, present, dtype)
        rows = []
        for number, term in enumerate(self.output.terms):
            parts = [
                part
                for pair in self.pairs
                if pair.output == number
                for part in _applied(pair, inputs[pair.input], self._places(pair), kinds, points, dtype)
            ]
            own = {"batch": ops.shape(features)[0], "channels": kernel.shape[2], "dtype": dtype}
            rows.append(flat(_added(parts), term, self.groups, points, **own))
        return concatenated(rows, 1)

    def _places(self, pair: TermPair) -> tuple[list[Place], list[Place]]:
        return places_of(self.output.terms[pair.output], self.groups), places_of(
            self.input.terms[pair.input], self.groups
        )

    def _kinds(self, kernel: Any, points: Points, present: Points | None, dtype: str) -> list[tuple[Any, Any]]:
        """Parameters, and what is multiplied after them in each example, (batch,), or None; added up."""
        if self.growths is None:
            return [(kernel, None)]
        if present is None:
            scale = ops.stack([_one_over(growth, points, kernel.dtype) for growth in self.growths])
            return [(kernel * ops.reshape(scale, (-1, 1, 1)), None)]
        found = []
        for growth in dict.fromkeys(self.growths):
            own = np.array([each == growth for each in self.growths])[:, None, None]
            found.append((kernel * constant(own, kernel), ops.cast(_one_over(growth, present, "float32"), dtype)))
        return found


def count(term: Term, groups: Sequence[AnySize | None], points: Points) -> Any:
    """How many points a term has."""
    counts = [
        factor.kind.count
        if factor.axis is None or groups[factor.axis] is None
        else _count(factor.kind, points[factor.axis])
        for factor in term
    ]
    return reduce(lambda one, other: one * other, counts, 1)


def apart(tensor: Any, counts: Sequence[Any]) -> list[Any]:
    """Pieces of axis 1 that have so many rows each."""
    if len(counts) == 1:
        return [tensor]
    stops = [sum(counts[: place + 1], start=0) for place in range(len(counts))]
    return [tensor[:, start:stop] for start, stop in pairwise([0, *stops])]


def _count(kind: FactorKind, n: Any) -> Any:
    chosen = reduce(lambda one, place: one * (n - place), range(kind.size), 1)
    if kind.form.ordered:
        return chosen
    return chosen // factorial(kind.size)


def _falling(n: Any, size: int) -> Any:
    """n (n - 1) ... of so many factors, over their factorial: how many sets of so many points there are."""
    return reduce(lambda one, place: one * (n - place), range(size), 1) // factorial(size) if size else ops.ones_like(n)


def _one_over(growth: Growth, points: Points, dtype: Any) -> Any:
    """One over a row size, 0 where there is no row of that kind."""
    size = ops.cast(float(growth.factor), dtype)
    for _, axis, start, stop in growth.spans:
        n = ops.cast(points[axis], dtype)
        for place in range(start, stop):
            size = size * ops.maximum(n - place, ops.zeros((), dtype=dtype))
    some = size > 0
    return ops.where(some, 1 / ops.where(some, size, ops.ones_like(size)), ops.zeros_like(size))


def _table(kind: FactorKind, n: Any) -> tuple[Any, Any]:
    """For all tuples of points of an axis, (n ** size,), the number that each makes, one too large for none, and its sign."""
    size = kind.size
    tuples = ops.arange(n**size, dtype="int32")
    members = [(tuples // n ** (size - 1 - place)) % n for place in range(size)]
    signs = [ops.sign(later - earlier) for place, later in enumerate(members) for earlier in members[:place]]
    sign = reduce(lambda one, other: one * other, signs)
    number: Any = 0
    if kind.form.ordered:
        for place, member in enumerate(members):
            smaller = [ops.cast(earlier < member, "int32") for earlier in members[:place]]
            after = reduce(lambda one, left: one * (n - 1 - place - left), range(size - 1 - place), 1)
            number = number + (member - sum(smaller, start=0)) * after
    else:
        ordered = ops.sort(ops.stack(members), axis=0)
        number = _count(kind, n) - 1
        for place in range(size):
            number = number - _falling(n - 1 - ordered[place], size - place)
    return ops.where(sign != 0, number, _count(kind, n)), sign


def dense(features: Any, term: Term, groups: Sequence[AnySize | None], points: Points, *, signed: bool = True) -> Any:
    """Features of a term, (batch, points, channels), on all tuples of its places: (batch, n, ..., fixed points * channels)."""
    open_, fixed = _open_and_fixed(term, groups)
    sizes = [count((factor,), groups, points) for factor in term]
    channels = features.shape[-1]
    if len(term) > 1:
        features = ops.reshape(features, (-1, *sizes, channels))
        features = ops.transpose(features, [0, *(1 + place for place in (*open_, *fixed)), 1 + len(term)])
    for place, factor in reversed([(place, term[number]) for place, number in enumerate(open_)]):
        if factor.kind.size > 1:
            index, sign = _table(factor.kind, points[factor.axis])  # type: ignore[index]
            # What is no point of the factor finds the zero behind all others.
            padding = [(0, 0)] * len(features.shape)
            padding[1 + place] = (0, 1)
            features = ops.take(ops.pad(features, padding), index, axis=1 + place)
            if signed and factor.kind.form.sign == "orientation":
                shape = [-1 if axis == 1 + place else 1 for axis in range(len(features.shape))]
                features = features * ops.reshape(ops.cast(sign, features.dtype), shape)
    grid = [points[place.axis] for place in places_of(term, groups)]
    folded = int(np.prod([term[number].kind.count for number in fixed])) * channels
    return ops.reshape(features, (-1, *grid, folded))


def _open_and_fixed(term: Term, groups: Sequence[AnySize | None]) -> tuple[list[int], list[int]]:
    open_ = [
        number for number, factor in enumerate(term) if factor.axis is not None and groups[factor.axis] is not None
    ]
    return open_, [number for number in range(len(term)) if number not in open_]


def _applied(
    pair: TermPair,
    dense: Any,
    places: tuple[list[Place], list[Place]],
    kinds: list[tuple[Any, Any]],
    points: Points,
    dtype: str,
) -> list[Any]:
    """What one input term adds to one output term, on tuples of the output's places, some of size 1: (batch, n, ..., channels)."""
    own_out, own_in = places
    done: dict[Any, Any] = {}
    pooled = [_pooled(pool, dense, own_in, points, done) for pool in pair.pools]
    parts = []
    for mix in pair.mixes:
        widths = [
            ops.cast(points[own_in[block[0]].axis], "float32")
            for block, kept in zip(pair.pools[mix.pool].blocks, pair.pools[mix.pool].kept, strict=True)
            if not kept
        ]
        mixed = total([_mixed(pooled[mix.pool], mix, widths, theta, after, dtype) for theta, after in kinds])
        parts += [_routed(mixed, route, own_out, points) for route in mix.routes]
    return parts


def _pooled(pool: Pool, dense: Any, places: list[Place], points: Points, done: dict[Any, Any]) -> Any:
    """The mean over those blocks that are not kept, on tuples of the kept ones."""
    # Diagonals first: then one axis for each block.
    key: Any = pool.blocks
    if key not in done:
        done[key] = _diagonals(dense, pool.blocks, places, points)
    for place in reversed(range(len(pool.blocks))):
        if pool.kept[place]:
            continue
        longer = (*key, place)
        if longer not in done:
            n = ops.maximum(ops.cast(points[places[pool.blocks[place][0]].axis], "float32"), 1.0)
            is_half = dense.dtype in ("float16", "bfloat16")
            whole = ops.sum(ops.cast(done[key], "float32") if is_half else done[key], axis=1 + place)
            done[longer] = ops.cast(whole / ops.cast(n, whole.dtype), dense.dtype)
        key = longer
    return done[key]


def _diagonals(dense: Any, blocks: Sequence[Sequence[int]], places: list[Place], points: Points) -> Any:
    """Tuples of blocks, in their order, at whose places the same point stands."""
    order = [place for block in blocks for place in block]
    last = len(dense.shape) - 1
    dense = ops.transpose(dense, [0, *(1 + place for place in order), last]) if order != sorted(order) else dense
    for number, block in enumerate(blocks):
        if len(block) > 1:
            n = points[places[block[0]].axis]
            after = [points[places[place].axis] for later in blocks[number + 1 :] for place in later]
            before = [points[places[earlier[0]].axis] for earlier in blocks[:number]]
            dense = ops.reshape(dense, (-1, *before, n ** len(block), *after, dense.shape[-1]))
            step = sum((n**power for power in range(len(block))), start=0)
            dense = ops.take(dense, ops.arange(n, dtype="int32") * step, axis=1 + number)
    return dense


def _mixed(pooled: Any, mix: Mix, widths: Sequence[Any], theta: Any, after: Any, dtype: str) -> Any:
    outputs, inputs, rank = mix.coefficients.shape
    into, out = theta.shape[1:]
    coefficients = constant(mix.coefficients.reshape(-1, rank), theta)
    matrix = matmul(coefficients, ops.reshape(theta, (rank, into * out)), precise=True)
    for width in widths:
        matrix = matrix * ops.cast(width, matrix.dtype)
    matrix = ops.transpose(ops.reshape(matrix, (outputs, inputs, into, out)), (1, 2, 0, 3))
    mixed = matmul(pooled, ops.cast(ops.reshape(matrix, (inputs * into, outputs * out)), dtype))
    return mixed if after is None else mixed * ops.reshape(after, (-1, *[1] * (len(mixed.shape) - 1)))


def _routed(mixed: Any, route: Sequence[int], places: list[Place], points: Points) -> Any:
    """Kept blocks at the places of the output where they stand; at places that coincide nothing else stands."""
    firsts: dict[int, int] = {}
    for place, block in enumerate(route):
        firsts.setdefault(block, place)
    kept = sorted((place, block) for block, place in firsts.items() if block >= 0)
    order = [block for _, block in kept]
    if order != sorted(order):
        mixed = ops.transpose(mixed, [0, *(1 + block for block in order), len(mixed.shape) - 1])
    for place in range(len(route)):
        if route[place] < 0 or firsts[route[place]] != place:
            mixed = ops.expand_dims(mixed, 1 + place)
    for place, block in enumerate(route):
        if firsts[block] != place:
            one = ops.arange(points[places[place].axis], dtype="int32")
            shape = [[-1 if axis == own else 1 for axis in range(len(route))] for own in (firsts[block], place)]
            same = ops.equal(*(ops.reshape(one, each) for each in shape))
            mixed = mixed * ops.expand_dims(ops.expand_dims(ops.cast(same, mixed.dtype), 0), -1)
    return mixed


def _added(parts: list[Any]) -> Any:
    """The sum of parts of which some have one row for many, these first."""
    ranked = sorted(parts, key=lambda part: sum(size != 1 for size in part.shape[1:-1]))
    return total(ranked) if ranked else None


def flat(
    tuples: Any, term: Term, groups: Sequence[AnySize | None], points: Points, *, batch: Any, channels: int, dtype: str
) -> Any:
    """Tuples of places as points of a term, (batch, points, channels)."""
    open_, fixed = _open_and_fixed(term, groups)
    fixed_sizes = [term[number].kind.count for number in fixed]
    grid = [points[place.axis] for place in places_of(term, groups)]
    folded = int(np.prod(fixed_sizes)) * channels
    if tuples is None:
        return ops.zeros((batch, count(term, groups, points), channels), dtype=dtype)
    tuples = ops.broadcast_to(tuples, (batch, *grid, folded))
    merged = [points[term[number].axis] ** term[number].kind.size for number in open_]  # type: ignore[index]
    tuples = ops.reshape(tuples, (-1, *merged, *fixed_sizes, channels))
    for place, number in enumerate(open_):
        kind = term[number].kind
        if kind.size > 1:
            own = points[term[number].axis]  # type: ignore[index]
            index, _ = _table(kind, own)
            numbers = ops.arange(own**kind.size, dtype="int32")
            # Of the tuples that make one set the one in order.
            if not kind.form.ordered:
                index = ops.where(_ascending(kind, own), index, _count(kind, own))
            found = ops.scatter(index[:, None], numbers, (_count(kind, own) + 1,))[: _count(kind, own)]
            tuples = ops.take(tuples, found, axis=1 + place)
    order = [*open_, *fixed]
    if order != sorted(order):
        tuples = ops.transpose(tuples, [0, *(1 + order.index(number) for number in range(len(term))), 1 + len(term)])
    return ops.reshape(tuples, (-1, count(term, groups, points), channels))


def _ascending(kind: FactorKind, n: Any) -> Any:
    tuples = ops.arange(n**kind.size, dtype="int32")
    members = [(tuples // n ** (kind.size - 1 - place)) % n for place in range(kind.size)]
    return reduce(ops.logical_and, [one < other for one, other in pairwise(members)])
