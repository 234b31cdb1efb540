"""Groups: families against sympy's own, generators in every form, what is printed, and each mistake."""

from __future__ import annotations

import math
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sympy.combinatorics import Permutation, PermutationGroup
from sympy.combinatorics.named_groups import AlternatingGroup, CyclicGroup, DihedralGroup, SymmetricGroup

import eqgen as eq
from eqgen.permutations.group import order_text
from eqgen.permutations.notation import cycle_text
from eqgen.permutations.signed_permutation import SignedPermutation
from helpers.strategies import generator_sets

FAMILIES = [
    (eq.S, SymmetricGroup, range(1, 10)),
    (eq.A, AlternatingGroup, range(1, 10)),
    (eq.C, CyclicGroup, range(1, 13)),
    # Sympy's dihedral groups of fewer than three points are abstract ones, on more points.
    (eq.D, DihedralGroup, range(3, 13)),
]
EACH_FAMILY_AND_SIZE = [
    pytest.param(ours, theirs, n, id=f"{ours.__name__}({n})") for ours, theirs, sizes in FAMILIES for n in sizes
]

# Sympy's alternating group of two points stands on one.
SMALL_FAMILIES = [case for case in EACH_FAMILY_AND_SIZE if case.values[2] <= 5 and case.id != "A(2)"]


def elements(group: PermutationGroup) -> set[tuple[int, ...]]:
    return {tuple(element.array_form) for element in group.elements}


def closure(generators: list[list[int]]) -> set[tuple[int, ...]]:
    """All elements of a group, by multiplying until nothing new appears."""
    found = {tuple(range(len(generators[0])))}
    while True:
        grown = found | {tuple(image[point] for point in element) for element in found for image in generators}
        if grown == found:
            return found
        found = grown


def sympy_group(generators: list[list[int]]) -> PermutationGroup:
    return PermutationGroup([Permutation(image) for image in generators])


def mistake(value: object) -> str:
    with pytest.raises(eq.DeclarationError) as caught:
        eq.group(value)
    return str(caught.value)


# Families and products


@pytest.mark.parametrize(("ours", "theirs", "n"), EACH_FAMILY_AND_SIZE)
def test_a_family_has_the_order_that_sympy_gives(ours, theirs, n):
    assert ours(n).order == theirs(n).order()


@pytest.mark.parametrize(("ours", "theirs", "n"), SMALL_FAMILIES)
def test_a_family_has_the_elements_that_sympy_gives(ours, theirs, n):
    assert closure(ours(n).generators.tolist()) == elements(theirs(n))


@pytest.mark.parametrize(("ours", "theirs", "n"), EACH_FAMILY_AND_SIZE)
def test_a_family_generates_as_many_elements_as_its_formula_says(ours, theirs, n):
    assert ours(n).sympy.order() == ours(n).order


@pytest.mark.parametrize("n", [1, 2])
def test_the_smallest_dihedral_groups_move_n_points(n):
    assert (eq.D(n).degree, eq.D(n).order, eq.D(n).sympy.order()) == (n, n, n)


def test_a_direct_product_moves_each_part_by_itself():
    group = eq.S(2) * eq.S(3)
    assert group.degree == 5
    assert group.order == 12
    expected = {
        (*left, *(2 + point for point in right)) for left in closure([[1, 0]]) for right in elements(SymmetricGroup(3))
    }
    assert closure(group.generators.tolist()) == expected


def test_products_of_products_are_one_product():
    assert (eq.S(2) * eq.S(3)) * eq.C(4) == eq.S(2) * (eq.S(3) * eq.C(4)) == eq.group("S(2) * S(3) * C(4)")


@pytest.mark.parametrize(("a", "b"), [(1, 3), (2, 2), (2, 3), (3, 2), (3, 4)])
def test_a_wreath_product_of_symmetric_groups_has_the_known_order(a, b):
    group = eq.wreath(eq.S(a), eq.S(b))
    assert group.degree == a * b
    assert group.order == group.sympy.order() == math.factorial(a) ** b * math.factorial(b)


def test_a_wreath_product_with_an_intransitive_outer_group_moves_inside_every_block():
    group = eq.wreath(eq.C(2), eq.group("(1 2)(3)"))
    assert group.order == group.sympy.order() == 2**3 * 2
    assert group.orbits.tolist() == [0, 0, 0, 0, 1, 1]


def test_a_wreath_product_of_generators_without_a_formula_has_the_right_order():
    group = eq.wreath(eq.group("(1 2 3)"), eq.group("(1 2), (1 2 3)"))
    assert group.order == 3**3 * 6


# Generators in every form


@given(generator_sets())
def test_generators_are_kept_as_they_were_given(generators):
    group = eq.group(generators)
    assert group.generators.tolist() == generators
    assert group.degree == len(generators[0])


@given(generator_sets())
def test_arrays_lists_tuples_and_sympy_give_one_group(generators):
    group = eq.group(generators)
    assert eq.group(np.array(generators)) == group
    assert eq.group([np.array(image, dtype=np.uint8) for image in generators]) == group
    assert eq.group(tuple(map(tuple, generators))) == group
    # Sympy drops repeated generators, so only the group is compared.
    assert closure(eq.group(sympy_group(generators)).generators.tolist()) == closure(generators)


@given(generator_sets(max_degree=6))
def test_the_order_is_the_number_of_elements(generators):
    assert eq.group(generators).order == len(closure(generators))


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("(1 2 3 4 5 6 7 8 9 10), (1 2)", math.factorial(10)),
        ("(1 2 3), (3 4 5 6 7 8 9)", math.factorial(9) // 2),
        ("(1 2 3 4 5 6 7 8 9 10 11), (3 7 11 8)(4 10 5 6)", 7920),
        ("(1 2 3 4 5 6 7 8), (9 10)", 16),
        ("(1 2 3 4 5 6 7 8 9 10 11 12)", 12),
        ("(1 2)(3 4), (5 6)(7 8), (9)", 4),
    ],
)
def test_the_order_is_right_where_a_shortcut_for_large_groups_could_apply(text, order):
    assert eq.group(text).order == order


@given(generator_sets())
def test_the_orbits_of_points_are_those_of_sympy_in_order_of_appearance(generators):
    orbits = [sorted(orbit) for orbit in sympy_group(generators).orbits()]
    orbits += [[point] for point in range(len(generators[0])) if not any(point in orbit for orbit in orbits)]
    expected = {point: number for number, orbit in enumerate(sorted(orbits)) for point in orbit}
    assert eq.group(generators).orbits.tolist() == [expected[point] for point in range(len(generators[0]))]


@pytest.mark.parametrize(
    ("text", "generators"),
    [
        ("(1 2 3)(4 5), (1 2)", [[1, 2, 0, 4, 3], [1, 0, 2, 3, 4]]),
        ("(1,2,3)( 4 , 5 ),(1 2)", [[1, 2, 0, 4, 3], [1, 0, 2, 3, 4]]),
        ("(1 2)(3)", [[1, 0, 2]]),
        ("(1)(2)(3)", [[0, 1, 2]]),
        ("(3)", [[0, 1, 2]]),
        ("(1 2), ()", [[1, 0], [0, 1]]),
        ("Group((1 2), (3 4))", [[1, 0, 2, 3], [0, 1, 3, 2]]),
        ("Group(C(3))", [[1, 2, 0]]),
        ("(C(3))", [[1, 2, 0]]),
        ("(1 2 3)  # a turn", [[1, 2, 0]]),
        ("\n  (1 3 2)\n  # nothing else\n", [[2, 0, 1]]),
        ("C(2) * (C(3))", [[1, 0, 2, 3, 4], [0, 1, 3, 4, 2]]),
        ("wreath(C(2), C(3))", [[2, 3, 4, 5, 0, 1], [1, 0, 2, 3, 4, 5]]),
        ("wreath(Group((1 2)), Group((1 2 3)))", [[2, 3, 4, 5, 0, 1], [1, 0, 2, 3, 4, 5]]),
    ],
)
def test_a_group_text_means_these_generators(text, generators):
    assert eq.group(text).generators.tolist() == generators


def test_a_group_is_handed_back_as_it_is():
    group = eq.S(4)
    assert eq.group(group) is group


# Equality and printing


@given(generator_sets(max_degree=3, most=2), generator_sets(max_degree=3, most=2))
def test_groups_are_equal_when_their_generators_are(left, right):
    assert (eq.group(left) == eq.group(right)) == (left == right)
    assert hash(eq.group(left)) == hash(eq.group([list(image) for image in left]))


def test_the_printed_name_takes_no_part_in_equality():
    assert eq.C(4) == eq.group("(1 2 3 4)")
    assert len({eq.C(4), eq.group("(1 2 3 4)"), eq.group([[1, 2, 3, 0]])}) == 1
    assert eq.group("(1 2)") != eq.group("(1 2)(3)")
    assert eq.S(3) != "S(3)"


def test_generators_cannot_be_changed():
    for group in (eq.S(3), eq.group([[1, 0]]), eq.group("(1 2)"), eq.S(2) * eq.S(2)):
        with pytest.raises(ValueError, match="read-only"):
            group.generators[0, 0] = 1


def test_the_given_arrays_are_not_shared():
    given_array = np.array([[1, 0, 2]])
    group = eq.group(given_array)
    given_array[0] = [0, 1, 2]
    assert group.generators.tolist() == [[1, 0, 2]]


@pytest.mark.parametrize(
    ("group", "printed"),
    [
        (eq.S(5), "S(5)  # order 120, one orbit of 5 points"),
        (eq.S(1), "S(1)  # order 1, one orbit of 1 point"),
        (eq.C(4), "C(4)  # order 4, one orbit of 4 points"),
        (eq.group([[1, 2, 0, 3], [0, 1, 2, 3]]), "(1 2 3)(4), ()  # order 3, 2 orbits of 3, 1 points"),
        (eq.group([[0, 1, 2]]), "(3)  # order 1, 3 orbits of 1, 1, 1 points"),
        (eq.S(2) * eq.group("(1 2 3)"), "S(2) * Group((1 2 3))  # order 6, 2 orbits of 3, 2 points"),
        (eq.wreath(eq.group("(1 2)"), eq.S(3)), "wreath(Group((1 2)), S(3))  # order 48, one orbit of 6 points"),
        (eq.group("(30)"), "(30)  # order 1, 30 orbits of 1, 1, 1, 1, 1, 1, 1, 1, ... points"),
    ],
    ids=str,
)
def test_a_group_prints_its_text_order_and_orbits(group, printed):
    assert str(group) == repr(group) == printed


def test_a_print_does_not_wait_for_a_slow_order():
    slow = eq.group(list((eq.S(26) * eq.S(26)).generators))
    assert str(slow).endswith("  # order not computed (.order may be slow), 2 orbits of 26, 26 points")
    with pytest.warns(UserWarning, match="sympy builds a base and strong generating set of a group on 52 points"):
        assert slow.order == math.factorial(26) ** 2
    assert str(slow).endswith("  # order about 1.6e53, 2 orbits of 26, 26 points")


def test_the_usual_large_groups_are_recognised_at_once():
    cyclic = eq.group([[*range(1, 60), 0]])
    assert str(cyclic).endswith("  # order 60, one orbit of 60 points")
    symmetric = eq.group([[1, 0, *range(2, 60)], [*range(1, 60), 0]])
    assert str(symmetric).endswith("  # order about 8.3e81, one orbit of 60 points")
    assert symmetric.order == math.factorial(60)
    alternating = eq.group(list(eq.A(61).generators))
    assert alternating.order == math.factorial(61) // 2


@given(generator_sets())
def test_what_a_group_prints_parses_back_to_an_equal_group(generators):
    group = eq.group(generators)
    assert eq.group(group.text) == group


@given(st.recursive(
    st.one_of(
        st.sampled_from([eq.S, eq.A, eq.C, eq.D]).flatmap(lambda family: st.integers(1, 4).map(family)),
        generator_sets(max_degree=3, most=2).map(eq.group),
    ),
    lambda inner: st.one_of(st.tuples(inner, inner).map(lambda pair: pair[0] * pair[1]),
                            st.tuples(inner, inner).map(lambda pair: eq.wreath(*pair))),
    max_leaves=3,
))  # fmt: skip
def test_what_a_composed_group_prints_parses_back_to_an_equal_group(group):
    assert eq.group(group.text) == group
    assert eq.group(group.text) == group


@pytest.mark.parametrize("degree", [1001, 1002, 3000])
def test_a_group_of_more_than_a_thousand_points_is_written_as_one_token_and_parses_back(degree, random):
    image = random.permutation(degree)
    group = eq.group([image, list(range(degree))])
    assert group.text.startswith('generators("')
    assert group.text.endswith('")')
    assert eq.group(group.text) == group


def test_a_group_of_a_thousand_points_is_still_written_in_cycles():
    assert eq.group([[*range(1, 1000), 0]]).text == f"({' '.join(map(str, range(1, 1001)))})"


@pytest.mark.parametrize(
    "group", [eq.S(2000), eq.A(1800), eq.D(5000), eq.S(1200) * eq.S(1200)], ids=["S", "A", "D", "S * S"]
)
def test_a_large_family_prints_in_one_short_line_and_parses_back(group):
    printed = str(group)
    assert len(printed) < 200
    assert eq.group(printed) == group


@given(
    generator_sets(max_degree=9, most=1), st.lists(st.sampled_from([1, -1]), min_size=9, max_size=9), st.integers(0, 40)
)
def test_a_generator_that_is_cut_begins_as_it_does_in_full(generators, signs, longest):
    (image,) = generators
    element = SignedPermutation(np.array(image), np.array(signs[: len(image)], dtype=np.int8))
    full, text = cycle_text(element), cycle_text(element, longest)
    assert text[:longest] == full[:longest]
    assert (text == full) or len(full) > longest


def test_a_long_cycle_is_not_gone_through_to_write_its_beginning():
    # A number and what follows it take two characters or more.
    text = cycle_text(eq.C(100_000).elements[0], 60)
    assert text == f"({' '.join(map(str, range(1, 32)))})"


@given(st.integers(10**30, 10**60))
@example(10**31 - 1)
@example(10**36)
def test_a_long_order_is_printed_as_a_rounded_number(order):
    printed = order_text(order)
    mantissa, exponent = printed.removeprefix("about ").split("e")
    assert re.fullmatch(r"[1-9]\.[0-9]", mantissa)
    assert abs(Fraction(mantissa) * 10 ** int(exponent) - order) <= Fraction(5, 100) * 10 ** int(exponent)


def test_declaring_a_million_points_does_not_compute_their_factorial(monkeypatch):
    def unwanted(n):
        raise AssertionError(f"{n}! was asked for")

    monkeypatch.setattr(math, "factorial", unwanted)
    assert eq.S(1_000_000).degree == eq.A(1_000_000).degree == 1_000_000


# Mistakes


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            [[1, 0, 2], [0, 0, 1]],
            "generator 2 is no permutation: it sends both point 0 and point 1 to 0, and no point to 2; each point must be "
            "reached once",
        ),
        (
            [[1, 2, 3]],
            "generator 1 is no permutation: it sends point 2 to 3, which is outside 0..2; arrays are 0-based (cycles in text "
            "are 1-based)",
        ),
        (
            [[0, -1]],
            "generator 1 is no permutation: it sends point 1 to -1, which is outside 0..1; arrays are 0-based (cycles in "
            "text are 1-based)",
        ),
        (
            [[1, 0, 2], [1, 0]],
            "generator 2 moves 2 points, generator 1 moves 3: all generators of a group move the same points; write the "
            "fixed points too",
        ),
        ([], "a group needs at least one generator: for the trivial group on n points write list(range(n))"),
        ([np.zeros(0, dtype=int)], "generator 1 is empty: a group needs at least one point"),
        (
            [[0.0, 1.0]],
            "generator 1 is [0.0, 1.0]: expected a list of whole numbers, where the i-th (from 0) says where point i goes, "
            "like [1, 2, 0], a pair (perm, sign), which sends point i to perm[i] and its feature times sign[i], like "
            "([1, 0], [1, -1]), or a signed permutation matrix, like [[0, -1], [1, 0]]",
        ),
        (
            [[1, 0, 2], 1],
            "generator 2 is 1: expected a list of whole numbers, where the i-th (from 0) says where point i goes, like "
            "[1, 2, 0], a pair (perm, sign), which sends point i to perm[i] and its feature times sign[i], like "
            "([1, 0], [1, -1]), or a signed permutation matrix, like [[0, -1], [1, 0]]",
        ),
        (
            ["(1 2)"],
            "generator 1 is '(1 2)': expected a list of whole numbers, where the i-th (from 0) says where point i goes, "
            "like [1, 2, 0], a pair (perm, sign), which sends point i to perm[i] and its feature times sign[i], like "
            "([1, 0], [1, -1]), or a signed permutation matrix, like [[0, -1], [1, 0]]",
        ),
        (
            5.0,
            'expected a group, got float: give eq.S(5), a text like "(1 2 3), (1 2)", a list of 0-based generator arrays, or a '
            "sympy PermutationGroup",
        ),
    ],
    ids=str,
)
def test_wrong_generators_are_refused_with_a_message_that_says_what_is_right(value, message):
    assert mistake(value) == message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: eq.S(0), "S(0) has no points: write S(1) or more"),
        (lambda: eq.D(-2), "D(-2) has no points: write D(1) or more"),
        (lambda: eq.C(2.5), "C(n) takes a whole number of points, got 2.5: write C(5)"),
        (lambda: eq.A("5"), "A(n) takes a whole number of points, got '5': write A(5)"),
        (lambda: eq.S(True), "S(n) takes a whole number of points, got True: write S(5)"),
        (lambda: eq.S(10_000_001), "S(10000001) has 10000001 points: eqgen takes at most 10000000"),
        (
            lambda: eq.wreath(eq.C(10_000), eq.C(10_000)),
            "wreath(C(10000), C(10000)) has 100000000 points: eqgen takes at most 10000000",
        ),
        (
            lambda: eq.C(6_000_000) * eq.C(6_000_000),
            "C(6000000) * C(6000000) has 12000000 points: eqgen takes at most 10000000",
        ),
    ],
    ids=["none", "negative", "half", "text", "bool", "too many", "too many blocks", "too many in a product"],
)
def test_a_family_of_an_impossible_size_is_refused(call, message):
    with pytest.raises(eq.DeclarationError) as caught:
        call()
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        # Those of the outer group, and in each of its orbits of blocks those of the inner one.
        (
            lambda: eq.wreath("C(1000000)", "(1)(9)"),
            "wreath(C(1000000), Group((9))) has 10 generators on 9000000 points: eqgen holds at most 50000000 images of points",
        ),
        (
            lambda: eq.wreath("S(1000000)", "(1 2)(3 4)(9)"),
            "wreath(S(1000000), Group((1 2)(3 4)(9))) has 15 generators on 9000000 points: eqgen holds at most 50000000 "
            "images of points",
        ),
        (
            lambda: eq.group(" * ".join(["S(1000000)"] * 6)),
            "S(1000000) * S(1000000) * S(1000000) * S(1000000) * S(100... has 12 generators on 6000000 points: eqgen holds "
            "at most 50000000 images of points",
        ),
        (
            lambda: eq.group("(1 9000000), (1 2), (1 3), (1 4), (1 5), (1 6)"),
            "a list of cycles has 6 generators on 9000000 points: eqgen holds at most 50000000 images of points (character 1)\n"
            "  (1 9000000), (1 2), (1 3), (1 4), (1 5), (1 6)\n"
            "  ^",
        ),
        (
            lambda: eq.trace((3000, 3000), *[np.fliplr] * 6),
            "trace has 6 generators on 9000000 points: eqgen holds at most 50000000 images of points",
        ),
    ],
    ids=["blocks", "blocks in several orbits", "product", "cycles", "functions"],
)
def test_a_group_of_too_many_images_is_refused_before_they_are_made(call, message):
    with pytest.raises(eq.DeclarationError) as caught:
        call()
    assert str(caught.value) == message


def broken_tokens() -> list[str]:
    good = eq.group([[*range(1, 1001), 0]]).text.removeprefix('generators("').removesuffix('")')
    return ["", "?", "AAAA", good[:-8], good[:40], "////" + good[4:], good[:4] + "!" + good[4:]]


@pytest.mark.parametrize("token", broken_tokens(), ids=range(7))
def test_a_damaged_token_of_generators_is_refused(token):
    message = mistake(f'generators("{token}")')
    does_not = (
        'generators("...") does not hold generators: the text inside the quotes is written by eqgen for groups of more than '
        "1000 points and is not meant to be edited (character 1)\n"
    )
    # A damaged header may ask for more than is ever unpacked.
    assert message.startswith(
        (does_not, "generators(...) has 16777215 generators on 1001 points: eqgen holds at most ")
    )


@pytest.mark.parametrize(
    "text", ["S(4)", "A(5)", "C(4)", "D(6)", "wreath(S(2), A(4))", "S(2) * C(3)", "(1 -2)", 'catalogue("set")']
)
def test_groups_pickle(text):
    import pickle

    group = eq.group(text)
    again = pickle.loads(pickle.dumps(group))
    assert again == group
    assert again.order == group.order
    mapping = eq.mapping("p -> p", p=group)
    assert pickle.loads(pickle.dumps(mapping)) == mapping


def test_orders_of_up_to_thirty_digits_are_shown_in_full():
    assert order_text(10**30 - 1) == "9" * 30
    assert order_text(10**30) == "about 1.0e30"


def test_the_order_of_a_group_of_few_points_is_found_soon_and_signs_make_twice_as_many():
    cube = eq.group('catalogue("rubiks-cube")').generators
    assert eq.group(list(cube)).quick_order() == 43_252_003_274_489_856_000
    signs = np.where(np.arange(cube.shape[1]) < 2, -1, 1)
    assert eq.group([(image, signs) for image in cube]).quick_order() is None


def test_a_group_that_flips_signs_is_none_that_does_not():
    signed, plain = eq.group("(1 -2)(3)"), eq.group("(1 2)(3)")
    assert not signed.equals(plain)
    assert not plain.equals(signed)


def test_what_only_looks_like_a_group_of_sympy_is_none():
    class Lookalike:
        generators, degree = ((1, 0),), 2

    with pytest.raises(eq.DeclarationError):
        eq.group(Lookalike())


@pytest.mark.parametrize("shape", [(20_000_000,), (2, 20_000_000)], ids=["an array", "a pair of arrays"])
def test_a_generator_of_too_many_points_is_refused_before_it_is_looked_at(shape):
    with pytest.raises(eq.DeclarationError, match=r"^generator 1 has 20000000 points: eqgen takes at most 10000000$"):
        eq.group([np.broadcast_to(np.int8(1), shape)])
