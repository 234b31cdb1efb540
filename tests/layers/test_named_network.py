"""Whole networks between named arrays: shapes, training, files, what goes through to the layers, and what is refused."""

from __future__ import annotations

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import eqgen as eq
from helpers.mistakes import mistake

INPUTS = {"atoms": ("p", 5), "bonds": ("{p p}", 3), "box": ("1", 2)}
OUTPUTS = {"energy": ("1", 1), "charges": ("p", 1)}
MIRROR = eq.joint(v=[([0, 1, 2], [1, -1, 1])], j=[([1, 0, 3, 2], [1, 1, -1, -1])], g=[[1, 0]])


def network(**options) -> keras.Model:
    given = {"inputs": INPUTS, "outputs": OUTPUTS, "hidden": {"p": 8, "{p p}": 4}, "depth": 2, "where": "p = S(4)"}
    return eq.network(**{**given, **options})


def graphs(random, count: int = 6) -> dict[str, np.ndarray]:
    shapes = {"atoms": (4, 5), "bonds": (6, 3), "box": (2,)}
    return {name: random.normal(size=(count, *shape)).astype("float32") for name, shape in shapes.items()}


def shapes(tensors: dict) -> dict[str, tuple[int | None, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def linears(model: keras.Model) -> list[eq.EquivariantTerms]:
    return [layer for layer in model._flatten_layers() if isinstance(layer, eq.EquivariantTerms)]


def test_arrays_are_named_and_nothing_is_reshaped(random):
    answers = network().predict(graphs(random), verbose=0)
    assert {name: answer.shape for name, answer in answers.items()} == {"energy": (6, 1), "charges": (6, 4, 1)}


def test_its_summary_has_a_line_for_each_layer(capsys):
    model = network(depth=3)
    assert [layer.name for layer in model.layers] == [
        "atoms",
        "bonds",
        "box",
        "lift",
        "block_1",
        "block_2",
        "last",
        "head",
    ]
    described = str(eq.describe(model))
    assert "lift                       EquivariantTerms p + {p p} + 1 -> p + {p p} where p = S(4)" in described


@pytest.mark.slow(sample=0)
def test_it_learns_with_dicts_and_data_sets(random):
    """The energy is a sum over bonds, the charges what an atom has beyond the mean: exact, as physics has it."""
    keras.utils.set_random_seed(0)
    graph = graphs(random, 256)
    atoms, bonds, _ = graph.values()
    targets = {
        "energy": (bonds[..., 0] * bonds[..., 1]).sum(axis=1, keepdims=True),
        "charges": atoms[..., :1] - atoms[..., :1].mean(axis=1, keepdims=True),
    }
    model = network(hidden={"p": 16, "{p p}": 16}, depth=3)
    model.compile(keras.optimizers.Adam(0.01), "mse")
    data = tf.data.Dataset.from_tensor_slices((graph, targets)).padded_batch(32)
    model.fit(data, epochs=25, shuffle=False, verbose=0)
    found = model.predict(graph, verbose=0)
    for name, target in targets.items():
        assert np.square(found[name] - target).mean() < 0.15 * target.var(), name


def test_it_is_saved_and_loaded_and_cloned(random, tmp_path):
    model, graph = network(), graphs(random)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    cloned = keras.models.clone_model(model)
    cloned.set_weights(model.get_weights())
    for again in (loaded, cloned):
        for name, answer in again(graph).items():
            assert np.array_equal(answer, model(graph)[name])


@pytest.mark.slow(sample=0)
def test_a_fresh_process_loads_its_file(tmp_path):
    network().save(tmp_path / "model.keras")
    code = f"import eqgen, keras; assert eqgen.verify(keras.models.load_model({str(tmp_path / 'model.keras')!r}), training=False)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_argument_of_the_layers_goes_through():
    options = {"aggregation": "sum", "lowering": "gather", "kernel_regularizer": "l2", "use_bias": True}
    for layer in linears(network(**options)):
        config = layer.get_config()
        assert (config["aggregation"], config["lowering"], layer.use_bias) == ("sum", "gather", True)
        assert config["kernel_regularizer"]["class_name"] == "L2"
    assert [layer.use_bias for layer in linears(network())] == [False, False, True]
    assert [layer.use_bias for layer in linears(network(use_bias=False))] == [False, False, False]


def test_they_go_through_a_chain_of_mappings_too(random):
    model = eq.network("p -> p where p = S(5)", [4, 4], aggregation="sum", use_bias=True, lowering="gather")
    dense = [layer for layer in model.layers if isinstance(layer, eq.EquivariantDense)]
    assert [(layer.aggregation, layer.use_bias, layer.lowering) for layer in dense] == [("sum", True, "gather")] * 3
    model = eq.network("p -> p where p = S(5)", [4], head="invariant", use_bias=False)
    assert not model.layers[-1].use_bias
    model = eq.network("h w -> h w where h = C(3), w = C(4)", [4, 4], layout="grid")
    assert (model.input_shape, model.output_shape) == ((None, 3, 4, 1), (None, 3, 4, 1))
    assert eq.verify(model)


def test_grids_stay_grids(random):
    declared = {"inputs": {"board": ("h w", 3), "side": ("1", 2)}, "outputs": {"moves": ("h w", 2), "value": ("1", 1)}}
    model = eq.network(**declared, hidden={"h w": 8, "h": 4, "1": 4}, depth=2, where="h = C(4), w = C(3)")
    assert shapes(model.input) == {"board": (None, 4, 3, 3), "side": (None, 2)}
    assert shapes(model.output) == {"moves": (None, 4, 3, 2), "value": (None, 1)}
    board, side = random.normal(size=(2, 4, 3, 3)), random.normal(size=(2, 2))
    plain = model({"board": board, "side": side})
    rolled = model({"board": np.roll(board, 1, 1), "side": side})
    np.testing.assert_allclose(rolled["moves"], np.roll(plain["moves"], 1, axis=1), atol=1e-5)
    np.testing.assert_allclose(rolled["value"], plain["value"], atol=1e-5)
    flat = eq.network(**declared, hidden={"h w": 8}, depth=2, where="h = C(4), w = C(3)", layout="flat")
    assert shapes(flat.output) == {"moves": (None, 12, 2), "value": (None, 1)}


def test_flat_vectors_come_and_go_by_their_parts(random):
    state = eq.parts(speed="v", angles="j", past=("j", 2))
    actor = eq.network(inputs=state, outputs=eq.parts(torques="j"), hidden={"g": 8}, depth=2, where=MIRROR)
    assert (actor.input_shape, actor.output_shape) == ((None, 15), (None, 4))
    critic = eq.network(inputs={"state": state}, outputs={"value": ("1", 1)}, hidden={"g": 8}, depth=2, where=MIRROR)
    assert (shapes(critic.input), shapes(critic.output)) == ({"state": (None, 15)}, {"value": (None, 1)})
    sign = np.array([1, -1, 1, *[1, 1, -1, -1] * 3])
    place = np.array([0, 1, 2, *(3 + 4 * k + j for k in range(3) for j in (1, 0, 3, 2))])
    vector = random.normal(size=(5, 15))
    mirrored = np.asarray(actor(vector))[:, [1, 0, 3, 2]] * [1, 1, -1, -1]
    np.testing.assert_allclose(actor(vector[:, place] * sign), mirrored, atol=1e-5)
    values = [np.asarray(critic({"state": given})["value"]) for given in (vector, vector[:, place] * sign)]
    np.testing.assert_allclose(*values, atol=1e-5)


def test_signed_arrays_inside_have_an_odd_activation():
    model = eq.network(
        inputs={"a": ("p", 2)}, outputs={"flows": ("[p p]", 1)}, hidden={"p": 4, "[p p]": 4}, depth=2, where="p = S(4)"
    )
    found = {
        layer.name: layer.activation.__name__
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.Activation)
    }
    assert found == {
        "block_1_p_activation": "gelu",
        "block_1_p_p_activation": "tanh",
        "last_p_activation": "gelu",
        "last_p_p_activation": "tanh",
    }


@pytest.mark.slow(sample=0)
def test_padded_graphs_answer_and_learn_as_they_do_alone(random, recwarn):
    """The mask of the atoms is given once, by Keras' own Masking; what stands at bonds of missing atoms does not matter."""
    inputs = {
        name: keras.Input(shape, name=name) for name, shape in (("atoms", (6, 5)), ("bonds", (15, 3)), ("box", (2,)))
    }
    whole = network(where="p = S(6)", depth=3)
    padded = keras.Model(inputs, whole({**inputs, "atoms": keras.layers.Masking()(inputs["atoms"])}))
    alone = network(depth=3)
    weights = [random.normal(size=weight.shape) for weight in alone.get_weights()]
    alone.set_weights(weights)
    whole.set_weights(weights)
    graph = graphs(random)
    matrix = np.full((6, 6, 6, 3), 7.0)
    matrix[:, np.arange(6), np.arange(6)] = 0
    matrix[:, :4, :4] = eq.to_adjacency(graph["bonds"], channels=True)
    given = {
        "atoms": np.pad(graph["atoms"], ((0, 0), (0, 2), (0, 0))),
        "bonds": eq.to_edges(matrix, channels=True),
        "box": graph["box"],
    }
    answers, expected = padded(given), alone(graph)
    np.testing.assert_allclose(answers["energy"], expected["energy"], atol=1e-4)
    np.testing.assert_allclose(np.asarray(answers["charges"])[:, :4], expected["charges"], atol=1e-4)
    assert not np.asarray(answers["charges"])[:, 4:].any()
    targets = {"energy": np.zeros((6, 1)), "charges": np.zeros((6, 4, 1))}
    for model, features, size in ((padded, given, 6), (alone, graph, 4)):
        model.compile("sgd", {"energy": "mse", "charges": "mse"})
        model.fit(features, {**targets, "charges": np.zeros((6, size, 1))}, epochs=2, verbose=0)
    for one, other in zip(whole.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-4)
    assert not [str(warning.message) for warning in recwarn if "mask" in str(warning.message)]


def test_masks_are_given_by_the_names_of_arrays(random):
    """Keras gives the first array the first mask, whatever its name is."""
    model, graph = network(), graphs(random)
    edges = np.tile([True, True, False, True, False, False], (6, 1))  # between nodes 1 to 3
    by_edges = model(graph, mask={"bonds": edges})
    by_nodes = model(graph, mask={"atoms": np.tile([True, True, True, False], (6, 1))})
    for name, answer in by_edges.items():
        np.testing.assert_allclose(answer, by_nodes[name], atol=1e-6)
    assert not np.allclose(by_edges["energy"], model(graph)["energy"])
    message = mistake(lambda: model(graph, mask={"bond": edges}))
    assert f"the masks name 'bond', and '{model.name}' takes atoms, bonds, box; did you mean bonds?" in message


MISTAKES = [
    (
        {"depth": 0},
        "depth is the number of layers before the last, 1 or more, got 0",
    ),
    ({"hidden": None}, 'hidden is a dict of channels for each space inside, as in {"p": 64, "{p p}": 32}, got None'),
    ({"hidden": {"p": 0}}, "the channels of hidden['p'] are a positive whole number, got 0"),
    ({"inputs": {"atoms": "p"}}, "atoms of inputs has no channels: say how many, as in ('p', 8)"),
    ({"outputs": 3}, 'inputs={...} go with outputs={...}, as in outputs={"energy": ("1", 1), "charges": ("p", 1)}'),
    (
        {"channels": 3},
        "channels does not go with inputs={...}: inputs and outputs have their channels, hidden and depth say the rest",
    ),
    (
        {"head": "invariant"},
        "head does not go with inputs={...}: inputs and outputs have their channels, hidden and depth say the rest",
    ),
    ({"agregation": "sum"}, "network takes no argument agregation; did you mean aggregation?"),
    ({"use_bias": "no"}, "use_bias is True or False, got 'no'"),
    ({"inputs": None}, "hidden and where go with inputs={...}: declare what comes there, with its channels"),
    ({"aggregation": "max"}, 'aggregation is \'max\': expected "mean" or "sum"'),
]


@pytest.mark.parametrize(("options", "message"), MISTAKES)
def test_what_does_not_fit_is_refused(options, message):
    assert mistake(lambda: network(**options)) == message


def test_a_normalization_that_breaks_the_symmetry_is_refused():
    assert network(normalization=keras.layers.LayerNormalization)
    message = mistake(lambda: network(normalization=lambda: keras.layers.LayerNormalization(axis=1, name="wrong")))
    assert message.startswith(
        "'wrong' (LayerNormalization) breaks the symmetry of p where p = S(4): what it learns for one point"
    )


def test_a_bias_that_no_output_can_have_is_refused():
    message = mistake(lambda: eq.EquivariantTerms({"a": "~p"}, {"b": ("~p", 2)}, "p = S(3)", use_bias=True))
    assert message == (
        "no output of ~p -> ~p where p = S(3) can have a bias: signs flip in each of them, so it would have to be its own negative; "
        "drop use_bias"
    )
