"""What people type first and cannot be read: each time the line to write instead, whole."""

from __future__ import annotations

import subprocess
import sys

import networkx
import pytest

import eqgen as eq
from helpers.mistakes import mistake

S5 = "p -> p where p = S(5)"
D4 = "p -> p where p = D(4)"
Q8 = "Group((1 2 3 4)(5 6 7 8), (1 5 3 7)(2 8 4 6))"
NO_SIZE = "None is no size: write a number, as in S(5), or a letter for any size"


@pytest.mark.parametrize(
    ("text", "message", "character"),
    [
        ("p -> p where p = S(None)", NO_SIZE, 20),
        ("p -> p where p = wreath(S5, S(3))", "S5 is no group: write S(5)", 18),
        ("p -> p where p = D4", f"unexpected end; write {D4}", 20),
        ("p -> p where p = S5", f"unexpected end; write {S5}", 20),
        ("p -> p where p = d_4", f"unexpected end; write {D4}", 21),
        ("p -> p where p = S[5]", f"unexpected '['; write {S5}", 19),
        ("p -> p where p = D4, q = S(3)", f"unexpected ','; write {D4}, q = S(3)", 20),
        ("p -> p where p = S5 * S3", "unexpected '*'; write p -> p where p = S(5) * S(3)", 21),
        ("p -> p where p = Q8", f"unexpected end; write p -> p where p = {Q8}", 20),
        ("p -> p where p = Q(8)", f"Q names no group: write {Q8}", 18),
        ("p -> p where p = Z(5)", "Z names no group: write C(5)", 18),
        ("p -> p where p = s(5)", "s names no group: write S(5)", 18),
        ("p -> p were p = S(5)", f"unexpected '='; write {S5}", 15),
        ("p -> p Where p = S(5)", f"unexpected '='; write {S5}", 16),
        ("p -> p with p = S(5)", f"unexpected '='; write {S5}", 15),
        ("p -> p, p = S(5)", f"unexpected ','; write {S5}", 7),
        ("p -> p p = S(5)", f"unexpected '='; write {S5}", 10),
        ("p -> p where p: S(5)", f"unexpected ':'; write {S5}", 15),
        ("P -> P where p = S(5)", f"axis P is not declared, and p is: write {S5}", 1),
        ("node -> node where nodes = S(5)", "axis node is not declared, and nodes is: write nodes -> nodes where nodes = S(5)", 1),
        ("p → p where p = S(5)", f'this mapping has no "->": write {S5}', 21),
        ("p => p where p = S(5)", f'this mapping has no "->": write {S5}', 22),
        ("p −> p where p = S5", f'this mapping has no "->": write {S5}', 20),
        ("p --> p where p = S(5)", f"unexpected '-'; write {S5}", 3),
    ],
)  # fmt: skip
def test_the_line_to_write_instead_is_told(text, message, character):
    assert mistake(lambda: eq.mapping(text)).startswith(f"{message} (character {character})\n  {text}\n")


@pytest.mark.parametrize(
    "text", ["p -> p where p = ???", "p -> p where p = S5 ???", "p -> p p p", "h w → h w and more = (", "D4"]
)
def test_nothing_is_made_up_where_no_correction_can_be_read(text):
    assert "; write p" not in mistake(lambda: eq.mapping(text))
    assert "where p = S(5) ???" not in mistake(lambda: eq.mapping(text))


def test_a_long_text_is_not_guessed_at():
    # Spaces without end must not keep anybody waiting either.
    assert "; write" not in mistake(lambda: eq.mapping("p -> p" + " " * 100_000 + "were p = S(5)"))


def test_layers_groups_and_axes_tell_it_too():
    assert mistake(lambda: eq.EquivariantDense(4, "p → p where p = S(5)")).startswith(
        f"unexpected '→' in a pattern; write {S5} (character 3)"
    )
    assert mistake(lambda: eq.InvariantPool("p were p = S(5)")).startswith("unexpected '='; write p where p = S(5) (")
    assert mistake(lambda: eq.group("D4")) == "unexpected end; write D(4) (character 3)\n  D4\n    ^"
    assert mistake(lambda: eq.mapping("p -> p", p="S5")).startswith("axis p: unexpected end; write S(5) (")
    assert mistake(lambda: eq.mapping("P -> P", p=eq.S(5))) == (
        "axis P is not declared, and p is: write p -> p (character 1)\n  P -> P\n  ^"
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (networkx.path_graph(4), "expected a group, got Graph: write eq.automorphisms(graph), the group of its symmetries"),
        (5, "expected a group, got int: write eq.S(5), all rearrangements of so many points, or eq.C(5), those of a ring"),
        (eq.D, "expected a group, got function: write eq.D(5)"),
        (lambda a: a[::-1], "expected a group, got function: write eq.trace((8, 8), function), the group that functions of arrays generate"),
    ],
)  # fmt: skip
def test_what_a_group_is_made_of_is_no_group_yet(value, message):
    assert mistake(lambda: eq.group(value)) == message
    assert mistake(lambda: eq.mapping("n -> n", n=value)) == f"axis n: {message}"


def test_a_size_in_python_is_a_number():
    assert mistake(lambda: eq.S(None)) == "S(n) takes a whole number of points, got None: write S(5)"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("EquivarantDense", "eqgen has no EquivarantDense: did you mean eqgen.EquivariantDense?"),
        ("equivariantdense", "eqgen has no equivariantdense: did you mean eqgen.EquivariantDense?"),
        ("D4", "eqgen has no D4: write eqgen.D(4)"),
        ("Q8", f"eqgen has no Q8: write eqgen.group('{Q8}')"),
        ("nothing", "eqgen has no nothing"),
    ],
)
def test_a_misspelt_name_is_told_with_the_one_that_is_meant(name, message):
    with pytest.raises(AttributeError) as told:
        getattr(eq, name)
    assert str(told.value) == message
    assert not hasattr(eq, "_nothing")


def test_looking_for_a_name_imports_no_keras():
    code = "import sys, eqgen\nassert not hasattr(eqgen, 'EquivarantDense')\nassert 'keras' not in sys.modules\n"
    subprocess.run([sys.executable, "-c", code], check=True)
