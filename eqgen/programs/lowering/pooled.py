"""pooled: the cheapest basis of the equivariant maps, made of sums over orbits to smaller spaces and back.

A pool to another space along one orbit of pairs, and a spread from it along another, is equivariant, so it is an integer
combination of the orbit matrices, which is read off at their representatives. All these candidates are sorted by cost, and
each that is independent of those kept is kept: for costs that add up that is the cheapest basis (a matroid: Edmonds,
"Matroids and the greedy algorithm", 1971). This finds the layers of Zaheer et al. ("Deep sets", 2017), Hartford et al. ("Deep
models of interactions across sets", 2018) and Maron et al. ("Invariant and equivariant graph networks", 2019), and others for
groups that nobody has written a layer for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np

from eqgen.orbitals.dense import row_blocks
from eqgen.orbitals.sparse import SparseLabels
from eqgen.programs.entries.linear_combination import LinearCombination
from eqgen.programs.lowering.intermediate_spaces import Relation, Through, same_space, spaces_between, swaps
from eqgen.programs.lowering.problem import Lowering, Problem
from eqgen.programs.lowering.rational import Independent, inverse
from eqgen.programs.lowering.stencils import as_stencil
from eqgen.programs.machine import CPU
from eqgen.programs.operators.composite import Composition, Stack
from eqgen.programs.operators.identity import Identity
from eqgen.programs.operators.index_table import IndexTable, is_strided, selection
from eqgen.programs.operators.protocol import Operator
from eqgen.programs.steps import KroneckerFactor, MixShape, Stage

LARGEST_RANK = 52
"""Kernels of more parameters are not pooled: the isotypic decomposition may serve them."""

LARGEST_TABLE = 1 << 26
"""A term that reads more pairs than this is not pooled: its table alone would take half a gigabyte."""


@dataclass(frozen=True, eq=False)
class Way:
    """One pool or spread: what it costs before it is made, and how to make it.

    Attributes:
        key: equal for equal ones.
        cost: numbers moved for each channel, in multiply-adds.
        operator: makes it.
        words: for people.
        pairs: how many numbers its table would hold, where it is not made yet.
    """

    key: tuple[object, ...]
    cost: int
    operator: Callable[[], Operator]
    words: str
    pairs: int = 0


@dataclass(frozen=True, eq=False)
class Candidate:
    """One term: pool, mix on a space of so many points, spread.

    Attributes:
        space: tells the spaces apart.
        size: how many points the space has.
        pool, spread: the two ways.
        row: (rank,), the combination of orbit matrices that it is.
    """

    space: int
    size: int
    pool: Way
    spread: Way
    row: np.ndarray


def pooled(problem: Problem) -> KroneckerFactor | str:
    """The pooled part of a problem, or in words why there is none."""
    rank = problem.labels.rank
    if rank > LARGEST_RANK:
        return f"{rank} orbits of pairs, and up to {LARGEST_RANK} are pooled"
    channels = problem.sizes[:2]
    own = _own(problem)
    candidates, notes = _candidates(problem, own, channels)
    first = _basis(candidates, own, rank, channels, frozenset())
    shared = frozenset(way.key for term in first for way in (term.pool, term.spread))
    again = _basis(candidates, own, rank, channels, shared)
    chosen = min((first, again), key=lambda terms: _total(terms, channels))
    if any(way.pairs > LARGEST_TABLE for term in chosen for way in (term.pool, term.spread)):
        return f"some of its {rank} orbits hold more than {LARGEST_TABLE} pairs, and no smaller space serves"
    return _assembled(problem, chosen, notes)


def _candidates(
    problem: Problem, own: list[Candidate], channels: tuple[int, int]
) -> tuple[list[Candidate], tuple[str, ...]]:
    if problem.is_local:
        return own, ()
    dearest = max(_cost(candidate, channels) for candidate in own)
    spaces, notes = spaces_between(problem)
    # Where an orbit of outputs is among the spaces, its orbit matrices are there too.
    there = {orbit for space in spaces for orbit in space.alike(problem.output)}
    found = [*_bijections(problem, len(spaces)), *(term for term in own if -1 - term.space not in there)]
    for number, space in enumerate(spaces):
        rows, columns = problem.labels.representatives.T
        inputs = [_way(space, space.input, "in", number, way) for way in range(len(space.input.ways))]
        outputs = [_way(space, space.output, "out", number, way) for way in range(len(space.output.ways))]
        affordable = [
            (i, j)
            for i, pool in enumerate(inputs)
            for j, spread in enumerate(outputs)
            if _priced(pool.cost, spread.cost, space.size, channels) <= dearest
        ]
        if not affordable:
            continue
        values = space.values(rows, columns)
        found += [
            Candidate(number, space.size, inputs[i], outputs[j], values[i, j])
            for i, j in affordable
            if values[i, j].any()
        ]
    return found, notes


def _own(problem: Problem) -> list[Candidate]:
    """The orbit matrices themselves: read by the outputs of their point orbit."""
    labels = problem.labels
    orbits = problem.output.orbits
    several = len(orbits) > 1
    found = []
    for number, (row, _) in enumerate(labels.representatives.tolist()):
        place = int(problem.output.orbit_of[row])
        points = orbits[place]
        size = int(labels.subdegrees[number])
        exact = size == 1 and not several and points.size == problem.input.size
        pool = Way(
            ("own", number),
            0
            if exact and np.array_equal(labels.representatives[number], (0, 0))
            else CPU.out_of_place * size * points.size,
            cache(lambda number=number, points=points: _own_table(problem, number, points)),
            f"sum {size} points each" if size > 1 else "take one point each",
            size * points.size,
        )
        where = f"add to point orbit {place + 1} of the output" if several else "add to every point"
        spread = Way(
            ("rows", place),
            points.size if several else 0,
            cache(lambda points=points: selection(points, problem.output.size)),
            where,
        )
        found.append(
            Candidate(-1 - place, points.size, pool, spread, np.eye(1, labels.rank, number, dtype=np.int64)[0])
        )
    return found


def _own_table(problem: Problem, number: int, points: np.ndarray) -> Operator:
    """The rows of one orbit matrix."""
    labels = problem.labels
    signs = None
    if isinstance(labels, SparseLabels):
        here = labels.labels == number
        index = labels.indices[here].astype(np.intp).reshape(points.size, -1)
        signs = None if labels.signs is None else labels.signs[here].reshape(index.shape)
    else:
        pieces, turned = [], []
        columns = np.arange(problem.input.size)
        for rows in row_blocks(points.size, problem.input.size):
            found, sign = labels.at(points[rows], columns)
            place = np.nonzero(found == number)
            pieces.append(place[1].reshape(found.shape[0], -1))
            turned.append(sign[place].reshape(pieces[-1].shape))
        index, signs = np.concatenate(pieces), np.concatenate(turned)
    if signs is not None and not (signs < 0).any():
        signs = None
    if index.shape[1] == 1 and signs is None:
        return selection(index[:, 0], problem.input.size)
    return IndexTable(index, signs, problem.input.size)


def _bijections(problem: Problem, number: int) -> list[Candidate]:
    """The points themselves, and where one space has them, its symmetries: a transposition of `p p`."""
    if not same_space(problem):
        return []
    size = problem.input.size
    stay = Way(("stay",), 0, lambda: Identity(size), "every point")
    back = Way(("back",), 0, lambda: Identity(size), "add to every point")
    found = []
    for chosen, operator in swaps(problem):
        row = np.zeros(problem.labels.rank, dtype=np.int64)
        row[list(chosen)] = 1
        still = isinstance(operator, Identity)
        cost = 0 if still else _moving_cost(operator)
        pool = stay if still else Way(("swap", *chosen), cost, cache(lambda it=operator: it), "the points permuted")
        found.append(Candidate(number, size, pool, back, row))
    return found


def _way(space: Through, relation: Relation, side: str, number: int, way: int) -> Way:
    make = cache(lambda: relation.operator(way))
    operator = make()
    turned = " with signs" if isinstance(operator, IndexTable) and operator.signs is not None else ""
    if space.size == 1:
        what = "all points" if operator.work.moved == relation.labels.shape[1] else "an orbit"
        words = {
            "in": f"sum {what}{turned}",
            "out": f"add to {'every point' if what == 'all points' else what}{turned}",
        }
    else:
        name = space.space.name
        words = {"in": f"sum to {name}{turned}", "out": f"add back from {name}{turned}"}
    return Way((side, number, way), _moving_cost(operator), make, words[side])


def _moving_cost(operator: Operator) -> int:
    if isinstance(operator, IndexTable) and operator.signs is None and is_strided(operator.index, operator.columns):
        return operator.work.moved
    return CPU.out_of_place * operator.work.moved


def _cost(candidate: Candidate, channels: tuple[int, int], free: frozenset[tuple[object, ...]] = frozenset()) -> int:
    pool, spread = (0 if way.key in free else way.cost for way in (candidate.pool, candidate.spread))
    return _priced(pool, spread, candidate.size, channels)


def _priced(pool: int, spread: int, mixes: int, channels: tuple[int, int]) -> int:
    """Pools move what comes in, spreads what goes out, mixes multiply both."""
    channels_in, channels_out = channels
    return pool * channels_in + spread * channels_out + mixes * channels_in * channels_out


def _basis(
    candidates: list[Candidate],
    own: list[Candidate],
    rank: int,
    channels: tuple[int, int],
    free: frozenset[tuple[object, ...]],
) -> list[Candidate]:
    """The cheapest independent candidates; some pools and spreads cost nothing because they are there anyway.

    The orbit matrices themselves come last of all: with them there is always a basis.
    """
    kept = Independent(rank)
    chosen = []
    for candidate in [*sorted(candidates, key=lambda candidate: _cost(candidate, channels, free)), *own]:
        if len(kept) == rank:
            break
        if kept.add(candidate.row):
            chosen.append(candidate)
    return chosen


def _total(terms: Iterable[Candidate], channels: tuple[int, int]) -> int:
    """What the terms cost together: pools and spreads once, mixes as one matrix for each space."""
    terms = list(terms)
    pools = {term.pool.key: term.pool.cost for term in terms}
    spreads = {term.spread.key: term.spread.cost for term in terms}
    mixes = 0
    for space in {term.space for term in terms}:
        here = [term for term in terms if term.space == space]
        mixes += here[0].size * len({t.pool.key for t in here}) * len({t.spread.key for t in here})
    return _priced(sum(pools.values()), sum(spreads.values()), mixes, channels)


def _assembled(problem: Problem, terms: list[Candidate], notes: tuple[str, ...]) -> KroneckerFactor:
    basis = np.array([term.row for term in terms], dtype=np.int64)
    # W = sum of phi[t] * (sum of basis[t, k] A_k) is to be the sum of theta[k] A_k.
    numerators, denominators = inverse(basis.T)
    pools = _chained({term.pool.key: term.pool.operator() for term in terms}, {t.pool.key: t.size for t in terms})
    spreads = _chained(
        {term.spread.key: term.spread.operator() for term in terms}, {t.spread.key: t.size for t in terms}
    )
    stages, rows, below = [], [], []
    for space in sorted({term.space for term in terms}, key=lambda space: _size_of(terms, space)):
        here = {(term.spread.key, term.pool.key): number for number, term in enumerate(terms) if term.space == space}
        inputs = list(dict.fromkeys(terms[number].pool.key for number in here.values()))
        outputs = list(dict.fromkeys(terms[number].spread.key for number in here.values()))
        for spread in outputs:
            for pool in inputs:
                number = here.get((spread, pool))
                if number is None:
                    rows.append(np.zeros(problem.labels.rank, dtype=np.int64))
                    below.append(1)
                else:
                    scale = pools[pool][1] * spreads[spread][1]
                    rows.append(numerators[number])
                    below.append(int(denominators[number]) * scale)
        size = _size_of(terms, space)
        section = MixShape(1, len(inputs), len(outputs), size)
        by_key = {way.key: way for number in here.values() for way in (terms[number].pool, terms[number].spread)}
        stages.append(
            Stage(
                _stacked([as_stencil(pools[key][0], problem.grid) for key in inputs]),
                _stacked([spreads[key][0] for key in outputs]),
                (section,),
                _words([by_key[key].words for key in inputs]),
                _words([by_key[key].words for key in outputs]),
            )
        )
    entries = LinearCombination(np.array(rows, dtype=np.int64), np.array(below, dtype=np.int64))
    return KroneckerFactor("pooled", problem.shape, tuple(stages), entries, notes)


def _size_of(terms: list[Candidate], space: int) -> int:
    return next(term.size for term in terms if term.space == space)


def _stacked(operators: list[Operator]) -> Operator:
    return operators[0] if len(operators) == 1 else Stack(tuple(operators))


def _words(words: list[str]) -> str:
    """What several ways do, those that read alike told once."""
    counts = Counter(words)
    return " and ".join(word if times == 1 else f"{times} times {word}" for word, times in counts.items())


def _chained(
    operators: dict[tuple[object, ...], Operator], sizes: dict[tuple[object, ...], int]
) -> dict[tuple[object, ...], tuple[Operator, int]]:
    """Coarse pools made from finer ones that are there: the operator, and how many times as large it is then."""
    found = {key: (operator, 1) for key, operator in operators.items()}
    tables = {key: operator for key, operator in operators.items() if isinstance(operator, IndexTable)}
    for key, table in tables.items():
        if table.signs is not None or sizes[key] != 1:
            continue
        finer = [
            (sizes[other], other)
            for other, candidate in tables.items()
            if 1 < sizes[other] <= table.index.shape[1] and candidate.signs is None
        ]
        for size, other in sorted(finer):
            met = np.bincount(tables[other].index.ravel(), minlength=table.columns)
            times = met[table.index[0]]
            if met.sum() == times.sum() and (times == times[0]).all():
                whole = IndexTable(np.arange(size)[None], None, size)
                found[key] = Composition(tables[other], whole), int(times[0])
                break
    return found


def _lower_bound(problem: Problem) -> float:
    """As many terms as orbits each mix at one point or more, and every term combines all parameters."""
    rank, (channels_in, channels_out, batch) = problem.labels.rank, problem.sizes
    if rank > LARGEST_RANK:
        return 0
    # Once forward and twice backward.
    return 3 * rank * (batch + rank) * channels_in * channels_out


POOLED = Lowering("pooled", pooled, lower_bound=_lower_bound)
