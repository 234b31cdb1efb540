"""What generators and random elements do to pairs, against what they do by hand."""

from __future__ import annotations

from collections import Counter
from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy.combinatorics import Permutation as SympyPermutation
from sympy.combinatorics import PermutationGroup

import eqgen as eq
from eqgen.permutations.signed_permutation import SignedPermutation, doubled, inverse
from eqgen.spaces.pair_action import paired, random_actions
from helpers.drawn_mappings import (
    drawn_moves,
)


def laid_together(move) -> list[int]:
    """What a move does to outputs and inputs, each with its sign, laid one after the other."""
    output = doubled(move.output)
    return [*output.tolist(), *(output.size + doubled(move.input)).tolist()]


@settings(max_examples=40)
@given(drawn_moves(largest=5))
def test_random_elements_are_elements_of_the_group(generators):
    group = PermutationGroup([SympyPermutation(laid_together(move)) for move in generators])
    for move in islice(random_actions(generators), 5):
        assert group.contains(SympyPermutation(laid_together(move)))


@settings(max_examples=20)
@given(st.integers(2, 5), st.data())
def test_random_elements_of_one_space_are_elements_of_the_group(size, data):
    images = data.draw(st.lists(st.permutations(range(size)), min_size=1, max_size=3))
    elements = [SignedPermutation(np.array(image)) for image in images]
    generators = paired(elements, [SignedPermutation(element.image.copy()) for element in elements])
    group = PermutationGroup(list(map(SympyPermutation, images)))
    assert all(move.output is move.input for move in generators)
    for move in islice(random_actions(generators), 5):
        assert move.output is move.input
        assert group.contains(SympyPermutation(move.output.image.tolist()))


@pytest.mark.parametrize("group", [eq.S(4), eq.A(4), eq.D(5), eq.C(7), eq.group("(1 -2), (2 3)"), eq.group("(5)")])
def test_random_elements_are_all_elements_sooner_or_later_and_always_the_same_ones(group):
    edges = eq.mapping("{p p} -> p", p=group)
    generators = paired([found.output for found in edges.generators], [found.input for found in edges.generators])
    seen = [tuple(laid_together(move)) for move in islice(random_actions(generators), 40 * group.order)]
    assert len(set(seen)) == group.order
    # None is much more frequent than the others.
    assert max(Counter(seen).values()) < 120
    assert seen == [tuple(laid_together(move)) for move in islice(random_actions(generators), 40 * group.order)]
    if group.order > 1:
        assert seen != [
            tuple(laid_together(move)) for move in islice(random_actions(generators, seed=2), 40 * group.order)
        ]


def test_the_first_random_elements_of_a_long_cycle_are_powers_far_apart():
    """A tree of them is flat from the start: the powers before the first one handed out are small, and left out."""
    size = 100_003
    cycle = paired(*[[SignedPermutation(np.roll(np.arange(size), -1))]] * 2)
    firsts = [int(next(random_actions(cycle, seed)).output.image[0]) for seed in range(16)]
    # Of powers drawn evenly one in fifty is so near to none at all.
    assert sum(min(power, size - power) < size // 100 for power in firsts) <= 2
    following = [int(move.output.image[0]) for move in islice(random_actions(cycle), 16)]
    steps = [abs(later - earlier) for earlier, later in pairwise(following)]
    assert sum(min(step, size - step) < size // 100 for step in steps) <= 2


@given(drawn_moves())
def test_an_element_then_another_is_their_product(generators):
    first, second = generators[0], generators[-1]
    both = first.then(second)
    assert laid_together(both) == [laid_together(second)[place] for place in laid_together(first)]
    image = first.output.image
    assert image[inverse(image)].tolist() == inverse(image)[image].tolist() == list(range(image.size))
