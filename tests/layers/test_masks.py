"""Padded sets: what a mask leaves out changes nothing, and a smaller set gives what its own layer gives."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import eqgen as eq

THERE = 4
"""So many of the points of each example are there."""

LAYERS = {
    "dense": lambda n: eq.EquivariantDense(3, f"p -> p where p = S({n})", aggregation="sum", use_bias=True),
    "dense to one": lambda n: eq.EquivariantDense(3, f"p -> 1 where p = S({n})", aggregation="sum"),
    "mean": lambda n: eq.InvariantPool(f"p where p = S({n})"),
    "sum": lambda n: eq.InvariantPool(f"p where p = S({n})", "sum"),
    "max": lambda n: eq.InvariantPool(f"p where p = S({n})", "max"),
    "normalization": lambda n: eq.EquivariantNormalization(f"p where p = S({n})"),
    "signed normalization": lambda n: eq.EquivariantNormalization(f"~p where p = S({n})"),
    "attention": lambda n: eq.EquivariantAttention(2, 4, f"p where p = S({n})"),
}

every_layer = pytest.mark.parametrize("name", LAYERS)


def padded(random, value: float = 0.0, size: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Features (5, size, 2) of which four points each are there, in any place, and the mask."""
    features = random.normal(size=(5, size, 2)).astype("float32")
    mask = np.stack([random.permutation(np.arange(size) < THERE) for _ in features])
    return np.where(mask[..., None], features, np.float32(value)), mask


@every_layer
@pytest.mark.parametrize("value", [0.0, 7.0, np.inf, np.nan])
def test_a_padded_set_gives_what_the_layer_of_the_smaller_set_gives(name, value, random):
    features, mask = padded(random, value)
    small, large = LAYERS[name](THERE), LAYERS[name](6)
    small.build((None, THERE, 2))
    large.build((None, 6, 2))
    weights = [random.normal(size=weight.shape) for weight in small.get_weights()]
    small.set_weights(weights)
    large.set_weights(weights)
    expected = small(features[mask].reshape(5, THERE, 2)).numpy()
    found = large(features, mask=mask).numpy()
    if found.shape[1:-1] == (6,):
        found = found[mask].reshape(expected.shape)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("mode", ["mean", "sum", "max"])
def test_orbits_are_pooled_apart_and_an_empty_one_is_zero(mode, random):
    layer = eq.InvariantPool("p + q where p = S(2), q = S(3)", mode)
    features = random.normal(size=(1, 5, 2)).astype("float32") - 9
    found = layer(features, mask=np.array([[False, False, True, False, True]])).numpy()
    seen = getattr(features[0, [2, 4]], mode)(axis=0)
    np.testing.assert_allclose(found[0], [0, 0, *seen], rtol=1e-6)


def test_statistics_of_orbits_are_those_of_the_points_that_are_there(random):
    layer = eq.EquivariantNormalization("p + q where p = S(2), q = S(3)", epsilon=0)
    features = random.normal(size=(1, 5, 2)).astype("float32")
    mask = np.array([[True, True, True, False, True]])
    found = layer(features, mask=mask).numpy()[0]
    for points in ([0, 1], [2, 4]):
        np.testing.assert_allclose(found[points].mean(), 0, atol=1e-6)
        np.testing.assert_allclose(found[points].std(), 1, atol=1e-6)


def test_a_mask_goes_through_layers_that_keep_the_points_and_ends_where_they_end(random):
    features, mask = padded(random)
    inputs = keras.Input((6, 2))
    found = keras.layers.Masking()(inputs)
    for layer in (
        *(LAYERS[name](6) for name in ("dense", "normalization", "attention")),
        eq.OrbitEmbedding("p where p = S(6)"),
    ):
        found = layer(found)
        assert found._keras_mask.shape == (None, 6)
    for name in ("dense to one", "mean"):
        assert getattr(LAYERS[name](6)(found), "_keras_mask", None) is None
    # A whole model: what stands at padded points never comes out.
    model = keras.Model(inputs, LAYERS["mean"](6)(found))
    order = np.argsort(~mask, axis=1, kind="stable")
    first = np.take_along_axis(features, order[..., None], axis=1)
    np.testing.assert_allclose(model(features), model(first), atol=1e-5)


# A warning of Keras that masks are lost would fail the test.
def test_a_whole_network_takes_a_mask(random):
    features, mask = padded(random)
    network = eq.network("p -> p where p = S(6)", [8, 8], channels=2, head="invariant", outputs=3)
    other = np.where(mask[..., None], features, np.float32(5))
    np.testing.assert_allclose(network(other, mask=mask), network(features, mask=mask), atol=1e-5)
    masking = keras.Sequential([keras.Input((6, 2)), keras.layers.Masking(), network])
    np.testing.assert_allclose(masking(features), network(features, mask=mask), atol=1e-5)


def test_masks_of_steps_and_of_grids(random):
    steps = eq.EquivariantDense(3, "p -> p where p = S(6)")
    features = random.normal(size=(2, 7, 6, 2)).astype("float32")
    when = np.arange(7) < np.array([[3], [7]])
    np.testing.assert_array_equal(steps(features, mask=when), steps(features))
    assert steps.compute_mask(keras.Input((7, 6, 2)), when) is when
    grid = eq.EquivariantDense(3, "h w -> h w where h = C(6), w = C(4)")
    board = random.normal(size=(2, 6, 4, 2)).astype("float32")
    mask = (random.random((2, 6, 1)) < 0.7) & (random.random((2, 1, 4)) < 0.7)
    there = mask[..., None]
    np.testing.assert_allclose(grid(board, mask=mask), grid(board * there) * there, atol=1e-6)


def test_without_channels_a_mask_marks_examples_and_is_handed_on(random):
    layer = eq.EquivariantDense(None, "a b b; b a b; b b a")
    features = random.normal(size=(2, 3)).astype("float32")
    mask = np.array([True, False])
    np.testing.assert_array_equal(layer(features, mask=mask), layer(features))
    assert layer.compute_mask(features, mask) is mask


@pytest.mark.parametrize("name", ["dense", "mean", "normalization", "attention"])
@pytest.mark.parametrize("shape", [(5, 7), (5, 6, 6)])
def test_a_mask_of_other_points_is_refused(name, shape, random):
    layer = LAYERS[name](6)
    features, _ = padded(random)
    layer.build((None, 6, 2))
    with pytest.raises(eq.DeclarationError) as refused:
        layer.call(features, mask=np.ones(shape, dtype=bool))
    assert str(refused.value) == (
        f"a mask says of every point whether it is there: expected (5, 6), got {shape}; which pairs of points matter is said by "
        "a support"
    )
