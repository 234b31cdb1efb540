"""Layers and models of named arrays carry their declaration, and are held to it, each output by itself."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import eqgen as eq
from helpers.mistakes import mistake

INPUTS = {"atoms": ("p", 5), "bonds": ("{p p}", 3), "box": ("1", 2)}
OUTPUTS = {"energy": ("1", 1), "charges": ("p", 1)}
MIRROR = eq.joint(v=[([0, 1, 2], [1, -1, 1])], j=[([1, 0, 3, 2], [1, 1, -1, -1])], g=[[1, 0]])
STATE = eq.parts(speed="v", angles="j", past=("j", 2))


def graph_network(**options) -> keras.Model:
    return eq.network(inputs=INPUTS, outputs=OUTPUTS, hidden={"p": 8, "{p p}": 4}, depth=2, where="p = S(4)", **options)


def robot(inputs, outputs) -> keras.Model:
    return eq.network(inputs=inputs, outputs=outputs, hidden={"g": 8}, depth=2, where=MIRROR)


MODELS = {
    "graph": graph_network,
    "vector to vector": lambda: robot(STATE, eq.parts(torques="j")),
    "vector to names": lambda: robot(STATE, {"torques": ("j", 1), "value": ("1", 1)}),
    "named vectors": lambda: robot(
        {"own": STATE, "goal": eq.parts(at="v")}, {"torques": eq.parts(j="j"), "value": ("1", 1)}
    ),
    "lists": lambda: robot([STATE, ("j", 2)], [("j", 1), eq.parts(v="v", j="j")]),
    "board": lambda: eq.network(
        inputs={"board": ("h w", 3), "side": ("1", 2)},
        outputs={"moves": ("h w", 2), "value": ("1", 1)},
        hidden={"h w": 4, "1": 4},
        depth=2,
        where="h = C(4), w = C(3)",
    ),
    "one array": lambda: eq.network(inputs=("p", 2), outputs=("{p p}", 1), hidden={"p": 4}, depth=1, where="p = S(4)"),
}


@pytest.mark.slow(sample=2)
@pytest.mark.parametrize("name", MODELS)
def test_a_network_of_named_arrays_carries_its_declaration(name, tmp_path):
    model = MODELS[name]()
    assert eq.verify(model), name
    model.save(tmp_path / "model.keras")
    assert eq.verify(keras.models.load_model(tmp_path / "model.keras"), training=False)


def test_the_report_names_each_output_and_what_each_input_is():
    report = str(eq.verify(graph_network(name="molecule")))
    first = report.splitlines()[0]
    assert first == (
        "EquivariantNetwork 'molecule': energy: p + {p p} + 1 -> 1 where p = S(4); charges: p + {p p} + 1 -> p where p = S(4); atoms is p, "
        "bonds is {p p}, box is 1"
    )
    assert "numeric, charges" in report


def test_the_order_of_names_does_not_matter():
    inputs = {"z": ("{p p}", 3), "a": ("p", 5), "m": ("1", 2)}
    outputs = {"y": ("p", 1), "b": ("1", 1)}
    assert eq.verify(eq.network(inputs=inputs, outputs=outputs, hidden={"p": 4}, depth=1, where="p = S(3)"))


LAYERS = {
    "dict": lambda **o: eq.EquivariantTerms(
        {"a": "p", "b": ("{p p}", 2)}, {"c": ("p", 3), "d": ("1", 2)}, "p = S(4)", **o
    ),
    "list": lambda **o: eq.EquivariantTerms(["p", "[p p]"], [("[p p]", 3)], "p = S(4)", **o),
    "parts": lambda **o: eq.EquivariantTerms(STATE, eq.parts(j="j", v=("v", 2)), MIRROR, **o),
    "grid": lambda **o: eq.EquivariantTerms(
        {"b": "h w"}, {"b": ("h w", 2), "r": ("h", 1)}, "h = C(3), w = C(2)", layout="grid", **o
    ),
}


@pytest.mark.slow(sample=2)
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_verified_in_integers_and_as_it_is(name):
    layer = LAYERS[name]()
    report = eq.verify(layer)
    assert report
    assert report.checks[0].name == "blocks"
    assert not layer.built


@pytest.mark.slow(sample=1)
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_that_is_built_is_verified_with_its_weights(name):
    layer = LAYERS[name]()
    shapes = layer.example_shapes(2)
    layer(keras.tree.map_shape_structure(lambda shape: np.zeros((2, *shape), dtype="float32"), shapes))
    before = layer.get_weights()
    assert eq.verify(layer)
    assert all(np.array_equal(*pair) for pair in zip(before, layer.get_weights(), strict=True))


def test_what_is_wrong_in_a_block_is_told():
    layer = eq.EquivariantTerms({"a": "p", "b": "1"}, {"c": ("p", 3)}, "p = C(3)", lowering="gather")
    layer.build({"a": (None, 3, 2), "b": (None, 2)})
    other = eq.EquivariantDense(3, "a b c; a b c; a b c", lowering="gather")
    other.build((None, 3, 2))
    layer.blocks[0]._linear = other.linear
    report = eq.verify(layer)
    assert report.verdict == "NOT VERIFIED"
    assert "program of a_to_c" in str(report)


class Shifted(eq.EquivariantTerms):
    """It adds the number of each point to what it answers."""

    def call(self, inputs, mask=None):
        answers = super().call(inputs, mask)
        return {**answers, "c": answers["c"] + keras.ops.arange(4, dtype="float32")[:, None]}


def test_an_output_that_breaks_the_symmetry_is_told_from_one_that_does_not():
    layer = Shifted({"a": "p"}, {"c": ("p", 3), "d": ("1", 2)}, "p = S(4)")
    layer.build({"a": (None, 4, 2)})
    report = eq.verify(layer)
    assert report.verdict == "NOT VERIFIED"
    assert {check.name: check.holds for check in report.checks if "numeric" in check.name} == {
        "numeric, c": False,
        "numeric, d": True,
    }


@pytest.mark.slow(sample=0)
def test_a_model_made_by_hand_of_such_layers_carries_it_too():
    inputs = {"a": keras.Input((4, 2), name="a"), "b": keras.Input((6, 2), name="b")}
    hidden = eq.EquivariantTerms({"a": "p", "b": "{p p}"}, {"h": ("p", 4)}, "p = S(4)", activation="gelu")(inputs)
    charges = eq.EquivariantTerms({"h": "p"}, {"charges": ("p", 1)}, "p = S(4)")(hidden)
    energy = eq.EquivariantTerms({"h": "p"}, {"energy": ("1", 1)}, "p = S(4)")(hidden)
    assert eq.verify(keras.Model(inputs, {**charges, **energy}))
    broken = keras.layers.LayerNormalization(axis=1)(hidden["h"])
    wrong = eq.EquivariantTerms({"h": "p"}, {"wrong": ("p", 1)}, "p = S(4)")({"h": broken})
    report = eq.verify(keras.Model(inputs, {**charges, **wrong}))
    assert report.verdict == "NOT VERIFIED"
    assert [check.name for check in report.checks if check.holds is False] == ["training, wrong"]


def test_layers_of_other_groups_carry_none():
    inputs = {"a": keras.Input((4, 2), name="a")}
    hidden = eq.EquivariantTerms({"a": "p"}, {"h": ("p", 4)}, "p = S(4)")(inputs)
    model = keras.Model(inputs, eq.EquivariantTerms({"h": "p"}, {"y": ("p", 1)}, "p = C(4)")(hidden))
    assert "carries no declaration" in mistake(lambda: eq.verify(model))


@pytest.mark.slow(sample=0)
def test_a_declaration_that_is_given_comes_first():
    model = graph_network()
    declared = {"energy": "p + {p p} + 1 -> 1 where p = C(4)", "charges": "p + {p p} + 1 -> p where p = C(4)"}
    assert eq.verify(model, declared)


def test_a_model_in_a_row_of_one_array_carries_it_too():
    layers = [keras.Input((4, 2)), eq.EquivariantTerms("p", ("p", 3), "p = S(4)", activation="gelu")]
    assert eq.verify(keras.Sequential(layers))


def test_shapes_that_are_given_are_those_of_the_inputs():
    layer = LAYERS["dict"]()
    assert mistake(lambda: eq.verify(layer, input_shape={"a": (4, 2)})) == (
        f"'{layer.name}' takes a, b: give a shape for each, got a"
    )


def test_models_of_sequences_carry_it_too():
    inputs = {"a": keras.Input((None, 4, 2), name="a"), "b": keras.Input((None, 6, 2), name="b")}
    assert eq.verify(keras.Model(inputs, LAYERS["dict"]()(inputs)), time_axis=1)
