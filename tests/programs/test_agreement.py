"""All lowerings stand for the weight matrix: in integers, and as the reference applies them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eqgen as eq
from eqgen.common.errors import DeclarationError
from eqgen.permutations import catalogue
from helpers.programs import MAPPINGS, SUPPORTED, dense, every_kind, kinds, lowered, programs_of
from helpers.sampling import examples
from helpers.strategies import declared_mappings


def check(orbits: eq.Orbits, seed: int = 0, programs: dict[str, eq.Program] | None = None) -> dict[str, eq.Program]:
    random = np.random.default_rng(seed)
    features, theta = random.normal(size=(2, orbits.shape[1], 2)), random.normal(size=(orbits.rank, 2, 3))
    weight = dense(orbits, theta)
    expected = np.einsum("mnio,bni->bmo", weight, features)
    scale = max(1.0, float(np.abs(weight).sum(axis=(1, 2)).max(initial=0)))
    programs = lowered(orbits) if programs is None else programs
    integers = np.append(np.arange(1, orbits.rank + 1), 0)[orbits.labels] * orbits.signs
    for name, program in programs.items():
        assert np.array_equal(program.matrix(), integers), name
        assert np.allclose(program.run(features, theta), expected, rtol=0, atol=1e-12 * scale), name
    return programs


@pytest.mark.parametrize("name", MAPPINGS)
def test_groups_and_supports_of_every_kind(name):
    orbits, programs = programs_of(name)
    check(orbits, programs=programs)
    assert ("local" in programs) == (name in SUPPORTED)


def test_these_programs_are_of_every_kind():
    """Whoever adds a kind of operator or of entries adds a mapping whose program uses it; Keras executes these too."""
    programs = [program for name in MAPPINGS for program in programs_of(name)[1].values()]
    assert set().union(*(kinds(program.blocks) for program in programs)) == every_kind()


def test_a_torus_that_may_be_turned_goes_through_the_transform_of_its_shifts():
    assert "Fourier transform over 6 x 6, a subgroup" in str(programs_of("torus that turns")[1]["spectral"])


def test_generators_that_are_no_factors_of_a_product_are_split_into_such():
    """Of C(4) x C(2), by a and a b: their powers meet, so that elements of the largest order are looked for."""
    points = [(i, j) for i in range(4) for j in range(2)]
    shifts = [
        [points.index(((i + 1) % 4, (j + both) % 2)) for i, j in points] for both in (0, 1)
    ]  # fmt: skip
    planned = eq.program(eq.mapping("p -> p", p=shifts), lowering="spectral")
    assert "Fourier transform over 4 x 2 ->" in str(planned)


@pytest.mark.slow
@pytest.mark.parametrize("name", catalogue.names())
def test_every_catalogue_entry_in_every_lowering(name):
    orbits = eq.orbits(catalogue.entry(name).declaration)
    if orbits.rank:
        assert set(check(orbits)) >= {"gather", "auto"}


@pytest.mark.slow
@settings(max_examples=examples(120))
@given(declared_mappings(), st.integers(0, 100))
def test_random_groups_in_every_lowering(declared, seed):
    mapping = eq.mapping(declared.text, **declared.axes)
    orbits = eq.orbits(mapping)
    if orbits.rank:
        check(orbits, seed)


@st.composite
def signed_axes(draw):
    size = draw(st.integers(1, 6))
    generator = st.tuples(
        st.permutations(range(size)), st.lists(st.sampled_from([1, -1]), min_size=size, max_size=size)
    )
    return [(list(image), signs) for image, signs in draw(st.lists(generator, min_size=1, max_size=3))]


@pytest.mark.slow
@settings(max_examples=examples(80))
@given(signed_axes(), st.sampled_from(["j -> j", "j j -> j", "j -> j + 1", "{j j} -> j", "j -> ~j + j"]))
def test_random_signed_groups_in_every_lowering(axis, declaration):
    try:
        orbits = eq.orbits(eq.mapping(declaration, j=axis))
    except DeclarationError:
        return  # {j j} of one point
    if orbits.rank:
        check(orbits)


@pytest.mark.slow
@settings(max_examples=examples(60))
@given(declared_mappings(), st.data())
def test_random_supports_in_every_lowering(declared, data):
    mapping = eq.mapping(declared.text, **declared.axes)
    m, n = mapping.output.size, mapping.input.size
    pairs = data.draw(st.lists(st.tuples(st.integers(0, m - 1), st.integers(0, n - 1)), min_size=1, max_size=6))
    orbits = eq.orbits(eq.mapping(declared.text, **declared.axes, support=eq.closed(pairs)))
    if orbits.rank:
        assert "local" in check(orbits)


def test_a_lowering_that_cannot_serve_says_why():
    with pytest.raises(DeclarationError) as refused:
        eq.program("p -> p where p = C(60)", "pooled")
    assert str(refused.value) == (
        'p -> p where p = C(60) has no pooled program (60 orbits of pairs, and up to 52 are pooled): use lowering="auto"'
    )
    with pytest.raises(DeclarationError) as refused:
        eq.program("p -> p where p = C(60)", "local")
    assert str(refused.value) == (
        "p -> p where p = C(60) has no local program (it names no support, so every input is everybody's neighbour): "
        'use lowering="auto"'
    )
