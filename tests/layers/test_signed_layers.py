"""Layers where signs flip: what verifies, and which activations and biases the signs forbid."""

from __future__ import annotations

import re
from dataclasses import replace

import keras
import numpy as np
import pytest

import eqgen as eq
from helpers.tampering import run_with


@pytest.mark.slow
@pytest.mark.parametrize(
    "declaration",
    ["[p p] -> [p p] where p = S(5)", "p + [p p] -> ~p + p where p = S(4)", "p -> p where p = (1 -2)(3 4), (5 -5)"],
)
@pytest.mark.parametrize("units", [None, 3])
def test_signed_layers_verify(declaration, units):
    layer = eq.EquivariantDense(units, declaration, activation="tanh")
    n = layer.mapping.input.size
    layer(np.zeros((1, n) if units is None else (1, n, 2)))
    assert eq.verify(layer)


def test_a_signed_layer_with_a_flipped_entry_fails():
    layer = eq.EquivariantDense(2, "[p p] -> [p p] where p = S(4)", lowering="gather")
    layer(np.zeros((1, 6, 2)))
    (block,) = layer.program.blocks
    entries = block.factors[0].entries
    signed_labels = entries.signed_labels.copy()
    signed_labels[6] *= -1
    run_with(layer, replace(block.factors[0], entries=replace(entries, signed_labels=signed_labels)))
    report = eq.verify(layer)
    assert not report
    assert "signs do not fit" in str(report)


def test_a_partly_signed_output_has_biases_where_signs_allow():
    layer = eq.EquivariantDense(
        None, "p -> ~p + p where p = S(3)", use_bias=True, bias_initializer="ones", kernel_initializer="zeros"
    )
    assert np.array_equal(layer(np.zeros((1, 3)))[0], [0, 0, 0, 1, 1, 1])
    assert eq.verify(layer)


@pytest.mark.parametrize(
    "activation", [None, "linear", "tanh", "softsign", "soft_shrink", "hard_shrink", "tanh_shrink", "hard_tanh"]
)
def test_odd_activations_are_safe(activation):
    assert eq.verify(eq.EquivariantDense(2, "[p p] -> [p p] where p = S(4)", activation=activation))


@pytest.mark.parametrize(
    "activation", ["relu", "gelu", "sigmoid", "softplus", "elu", "softmax", "exponential", "silu", "leaky_relu"]
)
def test_other_activations_are_refused(activation):
    message = (
        f"activation {activation} is not odd, and generator 1 of p, (1 2 3 4) flips the sign of outputs of [p p] -> [p p] where "
        "p = S(4): the layer would not be equivariant; use an odd one, like tanh or soft_shrink, or multiply the outputs by a "
        "gate computed from their absolute values"
    )
    with pytest.raises(eq.DeclarationError, match=f"^{re.escape(message)}$"):
        eq.EquivariantDense(2, "[p p] -> [p p] where p = S(4)", activation=activation)


def test_signs_of_the_input_alone_forbid_nothing():
    eq.EquivariantDense(2, "~p + p -> p where p = S(4)", activation="relu", use_bias=True)


def test_a_bias_that_the_signs_forbid_is_refused():
    message = (
        "no output of [p p] -> [p p] where p = S(4) can have a bias: generator 1 of p, (1 2 3 4) flips its sign, so it would "
        "have to be its own negative; drop use_bias"
    )
    with pytest.raises(eq.DeclarationError, match=f"^{re.escape(message)}$"):
        eq.EquivariantDense(2, "[p p] -> [p p] where p = S(4)", use_bias=True)


def test_a_symmetry_that_forces_zero_is_refused():
    message = (
        "the symmetry of ~p -> 1 where p = S(3) forces every weight to zero, so the layer would answer 0 to everything: use "
        "another output space, or a bias"
    )
    with pytest.raises(eq.DeclarationError, match=f"^{re.escape(message)}$"):
        eq.EquivariantDense(2, "~p -> 1 where p = S(3)")
    layer = eq.EquivariantDense(2, "~p -> 1 where p = S(3)", use_bias=True)
    assert layer(np.ones((4, 3, 2))).shape == (4, 1, 2)


def test_verify_finds_a_sign_that_a_model_ignores():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Activation("relu")])
    assert eq.verify(model, "p -> p where p = (1 2 3)")
    assert not eq.verify(model, "p -> p where p = (1 -2)(3)")
