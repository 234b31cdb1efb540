"""Labels by formula, for whole symmetric and alternating groups, against the table."""

from __future__ import annotations

from importlib import import_module
from itertools import combinations, product
from math import comb, perm, prod

import numpy as np
import pytest

import eqgen as eq
from eqgen.orbitals.label_table import LabelTable, pair_labels
from eqgen.orbitals.limits import Limits
from eqgen.orbitals.orbits import Orbits
from eqgen.orbitals.stable import StableLabels, stable_degree, stable_labels
from helpers.forms import check_form, check_row_representatives, parted
from helpers.mistakes import refuse
from helpers.references import (
    partitions_into_at_most,
)

FORMULAS = Limits(largest_plain_table=0)
"""Whole groups as formulas, however few points they have."""

ORBITS = import_module("eqgen.orbitals.orbits")
"""The module; `eqgen.orbits` is the function."""


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


def test_the_formula_of_another_group_has_no_certificate():
    form = eq.orbits("p -> p where p = S(8)", limits=FORMULAS).form
    certificate = Orbits(eq.mapping("p -> p where p = C(8)"), form).certificate()
    assert not certificate
    assert certificate.violation == "the formula is that of S(n), and p is not known to be all of S(8)"
