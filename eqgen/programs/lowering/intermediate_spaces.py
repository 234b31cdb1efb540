"""The spaces that a pooled program may pool to, and the orbits of pairs that pool to them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from eqgen.common.arrays import Integers, Labels, Permutation, SignedLabels, labels_of, signs_of
from eqgen.orbitals.label_table import pair_labels
from eqgen.permutations.signed_permutation import SignedPermutation
from eqgen.programs.lowering.block_systems import block_systems, quotient, signed_quotient
from eqgen.programs.lowering.isomorphic_orbits import LARGEST_COMPARED, isomorphism
from eqgen.programs.lowering.lowering import Action, Problem
from eqgen.programs.operators.index_table import summing
from eqgen.programs.operators.operator import Operator
from eqgen.spaces.pair_action import paired

LARGEST_RELATION = 1 << 25
"""Spaces are not pooled to when they have more pairs than this with a side."""

MOST_QUOTIENTS = 8
"""So many block systems of a point orbit are tried."""

MOST_FUNCTIONS = 16
"""So many ways to send a whole space to a smaller one are tried."""


@dataclass(frozen=True, eq=False)
class Relation:
    """The orbits of pairs of a smaller space and the points of a side; each is a way to pool.

    Attributes:
        signed_labels: (smaller space, points of the side).
        ways: (labels, ways), 1 for the labels that make up each way: one orbit, or one for each point orbit of the side.
    """

    signed_labels: SignedLabels
    ways: Integers

    def operator(self, way: int) -> Operator:
        """The pool."""
        rows, columns = self.signed_labels.shape
        chosen = np.isin(np.abs(self.signed_labels), np.flatnonzero(self.ways[:, way]) + 1)
        index = np.nonzero(chosen)[1].reshape(rows, -1)
        return summing(index, signs_of(np.take_along_axis(self.signed_labels, index, axis=1)), columns)


@dataclass(frozen=True, eq=False)
class IntermediateSpace:
    """A space to pool to, with its relations to both sides.

    Attributes:
        space: the space.
        input, output: the ways to pool, and those whose transposes spread.
    """

    space: Action
    input: Relation
    output: Relation

    def values(self, rows: Permutation, columns: Permutation) -> np.ndarray:
        """What each pool and spread together have at some (output, input) pairs, (pools, spreads, pairs)."""
        pools, spreads = self.input.ways, self.output.ways
        values = np.zeros((pools.shape[1], spreads.shape[1], rows.size), dtype=np.int64)
        for number, (row, column) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
            read = self.input.signed_labels[:, column].astype(np.int64)
            written = self.output.signed_labels[:, row].astype(np.int64)
            met = np.flatnonzero(read * written)
            read, written = read[met], written[met]
            counted = np.zeros((pools.shape[0], spreads.shape[0]), dtype=np.int64)
            np.add.at(counted, (np.abs(read) - 1, np.abs(written) - 1), np.sign(read * written))
            values[:, :, number] = pools.T @ counted @ spreads
        return values


def spaces_between(problem: Problem) -> tuple[list[IntermediateSpace], tuple[str, ...]]:
    """The spaces that are worth pooling to: one point, natural points, point orbits, their quotients; and what was left out."""
    spaces: list[IntermediateSpace] = []
    notes: list[str] = []
    largest = max(problem.shape)
    for space in _spaces(problem, notes):
        if space.size * largest <= LARGEST_RELATION and not _is_among(space, [other.space for other in spaces]):
            input_ = _relation(space, problem.input)
            output = input_ if problem.is_endomorphism else _relation(space, problem.output)
            spaces.append(IntermediateSpace(space, input_, output))
    return spaces, tuple(dict.fromkeys(notes))


def _is_among(space: Action, others: list[Action]) -> bool:
    return any(isomorphism(space, other) is not None for other in others)


def _spaces(problem: Problem, notes: list[str]) -> Iterator[Action]:
    still = SignedPermutation(np.zeros(1, dtype=np.intp))
    yield Action("all points", (still,) * len(problem.input.moves))
    transitive = [natural for natural in problem.naturals if len(natural.orbits) == 1]
    for which, side in (("input", problem.input), ("output", problem.output)):
        for number, points in enumerate(side.orbits):
            what = f"point orbit {number + 1} of the {which}" if len(side.orbits) > 1 else "the points of"
            transitive.append(side.restricted(points, f"{what} {side.name}"))
    seen: list[Action] = []
    for space in transitive:
        # Isomorphic spaces have the same quotients.
        if not _is_among(space, seen):
            seen.append(space)
            yield from _quotients(space, notes)
            yield space


def _quotients(space: Action, notes: list[str]) -> Iterator[Action]:
    """Smaller spaces that blocks of points make; of signed points signed sums over blocks, all points among them."""
    if space.size > LARGEST_COMPARED:
        return
    systems, more = block_systems(space.moves, MOST_QUOTIENTS) if space.size >= 4 else ([], False)
    if more:
        notes.append(f"of the block systems of {space.name} only {len(systems)} were tried")
    if space.signed:
        systems.insert(0, np.zeros(space.size, dtype=np.intp))
    points = "signed points" if space.signed else "points"
    for system in systems:
        moves = (signed_quotient if space.signed else quotient)(space.moves, system)
        if moves is not None:
            blocks = int(system.max()) + 1
            yield Action(
                f"the {blocks} blocks of {space.size // blocks} {points}" if blocks > 1 else f"all {points}", moves
            )


def _relation(space: Action, side: Action) -> Relation:
    table = pair_labels(paired(space.moves, side.moves))
    single = np.eye(table.rank, dtype=np.int64)
    functions = [single[:, list(way)].sum(axis=1) for way in _functions(labels_of(table.signed_labels), side)]
    return Relation(table.signed_labels, np.column_stack([single, *functions]))


def _functions(labels: Labels, side: Action) -> list[tuple[int, ...]]:
    """The ways to send every point of a side to one point of the space: for each point orbit one orbit of pairs."""
    if len(side.orbits) < 2:
        return []
    choices = []
    for points in side.orbits:
        names, counts = np.unique(labels[:, points[0]], return_counts=True)
        choices.append(names[(counts == 1) & (names >= 0)].tolist())
    return list(product(*choices)) if 0 < prod(map(len, choices)) <= MOST_FUNCTIONS else []
