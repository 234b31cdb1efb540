"""A Schreier tree over the outputs: a root in every orbit of points, and the move that reaches each other point.

A long cycle would make a tree as deep as the cycle. So along each generator in turn whole chains are hung up at once: the
point s^d(i) hangs on s^(d - 2^k)(i) by the power s^(2^k), where 2^k is the largest power of two up to d. What this gives is
the same as if each point hung on the one before it, so these edges need no comparison later.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, product

import numpy as np

from eqgen.common.arrays import Integers, Mask, Permutation, Signs
from eqgen.orbitals.limits import LIMITS, Limits
from eqgen.permutations.signed_permutation import inverse, point_orbits
from eqgen.spaces.pair_action import PairAction


@dataclass(frozen=True, eq=False)
class Tree:
    """How every output is reached from the root of its orbit, the smallest point there.

    Attributes:
        generators: the moves that generate the group.
        moves: the group elements that tree edges stand for.
        roots: the roots in order.
        root_of: for each output the place of its root in `roots`.
        parent: for each output the one that it is reached from; a root is its own.
        move: for each output the number of the move that carries its parent to it; -1 for a root.
        steps: (move, children) for all tree edges, parents before their children.
        open: for each generator the outputs i for which i -> s(i) is not implied by the tree.
    """

    generators: tuple[PairAction, ...]
    moves: tuple[PairAction, ...]
    roots: Permutation
    root_of: Permutation
    parent: Permutation
    move: Permutation
    steps: tuple[tuple[int, Permutation], ...]
    open: tuple[Permutation, ...]

    @cached_property
    def signed(self) -> bool:
        """Whether a generator may turn signs."""
        return any(move.is_signed for move in self.generators)

    def back(self, outputs: Permutation, columns: Integers) -> tuple[Integers, Signs | None]:
        """For chosen columns of some rows, the columns in the rows of their roots that they come from, and the signs.

        Args:
            outputs: the rows, shape (rows,).
            columns: the columns of each, shape (rows, any number).
        """
        columns = columns.copy()
        signs = np.ones(columns.shape, dtype=np.int8) if self.signed else None
        node = outputs
        while True:
            move = self.move[node]
            if (move < 0).all():
                return columns, signs
            for number in set(move.tolist()) - {-1}:
                chosen = slice(None) if node.size == 1 else np.flatnonzero(move == number)
                columns[chosen] = np.take(self.backward[number], columns[chosen])
                if signs is not None:
                    parents = self.parent[node[chosen]]
                    signs[chosen] = self.moves[number].turned(signs[chosen], parents, columns[chosen])
            node = self.parent[node]

    def pairs(self, numbers: Integers, n: int) -> Permutation:
        """The (output, input) pairs that have these numbers, counted along the rows of the roots, (numbers, 2)."""
        return np.stack([self.roots[numbers // n], numbers % n], axis=1)

    @cached_property
    def backward(self) -> tuple[Permutation, ...]:
        """What undoes each move on the inputs."""
        return tuple(inverse(move.input.image) for move in self.moves)


def schreier_tree(generators: Sequence[PairAction], random: Iterator[PairAction], limits: Limits = LIMITS) -> Tree:
    """A tree over the outputs.

    Args:
        generators: of the group; at least one.
        random: random elements of it, which are taken from when the generators alone would make the tree deep.
        limits: how far chains are followed.
    """
    root_of = point_orbits(np.array([move.output.image for move in generators]))
    roots = first_points(root_of)
    # -1 is not reached yet.
    parent, move = np.full(root_of.size, -1), np.full(root_of.size, -1)
    parent[roots] = roots
    moves: list[PairAction] = []
    steps: list[tuple[int, Permutation]] = []
    implied = np.zeros((len(generators), root_of.size), dtype=bool)

    def hang(number: int, children: Permutation, parents: Permutation) -> None:
        parent[children], move[children] = parents, number
        steps.append((number, children))

    for _, (number, generator) in product(range(limits.sweeps), enumerate(generators[: limits.chained_generators])):
        reached = parent >= 0
        if reached.all():
            break
        for power, children, parents in _chains(generator, reached):
            hang(len(moves), children, parents)
            moves.append(power)
        implied[number] |= ((parent >= 0) & ~reached)[generator.output.image]
    if (parent < 0).any():
        more = [*generators, *islice(random, limits.random_elements)]
        for number, children, parents in _levels(more, parent >= 0):
            hang(len(moves) + number, children, parents)
        moves.extend(more)
    still_open = tuple(map(np.flatnonzero, ~implied))
    return Tree(tuple(generators), tuple(moves), roots, root_of, parent, move, tuple(steps), still_open)


def first_points(orbits: Permutation) -> Permutation:
    """The first point of each orbit, for orbits that are numbered by first appearance."""
    # A new one begins wherever the largest number so far grows.
    highest = np.maximum.accumulate(orbits)
    return np.flatnonzero(np.concatenate([[True], highest[1:] > highest[:-1]]))


def _chains(generator: PairAction, reached: Mask) -> Iterator[tuple[PairAction, Permutation, Permutation]]:
    """What the powers of one generator reach: each power, the children and their parents."""
    before = inverse(generator.output.image)
    distance = _distances(reached, before)
    fresh = np.flatnonzero(distance)
    if not fresh.size:
        return
    # The largest power of two up to each distance.
    exponents = np.frexp(distance[fresh])[1] - 1
    power, back = generator, before
    for exponent in range(int(exponents.max()) + 1):
        if exponent:
            power, back = power.then(power), back[back]
        children = fresh[exponents == exponent]
        yield power, children, back[children]


def _levels(moves: Sequence[PairAction], reached: Mask) -> Iterator[tuple[int, Permutation, Permutation]]:
    """The rest, level by level: the number of the move, the children and their parents."""
    reached = reached.copy()
    images = np.array([move.output.image for move in moves])
    level = np.flatnonzero(reached)
    while level.size:
        next_level = [level[:0]]
        for number in np.flatnonzero(~reached[images[:, level]].all(axis=1)).tolist():
            parents = level[~reached[images[number, level]]]
            children = images[number, parents]
            reached[children] = True
            next_level.append(children)
            yield number, children, parents
        level = np.concatenate(next_level)


def _distances(reached: Mask, before: Permutation) -> Integers:
    """How often `before` leads from each point to a reached one; 0 for the reached ones and where it never does."""
    # No space has as many points as 32 bits count.
    points = np.arange(before.size, dtype=np.int32)
    ancestor = np.where(reached, points, before.astype(np.int32))
    distance: Integers = np.where(reached, 0, 1).astype(np.int32)
    # Twice as far each time; where no reached point lies on the way, this goes around in circles.
    for _ in range(before.size.bit_length()):
        distance += distance[ancestor]
        further = ancestor[ancestor]
        if np.array_equal(further, ancestor):
            break
        ancestor = further
    distance[~reached[ancestor]] = 0
    return distance
