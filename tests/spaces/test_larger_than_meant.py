"""Axes that move together by a group that none of them has: it is said where the mapping is printed."""

from __future__ import annotations

import pytest
from sympy.combinatorics import Permutation, PermutationGroup

import eqgen as eq

TRIANGLE = [[1, 2, 0], [1, 0, 2]]
"""S(3) on its points."""

ELEMENTS = [[1, 2, 0, 4, 5, 3], [3, 5, 4, 0, 2, 1]]
"""S(3) on its elements."""

SLIPPED = [[1, 2, 0, 4, 5, 3], [3, 4, 5, 0, 1, 2]]
"""The same with a slip in the second generator."""


def test_a_slip_in_a_table_is_said():
    """The order is sympy's, of the points of both axes side by side."""
    joined = [Permutation([*p, *(3 + image for image in w)]) for p, w in zip(TRIANGLE, SLIPPED, strict=True)]
    assert PermutationGroup(joined).order() == 18
    mapping = eq.mapping("p w -> w", **eq.joint(p=TRIANGLE, w=SLIPPED))
    said = (
        "p & w have order 18 together, and alone p has 6, w has 6: more than any of them needs; does generator k of each axis "
        "belong to the same element?"
    )
    assert str(mapping) == f"{mapping.declaration}  # {said}"
    assert repr(mapping).endswith(f"  # p & w: order 18, 2 orbits of 6, 3 points  # {said}")
    assert eq.mapping(str(mapping)) == mapping


@pytest.mark.parametrize(
    "axes",
    [
        {"p": TRIANGLE, "w": ELEMENTS},
        {"s": [[1, 2, 3, 4, 5, 0], [0, 5, 4, 3, 2, 1]], "b": [[0, 1, 2, 3], [3, 2, 1, 0]]},
    ],
    ids=["S(3)", "DNA"],
)
def test_what_matches_needs_no_word(axes):
    left, right = axes
    mapping = eq.mapping(f"{left} {right} -> {right}", **eq.joint(**axes))
    assert str(mapping) == mapping.declaration


def test_axes_with_nothing_in_common_are_said_too():
    (said,) = eq.mapping("p q -> q", **eq.joint(p="(1 2 3)", q="(1 -1)(3)")).larger_than_meant
    assert said.startswith("p & q have order 6 together, and alone p has 3, q has 2: ")
