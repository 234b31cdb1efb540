"""Labels as factors, one for the axes that move together, against the table of the whole group."""

from __future__ import annotations

import re
from functools import partial
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import eqgen as eq
from eqgen.orbitals.label_table import pair_labels
from eqgen.orbitals.limits import Limits
from eqgen.orbitals.product import ProductLabels
from eqgen.orbitals.stable import StableLabels
from helpers.drawn_mappings import (
    mappings_of_several_axes,
)
from helpers.forms import check_form, check_row_representatives, joined, parted
from helpers.mistakes import mistake, refuse
from helpers.references import (
    computed,
    dimension,
    expected_labels,
    renumbered,
)
from helpers.strategies import declared_mappings

FORMULAS = Limits(largest_plain_table=0)
"""Whole groups as formulas, however few points they have."""


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
