"""Patterns: every form in which one is given or printed, and each mistake."""

from __future__ import annotations

import string
from itertools import chain, islice, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import ImmutableMatrix, Matrix, MatrixSymbol, SparseMatrix, Symbol, symbols

import eqgen as eq
from eqgen.orbitals.pattern import letter_name
from helpers.strategies import declared_mappings, typed_patterns

a, b, c = symbols("a b c")


def lines(entries: list[list[str]], between: str = "\n") -> str:
    return between.join(" ".join(row) for row in entries)


def mistake(value: object) -> str:
    with pytest.raises(eq.DeclarationError) as caught:
        eq.pattern(value)
    return str(caught.value)


def letter(entry: str) -> str:
    return entry.removeprefix("-")


# What the entries mean


@given(typed_patterns())
def test_labels_signs_and_names_are_those_of_the_entries(entries):
    pattern = eq.pattern(lines(entries))
    names = list(dict.fromkeys(letter(entry) for row in entries for entry in row if entry != "0"))
    assert pattern.names == tuple(names)
    assert pattern.rank == len(names)
    assert pattern.shape == (len(entries), len(entries[0]))
    assert pattern.labels.tolist() == [
        [-1 if entry == "0" else names.index(letter(entry)) for entry in row] for row in entries
    ]
    assert pattern.signs.tolist() == [
        [0 if entry == "0" else -1 if entry[0] == "-" else 1 for entry in row] for row in entries
    ]
    assert list(pattern.entries()) == entries


@given(typed_patterns())
def test_row_sizes_and_row_ranks_are_the_largest_in_any_row(entries):
    pattern = eq.pattern(lines(entries))
    rows = [[letter(entry) for entry in row if entry != "0"] for row in entries]
    assert pattern.row_sizes.tolist() == [max(row.count(name) for row in rows) for name in pattern.names]
    assert pattern.orbitals_per_row.tolist() == [
        max(len(set(row)) for row in rows if name in row) for name in pattern.names
    ]


def test_the_check_would_see_one_wrong_label_and_one_wrong_sign():
    pattern = eq.pattern("a -b; b a")
    assert pattern != eq.pattern("a -b; b b")
    assert pattern != eq.pattern("a b; b a")
    assert pattern != eq.pattern("a 0; b a")
    assert pattern != eq.pattern("a -b")


def test_names_are_numbered_in_the_order_of_first_appearance():
    pattern = eq.pattern("z y; y x")
    assert pattern.names == ("z", "y", "x")
    assert pattern.labels.tolist() == [[0, 1], [1, 2]]


def test_a_pattern_of_zeros_has_no_parameters():
    pattern = eq.pattern("0 0; 0 0")
    assert (pattern.rank, pattern.names, str(pattern)) == (0, (), "0 0\n0 0")
    assert pattern.row_sizes.tolist() == pattern.orbitals_per_row.tolist() == []
    assert pattern.matrix == Matrix.zeros(2, 2)


def test_letters_go_from_a_to_z_then_in_pairs_and_triples():
    alphabet = string.ascii_lowercase
    expected = chain(*(map("".join, product(alphabet, repeat=size)) for size in (1, 2, 3)))
    assert [letter_name(number) for number in range(1000)] == list(islice(expected, 1000))


# Every form


@pytest.mark.parametrize(
    "value",
    [
        "a b c; c a b; b c a",
        "a b c;c a b;b c a",
        "a b c\nc a b\nb c a",
        "\n  a b c  # first\n\n  c a b ;\n ;; b c a\n# done",
        "x_1 y z; z x_1 y; y z x_1",
        ["a b c", "c a b", "b c a"],
        ("a b c", "c a b", "b c a"),
        [["a", "b", "c"], ["c", "a", "b"], ["b", "c", "a"]],
        [[1, 2, 3], [3, 1, 2], [2, 3, 1]],
        np.array([[5, 7, 2], [2, 5, 7], [7, 2, 5]], dtype=np.uint8),
        Matrix([[a, b, c], [c, a, b], [b, c, a]]),
        ImmutableMatrix([[a, b, c], [c, a, b], [b, c, a]]),
        SparseMatrix([[a, b, c], [c, a, b], [b, c, a]]),
    ],
    ids=str,
)
def test_one_pattern_in_every_form_is_one_value(value):
    expected = eq.orbits("p -> p where p = C(3)").pattern
    assert eq.pattern(value) == expected
    assert hash(eq.pattern(value)) == hash(expected)


@pytest.mark.parametrize(
    "value",
    ["a -b 0; 0 b a", ["a -b 0", "0 b a"], [[1, -2, 0], [0, 2, 1]], Matrix([[a, -b, 0], [0, b, a]])],
    ids=["text", "rows", "integers", "sympy"],
)
def test_signs_and_zeros_in_every_form_are_one_value(value):
    pattern = eq.pattern(value)
    assert pattern.names == ("a", "b")
    assert pattern.labels.tolist() == [[0, 1, -1], [-1, 1, 0]]
    assert pattern.signs.tolist() == [[1, -1, 0], [0, 1, 1]]


@given(st.lists(st.lists(st.integers(-30, 30), min_size=3, max_size=3), min_size=1, max_size=4))
def test_an_integer_stands_for_its_letter(numbers):
    alphabet = [*string.ascii_lowercase, "aa", "ab", "ac", "ad"]
    entries = [[("-" if k < 0 else "") + alphabet[abs(k) - 1] if k else "0" for k in row] for row in numbers]
    for value in (numbers, np.array(numbers), np.array(numbers, dtype=np.int8)):
        assert list(eq.pattern(value).entries()) == entries


def test_a_pattern_is_handed_back_as_it_is():
    pattern = eq.pattern("a b; b a")
    assert eq.pattern(pattern) is pattern


# Round trips


@given(typed_patterns())
def test_what_a_pattern_prints_parses_back_to_an_equal_pattern(entries):
    pattern = eq.pattern(lines(entries, "; "))
    again = eq.pattern(str(pattern))
    assert again == pattern
    assert again.names == pattern.names
    assert hash(again) == hash(pattern)


@given(typed_patterns())
def test_the_sympy_matrix_of_a_pattern_is_the_same_pattern(entries):
    pattern = eq.pattern(lines(entries))
    again = eq.pattern(pattern.matrix)
    assert again == pattern
    assert again.names == pattern.names


@given(declared_mappings(max_axes=1))
def test_what_a_computed_pattern_prints_parses_back_to_an_equal_pattern(declared):
    pattern = eq.orbits(eq.mapping(declared.text, **declared.axes)).pattern
    assert eq.pattern(str(pattern)) == pattern
    assert eq.pattern(pattern.matrix) == pattern


@given(declared_mappings())
def test_what_a_computed_pattern_of_several_axes_prints_parses_back_to_the_same_entries(declared):
    pattern = eq.orbits(eq.mapping(declared.text, **declared.axes)).pattern
    assert list(eq.pattern(str(pattern)).entries()) == list(pattern.entries())


def test_a_computed_pattern_whose_names_do_not_appear_in_order_parses_back_to_an_equal_pattern():
    # Row one reads a b e f: the orbits of two axes are numbered lexicographically by the axes' own.
    pattern = eq.orbits("h w -> h w where h = C(2), w = (2)").pattern
    assert eq.pattern(str(pattern)) == pattern


def test_the_sympy_matrix_holds_plain_symbols():
    assert eq.pattern("a -b; 0 a").matrix == Matrix([[a, -b], [0, a]])
    assert eq.orbits("{p p} -> p where p = S(3)").pattern.matrix == Matrix([[a, a, b], [a, b, a], [b, a, a]])


# What is printed


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("a b; b a", "a b\nb a"),
        ("a -b; b a", " a -b\n b  a"),
        ("aa 0; -b c", "aa  0\n-b  c"),
        ("0", "0"),
    ],
)
def test_a_pattern_prints_in_columns(text, printed):
    pattern = eq.pattern(text)
    assert str(pattern) == repr(pattern) == pattern.coloured().plain == printed


def test_a_large_pattern_is_represented_by_its_size():
    assert repr(eq.pattern("a " * 41)) == "<Pattern of 1 x 41 entries, 1 parameters>"
    assert repr(eq.pattern("a " * 40)) == " ".join("a" * 40)


@pytest.mark.parametrize(
    ("rows", "columns", "shown"),
    [
        (None, None, "a b c\nc a b\nb c a"),
        (2, None, "a b c\nc a b\n..."),
        (None, 2, "a b ...\nc a ...\nb c ..."),
        (1, 1, "a ...\n..."),
        (3, 3, "a b c\nc a b\nb c a"),
        (9, 9, "a b c\nc a b\nb c a"),
    ],
)
def test_a_pattern_can_be_cut_to_its_first_rows_and_columns(rows, columns, shown):
    assert eq.pattern("a b c; c a b; b c a").coloured(rows, columns).plain == shown


def test_each_parameter_has_a_colour_of_its_own():
    text = eq.pattern("a -b 0; 0 b a").coloured()
    styles = {}
    for span in text.spans:
        styles.setdefault(text.plain[span.start : span.end].strip().removeprefix("-"), set()).add(str(span.style))
    assert styles == {"a": {"#0072b2"}, "b": {"#e69f00"}, "0": {"dim"}}


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("a -b; b a", ["a & -b", "b & a"]),
        ("a 0; 0 -aa", ["a & 0", r"0 & -\mathit{aa}"]),
        ("theta_1 _", [r"\mathit{theta\_1} & \_"]),
    ],
)
def test_the_latex_of_a_pattern_is_a_matrix(text, body):
    inside = " \\\\\n".join(body)
    assert eq.pattern(text).latex() == f"\\begin{{pmatrix}}\n{inside}\n\\end{{pmatrix}}"


# Values


def test_patterns_are_equal_whatever_their_letters():
    assert eq.pattern("x y; y x") == eq.pattern("a b; b a")
    assert len({eq.pattern("x y; y x"), eq.pattern("a b; b a"), eq.pattern([[1, 2], [2, 1]])}) == 1
    assert eq.pattern("a b; b a") != eq.pattern("a b; a b")
    assert eq.pattern("a b") != eq.pattern("a; b")
    assert eq.pattern("a") != "a"


@pytest.mark.parametrize("field", ["labels", "signs"])
def test_the_arrays_of_a_pattern_cannot_be_changed(field):
    with pytest.raises(ValueError, match="read-only"):
        getattr(eq.pattern("a b; b a"), field)[0, 0] = 1


def test_the_given_array_is_not_shared():
    given_array = np.array([[1, 2], [2, 1]])
    pattern = eq.pattern(given_array)
    given_array[0, 0] = 2
    assert str(pattern) == "a b\nb a"


# Mistakes (those in a text are with the declaration language)

FORMS = ': give text like "a b; b a", rows of strings, a 2-D integer array, or a sympy Matrix'


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([[1, 2], [1]], "the rows of the pattern have different lengths: every row needs the same number of entries"),
        ([[1.0, 2.0]], "a pattern cannot be read from list of shape (1, 2) and type float64" + FORMS),
        (np.zeros((2, 2, 2), dtype=int), "a pattern cannot be read from ndarray of shape (2, 2, 2) and type int64" + FORMS),
        (np.zeros((0, 3), dtype=int), "a pattern cannot be read from ndarray of shape (0, 3) and type int64" + FORMS),
        ([1, 2], "a pattern cannot be read from list of shape (2,) and type int64" + FORMS),
        (None, "a pattern cannot be read from NoneType" + FORMS),
        (3, "a pattern cannot be read from int" + FORMS),
        ([[2**53, 1]], "an integer of the pattern is too large: k stands for the k-th letter"),
        (
            Matrix([[a, b], [b, a + b]]),
            "entry (2, 2) of the matrix is a + b: a pattern holds symbols, negated symbols and zeros",
        ),
        (Matrix([[a, 2 * b]]), "entry (1, 2) of the matrix is 2*b: a pattern holds symbols, negated symbols and zeros"),
        (Matrix([[a, 1]]), "entry (1, 2) of the matrix is 1: a pattern holds symbols, negated symbols and zeros"),
        (
            MatrixSymbol("M", 1, 1),
            "entry (1, 1) of the matrix is M[0, 0]: a pattern holds symbols, negated symbols and zeros",
        ),
        (Matrix(0, 2, []), "expected a sympy Matrix with rows and columns, got MutableDenseMatrix"),
        (a, "expected a sympy Matrix with rows and columns, got Symbol"),
        (MatrixSymbol("M", Symbol("n"), 2), "expected a sympy Matrix with rows and columns, got MatrixSymbol"),
        (["a b", "a ?"], mistake("a b\na ?")),
    ],
    ids=[
        "ragged", "floats", "cube", "no rows", "one row", "None", "number", "huge", "sum", "multiple", "one", "matrix symbol",
        "empty matrix", "symbol", "matrix of unknown size", "strings",
    ],
)  # fmt: skip
def test_what_is_no_pattern_is_refused(value, message):
    assert mistake(value) == message


@pytest.mark.parametrize("entry", ["b c", "b;", "b # c", "#", "", "b\nc", "1"])
def test_a_string_in_a_row_is_exactly_one_entry(entry):
    # Otherwise the row would silently get another length, or vanish.
    message = f"entry (1, 2) of the pattern is {entry!r}: entries are names, -names or 0, one in each string"
    assert mistake([["a", entry], ["c", "d"]]) == mistake([["a", entry]]) == message


@pytest.mark.parametrize("name", ["b c", "b;", "b'", "1", "0", "\\alpha", "x^2", "-b", ""])
def test_a_sympy_symbol_whose_name_the_language_cannot_write_is_refused(name):
    # Otherwise what the pattern prints would not parse back.
    message = (
        f"entry (1, 2) of the matrix is {name}: names in a pattern are made of the letters a to z and A to Z, digits and "
        "_, and do not start with a digit"
    )
    assert mistake(Matrix([[a, Symbol(name)]])) == message


def test_patterns_that_tie_more_entries_are_not_equal():
    assert eq.pattern("a b; c d") != eq.pattern("a b; a d")
    assert eq.pattern("a b; a d") != eq.pattern("a b; c d")
    assert eq.pattern("a a; b c") != eq.pattern("a b; c c")


# --- equalities, and arrays of letters


@given(st.data())
def test_equalities_make_the_classes_of_a_graph(data):
    """Against the connected components that networkx finds."""
    import networkx

    m, n = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    entry = st.tuples(st.integers(0, m - 1), st.integers(0, n - 1))
    equalities = data.draw(st.lists(st.lists(entry, min_size=2, max_size=4), min_size=1, max_size=5))
    graph = networkx.Graph()
    graph.add_nodes_from((i, j) for i in range(m) for j in range(n))
    for equality in equalities:
        networkx.add_path(graph, equality)
    found = eq.pattern(equalities, shape=(m, n))
    assert found.shape == (m, n)
    classes = {}
    for (i, j), label in np.ndenumerate(found.labels):
        classes.setdefault(int(label), set()).add((i, j))
    assert sorted(map(sorted, classes.values())) == sorted(map(sorted, networkx.connected_components(graph)))
    assert eq.pattern(str(found)) == found


def test_equalities_give_their_own_shape_and_make_a_layer():
    assert str(eq.pattern([((0, 0), (1, 2)), ((0, 1), (1, 0))])) == "a b c\nb d a"
    assert str(eq.pattern([[(0, 0), (1, 1), (2, 2)]])) == "a b c\nd a e\nf g a"
    assert str(eq.pattern([((0, 0), (0, 1))], shape=(2, 2))) == "a a\nb c"
    layer = eq.EquivariantDense(None, [((0, 0), (1, 1)), ((0, 1), (1, 0))])
    assert layer.pattern == eq.pattern("a b; b a")


@pytest.mark.parametrize(
    "letters",
    [
        np.array([["a", "-b"], ["b", "0"]]),
        np.array([["a", "-b"], ["b", "0"]], dtype=object),
        np.array(["a -b", "b 0"]),
        np.array("a -b; b 0"),
    ],
)
def test_arrays_of_letters_are_patterns(letters):
    assert eq.pattern(letters) == eq.pattern("a -b; b 0")


@pytest.mark.parametrize(
    ("value", "shape", "message"),
    [
        (
            [((0, 0), (1, 1)), ((0, 1),)],
            None,
            "equality 2 is ((0, 1),): it names two entries (row, column) or more, like ((0, 0), (1, 1))",
        ),
        (
            [((0, 0), (1, 2))],
            (2, 2),
            "the equalities name the entry (1, 2), and the pattern has the rows 0 to 1 and the columns 0 to 1",
        ),
        (
            [((0, 0), (-1, 2))],
            (2, 3),
            "the equalities name the entry (-1, 2), and the pattern has the rows 0 to 1 and the columns 0 to 2",
        ),
        (
            [((0, 0), (10**9, 10**9))],
            None,
            "the equalities make a pattern of 1000000001 x 1000000001 entries: at most 10000000 are listed; declare the symmetry, as "
            'in "p -> p where p = S(5)"',
        ),
        ([((0, 0), (1, 1))], 3, "shape is the number of outputs and of inputs, like (3, 4), got 3"),
        (
            "a b; b a",
            (2, 2),
            "shape belongs to a list of equalities, as in eq.pattern([((0, 0), (1, 1))], shape=(2, 3)): others have their own",
        ),
    ],
    ids=["alone", "outside", "negative", "huge", "shape", "text"],
)
def test_mistakes_in_equalities(value, shape, message):
    with pytest.raises(eq.DeclarationError) as caught:
        eq.pattern(value, shape=shape)
    assert str(caught.value) == message
