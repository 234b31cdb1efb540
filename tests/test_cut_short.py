"""Long groups and supports are cut short in everything that is printed for people; the whole text is asked for by name."""

from __future__ import annotations

import networkx
import numpy as np
import pytest

import eqgen as eq
from helpers.mistakes import mistake

BOARD = eq.trace((8, 8), np.rot90, np.fliplr)
SIGNED = eq.group([(np.roll(np.arange(40), 1), np.where(np.arange(40), 1, -1))])
LOCAL = eq.mapping("b -> b", b=BOARD, support=eq.stencil(1, (8, 8)))
WHOLE = eq.mapping("b -> b", b=BOARD)
LARGE = eq.group([np.roll(np.arange(1200), 7)])


@pytest.mark.parametrize("group", [BOARD, SIGNED, LARGE, BOARD * BOARD, eq.wreath(BOARD, "C(2)")])
def test_a_group_is_printed_on_one_short_line_and_its_text_parses_back(group):
    for printed in (str(group), repr(group), str(eq.joint(a=group, b=group))):
        assert len(printed) < 500
        assert group.text not in printed
    assert len(str(group)) < 170
    assert "...  # order" in str(group)
    assert eq.group(group.text) == group


@pytest.mark.parametrize("mapping", [LOCAL, WHOLE, eq.mapping("b b -> b", b=BOARD), eq.mapping("p -> p", p=LARGE)])
def test_a_mapping_and_what_is_made_of_it_print_in_short_and_the_declaration_parses_back(mapping):
    layer = eq.EquivariantDense(2, mapping, name="board")
    for printed in (mapping, eq.orbits(mapping), eq.program(mapping), layer, layer.program.title, mapping.axes):
        assert max(map(len, str(printed).split("\n"))) < 420
        assert mapping.axes[0].group.text not in str(printed)
        assert mapping.axes[0].group.text not in repr(printed)
    assert eq.mapping(mapping.declaration) == mapping
    assert hash(eq.mapping(mapping.declaration)) == hash(mapping)


def test_a_report_and_a_description_are_short():
    layer = eq.EquivariantDense(2, LOCAL, name="board")
    layer.build((None, 64, 1))
    for printed in (str(eq.verify(layer)), str(eq.describe(layer))):
        assert max(map(len, printed.split("\n"))) < 600
        assert BOARD.text not in printed


def built(mapping) -> eq.EquivariantDense:
    layer = eq.EquivariantDense(2, mapping)
    layer.build((None, layer.mapping.input.size, 1))
    return layer


MISTAKES = {
    "rank": lambda: eq.EquivariantDense(2, eq.mapping("p -> 1", p=SIGNED)),
    "bias": lambda: eq.EquivariantDense(2, eq.mapping("p -> p", p=SIGNED), use_bias=True),
    "activation": lambda: eq.EquivariantDense(2, eq.mapping("p -> p", p=SIGNED), activation="relu"),
    "signs": lambda: eq.InvariantPool(eq.mapping("p -> p", p=SIGNED)),
    "spaces": lambda: eq.InvariantPool(eq.mapping("b -> 1", b=BOARD)),
    "points": lambda: eq.InvariantPool(WHOLE)(np.zeros((2, 63, 1))),
    "support": lambda: eq.mapping("b -> b", b=BOARD, support=networkx.path_graph(64)),
    "lowering": lambda: eq.EquivariantDense(2, LOCAL, lowering="pooled"),
    "finer": lambda: built(WHOLE).restrict(eq.trace((8, 8), np.rot90, lambda a: np.roll(a, 1, 0))),
    "axes": lambda: built(eq.mapping("b c -> b c", b=BOARD, c=BOARD)).restrict("(64)"),
    "chain": lambda: eq.network([WHOLE, eq.mapping("c -> c", c=eq.trace((8, 8), np.rot90))], [2, 2]),
    "verify": lambda: eq.verify(lambda x: x[:3], WHOLE),
    "projection": lambda: eq.OrbitConstraint(WHOLE)(np.zeros((63, 64))),
    "empty": lambda: eq.mapping(f"{{{' '.join(['b'] * 65)}}} -> 1", b=BOARD),
    "unused": lambda: eq.mapping(f"b -> b where b = {BOARD.text}", q=BOARD),
    "subgroup": lambda: eq.subgroup(BOARD, eq.trace((8, 8), lambda a: np.roll(a, 1, 0))),
    "cosets": lambda: eq.cosets(BOARD, eq.trace((8, 8), lambda a: np.roll(a, 1, 0))),
    "regular": lambda: eq.regular(SIGNED),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_no_message_holds_a_long_group(name):
    message = mistake(MISTAKES[name])
    assert max(map(len, message.split("\n"))) < 800
    assert BOARD.text not in message
    assert SIGNED.text not in message
