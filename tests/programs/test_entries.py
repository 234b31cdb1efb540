"""Each kind of entries on its own: how many there are, and what they take."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eqgen.programs.entries import (
    FourierEntries,
    GatherEntries,
    LinearCombination,
    OrbitPairs,
    SpectralEntries,
    scaled_entries,
)


def spectral(random) -> SpectralEntries:
    """Two output orbits and three input orbits, each pair with four parameters of its own and a dense transform to five."""
    signed_labels = 1 + np.arange(24).reshape(4, 2, 3)
    # One section of multiplicity 1, and one of 2 outputs and 2 inputs.
    places = ((0, 1, 1, 0, 0), (1, 2, 2, 0, 0))
    return SpectralEntries((OrbitPairs(signed_labels, random.normal(size=(5, 4)), places),), ((2, 3), (4, 6)), 24)


KINDS = {
    "gather": lambda random: GatherEntries(np.array([1, -2, 0, 3, 3]), 3),
    "linear combination": lambda random: LinearCombination(np.array([[1, 2, 3], [4, 5, 6]]), np.array([1, 7])),
    "Fourier, odd": lambda random: FourierEntries((3, 5), 1 + np.arange(90).reshape(2, 3, 15), 90),
    "Fourier, even": lambda random: FourierEntries((5, 4), 1 + np.arange(60).reshape(3, 1, 20), 60),
    "spectral": spectral,
}


@pytest.mark.parametrize("name", KINDS)
def test_there_are_as_many_entries_as_are_told(name, random):
    entries = KINDS[name](random)
    theta = random.normal(size=(entries.rank if hasattr(entries, "rank") else 3, 2, 3))
    assert entries.shape == (entries.of(theta).shape[0], len(theta))
    assert entries.of(theta).shape[1:] == (2, 3)


@pytest.mark.parametrize(("name", "products"), [("gather", 0), ("linear combination", 6), ("spectral", 2 * 3 * 5 * 4)])
def test_what_entries_take_is_a_product_for_each_coefficient(name, products, random):
    entries = KINDS[name](random)
    assert entries.multiplications == products
    # As a matrix, where no coefficient is a mere sign.
    if products:
        assert np.count_nonzero(entries.of(np.eye(entries.shape[1]))) == products


def test_a_short_transform_is_a_matrix_product_along_each_axis():
    # An output orbit, three inputs; along the last axis five real numbers become six, along the first three complex ones three.
    entries = FourierEntries((3, 5), 1 + np.arange(45).reshape(1, 3, 15), 45)
    assert entries.multiplications == 45 * (5 + 1 + 2 * 3)


def test_entries_of_orbits_are_ordered_by_section_and_there_by_multiplicity_and_orbit(random):
    entries = spectral(random)
    theta = random.normal(size=24)
    (pair,) = entries.pairs
    expected = [np.zeros((2, 3)), np.zeros((4, 6))]
    for output in range(2):
        for input_ in range(3):
            parameters = [theta[number * 6 + output * 3 + input_] for number in range(4)]
            first, *others = (sum(c * p for c, p in zip(row, parameters, strict=True)) for row in pair.transform)
            expected[0][output, input_] = first
            for number, value in enumerate(others):
                row, column = divmod(number, 2)
                expected[1][row * 2 + output, column * 3 + input_] = value
    np.testing.assert_allclose(entries.of(theta), np.concatenate([part.ravel() for part in expected]), atol=1e-12)


def test_a_scale_of_the_parameters_is_taken_into_the_transform(random):
    entries = spectral(random)
    (pair,) = entries.pairs
    # One scale for each of the four kinds of pairs; a sign turned, and a pair that is forced to zero.
    signed_labels = pair.signed_labels.copy()
    signed_labels[1, 0, 2] *= -1
    signed_labels[2, 1, 1] = 0
    entries = replace(entries, pairs=(replace(pair, signed_labels=signed_labels),))
    scale, theta = np.repeat([2.0, 0.5, 3.0, 7.0], 6), random.normal(size=(24, 2))
    scaled = scaled_entries(entries, scale)
    np.testing.assert_allclose(scaled.of(theta), entries.of(scale[:, None] * theta), atol=1e-12)
    assert np.array_equal(scaled.pairs[0].signed_labels, signed_labels)
    # Two scales for one kind of pairs cannot be.
    scale[7] = 4
    assert scaled_entries(entries, scale) is None
