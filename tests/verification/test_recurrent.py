"""verify over time: cells, layers of cells and models of them know their declaration, and broken cells are found."""

from __future__ import annotations

import re

import keras
import numpy as np
import pytest
from keras import ops

import eqgen as eq

SIGNED = "[p p] -> ~p + p where p = S(4)"


class GateOfTheCandidate(eq.EquivariantRNNCell):
    """Its gate is the sigmoid of what changes its sign."""

    def _stepped(self, of_input, of_state, state, memory=None):
        driven = of_input[..., -self.units :] + of_state[..., -self.units :]
        gate = ops.sigmoid(driven)
        return [gate * state + (1 - gate) * ops.tanh(driven)]


class BiasOnAllPoints(eq.EquivariantRNNCell):
    """It adds to what changes its sign what does not."""

    def _stepped(self, of_input, of_state, state, memory=None):
        shift = self.input_drive.gates.bias[:1, : self.units]
        return [new + ops.cast(shift, new.dtype) for new in super()._stepped(of_input, of_state, state, memory)]


class GatesWithSigns(eq.EquivariantRNNCell):
    """Its gates see the features that change their sign in place of the absolute values."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        drive = self.input_drive
        drive.prepared = lambda mask=None: (
            lambda features: ops.concatenate(
                [drive.gates.call(ops.concatenate([features, features], axis=1)), drive.candidate.call(features)],
                axis=-1,
            )
        )


class OnePointApart(eq.EquivariantRNNCell):
    """The state of the first point is forgotten."""

    def _stepped(self, of_input, of_state, state, memory=None):
        (new,) = super()._stepped(of_input, of_state, state, memory)
        return [new * ops.cast(np.arange(self.points)[:, None] > 0, new.dtype)]


@pytest.mark.slow(sample=1)
def test_a_cell_and_its_layer_know_what_they_are():
    cell = eq.EquivariantRNNCell(3, SIGNED, kind="gru")
    report = eq.verify(cell, words=1)
    assert report
    assert report.declaration == SIGNED
    assert not cell.built
    named = [check.name for check in report.checks]
    for name in ("invariant, input", "complete, input_gates", "bias, recurrent_gates", "numeric", "training"):
        assert name in named
    assert "training=True" not in named


@pytest.mark.slow(sample=1)
@pytest.mark.parametrize("kind", ["simple", "gru", "lstm"])
@pytest.mark.parametrize("declaration", [SIGNED, "j where j = (1 -2)(3 4)(5 -5)", "{p p} -> p where p = S(4)"])
def test_every_kind_of_cell_is_verified(kind, declaration):
    assert eq.verify(eq.EquivariantRNNCell(2, declaration, kind=kind), words=2)


@pytest.mark.slow(sample=2)
@pytest.mark.parametrize("broken", [GateOfTheCandidate, BiasOnAllPoints, GatesWithSigns, OnePointApart])
def test_a_broken_cell_fails(broken):
    cell = broken(2, "[p p] where p = S(4)", kind="gru", bias_initializer="normal")
    report = eq.verify(keras.layers.RNN(cell, return_sequences=True), time_axis=1, words=2)
    assert report.verdict == "NOT VERIFIED"
    assert {check.name for check in report.checks if check.holds is False} <= {"numeric", "training"}


@pytest.mark.slow(sample=1)
@pytest.mark.parametrize("make", [keras.layers.RNN, eq.EquivariantRNN])
def test_a_layer_of_cells_is_verified_as_it_is_and_left_as_it_was(make):
    cells = [eq.EquivariantRNNCell(3, SIGNED, kind="lstm"), eq.EquivariantRNNCell(2, "~p + p -> p where p = S(4)")]
    layer = make(cells, stateful=True, return_state=True)
    x = np.random.default_rng(0).normal(size=(2, 3, 6, 1)).astype("float32")
    layer(x)
    before = [ops.convert_to_numpy(state) for state in keras.tree.flatten(layer.states)]
    report = eq.verify(layer, time_axis=1, words=2)
    assert report
    assert report.declaration == "[p p] -> p where p = S(4)"
    for state, kept in zip(keras.tree.flatten(layer.states), before, strict=True):
        assert np.array_equal(ops.convert_to_numpy(state), kept)


@pytest.mark.slow(sample=1)
@pytest.mark.parametrize("both_ways", [False, True])
def test_a_model_with_time_knows_its_declaration(both_ways):
    inputs = keras.Input((None, 6, 2))
    features = eq.EquivariantDense(2, "[p p] -> ~p + p where p = S(4)")(inputs)
    layer = eq.EquivariantRNN(eq.EquivariantRNNCell(2, "~p + p where p = S(4)"), return_sequences=True)
    features = (keras.layers.Bidirectional(layer) if both_ways else layer)(features)
    model = keras.Model(inputs, eq.EquivariantDense(1, "~p + p -> p where p = S(4)")(features))
    report = eq.verify(model, words=2)
    assert report
    assert report.declaration == "[p p] -> p where p = S(4)"
    assert not eq.verify(model, "[p p] -> ~p where p = S(4)", time_axis=1, words=2)


@pytest.mark.slow(sample=0)
def test_a_declaration_of_ones_own_is_held_against_a_layer():
    layer = eq.EquivariantRNN(eq.EquivariantRNNCell(2, "p where p = (1 2 3)"))
    report = eq.verify(layer, "p -> p where p = S(3)", words=2)
    assert report.verdict == "NOT VERIFIED"
    assert eq.verify(layer, "p -> p where p = C(3)", words=2)


def test_time_is_where_it_is():
    layer = eq.EquivariantRNN(eq.EquivariantRNNCell(2, "p where p = S(3)"), name="policy")
    message = "time_axis=2: 'policy' takes (batch, time, points, channels), time is axis 1"
    with pytest.raises(eq.DeclarationError, match=f"^{re.escape(message)}$"):
        eq.verify(layer, time_axis=2)
