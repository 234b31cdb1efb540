"""Several arrays in and out: values, what is shared, initial values, shapes, masks, Keras, and what is refused."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

import eqgen as eq
from eqgen.common.errors import DeclarationError

INPUTS = {"atoms": ("p", 5), "bonds": ("{p p}", 3), "box": ("1", 2)}
OUTPUTS = {"charges": ("p", 2), "energy": ("1", 1)}
NODES = 4
PAIRS = list(itertools.combinations(range(NODES), 2))
MIRROR = eq.joint(v=[([0, 1, 2], [1, -1, 1])], j=[([1, 0, 3, 2], [1, 1, -1, -1])], g=[[1, 0]])


def graphs(random, count: int = 6) -> dict[str, np.ndarray]:
    shapes = {"atoms": (NODES, 5), "bonds": (len(PAIRS), 3), "box": (2,)}
    return {name: random.normal(size=(count, *shape)).astype("float32") for name, shape in shapes.items()}


def terms(**options) -> eq.EquivariantTerms:
    return eq.EquivariantTerms(INPUTS, OUTPUTS, "p = S(4)", **options)


def drawn(layer, random):
    layer.set_weights([random.normal(size=weight.shape) for weight in layer.get_weights()])
    return layer


def renumbered(arrays: dict[str, np.ndarray], order: tuple[int, ...]) -> dict[str, np.ndarray]:
    """A graph whose node k is node order[k] of another, by numpy alone."""
    edges = [PAIRS.index(tuple(sorted((order[i], order[j])))) for i, j in PAIRS]
    where = {"atoms": list(order), "charges": list(order), "bonds": edges}
    return {name: array[:, where[name]] if name in where else array for name, array in arrays.items()}


def test_each_array_is_named_and_has_channels_of_its_own(random):
    layer, graph = terms(), graphs(random)
    answers = layer(graph)
    assert {name: tuple(answer.shape) for name, answer in answers.items()} == {
        "charges": (6, 4, 2),
        "energy": (6, 1),
    }
    assert [block.name for block in layer.blocks] == [
        *("atoms_to_charges", "bonds_to_charges", "box_to_charges"),
        *("atoms_to_energy", "bonds_to_energy", "box_to_energy"),
    ]


def test_it_is_the_sum_that_the_letters_say(random):
    layer, graph = terms(use_bias=True), graphs(random)
    layer(graph)
    drawn(layer, random)
    charges = np.zeros((6, NODES, 2))
    kernels = {block.name: np.asarray(block.kernel) for block in layer.blocks}
    atoms, bonds, box = graph.values()
    for node in range(NODES):
        others = [other for other in range(NODES) if other != node]
        own = [number for number, pair in enumerate(PAIRS) if node in pair]
        rest = [number for number, pair in enumerate(PAIRS) if node not in pair]
        for name, k, mean in (
            ("atoms_to_charges", 0, atoms[:, node]),
            ("atoms_to_charges", 1, atoms[:, others].mean(axis=1)),
            ("bonds_to_charges", 0, bonds[:, own].mean(axis=1)),
            ("bonds_to_charges", 1, bonds[:, rest].mean(axis=1)),
            ("box_to_charges", 0, box),
        ):
            charges[:, node] += mean @ kernels[name][k]
    charges += np.asarray(layer.blocks[0].bias)[0]
    np.testing.assert_allclose(layer(graph)["charges"], charges, atol=1e-5)


@pytest.mark.parametrize("order", [(1, 0, 2, 3), (1, 2, 3, 0), (3, 1, 0, 2)])
def test_a_renumbered_graph_has_renumbered_answers(order, random):
    layer, graph = terms(use_bias=True, activation="gelu"), graphs(random)
    layer(graph)
    drawn(layer, random)
    expected = renumbered({name: np.asarray(answer) for name, answer in layer(graph).items()}, order)
    for name, answer in layer(renumbered(graph, order)).items():
        np.testing.assert_allclose(answer, expected[name], atol=1e-5)


SPACES = ("p", "{p p}", "<p p>", "[p p]", "~p", "1", "p q", "q")


@pytest.mark.slow(sample=2)
@pytest.mark.parametrize("seed", range(20))
def test_there_are_as_many_parameters_as_there_are_linear_maps(seed):
    """Against the null space of W g = g W, of all arrays laid one after the other."""
    random = np.random.default_rng(seed)
    inputs, outputs = (dict(enumerate(random.choice(SPACES, size=3, replace=False).tolist())) for _ in range(2))
    axes = {"p": eq.group("S(3)"), "q": eq.group("C(2)")}
    ranks = []
    for text in outputs.values():
        try:
            layer = eq.EquivariantTerms({f"x{key}": found for key, found in inputs.items()}, (text, 1), axes)
        except DeclarationError:
            ranks.append(0)
        else:
            ranks.append(sum(block.rank for block in layer.blocks))

    # By numpy: what a permutation of p and one of q do to each space.
    def matrix(text: str, on_p: tuple[int, ...], on_q: tuple[int, ...]) -> np.ndarray:
        pairs = list(itertools.combinations(range(3), 2))
        tuples = list(itertools.permutations(range(3), 2))
        parity = round(np.linalg.det(np.eye(3)[list(on_p)]))
        points = {
            "p": ([(i,) for i in range(3)], lambda x: ((on_p[x[0]],), 1)),
            "~p": ([(i,) for i in range(3)], lambda x: ((on_p[x[0]],), parity)),
            "q": ([(i,) for i in range(2)], lambda x: ((on_q[x[0]],), 1)),
            "1": ([()], lambda x: ((), 1)),
            "p q": (list(itertools.product(range(3), range(2))), lambda x: ((on_p[x[0]], on_q[x[1]]), 1)),
            "<p p>": (tuples, lambda x: ((on_p[x[0]], on_p[x[1]]), 1)),
            "{p p}": (pairs, lambda x: (tuple(sorted((on_p[x[0]], on_p[x[1]]))), 1)),
            "[p p]": (
                pairs,
                lambda x: (tuple(sorted((on_p[x[0]], on_p[x[1]]))), 1 if on_p[x[0]] < on_p[x[1]] else -1),
            ),
        }
        listed, move = points[text]
        moved = np.zeros((len(listed), len(listed)))
        for column, point in enumerate(listed):
            image, sign = move(point)
            moved[listed.index(image), column] = sign
        return moved

    def whole(texts: dict[int, str], on_p: tuple[int, ...], on_q: tuple[int, ...]) -> np.ndarray:
        blocks = [matrix(text, on_p, on_q) for text in texts.values()]
        size = sum(len(block) for block in blocks)
        together, start = np.zeros((size, size)), 0
        for block in blocks:
            together[start : start + len(block), start : start + len(block)] = block
            start += len(block)
        return together

    equations = []
    for on_p, on_q in (((1, 2, 0), (0, 1)), ((1, 0, 2), (0, 1)), ((0, 1, 2), (1, 0))):
        left, right = whole(outputs, on_p, on_q), whole(inputs, on_p, on_q)
        equations.append(np.kron(left, np.eye(len(right))) - np.kron(np.eye(len(left)), right.T))
    stacked = np.concatenate(equations)
    dimension = stacked.shape[1] - np.linalg.matrix_rank(stacked)
    assert sum(ranks) == dimension


def test_a_constant_keeps_its_variance_whatever_the_number_of_arrays(random):
    keras.utils.set_random_seed(1)
    outputs = {"nodes": ("p", 2000), "edges": ("{p p}", 2000), "whole": ("1", 2000)}
    for inputs in ({"atoms": ("p", 7)}, INPUTS, {**INPUTS, "arcs": ("<p p>", 1), "more": ("p", 30)}):
        layer = eq.EquivariantTerms(inputs, outputs, "p = S(5)")
        sizes = {"p": (5,), "{p p}": (10,), "1": (), "<p p>": (20,)}
        constant = {name: np.ones((1, *sizes[text], n)) for name, (text, n) in inputs.items()}
        for answer in layer(constant).values():
            assert abs(np.asarray(answer).var() - 1) < 0.15


def test_with_sum_too(random):
    keras.utils.set_random_seed(1)
    layer = eq.EquivariantTerms(INPUTS, {"nodes": ("p", 2000)}, "p = S(5)", aggregation="sum")
    answer = layer({"atoms": np.ones((1, 5, 5)), "bonds": np.ones((1, 10, 3)), "box": np.ones((1, 2))})["nodes"]
    assert abs(np.asarray(answer).var() - 1) < 0.15


def test_one_seed_gives_each_block_numbers_of_its_own():
    for initializer in (eq.OrbitInitializer(3), keras.initializers.RandomNormal(seed=3)):
        layer = eq.EquivariantTerms({"a": "p", "b": "p"}, {"c": ("p", 4)}, "p = S(3)", kernel_initializer=initializer)
        layer.build({"a": (None, 3, 4), "b": (None, 3, 4)})
        first, second = (np.asarray(block.kernel) for block in layer.blocks)
        assert not np.allclose(first, second)
        again = type(layer).from_config(layer.get_config())
        again.build({"a": (None, 3, 4), "b": (None, 3, 4)})
        assert np.array_equal(first, again.blocks[0].kernel)


def test_a_list_or_one_array_instead_of_a_dict(random):
    graph = graphs(random)
    layer = eq.EquivariantTerms(list(INPUTS.values()), list(OUTPUTS.values()), "p = S(4)")
    assert [tuple(answer.shape) for answer in layer(list(graph.values()))] == [(6, 4, 2), (6, 1)]
    assert layer.compute_output_shape([(None, 4, 5), (None, 6, 3), (None, 2)]) == [(None, 4, 2), (None, 1)]
    layer = eq.EquivariantTerms("p", ("{p p}", 3), "p = S(4)")
    assert layer(graph["atoms"]).shape == (6, 6, 3)


def test_one_array_is_the_plain_layer(random):
    layer, plain = (
        eq.EquivariantTerms("p", ("{p p}", 3), "p = S(4)"),
        eq.EquivariantDense(3, "p -> {p p} where p = S(4)"),
    )
    atoms = graphs(random)["atoms"]
    layer(atoms), plain(atoms)
    plain.set_weights(layer.get_weights())
    assert np.array_equal(layer(atoms), plain(atoms))


@pytest.mark.parametrize(
    ("layout", "flat", "grid"), [("auto", True, True), ("grid", False, True), ("flat", True, False)]
)
def test_grids_stay_grids(layout, flat, grid, random):
    layer = eq.EquivariantTerms(
        {"board": "h w", "side": "1"}, {"board": ("h w", 3), "rows": ("h", 2)}, "h = C(4), w = C(3)", layout=layout
    )
    board, side = random.normal(size=(2, 4, 3, 5)), random.normal(size=(2, 2))
    shapes = {"board": (2, 4, 3, 3), "rows": (2, 4, 2)}
    if grid:
        answers = layer({"board": board, "side": side})
        assert {name: tuple(answer.shape) for name, answer in answers.items()} == shapes
        given = {"board": (None, 4, 3, 5), "side": (None, 2)}
        assert layer.compute_output_shape(given) == {"board": (None, 4, 3, 3), "rows": (None, 4, 2)}
        turned = layer({"board": np.roll(board, 1, axis=2), "side": side})
        np.testing.assert_allclose(turned["board"], np.roll(answers["board"], 1, axis=2), atol=1e-5)
    else:
        with pytest.raises(DeclarationError, match=r"board: expected \(\.\.\., 12, channels\)"):
            layer({"board": board, "side": side})
    if flat:
        answers = layer({"board": board.reshape(2, 12, 5), "side": side})
        assert answers["board"].shape == (2, 12, 3)
    else:
        with pytest.raises(DeclarationError, match=r"board: expected \(\.\.\., 4, 3, channels\)"):
            layer({"board": board.reshape(2, 12, 5), "side": side})


def test_the_parts_of_a_vector_are_cut_and_put_together_by_the_layer(random):
    state = eq.parts(speed="v", angles="j", gravity="v", past=("j", 2))
    layer = eq.EquivariantTerms(state, eq.parts(torques="j", push="v"), MIRROR)
    vector = random.normal(size=(8, 18)).astype("float32")
    answer = np.asarray(layer(vector))
    assert answer.shape == layer.compute_output_shape((8, 18)) == (8, 7)
    # The mirror, as the engineer has it: one table of places and one of signs for all 18 numbers, another for the answers.
    on_v, on_j = (np.array([0, 1, 2]), np.array([1, -1, 1])), (np.array([1, 0, 3, 2]), np.array([1, 1, -1, -1]))

    def table(*parts):
        sizes = np.cumsum([0, *(len(part[0]) for part in parts)])
        places = [part[0] + start for part, start in zip(parts, sizes[:-1], strict=True)]
        return np.concatenate(places), np.concatenate([part[1] for part in parts])

    (places, signs), (back, turned) = table(on_v, on_j, on_v, on_j, on_j), table(on_j, on_v)
    np.testing.assert_allclose(layer(vector[:, places] * signs), answer[:, back] * turned, atol=1e-5)
    # Parts on the same points are channels of one block.
    assert [tuple(block.kernel.shape[1:]) for block in layer.blocks] == [(2, 1), (3, 1), (2, 1), (3, 1)]


def test_each_number_of_a_vector_goes_where_its_part_stands(random):
    """The identity on each part: with one group element that does nothing every entry is free."""
    state = eq.parts(a="p", b="q", c=("p", 2))
    layer = eq.EquivariantTerms(state, state, {"p": [[0, 1]], "q": [[0, 1, 2]]}, aggregation="sum")
    layer.build((None, 9))
    for block in layer.blocks:
        m, n = block.program.shape
        kernel = np.zeros(block.kernel.shape)
        if m == n:
            for k, (row, column) in enumerate(block.orbits.representatives):
                kernel[k] = np.eye(kernel.shape[1]) if row == column else 0
        block.kernel.assign(kernel)
    vector = random.normal(size=(2, 9)).astype("float32")
    np.testing.assert_allclose(layer(vector), vector, atol=1e-6)


def test_a_mask_of_points_is_said_once_and_every_array_follows(random):
    """Graphs of three nodes in place of four: the answers of the layer of three, whatever stands in the padding."""
    outputs = {**OUTPUTS, "bonds": ("{p p}", 2)}
    small, large = (
        eq.EquivariantTerms(INPUTS, outputs, f"p = S({n})", use_bias=True, activation="sigmoid") for n in (3, 4)
    )
    graph, first = graphs(random), [PAIRS.index(pair) for pair in ((0, 1), (0, 2), (1, 2))]
    expected = small({"atoms": graph["atoms"][:, :3], "bonds": graph["bonds"][:, first], "box": graph["box"]})
    large(graph)
    # On three nodes no edge is apart from a node: that orbit is empty there, and its weights are idle.
    for one, other in zip(small.blocks, large.blocks, strict=True):
        values = random.normal(size=other.kernel.shape)
        other.kernel.assign(values)
        one.kernel.assign(values[: one.kernel.shape[0]])
    expected = small({"atoms": graph["atoms"][:, :3], "bonds": graph["bonds"][:, first], "box": graph["box"]})
    graph["atoms"][:, 3], graph["bonds"][:, [2, 4, 5]] = np.nan, 7
    masks = {"atoms": np.tile(np.arange(NODES) < 3, (6, 1)), "bonds": None, "box": None}
    found = large(graph, mask=masks)
    np.testing.assert_allclose(np.asarray(found["charges"])[:, :3], expected["charges"], atol=1e-5)
    np.testing.assert_allclose(np.asarray(found["bonds"])[:, first], expected["bonds"], atol=1e-5)
    np.testing.assert_allclose(found["energy"], expected["energy"], atol=1e-5)
    assert not np.asarray(found["charges"])[:, 3].any()
    assert not np.asarray(found["bonds"])[:, [2, 4, 5]].any()
    handed = large.compute_mask(graph, masks)
    assert np.array_equal(handed["charges"], masks["atoms"])
    assert np.array_equal(np.flatnonzero(np.asarray(handed["bonds"])[0]), first)
    assert handed["energy"] is None


def test_a_node_without_an_edge_is_there_and_edges_show_their_nodes(random):
    layer, graph = terms(), graphs(random, 2)
    layer(graph)
    nodes = np.array([[True, False, False, False], [True, True, True, False]])
    edges = np.stack([[bool(row[i] and row[j]) for i, j in PAIRS] for row in nodes])
    by_nodes, by_both, by_edges = (
        layer(graph, mask={"atoms": atoms, "bonds": bonds, "box": None})
        for atoms, bonds in ((nodes, None), (nodes, edges), (None, edges))
    )
    for name in OUTPUTS:
        np.testing.assert_allclose(by_both[name], by_nodes[name])
        np.testing.assert_allclose(np.asarray(by_edges[name])[1], np.asarray(by_nodes[name])[1], atol=1e-6)
    assert np.asarray(by_nodes["charges"])[0, 0].any()
    assert not np.asarray(by_edges["charges"])[0].any()


def test_entries_that_nobody_knows_count_for_nothing(random):
    """Against the plain layer of each array, which knows what to do with them."""
    layer, graph = terms(), graphs(random)
    layer(graph)
    known = random.integers(0, 2, size=(6, NODES)).astype(bool)
    hidden = {**graph, "atoms": np.where(known[..., None], graph["atoms"], np.nan)}
    blocks = dict(zip((block.name for block in layer.blocks), layer.blocks, strict=True))
    expected = (
        np.asarray(blocks["atoms_to_charges"](hidden["atoms"], known=known))
        + np.asarray(blocks["bonds_to_charges"](graph["bonds"]))
        + np.asarray(blocks["box_to_charges"](graph["box"][:, None]))
    )
    np.testing.assert_allclose(layer(hidden, known={"atoms": known})["charges"], expected, atol=1e-5)
    with pytest.raises(
        DeclarationError, match=r"known\['atoms'\] says of every entry whether it is: expected \(6, 4\), got \(6,\)"
    ):
        layer(graph, known={"atoms": known[:, 0]})
    with pytest.raises(
        DeclarationError, match="known names entries of points with channels, and box is the fixed point"
    ):
        layer(graph, known={"box": known})


def test_masks_of_keras_come_and_go(random, recwarn):
    inputs = {name: keras.Input(array.shape[1:], name=name) for name, array in graphs(random).items()}
    masked = {**inputs, "atoms": keras.layers.Masking()(inputs["atoms"])}
    answers = terms()(masked)
    pooled = keras.layers.GlobalAveragePooling1D()(answers["charges"])
    model = keras.Model(inputs, {**answers, "pooled": pooled})
    graph = graphs(random)
    graph["atoms"][:, 3] = 0
    found = model(graph)
    np.testing.assert_allclose(found["pooled"], np.asarray(found["charges"])[:, :3].mean(axis=1), atol=1e-5)
    assert not [warning for warning in recwarn if "mask" in str(warning.message)]


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.lift = eq.EquivariantTerms(
            {"atoms": "p", "bonds": "{p p}"}, {"hidden": ("p", 8)}, "p = S(4)", activation="gelu"
        )
        self.answer = eq.EquivariantTerms({"hidden": "p"}, {"charges": ("p", 1), "energy": ("1", 1)}, "p = S(4)")

    def call(self, inputs):
        return self.answer(self.lift(inputs))


def functional() -> keras.Model:
    inputs = {"atoms": keras.Input((4, 5), name="atoms"), "bonds": keras.Input((6, 3), name="bonds")}
    return keras.Model(inputs, Subclassed().call(inputs))


@pytest.mark.slow(sample=1)
@pytest.mark.parametrize("made", [Subclassed, functional])
def test_fit_predict_and_data_sets_take_dicts(made, random):
    keras.utils.set_random_seed(0)
    graph = graphs(random, 64)
    del graph["box"]
    targets = {"charges": graph["atoms"][..., :1] - 0.5, "energy": graph["bonds"][..., :1].mean(axis=1)}
    model = made()
    model.compile(keras.optimizers.Adam(0.02), "mse")
    history = model.fit(graph, targets, epochs=30, batch_size=16, verbose=0).history["loss"]
    assert history[-1] < 0.3 * history[0]
    data = tf.data.Dataset.from_tensor_slices((graph, targets)).padded_batch(20)
    model.fit(data, epochs=1, shuffle=False, verbose=0)
    assert {name: array.shape for name, array in model.predict(graph, verbose=0).items()} == {
        "charges": (64, 4, 1),
        "energy": (64, 1),
    }


@pytest.mark.parametrize(
    "layer",
    [
        lambda: terms(use_bias=True, activation="tanh", aggregation="sum", kernel_regularizer="l2", name="kept"),
        lambda: eq.EquivariantTerms([("p", 5), "{p p}", "1"], [("p", 2)], "p = S(4)", layout="flat", lowering="gather"),
        lambda: eq.EquivariantTerms(eq.parts(v="v", j=("j", 3)), {"g": ("g", 4)}, MIRROR, kernel_initializer="ones"),
    ],
)
def test_it_is_saved_and_loaded(layer, random, tmp_path):
    made = layer()
    again = type(made).from_config(made.get_config())
    assert again.get_config() == made.get_config()
    graph = graphs(random)
    given = {dict: graph, list: list(graph.values()), None: random.normal(size=(3, 15)).astype("float32")}[
        made.features_in.container
    ]
    named = isinstance(given, dict)
    inputs = keras.tree.map_structure(lambda array: keras.Input(array.shape[1:]), given)
    inputs = {name: keras.Input(array.shape[1:], name=name) for name, array in given.items()} if named else inputs
    model = keras.Model(inputs, made(inputs))
    drawn(made, random)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for one, other in zip(*(keras.tree.flatten(found(given)) for found in (model, loaded)), strict=True):
        assert np.array_equal(one, other)


def test_a_file_whose_orbits_are_others_is_refused():
    config = terms().get_config()
    config["where"] = "p = C(4)"
    with pytest.raises(DeclarationError, match="was saved with the orbits"):
        eq.EquivariantTerms.from_config(config)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            lambda x: {"atoms": x["atoms"], "box": x["box"]},
            "'bonds' is missing: this layer takes atoms, bonds, box, got atoms, box",
        ),
        (lambda x: {**x, "angles": x["box"]}, "'angles' is not declared: this layer takes atoms, bonds, box"),
        (
            lambda x: {"atoms": x["atoms"], "bond": x["bonds"], "box": x["box"]},
            "'bond' is not declared: this layer takes atoms, bonds, box; did you mean bonds?",
        ),
        (lambda x: x["atoms"], "this layer takes a dict of arrays, atoms, bonds, box, got one array"),
        (lambda x: list(x.values()), "this layer takes a dict of arrays, atoms, bonds, box, got a list"),
        (
            lambda x: {**x, "bonds": x["bonds"][:, :5]},
            "bonds: expected (..., 6, channels) for the 6 points of {p p} where p = S(4), got (6, 5, 3)",
        ),
        (lambda x: {**x, "box": x["box"][:, :1]}, "box: 2 channels declared, got 1 in (6, 1)"),
        (
            lambda x: {**x, "box": x["box"][:1]},
            "atoms has the leading dimensions (6,), box has (1,): arrays come in one batch, and that of the fixed point, box, is "
            "(..., channels)",
        ),
        (
            lambda x: {**x, "bonds": x["bonds"][:1]},
            "atoms has the leading dimensions (6,), bonds has (1,): arrays come in one batch",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changed, message, random):
    layer, graph = terms(), graphs(random)
    for built in (False, True):
        with pytest.raises(DeclarationError) as caught:
            layer(changed(graph))
        assert message in str(caught.value)
        if not built:
            layer = terms()
            layer(graph)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (
            lambda: eq.EquivariantTerms({"a": "q"}, {"b": ("p", 1)}, "p = S(4)"),
            "inputs['a'] has the axis q, which is not declared (where p = S(4)) (character 1)\n  q\n  ^",
        ),
        (
            lambda: eq.EquivariantTerms({"a": "p"}, {"b": ("p", 1)}),
            "inputs['a'] has the axis p, which is not declared (no where= was given) (character 1)\n  p\n  ^",
        ),
        (
            lambda: eq.EquivariantTerms({"a": "p where p = S(3)"}, {"b": ("p", 1)}, "p = S(4)"),
            "inputs['a'] is 'p where p = S(3)': write the space alone, as in '{p p}', and its group once, in where=",
        ),
        (
            lambda: eq.EquivariantTerms({"a": "p"}, {"b": "p"}, "p = S(4)"),
            "b has no channels: say how many the layer makes, as in ('p', 8)",
        ),
        (
            lambda: eq.EquivariantTerms({"a": "1"}, {"b": ("~p", 2)}, "p = S(4)"),
            "the symmetry forces every weight of b to zero, so the layer would answer 0 there to everything: use another space, or "
            "a bias",
        ),
        (
            lambda: eq.EquivariantTerms({"a": 5}, {"b": ("p", 2)}, "p = S(4)"),
            'inputs[\'a\'] is 5: expected "p", ("p", 5) with its channels, or eq.parts(...) for a flat vector',
        ),
        (
            lambda: eq.EquivariantTerms({"a": ("p", 0)}, {"b": ("p", 2)}, "p = S(4)"),
            "the channels of inputs['a'] are a positive whole number, got 0",
        ),
        (
            lambda: eq.EquivariantTerms({}, {"b": ("p", 2)}, "p = S(4)"),
            "inputs are empty: name at least one, as in inputs={'atoms': ('p', 5)}",
        ),
        (lambda: eq.EquivariantTerms({3: "p"}, {"b": ("p", 2)}, "p = S(4)"), "inputs are named by texts, got 3"),
        (lambda: terms(agregation="sum"), "EquivariantTerms takes no argument agregation; did you mean aggregation?"),
        (
            lambda: eq.EquivariantTerms({"a": "p"}, {"b": ("p", 2)}, ["p = S(4)"]),
            "where is a text, as in \"p = S(5)\", or a dict of axes, as eq.joint makes it, got ['p = S(4)']",
        ),
        (eq.parts, 'parts of a vector are named in order, as in eq.parts(velocity="v", joints="j")'),
        (lambda: eq.parts(a=3), 'part \'a\' is 3: expected "j" or ("j", 3)'),
        (
            lambda: eq.EquivariantTerms(eq.parts(a="j", b="v"), ("g", 1), MIRROR)(np.zeros((2, 5))),
            "the array: expected (..., 7) for a 4, b 3, got (2, 5)",
        ),
    ],
)
def test_declarations_that_do_not_fit_are_refused(made, message):
    with pytest.raises(DeclarationError) as caught:
        made()
    assert message in str(caught.value)


def test_a_layer_of_terms_without_its_fingerprints_is_refused_in_a_sentence():
    config = eq.EquivariantTerms("p", ("p", 2), "p = S(3)", name="terms").get_config()
    del config["fingerprints"]
    with pytest.raises(
        eq.DeclarationError, match=r"^layer 'terms' was saved with other linear maps than the 1 that its "
    ):
        eq.EquivariantTerms.from_config(config)
