"""The forms that labels are held in, and what makes them, from classes to factors, each against a slow way."""

from __future__ import annotations

import re
from collections import Counter
from functools import partial
from importlib import import_module
from itertools import chain, combinations, cycle, islice, pairwise, permutations, product
from math import comb, factorial, perm, prod

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sympy.combinatorics import Permutation as SympyPermutation
from sympy.combinatorics import PermutationGroup

import eqgen as eq
from eqgen.common.connected import Classes, merge_few, merge_many
from eqgen.language.syntax import ORIENTED, SUBSETS, TUPLES, TWISTED
from eqgen.orbitals.certificate import certify
from eqgen.orbitals.dense import LabelTable, pair_labels
from eqgen.orbitals.limits import LIMITS, Limits
from eqgen.orbitals.orbits import bias_pattern
from eqgen.orbitals.product import ProductLabels
from eqgen.orbitals.schreier_tree import first_points, schreier_tree
from eqgen.orbitals.stable import StableLabels, stable_degree, stable_labels
from eqgen.permutations.signed_permutation import SignedPermutation, doubled, inverse
from eqgen.spaces.factors import FIXED_POINT, FactorKind
from eqgen.spaces.pair_action import paired, random_actions
from eqgen.spaces.space import Factor, Space, from_parts, part_numbers, part_of, term_size
from helpers.drawn_mappings import (
    as_signed,
    drawn_moves,
    mappings_of_several_axes,
    signed_generators,
)
from helpers.forms import check_form, check_row_representatives, joined, parted
from helpers.mistakes import mistake, refuse
from helpers.references import (
    components,
    computed,
    dimension,
    expected_labels,
    partitions_into_at_most,
    renumbered,
    signed_orbits,
    smallest_equal,
)
from helpers.strategies import declared_mappings, generator_sets

FORMULAS = Limits(largest_plain_table=0)
"""Whole groups as formulas, however few points they have."""

ORBITS = import_module("eqgen.orbitals.orbits")
"""The module; `eqgen.orbits` is the function."""


# Classes


def merged(classes: Classes, equalities) -> bool:
    left, right = np.array([*equalities, (0, 0)]).T
    return classes.merge(left, right)


@st.composite
def portions(draw) -> tuple[int, list[list[tuple[int, int]]]]:
    """A number of codes, and equalities in several portions."""
    size = draw(st.integers(1, 40))
    code = st.integers(0, size - 1)
    return size, draw(st.lists(st.lists(st.tuples(code, code), max_size=30), max_size=6))


@given(portions(), st.sampled_from([0, 3, 10**6]))
def test_classes_are_connected_components_after_every_portion(drawn, many):
    size, equalities = drawn
    classes, so_far = Classes(size, many), []
    for portion in equalities:
        before = len(set(smallest_equal(size, so_far)))
        so_far += portion
        expected = smallest_equal(size, so_far)
        assert merged(classes, portion) == (len(set(expected)) < before)
        assert classes.names(np.arange(size)).tolist() == expected
        some = np.arange(size)[::-3]
        assert classes.names(some).tolist() == [expected[code] for code in some]
    assert classes.all_names().tolist() == smallest_equal(size, so_far)


@given(portions())
def test_classes_do_not_need_to_be_asked_for_in_between(drawn):
    size, equalities = drawn
    classes = Classes(size)
    for portion in equalities:
        merged(classes, portion)
    expected = smallest_equal(size, list(chain.from_iterable(equalities)))
    assert classes.all_names().tolist() == expected
    # They are asked for a second time, and merging goes on afterwards.
    assert classes.all_names().tolist() == expected
    assert merged(classes, [(0, size - 1)]) == (expected[0] != expected[-1])
    assert classes.all_names().tolist() == smallest_equal(size, [*chain.from_iterable(equalities), (0, size - 1)])


@pytest.mark.parametrize("merge", [merge_few, merge_many])
@given(drawn=portions())
def test_both_ways_to_merge_give_the_components(merge, drawn):
    size, equalities = drawn
    edges = list(chain.from_iterable(equalities))
    towards = np.arange(size)
    left, right = np.array(edges).reshape(-1, 2).T
    merge(towards, left, right)
    expected = smallest_equal(size, edges)
    # Codes of the merged classes point to the smallest at once.
    assert towards.tolist() == expected


CODES = 600

SHAPES = {
    "a chain upwards": [(i, i + 1) for i in range(CODES - 1)],
    "a chain downwards": [(i + 1, i) for i in range(CODES - 1)][::-1],
    "a chain in steps of seven": [(7 * i % CODES, 7 * (i + 1) % CODES) for i in range(CODES - 1)],
    "a chain between both ends": list(pairwise(code for i in range(CODES // 2) for code in (i, CODES - 1 - i))),
    "a star around the smallest": [(0, i) for i in range(1, CODES)],
    "a star around the largest": [(CODES - 1, i) for i in range(CODES - 1)],
    "a star around one in the middle": [(i, 300) for i in range(CODES) if i != 300],
    "pairs": [(2 * i, 2 * i + 1) for i in range(CODES // 2)],
    "stars that hang on one another": [(50 * k + 49, 50 * k + i) for k in range(12) for i in range(49)]
    + [(50 * k, 50 * k + 99) for k in range(11)],
}


@pytest.mark.parametrize("merge", [merge_few, merge_many])
@pytest.mark.parametrize("shape", SHAPES)
def test_long_chains_and_large_stars_become_one_class(merge, shape):
    towards = np.arange(CODES)
    merge(towards, *np.array(SHAPES[shape]).T)
    assert towards.tolist() == smallest_equal(CODES, SHAPES[shape])


@pytest.mark.parametrize("step", [1, 70])
@pytest.mark.parametrize("shape", SHAPES)
def test_chains_and_stars_in_portions_become_one_class(step, shape):
    edges, classes = SHAPES[shape], Classes(CODES)
    for start in range(0, len(edges), step):
        assert merged(classes, edges[start : start + step])
        assert not merged(classes, [edge[::-1] for edge in edges[start : start + step]])
    assert classes.all_names().tolist() == smallest_equal(CODES, edges)


def test_many_random_portions_give_the_components(random):
    classes, so_far, expected = Classes(1000), [], list(range(1000))
    for count in random.integers(1, 150, size=20).tolist():
        portion = random.integers(0, 1000, size=(count, 2)).tolist()
        known = len(set(expected))
        so_far += portion
        expected = smallest_equal(1000, so_far)
        assert classes.merge(*np.array(portion).T) == (len(set(expected)) < known)
        assert classes.names(np.arange(1000)).tolist() == expected
    assert 1 < len(set(expected)) < 100


# Random elements


def laid_together(move) -> list[int]:
    """What a move does to outputs and inputs, each with its sign, laid one after the other."""
    output = doubled(move.output)
    return [*output.tolist(), *(output.size + doubled(move.input)).tolist()]


@settings(max_examples=40)
@given(drawn_moves(largest=5))
def test_random_elements_are_elements_of_the_group(generators):
    group = PermutationGroup([SympyPermutation(laid_together(move)) for move in generators])
    for move in islice(random_actions(generators), 5):
        assert group.contains(SympyPermutation(laid_together(move)))


@settings(max_examples=20)
@given(st.integers(2, 5), st.data())
def test_random_elements_of_one_space_are_elements_of_the_group(size, data):
    images = data.draw(st.lists(st.permutations(range(size)), min_size=1, max_size=3))
    elements = [SignedPermutation(np.array(image)) for image in images]
    generators = paired(elements, [SignedPermutation(element.image.copy()) for element in elements])
    group = PermutationGroup(list(map(SympyPermutation, images)))
    assert all(move.output is move.input for move in generators)
    for move in islice(random_actions(generators), 5):
        assert move.output is move.input
        assert group.contains(SympyPermutation(move.output.image.tolist()))


@pytest.mark.parametrize("group", [eq.S(4), eq.A(4), eq.D(5), eq.C(7), eq.group("(1 -2), (2 3)"), eq.group("(5)")])
def test_random_elements_are_all_elements_sooner_or_later_and_always_the_same_ones(group):
    edges = eq.mapping("{p p} -> p", p=group)
    generators = paired([found.output for found in edges.generators], [found.input for found in edges.generators])
    seen = [tuple(laid_together(move)) for move in islice(random_actions(generators), 40 * group.order)]
    assert len(set(seen)) == group.order
    # None is much more frequent than the others.
    assert max(Counter(seen).values()) < 120
    assert seen == [tuple(laid_together(move)) for move in islice(random_actions(generators), 40 * group.order)]
    if group.order > 1:
        assert seen != [
            tuple(laid_together(move)) for move in islice(random_actions(generators, seed=2), 40 * group.order)
        ]


@given(drawn_moves())
def test_an_element_then_another_is_their_product(generators):
    first, second = generators[0], generators[-1]
    both = first.then(second)
    assert laid_together(both) == [laid_together(second)[place] for place in laid_together(first)]
    image = first.output.image
    assert image[inverse(image)].tolist() == inverse(image)[image].tolist() == list(range(image.size))


# Trees


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
    tree = schreier_tree(generators, random_actions(generators), m, limits)
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
        assert move.input.image[tree.backward(number)].tolist() == list(range(n))


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


# The table


@settings(max_examples=180)
@given(
    drawn_moves(largest=5),
    st.integers(1, 30),
    st.sampled_from([0, 3, 10**6]),
    st.integers(0, 9),
    st.lists(st.integers(0, 3), max_size=2),
    st.booleans(),
)
def test_the_way_of_large_tables_gives_the_signed_components(generators, block, many, quiet, drawn, small):
    m, n = generators[0].output.size, generators[0].input.size
    # The same must come of a table that is merged as it is, and of one that goes through a tree, ...
    limits = Limits(small=10**6 if small else 0, block=block, quiet=quiet, many_equalities=many)
    with pytest.MonkeyPatch.context() as patch:
        if drawn:
            # ... whatever elements happen to be drawn at random.
            elements = [generators[number % len(generators)] for number in drawn]
            patch.setattr("eqgen.orbitals.dense.random_actions", lambda _: cycle(elements))
        table = pair_labels(generators, limits)
    check_form(table, signed_orbits(m, n, generators))
    check_row_representatives(table, generators)
    assert table.table() is table


@pytest.mark.parametrize("n", [2, 3, 7])
@pytest.mark.parametrize("outputs", [1, 4])
@pytest.mark.parametrize("flipped", [0, 1])
def test_a_zero_that_the_random_elements_show_spreads_to_what_the_generators_move_it_to(
    outputs, flipped, n, monkeypatch
):
    # A flip of one input, and a ring that carries it everywhere; only the flip is ever drawn.
    monkeypatch.setattr("eqgen.orbitals.dense.random_actions", lambda generators: cycle([generators[1]]))
    signs = np.ones(n, dtype=np.int8)
    signs[flipped] = -1
    still = SignedPermutation(np.arange(outputs))
    ring, flip = SignedPermutation(np.roll(np.arange(n), -1)), SignedPermutation(np.arange(n), signs)
    table = pair_labels(paired([still, still], [ring, flip]), Limits(small=0))
    assert table.rank == 0
    assert (parted(table.signed_labels)[0] == -1).all()
    assert (parted(table.signed_labels)[1] == 0).all()
    # Beside them a point that nothing flips: its label stays, before and behind the zeros.
    for images, place in (([*range(1, n), 0, n], n), ([0, *range(2, n + 1), 1], 0)):
        inputs = [SignedPermutation(np.array(images)), SignedPermutation(np.arange(n + 1), np.insert(signs, place, 1))]
        table = pair_labels(paired([still, still], inputs), Limits(small=0))
        expected = np.full((outputs, n + 1), -1)
        expected[:, place] = np.arange(outputs)
        assert np.array_equal(parted(table.signed_labels)[0], expected)
        assert np.array_equal(parted(table.signed_labels)[1], expected >= 0)


@settings(max_examples=40)
@given(declared_mappings(max_axes=1), st.integers(1, 30), st.integers(0, 9))
def test_the_rows_that_large_tables_are_made_from_say_the_same_as_counting(declared, block, quiet):
    orbits = computed(declared, Limits(small=0, block=block, quiet=quiet))
    labels = np.array(expected_labels(declared))
    check_form(orbits.form, (labels, np.ones_like(labels)))
    check_row_representatives(orbits.form, orbits.mapping.generators)


# Previously wrong: where no move of the tree has signs, but elements that fix a root do, signs were taken for labels.
@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("~p + p -> 1 where p = S(3000)", [3000]),
        ("p + ~p -> 1 where p = S(3000)", [3000]),
        ("p + ~p -> 1 where p = S(3001)", [3001]),
        ("~p -> 1 where p = S(5000)", []),
        ("p + [p p] -> 1 where p = S(100)", [100]),
        ("p -> 1 where p = (1 -1)(2 3), (4 5)(5000)", [2, 2, *[1] * 4995]),
    ],
)
def test_maps_to_a_fixed_point_have_one_orbit_for_each_orbit_of_points_that_no_sign_forbids(text, sizes):
    orbits = eq.orbits(text)
    assert orbits.sizes.tolist() == sizes
    assert certify(orbits.mapping, orbits.pattern.signed_labels).invariant


@pytest.mark.parametrize("n", [9, 40, 130])
@pytest.mark.parametrize("flipped_first", [True, False])
def test_a_ring_with_one_sign_that_flips_shares_only_the_diagonal(n, flipped_first):
    # These generate all sign changes: one of them tells two different points apart, so only i = j is left.
    ring, flip = ([*range(1, n), 0], [1] * n), (list(range(n)), [-1] + [1] * (n - 1))
    orbits = eq.orbits(eq.mapping("p -> p", p=[flip, ring] if flipped_first else [ring, flip]))
    assert np.array_equal(orbits.labels, np.eye(n, dtype=int) - 1)
    assert np.array_equal(orbits.signs, np.eye(n, dtype=int))
    # Points and their absolute values side by side: nothing is shared between the two.
    both = eq.mapping("p + q -> p + q", **eq.joint(p=[ring, flip], q=[(ring[0], [1] * n), (flip[0], [1] * n)]))
    orbits = eq.orbits(both)
    shift = (np.arange(n)[None, :] - np.arange(n)[:, None]) % n
    assert np.array_equal(orbits.labels[:n, :n], np.eye(n, dtype=int) - 1)
    assert np.array_equal(orbits.labels[n:, n:], 1 + shift)
    assert (orbits.labels[:n, n:] == -1).all()
    assert (orbits.labels[n:, :n] == -1).all()


@settings(max_examples=30)
@given(declared_mappings())
def test_outputs_share_a_bias_when_a_generator_moves_one_to_the_other(declared):
    mapping = computed(declared).mapping
    edges = [(i, int(move.output.image[i])) for move in mapping.generators for i in range(mapping.output.size)]
    pattern = bias_pattern(mapping)
    smallest = smallest_equal(mapping.output.size, edges)
    assert pattern.labels.tolist() == [[sorted(set(smallest)).index(least)] for least in smallest]
    assert (pattern.signs == 1).all()


# Whole symmetric and alternating groups

DECLARATIONS = [
    "p -> p",
    "p -> 1",
    "1 -> p",
    "p p -> p",
    "p -> p p",
    "p p -> p p",
    "p p p -> p",
    "{p p} -> p",
    "p -> {p p}",
    "{p p} -> {p p}",
    "<p p> -> p p",
    "p p -> <p p>",
    "{p p p} -> p",
    "p -> {p p p}",
    "{p p p} -> {p p}",
    "<p p p> -> p",
    "{p p} p -> p",
    "p + 1 -> p + 1",
    "p p + p + 1 -> p + {p p}",
    "1 + {p p} + p p -> 1 1 + p",
    "{p p} p 1 -> p + 1 p",
]

SIGNED_DECLARATIONS = [
    "[p p] -> [p p]",
    "[p p] -> p",
    "p -> [p p]",
    "[p p] -> {p p}",
    "[p p] p -> p",
    "p p -> [p p]",
    "[p p] + p -> 1 + [p p]",
]

TWISTED_DECLARATIONS = [
    "~p -> ~p",
    "~p -> p",
    "p -> ~p",
    "~p ~p -> p",
    "p + ~p -> ~p + p",
    "~p -> [p p]",
    "~p [p p] -> ~p",
]


def stable_and_table(text: str, group, degree: int) -> tuple[StableLabels, LabelTable, eq.Mapping]:
    mapping = eq.mapping(text, p=group(degree))
    table = pair_labels(mapping.generators)
    return stable_labels(mapping, group), table, mapping


def degrees_from_twin(text: str, group, pairs: int = 12_000) -> list[int]:
    """The degrees from which on a formula is used, while a table is still small."""
    # The first such degree is the most places that a pair of terms has, and two more.
    sides = [max(term.count("p") for term in side.split("+")) for side in text.split("->")]
    least = sum(sides) + 2
    found = []
    for degree in range(least, least + 4):
        mapping = eq.mapping(text, p=group(degree))
        assert stable_degree(mapping.output, mapping.input) == least
        if mapping.output.size * mapping.input.size <= pairs or degree == least:
            found.append(degree)
    return found


@pytest.mark.parametrize(
    ("text", "group"),
    list(product([*DECLARATIONS, *SIGNED_DECLARATIONS, *TWISTED_DECLARATIONS], [eq.S, eq.A])),
)
def test_the_formula_for_whole_groups_agrees_with_the_table(random, text, group):
    for degree in degrees_from_twin(text, group):
        stable, table, mapping = stable_and_table(text, group, degree)
        check_form(stable, parted(table.signed_labels))
        check_row_representatives(stable, mapping.generators)
        rows, columns = random.integers(0, table.shape[0], size=9), random.integers(0, table.shape[1], size=7)
        assert np.array_equal(stable.at(rows, columns), table.at(rows, columns))
        assert stable.at(rows[:0], columns).shape == (0, 7)


# Previously wrong: even permutations leave ~p alone, so A(n) forces no zero there.
@pytest.mark.parametrize("text", TWISTED_DECLARATIONS)
def test_the_alternating_group_twists_nothing_however_many_points_there_are(text):
    for degree in degrees_from_twin(text, eq.A)[:4]:
        expected = eq.orbits(eq.mapping(text, p=eq.A(degree)))
        assert isinstance(expected.form, LabelTable)
        orbits = eq.orbits(eq.mapping(text, p=eq.A(degree)), limits=FORMULAS)
        # ~p is p here, and the table knows.
        plain = eq.orbits(eq.mapping(text.replace("~", ""), p=eq.A(degree)))
        assert np.array_equal(expected.labels, plain.labels)
        check_form(orbits.form, (expected.labels, expected.signs))
    assert eq.orbits(eq.mapping("~p -> p", p=eq.A(1100))).row_sizes.tolist() == [1, 1099]


@pytest.mark.parametrize("group", [eq.S, eq.A])
def test_a_large_whole_group_is_held_as_a_formula_and_its_table_is_made_when_asked_for(group):
    for text in ("p p -> p", "[p p] + p -> [p p]"):
        orbits = eq.orbits(eq.mapping(text, p=group(8)), limits=FORMULAS)
        _, table, _ = stable_and_table(text, group, 8)
        assert isinstance(orbits.form, StableLabels)
        assert np.array_equal(orbits.labels, parted(table.signed_labels)[0])
        assert np.array_equal(orbits.signs, parted(table.signed_labels)[1])


@pytest.mark.parametrize("text", ["p p -> p", "{p p} -> {p p}", "~p -> [p p]"])
def test_too_few_points_for_the_formula_are_held_as_a_table(text):
    least = stable_degree(*[getattr(eq.mapping(text, p=eq.S(9)), side) for side in ("output", "input")])
    for group, kind in (
        (eq.S(least - 1), LabelTable),
        (eq.S(least), StableLabels),
        # Other groups of that many points are no whole groups.
        (eq.D(least), LabelTable),
        ([([1, 0, *range(2, least)], [-1] * least)], LabelTable),
    ):
        assert isinstance(eq.orbits(eq.mapping(text, p=group), limits=FORMULAS).form, kind)


@pytest.fixture
def without_tables(monkeypatch):
    """Any table of a mapping's own pairs fails the test; that of the few points behind a formula is another's."""
    monkeypatch.setattr(ORBITS, "pair_labels", refuse)
    monkeypatch.setattr(StableLabels, "table", refuse)
    monkeypatch.setattr("eqgen.orbitals.product.ProductLabels.table", refuse)


@pytest.mark.usefixtures("without_tables")
@pytest.mark.parametrize("group", [eq.S, eq.A])
def test_the_edges_of_a_thousand_nodes_have_three_orbits(random, group):
    orbits = eq.orbits(eq.mapping("{p p} -> {p p}", p=group(1000)))
    edges = comb(1000, 2)
    assert (orbits.rank, orbits.shape, orbits.names) == (3, (edges, edges), ("a", "b", "c"))
    assert orbits.sizes.tolist() == [edges, edges * 2 * 998, edges * comb(998, 2)]
    assert orbits.row_sizes.tolist() == [1, 2 * 998, comb(998, 2)]
    # {1,2} with itself, with {1,3}, and with {3,4}, after the 999 + 998 edges of the first two nodes.
    assert orbits.representatives.tolist() == [[0, 0], [0, 1], [0, 999 + 998]]
    assert orbits.orbitals_per_row.tolist() == [3, 3, 3]
    assert orbits.form.row_orbit_sizes.tolist() == [edges]
    listed = list(combinations(range(1000), 2))
    rows, columns = random.integers(0, edges, size=300), random.integers(0, edges, size=300)
    rows[:50] = columns[:50]
    labels, signs = orbits.labels_at(rows, columns)
    assert labels.tolist() == [[2 - len({*listed[i]} & {*listed[j]}) for j in columns] for i in rows]
    assert (signs == 1).all()


@pytest.mark.usefixtures("without_tables")
def test_pairs_of_a_thousand_points_have_fifteen_orbits(random):
    orbits = eq.orbits("p p -> p p where p = S(1000)")
    # Set partitions of four places into b blocks are counted by Stirling numbers: 1, 7, 6, 1.
    assert sorted(orbits.sizes.tolist()) == [1000] + 7 * [perm(1000, 2)] + 6 * [perm(1000, 3)] + [perm(1000, 4)]
    assert orbits.rank == 15
    assert orbits.sizes.sum() == 10**12
    pairs = [(*divmod(i, 1000), *divmod(j, 1000)) for i, j in orbits.representatives.tolist()]
    assert orbits.sizes.tolist() == [perm(1000, len(set(pair))) for pair in pairs]
    # A row of (i, i) is met by 5 orbits, and one of (i, j) by 10.
    kinds = [(1000, 5) if i == j else (perm(1000, 2), 10) for i, j, _, _ in pairs]
    assert orbits.row_sizes.tolist() == [perm(1000, len(set(p))) // k for p, (k, _) in zip(pairs, kinds, strict=True)]
    assert orbits.orbitals_per_row.tolist() == [rank for _, rank in kinds]
    assert orbits.form.row_representatives.tolist() == [0, 1]
    assert orbits.form.row_orbit_sizes.tolist() == [1000, 999_000]
    # Random pairs of few points, so that many coincide.
    few = np.array([0, 3, 500, 998, 999])
    rows, columns = [1000 * random.choice(few, size=200) + random.choice(few, size=200) for _ in range(2)]
    labels, _ = orbits.labels_at(rows, columns)
    which = {coincidences(pair): number for number, pair in enumerate(pairs)}
    assert len(which) == 15
    assert labels.tolist() == [
        [which[coincidences((*divmod(int(i), 1000), *divmod(int(j), 1000)))] for j in columns] for i in rows
    ]
    assert np.unique(labels).size == 15


def coincidences(places: tuple[int, ...]) -> tuple[int, ...]:
    """Which places hold the same point: for each the first that does."""
    return tuple(map(places.index, places))


@pytest.mark.usefixtures("without_tables")
def test_triples_of_two_hundred_points_form_the_johnson_scheme(random):
    orbits = eq.orbits("{p p p} -> {p p p} where p = S(200)")
    triples = comb(200, 3)
    row_sizes = [comb(3, t) * comb(197, 3 - t) for t in (3, 2, 1, 0)]
    assert orbits.shape == (triples, triples)
    assert orbits.row_sizes.tolist() == row_sizes
    assert orbits.sizes.tolist() == [triples * size for size in row_sizes]
    rows, columns = random.integers(0, triples, size=200), random.integers(0, triples, size=200)
    columns[:100] = rows[:100] ^ 1
    points = [[orbits.mapping.input.point(number) for number in numbers] for numbers in (rows, columns)]
    labels, _ = orbits.labels_at(rows, columns)
    assert labels.tolist() == [[3 - len({*a} & {*b}) for b in points[1]] for a in points[0]]


@pytest.mark.usefixtures("without_tables")
@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (2, 1), (1, 2), (2, 2), (3, 1), (3, 2)])
def test_powers_of_a_large_set_are_counted_by_set_partitions(inputs, outputs):
    orbits = eq.orbits(eq.mapping(f"{'p ' * inputs} -> {'p ' * outputs}", p=eq.S(1100 if inputs < 3 else 200)))
    assert orbits.rank == partitions_into_at_most(inputs + outputs, inputs + outputs)
    assert int(orbits.sizes.sum()) == prod(orbits.shape)


@pytest.mark.parametrize("n", [1001, 1100])
@pytest.mark.parametrize("family", ["S", "A"])
def test_a_thousand_points_and_more_are_told_from_themselves_only(family, n):
    orbits = eq.orbits(f"p -> p where p = {family}({n})")
    # 1001^2 is still held as a table, 1100^2 as a formula.
    assert type(orbits.form) is (LabelTable if n == 1001 else StableLabels)
    assert np.array_equal(orbits.labels, 1 - np.eye(n, dtype=int))
    assert orbits.row_sizes.tolist() == [1, n - 1]
    assert orbits.sizes.tolist() == [n, n * (n - 1)]


@pytest.mark.usefixtures("without_tables")
@pytest.mark.parametrize(
    "text",
    [
        "S(1100)",
        "Group(" + "(" + " ".join(map(str, range(1, 1101))) + "), (1 2))",
        "wreath(S(1100), S(1))",
        "wreath(S(1), A(1100))",
    ],
    ids=["S", "cycles", "one block", "blocks of one"],
)
def test_a_whole_group_is_recognised_however_it_is_written(text):
    orbits = eq.orbits(f"p -> p where p = {text}")
    assert isinstance(orbits.form, StableLabels)
    assert orbits.row_sizes.tolist() == [1, 1099]


@pytest.mark.usefixtures("without_tables")
def test_signs_of_a_thousand_nodes_are_those_of_directions(random):
    orbits = eq.orbits("[p p] -> [p p] where p = S(1000)")
    edges = list(combinations(range(1000), 2))
    # An edge with itself, and with the edges that share an end; with all others the sign can be turned.
    assert orbits.row_sizes.tolist() == [1, 2 * 998]
    assert orbits.sizes.tolist() == [len(edges), len(edges) * 2 * 998]
    rows, columns = random.integers(0, 4000, size=300), random.integers(0, 4000, size=300)
    labels, signs = orbits.labels_at(rows, columns)
    # The matrix of edge Laplacians: the product of the boundaries, at every shared end.
    for (i, j), label in np.ndenumerate(labels):
        a, b = edges[rows[i]], edges[columns[j]]
        shared = sum(((x == a[1]) - (x == a[0])) * ((x == b[1]) - (x == b[0])) for x in {*a, *b})
        assert (label, signs[i, j]) == ((0, 1) if a == b else (1, shared) if shared else (-1, 0))
    nothing = eq.orbits("~p -> p where p = S(1100)")
    assert (nothing.rank, nothing.sizes.tolist(), nothing.representatives.shape) == (0, [], (0, 2))
    assert nothing.labels_at([0, 1], [0, 5])[0].tolist() == [[-1, -1], [-1, -1]]


# Several axes


def check_product(orbits: eq.Orbits, random: np.random.Generator) -> None:
    """Labels held as factors against the table of the whole group, which knows no axes."""
    form, mapping = orbits.form, orbits.mapping
    assert isinstance(form, ProductLabels)
    shape = (mapping.output.size, mapping.input.size)
    table = pair_labels(mapping.generators)
    labels, signs = parted(form.at(np.arange(shape[0]), np.arange(shape[1])))
    assert np.array_equal(renumbered(labels), parted(table.signed_labels)[0])
    assert np.array_equal(signs, parted(table.signed_labels)[1])
    check_form(form, (labels, signs))
    check_row_representatives(form, mapping.generators)
    check_form(form.table(), (labels, signs))
    check_row_representatives(form.table(), mapping.generators)
    assert np.array_equal(orbits.labels, labels)
    assert np.array_equal(orbits.signs, signs)
    assert np.array_equal(orbits.pattern.orbitals_per_row, orbits.orbitals_per_row)
    for size in (0, 1, 6):
        rows, columns = random.integers(0, shape[0], size=size), random.integers(0, shape[1], size=6)
        found = orbits.labels_at(rows, columns)
        assert np.array_equal(found[0], labels[rows][:, columns])
        assert np.array_equal(found[1], signs[rows][:, columns])


@settings(max_examples=40)
@given(declared_mappings(), st.integers(0, 2**32))
def test_the_factors_of_two_axes_say_what_the_expanded_table_says(declared, seed):
    assume(len(declared.axes) == 2)
    orbits = computed(declared)
    check_product(orbits, np.random.default_rng(seed))
    labels = np.array(expected_labels(declared))
    assert np.array_equal(orbits.form.at(np.arange(labels.shape[0]), np.arange(labels.shape[1])), joined(labels))


@settings(max_examples=60)
@given(mappings_of_several_axes(), st.integers(0, 2**32))
def test_the_factors_of_signed_axes_say_what_the_expanded_table_says(mapping, seed):
    check_product(eq.orbits(mapping), np.random.default_rng(seed))


@pytest.mark.parametrize(
    "text",
    [
        "h w -> h w where h = C(3), w = D(4)",
        "h w h -> w h where h = S(3), w = C(2)",
        "w h w -> h w h where h = (1 2)(3), w = S(3)",
        "a b c -> c a b where a = S(3), b = C(3), c = (1 2)(3)",
        "a + b c + 1 -> c b + a a where a = S(3), b = C(3), c = S(2)",
        "{a a} b <c c> -> b + c + a where a = S(4), b = (2), c = C(3)",
        "[a a] b -> ~b a + [a a] where a = S(4), b = S(3)",
        "~a ~b -> a b + ~b ~a where a = S(3), b = (1 -2)(3)",
        "1 + a -> b + 1 where a = (1 2)(3)(4 5), b = (1)(2 3)",
        "s b t -> b s + t where s & b = Group((1 2 3), (2 3)) & Group((), (1 2)), t = C(3)",
        "s t -> b t + s b where s & b = Group((1 2 3), (2 3)) & Group((), (1 -2)), t = C(3)",
    ],
)
def test_factors_in_any_order_say_what_the_expanded_table_says(random, text):
    check_product(eq.orbits(text), random)
    # The factors themselves may be formulas.
    check_product(eq.orbits(text, limits=FORMULAS), random)


@pytest.mark.parametrize("text", ["u v -> v u + u", "[u u] v -> u [u u]", "{u u} + v -> v 1 + u v"])
def test_factors_that_are_formulas_say_what_the_expanded_table_says(random, text):
    orbits = eq.orbits(eq.mapping(text, u=eq.S(7), v=eq.S(4)), limits=FORMULAS)
    factors = [factor for block in orbits.form.blocks for factor in block.factors]
    assert StableLabels in map(type, factors)
    check_product(orbits, random)


def test_the_dimension_of_the_equivariant_maps_is_the_product_of_those_of_the_axes():
    mapping = eq.mapping("~a [b b] -> a b", a=[([1, 0, 2], [1, -1, 1])], b=[([1, 2, 0], [1, 1, 1])])
    assert eq.orbits(mapping).rank == dimension(mapping)


def test_a_torus_of_512_by_512_has_an_orbit_for_each_shift_and_no_table(random, monkeypatch):
    monkeypatch.setattr("eqgen.orbitals.product.ProductLabels.table", refuse)
    orbits = eq.orbits("h w -> h w where h = C(512), w = C(512)")
    cells = 512 * 512
    assert (orbits.rank, orbits.shape) == (262_144, (cells, cells))
    assert np.array_equal(orbits.sizes, np.full(cells, cells))
    assert np.array_equal(orbits.row_sizes, np.ones(cells))
    assert np.array_equal(orbits.orbitals_per_row, np.full(cells, cells))
    assert np.array_equal(orbits.representatives, np.stack([np.zeros(cells), np.arange(cells)], axis=1))
    assert (orbits.form.row_representatives.tolist(), orbits.form.row_orbit_sizes.tolist()) == ([0], [cells])
    rows, columns = random.integers(0, cells, size=400), random.integers(0, cells, size=500)
    labels, signs = orbits.labels_at(rows, columns)
    down = (columns // 512 - rows[:, None] // 512) % 512
    right = (columns % 512 - rows[:, None] % 512) % 512
    assert np.array_equal(labels, 512 * down + right)
    assert (labels.dtype, signs.min(), signs.max()) == (np.int32, 1, 1)


def test_users_and_items_have_four_orbits_and_their_table_is_refused(random, monkeypatch):
    monkeypatch.setattr("eqgen.orbitals.product.ProductLabels.table", refuse)
    orbits = eq.orbits("u v -> u v where u = S(1000), v = S(2000)")
    pairs = 2_000_000
    row_sizes = [1, 1999, 999, 999 * 1999]
    assert (orbits.rank, orbits.shape) == (4, (pairs, pairs))
    assert orbits.row_sizes.tolist() == row_sizes
    assert orbits.sizes.tolist() == [pairs * size for size in row_sizes]
    assert orbits.representatives.tolist() == [[0, 0], [0, 1], [0, 2000], [0, 2001]]
    rows, columns = random.integers(0, pairs, size=200), random.integers(0, pairs, size=200)
    columns[:100] = rows[:100] + random.choice([0, 1, -1, 2000, -2000], size=100)
    columns %= pairs
    labels, signs = orbits.labels_at(rows, columns)
    here, there = np.divmod(rows, 2000), np.divmod(columns, 2000)
    expected = 2 * (here[0][:, None] != there[0]) + (here[1][:, None] != there[1])
    assert np.array_equal(labels, expected)
    assert set(np.diag(labels)[:100].tolist()) >= {0, 1, 2}
    assert (signs == 1).all()
    message = (
        r"u v -> u v where u = S\(1000\), v = S\(2000\) has 2000000 x 2000000 index pairs: their label table needs "
        r"32,000\.0 GB while it is made, and this machine has [0-9,]+\.[0-9] GB; its 4 orbits are known without it: "
        r"take rank, sizes, representatives, or labels_at\(rows, columns\)"
    )
    for attribute in ("labels", "signs", "pattern"):
        assert re.fullmatch(message, mistake(partial(getattr, orbits, attribute)))


def test_sums_of_large_products_have_a_block_for_each_pair_of_terms(random):
    orbits = eq.orbits("u v + u -> v u + 1 where u = S(300), v = C(400)")
    # (v u, u v): 2 * 400, (v u, u): 2, (1, u v): 1, (1, u): 1; u is mentioned first, and v turns as 400 shifts.
    assert orbits.rank == 2 * 400 + 2 + 1 + 1
    assert orbits.sizes.sum() == (300 * 400 + 1) * (300 * 400 + 300)
    rows, columns = random.integers(0, 120_000, size=100), random.integers(0, 120_300, size=150)
    rows[0], columns[:9] = 120_000, 120_000 + random.integers(0, 300, size=9)
    columns[9:30] = 400 * (rows[9:30] % 300) + random.integers(0, 400, size=21)
    expected = []
    for row, column in product(rows.tolist(), columns.tolist()):
        v, u = divmod(row, 300)
        if row == 120_000:
            expected.append(802 if column < 120_000 else 803)
        elif column < 120_000:
            expected.append(400 * (column // 400 != u) + (column % 400 - v) % 400)
        else:
            expected.append(800 + (column - 120_000 != u))
    labels, _ = orbits.labels_at(rows, columns)
    assert labels.ravel().tolist() == expected
    assert orbits.form.row_representatives.tolist() == [0, 120_000]
    assert orbits.form.row_orbit_sizes.tolist() == [120_000, 1]
    assert orbits.orbitals_per_row.tolist() == [802] * 802 + [2, 2]


# Previously wrong: factors answered with whatever stood in memory for rows that are not there.
@pytest.mark.parametrize(
    "text", ["p -> p where p = D(9)", "p -> p p where p = S(200)", "u v -> v + u where u = S(4), v = C(3)"]
)
def test_rows_and_columns_that_are_not_there_are_refused(text):
    orbits = eq.orbits(text)
    m, n = orbits.shape
    # The last ones may be counted from the end.
    last = orbits.labels_at([m - 1, m - 2], [n - 1, n - 2, 0])
    for found, expected in zip(orbits.labels_at([-1, -2], [-1, -2, 0]), last, strict=True):
        assert np.array_equal(found, expected)
    for rows, columns in (([m], [0]), ([0], [n]), ([0, -m - 1], [0]), ([0], [1, 10**9]), ([-(10**9)], [0])):
        with pytest.raises(IndexError):
            orbits.labels_at(rows, columns)


# Spaces and factors

KINDS = {
    "1": lambda n, k: FIXED_POINT,
    "p": lambda n, k: FactorKind(n, 1),
    "~p": lambda n, k: FactorKind(n, 1, TWISTED),
    "{}": lambda n, k: FactorKind(n, k, SUBSETS),
    "<>": lambda n, k: FactorKind(n, k, TUPLES),
    "[]": lambda n, k: FactorKind(n, 2, ORIENTED),
}


def members_by_hand(name: str, n: int, k: int) -> list[tuple[int, ...]]:
    """The members of every point of a factor, in order."""
    return {
        "1": lambda: [()],
        "p": lambda: [(i,) for i in range(n)],
        "~p": lambda: [(i,) for i in range(n)],
        "{}": lambda: list(combinations(range(n), k)),
        "<>": lambda: list(permutations(range(n), k)),
        "[]": lambda: list(combinations(range(n), 2)),
    }[name]()


def name_by_hand(name: str, members: tuple[int, ...]) -> str:
    around = {"{}": "{}", "<>": "()", "[]": "[]"}.get(name)
    shown = ",".join(str(member + 1) for member in members) or "1"
    return f"{around[0]}{shown}{around[1]}" if around else shown


def moved_by_hand(name: str, members: tuple[int, ...], image, signs) -> tuple[tuple[int, ...], int]:
    """Where a point goes and how its sign changes."""
    there = tuple(image[member] for member in members)
    sign = prod(signs[member] for member in members)
    if name == "~p":
        inversions = sum(a > b for a, b in combinations(image, 2))
        sign *= (-1) ** inversions
    if name == "[]" and there[0] > there[1]:
        sign = -sign
    return (tuple(sorted(there)) if name in ("{}", "[]") else there), sign


@st.composite
def drawn_factors(draw, largest: int = 6) -> tuple[str, int, int]:
    n = draw(st.integers(1, largest))
    name = draw(st.sampled_from([name for name in KINDS if name != "[]" or n > 1]))
    return name, n, draw(st.integers(1, min(n, 4)))


@settings(max_examples=100)
@given(drawn_factors(), st.integers(0, 2**32))
def test_the_members_of_any_factor_are_those_listed_by_hand(drawn, seed):
    kind, listed = KINDS[drawn[0]](*drawn[1:]), members_by_hand(*drawn)
    assert kind.count == len(listed)
    assert kind.size == len(listed[0])
    numbers = np.arange(kind.count)
    assert list(map(tuple, kind.members(numbers).tolist())) == listed
    assert kind.numbers(np.array(listed, dtype=int).reshape(len(listed), -1)).tolist() == numbers.tolist()
    # Any shape, any order, any number of times.
    random = np.random.default_rng(seed)
    some = random.integers(0, kind.count, size=(3, 1, 4))
    members = kind.members(some)
    assert members.shape == (3, 1, 4, kind.size)
    assert [tuple(point) for point in members.reshape(12, -1).tolist()] == [listed[number] for number in some.ravel()]
    assert np.array_equal(kind.numbers(members), some)
    if drawn[0] in ("{}", "[]"):
        assert np.array_equal(kind.numbers(random.permuted(members, axis=-1)), some)
    points = list(kind.points())
    assert [kind.point(number) for number in range(kind.count)] == points
    assert [kind.index(point) for point in points] == list(range(kind.count))
    assert [kind.name(point) for point in points] == [name_by_hand(drawn[0], members) for members in listed]
    larger = kind.on(drawn[1] + 1)
    assert (larger.size, larger.form) == (kind.size, kind.form)
    assert larger.count == len(members_by_hand(drawn[0], drawn[1] + 1, drawn[2]))


@pytest.mark.parametrize(
    ("kind", "point", "number"),
    [
        (FactorKind(300, 3, SUBSETS), (297, 298, 299), comb(300, 3) - 1),
        (FactorKind(300, 3, SUBSETS), (0, 1, 299), 297),
        (FactorKind(300, 3, SUBSETS), (1, 2, 3), comb(299, 2)),
        (FactorKind(60, 5, SUBSETS), (59, 58, 57, 56, 55), comb(60, 5) - 1),
        (FactorKind(24, 22, SUBSETS), tuple(range(22)), 0),
        (FactorKind(80, 78, SUBSETS), tuple(range(2, 80)), comb(80, 78) - 1),
        (FactorKind(24, 22, SUBSETS), tuple(range(2, 24)), comb(24, 22) - 1),
        (FactorKind(200, 3, TUPLES), (199, 198, 197), perm(200, 3) - 1),
        (FactorKind(200, 3, TUPLES), (1, 0, 2), 199 * 198),
        (FactorKind(9, 8, TUPLES), (8, 7, 6, 5, 4, 3, 2, 1), factorial(9) - 1),
        (FactorKind(6000, 2, ORIENTED), (5998, 5999), comb(6000, 2) - 1),
        (FactorKind(6000, 2, ORIENTED), (1, 2), 5999),
    ],
)
def test_points_of_large_factors_have_the_numbers_that_counting_gives(kind, point, number):
    assert kind.numbers(np.array(point)) == number == kind.index(point)
    expected = point if kind.form.ordered else tuple(sorted(point))
    assert kind.point(number) == tuple(kind.members(np.array(number)).tolist()) == expected


@settings(max_examples=100)
@given(drawn_factors(largest=5), st.data())
def test_any_factor_moves_as_by_hand(drawn, data):
    image, signs = data.draw(signed_generators(drawn[1], 1))[0]
    unsigned = data.draw(st.booleans())
    signs = [1] * drawn[1] if unsigned else signs
    element = SignedPermutation(np.array(image), None if unsigned else np.array(signs, dtype=np.int8))
    found = KINDS[drawn[0]](*drawn[1:]).act(element)
    listed = members_by_hand(*drawn)
    expected = [moved_by_hand(drawn[0], members, image, signs) for members in listed]
    assert [listed[number] for number in found.image] == [there for there, _ in expected]
    assert found.all_signs().tolist() == [sign for _, sign in expected]
    if unsigned and drawn[0] not in ("~p", "[]"):
        assert found.signs is None


@st.composite
def drawn_spaces(draw) -> tuple[list[list[tuple[str, int, int]]], list[list[int | None]]]:
    """Sums of products of any factors, and the axis of each; all factors of one axis have one degree."""
    degree = [draw(st.integers(2, 4)) for _ in range(3)]
    terms, axes = [], []
    for _ in range(draw(st.integers(1, 3))):
        term, own, size = [], [], 1
        for _ in range(draw(st.integers(1, 4))):
            axis = draw(st.integers(0, 2))
            name = draw(st.sampled_from(list(KINDS)))
            factor = (name, degree[axis], draw(st.integers(1, degree[axis])))
            if size * len(members_by_hand(*factor)) <= 60:
                size *= len(members_by_hand(*factor))
                term.append(factor)
                own.append(None if name == "1" else axis)
        if term:
            terms.append(term)
            axes.append(own)
    assume(terms)
    return terms, axes


def built(terms, axes) -> Space:
    return Space(
        tuple(
            tuple(Factor(KINDS[name](n, k), axis) for (name, n, k), axis in zip(term, own, strict=True))
            for term, own in zip(terms, axes, strict=True)
        )
    )


@settings(max_examples=50)
@given(drawn_spaces())
def test_numbers_points_and_names_of_any_space_belong_together(drawn):
    terms, axes = drawn
    space = built(terms, axes)
    by_hand = [(t, parts) for t, term in enumerate(terms) for parts in product(*(members_by_hand(*f) for f in term))]
    assert space.size == len(by_hand) == len(space.points)
    assert [space.point(number) for number in range(space.size)] == list(space.points)
    assert [space.index(point) for point in space.points] == list(range(space.size))
    for number, (t, parts) in enumerate(by_hand):
        named = [name_by_hand(name, members) for (name, _, _), members in zip(terms[t], parts, strict=True)]
        assert space.name(number) == (named[0] if len(named) == 1 else f"({', '.join(named)})")


@settings(max_examples=50)
@given(drawn_spaces(), st.data())
def test_any_space_moves_as_by_hand(drawn, data):
    terms, axes = drawn
    degree = {axis: n for term, own in zip(terms, axes, strict=True) for (_, n, _), axis in zip(term, own, strict=True)}
    degree.pop(None, None)
    moving = [axis for axis in degree if data.draw(st.booleans())]
    elements = {axis: data.draw(signed_generators(degree[axis], 1))[0] for axis in moving}
    found = built(terms, axes).act(
        {
            axis: SignedPermutation(np.array(image), np.array(signs, dtype=np.int8))
            for axis, (image, signs) in elements.items()
        }
    )
    by_hand = [(t, parts) for t, term in enumerate(terms) for parts in product(*(members_by_hand(*f) for f in term))]
    place = {point: number for number, point in enumerate(by_hand)}
    for number, (t, parts) in enumerate(by_hand):
        there, sign = [], 1
        for (name, _, _), axis, members in zip(terms[t], axes[t], parts, strict=True):
            moved, flip = moved_by_hand(name, members, *elements[axis]) if axis in elements else (members, 1)
            there.append(moved)
            sign *= flip
        assert (found.image[number], found.all_signs()[number]) == (place[t, tuple(there)], sign)


@settings(max_examples=50)
@given(
    drawn_spaces(),
    st.sampled_from([((0,), (1,), (2,)), ((2,), (0,), (1,)), ((0, 2), (1,)), ((1, 2), (0,)), ((0, 1, 2),)]),
)
def test_the_parts_of_points_are_those_of_their_own_factors_and_put_together_give_the_points(drawn, units):
    terms, axes = drawn
    space = built(terms, axes)
    for term, own, factors in zip(space.terms, axes, terms, strict=True):
        numbers = np.arange(term_size(term))
        parts = [(unit, part_numbers(term, unit, numbers)) for unit in units]
        assert np.array_equal(from_parts(term, parts), numbers)
        for unit, found in parts:
            listed = list(product(*(members_by_hand(*f) for f, axis in zip(factors, own, strict=True) if axis in unit)))
            assert part_of(term, unit).size == len(listed)
            for number, whole in zip(found.tolist(), product(*(members_by_hand(*f) for f in factors)), strict=True):
                assert listed[number] == tuple(m for m, axis in zip(whole, own, strict=True) if axis in unit)


# Large tables


def test_a_thousand_points_under_all_permutations_have_two_orbits():
    orbits = eq.orbits("p -> p where p = S(1000)")
    assert isinstance(orbits.form, LabelTable)
    assert np.array_equal(orbits.labels, 1 - np.eye(1000, dtype=int))
    assert orbits.sizes.tolist() == [1000, 999_000]


def test_a_ring_of_two_thousand_points_has_an_orbit_for_each_shift():
    orbits = eq.orbits("p -> p where p = C(2000)")
    points = np.arange(2000)
    assert np.array_equal(orbits.labels, (points[None, :] - points[:, None]) % 2000)
    assert np.array_equal(orbits.representatives, np.stack([np.zeros(2000), points], axis=1))
    assert (orbits.sizes == 2000).all()
    assert (orbits.row_sizes == 1).all()
    assert (orbits.orbitals_per_row == 2000).all()


def test_a_polygon_of_a_thousand_corners_has_an_orbit_for_each_distance():
    orbits = eq.orbits("p -> p where p = D(1000)")
    shift = (np.arange(1000)[None, :] - np.arange(1000)[:, None]) % 1000
    assert np.array_equal(orbits.labels, np.minimum(shift, 1000 - shift))


def test_a_square_board_has_the_orbits_that_the_graph_of_all_pairs_has():
    board = eq.trace((16, 16), np.rot90, np.fliplr)
    orbits = eq.orbits(eq.mapping("p -> p", p=board))
    # Burnside: the identity fixes all pairs of cells, the two diagonal reflections those of 16 cells, the others none.
    assert orbits.rank == (256**2 + 2 * 16**2) // 8
    cells = np.arange(256).reshape(16, 16)
    # new[k] = old[moved[k]], so cell moved[k] goes to k.
    images = [np.argsort(function(cells).ravel()).tolist() for function in (np.rot90, np.fliplr)]
    assert orbits.labels.tolist() == components(256, 256, [(image, image) for image in images])
    check_row_representatives(orbits.form, orbits.mapping.generators)


@pytest.mark.parametrize("sizes", [(1000,), (600, 1, 400)])
def test_two_random_permutations_tell_points_from_themselves_only(random, sizes):
    starts = np.cumsum([0, *sizes[:-1]])
    generators = [
        np.concatenate([start + random.permutation(size) for start, size in zip(starts, sizes, strict=True)])
        for _ in range(2)
    ]
    orbits = eq.orbits(eq.mapping("p -> p", p=generators))
    # Nearly all pairs generate S(n) or A(n) (Dixon 1969), also on several sets of points at once; these do.
    piece = np.repeat(np.arange(len(sizes)), sizes)
    pairs = 2 * (len(sizes) * piece[:, None] + piece[None, :]) + ~np.eye(sum(sizes), dtype=bool)
    assert np.array_equal(orbits.labels, renumbered(pairs))
    check_row_representatives(orbits.form, orbits.mapping.generators)


def test_random_permutations_of_sixty_points_have_the_orbits_that_the_graph_of_all_pairs_has(random):
    for size in (60, 61):
        blocks = random.permutation(size)
        # Permutations that keep a random set of 20 points, and one that also keeps pairs.
        generators = []
        for _ in range(3):
            image = np.arange(size)
            image[blocks[:20]], image[blocks[20:]] = random.permutation(blocks[:20]), random.permutation(blocks[20:])
            generators.append(image.tolist())
        orbits = eq.orbits(eq.mapping("p -> p", p=generators))
        assert orbits.labels.tolist() == components(size, size, [(image, image) for image in generators])
        check_row_representatives(orbits.form, orbits.mapping.generators)


@settings(max_examples=15)
@given(generator_sets(20, 45, most=2))
def test_medium_groups_have_the_orbits_that_the_graph_of_all_pairs_has(generators):
    orbits = eq.orbits(eq.mapping("p -> p", p=generators))
    size = len(generators[0])
    labels = components(size, size, [(image, image) for image in generators])
    check_form(orbits.form, (labels, np.ones((size, size))))


@pytest.mark.parametrize(
    "text",
    [
        "{p p} -> {p p} where p = D(40)",
        "p p -> p where p = wreath(S(3), C(12))",
        "[p p] -> p where p = A(45)",
        "h w + h -> w h where h = D(12), w = S(9)",
        "{p p} -> {p p} where p = S(50)",
    ],
)
def test_the_same_call_twice_gives_the_same_arrays(text):
    first, second = eq.orbits(text), eq.orbits(text)
    for attribute in ("labels", "signs", "sizes", "row_sizes", "representatives"):
        assert np.array_equal(getattr(first, attribute), getattr(second, attribute))
        assert getattr(first, attribute).dtype == getattr(second, attribute).dtype
    assert certify(first.mapping, first.pattern.signed_labels).invariant
