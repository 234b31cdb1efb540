"""The table that a layer gathers its weight from."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eqgen as eq
from eqgen.layers.execution.kinds.gather import gather_weight
from eqgen.layers.execution.operators import LIMITS
from eqgen.layers.execution.weight_table import weight_table
from helpers.sampling import examples


def table_of(pattern):
    return weight_table(pattern.signed_labels, pattern.rank)


@st.composite
def integer_patterns(draw):
    rows, columns = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    largest = draw(st.sampled_from([1, 3, 20]))
    entries = st.integers(-largest, largest) if draw(st.booleans()) else st.integers(1, largest)
    return np.array(draw(st.lists(st.lists(entries, min_size=columns, max_size=columns), min_size=rows, max_size=rows)))


@given(integer_patterns())
def test_the_table_reads_back_as_the_pattern(integers):
    pattern = eq.pattern(integers)
    assert np.array_equal(table_of(pattern).signed_labels, pattern.signed_labels)


@given(integer_patterns(), st.integers(0, 2**32 - 1))
def test_each_entry_is_its_parameter_with_its_sign(integers, seed):
    pattern = eq.pattern(integers)
    theta = np.random.default_rng(seed).normal(size=(pattern.rank, 2, 3))
    weight = keras.ops.convert_to_numpy(gather_weight(table_of(pattern), keras.ops.convert_to_tensor(theta)))
    for i, j in np.ndindex(pattern.shape):
        expected = pattern.signs[i, j] * theta[pattern.labels[i, j]] if pattern.signs[i, j] else np.zeros((2, 3))
        assert np.array_equal(weight[:, j, i, :], expected)


@pytest.mark.slow
@settings(max_examples=examples(60))
@given(integer_patterns(), st.integers(0, 2**32 - 1))
def test_the_gradient_of_a_signed_pattern_is_the_signed_sum_over_its_entries(integers, seed):
    import tensorflow as tf

    random = np.random.default_rng(seed)
    pattern = eq.pattern(integers)
    theta = tf.constant(random.normal(size=(pattern.rank, 2, 3)))
    arriving = random.normal(size=(2, pattern.shape[1], pattern.shape[0], 3))
    with tf.GradientTape() as tape:
        tape.watch(theta)
        loss = tf.reduce_sum(gather_weight(table_of(pattern), theta) * arriving)
    found = tape.gradient(loss, theta)
    found = np.zeros(theta.shape) if found is None else tf.convert_to_tensor(found).numpy()
    expected = np.zeros(theta.shape)
    for i, j in np.ndindex(pattern.shape):
        if pattern.signs[i, j]:
            expected[pattern.labels[i, j]] += pattern.signs[i, j] * arriving[:, j, i, :]
    assert np.allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("size", [LIMITS.one_hot, LIMITS.one_hot + 1])
def test_both_gradients_are_the_sums_over_the_entries(size, random):
    import tensorflow as tf

    pattern = eq.orbits(f"p -> p where p = C({size})").pattern
    theta = tf.Variable(random.normal(size=(size, 2, 3)))
    arriving = random.normal(size=(2, size, size, 3))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(gather_weight(table_of(pattern), tf.convert_to_tensor(theta)) * arriving)
    found = tf.convert_to_tensor(tape.gradient(loss, theta)).numpy()
    expected = np.zeros((size, 2, 3))
    for i, j in np.ndindex(size, size):
        expected[pattern.labels[i, j]] += arriving[:, j, i, :]
    assert np.allclose(found, expected, rtol=1e-12)
