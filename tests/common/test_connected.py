"""Classes of what is equal, against connected components."""

from __future__ import annotations

from itertools import chain, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eqgen.common.connected import Classes, merge_few, merge_many
from helpers.references import (
    smallest_equal,
)


def merged(classes: Classes, equalities) -> bool:
    left, right = np.array([*equalities, (0, 0)]).T
    return classes.merge(left, right)


@st.composite
def portions(draw) -> tuple[int, list[list[tuple[int, int]]]]:
    """A number of codes, and equalities in several portions."""
    size = draw(st.integers(1, 40))
    code = st.integers(0, size - 1)
    return size, draw(st.lists(st.lists(st.tuples(code, code), max_size=30), max_size=6))


@given(portions(), st.sampled_from([0, 3, 10**6]))
def test_classes_are_connected_components_after_every_portion(drawn, many):
    size, equalities = drawn
    classes, so_far = Classes(size, many), []
    for portion in equalities:
        before = len(set(smallest_equal(size, so_far)))
        so_far += portion
        expected = smallest_equal(size, so_far)
        assert merged(classes, portion) == (len(set(expected)) < before)
        assert classes.names(np.arange(size)).tolist() == expected
        some = np.arange(size)[::-3]
        assert classes.names(some).tolist() == [expected[code] for code in some]
    assert classes.all_names().tolist() == smallest_equal(size, so_far)


@given(portions())
def test_classes_do_not_need_to_be_asked_for_in_between(drawn):
    size, equalities = drawn
    classes = Classes(size)
    for portion in equalities:
        merged(classes, portion)
    expected = smallest_equal(size, list(chain.from_iterable(equalities)))
    assert classes.all_names().tolist() == expected
    # They are asked for a second time, and merging goes on afterwards.
    assert classes.all_names().tolist() == expected
    assert merged(classes, [(0, size - 1)]) == (expected[0] != expected[-1])
    assert classes.all_names().tolist() == smallest_equal(size, [*chain.from_iterable(equalities), (0, size - 1)])


@pytest.mark.parametrize("merge", [merge_few, merge_many])
@given(drawn=portions())
def test_both_ways_to_merge_give_the_components(merge, drawn):
    size, equalities = drawn
    edges = list(chain.from_iterable(equalities))
    towards = np.arange(size)
    left, right = np.array(edges).reshape(-1, 2).T
    merge(towards, left, right)
    expected = smallest_equal(size, edges)
    # Codes of the merged classes point to the smallest at once.
    assert towards.tolist() == expected


CODES = 600

SHAPES = {
    "a chain upwards": [(i, i + 1) for i in range(CODES - 1)],
    "a chain downwards": [(i + 1, i) for i in range(CODES - 1)][::-1],
    "a chain in steps of seven": [(7 * i % CODES, 7 * (i + 1) % CODES) for i in range(CODES - 1)],
    "a chain between both ends": list(pairwise(code for i in range(CODES // 2) for code in (i, CODES - 1 - i))),
    "a star around the smallest": [(0, i) for i in range(1, CODES)],
    "a star around the largest": [(CODES - 1, i) for i in range(CODES - 1)],
    "a star around one in the middle": [(i, 300) for i in range(CODES) if i != 300],
    "pairs": [(2 * i, 2 * i + 1) for i in range(CODES // 2)],
    "stars that hang on one another": [(50 * k + 49, 50 * k + i) for k in range(12) for i in range(49)]
    + [(50 * k, 50 * k + 99) for k in range(11)],
}


@pytest.mark.parametrize("merge", [merge_few, merge_many])
@pytest.mark.parametrize("shape", SHAPES)
def test_long_chains_and_large_stars_become_one_class(merge, shape):
    towards = np.arange(CODES)
    merge(towards, *np.array(SHAPES[shape]).T)
    assert towards.tolist() == smallest_equal(CODES, SHAPES[shape])


@pytest.mark.parametrize("step", [1, 70])
@pytest.mark.parametrize("shape", SHAPES)
def test_chains_and_stars_in_portions_become_one_class(step, shape):
    edges, classes = SHAPES[shape], Classes(CODES)
    for start in range(0, len(edges), step):
        assert merged(classes, edges[start : start + step])
        assert not merged(classes, [edge[::-1] for edge in edges[start : start + step]])
    assert classes.all_names().tolist() == smallest_equal(CODES, edges)


def test_many_random_portions_give_the_components(random):
    classes, so_far, expected = Classes(1000), [], list(range(1000))
    for count in random.integers(1, 150, size=20).tolist():
        portion = random.integers(0, 1000, size=(count, 2)).tolist()
        known = len(set(expected))
        so_far += portion
        expected = smallest_equal(1000, so_far)
        assert classes.merge(*np.array(portion).T) == (len(set(expected)) < known)
        assert classes.names(np.arange(1000)).tolist() == expected
    assert 1 < len(set(expected)) < 100
