"""Exact linear algebra, against products of whole numbers and the ranks that sympy finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import Matrix

from eqgen.programs.lowering.rational import independent, inverse

ENTRIES = st.integers(-4, 4)
SQUARE = st.integers(1, 5).flatmap(
    lambda size: st.lists(st.lists(ENTRIES, min_size=size, max_size=size), min_size=size, max_size=size)
)


@given(SQUARE)
def test_an_inverse_undoes_its_matrix_in_lowest_terms_and_there_is_one_where_the_rank_is_full(rows):
    matrix, rank = np.array(rows), Matrix(rows).rank()
    if rank < len(rows):
        with pytest.raises(ZeroDivisionError, match=f"^the matrix has rank [0-9] of {len(rows)}$"):
            inverse(matrix)
        return
    numerators, denominators = inverse(matrix)
    assert np.array_equal(numerators @ matrix, np.diag(denominators))
    assert np.array_equal(np.gcd.reduce(np.column_stack([numerators, denominators]), axis=1), np.ones(len(rows)))
    assert (denominators > 0).all()


@given(st.lists(st.lists(ENTRIES, min_size=3, max_size=3), max_size=8), st.integers(1, 3))
def test_rows_are_taken_that_are_independent_of_those_before_them(rows, most):
    ranks = [0, *(Matrix(rows[: count + 1]).rank() for count in range(len(rows)))]
    expected = [number for number in range(len(rows)) if ranks[number + 1] > ranks[number]]
    assert independent(iter(np.array(row) for row in rows), most) == expected[:most]


def test_no_row_is_asked_for_beyond_the_last_that_is_needed():
    rows = iter(np.eye(3, dtype=int))
    assert independent(rows, 2) == [0, 1]
    assert next(rows).tolist() == [0, 0, 1]
