"""Orbits that a group moves alike: the bijection is found whatever their points are called, and where there is none, none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eqgen as eq
from eqgen.permutations.signed_permutation import SignedPermutation
from eqgen.programs.lowering.isomorphic_orbits import isomorphism
from eqgen.programs.lowering.lowering import Action

TRANSITIVE = {
    "circle": lambda: eq.C(5).elements,
    "polygon": lambda: eq.D(6).elements,
    "all permutations, each a point": lambda: eq.regular(eq.S(3)).elements,
    "signs": lambda: eq.group([([1, 2, 3, 0], [1, 1, -1, 1]), ([0, 1, 2, 3], [-1, -1, -1, -1])]).elements,
    "cosets": lambda: eq.cosets(eq.A(4), "(1 2 3)(4)").elements,
}


def renamed(element: SignedPermutation, names: np.ndarray, signs: np.ndarray) -> SignedPermutation:
    """What an element does when point i is called names[i], and its sign is turned by signs[i]."""
    image, turned = np.empty_like(element.image), np.empty(element.size, dtype=np.int8)
    for point in range(element.size):
        there = element.image[point]
        image[names[point]] = names[there]
        turned[names[point]] = element.all_signs()[point] * signs[point] * signs[there]
    return SignedPermutation(image, turned if (turned < 0).any() else None)


@pytest.mark.parametrize("name", TRANSITIVE)
@given(data=st.data())
def test_a_space_is_isomorphic_to_itself_under_other_names(name, data):
    moves = TRANSITIVE[name]()
    size = moves[0].size
    names = np.array(data.draw(st.permutations(range(size))))
    signs = np.array(data.draw(st.lists(st.sampled_from([1, -1]), min_size=size, max_size=size)), dtype=np.int8)
    others = tuple(renamed(move, names, signs) for move in moves)
    found = isomorphism(Action("one", moves), Action("other", others))
    assert found is not None
    assert sorted(found.image.tolist()) == list(range(size))
    for move, other in zip(moves, others, strict=True):
        # First the bijection and then the other move, or the move and then the bijection.
        assert np.array_equal(other.image[found.image], found.image[move.image])
        assert np.array_equal(
            found.all_signs() * other.all_signs()[found.image], move.all_signs() * found.all_signs()[move.image]
        )


def test_spaces_that_the_group_moves_otherwise_are_not_isomorphic():
    forwards, backwards = eq.group("(1 2 3)(4 5 6), (1 4)(2 5)(3 6)"), eq.group("(1 2 3)(4 6 5), (1 4)(2 5)(3 6)")
    assert isomorphism(Action("one", forwards.elements), Action("other", backwards.elements)) is None
    assert isomorphism(Action("one", eq.C(4).elements), Action("other", eq.C(5).elements)) is None
    signed = eq.group([([1, 2, 0], [1, 1, -1])])
    assert isomorphism(Action("one", eq.C(3).elements), Action("other", signed.elements)) is None
