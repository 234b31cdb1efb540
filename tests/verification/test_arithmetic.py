"""What verify says of the arithmetic that a model computes in."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import eqgen as eq
from eqgen.layers.equivariance import arithmetic
from eqgen.layers.execution.tensors import rounds_products
from helpers.judged import S5, Applied, column

SAID = "float32, products rounded to 10 bits (TF32), 10 group elements, "


@pytest.fixture
def rounding_gpu(monkeypatch):
    monkeypatch.setattr(arithmetic, "rounds_products", lambda: True)


def test_rounded_products_are_said_with_a_tolerance_that_follows(rounding_gpu):
    model = keras.Sequential([keras.Input((5, 3)), keras.layers.Dense(2)])
    report = eq.verify(model, S5, training=False)
    assert report
    assert [check.name for check in report.checks] == ["numeric", "as it is"]
    assert all(check.evidence.startswith(SAID) for check in report.checks)
    assert report.tolerance == 16 * 2.0**-10
    assert report.dtype == "float32"


def test_the_layer_as_it_is_says_so_too(rounding_gpu):
    layer = eq.EquivariantDense(4, S5)
    layer(np.zeros((1, 5, 3), dtype="float32"))
    report = eq.verify(layer)
    assert report
    checks = {check.name: check.evidence for check in report.checks}
    assert checks["numeric"].startswith("float64, ")
    assert checks["as it is"].startswith(SAID)


def test_what_rounding_to_ten_bits_would_hide_fails_in_float64(rounding_gpu):
    report = eq.verify(Applied(lambda x: x * (1 + 1e-4 * column(x))), S5, input_shape=(5, 3))
    assert report.verdict == "NOT VERIFIED"
    assert report.checks[0].evidence.startswith("made again in float64, ")


def test_products_are_rounded_where_a_gpu_may(monkeypatch):
    assert not rounds_products()
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    assert rounds_products() is tf.config.experimental.tensor_float_32_execution_enabled()
    monkeypatch.setattr(tf.config.experimental, "tensor_float_32_execution_enabled", lambda: False)
    assert not rounds_products()


def test_the_switch_of_the_process_is_left_alone():
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    eq.verify(eq.EquivariantDense(4, S5))
    assert tf.config.experimental.tensor_float_32_execution_enabled() is before


def test_a_model_is_as_it_was_after_it_computed_in_another_dtype():
    model = keras.Sequential([keras.Input((5, 3)), keras.layers.Dense(2), keras.layers.Dropout(0.5)])
    policies = [layer.dtype_policy for layer in model._flatten_layers()]
    weights = model.get_weights()
    with arithmetic.computing_in(model, "float64"):
        assert model(ops.ones((1, 5, 3), dtype="float64")).dtype == "float64"
    assert [layer.dtype_policy for layer in model._flatten_layers()] == policies
    assert eq.verify(model, S5)
    assert all(np.array_equal(one, other) for one, other in zip(weights, model.get_weights(), strict=True))
    assert model(np.ones((1, 5, 3), dtype="float32")).dtype == "float32"
    assert "call" not in vars(model.layers[-1])
