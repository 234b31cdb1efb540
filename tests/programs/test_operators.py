"""Each kind of operator on its own, against the matrix that it stands for."""

from __future__ import annotations

import numpy as np
import pytest

from eqgen.programs.operators.fourier import Fourier
from eqgen.programs.operators.index_table import IndexTable, as_sum, as_transposition
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
