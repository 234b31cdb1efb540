"""The same generators on other points, joint axes, and the relations of an abstract group."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eqgen as eq
from helpers.forms import joined


def matchings(points):
    """All perfect matchings of an even number of points."""
    if not points:
        return [frozenset()]
    first, rest = points[0], points[1:]
    return [
        frozenset({frozenset({first, other}), *matching})
        for other in rest
        for matching in matchings([point for point in rest if point != other])
    ]


def move_matching(matching, g):
    return frozenset(frozenset(int(g[point]) for point in pair) for pair in matching)


def test_the_fifteen_perfect_matchings_of_six_points():
    objects = matchings(list(range(6)))
    assert len(objects) == 15
    axis = eq.action(objects, move_matching, eq.S(6))
    # Two matchings share three edges, one, or none: rank 3 (the orbitals of S(6) on synthemes).
    assert eq.orbits(eq.mapping("m -> m", m=axis)).rank == 3
    both = eq.mapping("m -> p", **eq.joint(m=axis, p=eq.S(6)))
    # Every point is on one edge of every matching, and the stabilizer of a point is transitive on matchings.
    assert eq.orbits(both).rank == 1


def test_actions_may_be_given_as_one_function_a_generator():
    axis = eq.action(["heads", "tails"], [lambda side: {"heads": "tails", "tails": "heads"}[side]])
    mapping = eq.mapping("c -> c", c=axis)
    assert axis.order == 2
    assert [mapping.input.name(number) for number in range(2)] == ["heads", "tails"]


def test_objects_that_are_sets_are_named_in_order_whatever_python_makes_of_them():
    named = {
        frozenset({10, 9}): "{9, 10}",
        frozenset({"b", 1, "a"}): "{1, a, b}",
        frozenset(map(frozenset, ((3, 2), (1, 0), (5, 4)))): "{{0, 1}, {2, 3}, {4, 5}}",
        frozenset(): "{}",
    }
    axis = eq.action(list(named), [lambda found: found])
    assert list(axis.point_names) == list(named.values())


def test_points_are_named_in_violations():
    axis = eq.action(["heads", "tails"], [lambda side: {"heads": "tails", "tails": "heads"}[side]])
    orbits = eq.orbits(eq.mapping("c -> c", c=axis))
    from eqgen.orbitals.certificate import certify

    labels = orbits.labels.copy()
    labels[1, 1] = 1
    violation = certify(orbits.mapping, joined(labels, orbits.signs)).violation
    assert "moves entry (heads, heads) to (tails, tails)" in violation


@pytest.mark.parametrize(("group", "order"), [("S(3)", 6), ("C(5)", 5), ("D(4)", 8), ("A(4)", 12)])
def test_the_regular_action_has_rank_the_order(group, order):
    regular = eq.regular(group)
    assert regular.degree == order
    assert eq.orbits(eq.mapping("g -> g", g=regular)).rank == order
    assert regular.order == order
    assert len(regular.generators) == len(eq.group(group).generators)


def test_cosets_of_a_point_stabilizer_are_the_points():
    group = eq.group('catalogue("cube-vertices")')
    cosets = eq.cosets(group, eq.stabilizer(group, 0))
    assert cosets.degree == 8
    # Isomorphic as G-sets: the joint mapping has a bijective equivariant map, so its rank is that of the points.
    joint = eq.joint(v=group, c=cosets)
    assert eq.orbits(eq.mapping("v -> c", **joint)).rank == eq.orbits(eq.mapping("v -> v", v=group)).rank == 4


def test_cosets_by_brute_force():
    from sympy.combinatorics.named_groups import SymmetricGroup

    whole = SymmetricGroup(4)
    cosets = eq.cosets(whole, "(1 2)(3 4)")
    assert cosets.degree == 12
    # The number of orbits on pairs of cosets is the number of double cosets H\\G/H.
    members = [tuple(g.array_form) for g in whole.elements]
    subgroup = [(0, 1, 2, 3), (1, 0, 3, 2)]

    def times(a, b):
        return tuple(a[b[i]] for i in range(4))

    doubles = {frozenset(times(times(h, g), k) for h in subgroup for k in subgroup) for g in members}
    assert eq.orbits(eq.mapping("c -> c", c=cosets)).rank == len(doubles)


def test_blocks_of_a_wreath_product():
    group = eq.wreath(eq.S(3), eq.S(4))
    blocks = eq.blocks(group, [0, 1, 2])
    assert blocks.degree == 4
    assert blocks.order == 24
    mapping = eq.mapping("p -> b", **eq.joint(p=group, b=blocks))
    assert eq.orbits(mapping).rank == 2
    assert mapping.output.name(1) == "{4,5,6}"


def test_the_product_action_is_the_hamming_scheme():
    for letters, length in [(2, 3), (3, 2), (2, 4), (3, 3)]:
        axis = eq.product_action(eq.S(letters), eq.S(length))
        assert axis.degree == letters**length
        # Words at distance 0, 1, ..., n: the Hamming scheme H(n, q) has n classes.
        assert eq.orbits(eq.mapping("w -> w", w=axis)).rank == length + 1
        assert len(axis.generators) == len(eq.wreath(eq.S(letters), eq.S(length)).generators)
    axes = eq.joint(w=eq.product_action(eq.S(2), eq.S(3)), x=eq.wreath(eq.S(2), eq.S(3)))
    # A word and one of its 6 (place, letter) points: the letter is there or not.
    assert eq.orbits(eq.mapping("w -> x", **axes)).rank == 2


def test_stabilizers_and_subgroups():
    assert eq.stabilizer("S(5)", 0).order == 24
    assert eq.stabilizer("S(5)", 0, 1).order == 6
    assert eq.stabilizer("A(5)", 4).orbits.tolist() == [0, 0, 0, 0, 1]
    assert eq.subgroup("S(4)", "(1 2 3 4), (1 3)(2)(4)").order == 8


def test_groups_are_compared_as_groups():
    assert eq.S(4).equals(eq.group("(1 2), (2 3), (3 4)"))
    assert eq.group("(1 2 3 4), (1 3)").equals(eq.group("(1 4 3 2), (2 4)"))
    assert not eq.C(4).equals(eq.D(4))
    assert not eq.C(4).equals(eq.group("(1 2 4 3)"))
    assert not eq.C(4).equals(eq.C(5))
    assert eq.S(4) != eq.group("(1 2), (2 3), (3 4)")
    assert eq.group("(1 -1)(2)").equals(eq.group("(1 -1), ()(2)"))
    assert not eq.group("(1 -1)(2)").equals(eq.group("(2 -2)"))


# --- joint axes


DNA = {"s": [[1, 2, 3, 4, 5, 0], [0, 5, 4, 3, 2, 1]], "b": [[0, 1, 2, 3], [3, 2, 1, 0]]}


def test_circular_dna_as_joint_axes():
    mapping = eq.mapping("s b -> s b", **eq.joint(**DNA))
    # The group of 12 elements moves the 24 points freely: 24 * 24 / 12 orbits.
    assert eq.orbits(mapping).rank == 48
    assert mapping.group.order == 12
    assert eq.mapping(mapping.declaration) == mapping
    assert str(mapping) == "s b -> s b where s & b = Group((1 2 3 4 5 6), (2 6)(3 5)) & Group((), (1 4)(2 3))"
    independent = eq.mapping("s b -> s b", s=DNA["s"], b=DNA["b"])
    assert independent != mapping
    assert independent.group.order == 24


def test_a_joint_and_an_independent_axis():
    mapping = eq.mapping("s b c -> s c", c=eq.S(3), **eq.joint(**DNA))
    assert mapping.units == ((0, 1), (2,))
    assert eq.orbits(mapping).rank == eq.orbits(eq.mapping("s b -> s", **eq.joint(**DNA))).rank * 2
    assert eq.mapping(mapping.declaration) == mapping


@given(st.data())
def test_joint_orbits_are_those_of_the_diagonal_group(data):
    import networkx

    sizes = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    count = data.draw(st.integers(1, 3))
    lists = [[list(data.draw(st.permutations(range(size)))) for _ in range(count)] for size in sizes]
    mapping = eq.mapping("a b -> b a + a", **eq.joint(a=lists[0], b=lists[1]))
    graph = networkx.Graph()
    inputs = [(i, j) for i in range(sizes[0]) for j in range(sizes[1])]
    outputs = [("ba", j, i) for j in range(sizes[1]) for i in range(sizes[0])] + [("a", i) for i in range(sizes[0])]
    graph.add_nodes_from((y, x) for y in outputs for x in inputs)

    def moved(point, p, q):
        if point[0] == "ba":
            return ("ba", q[point[1]], p[point[2]])
        if point[0] == "a":
            return ("a", p[point[1]])
        return (p[point[0]], q[point[1]])

    for p, q in zip(*lists, strict=True):
        graph.add_edges_from(((y, x), (moved(y, p, q), moved(x, p, q))) for y in outputs for x in inputs)
    expected = {frozenset(component) for component in networkx.connected_components(graph)}
    labels = eq.orbits(mapping).labels
    found = {}
    for i, y in enumerate(outputs):
        for j, x in enumerate(inputs):
            found.setdefault(int(labels[i, j]), set()).add((y, x))
    assert {frozenset(part) for part in found.values()} == expected


def test_relations_that_hold():
    eq.joint(**DNA, relations="a^6, b^2, (a b)^2, a b a b^-1")
    eq.joint(s=[[1, 0]], b="(1 -2)", relations="a^2")


@pytest.mark.parametrize(
    ("relation", "word"),
    [
        ("(b (a) b) a", "baba"),
        ("((a b)^2 a)^3", "ababaababaababa"),
        ("(b (a b (a)^2)^2 b^-1)^3", "babaaabaaB" * 3),
        ("((a)^-1 b) (a b)^-1 (((a)))", "AbBAa"),
    ],
)
def test_words_within_words_are_what_they_are_written_out(relation, word):
    """Against the word letter by letter, an upper one being an inverse, for generators that do not commute."""
    images = {"a": [1, 2, 0, 3], "b": [1, 3, 2, 0]}
    images |= {name.upper(): [image.index(point) for point in range(4)] for name, image in images.items()}
    point_images = list(range(4))
    for letter in word:
        point_images = [images[letter][point] for point in point_images]
    moved = next((point for point in range(4) if point_images[point] != point), None)
    eq.joint(p=[images["a"], images["b"], point_images], relations=f"{relation} c^-1")
    if moved is not None:
        with pytest.raises(eq.DeclarationError, match=f"it sends point {moved + 1} to {point_images[moved] + 1};"):
            eq.joint(p=[images["a"], images["b"]], relations=relation)


@pytest.mark.parametrize(
    ("relations", "message"),
    [
        ("a^3", "relation a^3 fails on axis s: it sends point 1 to 4; correct the relation or the generators"),
        ("a^6, a b", "relation a b fails on axis s: it sends point 1 to 6; correct the relation or the generators"),
        ("c", "relation c names generator c: axis s has 2, which are a to b"),
        (
            "a^",
            'relations are words in the generators a, b, c, ..., like "a^6, b^2, (a b)^2" (character 3)\n  a^\n    ^',
        ),
        (
            "^2 a",
            'relations are words in the generators a, b, c, ..., like "a^6, b^2, (a b)^2" (character 1)\n  ^2 a\n  ^',
        ),
        ("a^99999999", "the relations 'a^99999999' hold a word of more than 10000 letters"),
    ],
)
def test_relations_that_fail(relations, message):
    with pytest.raises(eq.DeclarationError, match=f"^{re.escape(message)}$"):
        eq.joint(**DNA, relations=relations)


def test_a_relation_may_hold_on_one_side_only_when_none_is_declared():
    # The action on one fixed point is not faithful, which is legitimate.
    assert eq.orbits("p -> 1 where p = S(4)").rank == 1


def test_the_relations_of_a_single_axis_are_checked_too():
    assert eq.mapping("p -> p", **eq.joint(p=[[1, 2, 0]], relations="a^3")) == eq.mapping("p -> p", p=[[1, 2, 0]])
    with pytest.raises(eq.DeclarationError, match=r"^relation a\^2 fails on axis p: it sends point 1 to 3"):
        eq.joint(p=[[1, 2, 0]], relations="a^2")


# --- mistakes


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: eq.joint(s=[[1, 0]]), "joint moves several axes at once: name at least two, as in eq.joint(s=[...], b=[...])"),
        (lambda: eq.joint(s=[[1, 0]], b=[[1, 0], [0, 1]]), "axes declared together need one generator list: s has 1 generator, b has 2; write the identity for a generator that leaves an axis alone"),
        (lambda: eq.mapping("s b -> s where s & b = C(3) & D(3)"), "axes declared together need one generator list: s has 1 generator, b has 2; write () for a generator that leaves an axis alone (character 18)\n  s b -> s where s & b = C(3) & D(3)\n                   ^".replace("character 18", "character 16").replace("                   ^", "                 ^")),
        (lambda: eq.mapping("s b -> s where s & b = C(3)"), "2 axes are declared together and 1 group given: write one for each axis, as in s & b = Group((1 2)) & Group((1 2)(3 4)) (character 16)\n  s b -> s where s & b = C(3)\n                 ^"),
        (lambda: eq.action([1, 1], [lambda x: x]), "1 stands twice in the list of objects: each is named once"),
        (lambda: eq.action([], [lambda x: x]), "the list of objects is empty: a group needs at least one point"),
        (lambda: eq.action([1, 2], [lambda x: 3]), "generator 1 moves 1 to 3, which is not in the list of objects"),
        (lambda: eq.action([1, 2], [lambda x: 1]), "generator 1 moves both 1 and 2 to 1"),
        (lambda: eq.action([1, 2], lambda x, g: x), "one function for all generators needs to know them: pass the group too, as in eq.action(objects, move, eq.S(6))"),
        (lambda: eq.blocks("C(6)", [0, 1]), "[0, 1] is no block: generator 1 moves [0, 1] to [1, 2], which meets another image in some points only"),
        (lambda: eq.blocks("C(6)", [7]), "a block is a list of points from 0 to 5, got [7]"),
        (lambda: eq.cosets("C(4)", "(1 2)(3)(4)"), "(1 2)(4) is no subgroup of C(4): one of its generators lies outside"),
        (lambda: eq.cosets("S(4)", "S(3)"), "a subgroup moves the same points: the group has 4 points, the subgroup 3"),
        (lambda: eq.regular("S(9)"), "362880 cosets of a subgroup of order 1 are too many to list: declare the action on points, blocks or your own objects (eq.action) instead"),
        (lambda: eq.product_action("S(10)", "S(10)"), "the product action has 10^10 points: more than 1000000 are not listed"),
        (lambda: eq.regular("(1 -2)"), "regular moves points without signs, and (1 -2) flips some: drop the signs first"),
        (lambda: eq.blocks("(1 -2)", [0]), "blocks moves points without signs, and (1 -2) flips some: drop the signs first"),
        (lambda: eq.subgroup("S(2)", "(1 -2)"), "one of the group and its subgroup flips signs and the other does not: write both alike"),
        (lambda: eq.joint(l=[[1, 0]], j=[[1, 0]], relations=["a^2"]), 'relations is one text of words that do nothing, like "a^6, b^2, (a b)^2"'),
        (lambda: eq.mapping("s -> s", s=eq.joint(s=[[1, 0]], b=[[1, 0]])["s"]), "axis s was declared together with b: pass all axes of eq.joint(...), as in eq.mapping(..., **axes), or the group of one alone"),
        (lambda: eq.action([0, 1], [lambda x: 1 / x]), "generator 1 fails on 0: ZeroDivisionError: division by zero"),
        (lambda: eq.stabilizer("S(4)", 4), "4 is no point: points are numbered from 0 to 3"),
        (lambda: eq.subgroup("C(4)", "(1 2)(3)(4)"), "generator 1, (1 2), lies outside C(4)"),
    ],
)  # fmt: skip
def test_mistakes(wrong, message):
    with pytest.raises(eq.DeclarationError, match=f"^{re.escape(message)}$"):
        wrong()


def test_arrays_of_numpy_integers_are_points():
    assert eq.blocks("C(6)", np.array([0, 3])).degree == 3


def test_wreath_takes_any_form():
    assert eq.wreath("S(3)", [[1, 0]]) == eq.wreath(eq.S(3), eq.S(2))


def test_sympy_permutations_in_a_list():
    from sympy.combinatorics import Permutation

    assert eq.group([Permutation([1, 2, 0])]) == eq.group("(1 2 3)")


def test_joint_axes_stay_together_through_a_pickle():
    import pickle

    axes = eq.joint(s="(1 2 3)", b="(1 2 3)")
    again = {name: pickle.loads(pickle.dumps(axis)) for name, axis in axes.items()}
    assert eq.orbits(eq.mapping("s -> b", **again)).rank == eq.orbits(eq.mapping("s -> b", **axes)).rank == 3


def test_words_are_applied_from_left_to_right():
    first, second = [1, 2, 0, 3], [0, 1, 3, 2]
    # First the 3-cycle, then the swap: 0 -> 1 -> 1, 1 -> 2 -> 3, 3 -> 3 -> 2, 2 -> 0 -> 0.
    eq.joint(p=[first, second, [1, 3, 0, 2]], relations="a b c^-1")
    with pytest.raises(eq.DeclarationError, match="relation b a c"):
        eq.joint(p=[first, second, [1, 3, 0, 2]], relations="b a c^-1")


@pytest.mark.parametrize("relations", ["a^0000000005", "(" * 3000 + "a" + ")" * 3000, " ".join(["a^9999"] * 30)])
def test_strange_relations_are_refused(relations):
    with pytest.raises(eq.DeclarationError):
        eq.joint(s="(1 2 3)", b="(1 2 3)", relations=relations)


def test_the_generator_that_lies_outside_is_the_one_that_is_named():
    with pytest.raises(eq.DeclarationError, match=r"^generator 2, \(1 2\), lies outside A\(4\)$"):
        eq.subgroup("A(4)", "(4), (1 2)")
    with pytest.raises(eq.DeclarationError, match=r"^generator 4, \(1 2\), lies outside A\(4\)$"):
        eq.subgroup("A(4)", [[0, 1, 2, 3], [1, 2, 0, 3], [0, 1, 2, 3], [1, 0, 2, 3]])
