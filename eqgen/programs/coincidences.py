"""A program for every size at once: sums over points that coincide, spread to points that coincide.

Which points of an output and an input are the same is a set partition of their places. The orbits of S(n) are the pairs
that coincide exactly as a partition says. Sums over all inputs that coincide at least so are cheaper: diagonals, sums over an
axis, and copies along one (Maron, Ben-Hamu, Shamir, Lipman, 2019). Moebius' formula turns the ones into the others, by
coefficients that do not depend on n; here they are worked out from the labels for few points.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, permutations, product
from math import factorial, prod

import numpy as np

from eqgen.common.arrays import Integers, Reals, SignedLabels
from eqgen.common.errors import DeclarationError
from eqgen.permutations.signed_permutation import is_even
from eqgen.spaces.family import AnySize
from eqgen.spaces.space import Space, Term, term_shape

MOST_PLACES = 7
"""Pairs of more places have too many partitions (4,140 of eight)."""

Blocks = tuple[tuple[int, ...], ...]
"""A set partition of places, each block in order, by first places."""

Labels = Callable[[Integers, Integers], SignedLabels]
"""The signed labels where some rows and columns cross."""


@dataclass(frozen=True)
class Place:
    """One point of an axis whose size is open, among those that make an output or an input.

    Attributes:
        axis: its number.
        factor: the number of the factor that it belongs to; its points are distinct.
    """

    axis: int
    factor: int


@dataclass(frozen=True)
class Pool:
    """Points of an input that coincide, by block; those of a block that is not kept are summed over.

    Attributes:
        blocks: of the input's places.
        kept: whether a block is also one of the output.
    """

    blocks: Blocks
    kept: tuple[bool, ...]


@dataclass(frozen=True, eq=False)
class Mix:
    """A pool, and what it is multiplied by.

    Attributes:
        pool: its number.
        coefficients: (fixed outputs, fixed inputs, rank), of the parameters.
        routes: where the results stand: for each place of the output the number of a kept block, or of one that is free, from -1
            down.
    """

    pool: int
    coefficients: Reals
    routes: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, eq=False)
class TermPair:
    """What leads from one input term to one output term.

    Attributes:
        output, input: the numbers of the terms.
        pools: what is made of the input.
        mixes: what is made of the pools.
    """

    output: int
    input: int
    pools: tuple[Pool, ...]
    mixes: tuple[Mix, ...]


def places_of(term: Term, groups: Sequence[AnySize | None]) -> list[Place]:
    """The places of a term, factor by factor."""
    return [
        Place(factor.axis, number)
        for number, factor in enumerate(term)
        if factor.axis is not None and groups[factor.axis] is not None
        for _ in range(factor.kind.size)
    ]


def term_pairs(
    output: Space, input_: Space, groups: Sequence[AnySize | None], labels: Labels, rank: int
) -> list[TermPair]:
    """The program of the stable mapping, for every size of the axes that have a letter.

    Raises:
        DeclarationError: a pair of points has too many places.
    """
    pairs = []
    for (row, term_out), (column, term_in) in product(enumerate(output.terms), enumerate(input_.terms)):
        starts = output.slices[row].start, input_.slices[column].start
        pools, mixes = _pair(term_out, term_in, starts, groups, labels, rank)
        pairs.append(TermPair(row, column, pools, mixes))
    return pairs


def _pair(
    output: Term, input_: Term, starts: tuple[int, int], groups: Sequence[AnySize | None], labels: Labels, rank: int
) -> tuple[tuple[Pool, ...], tuple[Mix, ...]]:
    own = [places_of(term, groups) for term in (output, input_)]
    count_out = len(own[0])
    # The factors of the input have numbers of their own.
    places = [*own[0], *(Place(place.axis, place.factor + len(output)) for place in own[1])]
    if len(places) > MOST_PLACES:
        raise DeclarationError(
            f"an output and an input are made of {len(places)} points together, too many for batches whose size is not known when "
            "they are traced: give batches of one size, of known shapes"
        )
    partitions = list(_partitions(places))
    # Inputs that are sets stand in every order.
    orders = prod(factorial(factor.kind.size) for factor in input_ if not factor.kind.form.ordered)
    exact = [
        _exact(blocks, places, (output, input_), starts, groups, labels=labels, rank=rank) / orders
        for blocks in partitions
    ]
    block_of = [_block_of(blocks) for blocks in partitions]
    found: dict[Blocks, Reals] = {}
    for coarse, where in zip(partitions, block_of, strict=True):
        total: Reals = np.zeros_like(exact[0])
        for fine, value in zip(partitions, exact, strict=True):
            merged = [{where[place] for place in block} for block in fine]
            if all(len(each) == 1 for each in merged):
                joined = np.bincount([next(iter(each)) for each in merged])
                total = total + prod((-1) ** (size - 1) * factorial(size - 1) for size in joined.tolist()) * value
        same, sign = _in_order(coarse, input_, own[1], count_out)
        found[same] = found.get(same, 0) + sign * total
    return _gathered(found, count_out)


def _gathered(found: dict[Blocks, Reals], count_out: int) -> tuple[tuple[Pool, ...], tuple[Mix, ...]]:
    """Pools, and mixes of those that have the same pool and coefficients."""
    pools: dict[Pool, int] = {}
    mixes: dict[tuple[int, bytes], tuple[Reals, list[tuple[int, ...]]]] = {}
    for blocks, coefficients in found.items():
        if not np.abs(coefficients).max(initial=0) > 0:
            continue
        inner = [tuple(place - count_out for place in block if place >= count_out) for block in blocks]
        order = sorted((each, number) for number, each in enumerate(inner) if each)
        pool = Pool(tuple(each for each, _ in order), tuple(blocks[number][0] < count_out for _, number in order))
        kept = [number for (_, number), is_kept in zip(order, pool.kept, strict=True) if is_kept]
        free = [number for number, each in enumerate(inner) if not each]
        numbers = {number: place for place, number in enumerate(kept)} | {
            number: -1 - place for place, number in enumerate(free)
        }
        where = _block_of(blocks)
        route = tuple(numbers[where[place]] for place in range(count_out))
        number = pools.setdefault(pool, len(pools))
        mixes.setdefault((number, coefficients.tobytes()), (coefficients, []))[1].append(route)
    made = [Mix(number, values, tuple(routes)) for (number, _), (values, routes) in mixes.items()]
    return tuple(pools), tuple(made)


def _partitions(places: Sequence[Place]) -> Iterator[Blocks]:
    """All set partitions of places into such as may coincide: of one axis, and of different factors."""

    def grown(blocks: list[list[int]], place: int) -> Iterator[Blocks]:
        if place == len(places):
            yield tuple(map(tuple, blocks))
            return
        for block in blocks:
            if all(
                places[other].axis == places[place].axis and places[other].factor != places[place].factor
                for other in block
            ):
                block.append(place)
                yield from grown(blocks, place + 1)
                block.pop()
        blocks.append([place])
        yield from grown(blocks, place + 1)
        blocks.pop()

    yield from grown([], 0)


def _block_of(blocks: Blocks) -> dict[int, int]:
    return {place: number for number, block in enumerate(blocks) for place in block}


def _exact(
    blocks: Blocks,
    places: Sequence[Place],
    terms: tuple[Term, Term],
    starts: tuple[int, int],
    groups: Sequence[AnySize | None],
    *,
    labels: Labels,
    rank: int,
) -> Reals:
    """The parameter of pairs that coincide exactly so, with its sign: (fixed outputs, fixed inputs, rank)."""
    met: dict[int, int] = {}
    points = {}
    for block in blocks:
        axis = places[block[0]].axis
        points.update(dict.fromkeys(block, met.get(axis, 0)))
        met[axis] = met.get(axis, 0) + 1
    members = [points[place] for place in range(len(places))]
    numbers, sign = [], 1
    for term, start in zip(terms, starts, strict=True):
        shape, parts = term_shape(term), []
        for factor in term:
            if factor.axis is None or groups[factor.axis] is None:
                parts.append(np.arange(factor.kind.count))
                continue
            own, members = members[: factor.kind.size], members[factor.kind.size :]
            parts.append(factor.kind.numbers(np.array(own))[None])
            if factor.kind.form.sign == "orientation":
                sign *= 1 if is_even(np.argsort(own)) else -1
        grid = np.meshgrid(*parts, indexing="ij") if parts else []
        numbers.append(
            start + (np.ravel_multi_index([part.ravel() for part in grid], shape) if parts else np.zeros(1, int))
        )
    table = labels(*numbers)
    values = np.zeros((*table.shape, rank + 1))
    np.put_along_axis(values, np.abs(table)[..., None].astype(np.intp), sign * np.sign(table)[..., None], axis=-1)
    return values[..., 1:]


def _in_order(blocks: Blocks, term: Term, places: Sequence[Place], count_out: int) -> tuple[Blocks, int]:
    """The same sum with the points of each set of the input in the order that comes first, and its sign."""
    ways = []
    for number, factor in enumerate(term):
        own = [count_out + place for place, each in enumerate(places) if each.factor == number]
        if own and not factor.kind.form.ordered:
            signed = factor.kind.form.sign == "orientation"
            ways.append(
                [
                    (dict(zip(own, moved, strict=True)), -1 if signed and not is_even(np.argsort(moved)) else 1)
                    for moved in permutations(own)
                ]
            )
    found = []
    for chosen in product(*ways):
        moves: dict[int, int] = dict(chain.from_iterable(move.items() for move, _ in chosen))
        moved = tuple(sorted(tuple(sorted(moves.get(place, place) for place in block)) for block in blocks))
        found.append((moved, prod(sign for _, sign in chosen)))
    first = min(moved for moved, _ in found)
    signs = {sign for moved, sign in found if moved == first}
    # What a swap turns into its negative is zero.
    return first, signs.pop() if len(signs) == 1 else 0
