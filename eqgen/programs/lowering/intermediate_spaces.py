"""The spaces that a pooled program may pool to, and the orbits of pairs that pool to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np

from eqgen.common.arrays import Labels, Permutation, Signs
from eqgen.orbitals.dense import pair_labels
from eqgen.permutations.signed_permutation import SignedPermutation
from eqgen.programs.lowering.block_systems import block_systems, quotient, signed_quotient
from eqgen.programs.lowering.problem import Action, Problem
from eqgen.programs.operators.index_table import IndexTable, selection
from eqgen.programs.operators.protocol import Operator
from eqgen.spaces.pair_action import paired

LARGEST_RELATION = 1 << 25
"""Spaces are not pooled to when they have more pairs than this with a side."""

LARGEST_COMPARED = 1 << 22
"""Nor are two spaces of more pairs compared, or a space of more pairs with itself taken apart into blocks."""

MOST_QUOTIENTS = 8
"""So many block systems of a point orbit are tried."""

MOST_FUNCTIONS = 16
"""So many ways to send a whole space to a smaller one are tried."""


@dataclass(frozen=True, eq=False)
class Relation:
    """The orbits of pairs of a smaller space and the points of a side; each is a way to pool.

    Attributes:
        labels, signs: (smaller space, points of the side).
        ways: the labels that make up each way: one orbit, or one for each point orbit of the side.
    """

    labels: Labels
    signs: Signs
    ways: tuple[tuple[int, ...], ...]

    def operator(self, way: int) -> Operator:
        """The pool."""
        chosen = np.isin(self.labels, self.ways[way])
        rows, columns = self.labels.shape
        index = np.nonzero(chosen)[1].reshape(rows, -1)
        signs = np.take_along_axis(self.signs, index, axis=1)
        if index.shape[1] == 1 and (signs > 0).all():
            return selection(index[:, 0], columns)
        return IndexTable(index, None if (signs > 0).all() else signs, columns)

    @cached_property
    def memberships(self) -> np.ndarray:
        """(labels, ways), which labels make up each way."""
        found = np.zeros((int(self.labels.max(initial=-1)) + 1, len(self.ways)), dtype=np.int64)
        for number, way in enumerate(self.ways):
            found[list(way), number] = 1
        return found


@dataclass(frozen=True, eq=False)
class Through:
    """A space to pool to, with its relations to both sides.

    Attributes:
        space: the space.
        input, output: the ways to pool, and those whose transposes spread.
    """

    space: Action
    input: Relation
    output: Relation

    @property
    def size(self) -> int:
        """How many points it has."""
        return self.space.size

    def alike(self, output: Action) -> list[int]:
        """The numbers of the output's orbits that the group moves like this space."""
        labels = self.output.labels
        found = []
        for number, points in enumerate(output.orbits):
            if points.size == self.size:
                names, counts = np.unique(labels[:, points[0]], return_counts=True)
                # Each point of the orbit has one partner: as many as there are, so a bijection.
                if ((counts == 1) & (names >= 0)).any():
                    found.append(number)
        return found

    def values(self, rows: Permutation, columns: Permutation) -> np.ndarray:
        """What each pool and spread together have at some (output, input) pairs, (pools, spreads, pairs)."""
        pools, spreads = self.input.memberships, self.output.memberships
        found = np.zeros((pools.shape[1], spreads.shape[1], rows.size), dtype=np.int64)
        for number, (row, column) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
            read, written = self.input.labels[:, column], self.output.labels[:, row]
            signs = self.input.signs[:, column].astype(np.int64) * self.output.signs[:, row]
            met = np.flatnonzero(signs)
            counted = np.zeros((pools.shape[0], spreads.shape[0]), dtype=np.int64)
            np.add.at(counted, (read[met], written[met]), signs[met])
            found[:, :, number] = pools.T @ counted @ spreads
        return found


def spaces_between(problem: Problem) -> tuple[list[Through], tuple[str, ...]]:
    """The spaces that are worth pooling to: one point, natural points, point orbits, their quotients; and what was left out."""
    found: list[Through] = []
    notes: list[str] = []
    largest = max(problem.shape)
    same = same_space(problem)
    for space in _spaces(problem, notes):
        if space.size * largest > LARGEST_RELATION or any(_isomorphic(space, other.space) for other in found):
            continue
        input_ = _relation(space, problem.input)
        output = input_ if same else _relation(space, problem.output)
        found.append(Through(space, input_, output))
    return found, tuple(dict.fromkeys(notes))


def _spaces(problem: Problem, notes: list[str]) -> Iterator[Action]:
    count = len(problem.input.moves)
    still = SignedPermutation(np.zeros(1, dtype=np.intp))
    yield Action("all points", (still,) * count)
    orbits = [
        side.restricted(points, _orbit_name(side, which, number))
        for which, side in (("input", problem.input), ("output", problem.output))
        for number, points in enumerate(side.orbits)
    ]
    transitive = [natural for natural in problem.naturals if len(natural.orbits) == 1]
    seen: list[Action] = []
    for space in [*transitive, *orbits]:
        # Spaces that the group moves alike have the same quotients.
        if not any(_isomorphic(space, other) for other in seen):
            seen.append(space)
            yield from _quotients(space, notes)
            yield space


def _orbit_name(side: Action, which: str, number: int) -> str:
    if len(side.orbits) == 1:
        return f"the points of {side.name}"
    return f"point orbit {number + 1} of the {which} {side.name}"


def _quotients(space: Action, notes: list[str]) -> Iterator[Action]:
    """Smaller spaces that blocks of points make; of signed points signed sums over blocks, all points among them."""
    if space.size**2 > LARGEST_COMPARED:
        return
    moves = [SignedPermutation(move.image) for move in space.moves]
    systems = _block_systems(space, moves, notes) if 4 <= space.size <= 4096 else []
    if not space.signed:
        for system in systems:
            blocks = int(system.max()) + 1
            yield Action(f"the {blocks} blocks of {space.size // blocks} points", quotient(moves, system))
        return
    for system in [np.zeros(space.size, dtype=np.intp), *systems]:
        signed = signed_quotient(space.moves, system)
        if signed is not None:
            blocks = int(system.max()) + 1
            name = f"the {blocks} blocks of {space.size // blocks} signed points" if blocks > 1 else "all signed points"
            yield Action(name, signed)


def _block_systems(space: Action, moves: list[SignedPermutation], notes: list[str]) -> list[Permutation]:
    labels = pair_labels(paired(moves, moves)).labels
    starts = np.unique(labels[0], return_index=True)[1][1:]
    if starts.size < 2:
        # Two points of any pair generate all pairs: a block system would be one of all points.
        return []
    systems, more = block_systems(labels, starts, MOST_QUOTIENTS)
    if more:
        notes.append(f"of the block systems of {space.name} only {len(systems)} were tried")
    return systems


def _relation(space: Action, side: Action) -> Relation:
    table = pair_labels(paired(space.moves, side.moves))
    single = [(label,) for label in range(table.rank)]
    ways = [*single, *_functions(table.labels, side)]
    return Relation(table.labels, table.signs, tuple(ways))


def _functions(labels: Labels, side: Action) -> list[tuple[int, ...]]:
    """The ways to send every point of a side to one point of the space: for each point orbit one orbit of pairs."""
    if len(side.orbits) < 2:
        return []
    choices = []
    for points in side.orbits:
        names, counts = np.unique(labels[:, points[0]], return_counts=True)
        choices.append(names[(counts == 1) & (names >= 0)].tolist())
    total = int(np.prod([len(choice) for choice in choices], dtype=float))
    return list(product(*choices)) if 0 < total <= MOST_FUNCTIONS else []


def _isomorphic(one: Action, other: Action) -> bool:
    """Whether the group moves two transitive spaces alike: some orbit of their pairs is a bijection."""
    if one.size != other.size or one.size**2 > LARGEST_COMPARED:
        return False
    table = pair_labels(paired(one.moves, other.moves))
    return bool((table.subdegrees == 1).any())


def same_space(problem: Problem) -> bool:
    """Whether input and output are one space."""
    return problem.output.size == problem.input.size and all(
        np.array_equal(move.image, like.image) and np.array_equal(move.all_signs(), like.all_signs())
        for move, like in zip(problem.output.moves, problem.input.moves, strict=True)
    )


def swaps(problem: Problem) -> list[tuple[tuple[int, ...], Operator]]:
    """The bijections of one space to itself that commute with the group, by the orbits of pairs that each is made of."""
    if not same_space(problem):
        return []
    labels = problem.labels
    rows, _ = labels.representatives.T
    bijective = labels.subdegrees == 1
    found = []
    choices = []
    for number, points in enumerate(problem.output.orbits):
        here = np.flatnonzero(bijective & (problem.output.orbit_of[rows] == number))
        closed = [k for k in here.tolist() if problem.input.orbit_of[labels.representatives[k, 1]] == number]
        choices.append(closed)
        if points.size and not closed:
            return []
    total = int(np.prod([len(choice) for choice in choices], dtype=float))
    if not 0 < total <= MOST_FUNCTIONS:
        return []
    for chosen in product(*choices):
        found.append((chosen, _bijection(problem, chosen)))
    return found


def _bijection(problem: Problem, chosen: Sequence[int]) -> Operator:
    """The map that reads, for every output, the one input of its chosen orbit of pairs; walked from a first pair."""
    image = np.full(problem.output.size, -1, dtype=np.intp)
    signs = np.ones(problem.output.size, dtype=np.int8)
    for label in chosen:
        row, column = problem.labels.representatives[label].tolist()
        image[row] = column
        front = np.array([row])
        while front.size:
            reached = []
            for move_out, move_in in zip(problem.output.moves, problem.input.moves, strict=True):
                to = move_out.image[front]
                new = image[to] < 0
                to, came = to[new], front[new]
                image[to] = move_in.image[image[came]]
                signs[to] = signs[came] * move_out.all_signs()[came] * move_in.all_signs()[image[came]]
                reached.append(to)
            front = np.concatenate(reached)
    if (signs > 0).all():
        return selection(image, problem.input.size)
    return IndexTable(image[:, None], signs[:, None], problem.input.size)
