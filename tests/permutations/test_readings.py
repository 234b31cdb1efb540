"""Where points go, or where features come from: one reading for every form, and a question where two differ and matter."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.sparse
import sympy
from hypothesis import given
from hypothesis import strategies as st
from sympy.combinatorics import Cycle, Permutation

import eqgen as eq

TURN = [np.rot90(np.arange(9).reshape(3, 3)).ravel()]
TURNED = eq.trace((3, 3), np.rot90)
ASKED = (
    "axes b and a are written in two forms, and generator 1 of a has two readings, which make two symmetries beside b: "
    "(1 3 9 7)(2 6 8 4), if point i goes to g[i], or (1 7 9 3)(2 4 8 6), if new[i] = old[g[i]]; write a=eq.pushed(...) for "
    "the first or a=eq.pulled(...) for the second"
)


def test_an_array_beside_an_array_function_is_asked_for_its_reading():
    for array in (TURN, np.array(TURN), eq.group(TURN), TURN[0]):
        with pytest.raises(eq.DeclarationError) as caught:
            eq.joint(b=TURNED, a=array)
        assert str(caught.value) == ASKED


def test_either_reading_can_be_meant():
    """Against np.rot90 itself: a is moved as b is, or the other way round."""
    features = np.arange(9.0)
    for a, turns in ((eq.pulled(TURN), 1), (eq.pushed(TURN), 3)):
        axes = eq.joint(b=TURNED, a=a)
        assert np.array_equal(
            axes["a"].group.elements[0].applied(features, axis=0), np.rot90(features.reshape(3, 3), turns).ravel()
        )


def test_arrays_beside_pairs_are_asked_for_their_reading_in_whatever_they_stand():
    pair = [([1, 2, 0], [1, -1, 1])]
    for array in ([[1, 2, 0]], np.array([[1, 2, 0]]), eq.group([[1, 2, 0]]), ([1, 2, 0],)):
        with pytest.raises(eq.DeclarationError) as caught:
            eq.joint(l=array, j=pair)
        assert str(caught.value) == (
            "axes l and j are written in two forms, and generator 1 of j has two readings, which make two symmetries beside "
            "l: (1 2 -3 -1 -2 3), if point i goes to perm[i], its feature times sign[i], or (1 3 -2 -1 -3 2), if new[i] = "
            "sign[i] * old[perm[i]]; write j=eq.pushed(...) for the first or j=eq.pulled(...) for the second; l likewise"
        )
    assert eq.mapping("l j -> l", **eq.joint(l=eq.pushed([[1, 2, 0]]), j=eq.pushed(pair))).group.order == 6


@pytest.mark.parametrize(
    "axes",
    [
        {"s": [[1, 2, 3, 4, 5, 0]], "k": [([0], [-1])]},
        {"s": [[1, 2, 0]], "k": "(1 2)(3)"},
        {"s": [[1, 2, 0]], "k": "(1 2 3 4)"},  # (g, h)^5 is (g^-1, h)
        {"s": [[1, 2, 0], [0, 1, 2]], "k": "(5), (1 2 3 4 5)"},
        {"s": [[1, 2, 0], [2, 0, 1], [1, 2, 0]], "k": "(1 2 3), (1 2 3), (3)"},  # any pairing of C(3) and C(3)
        {"s": [[1, 2, 0]], "k": [[1, 2, 0]]},
        {"s": [([1, 2, 0], [1, 1, -1])], "k": [([1, 2, 0], [1, 1, 1])]},
    ],
)
def test_what_reads_the_same_both_ways_is_taken(axes):
    eq.joint(**axes)


def closure(generators):
    found = {tuple(range(len(generators[0])))}
    while True:
        grown = found | {tuple(image[point] for point in element) for element in found for image in generators}
        if grown == found:
            return found
        found = grown


@given(st.data())
def test_a_question_is_asked_exactly_where_the_readings_make_two_groups(data):
    """Against the elements of both groups, listed one by one."""
    sizes = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    count = data.draw(st.integers(1, 3))
    lists = [[list(data.draw(st.permutations(range(size)))) for _ in range(count)] for size in sizes]
    inverses = [[image.index(point) for point in range(sizes[0])] for image in lists[0]]
    shifted = [[sizes[0] + point for point in image] for image in lists[1]]
    first, second = (
        closure([left + right for left, right in zip(own, shifted, strict=True)]) for own in (lists[0], inverses)
    )
    try:
        axes = eq.joint(a=lists[0], b=eq.pushed(lists[1]))
    except eq.DeclarationError:
        assert first != second
    else:
        assert first == second
        assert closure((eq.mapping("a b -> a", **axes).group.generators).tolist()) == first


FORMS = {
    "array": lambda g: [g],
    "numpy": lambda g: np.array([g]),
    "one array": lambda g: g,
    "pair": lambda g: [(g, [1] * len(g))],
    "matrix": lambda g: np.eye(len(g), dtype=int)[:, g],
    "sparse matrix": lambda g: [scipy.sparse.csr_matrix(np.eye(len(g))[:, g])],
    "text": lambda g: f"{eq.group([g]).text}",
    "sympy": Permutation,
    "Cycle": lambda g: Cycle(*Permutation(g).cyclic_form[0]),
    "functions": lambda g: eq.action(range(len(g)), [lambda point: g[point]]),
    "action": lambda g: eq.action(range(len(g)), lambda point, image: image[point], [g]),
    "trace": lambda g: eq.trace(len(g), lambda a: a[np.argsort(g)]),
    "pulled": lambda g: eq.pulled([np.argsort(g)]),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_says_where_points_go(form):
    ring = [1, 2, 3, 4, 0]
    assert eq.group(FORMS[form](ring)).generators.tolist() == [ring]


@pytest.mark.parametrize(("left", "right"), list(itertools.permutations(FORMS, 2)))
def test_two_forms_side_by_side_match_or_are_asked(left, right):
    ring = [1, 2, 3, 4, 0]
    written = {"array": "array", "numpy": "array", "one array": "array", "action": "array", "pair": "pair"}
    if written.get(left) != written.get(right):
        with pytest.raises(eq.DeclarationError, match=r"written in two forms.*eq\.pulled\(\.\.\.\)"):
            eq.joint(a=FORMS[left](ring), b=FORMS[right](ring))
    else:
        axes = eq.joint(a=FORMS[left](ring), b=FORMS[right](ring))
        assert eq.mapping("a b -> a b", **axes) == eq.mapping("a b -> a b", **eq.joint(a="C(5)", b="C(5)"))


def test_what_is_made_of_arrays_matches_them():
    arrays = [[1, 2, 3, 0], [1, 0, 3, 2]]
    for made in (
        eq.cosets(arrays, [[0, 1, 2, 3]]),
        eq.regular(arrays),
        eq.blocks([[1, 2, 3, 0], [2, 1, 0, 3]], [0, 2]),
        eq.action(list(itertools.permutations(range(4))), lambda word, g: tuple(int(g[i]) for i in word), arrays),
    ):
        eq.joint(p=arrays, made=made)
    eq.joint(p=eq.wreath([[1, 2, 0]], "S(3)"), b=eq.blocks(eq.wreath([[1, 2, 0]], "S(3)"), [0, 1, 2]))


def test_a_function_that_pulls_is_asked_beside_its_group():
    """A word read at g[i] moves by the inverse of g; the joint group has 6 elements, where that is said."""
    words = list(itertools.permutations(range(3)))
    pulling = eq.action(words, lambda word, g: tuple(word[i] for i in g), "S(3)")
    with pytest.raises(eq.DeclarationError) as caught:
        eq.joint(w=pulling, p="S(3)")
    assert str(caught.value) == (
        "axes p and w are written in two forms, and generator 1 of w has two readings, which make two symmetries beside p: "
        "(1 4 5)(2 6 3), if move(object, g) is what g does, or (1 5 4)(2 3 6), if move(object, g) is what the inverse of g "
        "does, as its answers compose; write w=eq.pushed(...) for the first or w=eq.pulled(...) for the second"
    )
    assert eq.mapping("w p -> p", **eq.joint(w=eq.pulled(pulling), p="S(3)")).group.order == 6
    # By itself it generates the same group in either reading.
    assert eq.mapping("w -> w", w=pulling).group.order == 6


# --- matrices and single permutations

SIGNED = np.array([[0, 0, -1], [1, 0, 0], [0, 1, 0]])


@pytest.mark.parametrize(
    "value",
    [
        SIGNED,
        SIGNED * (1 + 1e-9),
        SIGNED.tolist(),
        [SIGNED],
        SIGNED[None],
        [SIGNED.tolist()],
        scipy.sparse.csr_matrix(SIGNED),
        [scipy.sparse.coo_array(SIGNED)],
        sympy.Matrix(SIGNED),
        [sympy.Matrix(SIGNED)],
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_signed_permutation_matrix_moves_features_as_it_multiplies_them(value):
    features = np.array([2.0, 3.0, 5.0])
    for group in (eq.group(value), eq.mapping("p -> p", p=value).axes[0].group, eq.joint(p=value, q="C(2)")["p"].group):
        assert np.array_equal(group.elements[0].applied(features, axis=0), SIGNED @ features)


@pytest.mark.parametrize(
    ("value", "image", "signs"),
    [
        ([[0, -1], [1, 0]], [1, 0], [1, -1]),
        ([[[0, 1], [1, 0]]], [1, 0], None),
        ([[[0, 1], [1, -1]]], [0, 1], [1, -1]),  # a pair
        ([[-1]], [0], [-1]),
        ([[1]], [0], None),
        (np.eye(2)[[1, 0]], [1, 0], None),
        (([1, 0], [1, -1]), [1, 0], [1, -1]),
        ([1, 2, 0], [1, 2, 0], None),
        (Permutation(0, 1, 2), [1, 2, 0], None),
        (Cycle(0, 1, 2), [1, 2, 0], None),
    ],
    ids=str,
)
def test_one_generator_alone_is_a_group(value, image, signs):
    (element,) = eq.group(value).elements
    assert element.image.tolist() == image
    assert (None if element.signs is None else element.signs.tolist()) == signs


def test_cycles_of_sympy_move_as_many_points_as_the_longest_of_them():
    assert eq.group([Cycle(0, 1), Cycle(1, 2, 3), Cycle()]) == eq.group("(1 2)(4), (2 3 4), ()")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            np.array([[0.6, -0.8], [0.8, 0.6]]),
            "generator 1 is no signed permutation matrix: entry (0, 0) is 0.6, which is not 0, 1 or -1 to 1e-06; a matrix that "
            "moves points with coordinates is eq.moved(points, matrix)",
        ),
        (
            [SIGNED, SIGNED * 2],
            "generator 2 is no signed permutation matrix: entry (0, 2) is -2, which is not 0, 1 or -1 to 1e-06; a matrix that "
            "moves points with coordinates is eq.moved(points, matrix)",
        ),
        (
            [np.ones((3, 3), dtype=int)],
            "generator 1 is no signed permutation matrix: row 0 (from 0) has 3 entries that are not 0; each row and each column "
            "has one",
        ),
        (
            scipy.sparse.csr_matrix([[1, 0], [1, 0]]),
            "generator 1 is no signed permutation matrix: column 0 (from 0) has 2 entries that are not 0; each row and each "
            "column has one",
        ),
        (
            scipy.sparse.csr_matrix([[1, 0, 0], [0, 1, 0]]),
            "generator 1 is a matrix of 2 x 3: a symmetry keeps the number of points",
        ),
    ],
    ids=["rotation", "twice", "ones", "column", "oblong"],
)
def test_what_is_no_signed_permutation_matrix_is_refused(value, message):
    with pytest.raises(eq.DeclarationError) as caught:
        eq.group(value)
    assert str(caught.value) == message


# --- axes that a mapping does not use


def test_unused_axes_of_a_joint_declaration_are_dropped():
    axes = eq.joint(v=[[1, 2, 0], [0, 2, 1]], j=[[0, 1], [1, 0]], h=[[0, 1], [1, 0]])
    alone = eq.mapping("h -> h", **axes)
    assert alone == eq.mapping("h -> h", h=[[0, 1], [1, 0]]) == eq.mapping(str(alone))
    assert eq.mapping("v h -> h", **axes) == eq.mapping(
        "v h -> h", **eq.joint(v=[[1, 2, 0], [0, 2, 1]], h=[[0, 1], [1, 0]])
    )
    assert str(eq.mapping("h -> h where v & h = S(3) & S(3)")) == "h -> h where h = S(3)"
    with pytest.raises(
        eq.DeclarationError, match=r"^axis v is declared but not used in 'p -> p': use it or drop the keyword$"
    ):
        eq.mapping("p -> p", p="S(3)", **axes)
