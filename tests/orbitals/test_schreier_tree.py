"""Trees of moves, and the way back along them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eqgen.orbitals.limits import LIMITS, Limits
from eqgen.orbitals.schreier_tree import first_points, schreier_tree
from eqgen.permutations.signed_permutation import SignedPermutation
from eqgen.spaces.pair_action import paired, random_actions
from helpers.drawn_mappings import (
    as_signed,
    drawn_moves,
)
from helpers.references import (
    smallest_equal,
)


def rows_by_hand(tree, n: int) -> dict[int, list[tuple[int, int, int]]]:
    """The row of every output as the tree makes it: which entry of a root's row stands where, and with which sign."""
    rows = {root: [(root, column, 1) for column in range(n)] for root in tree.roots.tolist()}
    for number, children in tree.steps:
        step = tree.moves[number]
        for child in children.tolist():
            parent = int(tree.parent[child])
            # Parents come before their children, and every output has one.
            assert parent in rows
            assert child not in rows
            assert tree.move[child] == number
            assert step.output.image[parent] == child
            rows[child] = carried(rows[parent], step, parent)
    return rows


def carried(row: list[tuple[int, int, int]], move, output: int) -> list[tuple[int, int, int]]:
    """The row of the image of an output: every entry moves with its column, and its sign may change."""
    found = [(-1, -1, 0)] * len(row)
    for column, (root, place, sign) in enumerate(row):
        flips = int(move.output.all_signs()[output]) * int(move.input.all_signs()[column])
        found[move.input.image[column]] = (root, place, sign * flips)
    return found


def check_tree(generators, m: int, n: int, limits: Limits = LIMITS):
    """Whether a tree is one, and says rightly what it implies."""
    tree = schreier_tree(generators, random_actions(generators), limits)
    rows = rows_by_hand(tree, n)
    assert sorted(rows) == list(range(m))
    edges = [(i, int(move.output.image[i])) for move in generators for i in range(m)]
    assert [int(tree.roots[k]) for k in tree.root_of] == smallest_equal(m, edges)
    assert tree.roots.tolist() == sorted(set(smallest_equal(m, edges)))
    assert all(tree.parent[root] == root and tree.move[root] == -1 for root in tree.roots.tolist())
    assert all(rows[i][0][0] == tree.roots[tree.root_of[i]] for i in range(m))
    assert len(tree.open) == len(generators)
    for move, still_open in zip(generators, tree.open, strict=True):
        for i in set(range(m)) - set(still_open.tolist()):
            assert carried(rows[i], move, i) == rows[int(move.output.image[i])]
    return tree, rows


def check_way_back(tree, rows, random, m: int, n: int) -> None:
    """Whether walking back leads to the entries that stand there."""
    for count in (1, 2, 7):
        outputs = random.integers(0, m, size=count)
        columns = random.integers(0, n, size=(count, 5))
        asked = columns.copy()
        back, signs = tree.back(outputs, columns)
        assert np.array_equal(columns, asked)
        signs = np.ones(columns.shape, dtype=int) if signs is None else signs
        found = [rows[i][j] for i, j in zip(outputs.repeat(5).tolist(), columns.ravel().tolist(), strict=True)]
        assert [(place, sign) for _, place, sign in found] == list(
            zip(back.ravel().tolist(), signs.ravel(), strict=True)
        )
    for number, move in enumerate(tree.moves):
        assert move.input.image[tree.backward[number]].tolist() == list(range(n))


@settings(max_examples=80)
@given(drawn_moves(largest=10), st.sampled_from([0, 1, 8]), st.integers(1, 2), st.integers(0, 2**32))
def test_a_tree_reaches_every_output_and_the_way_back_undoes_it(generators, chained, sweeps, seed):
    m, n = generators[0].output.size, generators[0].input.size
    tree, rows = check_tree(generators, m, n, Limits(chained_generators=chained, sweeps=sweeps))
    check_way_back(tree, rows, np.random.default_rng(seed), m, n)


@settings(max_examples=30)
@given(drawn_moves(largest=25, most=14), st.integers(0, 2**32))
def test_a_tree_of_many_generators_reaches_every_output(generators, seed):
    m, n = generators[0].output.size, generators[0].input.size
    check_way_back(*check_tree(generators, m, n), np.random.default_rng(seed), m, n)


def sparse_moves(random, cycles: list[list[int]], m: int):
    """A move for each cycle of outputs, which moves nothing else, with signs on five inputs."""
    images = [list(range(m)) for _ in cycles]
    for image, points in zip(images, cycles, strict=True):
        for point, following in zip(points, [*points[1:], points[0]], strict=True):
            image[point] = following
    inputs = [SignedPermutation(random.permutation(5), random.choice([1, -1], size=5).astype(np.int8)) for _ in cycles]
    return paired([SignedPermutation(np.array(image)) for image in images], inputs)


def depths(tree) -> list[int]:
    found: dict[int, int] = dict.fromkeys(tree.roots.tolist(), 0)
    for _, children in tree.steps:
        for child in children.tolist():
            found[child] = found[int(tree.parent[child])] + 1
    return [found[i] for i in range(len(found))]


CYCLES = {
    "adjacent transpositions": [[i, i + 1] for i in range(199)],
    "adjacent transpositions in reversed order": [[i, i + 1] for i in range(199)][::-1],
    "two cycles that share a point": [list(range(120)), list(range(119, 200))],
    "the second reaches only after the first": [list(range(100, 200)), list(range(101))],
    "every other cycle hangs on a later one": [[40, 41, 42], [30, 40], [20, 30], [10, 20], [0, 10]],
    "three orbits of one generator each": [[5, 4, 3], [50, 40, 30, 20], list(range(60, 160))],
    "a cycle without its smallest point in front": [[17, 3, 99, 1, 54, 23, 180]],
    "nothing moves": [[0]],
}


@pytest.mark.parametrize("shape", CYCLES)
def test_trees_of_long_cycles_and_of_many_generators_are_right_and_flat(random, shape):
    generators = sparse_moves(random, CYCLES[shape], 200)
    tree, rows = check_tree(generators, 200, 5)
    check_way_back(tree, rows, random, 200, 5)
    if len(generators) <= 8:
        # Powers keep it flat, though no generator moves a point far.
        assert max(depths(tree)) <= 20


@pytest.mark.parametrize("n", range(1, 51))
def test_the_tree_of_a_ring_is_as_deep_as_its_size_has_digits_and_implies_all_but_the_last_step(n):
    ring = as_signed([(np.roll(np.arange(n), -1), None)], signed=False)
    tree, rows = check_tree(paired(ring, ring), n, n)
    # Point d hangs on d without its highest binary digit.
    assert depths(tree) == [bin(d).count("1") for d in range(n)]
    assert [still_open.tolist() for still_open in tree.open] == [[n - 1]]
    check_way_back(tree, rows, np.random.default_rng(n), n, n)
    assert all(rows[i][j][1] == (j - i) % n for i in range(n) for j in range(n))


@given(st.lists(st.integers(0, 6), min_size=1, max_size=20))
def test_the_first_points_of_orbits_are_where_each_number_comes_first(drawn):
    numbered = [list(dict.fromkeys(drawn)).index(orbit) for orbit in drawn]
    assert first_points(np.array(numbered)).tolist() == [numbered.index(orbit) for orbit in range(max(numbered) + 1)]
