"""Orbits of index pairs: closed forms, brute force on the graph of all pairs, and Burnside's count."""

from __future__ import annotations

from math import comb, factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy.combinatorics import Permutation, PermutationGroup

import eqgen as eq
from eqgen.orbitals.limits import Limits
from helpers.references import (
    brute_partition,
    computed,
    expected_labels,
    partition,
    partitions_into_at_most,
)
from helpers.sampling import examples
from helpers.strategies import Declared, Part, Side, action, declared_mappings


def rank(text: str, **axes) -> int:
    return eq.orbits(eq.mapping(text, **axes)).rank


# The slow reference


# Brute force


@settings(max_examples=100)
@given(declared_mappings())
def test_the_orbits_are_the_components_of_the_graph_of_all_pairs(declared):
    assert partition(computed(declared).labels) == brute_partition(declared)


@settings(max_examples=100)
@given(declared_mappings())
def test_the_orbits_are_numbered_as_documented(declared):
    assert computed(declared).labels.tolist() == expected_labels(declared)


@pytest.mark.slow
@settings(max_examples=examples(300))
@given(declared_mappings(), st.integers(1, 30), st.sampled_from([0, 3, 10**6]), st.integers(0, 9))
def test_the_way_of_large_tables_gives_the_same_labels(declared, block, many, quiet):
    # Tables this small are merged as they are; here they go through trees, random elements, blocks and both ways to merge.
    orbits = computed(declared, Limits(small=0, block=block, quiet=quiet, many_equalities=many))
    assert orbits.labels.tolist() == expected_labels(declared)
    assert orbits.sizes.sum() == orbits.labels.size


@given(declared_mappings(max_axes=1))
def test_orbits_of_one_axis_are_numbered_by_first_appearance(declared):
    labels = computed(declared).labels.ravel().tolist()
    assert list(dict.fromkeys(labels)) == list(range(max(labels) + 1))


@given(declared_mappings())
def test_sizes_row_sizes_and_representatives_are_what_counting_gives(declared):
    orbits = computed(declared)
    labels = orbits.labels.tolist()
    flat = [label for row in labels for label in row]
    assert orbits.rank == len(set(flat))
    assert orbits.names == orbits.pattern.names
    assert orbits.sizes.tolist() == [flat.count(k) for k in range(orbits.rank)]
    assert orbits.row_sizes.tolist() == [max(row.count(k) for row in labels) for k in range(orbits.rank)]
    assert orbits.pattern.orbitals_per_row.tolist() == [
        max(len(set(row)) for row in labels if k in row) for k in range(orbits.rank)
    ]
    width = len(labels[0])
    assert orbits.representatives.tolist() == [list(divmod(flat.index(k), width)) for k in range(orbits.rank)]
    assert (orbits.signs == 1).all()
    assert orbits.signs.shape == orbits.labels.shape


@given(declared_mappings())
def test_each_row_that_meets_an_orbit_meets_it_equally_often(declared):
    labels = computed(declared).labels.tolist()
    for k in {label for row in labels for label in row}:
        assert len({row.count(k) for row in labels if k in row}) == 1


@given(declared_mappings(max_axes=1, max_degree=5))
def test_burnside_counts_as_many_orbits(declared):
    name, generators = next(iter(declared.axes.items()), ("p", [[0]]))
    elements = list(PermutationGroup([Permutation(image) for image in generators]).elements)
    fixed = 0
    for element in elements:
        move = {name: element.array_form}
        counts = [
            sum(image == point for point, image in enumerate(action(declared, side, move)))
            for side in (declared.output, declared.input)
        ]
        fixed += counts[0] * counts[1]
    assert fixed % len(elements) == 0
    assert computed(declared).rank == fixed // len(elements)


def test_the_comparison_would_see_one_wrong_label():
    edges: Side = ((Part("{}", "p", 2),),)
    declared = Declared(edges, edges, {"p": [[1, 2, 3, 0], [1, 0, 2, 3]]})
    labels = computed(declared).labels.copy()
    assert partition(labels) == brute_partition(declared)
    assert labels.tolist() == expected_labels(declared)
    for change in (0, 2, 3):
        wrong = labels.copy()
        wrong[3, 4] = change
        assert labels[3, 4] == 1
        assert partition(wrong) != brute_partition(declared)


def test_the_comparison_would_see_two_orbits_taken_for_one_and_one_for_two():
    edges: Side = ((Part("{}", "p", 2),),)
    declared = Declared(edges, edges, {"p": [[1, 2, 3, 0], [1, 0, 2, 3]]})
    labels = computed(declared).labels.copy()
    assert partition(np.minimum(labels, 1)) != brute_partition(declared)
    assert partition(np.arange(labels.size).reshape(labels.shape)) != brute_partition(declared)


def test_the_comparison_would_see_two_swapped_numbers_in_the_numbering_only():
    points: Side = ((Part("", "p", 1),),)
    declared = Declared(points, points, {"p": [[1, 2, 0]]})
    labels = computed(declared).labels
    swapped = np.array([1, 0, 2])[labels]
    assert partition(swapped) == brute_partition(declared)
    assert swapped.tolist() != expected_labels(declared)


# Closed forms


@pytest.mark.parametrize("n", range(1, 8))
@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (1, 2), (2, 1), (2, 2), (1, 3), (3, 1)])
def test_maps_between_powers_of_a_set_are_counted_by_set_partitions(inputs, outputs, n):
    text = f"{'p ' * inputs} -> {'p ' * outputs}"
    assert rank(text, p=eq.S(n)) == partitions_into_at_most(inputs + outputs, n)


@pytest.mark.parametrize(("text", "bell"), [("p -> p", 2), ("p p -> p", 5), ("p p -> p p", 15)])
def test_for_many_points_these_are_the_bell_numbers(text, bell):
    assert rank(text, p=eq.S(12)) == bell


@pytest.mark.parametrize("n", range(1, 11))
def test_a_ring_has_one_orbit_for_each_shift(n):
    orbits = eq.orbits(eq.mapping("p -> p", p=eq.C(n)))
    assert orbits.rank == n
    assert orbits.labels.tolist() == [[(j - i) % n for j in range(n)] for i in range(n)]


@pytest.mark.parametrize("n", range(1, 11))
def test_a_polygon_has_one_orbit_for_each_distance(n):
    orbits = eq.orbits(eq.mapping("p -> p", p=eq.D(n)))
    assert orbits.rank == n // 2 + 1
    assert orbits.labels.tolist() == [[min((j - i) % n, (i - j) % n) for j in range(n)] for i in range(n)]


@pytest.mark.parametrize(("n", "k"), [(n, k) for k in (1, 2, 3) for n in range(2 * k, 9) if comb(n, k) <= 60])
def test_sets_of_k_points_form_the_johnson_scheme(n, k):
    sets = "{" + "p " * k + "}"
    orbits = eq.orbits(eq.mapping(f"{sets} -> {sets}", p=eq.S(n)))
    assert orbits.rank == k + 1
    # A set has C(k, t) C(n - k, k - t) others that meet it in t points; the first orbit is the set itself.
    assert orbits.row_sizes.tolist() == [comb(k, t) * comb(n - k, k - t) for t in range(k, -1, -1)]


@pytest.mark.parametrize("n", range(4, 8))
def test_ordered_pairs_are_told_apart_by_how_they_overlap(n):
    # Partial injections between two sets of two places: 1 + 4 + 2.
    assert rank("<p p> -> <p p>", p=eq.S(n)) == 7


@pytest.mark.parametrize(("n", "expected"), [(3, 2), (4, 3), (5, 3), (6, 3), (100, 3)])
def test_the_edges_of_a_complete_graph_have_three_orbits(n, expected):
    assert rank("{p p} -> {p p}", p=eq.S(n)) == expected


def test_the_abc_of_the_edges_of_five_nodes():
    orbits = eq.orbits("{p p} -> {p p} where p = S(5)")
    assert orbits.labels[0].tolist() == [0, 1, 1, 1, 1, 1, 1, 2, 2, 2]
    assert (orbits.names, orbits.sizes.tolist(), orbits.row_sizes.tolist()) == (
        ("a", "b", "c"),
        [10, 60, 30],
        [1, 6, 3],
    )
    assert orbits.representatives.tolist() == [[0, 0], [0, 1], [0, 7]]
    assert str(orbits) == repr(orbits) == "{p p} -> {p p} where p = S(5): 3 orbits of 10 x 10 pairs"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("h w -> h w where h = C(4), w = D(5)", 4 * 3),
        ("h w -> h where h = C(4), w = D(5)", 4),
        ("h -> w where h = C(4), w = D(5)", 1),
        ("h w -> h w where h = S(3), w = S(4)", 4),
        ("h h w -> w h where h = S(3), w = C(6)", 5 * 6),
        ("a b c -> a b c where a = S(3), b = C(3), c = D(4)", 2 * 3 * 3),
        ("a + b -> a + b where a = S(3), b = C(3)", 2 + 1 + 1 + 3),
        ("a b + 1 -> a where a = S(3), b = C(3)", 2 + 1),
        ("1 -> 1", 1),
        ("1 + 1 -> 1 + 1 + 1", 6),
        ("p -> 1 where p = S(4)", 1),
        ("p -> 1 where p = (1 2)(3)", 2),
    ],
)
def test_the_ranks_of_independent_axes_multiply_and_those_of_sums_add(text, expected):
    assert rank(text) == expected


@pytest.mark.parametrize(("inner", "outer"), [(2, 2), (3, 2), (2, 3), (4, 5)])
def test_a_wreath_product_tells_the_same_point_the_same_block_and_other_blocks(inner, outer):
    orbits = eq.orbits(eq.mapping("p -> p", p=eq.wreath(eq.S(inner), eq.S(outer))))
    assert orbits.rank == 3
    assert orbits.row_sizes.tolist() == [1, inner - 1, inner * (outer - 1)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("S(2) * S(3)", 2 + 2 + 2), ("S(1) * S(1)", 4), ("C(3) * C(2)", 3 + 2 + 2), ("wreath(S(3), C(5))", 2 + 4)],
)
def test_composed_groups_have_the_ranks_that_their_parts_give(text, expected):
    assert rank("p -> p", p=text) == expected


def test_a_trivial_group_shares_nothing():
    orbits = eq.orbits("p -> p where p = (4)")
    assert orbits.labels.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15]]


# Numbering and names


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("p -> p where p = S(3)", [[0, 1, 1], [1, 0, 1], [1, 1, 0]]),
        ("p -> p where p = (1 2)(3)", [[0, 1, 2], [1, 0, 2], [3, 3, 4]]),
        ("p + 1 -> p + 1 where p = S(2)", [[0, 1, 2], [1, 0, 2], [3, 3, 4]]),
        ("h w -> h w where h = C(2), w = C(2)", [[0, 1, 2, 3], [1, 0, 3, 2], [2, 3, 0, 1], [3, 2, 1, 0]]),
        # The input mentions w first, so w counts more.
        ("w h -> h w where h = C(2), w = S(1) * S(1)", [[0, 1, 2, 3], [4, 5, 6, 7], [1, 0, 3, 2], [5, 4, 7, 6]]),
        # w has no symmetry: four orbits of its own, so the orbit of h is told by steps of four.
        ("h w -> h w where h = C(2), w = (2)", [[0, 1, 4, 5], [2, 3, 6, 7], [4, 5, 0, 1], [6, 7, 2, 3]]),
        ("h + w -> h + w where h = S(2), w = S(2)", [[0, 1, 2, 2], [1, 0, 2, 2], [3, 3, 4, 5], [3, 3, 5, 4]]),
    ],
)  # fmt: skip
def test_small_label_tables_are_exactly_these(text, labels):
    assert eq.orbits(text).labels.tolist() == labels


def test_the_torus_of_64_by_64_has_4096_orbits_numbered_by_both_shifts():
    orbits = eq.orbits("h w -> h w where h = C(64), w = C(64)")
    assert orbits.rank == 4096
    shift = (np.arange(64)[None, :] - np.arange(64)[:, None]) % 64
    expected = 64 * shift[:, None, :, None] + shift[None, :, None, :]
    assert np.array_equal(orbits.labels, expected.reshape(4096, 4096))
    assert orbits.sizes.tolist() == [4096] * 4096
    assert orbits.row_sizes.tolist() == [1] * 4096
    assert np.array_equal(orbits.representatives, np.stack([np.zeros(4096), np.arange(4096)], axis=1))


@pytest.mark.parametrize(("n", "kind"), [(1, np.int8), (127, np.int8), (128, np.int16)], ids=["1", "127", "128"])
def test_labels_take_the_smallest_integers_that_hold_them(n, kind):
    assert eq.orbits(eq.mapping("p -> p", p=eq.C(n))).labels.dtype == kind
    assert eq.orbits(eq.mapping("p -> p 1", p=eq.C(n))).labels.dtype == kind


def test_the_largest_label_of_a_small_integer_is_kept():
    assert eq.orbits(eq.mapping("p -> p", p=eq.C(128))).labels.max() == 127
    assert eq.orbits("a b -> a b where a = C(16), b = C(16)").labels.max() == 255


def test_orbits_are_named_a_to_z_then_aa():
    names = eq.orbits("p -> p where p = C(30)").names
    assert names[:3] == ("a", "b", "c")
    assert names[24:] == ("y", "z", "aa", "ab", "ac", "ad")
    assert eq.orbits("p -> p where p = C(703)").names[-2:] == ("zz", "aaa")


def test_many_generators_that_agree_late_are_merged_into_one_orbit(random):
    # Two random permutations of 300 points generate the symmetric or the alternating group, but nothing near the tree
    # of the search says so: nearly all pairs have to be merged one by one.
    orbits = eq.orbits(eq.mapping("p -> p", p=[random.permutation(300), random.permutation(300)]))
    assert orbits.row_sizes.tolist() == [1, 299]
    assert np.array_equal(orbits.labels, 1 - np.eye(300, dtype=int))


# Values and mistakes


def test_orbits_are_equal_when_their_mappings_are():
    assert eq.orbits("p -> p where p = S(3)") == eq.orbits(eq.mapping("q -> q", q=eq.S(3)))
    assert hash(eq.orbits("p -> p where p = S(3)")) == hash(eq.orbits(eq.mapping("q -> q", q=eq.S(3))))
    assert eq.orbits("p -> p where p = S(3)") != eq.orbits("p -> p where p = A(3)")
    assert eq.orbits("p -> p where p = S(3)") != "p -> p where p = S(3)"


@pytest.mark.parametrize("text", ["p -> p where p = S(3)", "p q -> p where p = S(3), q = S(2)"])
@pytest.mark.parametrize("field", ["labels", "signs", "representatives"])
def test_the_arrays_of_orbits_cannot_be_changed(text, field):
    with pytest.raises(ValueError, match="read-only"):
        getattr(eq.orbits(text), field)[0, 0] = 1


def test_a_table_that_does_not_fit_in_memory_is_refused_before_it_is_made():
    with pytest.raises(
        eq.DeclarationError,
        match=r"^\{p p\} -> \{p p\} where p = C\(1000\) has 499500 x 499500 index pairs: their label table needs "
        r"1,996\.0 GB while it is made, and this machine has [0-9,]+\.[0-9] GB; name the pairs that matter with "
        r"support=\.\.\., or declare independent axes, which are held as factors$",
    ):
        eq.orbits("{p p} -> {p p} where p = C(1000)")


def test_a_formula_whose_table_does_not_fit_is_refused_too():
    with pytest.raises(
        eq.DeclarationError, match=r"^the formula for 12 points has 248832 x 248832 index pairs: .* 495\.3 GB"
    ):
        eq.orbits("p p p p p -> p p p p p where p = S(28)")


def test_a_number_for_each_of_too_many_orbits_is_refused():
    orbits = eq.orbits("i j -> i j where i = (3000), j = (3000)")
    assert orbits.rank == 3000**4
    # Without any symmetry every pair is an orbit, numbered axis by axis: (i, i', j, j') lexicographically.
    assert orbits.labels_at([3001], [2])[0].tolist() == [[(1 * 3000 + 0) * 3000**2 + (1 * 3000 + 2)]]
    for field in ("sizes", "row_sizes", "representatives"):
        with pytest.raises(
            eq.DeclarationError, match=r"^there are 81000000000000 orbits: a list with a number for each needs "
        ):
            getattr(orbits, field)


@pytest.mark.parametrize("text", ["p -> p where p = S(4)", "p q -> p where p = S(4), q = C(2)"])
def test_a_part_of_the_labels_is_chosen_as_numpy_does(text):
    orbits = eq.orbits(text)
    mask = np.arange(orbits.shape[1]) % 2 == 0
    for rows, columns in (([0, 2], [1]), ([-1], [-2, 0]), ([], [0]), ([3], mask)):
        where = np.ix_(np.asarray(rows, dtype=int), np.flatnonzero(columns) if columns is mask else columns)
        assert np.array_equal(orbits.labels_at(rows, columns)[0], orbits.labels[where])
    for wrong in ([0.9, 1.7], 1, [[0]], "ab", [True, False]):
        with pytest.raises(
            eq.DeclarationError,
            match=r"^rows are chosen by a list of numbers, like \[3\], or by a mask of length 4, got ",
        ):
            orbits.labels_at(wrong, [0])


def test_generators_of_a_whole_group_are_recognised_where_no_table_would_fit():
    swapped = eq.mapping("{p p} -> {p p}", p=eq.S(1000).generators[::-1])
    assert eq.orbits(swapped).row_sizes.tolist() == [1, 2 * 998, 998 * 997 // 2]


def test_orbits_of_no_declaration_are_refused():
    with pytest.raises(eq.DeclarationError) as caught:
        eq.orbits(5)
    assert str(caught.value) == 'expected a text, got int: write a mapping, like "p -> p where p = S(5)"'


def test_the_order_of_the_group_never_matters_to_the_work():
    # 100! elements, 10,000 pairs: only the generators are looked at.
    assert eq.orbits("p -> p where p = S(100)").mapping.group.order == factorial(100)
