"""Irreducible subspaces: their dimensions and structures are those of the textbooks."""

from __future__ import annotations

import pytest

import eqgen as eq
from eqgen.programs.lowering.isotypic import decomposed
from eqgen.programs.lowering.lowering import Action


def generalized_quaternions(half: int) -> list[list[int]]:
    """The group of x and y with x^(2 half) = 1, y^2 = x^half and y x = x^-1 y, as it multiplies itself from the left."""
    order = 2 * half

    def times(left: tuple[int, int], right: tuple[int, int]) -> tuple[int, int]:
        power = left[0] + (-right[0] if left[1] else right[0]) + (half if left[1] and right[1] else 0)
        return power % order, (left[1] + right[1]) % 2

    elements = [(power, turned) for turned in (0, 1) for power in range(order)]
    return [[elements.index(times(generator, element)) for element in elements] for generator in ((1, 0), (0, 1))]


# Each as (dimension, dimension of the maps of it to itself: 1 real, 2 complex, 4 quaternionic), as often as it occurs.
IRREDUCIBLE = {
    "C(6)": (lambda: eq.C(6), [(1, 1), (1, 1), (2, 2), (2, 2)]),
    "C(7)": (lambda: eq.C(7), [(1, 1), (2, 2), (2, 2), (2, 2)]),
    "D(5)": (lambda: eq.D(5), [(1, 1), (2, 1), (2, 1)]),
    "A(4)": (lambda: eq.A(4), [(1, 1), (3, 1)]),
    # Of a regular representation each real one occurs as often as its dimension over its structure tells.
    "S(3), regular": (lambda: eq.regular(eq.S(3)), [(1, 1), (1, 1), (2, 1), (2, 1)]),
    "A(4), regular": (lambda: eq.regular(eq.A(4)), [(1, 1), (2, 2), (3, 1), (3, 1), (3, 1)]),
    "quaternions": (lambda: eq.group(generalized_quaternions(2)), [(1, 1)] * 4 + [(4, 4)]),
    "dicyclic of order 12": (
        lambda: eq.group(generalized_quaternions(3)),
        [(1, 1), (1, 1), (2, 1), (2, 1), (2, 2), (4, 4)],
    ),
    "quaternions of order 16": (
        lambda: eq.group(generalized_quaternions(4)),
        [(1, 1)] * 4 + [(2, 1)] * 2 + [(4, 4)] * 2,
    ),
}


@pytest.mark.parametrize("name", IRREDUCIBLE)
def test_a_space_is_taken_apart_into_the_representations_that_textbooks_list(name):
    group, pieces = IRREDUCIBLE[name]
    decomposition = decomposed([Action("points", group().elements)])
    assert sorted((piece.basis.shape[1], piece.structure) for piece in decomposition.pieces) == pieces


def test_the_quaternions_are_mixed_by_four_numbers_and_a_matrix_of_four_by_four():
    points = "Group((1 2 3 4)(5 6 7 8), (1 5 3 7)(2 8 4 6))"
    found = eq.program(f"p -> p where p = {points}")
    assert "5 isotypic components of 1 orbit of 8 points -> mix 5 blocks -> back" in str(found)
    # 8 parameters, and as many multiply-adds as the entries of the blocks: 4 of one, and one of 4 x 4.
    assert found.cost(1, 1, 1).mixing == 4 + 4 * 4
