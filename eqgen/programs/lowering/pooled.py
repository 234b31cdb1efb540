"""pooled: the cheapest basis of the equivariant maps, made of sums over orbits to smaller spaces and back.

A pool to another space along one orbit of pairs, and a spread from it along another, is equivariant, so it is an integer
combination of the orbit matrices, which is read off at their representatives. All these candidates are sorted by cost, and
each that is independent of those kept is kept: for costs that add up that is the cheapest basis (a matroid: Edmonds,
"Matroids and the greedy algorithm", 1971). This finds the layers of Zaheer et al. ("Deep sets", 2017), Hartford et al. ("Deep
models of interactions across sets", 2018) and Maron et al. ("Invariant and equivariant graph networks", 2019), and others for
groups that nobody has written a layer for.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import product
from math import inf
from typing import Any

import numpy as np

from eqgen.common.arrays import row_blocks, signs_of
from eqgen.orbitals.sparse import SparseLabels
from eqgen.programs.cost import cost_alone
from eqgen.programs.entries import LinearCombination
from eqgen.programs.lowering.fourier import correlation, correlation_of_subgroup, is_fine
from eqgen.programs.lowering.intermediate_spaces import IntermediateSpace, Relation, spaces_between
from eqgen.programs.lowering.isomorphic_orbits import automorphisms, isomorphism
from eqgen.programs.lowering.lowering import Lowering, Problem
from eqgen.programs.lowering.rational import independent, inverse
from eqgen.programs.operators.cyclic_stencil import as_stencil
from eqgen.programs.operators.index_table import IndexTable, summing
from eqgen.programs.operators.operator import Composition, Identity, Operator, Stack
from eqgen.programs.prices import CPU, Work
from eqgen.programs.steps import KroneckerFactor, MixShape, Stage

LARGEST_RANK = 52
"""Kernels of more parameters are not pooled: the isotypic decomposition may serve them."""

FEW_ORBITS = 24
"""Beside a fine Fourier transform kernels of more parameters are not pooled: sums would have to be as many."""

LARGEST_TABLE = 1 << 26
"""A term that reads more pairs than this is not pooled: its table alone would take half a gigabyte."""


@dataclass(frozen=True)
class Way:
    """One pool or spread, told apart by its key.

    Attributes:
        key: equal for equal ones.
        cost: of one channel, without what it takes to start.
        operator: what it does; None for an orbit matrix, whose table is made only where it is used.
        words: for people.
        pairs: how many numbers a table would hold that is not made yet.
    """

    key: tuple[Any, ...]
    cost: int = field(compare=False)
    operator: Operator | None = field(compare=False)
    words: str = field(compare=False)
    pairs: int = field(compare=False, default=0)


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

    def cost(self, channels: tuple[int, int], free: frozenset[Way] = frozenset()) -> int:
        """Pools move what comes in, spreads what goes out, mixes multiply both; some ways cost nothing."""
        pool, spread = (0 if way in free else way.cost for way in (self.pool, self.spread))
        # Once forward, and backward once for the features; every mix once more for the kernel.
        return 2 * (pool * channels[0] + spread * channels[1]) + 3 * self.size * channels[0] * channels[1]


def pooled(problem: Problem) -> KroneckerFactor | str:
    """The pooled part of a problem, or in words why there is none."""
    rank = problem.labels.rank
    if rank > LARGEST_RANK:
        return f"{rank} orbits of pairs, and up to {LARGEST_RANK} are pooled"
    own = _own(problem)
    candidates, notes = _candidates(problem, own)
    first = _basis(candidates, own, problem, frozenset())
    shared = frozenset(way for term in first for way in (term.pool, term.spread))
    again = _basis(candidates, own, problem, shared)
    bases = [
        terms
        for terms in ([first] if first == again else [first, again])
        if all(way.pairs <= LARGEST_TABLE for term in terms for way in (term.pool, term.spread))
    ]
    if not bases:
        return f"some of its {rank} orbits hold more than {LARGEST_TABLE} pairs, and no smaller space serves"
    return min(
        (_assembled(problem, terms, notes) for terms in bases),
        key=lambda factor: cost_alone(factor, *problem.sizes).total,
    )


def _candidates(problem: Problem, own: list[Candidate]) -> tuple[list[Candidate], tuple[str, ...]]:
    if problem.is_local:
        return own, ()
    channels = problem.sizes[:2]
    dearest = max(candidate.cost(channels) for candidate in own)
    spaces, notes = spaces_between(problem)
    # Where an orbit of outputs is among the spaces, its orbit matrices are there too.
    orbits = [problem.output.restricted(points, "") for points in problem.output.orbits]
    there = {
        number for space in spaces for number, orbit in enumerate(orbits) if isomorphism(space.space, orbit) is not None
    }
    candidates = [*_bijections(problem, len(spaces)), *(term for term in own if -1 - term.space not in there)]
    rows, columns = problem.labels.representatives.T
    for number, space in enumerate(spaces):
        inputs = [_way(space, space.input, "in", number, way) for way in range(space.input.ways.shape[1])]
        outputs = [_way(space, space.output, "out", number, way) for way in range(space.output.ways.shape[1])]
        # Most terms cost too much to be looked at: their values are worked out where one does not.
        nothing = np.zeros(problem.labels.rank, dtype=np.int64)
        terms = [Candidate(number, space.space.size, *ways, nothing) for ways in product(inputs, outputs)]
        affordable = [place for place, term in enumerate(terms) if term.cost(channels) <= dearest]
        if affordable:
            values = space.values(rows, columns).reshape(len(terms), -1)
            candidates += [replace(terms[place], row=values[place]) for place in affordable if values[place].any()]
    return candidates, notes


def _own(problem: Problem) -> list[Candidate]:
    """The orbit matrices themselves: read by the outputs of their point orbit."""
    labels, orbits = problem.labels, problem.output.orbits
    several = len(orbits) > 1
    rows = np.eye(labels.rank, dtype=np.int64)
    own = []
    for number, (row, column) in enumerate(labels.representatives.tolist()):
        place = int(problem.output.orbit_of[row])
        points = orbits[place]
        size = int(labels.subdegrees[number])
        still = size == 1 and not several and points.size == problem.input.size and row == column == 0
        pool = Way(
            ("own", number),
            # The table is not made yet: few are sums in order.
            0 if still else CPU.price(Work(out_of_place=size * points.size)),
            None,
            f"sum {size} points each" if size > 1 else "take one point each",
            size * points.size,
        )
        operator = summing(points[:, None], None, problem.output.size)
        spread = Way(
            ("rows", place),
            _cost(operator),
            operator,
            f"add to point orbit {place + 1} of the output" if several else "add to every point",
        )
        own.append(Candidate(-1 - place, points.size, pool, spread, rows[number]))
    return own


def _own_table(problem: Problem, way: Way) -> Operator:
    """The rows of one orbit matrix, of the outputs of its point orbit."""
    labels, (_, number) = problem.labels, way.key
    points = problem.output.orbits[problem.output.orbit_of[labels.representatives[number, 0]]]
    if isinstance(labels, SparseLabels):
        chosen = np.abs(labels.signed_labels) == number + 1
        index = labels.indices[chosen].astype(np.intp).reshape(points.size, -1)
        return summing(index, signs_of(labels.signed_labels[chosen]).reshape(index.shape), problem.input.size)
    pieces, turned = [], []
    columns = np.arange(problem.input.size)
    for rows in row_blocks(points.size, problem.input.size):
        signed_labels = labels.at(points[rows], columns)
        place = np.nonzero(np.abs(signed_labels) == number + 1)
        pieces.append(place[1].reshape(signed_labels.shape[0], -1))
        turned.append(signs_of(signed_labels[place]).reshape(pieces[-1].shape))
    return summing(np.concatenate(pieces), np.concatenate(turned), problem.input.size)


def _bijections(problem: Problem, number: int) -> list[Candidate]:
    """The points themselves, and where one space has them, its symmetries: a transposition of `p p`."""
    size = problem.input.size
    back = Way(("back",), 0, Identity(size), "add to every point")
    candidates = []
    for chosen, bijection in automorphisms(problem):
        row = np.zeros(problem.labels.rank, dtype=np.int64)
        row[list(chosen)] = 1
        operator = summing(bijection.image[:, None], bijection.all_signs()[:, None], size)
        words = "every point" if isinstance(operator, Identity) else "the points permuted"
        pool = Way(("swap", *chosen), _cost(operator), operator, words)
        candidates.append(Candidate(number, size, pool, back, row))
    return candidates


def _way(space: IntermediateSpace, relation: Relation, side: str, number: int, way: int) -> Way:
    operator = relation.operator(way)
    turned = " with signs" if isinstance(operator, IndexTable) and operator.signs is not None else ""
    if space.space.size > 1:
        words = f"{'sum to' if side == 'in' else 'add back from'} {space.space.name}{turned}"
    elif operator.work.moved + operator.work.out_of_place == operator.shape[1]:
        words = f"sum all points{turned}" if side == "in" else f"add to every point{turned}"
    else:
        words = f"{'sum' if side == 'in' else 'add to'} an orbit{turned}"
    return Way((side, number, way), _cost(operator), operator, words)


def _cost(operator: Operator) -> int:
    return CPU.price(replace(operator.work, started=0))


def _basis(
    candidates: list[Candidate], own: list[Candidate], problem: Problem, free: frozenset[Way]
) -> list[Candidate]:
    """The cheapest independent candidates; some pools and spreads cost nothing because they are there anyway.

    The orbit matrices themselves come last of all: with them there is always a basis.
    """
    rank, channels = problem.labels.rank, problem.sizes[:2]
    ordered = [*sorted(candidates, key=lambda candidate: candidate.cost(channels, free)), *own]
    return [ordered[number] for number in independent((candidate.row for candidate in ordered), rank)]


def _assembled(problem: Problem, terms: list[Candidate], notes: tuple[str, ...]) -> KroneckerFactor:
    basis = np.array([term.row for term in terms], dtype=np.int64)
    # W = sum of phi[t] * (sum of basis[t, k] A_k) is to be the sum of theta[k] A_k.
    numerators, denominators = inverse(basis.T)
    pools = _composed(problem, {term.pool: term.size for term in terms})
    spreads = _composed(problem, {term.spread: term.size for term in terms})
    stages, rows, below = [], [], []
    sizes = {term.space: term.size for term in terms}
    nothing = np.zeros(problem.labels.rank, dtype=np.int64)
    # Small spaces first; the point orbits of the output after others of their size.
    for space in sorted(sizes, key=lambda space: (sizes[space], space < 0, abs(space))):
        own = {(term.spread, term.pool): number for number, term in enumerate(terms) if term.space == space}
        outputs, inputs = (list(dict.fromkeys(ways)) for ways in zip(*own, strict=True))
        for spread, pool in product(outputs, inputs):
            number = own.get((spread, pool))
            rows.append(nothing if number is None else numerators[number])
            below.append(1 if number is None else int(denominators[number]) * pools[pool][1] * spreads[spread][1])
        stages.append(
            Stage(
                _stacked([as_stencil(pools[pool][0], problem.grid) for pool in inputs]),
                _stacked([spreads[spread][0] for spread in outputs]),
                (MixShape(1, len(inputs), len(outputs), sizes[space]),),
                _words([pool.words for pool in inputs]),
                _words([spread.words for spread in outputs]),
            )
        )
    entries = LinearCombination(np.array(rows, dtype=np.int64), np.array(below, dtype=np.int64))
    return KroneckerFactor("pooled", problem.shape, tuple(stages), entries, notes)


def _stacked(operators: list[Operator]) -> Operator:
    return operators[0] if len(operators) == 1 else Stack(tuple(operators))


def _words(words: list[str]) -> str:
    """What several ways do, those that read alike told once."""
    counts = Counter(words)
    return " and ".join(word if times == 1 else f"{times} times {word}" for word, times in counts.items())


def _composed(problem: Problem, sizes: dict[Way, int]) -> dict[Way, tuple[Operator, int]]:
    """The operators of some ways to spaces of so many points, and how many times as large: coarse ones are made from finer ones."""
    composed = {way: (way.operator or _own_table(problem, way), 1) for way in sizes}
    tables = {
        way: operator
        for way, (operator, _) in composed.items()
        if isinstance(operator, IndexTable) and operator.signs is None
    }
    for way, table in tables.items():
        if sizes[way] != 1:
            continue
        finer = [(sizes[other], other) for other in tables if 1 < sizes[other] <= table.index.shape[1]]
        for size, other in sorted(finer, key=lambda pair: (pair[0], pair[1].key)):
            met = np.bincount(tables[other].index.ravel(), minlength=table.columns)
            times = met[table.index[0]]
            if met.sum() == times.sum() and (times == times[0]).all():
                composed[way] = Composition(tables[other], IndexTable(np.arange(size)[None], None, size)), int(times[0])
                break
    return composed


def _lower_bound(problem: Problem) -> float:
    """As many terms as orbits each mix at one point or more, and every term combines all parameters."""
    rank, (channels_in, channels_out, batch) = problem.labels.rank, problem.sizes
    if rank > LARGEST_RANK:
        return 0
    if rank > FEW_ORBITS and is_fine(correlation(problem) or correlation_of_subgroup(problem)):
        return inf
    # Once forward and twice backward.
    return 3 * rank * (batch + rank) * channels_in * channels_out


POOLED = Lowering("pooled", pooled, lower_bound=_lower_bound)
