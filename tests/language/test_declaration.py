"""The declaration language: what parses, and each mistake with its whole message and its caret."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given, settings

import eqgen as eq
from helpers.strategies import nested_lists, texts

WITHOUT_CARET = "the declaration is empty: write "


def mistake(read, *arguments, **axes) -> str:
    with pytest.raises(eq.DeclarationError) as caught:
        read(*arguments, **axes)
    return str(caught.value)


def character_named(message: str, text: str) -> str:
    """The character of `text` whose line and number the message gives."""
    line, column = re.search(r"\((?:line (\d+), )?character (\d+)\)$", message.split("\n", maxsplit=1)[0]).groups()
    lines = text.split("\n")
    # A message counts lines only where there are several.
    row = int(line) - 1 if line else next(number for number, shown in enumerate(lines) if shown.strip())
    return (lines[row] + " ")[int(column) - 1]


def character_pointed_at(message: str) -> str:
    """The character that stands above the caret."""
    _, shown, caret = message.split("\n")
    assert caret.strip() == "^"
    return (shown + " ")[caret.index("^")]


def assert_refused(read, text: str, expected: str, character: str) -> None:
    message = mistake(read, text)
    assert message == expected
    assert character_named(message, text) == character_pointed_at(message) == character


# What parses


@pytest.mark.parametrize(
    "text",
    [
        "p->p where p=S(3)",
        "  p  ->  p  where  p  =  S ( 3 )  ",
        "p -> p\nwhere p = S(3)",
        "\n\tp -> p where\n\tp = S(3)\n",
        "p -> p where p = S(3)  # the items of a set",
        "# the items of a set\np -> p # both sides\nwhere p = S(3)",
        "p -> p where p = (S(3))",
        "p -> p where p = Group(S(3))",
        "items -> items where items = S(3)",
        "_x1 -> _x1 where _x1 = S(3)",
        "S -> S where S = S(3)",
    ],
)
def test_spaces_lines_comments_brackets_and_names_do_not_matter(text):
    assert eq.mapping(text) == eq.mapping("p -> p where p = S(3)")


@pytest.mark.parametrize(
    "text",
    [
        "p q -> q where p = (1 2), (1 2 3), q = (1 2 3)(4 5), (1 2)",
        "p q -> q where p = (1 2),(1 2 3),q = (1 2 3)(4 5),(1 2)",
        "p q -> q where q = (1,2,3)(4,5), (1,2), p = (1 2)(3), (1, 2, 3)",
        "p q -> q where p = Group((1 2), (1 2 3)), q = Group((1 2 3)(4 5), (1 2))",
    ],
)
def test_a_comma_ends_a_generator_or_an_axis(text):
    expected = eq.mapping("p q -> q", p=[[1, 0, 2], [1, 2, 0]], q=[[1, 2, 0, 4, 3], [1, 0, 2, 3, 4]])
    assert eq.mapping(text) == expected


# Mistakes in a mapping


@pytest.mark.parametrize(
    ("text", "expected", "character"),
    [
        (
            "p -> p",
            'axis p is not declared: add "where p = S(5)" or pass p=... (character 1)\n'
            "  p -> p\n"
            "  ^",
            "p",
        ),
        (
            "p -> {q q} where p = S(3)",
            'axis q is not declared: add ", q = S(5)" at the end or pass q=... (character 6)\n'
            "  p -> {q q} where p = S(3)\n"
            "       ^",
            "{",
        ),
        (
            "p -> p where p = S(3), q = S(4)",
            "axis q is declared but not used: use it in the mapping or drop it (character 24)\n"
            "  p -> p where p = S(3), q = S(4)\n"
            "                         ^",
            "q",
        ),
        (
            "p -> p where p = S(3), p = S(4)",
            "axis p is declared twice: give the second one another name (character 24)\n"
            "  p -> p where p = S(3), p = S(4)\n"
            "                         ^",
            "p",
        ),
        (
            "{p q} -> p where p = S(3), q = S(3)",
            "{p q} mixes the axes p and q: distinct points come from one axis; write {p p}, or p q for pairs over two axes "
            "(character 4)\n"
            "  {p q} -> p where p = S(3), q = S(3)\n"
            "     ^",
            "q",
        ),
        (
            "p -> <p p q> where p = S(3), q = S(3)",
            "<p p q> mixes the axes p and q: distinct points come from one axis; write <p p p>, or p q for pairs over two "
            "axes (character 11)\n"
            "  p -> <p p q> where p = S(3), q = S(3)\n"
            "            ^",
            "q",
        ),
        (
            "{p p} -> p where p = S(1)",
            "{p p} is empty: p = S(1) has only 1 point, and 2 distinct ones are asked for (character 1)\n"
            "  {p p} -> p where p = S(1)\n"
            "  ^",
            "{",
        ),
        (
            "p -> p + <p p p> where p = (1 2)",
            "<p p p> is empty: p = (1 2) has only 2 points, and 3 distinct ones are asked for (character 10)\n"
            "  p -> p + <p p p> where p = (1 2)\n"
            "           ^",
            "<",
        ),
        (
            "p -> p p p where p = S(1000)",
            "p p p has more than 20000000 points, the most that eqgen numbers: use smaller axes or fewer factors "
            "(character 10)\n"
            "  p -> p p p where p = S(1000)\n"
            "           ^",
            "p",
        ),
        (
            "{p p p} -> p where p = S(1000)",
            "{p p p} has more than 20000000 points, the most that eqgen numbers: use smaller axes or fewer factors "
            "(character 1)\n"
            "  {p p p} -> p where p = S(1000)\n"
            "  ^",
            "{",
        ),
        (
            "p -> u v + 1 where u = S(5000), v = S(4000), p = S(2)",
            "u v + 1 has more than 20000000 points, the most that eqgen numbers: use smaller axes or fewer factors "
            "(character 12)\n"
            "  p -> u v + 1 where u = S(5000), v = S(4000), p = S(2)\n"
            "             ^",
            "1",
        ),
        (
            "p -> 2 where p = S(3)",
            "2 is no factor: the only number is 1, one fixed point; 2 points that a group moves need an axis (character 6)\n"
            "  p -> 2 where p = S(3)\n"
            "       ^",
            "2",
        ),
        (
            "p + 0 -> p where p = S(3)",
            "0 is no factor: the only number is 1, one fixed point; 0 points that a group moves need an axis (character 5)\n"
            "  p + 0 -> p where p = S(3)\n"
            "      ^",
            "0",
        ),
        (
            "p p",
            'this mapping has no "->": write "input -> output", like "p -> p where p = S(5)" (character 4)\n'
            "  p p\n"
            "     ^",
            " ",
        ),
        (
            "p -> where = S(3)",
            "unexpected 'where': expected \"<\", \"[\", \"{\", \"~\", a name or a number (character 6)\n"
            "  p -> where = S(3)\n"
            "       ^",
            "w",
        ),
        (
            "where -> 1 where where = S(3)",
            "unexpected 'where': expected \"<\", \"[\", \"{\", \"~\", a name or a number (character 1)\n"
            "  where -> 1 where where = S(3)\n"
            "  ^",
            "w",
        ),
        (
            "p -> p & p",
            "unexpected '&': expected \"+\", \"<\", \"[\", \"where\", \"{\", \"~\", a name, a number or the end (character 8)\n"
            "  p -> p & p\n"
            "         ^",
            "&",
        ),
        (
            "p -> p where p S(3)",
            "unexpected 'S': expected \"&\" or \"=\" (character 16)\n"
            "  p -> p where p S(3)\n"
            "                 ^",
            "S",
        ),
        (
            "p -> {p p where p = S(3)",
            "unexpected 'where': expected \"}\" or a name (character 11)\n"
            "  p -> {p p where p = S(3)\n"
            "            ^",
            "w",
        ),
        (
            "p -> p\nwhere p = S(3),\n  q = S(4)\n",
            "axis q is declared but not used: use it in the mapping or drop it (line 3, character 3)\n"
            "    q = S(4)\n"
            "    ^",
            "q",
        ),
        (
            "p -> p where p = S(3), (1 2)",
            "a list of generators stands only directly after p =: inside an expression write Group((1 2), (3 4)) "
            "(character 24)\n"
            "  p -> p where p = S(3), (1 2)\n"
            "                         ^",
            "(",
        ),
    ],
)  # fmt: skip
def test_a_mistake_in_a_mapping_is_named_and_pointed_at(text, expected, character):
    assert_refused(eq.mapping, text, expected, character)


def test_a_space_of_the_most_points_that_are_numbered_is_taken():
    # One point more is refused above.
    assert eq.mapping("u v -> 1 where u = S(5000), v = S(4000)").input.size == 20_000_000


def test_a_number_too_long_to_read_is_cut_in_the_message():
    shown = "1" * 27 + "..."
    assert mistake(eq.mapping, "1" * 50 + " -> 1") == (
        f"{shown} is no factor: the only number is 1, one fixed point; {shown} points that a group moves need an axis "
        f"(character 1)\n  {'1' * 50} -> 1\n  ^"
    )


@pytest.mark.parametrize("text", ["", "   ", "\n\n", "# nothing but a comment", "\n # one\n\t# two\n"])
@pytest.mark.parametrize(
    ("read", "wanted"),
    [
        (eq.mapping, 'a mapping, like "p -> p where p = S(5)"'),
        (eq.group, 'a group, like "S(5)" or "(1 2 3)(4 5), (1 2)"'),
        (eq.pattern, 'a pattern, like "a b; b a"'),
    ],
    ids=["mapping", "group", "pattern"],
)
def test_an_empty_declaration_says_what_to_write(read, wanted, text):
    assert mistake(read, text) == WITHOUT_CARET + wanted


@pytest.mark.parametrize(
    ("declaration", "axes", "expected"),
    [
        ("p -> p", {"p": "S(3)", "q": "S(4)"}, "axis q is declared but not used in 'p -> p': use it or drop the keyword"),
        (
            "p -> p where p = S(3)",
            {"p": "S(3)"},
            "axis p is declared here and as a keyword: keep one of the two (character 14)\n"
            "  p -> p where p = S(3)\n"
            "               ^",
        ),
        (
            "p -> p",
            {"p": [[1, 1]]},
            "axis p: generator 1 is no permutation: it sends both point 0 and point 1 to 1, and no point to 0; each point "
            "must be reached once",
        ),
        (
            "p -> p",
            {"p": "S(0)"},
            "axis p: S(0) has no points: write S(1) or more (character 1)\n"
            "  S(0)\n"
            "  ^",
        ),
        (5, {}, 'expected a text, got int: write a mapping, like "p -> p where p = S(5)"'),
        (None, {}, 'expected a text, got NoneType: write a mapping, like "p -> p where p = S(5)"'),
    ],
)  # fmt: skip
def test_a_mistake_in_a_keyword_names_the_axis(declaration, axes, expected):
    assert mistake(eq.mapping, declaration, **axes) == expected


def test_a_finished_mapping_takes_no_more_axes():
    finished = eq.mapping("p -> p where p = S(3)")
    assert mistake(eq.mapping, finished, q=eq.S(2)) == (
        "q: a finished mapping takes no more axes and no support; declare them with its text"
    )


# Mistakes in a group


@pytest.mark.parametrize(
    ("text", "expected", "character"),
    [
        (
            "(1 2 1)",
            "a cycle repeats point 1: each point of a cycle goes to the next one, so it is named once (character 6)\n"
            "  (1 2 1)\n"
            "       ^",
            "1",
        ),
        (
            "(1 2)(3 2)",
            "point 2 stands in two cycles of one generator: write disjoint cycles, or a comma between two generators "
            "(character 9)\n"
            "  (1 2)(3 2)\n"
            "          ^",
            "2",
        ),
        (
            "(1 2), (2 0)",
            "point 0 in a cycle: points in text are numbered from 1 (character 11)\n"
            "  (1 2), (2 0)\n"
            "            ^",
            "0",
        ),
        (
            "()",
            "no point is named: for the trivial group on three points write (1)(2)(3) (character 1)\n"
            "  ()\n"
            "  ^",
            "(",
        ),
        (
            "S(2) * S(0)",
            "S(0) has no points: write S(1) or more (character 8)\n"
            "  S(2) * S(0)\n"
            "         ^",
            "S",
        ),
        (
            "wreath(S(2), Z(3))",
            "Z names no group: write C(3) (character 14)\n"
            "  wreath(S(2), Z(3))\n"
            "               ^",
            "Z",
        ),
        (
            'catalogue("rubikscube")',
            'the catalogue has no "rubikscube": did you mean "rubiks-cube"? (character 1)\n'
            '  catalogue("rubikscube")\n'
            "  ^",
            "c",
        ),
        (
            'catalogue("zzzzzz")',
            'the catalogue has no "zzzzzz": `eqgen catalogue` lists them (character 1)\n'
            '  catalogue("zzzzzz")\n'
            "  ^",
            "c",
        ),
        (
            "S(3, 4)",
            "S takes 1 argument as in S(5), got 2 (character 1)\n"
            "  S(3, 4)\n"
            "  ^",
            "S",
        ),
        (
            "C(C(3))",
            "C takes 1 argument as in C(5), got another kind (character 1)\n"
            "  C(C(3))\n"
            "  ^",
            "C",
        ),
        (
            "wreath(S(3))",
            "wreath takes 2 arguments as in wreath(S(3), S(4)), got 1 (character 1)\n"
            "  wreath(S(3))\n"
            "  ^",
            "w",
        ),
        (
            "S((1 2))",
            "S(...) takes no bare cycles: write Group(...) around a list of generators (character 1)\n"
            "  S((1 2))\n"
            "  ^",
            "S",
        ),
        (
            "S(99999999)",
            "S(99999999) has 99999999 points: eqgen takes at most 10000000 (character 1)\n"
            "  S(99999999)\n"
            "  ^",
            "S",
        ),
        (
            "(1 99999999)",
            "a cycle has 99999999 points: eqgen takes at most 10000000 (character 1)\n"
            "  (1 99999999)\n"
            "  ^",
            "(",
        ),
        (
            "S(1000000000000000000000)",
            "the number 1000000000000000000000 is too large (character 3)\n"
            "  S(1000000000000000000000)\n"
            "    ^",
            "1",
        ),
        (
            "S(3) S(4)",
            "unexpected 'S': expected \"*\" or the end (character 6)\n"
            "  S(3) S(4)\n"
            "       ^",
            "S",
        ),
    ],
)  # fmt: skip
def test_a_mistake_in_a_group_is_named_and_pointed_at(text, expected, character):
    assert_refused(eq.group, text, expected, character)


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        (
            "(1 2)(2 3)",
            "point 2 stands in two cycles of one generator: write disjoint cycles, or a comma between two generators",
        ),
        ("S(0)", "S(0) has no points: write S(1) or more"),
        ('catalogue("no")', 'the catalogue has no "no": `eqgen catalogue` lists them'),
    ],
)
def test_a_mistake_in_the_group_of_a_mapping_points_into_the_mapping(group, expected):
    text = f"p -> p where p = {group}"
    message = mistake(eq.mapping, text)
    assert message.split(" (character")[0] == expected
    assert message.split("\n")[1] == f"  {text}"
    assert character_named(message, text) == character_pointed_at(message)


@pytest.mark.parametrize("place", [0, 20, 60, 80])
def test_a_long_line_is_cut_and_the_caret_stays_under_its_character(place):
    pairs = [f"({2 * number + 1} {2 * number + 2})" for number in range(80)]
    text = "".join(pairs[:place]) + "?" + "".join(pairs[place:])
    message = mistake(eq.group, text)
    assert len(message.split("\n")[1]) <= 110
    assert character_named(message, text) == character_pointed_at(message) == "?"


def test_a_tab_before_the_mistake_does_not_move_the_caret():
    message = mistake(eq.mapping, "p\t->\tp\t?\t")
    assert message.split("\n")[1:] == ["  p -> p ? ", "         ^"]


# Mistakes in a pattern


@pytest.mark.parametrize(
    ("text", "expected", "character"),
    [
        (
            "a b c; a b",
            "row 2 of the pattern has 2 entries, row 1 has 3: every row needs the same number; write 0 where nothing may "
            "stand (character 8)\n"
            "  a b c; a b\n"
            "         ^",
            "a",
        ),
        (
            "a b\n\n  c",
            "row 2 of the pattern has 1 entry, row 1 has 2: every row needs the same number; write 0 where nothing may "
            "stand (line 3, character 3)\n"
            "    c\n"
            "    ^",
            "c",
        ),
        (
            "a b; b 1",
            "unexpected '1' in a pattern: entries are names, -names or 0, separated by spaces, rows by ; "
            '(a mapping has "->") (character 8)\n'
            "  a b; b 1\n"
            "         ^",
            "1",
        ),
        (
            "a, b",
            "unexpected 'a,' in a pattern: entries are names, -names or 0, separated by spaces, rows by ; "
            '(a mapping has "->") (character 1)\n'
            "  a, b\n"
            "  ^",
            "a",
        ),
        (
            "a --b; b a",
            "unexpected '--b' in a pattern: entries are names, -names or 0, separated by spaces, rows by ; "
            '(a mapping has "->") (character 3)\n'
            "  a --b; b a\n"
            "    ^",
            "-",
        ),
        (
            "a -0",
            "unexpected '-0' in a pattern: entries are names, -names or 0, separated by spaces, rows by ; "
            '(a mapping has "->") (character 3)\n'
            "  a -0\n"
            "    ^",
            "-",
        ),
        (
            "p -> p",
            "unexpected '->' in a pattern: entries are names, -names or 0, separated by spaces, rows by ; "
            '(a mapping has "->") (character 3)\n'
            "  p -> p\n"
            "    ^",
            "-",
        ),
    ],
)  # fmt: skip
def test_a_mistake_in_a_pattern_is_named_and_pointed_at(text, expected, character):
    assert_refused(eq.pattern, text, expected, character)


# Anything at all


@pytest.mark.parametrize("read", [eq.mapping, eq.group, eq.pattern], ids=["mapping", "group", "pattern"])
@settings(max_examples=150)
@given(text=texts())
def test_any_text_gives_a_value_or_a_declaration_error(read, text):
    message = ""
    try:
        read(text)
    except eq.DeclarationError as error:
        message = str(error)
    if "\n" in message:
        # A tab or the like is shown as a space.
        named, shown = character_named(message, text), character_pointed_at(message)
        assert named == shown or (named.isspace() and shown == " ")


@pytest.mark.parametrize("read", [eq.group, eq.pattern], ids=["group", "pattern"])
@settings(max_examples=150)
@given(value=nested_lists())
def test_any_nested_list_gives_a_value_or_a_declaration_error(read, value):
    with contextlib.suppress(eq.DeclarationError):
        read(value)
