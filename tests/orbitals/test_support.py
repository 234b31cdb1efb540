"""Supports: the pairs that a local kernel may use, against the orbits of all pairs, found by hand and then cut."""

from __future__ import annotations

import pickle
import re
import tracemalloc
from copy import deepcopy
from functools import partial
from itertools import product
from math import ceil, hypot

import networkx
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import eqgen as eq
from eqgen.orbitals.limits import Limits
from eqgen.orbitals.sparse import NotClosedError, SparseLabels, sparse_labels
from eqgen.orbitals.supports import Pairs
from helpers.drawn_mappings import drawn_moves, drawn_pairs, mappings_of_several_axes, p4m, signed_generators
from helpers.forms import check_form, check_row_representatives, joined
from helpers.mistakes import mistake, refuse
from helpers.references import components, cut, mask_of, signed_orbits
from helpers.strategies import action, declared_mappings, generator_sets

# The slow reference: the orbits of all pairs, of which those stay that a given pair lies in


def check_arrays(form: SparseLabels, labels: np.ndarray, signs: np.ndarray) -> None:
    """The sparse arrays against the table that they stand for."""
    rows, columns = np.nonzero(labels >= 0)
    assert form.indptr.tolist() == [0, *np.cumsum((labels >= 0).sum(axis=1)).tolist()]
    assert form.row_numbers().tolist() == rows.tolist()
    assert form.indices.tolist() == columns.tolist()
    assert form.signed_labels.tolist() == joined(labels, signs)[rows, columns].tolist()


def check(mapping: eq.Mapping, labels: np.ndarray, signs: np.ndarray, seed: int = 0) -> None:
    """Everything that a supported mapping says, against a table of labels and signs."""
    form, orbits = mapping.support, eq.orbits(mapping)
    assert isinstance(form, SparseLabels)
    assert orbits.form is form
    check_form(form, (labels, signs))
    check_row_representatives(form, mapping.generators)
    check_arrays(form, labels, signs)
    check_form(form.table(), (labels, signs))
    check_row_representatives(form.table(), mapping.generators)
    assert np.array_equal(orbits.labels, labels)
    assert np.array_equal(orbits.signs, signs)
    assert orbits.sizes.sum() == (labels >= 0).sum()
    random = np.random.default_rng(seed)
    for size in (0, 1, 7):
        # Rows and columns in any order, some of them twice.
        rows, columns = random.integers(0, labels.shape[0], size=size), random.integers(0, labels.shape[1], size=7)
        found = orbits.labels_at(rows, columns)
        assert np.array_equal(found[0], labels[rows][:, columns])
        assert np.array_equal(found[1], signs[rows][:, columns])
    assert orbits.certificate()


@st.composite
def unsigned(draw):
    """A mapping without a support, and the labels and signs of all its pairs: sets and tuples moved by hand."""
    declared = draw(declared_mappings())
    sides = [declared.output, declared.input]
    moves = [tuple(action(declared, side, move) for side in sides) for move in declared.moves()]
    labels = np.array(components(*(len(declared.points(side)) for side in sides), moves))
    return partial(eq.mapping, declared.text, **declared.axes), labels, np.ones_like(labels)


@st.composite
def signed(draw):
    """The same where signs flip, with one axis or several."""
    if draw(st.booleans()):
        whole = draw(mappings_of_several_axes())
        make = partial(eq.mapping, whole.declaration)
    else:
        size = draw(st.integers(2, 4))
        kinds = ["p", "~p", "p + ~p", "p + 1", "{p p}", "<p p>", "[p p]", "[p p] + p", "1"]
        sides = [draw(st.sampled_from(kinds)) for _ in range(2)]
        assume(sides != ["1", "1"])
        make = partial(eq.mapping, " -> ".join(sides), p=draw(signed_generators(size, draw(st.integers(1, 2)))))
        whole = make()
    labels, signs = signed_orbits(whole.output.size, whole.input.size, whole.generators)
    return make, np.array(labels), np.array(signs)


@settings(max_examples=80)
@given(st.one_of(unsigned(), signed()), st.data())
def test_a_support_has_the_orbits_of_all_pairs_that_one_of_its_pairs_lies_in(drawn, data):
    make, labels, signs = drawn
    pairs = drawn_pairs(data, labels.shape)
    check(make(support=pairs), *cut(labels, signs, mask_of(labels.shape, pairs)))


@settings(max_examples=60)
@given(
    st.one_of(unsigned(), signed()),
    st.data(),
    st.integers(1, 30),
    st.sampled_from([0, 3, 10**6]),
    st.integers(1, 5),
    st.sampled_from([0, 1, 8]),
)
def test_whatever_the_way_the_orbits_are_the_same(drawn, data, block, many, quiet, chained):
    # Blocks of a row or less, both ways to merge, closures that are left to the comparison of rows, and trees of single
    # steps: supports as small as these would not meet all of that by themselves.
    make, labels, signs = drawn
    pairs = drawn_pairs(data, labels.shape)
    limits = Limits(block=block, many_equalities=many, quiet_support=quiet, chained_generators=chained)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("eqgen.orbitals.declare.sparse_labels", partial(sparse_labels, limits=limits))
        check(make(support=pairs), *cut(labels, signs, mask_of(labels.shape, pairs)))


@settings(max_examples=25)
@given(st.one_of(unsigned(), signed()))
def test_a_support_of_all_pairs_leaves_only_those_out_that_the_signs_force_to_zero(drawn):
    make, labels, signs = drawn
    every = list(product(*map(range, labels.shape)))
    check(make(support=every), *cut(labels, signs, np.ones(labels.shape, dtype=bool)))


@settings(max_examples=20)
@given(st.one_of(unsigned(), signed()), st.data(), st.randoms(use_true_random=False))
def test_pairs_come_by_number_or_as_points_in_any_order_and_any_iterable(drawn, data, shuffled):
    make, labels, _ = drawn
    pairs = drawn_pairs(data, labels.shape)
    found, whole = make(support=pairs), make()
    points = [(whole.output.points[row], whole.input.points[column]) for row, column in pairs]
    again = [*pairs, *pairs]
    shuffled.shuffle(again)
    for same in (points, again, np.array(pairs), np.array(pairs, dtype=np.uint8), iter(pairs), tuple(map(list, pairs))):
        assert make(support=same) == found
    # Pairs bring all with them that the group moves them to: there is nothing left to close.
    assert make(support=eq.closed(pairs)) == make(support=eq.closed(eq.closed(points))) == found


@settings(max_examples=25)
@given(st.one_of(unsigned(), signed()), st.data())
def test_a_support_is_equal_whichever_pairs_name_its_orbits(drawn, data):
    make, labels, _ = drawn
    pairs = drawn_pairs(data, labels.shape)
    assume(any(labels[pair] >= 0 for pair in pairs))
    found = make(support=pairs)
    others = [
        data.draw(st.sampled_from(np.argwhere(labels == labels[pair]).tolist())) for pair in pairs if labels[pair] >= 0
    ]
    assert make(support=others) == found
    assert hash(make(support=others)) == hash(found)
    assert str(make(support=others)) == str(found)
    assert eq.orbits(make(support=others)) == eq.orbits(found)
    assert found != make()
    more = drawn_pairs(data, labels.shape)
    for other in (more, [*pairs, *more]):
        orbits = [{labels[pair] for pair in some} - {-1} for some in (pairs, other)]
        assert (make(support=other) == found) == (orbits[0] == orbits[1])


def test_supports_of_as_many_orbits_need_not_be_equal():
    one, other = (eq.mapping(f"p -> p where p = C(6) support 1 <- {column}") for column in (2, 3))
    assert one != other
    assert eq.orbits(one) != eq.orbits(other)
    assert one.support != other.support


def test_supports_of_other_groups_or_sizes_are_not_equal():
    def ring(text):
        return eq.mapping(text, support=[(0, 0)])

    assert ring("p -> p where p = C(6)") == ring("q -> q where q = C(6)")
    assert ring("p -> p where p = C(6)") != ring("p -> p where p = D(6)")
    assert ring("p -> p where p = C(6)") != ring("p -> p where p = C(7)")
    assert ring("p -> p where p = C(6)").support != "p -> p where p = C(6)"
    assert ring("p -> p where p = C(6)").support == ring("p -> p where p = D(6)").support


# What is printed


def test_the_text_names_the_first_pair_of_each_orbit_counted_from_1():
    ring = eq.mapping("p -> p where p = C(5)", support=[(3, 4), (2, 2)])
    assert str(ring) == "p -> p where p = C(5) support 1 <- 1, 1 <- 2"
    assert str(eq.orbits(ring)) == "p -> p where p = C(5) support 1 <- 1, 1 <- 2: 2 orbits of 10 of 5 x 5 pairs"
    # Each output uses inputs: itself and the next one.
    assert eq.orbits(ring).pattern == eq.pattern("a b 0 0 0; 0 a b 0 0; 0 0 a b 0; 0 0 0 a b; b 0 0 0 a")
    edges = eq.mapping("{p p} -> p where p = S(4)", support=[(2, {3, 2})])
    assert str(edges) == "{p p} -> p where p = S(4) support 1 <- 1"
    assert str(eq.mapping("1 -> 1", support=[(0, 0)])) == "1 -> 1 support 1 <- 1"


@settings(max_examples=40)
@given(st.one_of(unsigned(), signed()), st.data())
def test_what_is_printed_parses_back_to_an_equal_value(drawn, data):
    make, labels, signs = drawn
    pairs = drawn_pairs(data, labels.shape)
    expected = cut(labels, signs, mask_of(labels.shape, pairs))
    assume(expected[1].any())
    found = make(support=pairs)
    text = ", ".join(f"{i + 1} <- {j + 1}" for i, j in found.support.representatives.tolist())
    assert found.declaration == f"{make().declaration} support {text}"
    again = eq.mapping(found.declaration)
    assert again == found
    assert hash(again) == hash(found)
    assert again.declaration == found.declaration
    check(again, *expected)


@pytest.mark.parametrize("text", ["~p -> 1 where p = S(3)", "p -> p where p = (1 -1)(2)"])
def test_a_support_that_the_signs_leave_nothing_of_still_parses_back(text):
    # The one pair is its own negative. Nothing is left: but what is printed has to stay a declaration.
    found = eq.mapping(text, support=[(0, min(1, eq.mapping(text).input.size - 1))])
    assert eq.orbits(found).rank == 0
    assert eq.mapping(found.declaration) == found


@pytest.mark.parametrize(
    "text",
    [
        "p -> p where p = C(5) support 1 <- 1, 1 <- 2",
        "p -> p where p = C(5) support 1<-1,1<-2",
        "p -> p where p = C(5)\n  support 3 <- 4, # the next one\n  5 <- 5, 1 <- 1",
    ],
)
def test_spaces_comments_and_the_choice_of_pairs_do_not_matter(text):
    assert eq.mapping(text) == eq.mapping("p -> p where p = C(5)", support=[(0, 1), (0, 0)])


@pytest.mark.parametrize("pairs", [1, 1000])
def test_a_support_in_a_comment_is_none_however_long(pairs):
    text = f"{C5} # support {', '.join(['1 <- 1'] * pairs)}"
    assert eq.mapping(text).support is None
    assert eq.mapping(text) == eq.mapping(C5)


def test_a_support_ends_a_list_of_generators():
    text = "p -> p where p = (1 2)(3 4), (1 3)(2 4) support 1 <- 1"
    assert str(eq.mapping(text)) == text
    joint = "s b -> s where s & b = Group((1 2 3), (2 3)) & Group((), (1 2)) support 1 <- 1"
    assert str(eq.mapping(joint)) == joint


@settings(max_examples=15)
@given(st.one_of(unsigned(), signed()), st.data())
def test_a_supported_mapping_can_be_pickled_and_copied(drawn, data):
    make, labels, _ = drawn
    found = make(support=drawn_pairs(data, labels.shape))
    for again in (pickle.loads(pickle.dumps(found)), deepcopy(found)):
        assert again == found
        assert hash(again) == hash(found)
        assert np.array_equal(eq.orbits(again).labels, eq.orbits(found).labels)


# Graphs


@st.composite
def graphs(draw, directed=None, most=7):
    """A graph, directed or not, with loops, whose nodes are named and come in any order."""
    size = draw(st.integers(1, most))
    directed = draw(st.booleans()) if directed is None else directed
    graph = networkx.DiGraph() if directed else networkx.Graph()
    graph.add_nodes_from(f"node {place}" for place in draw(st.permutations(range(size))))
    nodes = list(graph)
    edge = st.tuples(st.sampled_from(nodes), st.sampled_from(nodes))
    graph.add_edges_from(draw(st.lists(edge, max_size=2 * size)))
    return graph


def within(graph, radius: float) -> np.ndarray:
    """Which nodes (columns) reach which (rows) in so many steps."""
    nodes = list(graph)
    mask = np.zeros((len(nodes), len(nodes)), dtype=bool)
    for tail, near in networkx.all_pairs_shortest_path_length(graph):
        for head, steps in near.items():
            mask[nodes.index(head), nodes.index(tail)] = steps <= radius
    return mask


def nodes_alone(size: int) -> eq.Group:
    return eq.group([list(range(size))])


@settings(max_examples=40)
@given(graphs(), st.integers(0, 4))
def test_a_radius_in_a_graph_names_the_pairs_of_nodes_so_near(graph, radius):
    support = eq.neighbours(graph, radius)
    alone = eq.orbits(eq.mapping("n -> n", n=nodes_alone(len(graph)), support=support))
    assert np.array_equal(alone.labels >= 0, within(graph, radius))
    group = eq.automorphisms(graph)
    generators = [(image.tolist(), image.tolist()) for image in group.generators]
    labels = np.array(components(len(graph), len(graph), generators))
    found = eq.mapping("n -> n", n=group, support=support)
    check(found, *cut(labels, np.ones_like(labels), within(graph, radius)))
    # A graph metric is unchanged by the automorphisms of the graph: closing it changes nothing.
    assert eq.mapping("n -> n", n=group, support=eq.closed(support)) == found


@settings(max_examples=20)
@given(graphs())
def test_a_graph_names_its_edges_and_each_node_with_itself(graph):
    nodes = list(graph)
    mask = np.eye(len(nodes), dtype=bool)
    for tail, head in graph.edges():
        mask[nodes.index(head), nodes.index(tail)] = True
        if not graph.is_directed():
            mask[nodes.index(tail), nodes.index(head)] = True
    many = (networkx.MultiDiGraph if graph.is_directed() else networkx.MultiGraph)(graph)
    many.add_edges_from(list(graph.edges()))
    for same in (graph, eq.neighbours(graph), many, networkx.freeze(graph.copy())):
        found = eq.mapping("n -> n", n=nodes_alone(len(nodes)), support=same)
        assert np.array_equal(eq.orbits(found).labels >= 0, mask)


def test_an_output_of_a_directed_graph_reads_the_nodes_whose_edges_lead_to_it():
    ring = networkx.DiGraph([(0, 1), (1, 2), (2, 3), (3, 0)])
    found = eq.mapping("n -> n", n=eq.automorphisms(ring), support=ring)
    # Node 1 reads itself and node 0, from which an edge comes.
    assert eq.orbits(found).pattern == eq.pattern("a 0 0 b; b a 0 0; 0 b a 0; 0 0 b a")


@pytest.mark.parametrize("n", [3, 4, 7, 8, 50])
@pytest.mark.parametrize("radius", [0, 1, 2, 3, 30])
def test_a_ring_has_an_orbit_for_each_distance_and_one_for_each_shift_without_reflections(n, radius):
    ring = networkx.cycle_graph(n)
    distances = min(radius, n // 2)
    found = eq.orbits(eq.mapping("n -> n", n=eq.automorphisms(ring), support=eq.neighbours(ring, radius)))
    assert found.rank == distances + 1
    assert found.sizes.sum() == n * min(2 * radius + 1, n)
    rotations = eq.orbits(eq.mapping("n -> n", n=eq.C(n), support=eq.neighbours(ring, radius)))
    assert rotations.rank == min(2 * radius + 1, n)
    assert set(rotations.sizes.tolist()) == {n}


def test_distance_two_in_the_petersen_graph_reaches_everything_and_one_reaches_three():
    graph = networkx.petersen_graph()
    near, far = (
        eq.orbits(eq.mapping("n -> n", n=eq.automorphisms(graph), support=eq.neighbours(graph, radius)))
        for radius in (1, 2)
    )
    assert near.sizes.tolist() == [10, 30]
    assert far.sizes.tolist() == [10, 30, 60]


def test_the_nodes_are_the_points_in_the_order_of_the_graph():
    path = networkx.path_graph(["c", "a", "b"])
    found = eq.orbits(eq.mapping("n -> n", n=eq.automorphisms(path), support=path))
    assert found.pattern == eq.pattern("a b 0; c d c; 0 b a")
    # The same edges, but the middle node comes first.
    star = networkx.Graph()
    star.add_nodes_from(["a", "c", "b"])
    star.add_edges_from(path.edges())
    found = eq.orbits(eq.mapping("n -> n", n=eq.automorphisms(star), support=star))
    assert found.pattern == eq.pattern("a b b; c d 0; c 0 d")


def test_a_graph_may_be_of_a_class_of_its_owner():
    class Molecule(networkx.Graph):
        pass

    ring = Molecule(networkx.cycle_graph(5))
    expected = eq.mapping("n -> n", n=eq.automorphisms(ring), support=networkx.cycle_graph(5))
    assert eq.mapping("n -> n", n=eq.automorphisms(ring), support=ring) == expected
    assert eq.mapping("n -> n", n=eq.automorphisms(ring), support=eq.neighbours(ring)) == expected


def test_the_nodes_may_be_the_points_of_any_space():
    # The triangular graph T(5): edges of five nodes, adjacent where they share one.
    graph = networkx.line_graph(networkx.complete_graph(5))
    ordered = networkx.Graph()
    edges = eq.mapping("{p p} -> {p p} where p = S(5)")
    ordered.add_nodes_from(edges.input.points)
    ordered.add_edges_from(graph.edges())
    found = eq.orbits(eq.mapping("{p p} -> {p p} where p = S(5)", support=ordered))
    assert found.sizes.tolist() == [10, 60]


# Stencils


def apart(one, other, shape, metric: str, wrap: bool) -> float:
    """How far two cells of a grid are apart, by the documented metrics."""
    steps = [
        min(abs(a - b), side - abs(a - b)) if wrap else abs(a - b) for a, b, side in zip(one, other, shape, strict=True)
    ]
    return {"square": max(steps), "diamond": sum(steps), "disc": hypot(*steps)}[metric]


SHAPES = st.one_of(
    st.tuples(st.integers(1, 9)),
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 3)),
)
RADII = st.sampled_from([0, 1, 1.2, 1.5, 2, 2.3, 3, 7, 1000, 0.5, np.int64(2), np.float64(1.5)])
METRICS = st.sampled_from(["square", "diamond", "disc"])


@settings(max_examples=60)
@given(SHAPES, RADII, METRICS, st.booleans())
def test_a_stencil_names_the_cells_no_further_apart_than_its_radius(shape, radius, metric, wrap):
    cells = list(product(*map(range, shape)))
    expected = [[apart(one, other, shape, metric, wrap) <= radius for other in cells] for one in cells]
    given_shape = eq.stencil(radius, shape, metric=metric, wrap=wrap)
    alone = eq.orbits(eq.mapping("p -> p", p=nodes_alone(len(cells)), support=given_shape))
    assert (alone.labels >= 0).tolist() == expected
    # The shape is known where the space is a grid.
    names = "hwd"[: len(shape)]
    axes = {name: nodes_alone(side) for name, side in zip(names, shape, strict=True)}
    known = eq.mapping(
        f"{' '.join(names)} -> {' '.join(names)}", support=eq.stencil(radius, metric=metric, wrap=wrap), **axes
    )
    assert (eq.orbits(known).labels >= 0).tolist() == expected


@settings(max_examples=40)
@given(SHAPES, RADII, METRICS)
def test_on_a_torus_each_offset_has_a_weight_of_its_own(shape, radius, metric):
    names = "hwd"[: len(shape)]
    axes = {name: eq.C(side) for name, side in zip(names, shape, strict=True)}
    sides = " ".join(names)
    found = eq.orbits(eq.mapping(f"{sides} -> {sides}", support=eq.stencil(radius, metric=metric, wrap=True), **axes))
    cells = list(product(*map(range, shape)))
    offsets = [offset for offset in cells if apart(offset, (0,) * len(shape), shape, metric, True) <= radius]
    assert found.rank == len(offsets)
    assert set(found.sizes.tolist()) == {len(cells)}
    # Output cell r reads input cell r + offset: a circular convolution, here with numpy's shifts.
    random = np.random.default_rng(5)
    image, theta = random.normal(size=shape), random.normal(size=found.rank)
    weight = np.where(found.labels >= 0, theta[found.labels], 0)
    convolved = sum(
        theta[number] * np.roll(image, [-step for step in offset], range(len(shape)))
        for number, offset in enumerate(offsets)
    )
    np.testing.assert_allclose((weight @ image.ravel()).reshape(shape), convolved, rtol=1e-12, atol=1e-12)


def test_wrapped_offsets_that_coincide_are_one_weight():
    # On a ring of two cells one step to the left and one to the right are the same cell.
    for n, rank in [(1, 1), (2, 2), (3, 3), (4, 3)]:
        assert eq.orbits(eq.mapping(f"p -> p where p = C({n})", support=eq.stencil(1, wrap=True))).rank == rank
    torus = eq.mapping("h w -> h w where h = C(2), w = C(2)", support=eq.stencil(1, wrap=True))
    assert eq.orbits(torus).sizes.tolist() == [4, 4, 4, 4]


@pytest.mark.parametrize("side", [5, 6, 8])
@pytest.mark.parametrize("radius", [0, 1, 2])
@pytest.mark.parametrize("metric", ["square", "diamond"])
def test_rigid_motions_of_a_torus_leave_one_weight_for_each_shape_of_an_offset(side, radius, metric):
    found = eq.orbits(
        eq.mapping("p -> p", p=p4m((side, side)), support=eq.stencil(radius, (side, side), metric=metric, wrap=True))
    )
    # Quarter turns and reflections leave of an offset the two lengths, whatever their order.
    offsets = [
        (x, y)
        for x, y in product(range(-radius, radius + 1), repeat=2)
        if metric == "square" or abs(x) + abs(y) <= radius
    ]
    shapes: dict[tuple[int, ...], int] = {}
    for x, y in offsets:
        shape = tuple(sorted((abs(x), abs(y))))
        shapes[shape] = shapes.get(shape, 0) + side * side
    assert sorted(found.sizes.tolist()) == sorted(shapes.values())
    assert found.row_sizes.sum() == len(offsets)
    assert found.certificate()


def test_a_3_x_3_kernel_on_a_torus_of_128_has_a_centre_an_edge_and_a_corner():
    side = 128
    mapping = eq.mapping("p -> p", p=p4m((side, side)), support=eq.stencil(1, (side, side), wrap=True))
    found = eq.orbits(mapping)
    assert found.rank == 3
    assert found.sizes.tolist() == [16384, 65536, 65536]
    assert found.row_sizes.tolist() == [1, 4, 4]
    assert str(mapping).endswith(" support 1 <- 1, 1 <- 2, 1 <- 130")
    # Of a cell in the middle: three rows of three.
    row = 64 * side + 64
    columns = np.array([row + side * y + x for y in (-1, 0, 1) for x in (-1, 0, 1)])
    assert found.labels_at(np.array([row]), columns)[0].tolist() == [[2, 1, 2, 1, 0, 1, 2, 1, 2]]
    assert found.labels_at(np.array([0]), np.arange(side * side))[0].tolist()[0].count(-1) == side * side - 9
    # Held in a few bytes for each of its pairs, none for all the others.
    held = mapping.support.indptr.nbytes + mapping.support.indices.nbytes + mapping.support.signed_labels.nbytes
    assert held <= 16 * 9 * side * side


def test_a_stencil_on_a_board_that_does_not_wrap_knows_its_rims():
    board = eq.mapping(
        "p -> p", p=eq.trace((3, 3), np.rot90, np.fliplr), support=eq.stencil(1, (3, 3), metric="diamond")
    )
    # A corner, an edge and the middle each read themselves; corner and edge, edge and middle read each other.
    assert sorted(eq.orbits(board).sizes.tolist()) == [1, 4, 4, 4, 4, 8, 8]


def test_a_stencil_takes_a_list_as_its_shape_and_any_number_as_its_radius():
    expected = eq.stencil(1.5, (3, 4), metric="disc", wrap=True)
    assert eq.stencil(np.float32(1.5), [3, np.int64(4)], metric="disc", wrap=np.True_) == expected
    assert eq.stencil(1) == eq.stencil() == eq.stencil(1.0, None, metric="square", wrap=False)


def test_a_grid_may_close_along_some_sides_only():
    # Turned along h alone, w fixed point by point: 3 offsets along a ring of 6, and 16 pairs of neighbours on a line of 6.
    declared = "h w -> h w where h = C(6), w = (6)"
    for wrap in ((True, False), [np.True_, False]):
        assert eq.orbits(eq.mapping(declared, support=eq.stencil(1, wrap=wrap))).rank == 48
    assert eq.orbits(eq.mapping(declared, support=eq.stencil(1, wrap=True))).rank == 54
    assert eq.orbits(eq.mapping(declared, support=eq.stencil(1, wrap=(True, True)))).rank == 54
    for wrap in (False, (False, False), (False, True)):
        assert "h = C(6), w = (6) is not closed" in mistake(
            lambda wrap=wrap: eq.mapping(declared, support=eq.stencil(1, wrap=wrap))
        )
    assert (
        eq.orbits(eq.mapping("h w -> h w where h = (6), w = (6)", support=eq.stencil(1, wrap=(False, False)))).rank
        == 16**2
    )


DNA = eq.joint(s=[[*range(1, 12), 0], [*range(11, -1, -1)]], b=[[0, 1, 2, 3], [3, 2, 1, 0]])


def test_a_stencil_along_named_axes_reaches_all_points_of_the_others():
    # 12 x 3 pairs of places and 4 x 4 of letters, moved freely by 24 elements: a letter is never its own complement.
    for sides, rank in (
        ("s b -> s b", 24),
        ("b s -> s b", 24),
        ("s b -> b s", 24),
        ("s b -> s", 6),
        ("s b b -> b s", 96),
    ):
        for axes in ("s", ["s"], ("s",)):
            assert eq.orbits(eq.mapping(sides, **DNA, support=eq.stencil(1, wrap=True, axes=axes))).rank == rank
    # Letters are on a line without names, and three of the four are reached.
    assert eq.orbits(eq.mapping("s b -> s b", **DNA, support=eq.stencil(1, wrap=True))).rank == 18


@settings(max_examples=60)
@given(st.data())
def test_a_stencil_along_named_axes_names_the_pairs_that_brute_force_does(data):
    sizes = {name: data.draw(st.integers(1, 4), label=name) for name in "hwc"}
    sides = [data.draw(st.permutations("hwc")) for _ in range(2)]
    names = data.draw(st.permutations("hw"))[: data.draw(st.integers(1, 2))]
    wraps = data.draw(st.lists(st.booleans(), min_size=len(names), max_size=len(names)))
    radius, metric = (
        data.draw(st.sampled_from([0, 1, 1.5, 2])),
        data.draw(st.sampled_from(["square", "diamond", "disc"])),
    )
    support = eq.stencil(radius, metric=metric, wrap=wraps, axes=names)
    groups = {name: f"({size})" for name, size in sizes.items()}
    mapping = eq.mapping(" -> ".join(map(" ".join, (sides[1], sides[0]))), support=support, **groups)

    def far(row, column) -> float:
        offsets = []
        for name, wrap in zip(names, wraps, strict=True):
            offset = abs(row[sides[0].index(name)] - column[sides[1].index(name)])
            offsets.append(min(offset, sizes[name] - offset) if wrap else offset)
        return {"square": max, "diamond": sum, "disc": lambda by: hypot(*by)}[metric](offsets)

    expected = [
        [far(row, column) <= radius for column in product(*(range(sizes[name]) for name in sides[1]))]
        for row in product(*(range(sizes[name]) for name in sides[0]))
    ]
    # Nothing moves: each pair is an orbit of its own.
    assert (eq.orbits(mapping).labels >= 0).tolist() == expected


def test_the_named_axes_of_a_board_are_a_grid_of_the_shape_that_is_given():
    board, colours = eq.trace((3, 3), np.rot90), eq.S(2)
    support = eq.stencil(1, (3, 3), axes="b")
    found = eq.orbits(eq.mapping("b c -> b c", b=board, c=colours, support=support))
    one = eq.orbits(eq.mapping("b -> b", b=board, support=eq.stencil(1, (3, 3))))
    assert (found.rank, found.sizes.sum()) == (2 * one.rank, 4 * one.sizes.sum())


def test_a_single_cell_has_a_stencil():
    assert eq.orbits(eq.mapping("1 -> 1", support=eq.stencil(1))).rank == 1
    assert eq.orbits(eq.mapping("p -> p where p = C(1)", support=eq.stencil(3, (1, 1, 1), wrap=True))).rank == 1


# Supports that are not closed


def named_pair(text: str, whole: eq.Mapping) -> tuple[int, int]:
    """The pair that a message calls missing, after the message has been compared as a whole."""
    told = re.fullmatch(
        re.escape(f"the support of {whole} is not closed under the group: it moves pairs of the support to ")
        + r"(?P<row>.*) <- (?P<column>.*), which is missing"
        r"( \((is it the graph whose symmetries these are\?"
        r"|the grid was taken to be \([\d, ]+\)(; on a ring or a torus write eq\.stencil\(\.\.\., wrap=True\))?)\))?"
        r"; add that pair, \((?P<numbers>\d+, \d+)\) counted from 0, and its like, or write support=eq\.closed\(\.\.\.\)",
        text,
    )
    assert told, text
    row, column = told["row"], told["column"]
    spaces = (whole.output, whole.input)
    places = [{space.name(number): number for number in range(space.size)} for space in spaces]
    return places[0][row], places[1][column]


@settings(max_examples=60)
@given(st.data())
def test_a_support_that_is_not_closed_is_refused_with_a_pair_that_is_missing(data):
    graph = data.draw(graphs())
    n = len(graph)
    generators = data.draw(generator_sets(n, n, 2))
    mask = within(graph, 1)
    whole = eq.mapping("n -> n", n=generators)
    labels = np.array(components(n, n, [(image, image) for image in generators]))
    expected = cut(labels, np.ones_like(labels), mask)
    # The smallest closed support that holds these pairs: all of the orbits that they lie in.
    check(eq.mapping("n -> n", n=generators, support=eq.closed(graph)), *expected)
    if ((expected[0] >= 0) == mask).all():
        check(eq.mapping("n -> n", n=generators, support=graph), *expected)
        return
    row, column = named_pair(mistake(lambda: eq.mapping("n -> n", n=generators, support=graph)), whole)
    assert not mask[row, column]
    assert expected[0][row, column] >= 0


@settings(max_examples=120)
@given(drawn_moves(), st.data())
def test_any_pairs_are_closed_or_told_from_closed_ones(generators, data):
    # Graphs and stencils hold the diagonal; here the pairs are any, and either side moves as it likes.
    m, n = generators[0].output.size, generators[0].input.size
    labels, signs = map(np.array, signed_orbits(m, n, generators))
    pairs = drawn_pairs(data, (m, n), 12)
    mask = mask_of((m, n), pairs)
    # The orbits of points, zero or not: a pair that is forced to zero has to be there, too.
    moves = [(move.output.image.tolist(), move.input.image.tolist()) for move in generators]
    reached = np.array(components(m, n, moves))
    full = np.isin(reached, reached[mask])
    if data.draw(st.booleans(), label="complete"):
        mask = full
    rows, columns = np.nonzero(mask)
    order = np.random.default_rng(1).permutation(rows.size)
    pairs = partial(Pairs, rows[order], columns[order])
    expected = cut(labels, signs, mask)
    found = sparse_labels(generators, pairs(close=True))
    check_form(found, expected)
    check_arrays(found, *expected)
    # What is left out for its signs is known, in the rows that the others are made from.
    assert found.forced.tolist() == [
        [row, column] for row, column in np.argwhere(full & (signs == 0)).tolist() if row in found.row_representatives
    ]
    if (mask == full).all():
        check_arrays(sparse_labels(generators, pairs(close=False)), *expected)
        return
    with pytest.raises(NotClosedError) as caught:
        sparse_labels(generators, pairs(close=False))
    assert not mask[caught.value.args]
    assert full[caught.value.args]


def test_the_missing_pair_is_named_as_people_name_points():
    board = eq.stencil(1, (3, 4), metric="diamond")
    whole = eq.mapping("h w -> h w where h = C(3), w = C(4)")
    message = mistake(lambda: eq.mapping("h w -> h w where h = C(3), w = C(4)", support=board))
    row, column = named_pair(message, whole)
    # What a torus needs and a board lacks: a step across the rim.
    (h, w), (k, v) = divmod(row, 4), divmod(column, 4)
    assert (h, w) != (k, v)
    assert apart((h, w), (k, v), (3, 4), "diamond", True) == 1 < apart((h, w), (k, v), (3, 4), "diamond", False)
    closed = eq.mapping("h w -> h w where h = C(3), w = C(4)", support=eq.closed(board))
    assert closed == eq.mapping(
        "h w -> h w where h = C(3), w = C(4)", support=eq.stencil(1, metric="diamond", wrap=True)
    )


def test_a_path_is_not_closed_under_the_rotations_of_a_ring():
    path = networkx.path_graph(3)
    assert mistake(lambda: eq.mapping("n -> n where n = C(3)", support=path)) in [
        "the support of n -> n where n = C(3) is not closed under the group: it moves pairs of the support to "
        f"{pair}, which is missing (is it the graph whose symmetries these are?); add that pair, {numbers} counted from 0, and "
        "its like, or write support=eq.closed(...)"
        for pair, numbers in (("1 <- 3", "(0, 2)"), ("3 <- 1", "(2, 0)"))
    ]
    assert eq.orbits(eq.mapping("n -> n where n = C(3)", support=eq.closed(path))).sizes.tolist() == [3, 3, 3]


def test_a_pair_is_missing_even_where_those_at_the_head_of_each_orbit_are_complete():
    # The edge from node 5 to node 4 stands in none of the rows 1 and 3 that the others are made from.
    graph = networkx.DiGraph()
    graph.add_nodes_from(range(5))
    graph.add_edge(4, 3)
    whole = eq.mapping("n -> n where n = (1 2)(3 4 5)")
    missing = named_pair(mistake(lambda: eq.mapping("n -> n where n = (1 2)(3 4 5)", support=graph)), whole)
    assert missing in [(2, 3), (4, 2)]
    assert eq.orbits(eq.mapping("n -> n where n = (1 2)(3 4 5)", support=eq.closed(graph))).sizes.tolist() == [2, 3, 3]


def test_a_long_declaration_is_quoted_in_short():
    path = networkx.path_graph(40)
    found = mistake(lambda: eq.mapping("n -> n", n=[np.roll(np.arange(40), 1)], support=path))
    whole = str(eq.mapping("n -> n", n=[np.roll(np.arange(40), 1)]))
    assert found.startswith(
        f"the support of {whole[:77]}... is not closed under the group: it moves pairs of the support to "
    )


def test_a_catalogue_axis_with_a_support_is_quoted_and_read_back():
    text = 'p -> p where p = catalogue("octagon") support 1 <- 2'
    assert str(eq.mapping(text)) == text
    assert eq.mapping(eq.mapping(text).without_catalogue()) == eq.mapping(text)


# Memory


def test_a_support_that_does_not_fit_is_refused_before_it_is_labelled(monkeypatch):
    monkeypatch.setattr("eqgen.common.memory.machine_memory", lambda: 10**9)
    monkeypatch.setattr("eqgen.orbitals.sparse._Work._piece", refuse)
    # One pair of different points: the group moves it to all of these, which are too many long before all are found.
    n = 4000
    tracemalloc.start()
    message = mistake(lambda: eq.mapping(f"p -> p where p = S({n})", support=[(0, 1)]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    told = re.fullmatch(
        r"the support has (?:(at least|more than) )?(\d+) pairs with all that the group moves them to: they need (\d\.\d) GB "
        r"while they are labelled, and this machine has 1\.0 GB; name fewer pairs",
        message,
    )
    assert told, message
    pairs = int(told[2])
    assert told[3] == f"{40 * pairs / 1e9:.1f}"
    assert 40 * pairs > 10**9 / 2
    # What the message calls their number has to be it.
    assert pairs <= n * (n - 1) if told[1] else pairs == n * (n - 1)
    # Not even two bytes for each pair.
    assert peak < 2 * n * n


@pytest.mark.parametrize(
    ("points", "support"),
    [
        (64 * 64, eq.stencil(10, (64, 64), wrap=True)),
        (1201, eq.neighbours(networkx.star_graph(1200), 2)),
    ],
    ids=["stencil", "graph"],
)
def test_a_support_that_does_not_fit_is_refused_before_its_pairs_are_listed(points, support, monkeypatch):
    monkeypatch.setattr("eqgen.common.memory.machine_memory", lambda: 10**7)
    pairs = 64 * 64 * 21 * 21 if points == 64 * 64 else 1201**2
    group = nodes_alone(points)
    tracemalloc.start()
    with pytest.raises(eq.DeclarationError, match=r"^the support has .*\d+ pairs .*, and this machine has 0\.0 GB; "):
        eq.mapping("p -> p", p=group, support=support)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Not even one integer for each pair.
    assert peak < 8 * pairs


def test_what_a_table_would_refuse_a_support_holds(monkeypatch):
    monkeypatch.setattr("eqgen.common.memory.machine_memory", lambda: 10**8)
    ring = "p -> p where p = C(20000)"
    assert mistake(lambda: eq.orbits(ring)) == (
        f"{ring} has 20000 x 20000 index pairs: their label table needs 3.2 GB while it is made, and this machine has 0.1 GB; "
        "name the pairs that matter with support=..., or declare independent axes, which are held as factors"
    )
    found = eq.orbits(eq.mapping(ring, support=eq.stencil(1, wrap=True)))
    assert found.sizes.tolist() == [20000] * 3
    assert found.certificate()
    assert mistake(lambda: found.labels) == (
        f"{ring} support 1 <- 1, 1 <- 2, 1 <- 20000 has 20000 x 20000 index pairs: their label table needs 3.2 GB while it is "
        "made, and this machine has 0.1 GB; its 3 orbits are known without it: take rank, sizes, representatives, or "
        "labels_at(rows, columns)"
    )


# Mistakes

C5 = "p -> p where p = C(5)"
EDGES = "{p p} -> p where p = C(5)"
NO_SUPPORT = (
    "a support is a networkx graph, eq.stencil(...), eq.neighbours(...) or a list of (output, input) pairs, got "
)


class Adjacent:
    """What has neighbours, and is no graph of networkx."""

    adjacency = ()

    def __repr__(self):
        return "Adjacent()"


NO_RADIUS = "the radius of a stencil is a number from 0 on, got "
NO_WRAP = "wrap is True or False, or one of the two for each side of the grid, like (True, False), got "
NO_AXES = 'axes is the name of an axis, like "h", or a list of names, got '
NO_SHAPE = "the shape of a grid is a tuple of positive sizes, like (8, 8), got "


@pytest.mark.parametrize(
    ("declaration", "support", "message"),
    [
        (C5, "1 <- 1", NO_SUPPORT + "'1 <- 1'"),
        (C5, b"1", NO_SUPPORT + "b'1'"),
        (C5, {0: 1}, NO_SUPPORT + "{0: 1}"),
        (C5, 5, NO_SUPPORT + "5"),
        (C5, Adjacent(), NO_SUPPORT + "Adjacent()"),
        (C5, eq.closed(None), NO_SUPPORT + "None"),
        (C5, [], "the support names no pair, so every weight would be zero: list some (output, input) pairs"),
        (C5, [5], "a support lists pairs (output, input), got 5; of a matrix take np.argwhere(matrix)"),
        (C5, [(1, 2), (1, 2, 3)], "a support lists pairs (output, input), got (1, 2, 3); of a matrix take np.argwhere(matrix)"),
        (C5, [(5, 0)], "the support names output 5: there are 5, counted from 0"),
        (C5, [(0, -1)], "the support names input -1: there are 5, counted from 0"),
        (C5, [(0, np.int64(7))], "the support names input 7: there are 5, counted from 0"),
        (EDGES, [(5, 0)], "the support names output 5: there are 5, counted from 0"),
        (EDGES, [(0, 10)], "the support names input 10: there are 10, counted from 0"),
        (C5, [(0, "x")], "'x' is no point of this space: its points are written like 0 and 4, counted from 0"),
        (EDGES, [(0, (0, 7))], "(0, 7) is no point of this space: its points are written like (0, 1) and (3, 4), counted from 0"),
        (C5, networkx.cycle_graph(4), "the graph of the support has 4 nodes, the mapping 5 outputs and 5 inputs: the nodes have to be the points of both"),
        (EDGES, eq.neighbours(networkx.cycle_graph(5)), "the graph of the support has 5 nodes, the mapping 5 outputs and 10 inputs: the nodes have to be the points of both"),
        (EDGES, eq.stencil(1), "a stencil needs a grid: the outputs have the shape (5,), the inputs (10,); give one, as in eq.stencil(1, (8, 8))"),
        ("p + 1 -> p + 1 where p = C(4)", eq.stencil(1), "a stencil needs a grid: the outputs have the shape (5,), the inputs (5,); give one, as in eq.stencil(1, (8, 8))"),
        (C5, eq.stencil(1, (2, 2)), "the grid of the stencil, (2, 2), has 4 cells, the mapping 5 outputs and 5 inputs: the cells have to be the points of both"),
        (C5, eq.stencil(1, wrap=(True, False)), "wrap says of 2 sides whether it closes, and the grid of the stencil is (5,): write one True or False for each side, or one for all"),
        (C5, eq.stencil(1, axes="q"), "the stencil names axis q, and p -> p has p"),
        ("1 -> 1", eq.stencil(1, axes="q"), "the stencil names axis q, and 1 -> 1 has none"),
        (C5, eq.stencil(1, (6,), axes="p"), "the grid of the stencil, (6,), has 6 cells, the mapping 5 outputs and 5 inputs along p: the cells have to be the points of both"),
        (EDGES, eq.stencil(1, axes="p"), "a stencil along p needs single points of these axes on both sides, and one term, as in p q -> p q: the mapping is {p p} -> p"),
        ("p + 1 -> p + 1 where p = C(4)", eq.stencil(1, axes="p"), "a stencil along p needs single points of these axes on both sides, and one term, as in p q -> p q: the mapping is p + 1 -> p + 1"),
        ("p p -> p where p = C(4)", eq.stencil(1, axes="p"), "a stencil needs a grid: the outputs have the shape (4,), the inputs (4, 4); give one, as in eq.stencil(1, (8, 8))"),
        (EDGES, eq.stencil(1, (5,)), "the grid of the stencil, (5,), has 5 cells, the mapping 5 outputs and 10 inputs: the cells have to be the points of both"),
    ],
)  # fmt: skip
def test_a_support_that_says_nothing_of_these_spaces_is_refused(declaration, support, message):
    assert mistake(lambda: eq.mapping(declaration, support=support)) == message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: eq.stencil(-1), NO_RADIUS + "-1"),
        (lambda: eq.stencil(True), NO_RADIUS + "True"),
        (lambda: eq.stencil("1"), NO_RADIUS + "'1'"),
        (lambda: eq.stencil(float("inf")), NO_RADIUS + "inf"),
        (lambda: eq.stencil(float("nan")), NO_RADIUS + "nan"),
        (lambda: eq.stencil(1, metric="round"), "metric is 'round': expected \"square\", \"diamond\" or \"disc\""),
        (lambda: eq.stencil(1, wrap="no"), NO_WRAP + "'no'"),
        (lambda: eq.stencil(1, wrap=1), NO_WRAP + "1"),
        (lambda: eq.stencil(1, wrap=None), NO_WRAP + "None"),
        (lambda: eq.stencil(1, wrap=()), NO_WRAP + "()"),
        (lambda: eq.stencil(1, wrap=[True, "False"]), NO_WRAP + "[True, 'False']"),
        (lambda: eq.stencil(1, axes=0), NO_AXES + "0"),
        (lambda: eq.stencil(1, axes=[]), NO_AXES + "[]"),
        (lambda: eq.stencil(1, axes=["h", 1]), NO_AXES + "['h', 1]"),
        (lambda: eq.stencil(1, 8), NO_SHAPE + "8"),
        (lambda: eq.stencil(1, (8, 0)), NO_SHAPE + "(8, 0)"),
        (lambda: eq.stencil(1, (8, 2.0)), NO_SHAPE + "(8, 2.0)"),
        (lambda: eq.stencil(1, ()), NO_SHAPE + "()"),
        (lambda: eq.neighbours([(0, 1)]), "neighbours takes a networkx graph, got list"),
        (lambda: eq.neighbours(networkx.cycle_graph(3), -1), "the radius is a number of steps, 0 or more, got -1"),
        (lambda: eq.neighbours(networkx.cycle_graph(3), 1.5), "the radius is a number of steps, 0 or more, got 1.5"),
        (lambda: eq.neighbours(networkx.cycle_graph(3), True), "the radius is a number of steps, 0 or more, got True"),
    ],
)  # fmt: skip
def test_a_stencil_or_radius_that_makes_no_sense_is_refused_where_it_is_written(call, message):
    assert mistake(call) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{C5} support 1 <- 6", f"the support names input 6: there are 5 (character 31)\n  {C5} support 1 <- 6\n  {' ' * 30}^"),
        (f"{C5} support 1 <- 1, 6 <- 1", f"the support names output 6: there are 5 (character 39)\n  {C5} support 1 <- 1, 6 <- 1\n  {' ' * 38}^"),
        (f"{EDGES} support 1 <- 11", f"the support names input 11: there are 10 (character 35)\n  {EDGES} support 1 <- 11\n  {' ' * 34}^"),
        (f"{C5} support 0 <- 1", f"0 is no point: the points of a space are numbered from 1 (character 31)\n  {C5} support 0 <- 1\n  {' ' * 30}^"),
        (f"{C5} support 1 <- 00", f"00 is no point: the points of a space are numbered from 1 (character 36)\n  {C5} support 1 <- 00\n  {' ' * 35}^"),
        (f"{C5} support", f"unexpected end: expected a number (character 30)\n  {C5} support\n  {' ' * 29}^"),
        (f"{C5} support 1", f"unexpected end: expected \"<-\" (character 32)\n  {C5} support 1\n  {' ' * 31}^"),
        (f"{C5} support 1 <- 1,", f"unexpected end: expected a number (character 38)\n  {C5} support 1 <- 1,\n  {' ' * 37}^"),
        (f"{C5} support 1 <- 1 1 <- 2", f"unexpected '1': expected \",\" or the end (character 38)\n  {C5} support 1 <- 1 1 <- 2\n  {' ' * 37}^"),
        (f"{C5} support 1 -> 1", f"unexpected '->': expected \"<-\" (character 33)\n  {C5} support 1 -> 1\n  {' ' * 32}^"),
        ("p -> p support 1 <- 1 where p = C(5)", f"unexpected 'where': expected \",\" or the end (character 23)\n  p -> p support 1 <- 1 where p = C(5)\n  {' ' * 22}^"),
        ("support -> 1", "unexpected 'support': expected \"<\", \"[\", \"{\", \"~\", a name or a number (character 1)\n  support -> 1\n  ^"),
    ],
)  # fmt: skip
def test_a_support_that_cannot_be_read_is_told_with_its_place(text, message):
    assert mistake(lambda: eq.mapping(text)) == message


def test_a_number_far_beyond_a_space_is_refused_as_such():
    text = f"{C5} support 1 <- {10**30}"
    assert re.search(r"there are 5|too large", mistake(lambda: eq.mapping(text)))


def test_a_support_is_declared_once():
    text = f"{C5} support 1 <- 1"
    assert mistake(lambda: eq.mapping(text, support=[(0, 0)])) == (
        f"the support is declared here and as a keyword: keep one of the two (character 31)\n  {text}\n  {' ' * 30}^"
    )
    whole = eq.mapping(C5)
    assert mistake(lambda: eq.mapping(whole, support=[(0, 0)])) == (
        "support: a finished mapping takes no more axes and no support; declare them with its text"
    )
    assert mistake(lambda: eq.mapping(whole, q=eq.S(3), support=[(0, 0)])) == (
        "q, support: a finished mapping takes no more axes and no support; declare them with its text"
    )


RING = eq.mapping("p -> p where p = C(6)", support=[(0, 0), (0, 1), (0, 5)])


def test_a_supported_mapping_is_handed_back_as_it_is():
    assert eq.mapping(RING) is RING


@pytest.mark.parametrize("place", [-1, 6])
def test_a_place_beyond_the_table_is_an_error_whatever_the_form(place):
    # A table counts from its end or raises; what is no label must not come back as if it were one.
    for orbits in (
        eq.orbits(RING),
        eq.orbits("p q -> p q where p = C(3), q = C(2)"),
        eq.orbits("p -> p where p = C(6)"),
    ):
        for rows, columns in (([place], [0]), ([0], [place])):
            try:
                found = orbits.labels_at(rows, columns)
            except IndexError:
                continue
            whole = orbits.labels
            assert place < 0
            assert np.array_equal(found[0], whole[np.ix_(rows, columns)])


def test_a_radius_need_not_be_whole():
    # Between the edge and the corner of a square.
    sizes = [
        eq.orbits(
            eq.mapping("h w -> h w where h = C(9), w = C(9)", support=eq.stencil(radius, metric="disc", wrap=True))
        ).rank
        for radius in (0.9, 1, 1.4, 1.5, 2, 2.2, 2.3)
    ]
    assert sizes == [1, 5, 5, 9, 13, 13, 21]
    assert all(rank <= (2 * ceil(radius) + 1) ** 2 for rank, radius in zip(sizes, (1, 1, 2, 2, 2, 3, 3), strict=True))


@pytest.mark.slow
def test_a_support_of_many_orbits_is_read_quickly_and_shown_in_short():
    grid = eq.mapping("h w -> h w where h = (60), w = (60)", support=eq.stencil(1))
    assert eq.orbits(grid).rank == (3 * 60 - 2) ** 2
    again = eq.mapping(grid.declaration)
    assert again == grid
    assert again.declaration == grid.declaration
    shown = repr(grid)
    assert len(shown) < 700
    assert "1 <- 1, 1 <- 2, 1 <- 61" in shown
    assert ", ... (31684 orbits)" in shown
    assert len(str(eq.orbits(grid))) < 700
    wrong = grid.declaration.replace("1 <- 1,", "0 <- 1,", 1)
    assert mistake(lambda: eq.mapping(wrong)).startswith("0 is no point: the points of a space are numbered from 1")


def test_the_nodes_of_a_graph_are_the_points_that_they_are_called():
    # Two steps along a ring of seven, its nodes listed in another order than they are numbered.
    steps = networkx.Graph([(0, 2), (2, 4), (4, 6), (6, 1), (1, 3), (3, 5), (5, 0)])
    assert list(steps) != sorted(steps)
    listed = [*steps.edges, *((j, i) for i, j in steps.edges), (0, 0)]
    assert eq.mapping("p -> p where p = C(7)", support=steps) == eq.mapping("p -> p where p = C(7)", support=listed)
    # Named points: the axis was made from a graph that lists its nodes in yet another order.
    again = networkx.Graph()
    again.add_nodes_from([3, 1, 0, 5, 6, 4, 2])
    again.add_edges_from(steps.edges)
    axis = eq.automorphisms(again)
    assert eq.orbits(eq.mapping("n -> n", n=axis, support=steps)).sizes.tolist() == [7, 14]
    # Cells of a board, by their places.
    grid = networkx.relabel_nodes(networkx.grid_2d_graph(3, 3), {(2, 2): (2, 2)})
    shuffled = networkx.Graph()
    shuffled.add_nodes_from(sorted(grid, reverse=True))
    shuffled.add_edges_from(grid.edges)
    turned = eq.trace((3, 3), np.rot90)
    plus = eq.mapping("b -> b", b=turned, support=eq.stencil(1, (3, 3), metric="diamond"))
    assert eq.mapping("b -> b", b=turned, support=shuffled) == plus
    product = "h w -> h w where h = S(3), w = S(3)"
    assert eq.mapping(product, support=eq.closed(shuffled)) == eq.mapping(
        product, support=eq.closed(networkx.grid_2d_graph(3, 3))
    )
    # Nodes that are no points are taken in the order of the graph.
    letters = networkx.relabel_nodes(networkx.cycle_graph(5), dict(enumerate("edcba")))
    assert eq.mapping("p -> p where p = C(5)", support=letters) == eq.mapping(
        "p -> p where p = C(5)", support=networkx.cycle_graph(5)
    )
