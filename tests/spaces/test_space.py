"""Spaces and mappings: points, their numbers and names, how they move, equality, and what is printed."""

from __future__ import annotations

from math import comb, perm

import numpy as np
import pytest
from hypothesis import given

import eqgen as eq
from eqgen.permutations.signed_permutation import SignedPermutation
from helpers.strategies import action, declared_mappings


def built(declared) -> eq.Mapping:
    return eq.mapping(declared.text, **declared.axes)


def both_sides(declared):
    mapping = built(declared)
    return [(mapping.input, declared.input), (mapping.output, declared.output)]


def as_drawn(point: object, term) -> tuple[object, ...]:
    """A point as eqgen lists it, in the way in which the tests write it: sets as frozensets."""
    parts = (point,) if len(term) == 1 else point
    written = []
    for part, inner in zip(term, parts, strict=True):
        shown = frozenset(inner) if part.brackets == "{}" else inner
        written.append("the fixed point" if not part.axis and inner == () else shown)
    return tuple(written)


def mistake(call) -> str:
    with pytest.raises(eq.DeclarationError) as caught:
        call()
    return str(caught.value)


# Points


@pytest.mark.parametrize(
    ("side", "points"),
    [
        ("p", (0, 1, 2)),
        ("1", ((),)),
        ("{p}", ((0,), (1,), (2,))),
        ("{p p}", ((0, 1), (0, 2), (1, 2))),
        ("{p p p}", ((0, 1, 2),)),
        ("<p p>", ((0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1))),
        ("p q", ((0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1))),
        ("q p", ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2))),
        ("p 1", ((0, ()), (1, ()), (2, ()))),
        ("{p p} q", (((0, 1), 0), ((0, 1), 1), ((0, 2), 0), ((0, 2), 1), ((1, 2), 0), ((1, 2), 1))),
        ("p + 1 + q", ((0, 0), (0, 1), (0, 2), (1, ()), (2, 0), (2, 1))),
        ("q + q q", ((0, 0), (0, 1), (1, (0, 0)), (1, (0, 1)), (1, (1, 0)), (1, (1, 1)))),
    ],
)
def test_the_points_stand_in_the_documented_order(side, points):
    space = eq.mapping(f"{side} -> p q", p=eq.S(3), q=eq.S(2)).input
    assert space.points == points
    assert space.size == len(points)


@given(declared_mappings())
def test_the_points_of_any_space_are_those_written_by_hand(declared):
    for space, side in both_sides(declared):
        points = space.points if len(side) > 1 else [(0, point) for point in space.points]
        assert [(number, as_drawn(point, side[number])) for number, point in points] == declared.points(side)


@given(declared_mappings())
def test_the_index_of_a_point_is_its_place_in_the_list(declared):
    for space, _ in both_sides(declared):
        assert [space.index(point) for point in space.points] == list(range(space.size))


def test_an_edge_is_found_from_either_end_and_as_a_set():
    edges = eq.mapping("{p p} -> <p p>", p=eq.S(4)).input
    assert edges.index((1, 3)) == edges.index((3, 1)) == edges.index({1, 3}) == edges.index([3, 1]) == 4


def test_the_ends_of_an_ordered_pair_are_told_apart():
    arcs = eq.mapping("{p p} -> <p p>", p=eq.S(4)).output
    assert arcs.index((1, 3)) == arcs.index([1, 3]) == 5
    assert arcs.index((3, 1)) == 10


@pytest.mark.parametrize(
    ("side", "point", "message"),
    [
        ("p", 3, "3 is no point of this space: its points are written like 0 and 2, counted from 0"),
        ("p", -1, "-1 is no point of this space: its points are written like 0 and 2, counted from 0"),
        ("p", "1", "'1' is no point of this space: its points are written like 0 and 2, counted from 0"),
        ("{p p}", (1, 1), "(1, 1) is no point of this space: its points are written like (0, 1) and (1, 2), counted from 0"),
        ("{p p}", 1, "1 is no point of this space: its points are written like (0, 1) and (1, 2), counted from 0"),
        ("p p", (0, 1, 2), "(0, 1, 2) is no point of this space: its points are written like (0, 0) and (2, 2), counted from 0"),
        ("p + 1", 0, "0 is no point of this space: its points are written like (0, 0) and (1, ()), counted from 0"),
        ("p + 1", (2, 0), "(2, 0) is no point of this space: its points are written like (0, 0) and (1, ()), counted from 0"),
        ("p + 1", (-1, ()), "(-1, ()) is no point of this space: its points are written like (0, 0) and (1, ()), counted from 0"),
        ("p", [], "[] is no point of this space: its points are written like 0 and 2, counted from 0"),
    ],
)  # fmt: skip
def test_a_point_that_is_not_there_is_refused(side, point, message):
    space = eq.mapping(f"{side} -> p", p=eq.S(3)).input
    assert mistake(lambda: space.index(point)) == message


def test_points_are_named_as_people_write_them():
    sides = {
        "p": "3",
        "1": "1",
        "{p p}": "{2,3}",
        "<p p>": "(3,2)",
        "p p": "(3, 3)",
        "p {p p}": "(3, {2,3})",
        "p + 1": "1",
    }
    for side, last in sides.items():
        space = eq.mapping(f"{side} -> p", p=eq.S(3)).input
        assert space.name(space.size - 1) == last


@pytest.mark.parametrize(
    ("degree", "size"), [(degree, size) for degree in range(1, 9) for size in range(1, degree + 1)]
)
def test_sets_and_tuples_of_distinct_points_are_counted_by_binomials(degree, size):
    mapping = eq.mapping(f"{{{'p ' * size}}} -> <{'p ' * size}>", p=eq.S(degree))
    assert (mapping.input.size, mapping.output.size) == (comb(degree, size), perm(degree, size))


@pytest.mark.parametrize(
    ("side", "shape"), [("p", (3,)), ("p q", (3, 2)), ("{p p} 1 q", (3, 1, 2)), ("p + q", (5,)), ("p q + 1", (7,))]
)
def test_the_shape_of_a_space_is_the_grid_that_its_points_fill(side, shape):
    assert eq.mapping(f"{side} -> p q", p=eq.S(3), q=eq.S(2)).input.shape == shape


# Actions


@given(declared_mappings())
def test_each_generator_moves_the_points_as_by_hand(declared):
    mapping = built(declared)
    names = [axis.name for axis in mapping.axes]
    assert names == list(declared.axes)
    for images in declared.moves():
        numbered = {names.index(name): SignedPermutation(np.array(image)) for name, image in images.items()}
        assert mapping.input.act(numbered).image.tolist() == action(declared, declared.input, images)
        assert mapping.output.act(numbered).image.tolist() == action(declared, declared.output, images)


@given(declared_mappings())
def test_axes_that_move_together_move_the_points_as_by_hand(declared):
    images = {name: generators[-1] for name, generators in declared.axes.items()}
    numbered = {number: SignedPermutation(np.array(image)) for number, image in enumerate(images.values())}
    assert built(declared).input.act(numbered).image.tolist() == action(declared, declared.input, images)


@given(declared_mappings())
def test_a_mapping_lists_the_generators_of_each_axis_in_turn(declared):
    generators = built(declared).generators
    assert len(generators) == len(declared.moves())
    for generator, images in zip(generators, declared.moves(), strict=True):
        assert generator.input.image.tolist() == action(declared, declared.input, images)
        assert generator.output.image.tolist() == action(declared, declared.output, images)


def test_the_check_by_hand_would_see_an_action_that_is_off_by_one_swap():
    mapping = eq.mapping("{p p} -> p where p = C(4)")
    # Edges 12 13 14 23 24 34 go to 23 24 12 34 13 14.
    assert mapping.generators[0].input.image.tolist() == [3, 4, 0, 5, 1, 2]
    assert mapping.generators[0].input.image.tolist() != [3, 4, 0, 5, 2, 1]


def test_generators_are_named_for_messages():
    mapping = eq.mapping("p q -> q", p="(1 2 3), (1 2)", q="(1)(2)")
    assert [generator.name for generator in mapping.generators] == [
        "generator 1 of p, (1 2 3)",
        "generator 2 of p, (1 2)",
        "generator 1 of q, the identity",
    ]


# Mappings


@given(declared_mappings())
def test_what_a_mapping_prints_parses_back_to_an_equal_mapping(declared):
    mapping = built(declared)
    again = eq.mapping(mapping.declaration)
    assert again == mapping
    assert hash(again) == hash(mapping)
    assert again.declaration == mapping.declaration
    assert eq.mapping(repr(mapping)) == mapping


def test_a_mapping_over_a_large_group_parses_back(random):
    mapping = eq.mapping("p q -> p + 1", p=[random.permutation(1500), random.permutation(1500)], q="(1 2), (3 4)")
    assert 'p = generators("' in str(mapping)
    assert eq.mapping(mapping.declaration) == mapping


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("p->p where p=S(5)", "p -> p where p = S(5)"),
        ("<p  p>{p p}+1->1 1 where p=(1,2,3),(1 2)", "<p p> {p p} + 1 -> 1 1 where p = (1 2 3), (1 2)"),
        ("b a -> a where a = S(2), b = C(3)", "b a -> a where b = C(3), a = S(2)"),
        ("p -> p where p = S(2) * (C(3))", "p -> p where p = S(2) * C(3)"),
        ('p -> p where p = catalogue("set")', 'p -> p where p = catalogue("set")'),
        ("1 + 1 -> 1", "1 + 1 -> 1"),
    ],
)
def test_a_mapping_prints_its_declaration_in_one_line(text, printed):
    assert str(eq.mapping(text)) == printed


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("p -> p where p = S(5)", "p -> p where p = S(5)  # p: order 120, one orbit of 5 points"),
        (
            "p q -> p where p = C(3), q = (1 2)(3)",
            "p q -> p where p = C(3), q = (1 2)(3)  # p: order 3, one orbit of 3 points; q: order 2, 2 orbits of 2, 1 points",
        ),
        ("1 -> 1", "1 -> 1"),
    ],
)
def test_the_representation_of_a_mapping_tells_the_orders(text, printed):
    assert repr(eq.mapping(text)) == printed


def test_mappings_are_equal_when_their_data_are():
    mapping = eq.mapping("p q -> p where p = C(3), q = C(2)")
    same = [
        eq.mapping("p q -> p", p=eq.C(3), q=eq.C(2)),
        eq.mapping("p q -> p", p=[[1, 2, 0]], q="(1 2)"),
        eq.mapping("p q -> p where q = C(2)", p="C(3)"),
        eq.mapping("x y -> x where x = C(3), y = C(2)"),
        eq.mapping("q p -> q where p = C(2), q = C(3)"),
        eq.mapping(mapping),
    ]
    assert all(other == mapping and hash(other) == hash(mapping) for other in same)
    different = [
        eq.mapping("q p -> p where p = C(3), q = C(2)"),
        eq.mapping("p q -> q where p = C(3), q = C(2)"),
        eq.mapping("p q -> p where p = C(3), q = C(3)"),
        eq.mapping("p q -> p where p = S(3), q = C(2)"),
        eq.mapping("p q -> {p} where p = C(3), q = C(2)"),
        eq.mapping("p q -> p 1 where p = C(3), q = C(2)"),
        eq.mapping("p q + 1 -> p where p = C(3), q = C(2)"),
    ]
    assert all(other != mapping for other in different)
    assert mapping != str(mapping)


def test_two_axes_with_one_group_are_not_one_axis():
    assert eq.mapping("p p -> p where p = S(3)") != eq.mapping("p q -> p where p = S(3), q = S(3)")


def test_the_group_of_a_mapping_is_the_product_of_its_axes():
    assert eq.mapping("p -> p where p = D(4)").group == eq.D(4)
    assert eq.mapping("b a -> a where a = S(2), b = C(3)").group == eq.C(3) * eq.S(2)
    assert eq.mapping("1 -> 1").group.order == 1
