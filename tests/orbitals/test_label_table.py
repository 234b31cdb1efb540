"""Tables of labels, small and large, against the graph of all pairs."""

from __future__ import annotations

from itertools import cycle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eqgen as eq
from eqgen.orbitals.certificate import certify
from eqgen.orbitals.label_table import LabelTable, pair_labels
from eqgen.orbitals.limits import Limits
from eqgen.orbitals.orbits import bias_pattern
from eqgen.permutations.signed_permutation import SignedPermutation
from eqgen.spaces.pair_action import paired
from helpers.drawn_mappings import (
    drawn_moves,
)
from helpers.forms import check_form, check_row_representatives, parted
from helpers.references import (
    components,
    computed,
    expected_labels,
    renumbered,
    signed_orbits,
    smallest_equal,
)
from helpers.strategies import declared_mappings, generator_sets


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
            patch.setattr("eqgen.orbitals.label_table.random_actions", lambda _: cycle(elements))
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
    monkeypatch.setattr("eqgen.orbitals.label_table.random_actions", lambda generators: cycle([generators[1]]))
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
