"""pad: points of smaller examples stand where the space of the batch has them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

import eqgen as eq


def test_edges_of_small_graphs_stand_between_their_nodes(random):
    graphs = [random.normal(size=(n * (n - 1) // 2, 3)) for n in (4, 7, 2, 5, 1)]
    features, mask = eq.pad(graphs, "{p p} -> p where p = S(7)")
    assert features.shape == (5, 21, 3)
    assert mask.shape == (5, 21)
    assert features.dtype == graphs[0].dtype
    for n, graph, row, there in zip((4, 7, 2, 5, 1), graphs, features, mask, strict=True):
        expected = np.zeros((21, 3))
        for place, edge in enumerate(combinations(range(n), 2)):
            expected[list(combinations(range(7), 2)).index(edge)] = graph[place]
        np.testing.assert_array_equal(row, expected)
        np.testing.assert_array_equal(there, [max(edge) < n for edge in combinations(range(7), 2)])


def test_tables_are_grids_and_sums_are_flat(random):
    tables = [random.normal(size=(*shape, 2)).astype("float32") for shape in ((2, 5), (3, 1))]
    features, mask = eq.pad(tables, "r c -> r where r = S(3), c = S(5)")
    assert features.shape == (2, 3, 5, 2)
    for table, row, there in zip(tables, features, mask, strict=True):
        rows, columns, _ = table.shape
        np.testing.assert_array_equal(row[:rows, :columns], table)
        assert row.dtype == np.float32
        assert there.sum() == rows * columns == there[:rows, :columns].sum()
    # The pairs of each graph, its nodes, and the graph.
    features, mask = eq.pad([np.arange(7)[:, None], np.arange(13)[:, None]], "p p + p + 1 where p = S(3)")
    assert features[0, :, 0].tolist() == [0, 1, 0, 2, 3, 0, 0, 0, 0, 4, 5, 0, 6]
    assert mask[0].astype(int).tolist() == [1, 1, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 1]
    assert mask[1].all()
    # A ring keeps its points.
    features, mask = eq.pad([np.ones((2, 4, 1))], "s r where s = S(3), r = C(4)")
    assert mask[0].astype(int).tolist() == [[1] * 4, [1] * 4, [0] * 4]


@pytest.mark.parametrize(
    ("shapes", "declaration", "message"),
    [
        ([(5, 2)], "{p p} where p = S(4)", "example 1 is (5, channels), and {p p} has no such size: expected one of (0, channels), "
         "(1, channels), (3, channels), (6, channels)"),
        ([(12, 1)], "r c where r = S(6), c = S(6)", "example 1 has 12 points, which fit r c with r = 2, c = 6 and with r = 3, c = 4: "
         "give it as a grid (r, c, channels)"),
        ([(4, 1)], "p where p = C(6)", "example 1 is (4, channels), and p has no such size: expected one of (6, channels)"),
        ([(4, 1), (3, 2)], "p where p = S(6)", "examples are arrays (points, channels) with the same channels, got (4, 1), (3, 2)"),
        ([], "p where p = S(6)", "pad takes a list of examples, one array for each: there is none"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(shapes, declaration, message):
    with pytest.raises(eq.DeclarationError) as refused:
        eq.pad([np.zeros(shape) for shape in shapes], declaration)
    assert str(refused.value) == message
