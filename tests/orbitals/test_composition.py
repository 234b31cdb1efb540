"""Chains of mappings: which chain, and what a generator does to every space on the way."""

from __future__ import annotations

import numpy as np
import pytest

import eqgen as eq
from eqgen.orbitals.composition import chain_of, moves_of

ROWS = ["r c -> r where r = S(3), c = S(2)", "r -> r r where r = S(3)"]


def test_a_chain_is_one_mapping_for_each_layer_or_one_for_all():
    assert [str(mapping) for mapping in chain_of(ROWS, 2)] == ROWS
    assert chain_of(ROWS[0], 3)[1:] == [eq.mapping("r -> r where r = S(3)")] * 2
    square = eq.mapping("p -> p where p = C(4)")
    assert chain_of(square, 2) == [square, square]


@pytest.mark.parametrize(
    ("mappings", "length", "message"),
    [
        (ROWS, 3, "there are 2 mappings and 3 widths: give one width for each layer"),
        (ROWS, 1, "there are 2 mappings and 1 width: give one width for each layer"),
        (
            ROWS[::-1],
            2,
            "layer 1 answers in r r where r = S(3), layer 2 takes r c where r = S(3), c = S(2): the spaces of a network chain, "
            "the output of each layer is the input of the next",
        ),
    ],
)
def test_what_is_no_chain_is_refused(mappings, length, message):
    with pytest.raises(eq.DeclarationError) as refused:
        chain_of(mappings, length)
    assert str(refused.value) == message


def test_a_generator_moves_every_space_of_a_chain():
    chain = chain_of(ROWS, 2)
    moves = list(zip(*moves_of(chain), strict=True))
    assert {tuple(element.size for element in spaces) for spaces in moves} == {(6, 3, 9)}
    # By hand: a permutation of the rows moves cells (row, column), rows, and pairs of rows; one of the columns only cells.
    seen = set()
    for cells, rows, pairs in moves:
        row = rows.image
        assert np.array_equal(pairs.image, (3 * row[:, None] + row[None, :]).ravel())
        column = cells.image.reshape(3, 2)[0] % 2
        assert np.array_equal(cells.image, (2 * row[:, None] + column[None, :]).ravel())
        seen.add((tuple(row.tolist()), tuple(column.tolist())))
    assert ((0, 1, 2), (1, 0)) in seen
    assert len({row for row, _ in seen}) == 3


JOINT = eq.joint(h=[([1, 0, 3, 2], [1, 1, -1, -1])], v=[([0, 1, 2], [1, -1, 1])], g=[[1, 0]])
ALONE = {"h": [([1, 0, 3, 2], [1, 1, -1, -1])], "v": [([0, 1, 2], [1, -1, 1])], "g": [[1, 0]]}


@pytest.mark.parametrize("text", ["h -> h", "h -> g", "g v -> h", "v -> v"])
def test_a_joint_declaration_serves_mappings_that_mention_some_of_its_axes(text):
    """In every form: as a mapping, printed and read again, in a layer, verified."""
    found = eq.mapping(text, **JOINT)
    assert eq.mapping(found.declaration) == found
    mentioned = {name: generators for name, generators in ALONE.items() if name in text}
    declared = eq.joint(**mentioned) if len(mentioned) > 1 else mentioned
    assert eq.mapping(text, **declared) == found
    assert eq.verify(eq.EquivariantDense(2, found))


def test_some_axes_of_a_joint_declaration_have_a_stencil():
    ring = eq.joint(s=[[1, 2, 3, 4, 0], [0, 4, 3, 2, 1]], b=[[0, 1], [1, 0]])
    found = eq.mapping("s -> s", **ring, support=eq.stencil(1, wrap=True))
    assert eq.orbits(found).rank == 2


def test_a_network_between_named_arrays_follows_a_joint_declaration():
    model = eq.network(
        inputs={"a": ("h", 1), "b": ("v", 1)}, outputs={"c": ("h", 1)}, hidden={"g": 4}, depth=1, where=JOINT
    )
    assert eq.verify(model, training=False)
