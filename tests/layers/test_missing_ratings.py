"""Ratings of which most are missing: trained on tables of one size, used on larger ones, beside a layer written by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

import eqgen as eq


class ByHand(keras.layers.Layer):
    """The exchangeable layer of Hartford et al. (2018), whose means are over known entries and hold the entry itself."""

    def __init__(self, units):
        super().__init__()
        self.mixes = [keras.layers.Dense(units) for _ in range(4)]

    def call(self, inputs, known=None):
        there = ops.cast(ops.ones_like(inputs[..., 0]) if known is None else known, "float32")[..., None]
        pooled = [inputs * there]
        for axes in ((1,), (2,), (1, 2)):
            counts = ops.maximum(ops.sum(there, axis=axes, keepdims=True), 1.0)
            pooled.append(ops.sum(inputs * there, axis=axes, keepdims=True) / counts)
        return sum(mix(each) for mix, each in zip(self.mixes, pooled, strict=True))


LAYERS = {
    "eqgen": lambda units: eq.EquivariantDense(
        units, "r c -> r c where r = S(n), c = S(m)", use_bias=True, layout="grid"
    ),
    "by hand": ByHand,
}


class Completion(keras.Model):
    def __init__(self, layer):
        super().__init__()
        self.first, self.second, self.last = layer(16), layer(16), layer(1)

    def call(self, inputs):
        ratings, known = inputs
        features = keras.activations.gelu(self.first(ratings, known=known))
        return self.last(keras.activations.gelu(self.second(features)))


def tables(seed, users, items, count):
    """What users and items add, (count, users, items, 1); three in ten are known, the others may be anything."""
    random = np.random.default_rng(seed)
    ratings = random.normal(size=(count, users, 1)) + random.normal(size=(count, 1, items))
    known = random.random((count, users, items)) < 0.3
    return np.where(known, ratings, 100)[..., None].astype("float32"), known, ratings[..., None].astype("float32")


def by_means(ratings, known):
    """What the means of a row, of a column and of all say of an entry."""
    there = known[..., None]
    means = [
        (ratings * there).sum(axes, keepdims=True) / np.maximum(there.sum(axes, keepdims=True), 1)
        for axes in ((1,), (2,), (1, 2))
    ]
    return means[0] + means[1] - means[2]


@pytest.mark.slow(sample=0)
def test_ratings_are_completed_in_tables_of_another_size():
    errors = {}
    larger, known, ratings = tables(2, 50, 60, 16)
    for name, layer in LAYERS.items():
        keras.utils.set_random_seed(0)
        model = Completion(layer)
        model.compile(keras.optimizers.Adam(1e-2), "mse")
        seen, which, wanted = tables(0, 30, 40, 64)
        model.fit([seen, which], wanted, batch_size=16, epochs=20, verbose=0)
        found = np.asarray(model([larger, known]))
        errors[name] = np.sqrt(np.square(found - ratings)[~known].mean())
    best = np.sqrt(np.square(by_means(larger, known) - ratings)[~known].mean())
    assert best < 0.31
    assert errors["eqgen"] < 1.05 * best, errors
    assert errors["eqgen"] < 1.05 * errors["by hand"], errors
    # What stands at entries that are not known changes nothing.
    hidden = np.where(known[..., None], larger, -7)
    np.testing.assert_allclose(model.predict([hidden, known], verbose=0), found, atol=1e-5)
