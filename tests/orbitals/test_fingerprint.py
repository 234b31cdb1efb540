"""Fingerprints are equal exactly where labels and signs are, whatever form holds these."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

import eqgen as eq
from eqgen.orbitals import fingerprint as module
from eqgen.orbitals.fingerprint import earlier_fingerprint, fingerprint
from eqgen.orbitals.label_table import LabelTable
from eqgen.orbitals.limits import Limits
from eqgen.orbitals.stable import StableLabels

KLEIN = "p -> p where p = (1 2)(3 4), (1 3)(2 4)"

FOUR_POINTS = [
    "p -> p where p = C(4)",
    "p -> p where p = (1 4 3 2)",
    "p -> p where p = (1 3 2 4)",
    KLEIN,
    "p -> p where p = S(4)",
    "p -> p where p = A(4)",
    "p -> p where p = D(4)",
    "p -> p where p = (1 2)(3 4)",
    "p -> p where p = (1 -2)(3 4)",
    "p -> p where p = (1 -2)(3 -4)",
    "p -> ~p where p = C(4)",
    "~p -> p where p = C(4)",
    "~p -> ~p where p = C(4)",
    "~p -> ~p where p = S(4)",
    "p -> p where p = C(4) support 1 <- 1",
    "p -> p where p = C(4) support 1 <- 1, 1 <- 2",
    "p -> p where p = C(4) support 1 <- 1, 1 <- 4",
    "p -> p where p = C(4) support 1 <- 1, 1 <- 2, 1 <- 3, 1 <- 4",
    "h w -> h w where h = C(2), w = C(2)",
    "h w -> h w where h & w = Group((1 2), ()) & Group((), (1 2))",
    "h + 1 + w -> 1 + h + w where h = C(2), w = S(1)",
    "h + w -> h + w where h = C(2), w = S(2)",
]


def same(one: eq.Orbits, other: eq.Orbits) -> bool:
    return np.array_equal(one.labels, other.labels) and np.array_equal(one.signs, other.signs)


def test_the_cyclic_group_and_the_klein_group_are_told_apart():
    """Any two regular groups of one order have the same first pairs and row sizes."""
    cyclic, klein = (eq.orbits(text) for text in (FOUR_POINTS[0], KLEIN))
    assert earlier_fingerprint(cyclic) == earlier_fingerprint(klein)
    assert fingerprint(cyclic) != fingerprint(klein)


def test_fingerprints_are_equal_where_labels_and_signs_are():
    found = {text: eq.orbits(text) for text in FOUR_POINTS}
    equal = [
        pair
        for pair in combinations(FOUR_POINTS, 2)
        if (fingerprint(found[pair[0]]) == fingerprint(found[pair[1]])) != same(*(found[text] for text in pair))
    ]
    assert equal == []
    # All of the list is not one, and neither is it all different.
    assert 10 < len({fingerprint(orbits) for orbits in found.values()}) < len(FOUR_POINTS)


@pytest.mark.parametrize(
    "text",
    [
        "p -> p where p = S(6)",
        "{p p} -> p + 1 where p = S(8)",
        "<p p> -> {p p} where p = A(9)",
        "~p -> ~p where p = S(7)",
        "~p -> ~p where p = A(7)",
        "[p p] -> ~p where p = S(8)",
        "[p p] -> [p p] where p = A(8)",
        "h p -> p h where h = C(3), p = S(6)",
    ],
)
@pytest.mark.parametrize("written", [0, 1 << 20], ids=["large", "written out"])
def test_a_formula_and_a_table_have_one_fingerprint(text, written, monkeypatch):
    monkeypatch.setattr(module, "LARGEST_WRITTEN", written)
    table = eq.orbits(text)
    formula = eq.orbits(text, limits=Limits(largest_plain_table=0))
    if len(table.mapping.units) == 1:
        assert isinstance(table.form, LabelTable)
        assert isinstance(formula.form, StableLabels)
    assert fingerprint(table) == fingerprint(formula)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("p -> p where p = C(7)", "p -> p where p = (1 3 2 4 5 6 7)"),
        ("p -> p where p = S(7)", "p -> p where p = S(6) * S(1)"),
        ("{p p} -> p where p = S(7)", "<p p> -> p where p = S(7)"),
        ("~p -> p where p = S(7)", "~p -> p where p = A(7)"),
        ("~p -> ~p where p = S(7)", "~p -> p where p = S(7)"),
        ("p -> p where p = S(300)", "p -> p where p = S(301)"),
        ("h w -> h w where h = C(3), w = C(4)", "h w -> h w where h = C(4), w = C(3)"),
        ("h w -> h w where h = C(3), w = C(4)", "h w -> w h where h = C(3), w = C(4)"),
        (
            "h w -> h w where h = C(3), w = C(4)",
            "h w -> h w where h = C(3), w = (1 2)(3 4), (1 3)(2 4)",
        ),
        ("p -> p where p = C(5) support 1 <- 2", "p -> p where p = C(5) support 1 <- 3"),
        ("p -> p where p = (1 2)(3 -4) support 1 <- 3", "p -> p where p = (1 2)(3 4) support 1 <- 3"),
    ],
)
def test_large_ones_are_told_apart(one, other, monkeypatch):
    monkeypatch.setattr(module, "LARGEST_WRITTEN", 0)
    assert fingerprint(eq.orbits(one)) != fingerprint(eq.orbits(other))


def test_a_large_table_is_hashed_to_its_last_entry():
    """A ring of 1,500 points, and one whose last two points have changed places."""
    n = 1500
    ring = np.roll(np.arange(n), -1)
    swapped = np.arange(n)
    swapped[[n - 2, n - 1]] = n - 1, n - 2
    other = swapped[ring[swapped]]
    one, two = (eq.orbits(eq.mapping("p -> p", p=[generator])) for generator in (ring, other))
    assert earlier_fingerprint(one) == earlier_fingerprint(two)
    assert fingerprint(one) != fingerprint(two)


def test_whole_symmetric_groups_of_millions_of_points_take_no_table():
    found = eq.orbits("{p p} -> p where p = S(5000)")
    assert isinstance(found.form, StableLabels)
    assert fingerprint(found) != fingerprint(eq.orbits("{p p} -> p where p = S(5001)"))
