"""What verify says of models that break a symmetry, or would after a step of training: it fails, and names what does it."""

from __future__ import annotations

import re

import keras
import numpy as np
import pytest
from keras import layers

import eqgen as eq

S5 = "p -> p where p = S(5)"


class Table(layers.Layer):
    """Adds a learned number to every point and channel."""

    def __init__(self, initializer="random_normal", **options):
        super().__init__(**options)
        self.initializer = initializer

    def build(self, shape):
        self.table = self.add_weight(shape=shape[1:], initializer=self.initializer, name="table")

    def call(self, inputs):
        return inputs + keras.ops.cast(self.table, inputs.dtype)

    def get_config(self):
        return {**super().get_config(), "initializer": self.initializer}


def after_dense(*rest) -> keras.Model:
    return keras.Sequential([keras.Input((5, 2)), eq.EquivariantDense(4, S5), *rest])


def functional(make) -> keras.Model:
    inputs = keras.Input((5, 2))
    return keras.Model(inputs, make(eq.EquivariantDense(4, S5)(inputs)))


def inner() -> keras.Model:
    return keras.Sequential([keras.Input((5, 4)), Table(name="within"), layers.Dense(4)])


BROKEN = {
    "flattened": (
        lambda: after_dense(layers.Flatten(), layers.Dense(20, name="all"), layers.Reshape((5, 4)), layers.Dense(3)),
        "'all' (Dense) after 'flatten' (Flatten)",
    ),
    "positional": (
        lambda: after_dense(layers.Permute((2, 1)), layers.Dense(5, name="along"), layers.Permute((2, 1))),
        "'along' (Dense) after 'permute' (Permute)",
    ),
    "a table": (
        lambda: functional(lambda h: eq.EquivariantDense(3, S5)(h + layers.Embedding(5, 4)(keras.ops.arange(5)))),
        "'add' (Add) after 'equivariant_dense' (EquivariantDense)",
    ),
    "a slice": (
        lambda: functional(lambda h: h[:, 0]),
        "'get_item' (GetItem) after 'equivariant_dense' (EquivariantDense)",
    ),
    "apart and together": (
        lambda: functional(lambda h: Table(name="it")(keras.ops.concatenate([h[:, :2], h[:, 2:]], axis=1))),
        "'it' (Table) after 'concatenate' (Concatenate)",
    ),
    "along the points": (
        lambda: after_dense(layers.Conv1D(3, 3, padding="same", name="window")),
        "'window' (Conv1D) after 'equivariant_dense' (EquivariantDense)",
    ),
    "a model within": (lambda: after_dense(inner(), layers.Dense(2)), "'within' (Table)"),
    "first": (lambda: keras.Sequential([keras.Input((5, 2)), Table(name="it")]), "'it' (Table)"),
}


def nameless(text: str) -> str:
    """Keras counts the names that it gives."""
    return re.sub(r"_\d+'", "'", text)


@pytest.fixture(autouse=True)
def names():
    keras.backend.clear_session()


@pytest.mark.slow(sample=8)
@pytest.mark.parametrize(("make", "culprit"), BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_what_breaks_a_symmetry_is_named(make, culprit, policy, random):
    keras.config.set_dtype_policy(policy)
    try:
        model = make()
    finally:
        keras.config.set_dtype_policy("float32")
    declaration = "p -> 1 where p = S(5)" if len(model.output_shape) == 2 else S5
    report = eq.verify(model, declaration)
    assert not report
    assert nameless(str(report)).splitlines()[1].endswith(f"; what breaks it is {culprit}")


def test_a_slight_violation_shows_in_half_precision_too():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = after_dense(Table("ones"), layers.Dense(3))
        table = model.layers[1].table
        table.assign(np.ones(table.shape) + 1e-3 * np.arange(20).reshape(5, 4))
    finally:
        keras.config.set_dtype_policy("float32")
    report = eq.verify(model, S5)
    assert not report
    assert report.dtype == "float32"
    assert "made again in float32, " in str(report)


class Opaque(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.first, self.last = eq.EquivariantDense(4, S5, dtype=self.dtype_policy), layers.Conv1D(3, 3, padding="same")
        self.last.build((None, 5, 4))

    def call(self, inputs):
        return self.first(inputs)


def test_a_subclassed_model_in_half_precision_is_computed_in_single():
    model = Opaque(dtype="mixed_bfloat16")
    model(np.zeros((1, 5, 2)))
    report = eq.verify(model, S5, input_shape=(5, 2))
    assert report
    assert report.dtype == "float32"


class Rounded(layers.Layer):
    """Computes in half precision whatever it is told, so that it raises nothing and cannot be seen through."""

    def call(self, inputs):
        if self.compute_dtype == "float32":
            raise ValueError("only in half precision")
        return 2 * inputs


def test_half_precision_that_cannot_be_made_again_proves_nothing():
    model = Rounded(dtype="mixed_bfloat16")
    report = eq.verify(model, S5, input_shape=(5, 2))
    assert not report
    assert str(report).endswith("=> UNDECIDED")
    assert "; bfloat16 hides what is smaller, and it cannot be made again: let it compute in float32" in str(report)


def test_a_subclassed_model_hides_what_breaks_it():
    class Broken(Opaque):
        def call(self, inputs):
            return self.last(self.first(inputs))

    model = Broken()
    model(np.zeros((1, 5, 2)))
    assert (
        "; no layer can be named in a subclassed model: a functional or sequential one shows what stands between its layers"
    ) in str(eq.verify(model, S5, input_shape=(5, 2)))


UNTRAINED = {
    "BatchNormalization": lambda: layers.BatchNormalization(axis=1, name="it"),
    "BatchNormalization without weights": lambda: layers.BatchNormalization(
        axis=1, center=False, scale=False, name="it"
    ),
    "LayerNormalization": lambda: layers.LayerNormalization(axis=[1, 2], name="it"),
    "Table": lambda: Table("zeros", name="it"),
}


@pytest.mark.slow(sample=2)
@pytest.mark.parametrize("kind", UNTRAINED)
def test_what_training_would_break_is_named_before_it_does(kind):
    model = after_dense(UNTRAINED[kind](), layers.Dense(3))
    before = model.get_weights()
    report = eq.verify(model, S5)
    assert not report
    numeric, training = report.checks
    assert numeric.holds
    assert training.name == "training"
    assert training.evidence.startswith(
        "only the weights that it has now keep the symmetry, others break it: float32, "
    )
    assert nameless(training.evidence).endswith(
        f"; what breaks it is 'it' ({kind.split()[0]}) after 'equivariant_dense' (EquivariantDense)"
    )
    assert all(np.array_equal(one, other) for one, other in zip(before, model.get_weights(), strict=True))
    # Whoever does not train any further may say so, or freeze what must not change.
    assert eq.verify(model, S5, training=False)
    model.layers[1].trainable = False
    assert eq.verify(model, S5)


def test_what_a_constraint_holds_training_does_not_break():
    constrained = layers.Dense(5, use_bias=False, kernel_constraint=eq.OrbitConstraint("p -> p where p = C(5)"))
    free = layers.Dense(5, use_bias=False)
    models = [keras.Sequential([keras.Input((5,)), layer]) for layer in (constrained, free)]
    for model in models:
        (kernel,) = model.weights
        kernel.assign(constrained.kernel_constraint(kernel))
    assert eq.verify(models[0], "p -> p where p = C(5)")
    assert not eq.verify(models[1], "p -> p where p = C(5)")
    assert eq.verify(models[1], "p -> p where p = C(5)", training=False)
