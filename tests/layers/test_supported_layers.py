"""Layers with a local kernel: zero outside their support, saved with it, and verified."""

from __future__ import annotations

from itertools import product

import keras
import numpy as np
import pytest

import eqgen as eq
from eqgen.permutations import catalogue
from helpers.mistakes import refuse
from helpers.tampering import tamper


def built(mapping, units=2, **options):
    layer = eq.EquivariantDense(units, mapping, **options)
    n = layer.mapping.input.size
    layer(np.zeros((1, n) if units is None else (1, n, 2)))
    return layer


RING = eq.mapping("p -> p where p = C(6)", support=[(0, 0), (0, 1), (0, 5)])
SUPPORTED = [
    (RING, "relu"),
    (eq.mapping("[p p] -> [p p] where p = S(4)", support=[(0, 1)]), "tanh"),
    (eq.mapping("{p p} + p -> p where p = S(4)", support=[(0, 0), (1, (1, 1))]), "relu"),
    (eq.mapping("h w -> h w where h = C(4), w = C(3)", support=eq.stencil(1, metric="diamond", wrap=True)), "relu"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("mapping", "activation"), SUPPORTED)
@pytest.mark.parametrize("units", [None, 3])
def test_a_supported_layer_is_zero_outside_and_verifies(mapping, activation, units):
    layer = built(mapping, units, activation=activation)
    layer.set_weights([np.random.default_rng(3).uniform(1, 2, size=layer.kernel.shape)])
    weight = layer.weight_matrix().reshape(*eq.orbits(mapping).shape, -1)
    outside = eq.orbits(mapping).labels < 0
    assert outside.any()
    assert (weight[outside] == 0).all()
    assert (weight[~outside] != 0).all()
    assert layer.kernel.shape[0] == mapping.support.rank
    report = eq.verify(layer)
    assert report, str(report)
    assert "Burnside's count: not made, for it counts all pairs and the support leaves some out" in str(report)


@pytest.mark.parametrize(("mapping", "activation"), SUPPORTED)
def test_a_saved_layer_holds_its_support(mapping, activation, tmp_path, random):
    n = mapping.input.size
    layer = eq.EquivariantDense(2, mapping, activation=activation, layout="flat")
    model = keras.Sequential([keras.Input((n, 1)), layer])
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.layers[0].mapping == mapping
    assert again.layers[0].mapping != eq.mapping(mapping.declaration.split(" support ")[0])
    assert np.array_equal(again.layers[0].weight_matrix(), layer.weight_matrix())
    features = random.normal(size=(4, n, 1)).astype("float32")
    assert np.array_equal(again(features), model(features))
    assert eq.verify(again.layers[0])


def test_a_saved_layer_means_the_same_whatever_the_catalogue_says(tmp_path, monkeypatch):
    text = 'p -> p where p = catalogue("octagon") support 1 <- 1, 1 <- 2'
    layer = built(text)
    config = layer.get_config()
    assert "catalogue" not in config["declaration"]
    assert config["declaration"].endswith(" support 1 <- 1, 1 <- 2")
    keras.Sequential([keras.Input((8, 2)), layer]).save(tmp_path / "model.keras")
    monkeypatch.setattr(catalogue, "entry", refuse)
    again = keras.models.load_model(tmp_path / "model.keras").layers[0]
    assert np.array_equal(again.weight_matrix(), layer.weight_matrix())
    assert (again.weight_matrix()[:, :, 0, 0] != 0).sum(axis=1).tolist() == [3] * 8
    assert eq.verify(again)


def test_training_leaves_zero_what_lies_outside():
    layer = eq.EquivariantDense(None, RING)
    model = keras.Sequential([keras.Input((6,)), layer])
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    before = layer.weight_matrix()
    model.fit(np.eye(6, dtype="float32"), np.ones((6, 6), dtype="float32"), epochs=2, verbose=0)
    assert not np.array_equal(layer.weight_matrix(), before)
    assert ((layer.weight_matrix() != 0) == (eq.orbits(RING).labels >= 0)).all()


def test_a_stencil_layer_is_a_circular_convolution(random):
    mapping = eq.mapping("h w -> h w where h = C(5), w = C(6)", support=eq.stencil(1, wrap=True))
    layer = eq.EquivariantDense(None, mapping, layout="flat")
    image = random.normal(size=(5, 6)).astype("float32")
    answer = np.reshape(layer(image.reshape(1, -1)), (5, 6))
    labels = eq.orbits(mapping).labels[0].reshape(5, 6)
    theta = np.asarray(layer.get_weights()[0])
    expected = sum(
        theta[labels[y % 5, x % 6]] * np.roll(image, (-y, -x), (0, 1)) for y, x in product((-1, 0, 1), repeat=2)
    )
    np.testing.assert_allclose(answer, expected, rtol=1e-5, atol=1e-5)


def test_a_model_with_more_than_its_support_is_still_equivariant_to_the_group_alone():
    # A support is no symmetry: verify holds another model to the group.
    dense = keras.Sequential([keras.Input((6,)), eq.EquivariantDense(None, "p -> p where p = C(6)")])
    assert eq.verify(dense, RING)


def test_the_report_of_a_supported_layer_says_what_the_integers_say():
    report = eq.verify(eq.EquivariantDense(2, RING, name="ring"))
    lines = str(report).splitlines()
    assert lines[2] == "  invariant  holds    the labels are unchanged by the generator"
    assert (
        lines[3]
        == "  complete   holds    3 orbits, each generated from one pair; Burnside's count: not made, for it counts all pairs and the support leaves some out"
    )
    assert report


@pytest.mark.slow
@pytest.mark.parametrize("entry", [(0, 0), (0, 1), (0, 2), (5, 0)])
def test_a_supported_layer_that_computes_with_other_labels_fails(entry):
    layer = eq.EquivariantDense(2, RING, lowering="gather")
    layer(np.zeros((1, 6, 2)))
    assert eq.verify(layer)
    # An entry outside gets a weight, and one inside another weight.
    tamper(layer, entry)
    report = eq.verify(layer)
    assert not report
    assert not report.certificate
