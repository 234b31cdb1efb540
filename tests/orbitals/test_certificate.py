"""Certificates: they hold for what is right in every form, and every kind of damage is found and named."""

from __future__ import annotations

import dataclasses
import re
import tracemalloc
from importlib import import_module

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import eqgen as eq
from eqgen.orbitals.certificate import Certificate, certify, certify_form
from eqgen.orbitals.certificate.generation import LARGEST_PIECE, reached
from eqgen.orbitals.certificate.table import first_places
from eqgen.orbitals.label_table import LabelTable
from eqgen.orbitals.limits import Limits
from eqgen.orbitals.product import ProductLabels
from eqgen.orbitals.sparse import SparseLabels
from eqgen.orbitals.stable import StableLabels
from helpers.drawn_mappings import drawn_pairs, mappings_of_several_axes, p4m, signed_generators
from helpers.forms import joined, parted, with_labels
from helpers.mistakes import refuse
from helpers.references import brute_partition, computed, cut, mask_of, partition, signed_orbits
from helpers.sampling import examples
from helpers.strategies import declared_mappings

EDGES = "{p p} -> {p p} where p = S(5)"
FLOWS = "[p p] -> [p p] where p = S(4)"
FORCED = "p -> p where p = (1 -1)(2)"
RING = "p -> p where p = C(6) support 1 <- 1, 1 <- 2, 1 <- 4"
TURNED = "[p p] -> [p p] where p = S(4) support 1 <- 1, 1 <- 2"

LEFT_OUT = "not made, for it counts all pairs and the support leaves some out"


# What is right


@pytest.mark.parametrize(
    ("text", "form", "rank", "burnside", "counted", "scope"),
    [
        (EDGES, LabelTable, 3, 3, "120 elements", "every pair"),
        (FLOWS, LabelTable, 2, 2, "24 elements", "every pair"),
        (FORCED, LabelTable, 2, 2, "2 elements", "every pair"),
        ("~p -> 1 where p = S(3)", LabelTable, 0, 0, "6 elements", "every pair"),
        ("1 -> 1", LabelTable, 1, 1, "1 element", "every pair"),
        ("s b -> s where s & b = Group((1 2 3), (2 3)) & Group((), (1 2))", LabelTable, 3, 3, "6 elements", "every pair"),
        ("p -> p where p = S(9)", LabelTable, 2, None, "the group is too large to enumerate (order 362880)", "every pair"),
        ("h w -> h w where h = C(3), w = D(4)", ProductLabels, 9, 9, "11 elements", "the 2 factors; the orbits of independent axes are tuples of theirs"),
        ("p q + p -> q + 1 where p = S(3), q = C(2)", ProductLabels, 5, 5, "8 elements", "the 8 factors; the orbits of independent axes are tuples of theirs"),
        ("~h w -> h w where h = S(3), w = (1 -2)", ProductLabels, 2, 2, "8 elements", "the 2 factors; the orbits of independent axes are tuples of theirs"),
        ("u v -> u v where u = S(2000), v = C(3)", ProductLabels, 6, None, "the group is too large to enumerate (order about 3.3e5735 x order 3)", "the 2 factors; the orbits of independent axes are tuples of theirs"),
        ("{p p} -> {p p} where p = S(100)", StableLabels, 3, 3, "720 elements", "every pair for 6 points; S(n) has the same orbits for any n from there on, and here it is 100"),
        ("[p p] -> [p p] where p = A(99)", StableLabels, 2, 2, "360 elements", "every pair for 6 points; A(n) has the same orbits for any n from there on, and here it is 99"),
        (RING, SparseLabels, 3, None, LEFT_OUT, "every pair of the support"),
        (TURNED, SparseLabels, 2, None, LEFT_OUT, "every pair of the support"),
    ],
)  # fmt: skip
def test_labels_in_every_form_have_a_certificate_that_says_what_it_looked_at(
    text, form, rank, burnside, counted, scope
):
    orbits = eq.orbits(text)
    assert isinstance(orbits.form, form)
    found = orbits.certificate()
    # What is put together from parts is also read out: all of it where that is little, else at pairs drawn at random.
    if form in (ProductLabels, StableLabels):
        few = orbits.shape[0] * orbits.shape[1] <= 1 << 22
        scope = f"every pair, and {scope}" if few else f"{scope}; pairs drawn at random"
    assert found == Certificate(rank, "", "", burnside, counted, scope)
    assert found
    assert found.invariant
    assert found.complete


def test_a_support_of_which_the_signs_leave_nothing_has_a_certificate():
    mapping = eq.mapping("~p -> 1 where p = S(3)", support=[(0, 0)])
    assert eq.orbits(mapping).certificate() == Certificate(0, "", "", None, LEFT_OUT, "every pair of the support")


@settings(max_examples=20)
@given(
    st.one_of(declared_mappings().map(lambda declared: computed(declared).mapping), mappings_of_several_axes()),
    st.data(),
)
def test_any_labels_that_eqgen_makes_have_a_certificate(mapping, data):
    orbits = eq.orbits(mapping)
    assert orbits.certificate()
    # The same labels as one table, whatever the form.
    assert certify(mapping, orbits.pattern.signed_labels)
    supported = eq.mapping(mapping.declaration, support=drawn_pairs(data, orbits.shape))
    assert eq.orbits(supported).certificate()
    assert certify(supported, eq.orbits(supported).pattern.signed_labels)


def test_a_certificate_is_false_by_any_of_its_three_witnesses():
    good = Certificate(3, "", "", 3, "6 elements")
    assert good
    assert dataclasses.replace(good, burnside=None)
    for bad in ({"violation": "x"}, {"apart": "x"}, {"burnside": 4}):
        assert not dataclasses.replace(good, **bad)
        assert not dataclasses.replace(good, **bad).complete
    assert not dataclasses.replace(good, violation="x").invariant
    assert dataclasses.replace(good, apart="x").invariant


@pytest.mark.parametrize("text", [EDGES, FLOWS, FORCED, RING, TURNED, "h w -> h w where h = C(3), w = D(4)"])
def test_a_certificate_is_made_without_what_made_the_labels(text, monkeypatch):
    orbits = eq.orbits(text)
    for name in (
        "schreier_tree",
        "_root_rows",
        "_all_rows",
        "_compared",
        "_small_table",
        "LabelClasses.merge",
        "LabelClasses.numbered",
        "random_actions",
    ):
        monkeypatch.setattr(f"eqgen.orbitals.label_table.{name}", refuse)
    for name in (
        "schreier_tree",
        "random_actions",
        "LabelClasses",
        "_Work.pieces",
        "_Work.compared",
        "_Work._moved",
    ):
        monkeypatch.setattr(f"eqgen.orbitals.sparse.{name}", refuse)
    monkeypatch.setattr("eqgen.orbitals.schreier_tree.Tree.back", refuse)
    for name in ("images", "turned"):
        monkeypatch.setattr(f"eqgen.spaces.pair_action.PairAction.{name}", refuse)
    assert orbits.certificate()


def test_signs_that_labels_are_made_without_are_missed(monkeypatch):
    monkeypatch.setattr("eqgen.spaces.pair_action.PairAction.turned", lambda self, entries, *places: entries)
    assert not eq.orbits("p -> p where p = (1 -2)(3 4), (1 2 3 4 5 6 7 8 9 10), (1 2)").certificate()
    assert not eq.orbits("p p -> p where p = (1 -1), (1 2 3 4 5 6 7 8 9 10), (1 2)").certificate()


# Damage to tables, drawn at random


def damaged(data, labels: np.ndarray) -> np.ndarray:
    """Labels of which something was changed, or nothing but their names."""
    labels = labels.astype(np.int64)
    rank = labels.max() + 1
    label = st.integers(0, max(rank - 1, 0))
    place = st.tuples(*(st.integers(0, size - 1) for size in labels.shape))
    kind = data.draw(st.sampled_from(["entry", "new", "swap", "merge", "split", "names"]), label="damage")
    if kind == "entry":
        labels[data.draw(place)] = data.draw(label)
    elif kind == "new":
        labels[data.draw(place)] = rank
    elif kind == "swap":
        one, other = data.draw(place), data.draw(place)
        labels[one], labels[other] = labels[other], labels[one]
    elif kind == "merge":
        labels[labels == data.draw(label)] = data.draw(label)
    elif kind == "split":
        members = np.argwhere(labels == data.draw(label))
        chosen = data.draw(st.lists(st.integers(0, len(members) - 1), min_size=1, unique=True))
        for i, j in members[chosen]:
            labels[i, j] = rank
    else:
        labels = np.array(data.draw(st.permutations(range(rank))))[labels]
    # Numbers without gaps, in whatever order.
    return np.unique(labels, return_inverse=True)[1].reshape(labels.shape)


@pytest.mark.slow
@settings(max_examples=examples(80))
@given(declared_mappings(), st.data(), st.booleans(), st.sampled_from([1, 7, 1 << 18]))
def test_every_change_of_the_orbits_is_noticed_and_no_change_of_names(declared, data, counted, block):
    orbits = computed(declared)
    labels = damaged(data, orbits.labels)
    same = partition(labels) == brute_partition(declared)
    # A large table is looked at a few rows at a time, and where a group is too large to be counted, as most are, generation
    # has to notice by itself.
    limits = Limits(block=block, largest_order=10_000 if counted else 0)
    found = certify(orbits.mapping, joined(labels, orbits.signs), limits)
    assert bool(found) == same
    if same:
        return
    assert found.violation or found.apart
    assert (found.burnside is None) == (not counted)
    check_named(declared, orbits.mapping, labels, found)


def pairs_named(mapping: eq.Mapping, text: str) -> list[tuple[int, int]]:
    """The pairs whose name a text begins with: several, where points of two terms have the same name."""
    return [
        (i, j)
        for i in range(mapping.output.size)
        for j in range(mapping.input.size)
        if text.startswith(f"({mapping.output.name(i)}, {mapping.input.name(j)})")
    ]


def check_named(declared, mapping: eq.Mapping, labels: np.ndarray, found: Certificate) -> None:
    """What a certificate says is wrong really is: in one reading at least of the names."""
    if found.violation:
        assert not found.apart
        named = re.fullmatch(
            r"(generator \d+ of .*) moves entry (\(.*\)) to (\(.*\)), but their labels differ: (\d+) and (\d+)",
            found.violation,
        )
        (generator,) = (generator for generator in mapping.generators if generator.name == named[1])
        readings = []
        for i, j in pairs_named(mapping, named[2]):
            image = int(generator.output.image[i]), int(generator.input.image[j])
            if image in pairs_named(mapping, named[3]):
                readings.append([labels[i, j], labels[image]])
        assert [int(named[4]), int(named[5])] in readings
        assert named[4] != named[5]
        return
    named = re.fullmatch(
        r"(\(.*\)) has the label (\d+), but no product of generators moves the first pair of that label there",
        found.apart,
    )
    label = int(named[2])
    first = tuple(np.argwhere(labels == label)[0].tolist())
    (orbit,) = (orbit for orbit in brute_partition(declared) if first in orbit)
    assert any(labels[pair] == label and pair not in orbit for pair in pairs_named(mapping, named[1]))


# The same with signs


def canonical(labels, signs) -> dict[tuple[int, int], tuple[object, int]]:
    """For each pair the pairs that share its weight, and its sign measured by the first of them; zero has its own."""
    labels, signs = np.asarray(labels), np.asarray(signs)
    found = {}
    for label in np.unique(labels).tolist():
        members = list(map(tuple, np.argwhere(labels == label).tolist()))
        for pair in members:
            found[pair] = ("zero", 0) if label < 0 else (tuple(members), int(signs[pair]) * int(signs[members[0]]))
    return found


@st.composite
def signed_mappings(draw) -> eq.Mapping:
    size = draw(st.integers(1, 4))
    kinds = ["p", "~p", "p + ~p", "p + 1"] + (["{p p}", "<p p>", "[p p]", "[p p] + p"] if size > 1 else [])
    sides = [draw(st.sampled_from(kinds)) for _ in range(2)]
    return eq.mapping(" -> ".join(sides), p=draw(signed_generators(size, draw(st.integers(1, 2)))))


def damaged_signs(data, labels: np.ndarray, signs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels and signs of which something was changed."""
    labels, signs = labels.astype(np.int64), np.array(signs)
    rank = int(labels.max(initial=-1)) + 1
    place = data.draw(st.tuples(*(st.integers(0, size - 1) for size in labels.shape)), label="place")
    own = labels == labels[place]
    kind = data.draw(
        st.sampled_from(
            ["flip", "flip all", "zero", "zero all", "free", "free all", "silence", "silence all", "label"]
        ),
        label="damage",
    )
    if kind == "flip":
        signs[place] *= -1
    elif kind == "flip all":
        signs[own] *= -1
    elif kind == "zero":
        labels[place], signs[place] = -1, 0
    elif kind == "zero all":
        labels[own], signs[own] = -1, 0
    elif kind == "free":
        labels[place], signs[place] = rank, 1
    elif kind == "free all":
        labels[own], signs[own] = rank, 1
    elif kind == "silence":
        signs[place] = 0
    elif kind == "silence all":
        signs[own] = 0
    else:
        labels[place] = data.draw(st.integers(-1, rank))
    labels, signs = parted(joined(labels, signs))
    present = np.unique(labels[labels >= 0])
    return np.where(labels >= 0, np.searchsorted(present, labels), -1), signs


@pytest.mark.slow
@settings(max_examples=examples(120))
@given(signed_mappings(), st.data(), st.booleans())
def test_every_change_of_labels_or_signs_is_noticed(mapping, data, counted):
    shape = (mapping.output.size, mapping.input.size)
    labels, signs = map(np.array, signed_orbits(*shape, mapping.generators))
    changed = damaged_signs(data, labels, signs)
    same = canonical(*changed) == canonical(labels, signs)
    found = certify(mapping, joined(*changed), Limits(largest_order=10_000 if counted else 0))
    assert bool(found) == same, (changed, found)


@pytest.mark.slow
@settings(max_examples=examples(70))
@given(st.one_of(signed_mappings(), declared_mappings().map(lambda declared: computed(declared).mapping)), st.data())
def test_every_change_within_a_support_is_noticed(mapping, data):
    shape = (mapping.output.size, mapping.input.size)
    pairs = drawn_pairs(data, shape)
    all_labels, all_signs = map(np.array, signed_orbits(*shape, mapping.generators))
    labels, signs = cut(all_labels, all_signs, mask_of(shape, pairs))
    assume((labels >= 0).any())
    supported = eq.mapping(mapping.declaration, support=pairs)
    form = supported.support
    rows, columns = np.nonzero(labels >= 0)
    changed = [part[rows, columns].reshape(1, -1) for part in (labels, signs)]
    before = canonical(*changed)
    if data.draw(st.booleans(), label="with signs"):
        changed = damaged_signs(data, *changed)
    else:
        changed[0] = damaged(data, changed[0])
    bad = with_labels(form, changed[0].ravel(), changed[1].ravel())
    assert bool(certify_form(supported, bad)) == (canonical(*changed) == before)


@settings(max_examples=60)
@given(declared_mappings(), st.data())
def test_a_support_that_lacks_pairs_is_noticed_and_one_of_them_named(declared, data):
    whole = computed(declared).mapping
    shape = (whole.output.size, whole.input.size)
    supported = eq.mapping(whole.declaration, support=drawn_pairs(data, shape))
    form = supported.support
    dropped = data.draw(st.lists(st.integers(0, form.indices.size - 1), min_size=1, max_size=5, unique=True))
    left = np.setdiff1d(np.arange(form.indices.size), dropped)
    rows = form.row_numbers()
    bad = dataclasses.replace(
        form,
        indptr=np.searchsorted(rows[left], np.arange(shape[0] + 1)),
        indices=form.indices[left],
        signed_labels=form.signed_labels[left],
    )
    found = certify_form(supported, bad)
    # Whole orbits may be gone, of which nothing can tell without the pairs that were asked for.
    labels = parted(form.signed_labels)[0]
    gone = labels[dropped]
    if all((labels == label).sum() == (gone == label).sum() for label in np.unique(gone)):
        return
    assert not found
    named = re.fullmatch(
        r"(generator \d+ of .*) moves a pair of the support to (\(.*\)), which it lacks", found.violation
    )
    assert named, found
    held = {
        f"({whole.output.name(i)}, {whole.input.name(j)})"
        for i, j in zip(rows[left].tolist(), form.indices[left].tolist(), strict=True)
    }
    lacking = {
        f"({whole.output.name(i)}, {whole.input.name(j)})"
        for i, j in zip(rows[dropped].tolist(), form.indices[dropped].tolist(), strict=True)
    }
    assert named[2] in lacking
    if not held & lacking:
        (generator,) = (generator for generator in whole.generators if generator.name == named[1])
        images = {
            f"({whole.output.name(generator.output.image[i])}, {whole.input.name(generator.input.image[j])})"
            for i, j in zip(rows[left].tolist(), form.indices[left].tolist(), strict=True)
        }
        assert named[2] in images


# Each kind of damage by name


def changed(array, **places) -> np.ndarray:
    found = np.array(array)
    for place, value in places["at"].items():
        found[place] = value
    return found


def test_a_swapped_label_is_named():
    orbits = eq.orbits("p -> p where p = C(3)")
    labels = changed(orbits.labels, at={(0, 1): 2, (0, 2): 1})
    assert certify(orbits.mapping, joined(labels, orbits.signs)).violation == (
        "generator 1 of p, (1 2 3) moves entry (1, 2) to (2, 3), but their labels differ: 2 and 1"
    )


def test_a_wrong_sign_is_named():
    orbits = eq.orbits("~p -> p where p = S(2)")
    assert orbits.signs.tolist() == [[1, 1], [-1, -1]]
    found = certify(orbits.mapping, joined(orbits.labels, changed(orbits.signs, at={(1, 1): 1})))
    assert found.violation == "generator 1 of p, (1 2) moves entry (1, 1) to (2, 2), but their signs do not fit"
    assert not found


def test_two_orbits_merged_are_named_by_a_pair_that_is_not_reached():
    orbits = eq.orbits(EDGES)
    merged = np.where(orbits.labels == 2, 1, orbits.labels)
    found = certify(orbits.mapping, joined(merged, orbits.signs))
    assert (found.rank, found.violation, found.burnside) == (2, "", 3)
    assert found.apart == (
        "({1,2}, {3,4}) has the label 1, but no product of generators moves the first pair of that label there"
    )


def test_an_orbit_split_is_named_by_a_generator_that_joins_its_parts():
    orbits = eq.orbits("p -> p where p = C(4)")
    split = np.array(orbits.labels)
    split[2:][orbits.labels[2:] == 1] = 4
    found = certify(orbits.mapping, joined(split, orbits.signs))
    assert found.rank == 5
    assert found.violation == (
        "generator 1 of p, (1 2 3 4) moves entry (2, 3) to (3, 4), but their labels differ: 1 and 4"
    )


def test_a_zero_that_nothing_forces_is_named():
    orbits = eq.orbits(FORCED)
    assert orbits.labels.tolist() == [[0, -1], [-1, 1]]
    labels, signs = np.array(orbits.labels), np.array(orbits.signs)
    labels[0, 0], signs[0, 0] = -1, 0
    found = certify(orbits.mapping, joined(labels, signs))
    assert found.apart == "(1, 1) is held at zero, but the signs do not force it to be"
    assert not found
    # Unsigned, where nothing is ever forced.
    ring = eq.orbits("p -> p where p = C(3)")
    labels = np.where(ring.labels == 1, -1, ring.labels)
    assert certify(ring.mapping, joined(labels)).apart == (
        "(1, 2) is held at zero, but the signs do not force it to be"
    )


def test_a_weight_where_the_signs_force_zero_is_named():
    orbits = eq.orbits(FORCED)
    labels, signs = np.array(orbits.labels), np.array(orbits.signs)
    labels[0, 1], signs[0, 1] = 2, 1
    found = certify(orbits.mapping, joined(labels, signs))
    assert found.violation == ("generator 1 of p, (1 -1) moves entry (1, 2) to (1, 2), but their signs do not fit")


@pytest.mark.parametrize("text", [FLOWS, EDGES, "p -> p where p = S(9)", TURNED, RING])
def test_zero_everywhere_is_no_weight(text):
    # Invariant it is: but nothing is multiplied by it.
    orbits = eq.orbits(text)
    bad = dataclasses.replace(orbits.form, signed_labels=0 * orbits.form.signed_labels)
    assert not certify_form(orbits.mapping, bad)


def test_the_signs_of_a_support_cannot_be_left_away():
    orbits = eq.orbits(TURNED)
    assert (orbits.form.signed_labels < 0).any()
    found = certify_form(
        orbits.mapping, dataclasses.replace(orbits.form, signed_labels=np.abs(orbits.form.signed_labels))
    )
    assert not found
    assert found.violation.startswith("generator ")


def test_damage_within_a_support_is_named():
    orbits = eq.orbits(RING)
    form = orbits.form
    labels = parted(form.signed_labels)[0]
    assert labels.tolist()[:3] == [0, 1, 2]
    swapped = certify_form(orbits.mapping, with_labels(form, changed(labels, at={0: 1, 1: 0})))
    assert swapped == Certificate(
        3,
        "generator 1 of p, (1 2 3 4 5 6) moves entry (1, 1) to one of another label or sign",
        "",
        None,
        LEFT_OUT,
        "every pair of the support",
    )
    merged = certify_form(orbits.mapping, with_labels(form, np.where(labels == 2, 1, labels)))
    assert (merged.violation, bool(merged)) == ("", False)
    assert merged.apart == "(1, 4) is not reached from the first pair of its label"
    split = np.array(labels)
    split[split.tolist().index(2)] = 3
    assert certify_form(orbits.mapping, with_labels(form, split)).violation == (
        "generator 1 of p, (1 2 3 4 5 6) moves entry (1, 4) to one of another label or sign"
    )
    turned = eq.orbits(TURNED)
    labels, signs = parted(turned.form.signed_labels)
    bad = with_labels(turned.form, labels, changed(signs, at={0: -1}))
    assert certify_form(turned.mapping, bad).violation.endswith(" to one of another label or sign")


@pytest.mark.parametrize("place", range(4))
def test_a_pair_that_a_support_lacks_is_named(place):
    mapping = eq.mapping("1 -> p where p = C(4) support 1 <- 1")
    left = np.delete(np.arange(4), place)
    bad = dataclasses.replace(
        mapping.support,
        indptr=np.searchsorted(left, np.arange(5)),
        indices=mapping.support.indices[left],
        signed_labels=mapping.support.signed_labels[left],
    )
    assert certify_form(mapping, bad).violation == (
        f"generator 1 of p, (1 2 3 4) moves a pair of the support to ({place + 1}, 1), which it lacks"
    )


# Damage inside a product, or to a formula


def with_factor(form: ProductLabels, block: int, place: int, factor) -> ProductLabels:
    factors = list(form.blocks[block].factors)
    factors[place] = factor
    blocks = list(form.blocks)
    blocks[block] = dataclasses.replace(blocks[block], factors=tuple(factors))
    return dataclasses.replace(form, blocks=tuple(blocks))


def test_damage_to_a_factor_is_named_with_its_axes():
    orbits = eq.orbits("h w -> h w where h = C(3), w = D(4)")
    own = orbits.form.blocks[0].factors
    swapped = with_labels(own[0], changed(parted(own[0].signed_labels)[0], at={(0, 1): 2}))
    found = certify_form(orbits.mapping, with_factor(orbits.form, 0, 0, swapped))
    assert found.violation == (
        "in the factor of h: generator 1 of h, (1 2 3) moves entry (1, 2) to (2, 3), but their labels differ: 2 and 1"
    )
    assert (found.scope, found.apart, found.rank, bool(found)) == ("the factors", "", 9, False)
    merged = with_labels(own[1], np.where(parted(own[1].signed_labels)[0] == 2, 1, parted(own[1].signed_labels)[0]))
    found = certify_form(orbits.mapping, with_factor(orbits.form, 0, 1, merged))
    assert found.apart == (
        "in the factor of w: (1, 3) has the label 1, but no product of generators moves the first pair of that label there"
    )
    assert (found.scope, found.violation, bool(found)) == ("the factors", "", False)


@pytest.mark.slow
@settings(max_examples=examples(30))
@given(declared_mappings(), st.data())
def test_every_change_of_any_factor_is_noticed(declared, data):
    assume(len(declared.axes) == 2)
    orbits = computed(declared)
    block = data.draw(st.integers(0, len(orbits.form.blocks) - 1), label="block")
    place = data.draw(st.integers(0, 1), label="factor")
    factor = orbits.form.blocks[block].factors[place]
    labels = damaged(data, parted(factor.signed_labels)[0])
    same = partition(labels) == partition(parted(factor.signed_labels)[0])
    bad = with_factor(orbits.form, block, place, with_labels(factor, labels))
    found = certify_form(orbits.mapping, bad)
    assert bool(found) == same
    if not same:
        name = list(declared.axes)[place]
        assert (found.violation or found.apart).startswith(f"in the factor of {name}: ")
        assert found.scope == "the factors"


def test_a_factor_of_axes_that_move_together_is_named_by_all_of_them():
    orbits = eq.orbits("s b t -> s t where s & b = Group((1 2 3), (2 3)) & Group((), (1 2)), t = C(2)")
    factor = orbits.form.blocks[0].factors[0]
    bad = with_labels(factor, np.zeros_like(parted(factor.signed_labels)[0]))
    found = certify_form(orbits.mapping, with_factor(orbits.form, 0, 0, bad))
    assert found.apart.startswith("in the factor of s & b: (1, (")


def test_damage_to_the_few_points_of_a_formula_is_named():
    orbits = eq.orbits("{p p} -> {p p} where p = S(100)")
    twin = orbits.form.stable_table
    for labels, message in [
        (np.where(parted(twin.signed_labels)[0] == 2, 1, parted(twin.signed_labels)[0]), "({1,2}, {3,4}) has the label 1, but no product of generators moves the first pair of that label there"),
        (changed(parted(twin.signed_labels)[0], at={(0, 0): 1}), "generator 1 of p, (1 2 3 4 5 6) moves entry ({1,2}, {1,2}) to ({2,3}, {2,3}), but their labels differ: 1 and 0"),
    ]:  # fmt: skip
        bad = dataclasses.replace(orbits.form, stable_table=with_labels(twin, labels))
        found = certify_form(orbits.mapping, bad)
        assert not found
        assert message in (found.apart, found.violation)
        assert found.scope.endswith("and here it is 100")


@pytest.mark.parametrize("group", ["C(100)", "D(100)"])
def test_the_formula_of_whole_groups_is_no_certificate_for_another_group(group):
    # The few points that are looked at say nothing of the generators: these have to be looked at, too.
    whole = eq.orbits("{p p} -> {p p} where p = S(100)").form
    other = eq.mapping(f"{{p p}} -> {{p p}} where p = {group}")
    assert not certify_form(other, whole)


def test_damage_to_a_formula_inside_a_product_is_named():
    orbits = eq.orbits("u v -> u v where u = S(2000), v = C(3)")
    form = orbits.form.blocks[0].factors[0]
    assert isinstance(form, StableLabels)
    bad = dataclasses.replace(
        form, stable_table=with_labels(form.stable_table, np.zeros_like(parted(form.stable_table.signed_labels)[0]))
    )
    found = certify_form(orbits.mapping, with_factor(orbits.form, 0, 0, bad))
    assert found.apart == (
        "in the factor of u: (1, 2) has the label 0, but no product of generators moves the first pair of that label there"
    )


@pytest.mark.parametrize(
    "text", ["p + q -> p + q where p = S(3), q = C(2)", "p + q -> p + q where p = S(3), q = C(3000)"]
)
@pytest.mark.parametrize(("field", "value"), [("offset", 0), ("left", 0)])
def test_factors_that_are_put_together_wrongly_are_noticed(text, field, value):
    orbits = eq.orbits(text)
    blocks = list(orbits.form.blocks)
    blocks[-1] = dataclasses.replace(blocks[-1], **{field: value})
    found = certify_form(orbits.mapping, dataclasses.replace(orbits.form, blocks=tuple(blocks)))
    assert not found
    assert found.violation == "the blocks do not lie side by side, or share labels"
    assert (found.apart, found.rank, found.scope) == ("", orbits.rank, "the blocks alone")


@pytest.mark.parametrize("n", [20, 200])
def test_a_formula_that_is_looked_up_wrongly_is_noticed(n, monkeypatch):
    orbits = eq.orbits(f"<p p> -> p where p = S({n})", limits=Limits(largest_plain_table=0))
    assert orbits.certificate()
    # All pairs are taken for the first one.
    monkeypatch.setattr(
        "eqgen.orbitals.stable._counted",
        lambda rows, columns: np.broadcast_to([0, 1, 1], (len(rows), len(columns), 3)),
    )
    assert not orbits.certificate()


def test_a_formula_that_is_looked_up_wrongly_in_places_is_noticed(monkeypatch):
    orbits = eq.orbits("<p p> -> p where p = S(200)", limits=Limits(largest_plain_table=0))
    counted = import_module("eqgen.orbitals.stable")._counted

    def wrong(rows, columns):
        found = counted(rows, columns)
        # The first pairs of all orbits meet the first points alone, and are right.
        found[rows[:, 0] >= 150] = [0, 1, 2]
        return found

    monkeypatch.setattr("eqgen.orbitals.stable._counted", wrong)
    found = orbits.certificate()
    assert not found
    named = re.fullmatch(
        r"(generator \d+ of p, .*) moves entry \((\d+), \((\d+),(\d+)\)\) to one of another label or sign",
        found.violation,
    )
    assert named, found
    # Of the two entries, here and where the generator moves it, one is among those that are looked up wrongly.
    (generator,) = (generator for generator in orbits.mapping.generators if generator.name == named[1])
    row = int(named[2]) - 1
    assert max(row, generator.output.image[row]) >= 150


def test_a_pair_that_a_support_leaves_out_without_a_reason_is_noticed():
    mapping = eq.mapping("j -> j", j=[([1, 0, 2], [1, 1, -1])], support=[(2, 2), (0, 2), (2, 0)])
    assert eq.orbits(mapping).certificate()
    bad = dataclasses.replace(mapping.support, forced=np.array([[2, 2]]))
    assert certify_form(mapping, bad).violation == (
        "(3, 3) was left out of the support, but the signs do not force it to be zero"
    )
    first = eq.mapping("p -> p where p = (1 2)(3) support 3 <- 3")
    bad = dataclasses.replace(first.support, forced=np.array([[0, 0]]))
    assert certify_form(first, bad).violation == (
        "(1, 1) was left out of the support, but the signs do not force it to be zero"
    )


@given(st.lists(st.integers(-1, 4), min_size=1, max_size=12), st.integers(1, 5))
def test_generation_starts_where_each_label_stands_first(labels, block):
    # Any pair of a label would prove as much, but what is said of "the first pair" has to be true, in large tables too.
    found = first_places(joined(labels), Limits(block=block))
    assert found.tolist() == [labels.index(label) for label in sorted(set(labels) - {-1})]


def test_labels_of_another_group_have_no_certificate():
    # Those of a subgroup are split, those of a larger group merged.
    small, large = eq.orbits("p -> p where p = C(6)"), eq.orbits("p -> p where p = D(6)")
    assert certify(large.mapping, small.pattern.signed_labels).violation
    assert certify(small.mapping, large.pattern.signed_labels).apart
    supports = [eq.orbits(f"p -> p where p = {group}(6) support 1 <- 2, 1 <- 6") for group in "CD"]
    assert certify_form(supports[1].mapping, supports[0].form).violation
    assert certify_form(dataclasses.replace(supports[0].mapping, support=None), supports[1].form).apart
    assert certify_form(supports[0].mapping, supports[1].form).violation == (
        "these are not the pairs of the support that was declared"
    )


@pytest.mark.parametrize("few", [True, False])
def test_many_starts_are_gone_through_as_few_are(few):
    # More than are held in a list at once; every other number, and a step that leads to the others or leads nowhere new.
    starts = np.arange(0, 64 if few else 2 * LARGEST_PIECE + 2, 2)
    total = starts.size * 2
    there = reached(starts, [lambda numbers: numbers ^ 1], total)
    assert there.dtype == bool
    assert there.all()
    assert np.array_equal(reached(starts, [lambda numbers: (numbers + 4) % total], total), np.arange(total) % 2 == 0)


# Size


@pytest.mark.parametrize("text", ["p -> p where p = D(1500)", "{p p} -> {p p} where p = C(50)"])
def test_a_certificate_needs_no_more_memory_than_a_table_that_fits_leaves(text):
    # A table is refused when 8 bytes for each pair are more than half of what the machine has.
    orbits = eq.orbits(text)
    pairs = orbits.labels.size
    tracemalloc.start()
    assert orbits.certificate()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak + orbits.labels.nbytes <= 16 * pairs


def test_a_certificate_of_a_support_holds_a_few_numbers_for_each_pair():
    side = 64
    orbits = eq.orbits(eq.mapping("p -> p", p=p4m((side, side)), support=eq.stencil(1, (side, side), wrap=True)))
    pairs = orbits.form.indices.size
    assert pairs == 9 * side * side
    tracemalloc.start()
    assert orbits.certificate()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Four generators, and as many of their products as are used, are kept as they move the pairs: not all that are formed
    # on the way, which would be 5 GB for an image of 1024 x 1024.
    assert peak <= 8 * 32 * pairs


def test_pairs_that_are_forced_to_zero_are_looked_at_together():
    # The flow over an edge says nothing of the flows over the edges that do not meet it: half of all pairs, in one orbit.
    n = 14
    mapping = eq.mapping(f"[p p] -> [p p] where p = S({n})", support=[(0, 0), ((0, 1), (2, 3))])
    orbits = eq.orbits(mapping)
    assert orbits.sizes.tolist() == [n * (n - 1) // 2]
    assert orbits.certificate()


@pytest.mark.parametrize("n", [1000, 1500])
def test_long_cycles_are_crossed_in_few_steps(n, monkeypatch):
    # One step at a time, a ring would need as many as it has points.
    steps = []

    def counted(starts, moves, total):
        def spied(move):
            def step(pairs):
                steps.append(pairs.size)
                return move(pairs)

            return step

        return reached(starts, [spied(move) for move in moves], total)

    from eqgen.orbitals.certificate import table

    monkeypatch.setattr(table, "reached", counted)
    assert eq.orbits(f"p -> p where p = C({n})").certificate()
    assert len(steps) < n
