"""Every file of the catalogue becomes a layer that is proved; to add a symmetry is to add a file."""

from __future__ import annotations

import numpy as np
import pytest

import eqgen as eq
from eqgen.orbitals.certificate import certify
from eqgen.orbitals.orbits import bias_pattern
from eqgen.permutations import catalogue


@pytest.mark.slow
@pytest.mark.parametrize("name", catalogue.names())
def test_every_entry_has_a_certificate_and_a_verified_layer(name):
    entry = catalogue.entry(name)
    orbits = eq.orbits(entry.declaration)
    certificate = certify(orbits.mapping, orbits.pattern.signed_labels)
    assert certificate
    assert certificate.rank == entry.rank
    has_bias = bias_pattern(orbits.mapping).rank > 0
    flips = any(generator.output.signs is not None for generator in orbits.mapping.generators)
    layer = eq.EquivariantDense(
        2, orbits.mapping, use_bias=has_bias, bias_initializer="normal", activation="tanh" if flips else "relu"
    )
    layer(np.ones((1, orbits.mapping.input.size, 2), dtype="float32"))
    report = eq.verify(layer)
    assert report, str(report)
    assert report.max_error <= 100 * np.finfo(np.float64).eps


def test_there_are_enough_of_each_kind():
    assert len(catalogue.names()) >= 40
