"""Groups from array functions and from graphs."""

from __future__ import annotations

import re
import time

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eqgen as eq

# --- trace


def shift_down(a):
    return np.roll(a, 1, 0)


def shift_right(a):
    return np.roll(a, 1, 1)


@pytest.mark.parametrize(
    ("shape", "functions", "order"),
    [
        ((4, 4), (np.rot90, np.fliplr), 8),
        ((4, 4), (np.rot90,), 4),
        ((3, 5), (np.flipud, np.fliplr), 4),
        ((3, 4), (shift_down, shift_right), 12),
        ((4, 4), (shift_down, shift_right, np.rot90, np.fliplr), 128),
        (6, (lambda a: np.roll(a, 1),), 6),
        ((3, 3), (np.transpose,), 2),
    ],
)
def test_orders_of_the_usual_groups(shape, functions, order):
    assert eq.trace(shape, *functions).order == order


@given(st.permutations(range(6)), st.lists(st.sampled_from([1, -1]), min_size=6, max_size=6))
def test_the_group_moves_features_as_the_function_does(permutation, signs):
    def function(a):
        return (np.array(signs) * a.ravel()[list(permutation)]).reshape(a.shape)

    element = eq.trace((2, 3), function).elements[0]
    features = np.random.default_rng(1).normal(size=6)
    assert np.array_equal(element.applied(features, axis=0), function(features.reshape(2, 3)).ravel())


def rotate_field(field):
    """A vector field (2, n, n) turned by 90 degrees: the cells move and the components mix, one with a sign."""
    moved = np.rot90(field, axes=(1, 2))
    return np.stack([-moved[1], moved[0]])


def mirror_field(field):
    moved = np.flip(field, axis=2)
    return np.stack([moved[0], -moved[1]])


def test_a_vector_field_under_rotations_and_reflections():
    group = eq.trace((2, 3, 3), rotate_field, mirror_field)
    assert group.order == 8
    assert group.signs is not None


def test_cells_are_named_by_their_indices():
    mapping = eq.mapping("c -> c", c=eq.trace((2, 2), np.rot90))
    assert [mapping.input.name(number) for number in range(4)] == ["(0, 0)", "(0, 1)", "(1, 0)", "(1, 1)"]


def fails(a):
    raise RuntimeError("no")


@pytest.mark.parametrize(
    ("shape", "function", "message"),
    [
        ((2, 3), np.rot90, "function 1, rot90, turns shape (2, 3) into (3, 2): a symmetry keeps the shape (np.rot90 needs a square)"),
        ((2, 2), np.zeros_like, "function 1, zeros_like, is no rearrangement of cells: what it puts at (0, 0) is not the value of any one cell, nor its negative"),
        ((2, 2), lambda a: np.broadcast_to(a[:1], (2, 2)), "function 1, <lambda>, is no rearrangement of cells: cell (0, 0) is copied 2 times and cell (1, 0) is lost"),
        ((2, 2), lambda a: a / 2 + 0.25, "function 1, <lambda>, is no rearrangement of cells: what it puts at (0, 0) is not the value of any one cell, nor its negative"),
        ((2, 2), lambda a: np.sort(a.ravel())[::-1].reshape(2, 2), "function 1, <lambda>, moves cells by their values: a symmetry moves every array in the same way"),
        ((2, 2), fails, "function 1, fails, fails on an array of shape (2, 2): RuntimeError: no"),
        ((2, 2), lambda a: a * np.nan, "function 1, <lambda>, is no rearrangement of cells: it answers with float64 values that name no cell"),
        ((0, 2), np.rot90, "an array of shape (0, 2) has no cells to move: sizes are positive whole numbers"),
        ((10**6, 10**6), np.rot90, "an array of shape (1000000, 1000000) has 1000000000000 points: eqgen takes at most 10000000"),
    ],
)  # fmt: skip
def test_a_function_that_is_no_rearrangement_is_refused(shape, function, message):
    with pytest.raises(eq.DeclarationError, match=f"^{re.escape(message)}$"):
        eq.trace(shape, function)


@pytest.mark.parametrize(
    ("shape", "function"),
    [
        ((9,), np.abs),
        ((4,), lambda a: np.maximum(a, 0)[::-1]),
        ((4,), lambda a: a[::-1] * np.sign(a)),
        ((4, 4), lambda a: a if a[0, 0] > 0 else a.T),
        ((3, 3), lambda a: np.rot90(a) if (a >= 0).all() else a),
        ((4, 4), lambda a: np.roll(a, 1, 0) if a.max() > 1 else a),
        ((2,), lambda a: a if a[0] < a[1] else a[::-1]),
    ],
)
def test_a_function_that_looks_at_values_is_refused(shape, function):
    with pytest.raises(
        eq.DeclarationError, match="moves cells by their values: a symmetry moves every array in the same way"
    ):
        eq.trace(shape, function)


def test_a_misspelt_colour_is_refused():
    graph = networkx.cycle_graph(6)
    networkx.set_node_attributes(graph, {0: "N", 3: "N"}, "element")
    assert eq.automorphisms(graph, node="element").order == 4
    with pytest.raises(
        eq.DeclarationError, match=r"^no node of the graph has the attribute 'elemnt': they have element$"
    ):
        eq.automorphisms(graph, node="elemnt")
    with pytest.raises(
        eq.DeclarationError, match=r"^no edge of the graph has the attribute 'weight': they have no attributes$"
    ):
        eq.automorphisms(graph, edge="weight")


def test_what_is_no_graph_is_refused():
    with pytest.raises(eq.DeclarationError, match=r"^automorphisms takes a networkx graph, got ndarray"):
        eq.automorphisms(np.eye(3))


def test_a_function_that_fails_on_other_values_is_refused():
    with pytest.raises(eq.DeclarationError, match="fails on an array of shape"):
        eq.trace((3,), lambda a: np.array([a.tolist().index(float(i)) + 1.0 for i in (1, 2, 3)]))


def test_the_cells_of_a_large_image_are_named_only_when_asked_for():
    group = eq.trace((1000, 1000), np.fliplr)
    assert group.point_names[1001] == "(1, 1)"
    assert len(group.point_names) == 1_000_000


def test_no_function_is_refused():
    with pytest.raises(eq.DeclarationError, match="trace needs a function to watch"):
        eq.trace((3, 3))


# --- automorphisms


def brute_force(graph, node=None, edge=None):
    """How many isomorphisms to itself networkx finds."""
    match = networkx.algorithms.isomorphism
    kind = match.DiGraphMatcher if graph.is_directed() else match.GraphMatcher
    same_node = (lambda a, b: a.get(node) == b.get(node)) if node else None
    same_edge = (lambda a, b: a.get(edge) == b.get(edge)) if edge else None
    return sum(1 for _ in kind(graph, graph, node_match=same_node, edge_match=same_edge).isomorphisms_iter())


@st.composite
def graphs(draw):
    size = draw(st.integers(1, 6))
    graph = draw(st.sampled_from([networkx.Graph, networkx.DiGraph]))()
    graph.add_nodes_from((i, {"colour": draw(st.integers(0, 1))}) for i in range(size))
    for _ in range(draw(st.integers(0, 10))):
        tail, head = draw(st.integers(0, size - 1)), draw(st.integers(0, size - 1))
        graph.add_edge(tail, head, kind=draw(st.integers(0, 1)))
    return graph


@given(graphs(), st.booleans(), st.booleans())
def test_the_order_is_what_networkx_counts(graph, with_nodes, with_edges):
    node, edge = "colour" if with_nodes else None, "kind" if with_edges else None
    group = eq.automorphisms(graph, node=node, edge=edge)
    assert group.order == brute_force(graph, node, edge)
    assert group.order == group.sympy.order()
    for image in group.generators:
        for tail, head in graph.edges:
            assert graph.has_edge(image[tail], image[head])


@pytest.mark.parametrize(
    ("graph", "order"),
    [
        (networkx.petersen_graph(), 120),
        (networkx.hypercube_graph(4), 384),
        (networkx.complete_graph(6), 720),
        (networkx.path_graph(5), 2),
        (networkx.cycle_graph(7), 14),
        (networkx.icosahedral_graph(), 120),
        (networkx.hoffman_singleton_graph(), 252000),
        (networkx.DiGraph([(0, 1), (1, 2), (2, 0)]), 3),
    ],
)
def test_known_automorphism_groups(graph, order):
    assert eq.automorphisms(graph).order == order


def torus():
    """The 4 x 4 torus: without colours it is the hypercube graph, with three times the symmetries its owner meant."""
    return networkx.grid_2d_graph(4, 4, periodic=True)


def test_the_order_shows_that_a_torus_has_more_symmetries_than_meant():
    assert "order 384, one orbit of 16 points" in str(eq.automorphisms(torus()))


def test_colours_on_edges_narrow_it():
    graph = torus()
    for (_, c1), (_, c2), data in graph.edges(data=True):
        data["direction"] = "vertical" if c1 == c2 else "horizontal"
    assert eq.automorphisms(graph, edge="direction").order == 64


def test_points_are_the_nodes_in_order():
    graph = networkx.Graph([("oxygen", "left"), ("oxygen", "right")])
    mapping = eq.mapping("a -> a", a=eq.automorphisms(graph))
    assert [mapping.input.name(number) for number in range(3)] == ["oxygen", "left", "right"]
    assert eq.orbits(mapping).rank == 5


def test_any_key_is_the_name_of_a_colour():
    graph = networkx.Graph()
    graph.add_nodes_from([(0, {0: 1}), (1, {})])
    assert eq.automorphisms(graph, node=0).order == 1
    assert eq.automorphisms(graph).order == 2


def test_parallel_edges_count():
    graph = networkx.MultiGraph([(0, 1), (0, 1), (1, 2)])
    assert eq.automorphisms(graph).order == 1
    assert eq.automorphisms(networkx.Graph(graph)).order == 2


@pytest.mark.slow
def test_a_graph_of_ten_thousand_nodes_finishes():
    graph = networkx.circulant_graph(10_000, [1, 7])
    start = time.monotonic()
    group = eq.automorphisms(graph)
    assert time.monotonic() - start < 60  # a bound on a hang, not a measurement
    assert group.order % 20_000 == 0
    assert len(group.generators) < 20


def test_mistakes_with_graphs():
    with pytest.raises(eq.DeclarationError, match="the graph has no nodes: a group needs at least one point"):
        eq.automorphisms(networkx.Graph())
    graph = networkx.Graph()
    graph.add_node(0, colour=[1])
    with pytest.raises(
        eq.DeclarationError,
        match="a colour cannot be compared: unhashable type: 'list'; colours are numbers, texts or tuples",
    ):
        eq.automorphisms(graph, node="colour")


def test_the_names_of_cells_can_be_gone_through():
    axis = eq.trace((2, 3), np.fliplr)
    assert list(axis.point_names) == ["(0, 0)", "(0, 1)", "(0, 2)", "(1, 0)", "(1, 1)", "(1, 2)"]
