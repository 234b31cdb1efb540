"""Where signs flip: orbits against the null space of the equations, and layers that respect them."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eqgen as eq
from eqgen.orbitals.certificate import burnside_count, certify
from eqgen.permutations.signed_permutation import SignedPermutation, doubled, halved, is_even
from helpers.drawn_mappings import signed_generators
from helpers.references import dimension, matrix_of
from helpers.sampling import examples


@given(st.data())
def test_the_rank_is_the_dimension_of_the_equivariant_maps(data):
    size, count = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 2))
    group = eq.group(data.draw(signed_generators(size, count)))
    kinds = ["p", "~p", "p + ~p", "p + 1"] + (["{p p}", "<p p>", "[p p]", "[p p] + p"] if size > 1 else [])
    sides = data.draw(st.sampled_from(kinds)), data.draw(st.sampled_from(kinds))
    mapping = eq.mapping(f"{sides[0]} -> {sides[1]}", p=group)
    orbits = eq.orbits(mapping)
    assert orbits.rank == dimension(mapping) == burnside_count(mapping)
    certificate = certify(mapping, orbits.pattern.signed_labels)
    assert certificate, certificate
    for k in range(orbits.rank):
        # The first entry of each orbit has the sign +.
        i, j = np.argwhere(orbits.labels == k)[0]
        assert orbits.signs[i, j] == 1
        assert orbits.representatives[k].tolist() == [i, j]
        basis = np.where(orbits.labels == k, orbits.signs, 0)
        for generator in mapping.generators:
            assert np.array_equal(basis @ matrix_of(generator.input), matrix_of(generator.output) @ basis)
    assert np.array_equal(orbits.labels == -1, orbits.signs == 0)
    if orbits.rank:
        assert np.array_equal(np.unique(orbits.labels[orbits.labels >= 0]), np.arange(orbits.rank))


@given(st.data())
def test_two_signed_axes_multiply(data):
    first = eq.group(data.draw(signed_generators(2, 1)))
    second = eq.group(data.draw(signed_generators(3, 2)))
    mapping = eq.mapping(
        data.draw(st.sampled_from(["p q -> p q", "q p -> p", "p + q -> p q", "p q + 1 -> q + p"])), p=first, q=second
    )
    orbits = eq.orbits(mapping)
    assert orbits.rank == dimension(mapping) == burnside_count(mapping)
    assert certify(mapping, orbits.pattern.signed_labels)


@given(signed_generators(4, 2))
def test_text_reads_back_as_an_equal_group(generators):
    group = eq.group(generators)
    assert eq.group(group.text) == group
    assert eq.group(group.text) == group
    mapping = eq.mapping("p -> p", p=group)
    assert eq.mapping(mapping.declaration) == mapping


def test_a_large_signed_group_reads_back(random):
    group = eq.group([(random.permutation(1200), random.choice([1, -1], size=1200))])
    assert group.text.startswith('generators("')
    assert eq.group(group.text) == group


@given(signed_generators(5, 2))
def test_products_of_elements_are_products_of_matrices(generators):
    first, second = eq.group(generators).elements
    product = first.then(second)
    assert np.array_equal(matrix_of(product), matrix_of(second) @ matrix_of(first))
    assert product.trace() == np.trace(matrix_of(product))
    again = halved(doubled(first))
    assert np.array_equal(matrix_of(again), matrix_of(first))


@given(st.permutations(range(7)))
def test_parity_is_the_determinant(permutation):
    element = SignedPermutation(np.array(permutation))
    assert is_even(element.image) == (round(np.linalg.det(matrix_of(element))) == 1)


# --- conventions


def test_arrays_with_signs_say_where_points_go_and_pulled_ones_where_they_come_from():
    perm, sign = [1, 2, 0], np.array([1, -1, 1])
    old, new = np.array([10.0, 20.0, 30.0]), np.zeros(3)
    new[perm] = sign * old
    assert np.array_equal(eq.group([(perm, sign)]).elements[0].applied(old, axis=0), new)
    assert np.array_equal(eq.pulled([(perm, sign)]).elements[0].applied(old, axis=0), sign * old[perm])


def test_signed_cycles():
    element = eq.group("(1 -2)(3 -3)(4)").elements[0]
    assert element.image.tolist() == [1, 0, 2, 3]
    assert element.all_signs().tolist() == [-1, -1, -1, 1]
    comes_back_negated = eq.group("(1 2 -1 -2)")
    assert comes_back_negated.order == 4
    assert comes_back_negated.elements[0].all_signs().tolist() == [1, -1]
    assert comes_back_negated.text == "(1 2 -1 -2)"


def test_all_signs_positive_is_an_unsigned_group():
    assert eq.group([([1, 0], [1, 1])]) == eq.group([[1, 0]])
    assert eq.group([([1, 0], [1, 1])]).signs is None


@pytest.mark.parametrize(
    ("declaration", "expected"),
    [
        # The discrete Laplacian's structure on oriented edges: an edge, its neighbours with their direction, 0 if apart.
        (
            "[p p] -> [p p] where p = S(4)",
            "a b b -b -b 0; b a b b 0 -b; b b a 0 b b; -b b 0 a b -b; -b 0 b b a b; 0 -b b -b b a",
        ),
        ("p -> [p p] where p = S(3)", "a -a 0; a 0 -a; 0 a -a"),
        ("~p -> p where p = S(2)", "a b; -b -a"),
        ("~p -> ~p where p = S(3)", "a b b; b a b; b b a"),
        ("p -> p where p = (1 -2)", "a b; b a"),
        ("p -> p where p = (1 -1)(2)", "a 0; 0 b"),
        ("p -> p where p = (1 2 -1 -2)", "a b; -b a"),
        ("~p -> 1 where p = S(3)", "0 0 0"),
    ],
)
def test_patterns_with_signs(declaration, expected):
    found = eq.orbits(declaration).pattern
    assert found == eq.pattern(expected)


# Previously wrong: a label that has met its own negative, and is then merged with another, is zero with all of them.
@pytest.mark.parametrize(
    ("declaration", "rank"),
    [
        ("y -> 1 where y = (3 -3), (1 2 3)", 0),
        ("~p -> 1 where p = (2 -2), (1 -2)", 0),
        ("p -> p where p = (1 -1)(2 -2), (1 -3 -1 3)(2 -2)", 2),
    ],
)
def test_zero_spreads_to_all_labels_that_meet_it(declaration, rank):
    orbits = eq.orbits(declaration)
    assert orbits.rank == dimension(orbits.mapping) == burnside_count(orbits.mapping) == rank
    assert certify(orbits.mapping, orbits.pattern.signed_labels)


@pytest.mark.slow
@settings(max_examples=examples(600))
@given(st.integers(2, 3), st.data())
def test_one_flip_and_one_signed_permutation(size, data):
    flipped = data.draw(st.integers(0, size - 1))
    signs = [-1 if point == flipped else 1 for point in range(size)]
    group = eq.group([(list(range(size)), signs), *data.draw(signed_generators(size, 1))])
    sides = data.draw(st.sampled_from(["p -> 1", "p -> p", "~p -> 1", "p -> [p p]", "p -> p + ~p", "{p p} -> p"]))
    orbits = eq.orbits(eq.mapping(sides, p=group))
    assert orbits.rank == burnside_count(orbits.mapping)
    assert certify(orbits.mapping, orbits.pattern.signed_labels)


def test_the_incidence_matrix_is_the_only_map_from_nodes_to_edge_flows():
    pattern = eq.orbits("p -> [p p] where p = S(5)").pattern
    edges = [(i, j) for i in range(5) for j in range(i + 1, 5)]
    gradient = np.array([[(k == j) - (k == i) for k in range(5)] for i, j in edges])
    assert np.array_equal(pattern.signs, -gradient)
    assert pattern.rank == 1


def test_labels_and_signs_are_held_as_one_array_of_small_integers():
    orbits = eq.orbits("[p p] -> [p p] where p = S(5)")
    held = orbits.form.signed_labels
    assert orbits.pattern.signed_labels is held
    assert held.dtype == np.int8
    assert np.array_equal(held, (orbits.labels + 1) * orbits.signs)
    assert not orbits.labels.flags.writeable
    assert not orbits.signs.flags.writeable


# --- mistakes


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([([1, 0], [1, 2])], "generator 1 has the sign 2 at point 1: signs are +1 and -1"),
        ([([1, 1], [1, 1])], "generator 1 is no permutation: it sends both point 0 and point 1 to 1, and no point to 0; each point must be reached once"),
        ("(1 -1 2)", "a cycle that holds a point and its negative must hold the negative of each of its points, in the same order: write (1 -1) or (1 2 -1 -2) (character 2)\n  (1 -1 2)\n   ^"),
        ("(1 -2)(2 3)", "point 2 stands in two cycles of one generator: write disjoint cycles, or a comma between two generators (character 8)\n  (1 -2)(2 3)\n         ^"),
    ],
)  # fmt: skip
def test_mistakes(value, message):
    with pytest.raises(eq.DeclarationError, match=f"^{re.escape(message)}$"):
        eq.group(value)
