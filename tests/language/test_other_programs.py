"""Groups as GAP, Sage, MAGMA and sympy write and print them, against generators typed by hand; and what cannot be read."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eqgen as eq

SWAP_AND_TURN = [[1, 2, 0], [1, 0, 2]]

MAGMA = """Permutation group G acting on a set of cardinality 6
Order = 12 = 2^2 * 3
    (1, 2, 3)
        (4, 5)
    (1, 2)
"""


@pytest.mark.parametrize(
    "text",
    [
        "[(1,2,3),(1,2)]",
        "[ (1,2,3), (1,2) ];",
        "(1,2,3), (1,2);",
        "((1,2,3), (1,2))",
        "GroupWithGenerators( [ (1,2,3), (1,2) ] )",
        "Group((1,2,3),(1,2));",
        "Group([ (1,2,3), (1,2) ])",
        "G := Group((1,2,3),(1,2));",
        "p = [(1,2,3), (1,2)]",
        "PermutationGroup([(1,2,3),(1,2)])",
        "PermutationGroup([[(1,2,3)],[(1,2)]])",
        "PermutationGroup(['(1,2,3)','(1,2)'])",
        "Permutation Group with generators [(1,2,3), (1,2)]",
        "sub<Sym(3) | (1,2,3), (1,2)>",
        "sub< Sym({1..3}) | [ (1,2,3), (1,2) ] >;",
        "PermutationGroup< 3 | (1,2,3), (1,2) >",
        "Permutation group acting on a set of cardinality 3\n    (1, 2, 3)\n    (1, 2)",
    ],
)
def test_the_same_group_in_the_words_of_other_programs(text):
    assert eq.group(text).generators.tolist() == SWAP_AND_TURN
    if "=" not in text and not text.startswith("Permutation "):
        assert eq.mapping(f"p -> p where p = {text}") == eq.mapping("p -> p", p=SWAP_AND_TURN)


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("SymmetricGroup(5)", "S(5)"),
        ("Sym(5)", "S(5)"),
        ("Sym([1..5])", "S(5)"),
        ("Sym( [ 1 .. 5 ] )", "S(5)"),
        ("SymmetricGroup([1..5]);", "S(5)"),
        ("Alt({1..5})", "A(5)"),
        ("AlternatingGroup(4)", "A(4)"),
        ("CyclicGroup(4)", "C(4)"),
        ("CyclicPermutationGroup(4)", "C(4)"),
        ("DihedralGroup(5)", "D(5)"),
        ("S(2) * [(1,2,3)]", "S(2) * C(3)"),
        ("wreath(Sym(3), [(1,2)])", "wreath(S(3), Group((1 2)))"),
        ("sub<Sym(5) | (1,2)>", "(1 2)(5)"),
        ("PermutationGroup([[(1,2),(3,4)],[(1,3)]])", "(1 2)(3 4), (1 3)"),
        (MAGMA, "(1 2 3)(4 5)(6), (1 2)"),
    ],
)
def test_a_group_of_another_program_is_one_of_ours(text, group):
    assert eq.group(text) == eq.group(group)


def test_lists_stand_wherever_a_group_does():
    assert eq.mapping("p q -> p where p = [(1,2,3), (1,2)], q = Sym(4);") == eq.mapping(
        "p q -> p where p = (1 2 3), (1 2), q = S(4)"
    )
    assert eq.mapping("s b -> s where s & b = [(1,2)] & [(3,4)]") == eq.mapping(
        "s b -> s where s & b = Group((1 2)) & Group((3 4))"
    )


def test_a_space_may_end_in_a_semicolon_too():
    from eqgen.orbitals.declare import one_space

    assert one_space("p where p = [(1,2,3), (1,2)];") == eq.mapping("p -> p where p = (1 2 3), (1 2)")


def test_a_list_of_gap_in_python_is_cycles_that_count_from_one():
    assert eq.group([(1, 2, 3), (1, 2)]).generators.tolist() == SWAP_AND_TURN
    assert eq.group([(1, 2), (3, 4)]) == eq.group("(1 2), (3 4)")
    assert eq.group([(1, 2, 0), (1, 0, 2)]).generators.tolist() == SWAP_AND_TURN


OUR_WORDS = 'a group is written like "S(5)", "(1 2 3)(4 5), (1 2)" or "[(1,2,3), (1,2)]"'


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            "DihedralGroup(10)",
            "DihedralGroup(10) has 10 elements in GAP and 20 in Sage, MAGMA and sympy: write D(5) for the first, D(10) for the "
            "second (character 1)\n  DihedralGroup(10)\n  ^",
        ),
        (
            "DihedralGroup(4)",
            "DihedralGroup(4) has 4 elements in GAP and 8 in Sage, MAGMA and sympy: write Group((1 2)(3 4), (1 3)(2 4)) for the "
            "first, D(4) for the second (character 1)\n  DihedralGroup(4)\n  ^",
        ),
        (
            "Sym([3..6])",
            "points are numbered from 1, and these from 3: write the generators as cycles, like (3 4 5), (3 4) (character 5)\n"
            "  Sym([3..6])\n      ^",
        ),
        (
            "<permutation group with 2 generators>",
            "GAP prints this where a group has not been listed: print GeneratorsOfGroup(G), which looks like [ (1,2,3), (1,2) ] "
            "(character 1)\n  <permutation group with 2 generators>\n  ^",
        ),
        (
            "Symmetric group of order 5! as a permutation group",
            "this is how Sage calls the group, without its generators: print G.gens(), which looks like [(1,2,3), (1,2)], or write "
            "S(5), A(5), C(5) or D(5) (character 1)\n  Symmetric group of order 5! as a permutation group\n  ^",
        ),
        (
            "PermutationGroup([(1 2)])",
            "PermutationGroup with spaces between points is how sympy prints a group, counting from 0: give the group itself, or "
            "write Group((1 2 3), (1 2)) to count from 1 (character 1)\n  PermutationGroup([(1 2)])\n  ^",
        ),
        (
            "PermutationGroup([(0 1)])",
            "point 0 in a cycle: points in text are numbered from 1; sympy counts from 0: give the group itself, or add 1 to every "
            "point (character 20)\n  PermutationGroup([(0 1)])\n                     ^",
        ),
        (
            "[1, 2, 0]",
            "unexpected '1': expected \"(\"; a text holds cycles, like [(1,2,3), (1,2)], and arrays are given in Python, like "
            "p=[[1, 2, 0], [1, 0, 2]] (character 2)\n  [1, 2, 0]\n   ^",
        ),
        ("eval('1')", f"unexpected '1': expected \"(\"; {OUR_WORDS} (character 7)\n  eval('1')\n        ^"),
        (
            "sub<Sym(3) | (1,5)>",
            "a cycle names point 5, and there are 3 (character 1)\n  sub<Sym(3) | (1,5)>\n  ^",
        ),
        (
            "sub<Alt(5) | (1,2,3)>",
            "sub takes all permutations of some points, and generators: write sub<Sym(5) | (1,2,3), (1,2)> (character 1)\n"
            "  sub<Alt(5) | (1,2,3)>\n  ^",
        ),
        (
            [(1, 2, 3)],
            "[(1, 2, 3)] has two readings, cycles and arrays that count from 1: write '(1 2 3)' for cycles, [(0, 1, 2)] for arrays, "
            "which count from 0",
        ),
    ],
    ids=str,
)
def test_what_cannot_be_read_is_told_with_a_line_that_can(value, message):
    with pytest.raises(eq.DeclarationError) as caught:
        eq.group(value)
    assert str(caught.value) == message


WORDS = [
    "Group(", "PermutationGroup", "sub", "Sym", "<", ">", "|", "[", "]", "{", "}", "..", "1", "5", "(1,2)", "(1 2)", "'", ";", ":=", "=", "G", ")", "(",
    ",", "Permutation group acting on a set of cardinality 5\n", "    (1, 2)\n", "Permutation Group with generators ", "DihedralGroup(", "&", "*",
]  # fmt: skip


@settings(max_examples=200)
@given(st.lists(st.sampled_from(WORDS), max_size=12))
def test_any_words_of_other_programs_are_a_group_or_a_mistake(words):
    for read in (eq.group, lambda text: eq.mapping(f"p -> p where p = {text}")):
        try:
            read("".join(words))
        except eq.DeclarationError:
            continue


@pytest.mark.parametrize(
    "text",
    [
        ";" * 100_000 + "x",
        "[" * 100_000,
        "PermutationGroup(" * 5_000,
        "PermutationGroup([(1" + " " * 100_000 + "2)])",
        "Permutation group acting on a set of cardinality 99999\n" + "    (1, 2)\n" * 1_000,
        "Permutation group " * 20_000,
        "<" * 100_000,
        "< group " * 20_000,
        "Symmetric " * 20_000,
        "Sym([1.." + "9" * 100_000 + "])",
        "[" + " " * 100_000 + "1",
        "__import__('os').system('true')",
    ],
    ids=lambda text: text[:20],
)
def test_a_hostile_text_is_refused_soon(text):
    started = time.process_time()
    with pytest.raises(eq.DeclarationError):
        eq.group(text)
    assert time.process_time() - started < 5
