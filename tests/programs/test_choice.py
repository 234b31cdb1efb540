"""How one of several ways is chosen, and what is said of the next best."""

from __future__ import annotations

import math

import numpy as np
import pytest

import eqgen as eq
from eqgen.programs.cost import cost_alone
from eqgen.programs.lowering import choose
from eqgen.programs.lowering.choose import LOWERINGS
from eqgen.programs.lowering.intermediate_spaces import spaces_between
from eqgen.programs.lowering.lowering import problem_for

QUATERNIONS = "Group((1 2 3 4)(5 6 7 8), (1 5 3 7)(2 8 4 6))"


@pytest.mark.parametrize(
    ("declaration", "runner_up"),
    [
        ("p -> p where p = S(30)", "gather"),
        ("h w -> h w where h = C(6), w = S(5)", "pooled x pooled"),
        ("h w -> h w where h = C(3), w = D(4)", "gather x pooled"),
        ("h p -> h p where h = D(40), p = C(6)", "spectral x pooled"),
        # Ways that are called alike are told apart by what they begin with.
        (f"p -> p where p = {QUATERNIONS}", "spectral (Fourier transform over 4, a subgroup)"),
        ("p p -> p p where p = D(5)", "spectral (Fourier transform over 5, a subgroup)"),
        (
            f"h p -> h p where h = {QUATERNIONS}, p = S(30)",
            "spectral x pooled (Fourier transform over 4, a subgroup x sum all points)",
        ),
    ],
)
def test_the_next_best_way_is_told_by_its_name_and_how_many_times_the_cost_it_takes(declaration, runner_up):
    found = eq.program(declaration)
    name, text, times = found.runner_up.partition(", ")
    if "(" in runner_up:
        name, text, times = found.runner_up.rpartition("), ")
        name += ")"
    assert (name, bool(text)) == (runner_up, True)
    ratio, _, best = times.partition(" times the cost of ")
    assert best == found.lowering
    assert float(ratio) >= 1
    assert str(found).endswith(f"\nrunner-up    {found.runner_up}")


@pytest.mark.parametrize(
    ("declaration", "lowering"), [("p -> p where p = S(30)", "gather"), ("p -> p where p = D(30)", "pooled")]
)
def test_the_next_best_way_costs_as_many_times_as_much_as_is_told(declaration, lowering):
    best, other = eq.program(declaration), eq.program(declaration, lowering)
    assert (
        best.runner_up == f"{lowering}, {other.cost().total / best.cost().total:.3g} times the cost of {best.lowering}"
    )
    # What was asked for has no other beside it.
    assert other.runner_up == ""


def test_of_several_pairs_of_terms_no_next_best_way_is_told():
    assert eq.program("u v -> v + u where u = S(4), v = C(3)").runner_up == ""


@pytest.mark.parametrize("sizes", [(1, 1, 1), (1, 1, 1 << 15), (2048, 1024, 512)])
@pytest.mark.parametrize(
    "declaration",
    ["1 -> 1", "p -> p where p = S(2)", "p -> p where p = C(40)", "p p -> p p where p = S(9)"],
)
def test_no_way_costs_less_than_its_bound(declaration, sizes):
    """A bound that is too high would leave out the best way unseen."""
    orbits = eq.orbits(declaration)
    problem = problem_for(orbits.mapping, orbits.form, sizes)
    for way in LOWERINGS:
        bound, factor = way.lower_bound(problem), way.applies(problem) or way.make(problem)
        if not isinstance(factor, str) and math.isfinite(bound):
            assert 0 <= bound <= cost_alone(factor, *sizes).total


@pytest.mark.parametrize("lowering", ["pooled", "auto"])
@pytest.mark.parametrize(
    "declaration",
    [
        "p -> p where p = C(7)",
        "p + p p -> p where p = S(6)",
        "<p p p> -> p where p = S(5)",
        "p -> p where p = wreath(S(3), C(4))",
    ],
)
def test_a_plan_for_some_channels_costs_no_more_there_than_plans_for_others(declaration, lowering):
    sizes = [(512, 1), (512, 16), (64, 64), (16, 512), (1, 512)]
    programs = [eq.program(declaration, lowering, channels_in=into, channels_out=out) for into, out in sizes]
    for (into, out), program in zip(sizes, programs, strict=True):
        assert program.cost().total == min(other.cost(into, out).total for other in programs)


@pytest.mark.parametrize(
    "declaration",
    [
        "p -> p where p = S(30)",
        "h w -> h w where h = S(3), w = S(5)",
        "w k h -> h w where w = C(6), k = S(4), h = S(5)",
    ],
)
def test_the_best_two_ways_are_the_same_whether_all_are_compared_or_each_axis_is_improved(declaration, monkeypatch):
    told = []
    for most in (10**6, 0):
        monkeypatch.setattr(choose, "MOST_COMBINATIONS", most)
        choose._planned.cache_clear()
        program = eq.program(declaration)
        told.append((program.lowering, program.cost(), program.runner_up))
    choose._planned.cache_clear()
    assert told[0] == told[1]
    assert told[0][2]


@pytest.mark.parametrize("most", [0, 10**6])
def test_every_combination_of_ways_is_told_once_the_cheapest_first(most, monkeypatch):
    monkeypatch.setattr(choose, "MOST_COMBINATIONS", most)

    def way(group: str, lowering: str):
        return eq.program(f"p -> p where p = {group}", lowering).blocks[0].factors[0]

    (block,) = eq.program("h w -> h w where h = S(3), w = S(5)").blocks
    # One way for the first axis, which is the last of its ways, too.
    ways = [[way("S(3)", "gather")], [way("S(5)", "gather"), way("S(5)", "pooled")]]
    priced = choose._priced(block, ways, (8, 8, 4))
    assert sorted(ways[1].index(product.factors[1]) for _, product in priced) == [0, 1]
    assert [cost for cost, _ in priced] == sorted(cost for cost, _ in priced)


def test_the_points_of_a_space_of_one_orbit_are_not_called_its_first_orbit():
    named = []
    for declaration in ("{p p} -> {p p} where p = S(5)", "e -> e where e = (1 2 3)(4 5)"):
        orbits = eq.orbits(declaration)
        spaces, _ = spaces_between(problem_for(orbits.mapping, orbits.form, (64, 64, 32)))
        named.append({space.space.name for space in spaces})
    assert named == [
        {"all points", "p", "the points of {p p}"},
        {"all points", "point orbit 1 of the input e", "point orbit 2 of the input e"},
    ]


@pytest.mark.parametrize("signs", [(1, 1), (1, -1)])
def test_a_generator_over_and_over_says_nothing_new_and_one_with_other_signs_does(signs):
    turn = np.array([1, 0])
    twice = [(turn, np.array([1, 1])), (turn, np.array(signs))]
    many = eq.program(eq.mapping("p -> p", p=twice * 40))
    few = eq.program(eq.mapping("p -> p", p=twice))
    assert many.lowering == few.lowering
    theta = np.arange(1, few.rank + 1)
    assert np.array_equal(many.matrix(theta), few.matrix(theta))
    # What commutes with a swap and with one sign is a multiple of the identity.
    assert few.rank == (2 if signs == (1, 1) else 1)
