"""verify of models with several inputs and outputs, of sequences, and of networks that know their declaration."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers, ops

import eqgen as eq

S5 = "p -> p where p = S(5)"
TO_ONE = "p -> 1 where p = S(5)"
GRAPH = "p + {p p} -> p where p = S(5)"


class Place(layers.Layer):
    """Adds its number to every point, which breaks every symmetry of the points."""

    def call(self, x):
        return x + ops.cast(ops.arange(x.shape[1]), x.dtype)[:, None]


def policy_and_value(wrong="", as_dict=False):
    board = keras.Input((5, 2))
    hidden = eq.EquivariantDense(4, S5, activation="relu")(board)
    pooled = layers.Flatten()(hidden) if wrong == "value" else eq.InvariantPool("p where p = S(5)")(hidden)
    value = layers.Dense(1, name="value")(pooled)
    policy = layers.Dense(1, name="policy")(Place()(hidden) if wrong == "policy" else hidden)
    return keras.Model(board, {"policy": policy, "value": value} if as_dict else [policy, value], name="m")


def failed(report):
    return [check.name for check in report.checks if check.holds is False]


@pytest.mark.slow
@pytest.mark.parametrize("as_dict", [False, True])
def test_every_output_has_a_declaration_and_is_named(as_dict):
    report = eq.verify(policy_and_value(as_dict=as_dict), [S5, TO_ONE])
    assert report
    names = [check.name for check in report.checks]
    assert names[:2] == ["numeric, policy", "training, policy"]
    assert {name.rpartition(", ")[2] for name in names} == {"policy", "value"}
    lines = str(report).splitlines()
    assert lines[0] == f"Functional 'm': policy: {S5}; value: {TO_ONE}"
    assert lines[-1] == "  => verified"
    assert eq.verify(policy_and_value(as_dict=as_dict), {"value": TO_ONE, "policy": S5})
    for wrong in ("policy", "value"):
        report = eq.verify(policy_and_value(wrong, as_dict), [S5, TO_ONE])
        assert not report
        assert [name.partition(", ")[2] for name in failed(report)] == [wrong]
        assert report.difference.startswith(f"{wrong}, with g = ")
    # Declared the other way round, the shapes do not fit.
    with pytest.raises(eq.DeclarationError, match="answers in shape"):
        eq.verify(policy_and_value(as_dict=as_dict), [TO_ONE.replace("1", "p"), S5])


class Heads(keras.Model):
    """A subclassed model that tells nothing of its outputs."""

    def __init__(self, place):
        super().__init__(name="m")
        self.dense, self.place = layers.Dense(3), Place() if place else layers.Identity()

    def call(self, x):
        h = self.dense(x)
        return {"each": self.place(h), "all": ops.max(h, axis=1)}


def test_a_subclassed_model_has_outputs_by_key():
    both = {"each": S5, "all": TO_ONE}
    assert eq.verify(Heads(False), both, input_shape=(5, 2))
    report = eq.verify(Heads(True), both, input_shape=(5, 2))
    assert failed(report) == ["numeric, each"]


def graph_model(wrong="", kind=list):
    names = {list: ("nodes", "edges"), dict: ("a", "b"), "by name": ("p", "{p p}")}[kind]
    nodes, edges = keras.Input((5, 3), name=names[0]), keras.Input((10,), name=names[1])
    weights = eq.EquivariantDense(4, "{p p} -> p where p = S(5)")(ops.expand_dims(edges, -1))
    hidden = layers.Dense(4)(nodes) + (ops.flip(weights, axis=1) if wrong else weights)
    answer = layers.Dense(2)(ops.tanh(hidden))
    inputs = (
        [nodes, edges]
        if kind is list
        else {tensor.name: tensor for tensor in (edges, nodes)[:: 1 if kind == "by name" else -1]}
    )
    return keras.Model(inputs, answer, name="m")


@pytest.mark.slow
@pytest.mark.parametrize("kind", [list, dict, "by name"])
def test_inputs_are_the_terms_of_the_input_space(kind):
    report = eq.verify(graph_model(kind=kind), GRAPH)
    assert report
    names = {list: ("input 1", "input 2"), dict: ("a", "b"), "by name": ("p", "{p p}")}[kind]
    assert str(report).splitlines()[0].endswith(f"; {names[0]} is p, {names[1]} is {{p p}}")
    assert not eq.verify(graph_model("wrong", kind), GRAPH)


@pytest.mark.slow
def test_several_inputs_and_outputs_at_once():
    nodes, edges = keras.Input((5, 3)), keras.Input((10, 1))
    hidden = layers.Dense(4)(nodes) + eq.EquivariantDense(4, "{p p} -> p where p = S(5)")(edges)
    model = keras.Model([nodes, edges], [hidden, eq.InvariantPool("p where p = S(5)")(hidden)], name="m")
    assert eq.verify(model, [GRAPH, "p + {p p} -> 1 where p = S(5)"])


def test_a_subclassed_model_of_several_inputs_is_told_their_shapes():
    class Sum(keras.Model):
        def call(self, given):
            return given[0] + given[1] * ops.mean(given[0], axis=1, keepdims=True)

    declaration = "p + p -> p where p = S(5)"
    assert eq.verify(Sum(name="m"), declaration, input_shape=[(5, 2), (5, 1)])
    with pytest.raises(eq.DeclarationError) as raised:
        eq.verify(Sum(name="m"), declaration)
    assert str(raised.value) == (
        "'m' does not know the shape of its input: pass it without the batch, as in input_shape=(10, 1)"
    )


def sequence(layer, *, return_sequences=True, length=None, axis=1):
    """Means over the points, through a layer of sequences, added to each point again."""
    shape = [5, 2]
    shape.insert(axis - 1, length)
    steps = keras.Input(shape)
    points = ops.moveaxis(steps, axis, 1)
    means = layer(ops.mean(points, axis=2))
    if not return_sequences:
        return keras.Model(steps, means[:, None, :] + layers.Dense(4)(points[:, -1]), name="m")
    answer = means[:, :, None, :] + layers.Dense(4)(points)
    return keras.Model(steps, ops.moveaxis(answer, 1, axis), name="m")


@pytest.mark.slow
@pytest.mark.parametrize("length", [None, 6])
def test_sequences_have_a_time_axis(length):
    assert eq.verify(sequence(layers.GRU(4, return_sequences=True), length=length), S5, time_axis=1)
    assert eq.verify(sequence(layers.GRU(4), return_sequences=False, length=length), S5, time_axis=1)
    assert eq.verify(sequence(layers.GRU(4, return_sequences=True), length=length, axis=2), S5, time_axis=2)


@pytest.mark.slow
def test_a_sequence_model_that_breaks_the_points_fails_and_one_that_mixes_moments_does_not():
    steps = keras.Input((6, 5, 2))
    flat = layers.Dense(10)(layers.Reshape((6, 10))(steps))
    assert not eq.verify(keras.Model(steps, layers.Reshape((6, 5, 2))(flat)), S5, time_axis=1)
    assert eq.verify(keras.Model(steps, ops.flip(steps, axis=1) * 2), S5, time_axis=1)
    assert not eq.verify(keras.Model(steps, ops.flip(steps, axis=2) * 2), S5, time_axis=1)


HW = "h w -> h w where h = C(3), w = C(4)"
NETWORKS = {
    "equivariant": ("{p p} -> p where p = S(5)", [3, 3], "equivariant", "{p p} -> p where p = S(5)"),
    "invariant": ("p -> p where p = C(6)", [3, 3], "invariant", "p -> 1 where p = C(6)"),
    "renamed": ([HW, "a b -> b where a = C(3), b = C(4)"], [3, 3], "equivariant", "h w -> w where h = C(3), w = C(4)"),
    "an own head": ("p -> p where p = C(6)", [3], layers.Dense(2), "p -> p where p = C(6)"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_knows_its_declaration_after_loading_too(name, tmp_path):
    mappings, widths, head, declaration = NETWORKS[name]
    model = eq.network(mappings, widths, head=head, name="net")
    model.save(tmp_path / "net.keras")
    for one in (model, keras.models.load_model(tmp_path / "net.keras")):
        report = eq.verify(one)
        assert report
        assert report.declaration == declaration


def test_a_model_with_a_layer_that_breaks_it_does_not_pass_as_a_network():
    inputs = keras.Input((5, 1))
    model = keras.Model(inputs, eq.EquivariantDense(2, S5)(Place()(eq.EquivariantDense(2, S5)(inputs))), name="m")
    assert not eq.verify(model)


MISTAKES = [
    (policy_and_value, (S5,), {}, "'m' has 2 outputs, policy, value: give a declaration for each, as in verify(model, [\"...\", \"...\"])"),
    (policy_and_value, ([S5],), {}, "'m' has 2 outputs, policy, value: give a declaration for each, got 1"),
    (policy_and_value, ({"policy": S5, "other": S5},), {}, "'m' has 2 outputs, policy, value: give a declaration for each, got policy, other"),
    (graph_model, (S5,), {}, "'m' has 2 inputs, and the input of p -> p where p = S(5) is a sum of 1 term: declare one term for each input"),
    (graph_model, ("{p p} + p -> p where p = S(5)",), {}, "'m' takes inputs of shape (batch, 5, 3), {p p} in {p p} + p -> p where p = S(5) needs (batch, 10) or (batch, 10, channels)"),
    (lambda: sequence(layers.GRU(4, return_sequences=True)), (S5,), {"time_axis": 4}, "time_axis=4 is no axis of 'm', which takes (batch, None, 5, 2): the batch is axis 0, so that time_axis=1 is (batch, time, points, channels)"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "arguments", "options", "message"), MISTAKES)
def test_mistakes_are_told_in_a_sentence(make, arguments, options, message):
    with pytest.raises(eq.DeclarationError) as raised:
        eq.verify(make(), *arguments, **options)
    assert str(raised.value) == message


def test_the_model_is_as_it_was_afterwards():
    model = graph_model()
    nodes, edges = np.ones((2, 5, 3)), np.ones((2, 10))
    before = np.asarray(ops.convert_to_numpy(model([nodes, edges])))
    assert eq.verify(model, GRAPH)
    assert len(model._inbound_nodes) == 0
    assert np.array_equal(before, np.asarray(ops.convert_to_numpy(model([nodes, edges]))))
