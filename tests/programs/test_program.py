"""Plans as text: what terms, what cost; and that each checker of a program can fail."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import networkx
import numpy as np
import pytest

import eqgen as eq
from eqgen.common.errors import DeclarationError
from eqgen.programs.entries import LinearCombination
from eqgen.programs.lowering import choose

# What an expert writes for each: the literature's layers, term by term.
PLANS = {
    # Zaheer et al., "Deep sets", 2017.
    "p -> p where p = S(100)": (
        "pooled",
        ["sum all points -> mix once -> add to every point", "every point -> mix at 100 points -> add to every point"],
        101,
    ),
    # Node sums.
    "{p p} -> {p p} where p = S(20)": (
        "pooled",
        [
            "sum all points -> mix once -> add to every point",
            "sum to p -> mix at 20 points -> add back from p",
            "every point -> mix at 190 points -> add to every point",
        ],
        1 + 20 + 190,
    ),
    # Maron et al., "Invariant and equivariant graph networks", 2019: 4 + 9 + 2 operations.
    "p p -> p p where p = S(12)": (
        "pooled",
        [
            "sum an orbit and sum all points -> mix 2 x 2 -> add to an orbit and add to every point",
            "3 times sum to p -> mix 3 x 3 at 12 points -> 3 times add back from p",
            "every point and the points permuted -> mix 1 x 2 at 144 points -> add to every point",
        ],
        4 + 9 * 12 + 2 * 144,
    ),
    # Hartford et al., "Deep models of interactions across sets", 2018.
    "r c -> r c where r = S(30), c = S(40)": (
        "pooled",
        [
            "sum all points x sum all points -> mix once -> add to every point x add to every point",
            "sum all points x every point -> mix at 40 points -> add to every point x add to every point",
            "every point x sum all points -> mix at 30 points -> add to every point x add to every point",
            "every point x every point -> mix at 1200 points -> add to every point x add to every point",
        ],
        1 + 40 + 30 + 1200,
    ),
    "p -> p where p = wreath(S(10), S(10))": (
        "pooled",
        [
            "sum all points -> mix once -> add to every point",
            "sum to the 10 blocks of 10 points -> mix at 10 points -> add back from the 10 blocks of 10 points",
            "every point -> mix at 100 points -> add to every point",
        ],
        1 + 10 + 100,
    ),
    "p -> p where p = C(100)": (
        "spectral",
        ["Fourier transform over 100 -> mix 51 times 2 x 2 -> back"],
        51 * 4,
    ),
    "h w -> h w where h = C(32), w = C(32)": (
        "spectral",
        ["Fourier transform over 32 x 32 -> mix 544 times 2 x 2 -> back"],
        544 * 4,
    ),
    "h p -> h p where h = C(100), p = S(40)": (
        "spectral x pooled",
        [
            "Fourier transform over 100 x sum all points -> mix 51 times 2 x 2 -> back x add to every point",
            "Fourier transform over 100 x every point -> mix 51 times 2 x 2 at 40 points -> back x add to every point",
        ],
        51 * 4 * 41,
    ),
    # The transform of the rotations, and not 501 isotypic components of dense matrices.
    "p -> p where p = D(1000)": (
        "spectral",
        ["Fourier transform over 1000, a subgroup -> mix 501 times 2 x 2 -> back"],
        501 * 4,
    ),
    "p -> p where p = C(50) support 1 <- 1, 1 <- 2, 1 <- 50": (
        "local",
        ["convolve 3, wrapped around -> mix 1 x 3 at 50 points -> every point"],
        3 * 50,
    ),
    "p -> p where p = S(2)": ("gather", ["all points at once -> mix 2 x 2 -> every point"], 4),
}  # fmt: skip


@pytest.mark.parametrize("declaration", PLANS)
def test_the_plan_is_the_layer_that_an_expert_writes(declaration):
    lowering, steps, mixes = PLANS[declaration]
    found = eq.program(declaration)
    lines = str(found).splitlines()
    assert lines[0] == f"{declaration}: {lowering}"
    assert [line.strip() for line in lines[1 : 1 + len(steps)]] == steps
    assert found.cost().mixing == mixes * 64 * 64


def test_a_stencil_on_a_torus_is_sums_of_shifted_copies():
    mapping = eq.mapping(
        "b -> b",
        b=eq.trace((32, 32), lambda a: np.roll(a, 1, 0), lambda a: np.roll(a, 1, 1), np.rot90, np.fliplr),
        support=eq.stencil(1, (32, 32), wrap=True),
    )
    found = eq.program(mapping)
    _, steps, *_ = str(found).splitlines()
    assert steps == (
        "  take one point each and 2 times sum 4 points each -> mix 1 x 3 at 1024 points -> add to every point"
    )


def test_orbits_that_are_read_as_they_are_tell_where_they_go():
    # One orbit of outputs, which are all of them; and two of them, each with an orbit of its own.
    support = [(0, 0), (2, 2)]
    one = eq.program(eq.mapping("p -> p where p = C(5)", support=[(0, 0), (0, 1)]), "pooled")
    two = eq.program(eq.mapping("p -> p where p = (1 2)(3 4 5)", support=support), "pooled")
    assert str(one).splitlines()[1] == "  2 times take one point each -> mix 1 x 2 at 5 points -> add to every point"
    assert str(two).splitlines()[1:3] == [
        "  take one point each -> mix at 2 points -> add to point orbit 1 of the output",
        "  take one point each -> mix at 3 points -> add to point orbit 2 of the output",
    ]


def test_a_board_with_many_orbits_of_neighbours_gathers_them():
    mapping = eq.mapping("b -> b", b=eq.trace((8, 8), np.rot90, np.fliplr), support=eq.stencil(1, (8, 8)))
    found = eq.program(mapping)
    assert found.lowering == "local"
    # Four corners with 4 neighbours, 24 on the rim with 6, 36 inside with 9.
    assert found.cost().mixing == (4 * 4 + 24 * 6 + 36 * 9) * 64 * 64
    assert "up to 9 neighbours each -> mix 4 blocks -> every point" in str(found)


def test_a_plan_is_kept_for_the_next_layer_and_axes_keep_their_names():
    assert eq.program("p -> p where p = S(7)") is eq.program("p -> p where p = S(7)")
    assert str(eq.program("q -> q where q = S(7)")).startswith("q -> q where q = S(7)")


def test_two_parts_with_four_thousand_pairs_of_orbits_are_block_diagonal():
    # D4 on 28 x 28: 14 orbits on the diagonals, 91 others; irreducible representations 1, 1, 1, 1, 2.
    found = eq.program(eq.mapping("b -> b", b=eq.trace((28, 28), np.rot90, np.fliplr)), channels_in=8, channels_out=8)
    (block,) = found.blocks
    (part,) = block.factors
    sizes = sorted((section.inputs, section.copies) for stage in part.stages for section in stage.sections)
    # An orbit on a diagonal is induced from a reflection: it holds two of the four one-dimensional ones, and the other once.
    assert sizes == [(91, 1), (91, 1), (105, 1), (105, 1), (2 * 91 + 14, 2)]
    assert sum(inputs**2 for inputs, _ in sizes) == found.rank


def test_the_cost_counts_a_dense_layer_as_one():
    found = eq.program("p -> p where p = S(50)", "gather", channels_in=3, channels_out=5)
    assert found.cost().mixing == 50 * 50 * 3 * 5
    assert found.cost().backward.multiply_adds == 2 * found.cost().forward.multiply_adds


def test_a_program_with_another_coefficient_sums_to_something_else():
    found = eq.program("{p p} -> {p p} where p = S(6)", "pooled")
    (block,) = found.blocks
    (part,) = block.factors
    assert isinstance(part.entries, LinearCombination)
    numerators = part.entries.numerators.copy()
    numerators[0, 0] += 6 * part.entries.denominators[0]
    broken = replace(part, entries=replace(part.entries, numerators=numerators))
    assert not np.array_equal(replace(found, blocks=(replace(block, factors=(broken,)),)).matrix(), found.matrix())


def test_features_that_do_not_fit_are_refused():
    with pytest.raises(DeclarationError) as refused:
        eq.program("p -> p where p = S(4)").run(np.zeros((1, 3, 2)), np.zeros((2, 2, 2)))
    assert str(refused.value) == (
        "expected features (batch, 4, channels_in) and a kernel (2, channels_in, channels_out), got (1, 3, 2) and (2, 2, 2)"
    )


def test_some_columns_of_a_matrix():
    found = eq.program(eq.mapping("n -> n", n=eq.automorphisms(networkx.petersen_graph())))
    assert np.array_equal(found.matrix(columns=[2, 7]), found.matrix()[:, [2, 7]])


def test_a_typed_pattern_has_one_program_and_says_so():
    assert eq.program("a -b; b a").lowering == "gather"
    assert eq.program(eq.pattern("a b; c a")).matrix().tolist() == [[1, 2], [3, 1]]
    expected = 'the pattern a -b; b a has no spectral program, because it names no group: use lowering="auto", or declare the symmetry'
    with pytest.raises(DeclarationError) as refused:
        eq.program("a -b; b a", "spectral")
    assert str(refused.value) == expected


@pytest.mark.parametrize("lowering", ["auto", "gather", "pooled", "spectral"])
def test_where_the_symmetry_forces_zero_there_is_nothing_to_apply(lowering):
    found = eq.program("~p -> 1 where p = S(4)", lowering)
    assert str(found) == "~p -> 1 where p = S(4): nothing\n  every weight is zero"
    assert not found.matrix().any()


def test_a_cost_for_no_channels_is_refused():
    with pytest.raises(DeclarationError) as refused:
        eq.program("p -> p where p = S(4)").cost(0, 4, -1)
    assert str(refused.value) == "channels and batch are positive whole numbers, got 0, 4, -1"


@pytest.mark.slow(sample=2)
@pytest.mark.parametrize(
    ("declaration", "lowering"),
    [("{p p} -> {p p} where p = S(300)", "pooled"), ("p -> p where p = S(20000)", "pooled")],
)
def test_what_is_held_without_a_table_is_planned_without_one(declaration, lowering):
    found = eq.program(declaration)
    assert found.lowering == lowering
    assert found.cost().mixing <= 1.01 * found.shape[1] * 64 * 64


def test_a_circle_of_many_points_needs_no_list_of_its_elements():
    found = eq.program("p -> p where p = C(6000)")
    assert "Fourier transform over 6000" in str(found)


@pytest.mark.slow
def test_what_is_too_large_for_every_lowering_is_refused():
    with pytest.raises(DeclarationError) as refused:
        eq.program("{p p} -> {p p} where p = S(1000)")
    assert str(refused.value) == (
        "{p p} -> {p p} where p = S(1000) has no program (pooled: some of its 3 orbits hold more than 67108864 pairs, and no "
        "smaller space serves; spectral: a point orbit of 499500 points, and up to 1024 are decomposed; gather: a table of "
        "499500 x 499500 pairs does not fit in memory): name the pairs that matter with support=..."
    )


def test_whole_numbers_are_not_rounded_when_a_program_runs(random):
    # A kernel of integers was divided in integers: every entry came out wrong.
    found = eq.program("{p p} -> {p p} where p = S(5)", "pooled")
    answer = found.run(np.eye(10, dtype=int)[:, :, None], np.array([0, 0, 3])[:, None, None])[:, :, 0]
    assert np.allclose(answer, 3 * (found.matrix() == 3), atol=1e-12)


@pytest.mark.parametrize(
    ("theta", "shown"), [([0.5, 1.5, 2.5], "[0.5, 1.5, 2.5]"), ([1, 2], "[1, 2]"), ([[1, 2, 3]], "[[1, 2, 3]]")]
)
def test_parameters_of_a_matrix_are_whole_numbers(theta, shown):
    with pytest.raises(DeclarationError) as refused:
        eq.program("{p p} -> {p p} where p = S(5)").matrix(theta)
    assert str(refused.value) == f"expected 3 whole numbers as parameters, got {shown}"


def test_columns_are_chosen_as_they_are_of_orbits():
    found = eq.program("p -> p where p = C(4)")
    assert np.array_equal(found.matrix(columns=[-1]), found.matrix()[:, [3]])
    assert np.array_equal(found.matrix(columns=np.array([True, False, True, False])), found.matrix()[:, [0, 2]])
    with pytest.raises(IndexError):
        found.matrix(columns=[4])


def test_a_few_columns_of_a_long_circle_need_no_matrix_of_its_transform():
    found = eq.program("p -> p where p = C(6000)")
    column = found.matrix(columns=[1])[:, 0]
    # Circulant: parameter k leads k steps on.
    assert np.array_equal(column, (1 - np.arange(6000)) % 6000 + 1)


@pytest.mark.slow
def test_many_orbits_are_pooled_where_only_a_subgroup_has_a_fourier_transform():
    # Ordered triples under A(12): 34 orbits, and an element of order 11 that moves all triples in cycles of that length.
    found = eq.program("<p p p> -> <p p p> where p = A(12)", channels_in=16, channels_out=16, batch=8)
    assert found.lowering == "pooled"
    transformed = eq.program("<p p p> -> <p p p> where p = A(12)", "spectral", channels_in=16, channels_out=16, batch=8)
    assert transformed.lowering == "spectral"
    assert 10 * found.cost().total < transformed.cost().total


@pytest.mark.slow
@pytest.mark.parametrize(("group", "count"), [("S(2)", 6), ("S(3)", 6), ("C(3)", 6)])
def test_the_ways_of_many_axes_are_not_all_compared_and_a_cheapest_one_is_found(group, count, monkeypatch):
    axes = "abcdef"[:count]
    sides = " ".join(axes)
    text = f"{sides} -> {sides} where {', '.join(f'{axis} = {group}' for axis in axes)}"
    improved = [eq.program(text, channels_in=size, channels_out=size, batch=4).cost().total for size in (1, 8)]
    monkeypatch.setattr("eqgen.programs.lowering.choose.MOST_COMBINATIONS", 10**6)
    choose._planned.cache_clear()
    compared = [eq.program(text, channels_in=size, channels_out=size, batch=4).cost().total for size in (1, 8)]
    assert improved == compared


def test_nine_axes_are_planned_without_comparing_all_combinations(monkeypatch):
    axes = "abcdefghi"
    sides = " ".join(axes)
    priced = []
    price = choose.cost_of
    monkeypatch.setattr(choose, "cost_of", lambda *given: priced.append(given) or price(*given))
    found = eq.program(f"{sides} -> {sides} where {', '.join(f'{axis} = S(2)' for axis in axes)}")
    assert found.rank == 2**9
    # Three ways for each axis are 19,683 combinations.
    assert len(priced) < 500


def test_a_way_that_is_dear_alone_may_be_cheapest_beside_other_axes():
    """Costs of factors are multiplied: a bound for one alone says nothing of their product."""
    text = "{p p} {q q} -> {p p} q q where p = C(5), q = C(12)"
    best = eq.program(text, channels_in=256, channels_out=256, batch=4)
    kinds = ("gather", "spectral")
    asked = [eq.program(text, kind, channels_in=256, channels_out=256, batch=4) for kind in kinds]
    assert best.cost().total <= min(program.cost().total for program in asked)
    assert best.cost().total <= 241_030_249_728


def test_plans_keep_no_orbits_alive():
    orbits = eq.orbits("p -> p where p = C(12)")
    eq.program(orbits)
    form = weakref.ref(orbits.form)
    del orbits
    choose._planned.cache_clear()
    gc.collect()
    assert form() is None


def test_a_plan_of_several_blocks_says_which_points_each_reads_and_writes():
    lines = str(eq.program("p + q -> q + 1 where p = S(5), q = S(3)")).splitlines()
    assert [line.strip().partition(": ")[0] for line in lines[1:6]] == [
        "inputs 1..5, outputs 1..3",
        "inputs 6..8, outputs 1..3",
        "inputs 6..8, outputs 1..3",
        "inputs 1..5, outputs 4",
        "inputs 6..8, outputs 4",
    ]
