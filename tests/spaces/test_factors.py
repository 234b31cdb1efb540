"""Factors and spaces: their points, numbers and names, and how they move, all by hand."""

from __future__ import annotations

from itertools import combinations, permutations, product
from math import comb, factorial, perm, prod

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from eqgen.language.syntax import ORIENTED, SUBSETS, TUPLES, TWISTED
from eqgen.permutations.signed_permutation import SignedPermutation
from eqgen.spaces.factors import FIXED_POINT, FactorKind
from eqgen.spaces.space import Factor, Space, from_parts, part_numbers, part_of
from helpers.drawn_mappings import (
    signed_generators,
)

KINDS = {
    "1": lambda n, k: FIXED_POINT,
    "p": lambda n, k: FactorKind(n, 1),
    "~p": lambda n, k: FactorKind(n, 1, TWISTED),
    "{}": lambda n, k: FactorKind(n, k, SUBSETS),
    "<>": lambda n, k: FactorKind(n, k, TUPLES),
    "[]": lambda n, k: FactorKind(n, 2, ORIENTED),
}


def members_by_hand(name: str, n: int, k: int) -> list[tuple[int, ...]]:
    """The members of every point of a factor, in order."""
    return {
        "1": lambda: [()],
        "p": lambda: [(i,) for i in range(n)],
        "~p": lambda: [(i,) for i in range(n)],
        "{}": lambda: list(combinations(range(n), k)),
        "<>": lambda: list(permutations(range(n), k)),
        "[]": lambda: list(combinations(range(n), 2)),
    }[name]()


def name_by_hand(name: str, members: tuple[int, ...]) -> str:
    around = {"{}": "{}", "<>": "()", "[]": "[]"}.get(name)
    shown = ",".join(str(member + 1) for member in members) or "1"
    return f"{around[0]}{shown}{around[1]}" if around else shown


def moved_by_hand(name: str, members: tuple[int, ...], image, signs) -> tuple[tuple[int, ...], int]:
    """Where a point goes and how its sign changes."""
    there = tuple(image[member] for member in members)
    sign = prod(signs[member] for member in members)
    if name == "~p":
        inversions = sum(a > b for a, b in combinations(image, 2))
        sign *= (-1) ** inversions
    if name == "[]" and there[0] > there[1]:
        sign = -sign
    return (tuple(sorted(there)) if name in ("{}", "[]") else there), sign


@st.composite
def drawn_factors(draw, largest: int = 6) -> tuple[str, int, int]:
    n = draw(st.integers(1, largest))
    name = draw(st.sampled_from([name for name in KINDS if name != "[]" or n > 1]))
    return name, n, draw(st.integers(1, min(n, 4)))


@settings(max_examples=100)
@given(drawn_factors(), st.integers(0, 2**32))
def test_the_members_of_any_factor_are_those_listed_by_hand(drawn, seed):
    kind, listed = KINDS[drawn[0]](*drawn[1:]), members_by_hand(*drawn)
    assert kind.count == len(listed)
    assert kind.size == len(listed[0])
    numbers = np.arange(kind.count)
    assert list(map(tuple, kind.members(numbers).tolist())) == listed
    assert kind.numbers(np.array(listed, dtype=int).reshape(len(listed), -1)).tolist() == numbers.tolist()
    # Any shape, any order, any number of times.
    random = np.random.default_rng(seed)
    some = random.integers(0, kind.count, size=(3, 1, 4))
    members = kind.members(some)
    assert members.shape == (3, 1, 4, kind.size)
    assert [tuple(point) for point in members.reshape(12, -1).tolist()] == [listed[number] for number in some.ravel()]
    assert np.array_equal(kind.numbers(members), some)
    if drawn[0] in ("{}", "[]"):
        assert np.array_equal(kind.numbers(random.permuted(members, axis=-1)), some)
    points = list(kind.points())
    assert [kind.point(number) for number in range(kind.count)] == points
    assert [kind.index(point) for point in points] == list(range(kind.count))
    assert [kind.name(point) for point in points] == [name_by_hand(drawn[0], members) for members in listed]
    larger = kind.on(drawn[1] + 1)
    assert (larger.size, larger.form) == (kind.size, kind.form)
    assert larger.count == len(members_by_hand(drawn[0], drawn[1] + 1, drawn[2]))


@pytest.mark.parametrize(
    ("kind", "point", "number"),
    [
        (FactorKind(300, 3, SUBSETS), (297, 298, 299), comb(300, 3) - 1),
        (FactorKind(300, 3, SUBSETS), (0, 1, 299), 297),
        (FactorKind(300, 3, SUBSETS), (1, 2, 3), comb(299, 2)),
        (FactorKind(60, 5, SUBSETS), (59, 58, 57, 56, 55), comb(60, 5) - 1),
        (FactorKind(24, 22, SUBSETS), tuple(range(22)), 0),
        (FactorKind(80, 78, SUBSETS), tuple(range(2, 80)), comb(80, 78) - 1),
        (FactorKind(24, 22, SUBSETS), tuple(range(2, 24)), comb(24, 22) - 1),
        (FactorKind(200, 3, TUPLES), (199, 198, 197), perm(200, 3) - 1),
        (FactorKind(200, 3, TUPLES), (1, 0, 2), 199 * 198),
        (FactorKind(9, 8, TUPLES), (8, 7, 6, 5, 4, 3, 2, 1), factorial(9) - 1),
        (FactorKind(6000, 2, ORIENTED), (5998, 5999), comb(6000, 2) - 1),
        (FactorKind(6000, 2, ORIENTED), (1, 2), 5999),
    ],
)
def test_points_of_large_factors_have_the_numbers_that_counting_gives(kind, point, number):
    assert kind.numbers(np.array(point)) == number == kind.index(point)
    expected = point if kind.form.ordered else tuple(sorted(point))
    assert kind.point(number) == tuple(kind.members(np.array(number)).tolist()) == expected


@settings(max_examples=100)
@given(drawn_factors(largest=5), st.data())
def test_any_factor_moves_as_by_hand(drawn, data):
    image, signs = data.draw(signed_generators(drawn[1], 1))[0]
    unsigned = data.draw(st.booleans())
    signs = [1] * drawn[1] if unsigned else signs
    element = SignedPermutation(np.array(image), None if unsigned else np.array(signs, dtype=np.int8))
    found = KINDS[drawn[0]](*drawn[1:]).act(element)
    listed = members_by_hand(*drawn)
    expected = [moved_by_hand(drawn[0], members, image, signs) for members in listed]
    assert [listed[number] for number in found.image] == [there for there, _ in expected]
    assert found.all_signs().tolist() == [sign for _, sign in expected]
    if unsigned and drawn[0] not in ("~p", "[]"):
        assert found.signs is None


@st.composite
def drawn_spaces(draw) -> tuple[list[list[tuple[str, int, int]]], list[list[int | None]]]:
    """Sums of products of any factors, and the axis of each; all factors of one axis have one degree."""
    degree = [draw(st.integers(2, 4)) for _ in range(3)]
    terms, axes = [], []
    for _ in range(draw(st.integers(1, 3))):
        term, own, size = [], [], 1
        for _ in range(draw(st.integers(1, 4))):
            axis = draw(st.integers(0, 2))
            name = draw(st.sampled_from(list(KINDS)))
            factor = (name, degree[axis], draw(st.integers(1, degree[axis])))
            if size * len(members_by_hand(*factor)) <= 60:
                size *= len(members_by_hand(*factor))
                term.append(factor)
                own.append(None if name == "1" else axis)
        if term:
            terms.append(term)
            axes.append(own)
    assume(terms)
    return terms, axes


def built(terms, axes) -> Space:
    return Space(
        tuple(
            tuple(Factor(KINDS[name](n, k), axis) for (name, n, k), axis in zip(term, own, strict=True))
            for term, own in zip(terms, axes, strict=True)
        )
    )


@settings(max_examples=50)
@given(drawn_spaces())
def test_numbers_points_and_names_of_any_space_belong_together(drawn):
    terms, axes = drawn
    space = built(terms, axes)
    by_hand = [(t, parts) for t, term in enumerate(terms) for parts in product(*(members_by_hand(*f) for f in term))]
    assert space.size == len(by_hand) == len(space.points)
    assert [space.point(number) for number in range(space.size)] == list(space.points)
    assert [space.index(point) for point in space.points] == list(range(space.size))
    for number, (t, parts) in enumerate(by_hand):
        named = [name_by_hand(name, members) for (name, _, _), members in zip(terms[t], parts, strict=True)]
        assert space.name(number) == (named[0] if len(named) == 1 else f"({', '.join(named)})")


@settings(max_examples=50)
@given(drawn_spaces(), st.data())
def test_any_space_moves_as_by_hand(drawn, data):
    terms, axes = drawn
    degree = {axis: n for term, own in zip(terms, axes, strict=True) for (_, n, _), axis in zip(term, own, strict=True)}
    degree.pop(None, None)
    moving = [axis for axis in degree if data.draw(st.booleans())]
    elements = {axis: data.draw(signed_generators(degree[axis], 1))[0] for axis in moving}
    found = built(terms, axes).act(
        {
            axis: SignedPermutation(np.array(image), np.array(signs, dtype=np.int8))
            for axis, (image, signs) in elements.items()
        }
    )
    by_hand = [(t, parts) for t, term in enumerate(terms) for parts in product(*(members_by_hand(*f) for f in term))]
    place = {point: number for number, point in enumerate(by_hand)}
    for number, (t, parts) in enumerate(by_hand):
        there, sign = [], 1
        for (name, _, _), axis, members in zip(terms[t], axes[t], parts, strict=True):
            moved, flip = moved_by_hand(name, members, *elements[axis]) if axis in elements else (members, 1)
            there.append(moved)
            sign *= flip
        assert (found.image[number], found.all_signs()[number]) == (place[t, tuple(there)], sign)


@settings(max_examples=50)
@given(
    drawn_spaces(),
    st.sampled_from([((0,), (1,), (2,)), ((2,), (0,), (1,)), ((0, 2), (1,)), ((1, 2), (0,)), ((0, 1, 2),)]),
)
def test_the_parts_of_points_are_those_of_their_own_factors_and_put_together_give_the_points(drawn, units):
    terms, axes = drawn
    space = built(terms, axes)
    for term, own, factors in zip(space.terms, axes, terms, strict=True):
        numbers = np.arange(Space((term,)).size)
        parts = [(unit, part_numbers(term, unit, numbers)) for unit in units]
        assert np.array_equal(from_parts(term, parts), numbers)
        for unit, found in parts:
            listed = list(product(*(members_by_hand(*f) for f, axis in zip(factors, own, strict=True) if axis in unit)))
            assert part_of(term, unit).size == len(listed)
            for number, whole in zip(found.tolist(), product(*(members_by_hand(*f) for f in factors)), strict=True):
                assert listed[number] == tuple(m for m, axis in zip(whole, own, strict=True) if axis in unit)
