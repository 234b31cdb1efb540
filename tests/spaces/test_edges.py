"""Adjacency matrices to edge vectors and back."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eqgen as eq


@st.composite
def symmetric_matrices(draw: st.DrawFn) -> list[list[int]]:
    n = draw(st.integers(2, 7))
    above = {pair: draw(st.integers(-5, 5)) for pair in combinations(range(n), 2)}
    return [[above.get((min(i, j), max(i, j)), 0) for j in range(n)] for i in range(n)]


def mistake(convert, value) -> str:
    with pytest.raises(eq.DeclarationError) as caught:
        convert(value)
    return str(caught.value)


@given(symmetric_matrices())
def test_edges_stand_in_the_order_of_the_space_of_unordered_pairs(matrix):
    edges = eq.mapping("{p p} -> p", p=eq.S(len(matrix))).input
    assert eq.to_edges(matrix).tolist() == [matrix[i][j] for i, j in edges.points]
    assert eq.to_edges(matrix).tolist() == [matrix[i][j] for i, j in combinations(range(len(matrix)), 2)]


@given(symmetric_matrices())
def test_to_adjacency_undoes_to_edges(matrix):
    assert eq.to_adjacency(eq.to_edges(matrix)).tolist() == matrix


@given(symmetric_matrices())
def test_a_wrong_entry_below_the_diagonal_is_seen(matrix):
    matrix[-1][0] += 1
    assert mistake(eq.to_edges, matrix).startswith("to_edges takes symmetric matrices, entries (0, ")


@pytest.mark.parametrize("kind", [np.bool_, np.int8, np.float32, np.float64, np.complex64])
def test_the_type_of_the_entries_is_kept(kind):
    matrix = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], dtype=kind)
    edges = eq.to_edges(matrix)
    assert edges.dtype == kind
    assert eq.to_adjacency(edges).dtype == kind
    assert np.array_equal(eq.to_adjacency(edges), matrix)


def test_leading_dimensions_are_batches(random):
    edges = random.normal(size=(2, 3, 10))
    matrices = eq.to_adjacency(edges)
    assert matrices.shape == (2, 3, 5, 5)
    assert np.array_equal(eq.to_edges(matrices), edges)
    assert np.array_equal(matrices[1, 2], eq.to_adjacency(edges[1, 2]))
    assert eq.to_edges(np.zeros((0, 5, 5))).shape == (0, 10)


def test_a_missing_value_in_both_places_is_symmetric():
    edges = eq.to_edges([[0.0, np.nan], [np.nan, 0.0]])
    assert edges.shape == (1,)
    assert np.isnan(edges[0])


def test_permuting_the_nodes_moves_the_edges_as_the_mapping_says(random):
    mapping = eq.mapping("{p p} -> p where p = S(5)")
    edges = random.normal(size=10)
    for generator in mapping.generators:
        moved = np.empty(10)
        moved[generator.input.image] = edges
        matrix = np.empty((5, 5))
        matrix[np.ix_(generator.output.image, generator.output.image)] = eq.to_adjacency(edges)
        assert np.array_equal(eq.to_edges(matrix), moved)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1, 2, 3], "to_edges takes arrays of shape (..., n, n), got (3,)"),
        (5, "to_edges takes arrays of shape (..., n, n), got ()"),
        ([[0, 1, 2], [1, 0, 3]], "to_edges takes arrays of shape (..., n, n), got (2, 3)"),
        (
            [[0, 1], [2, 0]],
            "to_edges takes symmetric matrices, entries (0, 1) and (1, 0) differ: for directed edges declare <p p>",
        ),
        (
            [[[0, 1], [1, 0]], [[0, 1], [0, 0]]],
            "to_edges takes symmetric matrices, entries (0, 1) and (1, 0) differ: for directed edges declare <p p>",
        ),
        (
            [[0, np.nan], [1, 0]],
            "to_edges takes symmetric matrices, entries (0, 1) and (1, 0) differ: for directed edges declare <p p>",
        ),
        (
            [[0, 1], [1, 2]],
            "to_edges takes graphs without loops, entry (1, 1) is not zero: clear the diagonal, or declare p p",
        ),
        ([[0, 1], [1]], "to_edges takes arrays of shape (..., n, n), got rows of different lengths"),
    ],
    ids=["vector", "number", "not square", "directed", "directed in a batch", "half missing", "loop", "ragged"],
)
def test_what_is_no_simple_graph_is_refused(value, message):
    assert mistake(eq.to_edges, value) == message


@pytest.mark.parametrize(
    "value", [5, [], [1, 2], np.zeros((3, 4)), np.zeros((2, 0))], ids=["0-d", "0", "2", "4", "2 x 0"]
)
def test_what_is_no_edge_vector_is_refused(value):
    assert mistake(eq.to_adjacency, value) == (
        f"to_adjacency takes arrays of shape (..., n(n-1)/2), got {np.shape(value)}: a graph has 1, 3, 6, 10, ... edges"
    )


@pytest.mark.parametrize("n", range(2, 40))
def test_every_number_of_nodes_is_recovered_from_the_number_of_edges(n):
    assert eq.to_adjacency(np.ones(n * (n - 1) // 2)).sum() == n * (n - 1)


@given(symmetric_matrices(), st.integers(1, 3))
def test_several_numbers_at_an_edge_go_together(matrix, channels):
    several = np.stack([np.array(matrix) * (channel + 1) for channel in range(channels)], axis=-1)
    edges = eq.to_edges(several, channels=True)
    assert np.array_equal(edges, np.stack([eq.to_edges(several[..., channel]) for channel in range(channels)], axis=-1))
    assert np.array_equal(eq.to_adjacency(edges, channels=True), several)
    batch = np.stack([several, several])
    assert np.array_equal(eq.to_edges(batch, channels=True), np.stack([edges, edges]))
    assert np.array_equal(eq.to_adjacency(np.stack([edges, edges]), channels=True), batch)


def test_channels_are_said_and_not_guessed():
    assert mistake(eq.to_edges, np.zeros((2, 5, 5, 3))) == (
        "to_edges takes arrays of shape (..., n, n), got (2, 5, 5, 3); of (..., n, n, channels) say channels=True"
    )
    assert mistake(lambda value: eq.to_edges(value, channels=True), np.zeros((5, 4, 3))) == (
        "to_edges takes arrays of shape (..., n, n, channels), got (5, 4, 3)"
    )
    assert mistake(lambda value: eq.to_adjacency(value, channels=True), np.zeros(3)) == (
        "to_adjacency takes arrays of shape (..., n(n-1)/2, channels), got (3,)"
    )
