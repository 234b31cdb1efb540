"""Recurrent cells: the mathematics of Keras' own on one point, brute force over the group, and all that Keras does with cells."""

from __future__ import annotations

import json
import re
from itertools import combinations, permutations

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.linalg import block_diag

import eqgen as eq

KINDS = ("simple", "gru", "lstm")


def sequences(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def test_what_a_user_types():
    cell = eq.EquivariantRNNCell(16, "p -> p where p = S(5)", kind="gru")
    inputs = keras.Input((None, 5, 3))
    hidden = eq.EquivariantRNN(cell, return_sequences=True)(inputs)
    assert hidden.shape == (None, None, 5, 16)
    answer = eq.EquivariantDense(1, "p -> p where p = S(5)")(hidden)
    model = keras.Model(inputs, answer)
    model.compile("adam", "mse")
    model.fit(sequences(4, 7, 5, 3), sequences(4, 7, 5, 1), verbose=0)
    assert model.predict(sequences(2, 9, 5, 3), verbose=0).shape == (2, 9, 5, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_on_one_point_it_is_the_cell_of_keras(kind):
    keras_layer = {"simple": keras.layers.SimpleRNN, "gru": keras.layers.GRU, "lstm": keras.layers.LSTM}[kind]
    ours = eq.EquivariantRNN(eq.EquivariantRNNCell(4, "p where p = S(1)", kind=kind), return_sequences=True)
    theirs = keras_layer(4, return_sequences=True, bias_initializer="normal", dtype="float64")
    x = sequences(3, 6, 2)
    expected = theirs(x.astype("float64"))
    ours(x[:, :, None])
    # Of an LSTM Keras has the candidate third; here it comes last in every kind.
    order = {"lstm": [1, 0, 3, 2]}.get(kind, list(range(theirs.cell.kernel.shape[1] // 4)))
    kernel, recurrent, bias = (
        np.concatenate([np.split(np.asarray(weight), len(order), axis=-1)[gate] for gate in order], axis=-1)
        for weight in (theirs.cell.kernel, theirs.cell.recurrent_kernel, theirs.cell.bias)
    )
    of_input, of_state = ours.cell.input_drive.candidate, ours.cell.recurrent_drive.candidate
    of_input.kernel.assign(kernel[None])
    of_state.kernel.assign(recurrent[None])
    of_input.bias.assign(np.reshape(bias[0] if kind == "gru" else bias, (1, -1)))
    if kind == "gru":
        of_state.bias.assign(bias[1:])
    assert ours.count_params() == theirs.count_params()
    assert np.allclose(ours(x[:, :, None])[:, :, 0], expected, rtol=0, atol=1e-6)
    assert np.allclose(ours(x), expected[:, :, None], rtol=0, atol=1e-6)


def edge_actions(n: int) -> list[np.ndarray]:
    """What every permutation of n nodes does to the flows on the edges (i, j), i < j: turning an edge flips the sign."""
    edges = list(combinations(range(n), 2))
    matrices = []
    for image in permutations(range(n)):
        matrix = np.zeros((len(edges), len(edges)))
        for column, (start, end) in enumerate(edges):
            moved = image[start], image[end]
            matrix[edges.index(tuple(sorted(moved))), column] = 1 if moved[0] < moved[1] else -1
        matrices.append(matrix)
    return matrices


def node_actions(n: int) -> list[np.ndarray]:
    return [np.eye(n)[:, list(image)] for image in permutations(range(n))]


def parities(n: int) -> list[float]:
    return [round(np.linalg.det(matrix)) for matrix in node_actions(n)]


MIRROR = np.array([[0, -1, 0, 0, 0], [-1, 0, 0, 0, 0], [0, 0, 0, 1, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, -1]])
BOTH = [np.kron(np.eye(3)[:, list(image)], turn) for image in ([0, 1, 2], [1, 2, 0], [2, 0, 1]) for turn in (1, -1)]
ACTIONS = {
    "p where p = S(4)": (node_actions(4), node_actions(4)),
    "{p p} -> p where p = S(4)": ([np.abs(matrix) for matrix in edge_actions(4)], node_actions(4)),
    "[p p] where p = S(4)": (edge_actions(4), edge_actions(4)),
    "p + [p p] -> [p p] + ~p where p = S(4)": (
        [block_diag(nodes, edges) for nodes, edges in zip(node_actions(4), edge_actions(4), strict=True)],
        [
            block_diag(edges, parity * nodes)
            for nodes, edges, parity in zip(node_actions(4), edge_actions(4), parities(4), strict=True)
        ],
    ),
    "j where j = (1 -2)(3 4)(5 -5)": ([np.eye(5), MIRROR], [np.eye(5), MIRROR]),
    "j k -> j where j = (1 -1), k = C(3)": (BOTH, [np.eye(3)[:1, :1] * turn for _ in range(3) for turn in (1, -1)]),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("declaration", ACTIONS)
def test_every_step_commutes_with_every_element(kind, declaration):
    """With weights at random, in float64, against matrices of all elements that are made here."""
    of_inputs, of_states = (np.array(matrices) for matrices in ACTIONS[declaration])
    cell = eq.EquivariantRNNCell(3, declaration, kind=kind, dtype="float64")
    layer = eq.EquivariantRNN(cell, return_sequences=True, return_state=True, dtype="float64")
    x = np.random.default_rng(0).normal(size=(4, of_inputs.shape[1], 2))
    moved = np.einsum("gij,tjc->gtic", of_inputs, x)
    layer(moved)
    for number, weight in enumerate(layer.weights):
        weight.assign(np.random.default_rng(number).normal(size=weight.shape))
    output, *states = (np.asarray(value) for value in layer(moved))
    assert all(np.abs(answer[0]).max() > 0.01 for answer in (output, *states))
    assert np.allclose(output, np.einsum("gij,tjc->gtic", of_states, output[0]), rtol=0, atol=1e-12)
    for state in states:
        assert np.allclose(state, np.einsum("gij,jc->gic", of_states, state[0]), rtol=0, atol=1e-12)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("kind", KINDS)
def test_a_signed_step_is_what_the_docs_say(kind):
    """Of the weight matrices, in numpy: gates see features and the absolute values of those that turn, without signs."""
    cell = eq.EquivariantRNNCell(
        2, "j where j = (1 -2)(3)(4 -4)", kind=kind, bias_initializer="normal", dtype="float64"
    )
    x, states = np.random.default_rng(0).normal(size=(1, 4, 3)), np.random.default_rng(1).normal(size=(2, 1, 4, 2))
    states = list(states[: len(cell.state_size)])
    answer, new = cell(x, [state.reshape(1, 8) for state in states])
    signed = [0, 1, 3]

    def driven(drive, features, part):
        layer = getattr(drive, part)
        seen = features if part == "candidate" else np.concatenate([features, np.abs(features[:, signed])], axis=1)
        bias = 0 if layer.bias is None else np.asarray(layer.linear.bias_on_points(layer.bias))
        return np.einsum("mnio,bni->bmo", layer.weight_matrix(), seen) + bias

    drives = (cell.input_drive, x), (cell.recurrent_drive, states[0])
    of_input, of_state = (driven(*drive, "candidate") for drive in drives)
    if kind == "simple":
        expected = [np.tanh(of_input + of_state)]
    else:
        gates = np.split(
            sigmoid(sum(driven(*drive, "gates") for drive in drives)), {"gru": 2, "lstm": 3}[kind], axis=-1
        )
    if kind == "gru":
        update, reset = gates
        expected = [update * states[0] + (1 - update) * np.tanh(of_input + reset * of_state)]
    if kind == "lstm":
        forget, enter, show = gates
        memory = forget * states[1] + enter * np.tanh(of_input + of_state)
        expected = [show * np.tanh(memory), memory]
    for found, wanted in zip(new, expected, strict=True):
        assert np.allclose(found, wanted.reshape(1, 8), rtol=0, atol=1e-12)
    assert np.array_equal(answer, new[0])


def test_the_forget_gate_begins_open():
    cell = eq.EquivariantRNNCell(2, "p where p = S(3)", kind="lstm")
    cell.build((None, 3, 1))
    assert np.array_equal(cell.input_drive.candidate.bias, [[1, 1, 0, 0, 0, 0, 0, 0]])
    signed = eq.EquivariantRNNCell(2, "[p p] where p = S(3)", kind="lstm")
    signed.build((None, 3, 1))
    assert np.array_equal(signed.input_drive.gates.bias, [[1, 1, 0, 0, 0, 0]])
    assert signed.input_drive.candidate.bias is None


def stack(**options) -> eq.EquivariantRNN:
    first = eq.EquivariantRNNCell(3, "[p p] -> p where p = S(4)", kind="lstm")
    second = eq.EquivariantRNNCell(2, "p -> ~p + p where p = S(4)", kind="gru")
    return eq.EquivariantRNN([first, second], return_sequences=True, **options)


LAYERS = {
    "gru": lambda: eq.EquivariantRNN(eq.EquivariantRNNCell(3, "[p p] -> p where p = S(4)"), return_sequences=True),
    "stack": stack,
    "both ways": lambda: keras.layers.Bidirectional(stack()),
    "last alone": lambda: eq.EquivariantRNN(eq.EquivariantRNNCell(3, "[p p] where p = S(4)", kind="simple")),
}


@pytest.mark.slow(sample=1)
@pytest.mark.parametrize("name", LAYERS)
def test_config_shapes_and_files(name, tmp_path):
    model = keras.Sequential([keras.Input((None, 6, 2)), LAYERS[name]()])
    x = sequences(3, 5, 6, 2)
    answer = model(x).numpy()
    assert model.output_shape == (None, *([None] if answer.ndim > 3 else []), *answer.shape[-2:])
    assert np.array_equal(model(x[:, :3])[:, :1], answer[:, :1]) or name in ("both ways", "last alone")
    cloned = keras.models.clone_model(model)
    cloned.set_weights(model.get_weights())
    assert np.array_equal(cloned(x), answer)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert np.array_equal(again(x), answer)
    configs = [json.dumps(read.layers[0].get_config()) for read in (again, model)]
    assert configs[0] == configs[1]


def test_keras_own_layer_takes_a_cell():
    """There points and units are one axis, for Keras knows no other states."""
    cell = eq.EquivariantRNNCell(3, "p where p = S(4)")
    model = keras.Sequential([keras.Input((None, 4, 2)), keras.layers.RNN(cell, return_sequences=True)])
    assert model.output_shape == (None, None, 12)
    x = sequences(2, 5, 4, 2)
    apart = eq.EquivariantRNN(cell, return_sequences=True)
    assert np.array_equal(model(x), np.reshape(apart(x), (2, 5, 12)))


def test_states_go_in_as_they_come_out():
    layer = stack(return_state=True)
    x = sequences(2, 6, 6, 1)
    whole, *_ = layer(x)
    first, *states = layer(x[:, :4])
    assert [[tuple(one.shape) for one in own] for own in states] == [[(2, 4, 3), (2, 4, 3)], [(2, 8, 2)]]
    second, *_ = layer(x[:, 4:], initial_state=states)
    assert np.allclose(np.concatenate([first, second], axis=1), whole, rtol=0, atol=1e-6)
    inputs = keras.Input((None, 6, 1))
    assert [value.shape for value in keras.tree.flatten(layer(inputs))] == [
        (None, None, 8, 2),
        (None, 4, 3),
        (None, 4, 3),
        (None, 8, 2),
    ]


@pytest.mark.slow(sample=0)
def test_states_are_inputs_of_a_model(tmp_path):
    steps, state = keras.Input((5, 6, 2)), keras.Input((6, 3))
    layer = eq.EquivariantRNN(eq.EquivariantRNNCell(3, "p where p = S(6)"), unroll=True, go_backwards=True)
    model = keras.Model([steps, state], layer(steps, initial_state=[state]))
    given = [sequences(4, 5, 6, 2), sequences(4, 6, 3)]
    answer = model(given)
    assert np.array_equal(answer, layer(given[0], initial_state=[given[1]]))
    assert not np.allclose(answer, layer(given[0]))
    model.save(tmp_path / "model.keras")
    assert np.array_equal(keras.models.load_model(tmp_path / "model.keras")(given), answer)


def test_states_of_both_ways_go_in_as_they_come_out():
    cell = eq.EquivariantRNNCell(3, "[p p] where p = S(4)", kind="lstm")
    layer = keras.layers.Bidirectional(eq.EquivariantRNN(cell, return_sequences=True, return_state=True))
    x = sequences(2, 3, 6, 1)
    answer, *states = layer(x)
    assert answer.shape == (2, 3, 6, 6)
    assert [tuple(state.shape) for state in states] == [(2, 6, 3)] * 4
    assert layer(x, initial_state=states)[0].shape == answer.shape


@pytest.mark.slow(sample=1)
@pytest.mark.parametrize("policy", ["float16", "mixed_bfloat16", "float64"])
@pytest.mark.parametrize("jit", [False, True])
def test_every_precision_trains(policy, jit):
    cell = eq.EquivariantRNNCell(3, "[p p] -> ~p + p where p = S(4)", kind="gru", dtype=policy)
    model = keras.Sequential([keras.Input((4, 6, 2)), eq.EquivariantRNN(cell, return_sequences=True, dtype=policy)])
    model.compile("adam", "mse", jit_compile=jit)
    x = sequences(4, 4, 6, 2)
    model.fit(x, np.zeros((4, 4, 8, 3)), verbose=0)
    answer = model(x)
    assert answer.dtype == keras.DTypePolicy(policy).compute_dtype
    assert np.isfinite(tf.cast(answer, "float64")).all()


def test_a_stateful_layer_goes_on():
    kept = stack(stateful=True)
    x = sequences(2, 6, 6, 1)
    parts = np.concatenate([kept(x[:, :4]), kept(x[:, 4:])], axis=1)
    kept.reset_state()
    assert np.allclose(parts, kept(x), rtol=0, atol=1e-6)


def test_steps_that_are_not_there_change_nothing():
    layer = LAYERS["gru"]()
    x = sequences(2, 6, 6, 1)
    alone = layer(x[:1, :4])
    padded = x.copy()
    padded[0, 4:] = np.nan
    mask = np.arange(6) < [[4], [6]]
    assert np.allclose(layer(padded, mask=mask)[0, :4], alone[0], rtol=0, atol=1e-6)
    of_points = np.broadcast_to(mask[..., None], (2, 6, 6))
    assert np.allclose(layer(padded, mask=of_points)[0, :4], alone[0], rtol=0, atol=1e-6)
    masked = keras.Sequential([keras.Input((None, 6, 1)), keras.layers.Masking(), layer])
    assert np.allclose(masked(np.nan_to_num(padded))[0, :4], alone[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_do_not_see_steps_that_are_not_there(kind):
    layer = eq.EquivariantRNN(eq.EquivariantRNNCell(3, "[p p] where p = S(4)", kind=kind))
    x = sequences(1, 6, 6, 1)
    x[0, 4:] = np.nan

    def gradients(features, mask):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(features, mask=mask) ** 2)
        return tape.gradient(loss, [weight.value for weight in layer.trainable_weights])

    alone = gradients(x[:, :4], None)
    for found, wanted in zip(gradients(x, np.arange(6)[None] < 4), alone, strict=True):
        assert np.allclose(found, wanted, rtol=0, atol=1e-6)


PADDED = {
    "p where p = S({})": (lambda n: list(range(n)), lambda n: list(range(n))),
    "{{p p}} -> p where p = S({})": (lambda n: list(combinations(range(n), 2)), lambda n: list(range(n))),
    "[p p] where p = S({})": (lambda n: list(combinations(range(n), 2)),) * 2,
    "p + [p p] -> [p p] where p = S({})": (
        lambda n: [*range(n), *combinations(range(n), 2)],
        lambda n: list(combinations(range(n), 2)),
    ),
}


@pytest.mark.slow(sample=2)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("declaration", PADDED)
def test_a_padded_example_answers_as_it_does_alone(kind, declaration):
    """4 points of 5, and 3 steps of 5, with what is infinite in their place."""
    of_input, of_state = PADDED[declaration]
    alone, padded = (
        eq.EquivariantRNN(
            [
                eq.EquivariantRNNCell(3, declaration.format(n), kind=kind, bias_initializer="normal"),
                eq.EquivariantRNNCell(2, declaration.split("-> ")[-1].format(n).replace("{{", "{"), kind="gru"),
            ],
            return_sequences=True,
        )
        for n in (4, 5)
    )
    x = sequences(2, 3, len(of_input(4)), 2)
    expected = np.asarray(alone(x))
    places, state_places = ([listed(5).index(point) for point in listed(4)] for listed in (of_input, of_state))
    wide = np.full((2, 5, len(of_input(5)), 2), np.nan, dtype="float32")
    wide[:, :3, places] = x
    mask = np.zeros(wide.shape[:3], dtype=bool)
    mask[:, :3, places] = True
    padded.build(wide.shape)
    padded.set_weights(alone.get_weights())
    answer = np.asarray(padded(wide, mask=mask))
    assert np.allclose(answer[:, :3, state_places], expected, rtol=0, atol=1e-5)
    others = np.setdiff1d(np.arange(len(of_state(5))), state_places)
    assert (answer[:, :, others] == 0).all()
    handed_on = np.asarray(padded.compute_mask(wide, keras.ops.convert_to_tensor(mask)))
    assert np.array_equal(handed_on[0, 0].nonzero()[0], state_places)
    assert not handed_on[:, 3:].any()


@pytest.mark.slow(sample=1)
@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("declaration", ["p where p = S(6)", "h w where h = C(2), w = C(3)"])
@pytest.mark.parametrize("return_sequences", [True, False])
def test_masks_go_through_a_model(declaration, return_sequences):
    cell = eq.EquivariantRNNCell(3, declaration, bias_initializer="normal")
    shape = cell.mapping.input.shape
    inputs = keras.Input((None, *shape, 2))
    layer = eq.EquivariantRNN(cell, return_sequences=return_sequences)
    model = keras.Model(inputs, eq.InvariantPool(declaration)(layer(keras.layers.Masking()(inputs))))
    x = sequences(2, 5, *shape, 2)
    x[0, 3:] = 0
    x[:, :, 0] = 0
    model.compile("sgd", "mse")
    model.fit(x, np.zeros(model(x).shape), verbose=0)
    answer = np.asarray(model(x))
    assert np.isfinite(answer).all()
    short = np.asarray(model(x[:1, :3]))
    assert np.allclose(answer[:1, :3] if return_sequences else answer[:1], short, rtol=0, atol=1e-6)


def test_a_grid_stays_a_grid():
    layer = eq.EquivariantRNN(eq.EquivariantRNNCell(2, "h w where h = C(3), w = C(4)"), return_sequences=True)
    x = sequences(2, 5, 12, 1)
    grid = layer(x.reshape(2, 5, 3, 4, 1))
    assert grid.shape == (2, 5, 3, 4, 2)
    assert np.array_equal(np.reshape(grid, (2, 5, 12, 2)), layer(x))
    assert layer.compute_output_shape((None, None, 3, 4, 1)) == (None, None, 3, 4, 2)


def test_a_support_keeps_the_state_local():
    ring = eq.mapping("[p p] -> [p p]", p=eq.S(4), support=[(0, 0)])
    cell = eq.EquivariantRNNCell(2, ring, kind="gru")
    layer = eq.EquivariantRNN(cell)
    x = sequences(1, 3, 6, 1)
    answer = np.asarray(layer(x))
    x[:, :, 1:] = 0
    assert np.array_equal(layer(x)[:, 0], answer[:, 0])


def one(**options) -> eq.EquivariantRNN:
    return eq.EquivariantRNN(eq.EquivariantRNNCell(2, "p where p = S(4)"), **options)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: eq.EquivariantRNNCell(2, "p where p = S(4)", kind="GRU"),
            """kind is 'GRU': expected "simple", "gru" or "lstm\"""",
        ),
        (
            lambda: eq.EquivariantRNNCell(None, "p where p = S(4)"),
            "units is the number of channels of the state, a positive whole number; got None",
        ),
        (
            lambda: eq.EquivariantRNNCell(2, "[p p] where p = S(4)", activation="relu"),
            "activation relu is not odd, and generator 1 of p, (1 2 3 4) flips the sign of outputs of [p p] -> [p p] where p = S(4): "
            "the layer would not be equivariant; use an odd one, like tanh or soft_shrink, or multiply the outputs by a gate computed "
            "from their absolute values",
        ),
        (
            lambda: eq.EquivariantRNNCell(2, "p -> ~p where p = S(4)"),
            "the symmetry of p -> ~p where p = S(4) forces every weight from features to the state to zero: use another space for the "
            "state",
        ),
        (
            lambda: eq.EquivariantRNNCell(2, "a b; b a"),
            'the pattern a b; b a names no space: declare the symmetry, as in "{p p} where p = S(5)"',
        ),
        (
            lambda: eq.EquivariantRNN(keras.layers.GRUCell(2, name="cell")),
            "<GRUCell name=cell, built=False> is no cell of points: expected eq.EquivariantRNNCell(units, declaration), or a list of "
            "them; other cells go into keras.layers.RNN",
        ),
        (
            lambda: eq.EquivariantRNN([]),
            "[] is no cell of points: expected eq.EquivariantRNNCell(units, declaration), or a list of them; other cells go into "
            "keras.layers.RNN",
        ),
        (
            lambda: eq.EquivariantRNN([eq.EquivariantRNNCell(2, f"p where p = S({size})") for size in (4, 5)]),
            "layer 1 answers in p where p = S(4), layer 2 takes p where p = S(5): the spaces of a network chain, the output of each "
            "layer is the input of the next",
        ),
        (
            lambda: one()(np.zeros((2, 3, 5, 1))),
            "expected (..., 4, channels), got (2, 5, 1): axis 1 has size 5, expected 4 points",
        ),
        (
            lambda: one()(np.zeros((2, 2, 3, 4, 1))),
            "one step is (batch, 4, channels), a sequence (batch, time, 4, channels): got a step (2, 3, 4, 1)",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(make, message):
    with pytest.raises(eq.DeclarationError, match=f"^{re.escape(message)}$"):
        make()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"initial_state": np.ones((2, 4, 3), "float32")},
            "initial_state of 'rnn' is (batch, 4, 2), got (2, 4, 3)",
        ),
        (
            {"initial_state": [np.ones((2, 4, 2), "float32")] * 2},
            "initial_state of 'rnn' is (batch, 4, 2), got (2, 4, 2), (2, 4, 2)",
        ),
        (
            {"mask": np.ones((2, 3, 5), bool)},
            "a mask says of every point whether it is there: expected (2, 3, 4), got (2, 3, 5); which pairs of points matter is said "
            "by a support",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(options, message):
    with pytest.raises(eq.DeclarationError, match=re.escape(message)):
        one(name="rnn")(np.zeros((2, 3, 4, 1)), **options)


def test_a_cell_with_other_orbits_is_not_loaded():
    config = eq.EquivariantRNNCell(2, "[p p] where p = S(4)", name="memory").get_config()
    config["fingerprint"][1] = config["fingerprint"][0]
    with pytest.raises(eq.DeclarationError, match=r"^layer 'memory' was saved with the orbits "):
        eq.EquivariantRNNCell.from_config(config)


@pytest.mark.parametrize("saved", [None, [], ["0"]])
def test_a_cell_is_saved_with_a_fingerprint_of_each_map(saved):
    config = eq.EquivariantRNNCell(2, "[p p] where p = S(4)", name="memory").get_config()
    config["fingerprint"] = saved
    with pytest.raises(eq.DeclarationError) as raised:
        eq.EquivariantRNNCell.from_config(config)
    assert str(raised.value) == (
        "layer 'memory' was saved with other linear maps than the 4 that its declaration has now: load it with the eqgen that saved "
        "it, or put back its declaration, if that was changed"
    )


def test_describe_tells_the_maps_of_a_cell():
    model = keras.Sequential([keras.Input((None, 4, 1)), one(name="rnn")])
    assert [row.parameters for row in eq.describe(model).rows] == [18, 30]
    assert eq.describe(model).first.channels == 1
