"""Blocks of signed points: signs are found exactly where some choice of signs works, tried one by one."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eqgen as eq
from eqgen.permutations.signed_permutation import SignedPermutation
from eqgen.programs.lowering.block_systems import quotient, signed_quotient


@st.composite
def blocks_that_move(draw):
    """A few equal blocks, and generators that move them whole, with signs at random or, as often, of one character."""
    count, width = draw(st.sampled_from([(1, 2), (1, 4), (2, 2), (2, 3), (3, 2), (4, 2)]))
    tuned = np.array(draw(st.lists(st.sampled_from([-1, 1]), min_size=count * width, max_size=count * width)))
    moves = []
    for _ in range(draw(st.integers(1, 3))):
        outer = draw(st.permutations(range(count)))
        image = np.array(
            [outer[b] * width + inner for b in range(count) for inner in draw(st.permutations(range(width)))]
        )
        if draw(st.booleans()):
            signs = draw(st.sampled_from([-1, 1])) * tuned * tuned[image]
        else:
            signs = np.array(draw(st.lists(st.sampled_from([-1, 1]), min_size=image.size, max_size=image.size)))
        moves.append(SignedPermutation(image, signs.astype(np.int8)))
    return moves, np.repeat(np.arange(count), width)


def works(moves, blocks, signs) -> bool:
    """Whether every move sends the signed sum over each block to plus or minus that over another."""
    for move in moves:
        turned = signs * move.signs * signs[move.image]
        if any(len(set(turned[blocks == block])) > 1 for block in set(blocks)):
            return False
    return True


@given(blocks_that_move())
def test_signs_are_found_exactly_where_there_are_any(drawn):
    moves, blocks = drawn
    possible = any(works(moves, blocks, np.array(signs)) for signs in product([1, -1], repeat=blocks.size))
    found = signed_quotient(moves, blocks)
    assert (found is not None) == possible
    if found is not None:
        for move, like in zip(found, quotient(moves, blocks), strict=True):
            assert (move.image == like.image).all()


@given(blocks_that_move())
def test_a_signed_sum_over_blocks_is_equivariant(drawn):
    moves, blocks = drawn
    found = signed_quotient(moves, blocks)
    if found is None:
        return
    # The signs themselves are not returned: some choice of them has to be moved just as the quotient says.
    count, features = int(blocks.max()) + 1, np.eye(blocks.size)
    for signs in product([1, -1], repeat=blocks.size):
        pool = np.zeros((count, blocks.size))
        pool[blocks, np.arange(blocks.size)] = signs
        moved = [
            (pool @ move.applied(features, 0), small.applied(pool, 0)) for small, move in zip(found, moves, strict=True)
        ]
        if all((one == other).all() for one, other in moved):
            return
    pytest.fail("no choice of signs is moved like the quotient")


@pytest.mark.parametrize(
    ("declaration", "steps"),
    [
        (
            "~p -> ~p where p = S(30)",
            [
                "sum all points -> mix once -> add to every point",
                "every point -> mix at 30 points -> add to every point",
            ],
        ),
        (
            "~p -> ~p where p = wreath(S(5), S(6))",
            [
                "sum all points -> mix once -> add to every point",
                "sum to the 6 blocks of 5 signed points -> mix at 6 points -> add back from the 6 blocks of 5 signed points",
                "every point -> mix at 30 points -> add to every point",
            ],
        ),
    ],
)
def test_signed_points_cost_what_plain_ones_do(declaration, steps):
    signed, plain = eq.program(declaration), eq.program(declaration.replace("~", ""))
    lines = str(signed).splitlines()
    assert [line.strip() for line in lines if " -> mix " in line] == steps
    assert signed.cost().total == plain.cost().total
