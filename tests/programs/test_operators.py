"""Each kind of operator on its own, against the matrix that it stands for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eqgen.programs.operators.cyclic_stencil import MOST_OFFSETS, CyclicStencil, Unfold, as_stencil, as_windows, stencil
from eqgen.programs.operators.fourier import Fourier
from eqgen.programs.operators.index_table import IndexTable, as_sum, as_transposition, summing
from eqgen.programs.operators.isotypic import OrbitTransforms
from eqgen.programs.operators.operator import Composition, Identity, Stack
from eqgen.programs.program import short


def discrete_transform(grid: tuple[int, ...]) -> np.ndarray:
    """The real and imaginary parts of the frequencies of numpy.fft.rfftn, by their definition: (2 frequencies, points)."""
    points = np.indices(grid).reshape(len(grid), -1)
    frequencies = np.indices((*grid[:-1], grid[-1] // 2 + 1)).reshape(len(grid), -1)
    turns = (frequencies[:, :, None] * points[:, None, :] / np.reshape(grid, (-1, 1, 1))).sum(axis=0)
    return np.stack([np.cos(2 * np.pi * turns), -np.sin(2 * np.pi * turns)], axis=1)


@pytest.mark.parametrize("grid", [(1,), (2,), (5,), (6,), (3, 4), (4, 3), (2, 3, 5)])
def test_a_transform_is_its_matrix_and_its_inverse_undoes_it(grid, random):
    size = int(np.prod(grid))
    index = random.permutation(3 * size).reshape(3, size)
    there, back = Fourier(grid, index, False), Fourier(grid, index, True)
    features = random.normal(size=(2, 3 * size, 4))
    by_hand = np.einsum("fcs,bosx->bfocx", discrete_transform(grid), features[:, index]).reshape(2, -1, 4)
    rows = there.of(features)
    assert rows.shape == (2, there.shape[0], 4)
    np.testing.assert_allclose(rows, by_hand, atol=1e-12)
    np.testing.assert_allclose(rows, np.einsum("rn,bnx->brx", there.matrix(), features), atol=1e-12)
    np.testing.assert_allclose(back.of(features), np.einsum("rn,bnx->brx", back.matrix(), features), atol=1e-12)
    np.testing.assert_allclose(back.back(rows), features, atol=1e-12)
    np.testing.assert_allclose(np.einsum("rn,brx->bnx", back.matrix(), rows), features, atol=1e-12)


def orbit_transforms() -> OrbitTransforms:
    """Two orbits of two points, their sum and their difference, and a point alone, which has a sum alone."""
    turn = np.array([[1.0, 1.0], [1.0, -1.0]]) / np.sqrt(2)
    sums, differences = (np.array([[0]]), np.array([[0]])), (np.array([[1]]), np.zeros((0, 1), dtype=int))
    index, signs = (np.array([[0, 3], [4, 1]]), np.array([[2]])), (np.ones((2, 2), np.int8), np.ones((1, 1), np.int8))
    return OrbitTransforms(index, signs, (turn, np.eye(1)), (sums, differences), 5)


TORUS = CyclicStencil((3, 4), np.array([[0, 0], [0, 1], [2, 3]]))
TABLE = IndexTable(np.array([[0, 4], [1, 1]]), np.array([[1, -1], [1, 1]], dtype=np.int8), 5)
OPERATORS = {
    "identity": (lambda: Identity(4), [1], (4, 4)),
    "table": (lambda: TABLE, [1, -1, 2], (2, 5)),
    "composition": (lambda: Composition(TABLE, IndexTable(np.array([[0, 1]]), None, 2)), [1, 2, -1], (1, 5)),
    "stack": (lambda: Stack((TABLE, TABLE, TABLE)), [1, -1, 2], (6, 5)),
    "stencil": (lambda: TORUS, [1], (12, 12)),
    "unfold": (lambda: Unfold(TORUS), [1], (36, 12)),
    "transform": (lambda: Fourier((3, 4), np.arange(24).reshape(2, 12), False), None, (2 * 2 * 3 * 3, 24)),
    "isotypic": (orbit_transforms, None, (5, 5)),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_has_the_shape_of_its_matrix(name):
    make, values, shape = OPERATORS[name]
    operator = make()
    assert operator.shape == operator.matrix().shape == shape
    if values is not None:
        assert set(np.unique(operator.matrix())) - {0} == set(values)


def test_every_row_of_an_unfolded_grid_is_one_point():
    """Rows are ordered (point, offset): point (r, c), read at an offset (a, b), is (r + a, c + b), wrapped around."""
    expected = np.zeros((3, 4, 3, 3, 4), dtype=int)
    for row, column in np.ndindex(3, 4):
        for number, (down, right) in enumerate(TORUS.offsets.tolist()):
            expected[row, column, number, (row + down) % 3, (column + right) % 4] = 1
    assert np.array_equal(Unfold(TORUS).matrix(), expected.reshape(36, 12))
    assert np.array_equal(TORUS.matrix(), expected.sum(axis=2).reshape(12, 12))
    # Two steps down are one step up, and three to the right one to the left.
    assert Unfold(TORUS).steps.tolist() == [[0, 0], [0, 1], [-1, -1]]
    assert Unfold(TORUS).window == (2, 3)


def read_at(grid: tuple[int, ...], offsets: list[tuple[int, ...]], random) -> np.ndarray:
    """For each point of a grid the points at some offsets, wrapped around, in each row in an order of its own."""
    rows = []
    for point in np.ndindex(*grid):
        places = [tuple((np.array(point) + offset) % grid) for offset in offsets]
        rows.append(random.permutation([np.ravel_multi_index(place, grid) for place in places]))
    return np.array(rows)


STENCILS = [
    ((12,), [(0,), (1,), (11,)]),
    ((3, 4), [(0, 0), (1, 3)]),
    ((4, 3), [(1, 0), (0, 2), (3, 1)]),
    ((2, 3, 5), [(0, 0, 0), (1, 2, 4), (0, 1, 0), (1, 0, 1)]),
    ((2, 2, 2, 2), [(0, 0, 0, 1), (1, 0, 0, 0)]),
]


@pytest.mark.parametrize(("grid", "offsets"), STENCILS)
def test_a_table_that_reads_the_same_offsets_everywhere_is_known_as_a_stencil(grid, offsets, random):
    index = read_at(grid, offsets, random)
    found = stencil(index, grid)
    assert found.grid == grid
    assert sorted(map(tuple, found.offsets.tolist())) == sorted(offsets)
    operator = IndexTable(index, None, len(index))
    assert np.array_equal(as_stencil(operator, grid).matrix(), operator.matrix())
    # Signs, or another point in the last row.
    signed = replace(operator, signs=np.ones(index.shape, dtype=np.int8))
    assert as_stencil(signed, grid) is signed
    index[-1, 0] = next(point for point in range(len(index)) if point not in index[-1])
    assert stencil(index, grid) is None
    assert as_stencil(operator, grid) is operator


def test_a_grid_of_two_axes_is_found_where_the_points_are_given_in_a_row(random):
    for grid in ((3, 4), (4, 3), (2, 6), (6, 2)):
        index = read_at(grid, [(0, 0), (1, 1), (1, 0)], random)
        assert stencil(index, (12,)).grid == grid
        assert stencil(index, (5, 5)).grid == grid


@pytest.mark.parametrize(("width", "known"), [(1, False), (2, True), (MOST_OFFSETS, True), (MOST_OFFSETS + 1, False)])
def test_a_stencil_has_two_offsets_or_more_and_not_very_many(width, known, random):
    index = read_at((100,), [(number,) for number in range(width)], random)
    assert (stencil(index, (100,)) is not None) == known


@pytest.mark.parametrize(
    ("grid", "offsets", "known"),
    [
        ((9,), [(8,), (0,), (1,)], True),
        ((3, 4), [(0, 0), (0, 1), (1, 0)], True),
        ((3, 4, 3), [(0, 0, 0), (0, 0, 1), (2, 0, 0)], True),
        # Four axes; and a window of 8 for four points, where one of 7 will do.
        ((2, 2, 2, 2), [(0, 0, 0, 1), (1, 0, 0, 0)], False),
        ((30,), [(0,), (1,), (2,), (6,)], True),
        ((30,), [(0,), (1,), (2,), (7,)], False),
    ],
)
def test_neighbours_with_the_same_labels_everywhere_are_windows(grid, offsets, known):
    # The label of a neighbour is the number of its offset: rows are ordered by it.
    ordered = np.empty((int(np.prod(grid)), len(offsets)), dtype=int)
    for row, point in enumerate(np.ndindex(*grid)):
        ordered[row] = [np.ravel_multi_index(tuple((np.array(point) + offset) % grid), grid) for offset in offsets]
    labels = np.tile(np.arange(len(offsets)), (len(ordered), 1))
    windows = as_windows(ordered, labels, grid)
    assert (windows is not None) == known
    if known:
        assert np.array_equal(windows.matrix().reshape(*ordered.shape, -1).argmax(axis=2), ordered)
        swapped = labels.copy()
        swapped[-1, :2] = swapped[-1, 1::-1]
        assert as_windows(ordered, swapped, grid) is None


@pytest.mark.parametrize(("signs", "kept"), [(None, False), ([1, 1], False), ([1, -1], True)])
def test_signs_are_kept_only_where_one_is_turned(signs, kept):
    signs = None if signs is None else np.array(signs, dtype=np.int8)[:, None]
    operator = summing(np.array([[1], [0]]), signs, 2)
    assert (operator.signs is not None) == kept
    assert isinstance(summing(np.array([[0], [1]]), signs, 2), Identity) == (not kept)


@pytest.mark.parametrize("grid", [(3, 4, 1), (1, 4, 3), (3, 4, 5), (2, 2, 2)])
def test_a_sum_over_the_middle_axis_of_a_grid_is_known_as_one(grid):
    before, summed, after = grid
    index = np.arange(before * summed * after).reshape(grid).transpose(0, 2, 1).reshape(-1, summed)
    assert as_sum(IndexTable(index, None, index.size)) == grid
    assert as_sum(IndexTable(index[:, ::-1], None, index.size)) is None
    if len(index) > 1:
        assert as_sum(IndexTable(index[::-1], None, index.size)) is None
        assert as_sum(IndexTable(index[1:], None, index.size)) is None


@pytest.mark.parametrize("grid", [(2, 2), (2, 5), (5, 2), (4, 6)])
def test_a_transposed_grid_is_known_as_one(grid):
    index = np.arange(grid[0] * grid[1]).reshape(grid).T.reshape(-1, 1)
    assert as_transposition(IndexTable(index, None, index.size)) == grid
    assert as_transposition(IndexTable(np.roll(index, 1), None, index.size)) is None
    assert as_transposition(IndexTable(np.sort(index, axis=0), None, index.size)) is None


@pytest.mark.parametrize(
    ("number", "text"),
    [(999, "999 "), (1000, "1 k"), (1234, "1.23 k"), (10**6, "1 M"), (10**9, "1 G"), (10**12, "1 T")],
)
def test_large_numbers_are_shown_in_short(number, text):
    assert short(number) == text
