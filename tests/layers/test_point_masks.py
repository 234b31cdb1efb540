"""Point and entry masks: means over what is there, and padding that changes nothing."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import keras
import numpy as np
import pytest

import eqgen as eq


def masked_matrix(orbits: eq.Orbits, theta, known, mean: bool = True) -> np.ndarray:
    """The matrix of one example by the definition: sum_k theta_k * signed mean of the entries of orbit k that are there."""
    weight = np.zeros((*orbits.shape, *theta.shape[1:]))
    for i, j in np.argwhere(orbits.labels >= 0):
        k = orbits.labels[i, j]
        count = ((orbits.labels[i] == k) & known).sum() if mean else 1
        if known[j]:
            weight[i, j] = orbits.signs[i, j] * theta[k] / count
    return weight


MAPPINGS = [
    "p -> p where p = S(6)",
    "p -> p where p = A(6)",
    "{p p} -> {p p} where p = S(5)",
    "{p p} -> p where p = S(5)",
    "p -> {p p} where p = S(5)",
    "p p -> p p where p = S(4)",
    "p p -> p p where p = A(4)",
    "p -> {p p} where p = A(4)",
    "p p + p + 1 -> p + 1 where p = S(4)",
    "~p -> ~p where p = S(5)",
    "[p p] -> [p p] where p = S(4)",
    "[p p] -> ~p where p = S(4)",
    "r c -> r c where r = S(3), c = S(4)",
    "r c -> c where r = S(3), c = S(4)",
    "r c -> r c where r = S(3), c = C(4)",
    "c -> c where c = C(6)",
    "c -> c where c = D(6)",
    "d -> d where d = (1 2)(3 4), (5 6)",
    "w -> w where w = wreath(S(3), S(2))",
    "p -> 1 where p = S(5)",
    "1 + p -> p where p = S(4)",
]


def axis_masks(mapping: eq.Mapping, random, batch: int) -> list[np.ndarray]:
    return [random.random((batch, axis.group.degree)) < 0.7 for axis in mapping.axes]


def space_mask(space: eq.Space, masks: list[np.ndarray]) -> np.ndarray:
    """Which points are there, from the points as they are listed."""
    columns = []
    for point in space.points:
        place, inner = point if len(space.terms) > 1 else (0, point)
        term = space.terms[place]
        there = np.ones(len(masks[0]), dtype=bool)
        for factor, part in zip(term, (inner,) if len(term) == 1 else inner, strict=True):
            for member in [part] if isinstance(part, int) else part:
                there &= masks[factor.axis][:, member]
        columns.append(there)
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("aggregation", ["mean", "sum"])
@pytest.mark.parametrize("declaration", MAPPINGS)
def test_a_point_mask_takes_means_over_the_points_that_are_there(declaration, aggregation, random):
    check_point_mask(declaration, random, aggregation=aggregation)


@pytest.mark.parametrize(
    "declaration",
    [
        "p -> p where p = S(50)",
        "{p p} -> {p p} where p = S(9)",
        "p p -> p p where p = S(9)",
        "r c -> r c where r = S(9), c = S(10)",
        "p + q -> {p p} where p = S(9), q = S(40)",
        "r c + r -> c where r = S(4), c = S(90)",
        "~p -> ~p where p = S(50)",
    ],
)
def test_every_example_has_its_own_parameters_where_that_is_cheaper(declaration, random):
    layer = check_point_mask(declaration, random, lowering="pooled")
    assert layer.sized.plan((6, layer.mapping.input.size, 2)).of_present._mixes_alone


def check_point_mask(declaration, random, **options):
    mapping, aggregation = eq.mapping(declaration), options.get("aggregation", "mean")
    orbits = eq.orbits(mapping)
    layer = eq.EquivariantDense(3, mapping, layout="flat", **options)
    masks = axis_masks(mapping, random, 6)
    inputs, outputs = space_mask(mapping.input, masks), space_mask(mapping.output, masks)
    x = random.normal(size=(6, mapping.input.size, 2)).astype("float32")
    garbage = np.where(inputs[..., None], x, np.float32(np.nan))
    found = keras.ops.convert_to_numpy(layer(garbage, mask=inputs))
    theta = keras.ops.convert_to_numpy(layer.kernel).astype("float64")
    expected = np.stack(
        [
            np.einsum("ijab,ja->ib", masked_matrix(orbits, theta, row, aggregation == "mean"), each)
            for row, each in zip(inputs, x, strict=True)
        ]
    )
    shown = layer.compute_mask(x, inputs)
    if shown is not None:
        # Of axes of which no point of the input is there, nobody can know more.
        assert not (np.asarray(shown) & ~outputs).any()
        np.testing.assert_array_equal(np.asarray(shown)[inputs.any(axis=1)], outputs[inputs.any(axis=1)])
        expected[~np.asarray(shown)] = 0
    np.testing.assert_allclose(found, expected, atol=2e-5)
    return layer


@pytest.mark.parametrize("declaration", [*MAPPINGS, "d -> d where d = (1 2)(3)(4)(5)"])
def test_an_entry_mask_hides_inputs_alone(declaration, random):
    mapping = eq.mapping(declaration)
    orbits = eq.orbits(mapping)
    layer = eq.EquivariantDense(3, mapping, layout="flat", use_bias="~" not in declaration and "[" not in declaration)
    x = random.normal(size=(6, mapping.input.size, 2)).astype("float32")
    known = random.random(x.shape[:2]) < 0.6
    known[0] = False
    found = keras.ops.convert_to_numpy(layer(np.where(known[..., None], x, np.float32(np.inf)), known=known))
    assert layer.compute_mask(x, None) is None
    theta = keras.ops.convert_to_numpy(layer.kernel).astype("float64")
    expected = np.stack(
        [np.einsum("ijab,ja->ib", masked_matrix(orbits, theta, row), each) for row, each in zip(known, x, strict=True)]
    )
    np.testing.assert_allclose(found, expected, atol=2e-5)
    whole = keras.ops.convert_to_numpy(layer(x, known=np.ones_like(known)) - layer(x))
    np.testing.assert_allclose(whole, 0, atol=2e-6)


@pytest.mark.parametrize("text", ["a b b c; b a c b; c b a b", "a -b 0; b a a; 0 0 b"])
def test_masks_of_typed_patterns(text, random):
    layer = eq.EquivariantDense(2, text, bias="a a b")
    n = layer.pattern.shape[1]
    x = random.normal(size=(5, n, 3)).astype("float32")
    known = random.random((5, n)) < 0.6
    whole = layer.weight_matrix() if layer.built else (layer(x), layer.weight_matrix())[1]
    labels, expected = layer.pattern.labels, []
    for row, each in zip(known, x, strict=True):
        weight = np.zeros_like(whole)
        for i, j in np.argwhere((labels >= 0) & row):
            alike = labels[i] == labels[i, j]
            weight[i, j] = whole[i, j] * alike.sum() / (alike & row).sum()
        expected.append(np.einsum("ijab,ja->ib", weight, each))
    for found in (layer(x, known=known), layer(x, mask=known)):
        np.testing.assert_allclose(found, expected, atol=1e-5)


SMALL, LARGE = {"n": 4, "m": 5, "three": 3}, {"n": 6, "m": 7, "three": 3}
SIZE_OF = {"p": "n", "s": "n", "r": "n", "c": "m", "t": "three"}

SPACES = {
    "set": "p where p = S({n})",
    "edges": "{{p p}} where p = S({n})",
    "ordered pairs": "p p where p = S({n})",
    "graph": "p p + p + 1 where p = S({n})",
    "table": "r c where r = S({n}), c = S({m})",
    "rings": "s t where s = S({n}), t = C({three})",
    "oriented edges": "[p p] where p = S({n})",
}


def to_itself(text: str, output: str = "") -> str:
    space, groups = text.split(" where ")
    return f"{space} -> {output or space} where {groups}"


LAYERS = {
    "dense": lambda text: eq.EquivariantDense(3, to_itself(text), activation="tanh", layout="flat"),
    "sum": lambda text: eq.EquivariantDense(3, to_itself(text), aggregation="sum", layout="flat"),
    "to one": lambda text: eq.EquivariantDense(3, to_itself(text, "1"), use_bias=True, layout="flat"),
    "mean pool": eq.InvariantPool,
    "largest": lambda text: eq.InvariantPool(text, "max"),
    "normalization": eq.EquivariantNormalization,
    "attention": lambda text: eq.EquivariantAttention(2, 3, text),
    "embedding": eq.OrbitEmbedding,
}
SIGNED = ("dense", "sum", "normalization")
CASES = [(name, space) for name in LAYERS for space in SPACES if name in SIGNED or space != "oriented edges"]


def padded_examples(space: str, value: float, random) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three examples of the small size, the same among others of the large size, and which points of these are theirs."""
    mapping = eq.mapping(to_itself(SPACES[space].format(**LARGE)))
    masks = [
        np.stack([random.permutation(axis.group.degree) < SMALL[SIZE_OF[axis.name]] for _ in range(3)])
        for axis in mapping.axes
    ]
    there = space_mask(mapping.input, masks)
    alone = random.normal(size=(3, there[0].sum(), 2)).astype("float32")
    padded = np.full((*there.shape, 2), value, dtype="float32")
    padded[there] = alone.reshape(-1, 2)
    return alone, padded, there


def answers_and_gradients(layer, features, there=None, compared: bool = True) -> list[np.ndarray]:
    """Answers at the points that are there, and the gradients of features there and of weights, while training."""
    import tensorflow as tf

    features = tf.constant(features)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(features)
        answers = layer(features, mask=there)
        if compared and there is not None and answers.shape[:-1] == there.shape:
            assert not np.asarray(answers)[~there].any()
            answers = tf.reshape(tf.boolean_mask(answers, there), (len(there), -1, answers.shape[-1]))
        loss = tf.reduce_sum(
            tf.sin(answers) * np.arange(1, np.prod(answers.shape[1:]) + 1, dtype="float32").reshape(answers.shape[1:])
        )
    of_features = np.asarray(tape.gradient(loss, features))
    if there is not None:
        assert not of_features[~there].any()
    if compared and there is not None:
        of_features = of_features[there].reshape(len(there), -1, features.shape[-1])
    return [
        np.asarray(answers),
        of_features,
        *map(np.asarray, map(tf.convert_to_tensor, tape.gradient(loss, layer.trainable_variables))),
    ]


@pytest.mark.slow(sample=24)
@pytest.mark.parametrize(("name", "space"), CASES)
@pytest.mark.parametrize("value", [0.0, np.nan])
def test_what_is_padded_answers_and_learns_as_it_does_alone(name, space, value, random):
    alone, padded, there = padded_examples(space, value, random)
    small, large = (LAYERS[name](SPACES[space].format(**sizes)) for sizes in (SMALL, LARGE))
    small.build(alone.shape)
    large.build(padded.shape)
    weights = [random.normal(size=weight.shape) for weight in small.get_weights()]
    small.set_weights(weights)
    large.set_weights(weights)
    expected, found = answers_and_gradients(small, alone), answers_and_gradients(large, padded, there)
    for wanted, came in zip(expected, found, strict=True):
        np.testing.assert_allclose(came, wanted, atol=2e-5 * max(1, np.abs(wanted).max()))


DRAWN = {
    "p": "p -> p where p = S({n})",
    "edges to nodes": "{{p p}} -> p where p = S({n})",
    "table": "r c -> r c where r = S({n}), c = S({m})",
    "signs": "[p p] -> [p p] where p = S({n})",
}


@pytest.mark.slow
@hypothesis.given(data=st.data())
@hypothesis.settings(max_examples=24)
def test_any_example_padded_to_any_size_answers_as_it_does_alone(data):
    text = DRAWN[data.draw(st.sampled_from(sorted(DRAWN)))]
    # From four points on the orbits stay the same.
    few = {name: data.draw(st.integers(4, 6), label=f"few {name}") for name in ("n", "m")}
    many = {name: few[name] + data.draw(st.integers(0, 4), label=f"more {name}") for name in ("n", "m")}
    random = np.random.default_rng(data.draw(st.integers(0, 1000)))
    lowering, known = data.draw(st.sampled_from(["gather", "pooled"])), data.draw(st.booleans())
    small, large = (
        eq.EquivariantDense(2, text.format(**sizes), lowering=lowering, layout="flat") for sizes in (few, many)
    )
    masks = [
        np.stack([random.permutation(axis.group.degree) < few[SIZE_OF[axis.name]] for _ in range(2)])
        for axis in large.mapping.axes
    ]
    inputs, outputs = (space_mask(space, masks) for space in (large.mapping.input, large.mapping.output))
    alone = random.normal(size=(2, inputs[0].sum(), 3)).astype("float32")
    padded = random.normal(scale=1e6, size=(*inputs.shape, 3)).astype("float32")
    padded[inputs] = alone.reshape(-1, 3)
    entries = random.random(inputs.shape) < 0.7
    small.build(alone.shape)
    large.build(padded.shape)
    large.set_weights(small.get_weights())
    expected = small(alone, known=entries[inputs].reshape(alone.shape[:2])) if known else small(alone)
    found = np.asarray(large(padded, mask=inputs, **({"known": entries} if known else {})))
    np.testing.assert_allclose(found[outputs].reshape(expected.shape), expected, atol=2e-5)
    assert not found[~outputs].any()


def test_padded_sets_of_sets_answer_and_learn_as_they_do_alone(random):
    """Under a wreath product rows differ in what they miss, so that entries are counted row by row."""
    small = eq.EquivariantDense(3, "w -> w where w = wreath(S(3), S(2))", activation="tanh")
    large = eq.EquivariantDense(3, "w -> w where w = wreath(S(5), S(4))", activation="tanh")
    assert large.sized.plan((None, 20, 2)).of_present.shared is None
    # Of three sets of five, two have three members: a point is five times its set and its place there.
    there = np.zeros((1, 4, 5), dtype=bool)
    there[0, 1, [0, 2, 4]] = there[0, 3, [1, 2, 3]] = True
    alone = random.normal(size=(1, 6, 2)).astype("float32")
    padded = np.full((1, 20, 2), np.nan, dtype="float32")
    padded[there.reshape(1, 20)] = alone[0]
    small.build(alone.shape)
    large.build(padded.shape)
    large.set_weights(small.get_weights())
    found = answers_and_gradients(large, padded, there.reshape(1, 20))
    for wanted, came in zip(answers_and_gradients(small, alone), found, strict=True):
        np.testing.assert_allclose(came, wanted, atol=1e-5)


NETWORKS = {
    "sets": lambda sizes, **head: eq.network("p -> p where p = S({n})".format(**sizes), [6, 6], channels=2, **head),
    "edges": lambda sizes, **head: eq.network(
        [text.format(**sizes) for text in ("{{p p}} -> p where p = S({n})", "p -> {{p p}} where p = S({n})")], [5, 4], channels=2, **head
    ),
    "table": lambda sizes, **head: eq.network(
        "r c -> r c where r = S({n}), c = S({m})".format(**sizes), [4, 4], channels=2, activation="sigmoid", **head
    ),
}  # fmt: skip


@pytest.mark.slow(sample=3)
@pytest.mark.parametrize("head", ["equivariant", "invariant"])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_padded_network_answers_and_learns_as_it_does_alone(name, head, random):
    space = {"sets": "set"}.get(name, name)
    alone, padded, there = padded_examples(space, 7.0, random)
    small, large = (NETWORKS[name](sizes, head=head) for sizes in (SMALL, LARGE))
    large.set_weights(small.get_weights())
    expected, found = answers_and_gradients(small, alone), answers_and_gradients(large, padded, there)
    for wanted, came in zip(expected, found, strict=True):
        np.testing.assert_allclose(came, wanted, atol=2e-5 * max(1, np.abs(wanted).max()))


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_an_empty_example_and_one_of_one_point_answer_finite_numbers(name, random):
    model = NETWORKS[name](LARGE)
    x = random.normal(size=(2, *model.input_shape[1:])).astype("float32")
    there = np.zeros(x.shape[:2], dtype=bool)
    there[1, 0] = True
    found = model(x, mask=there)
    assert np.isfinite(found).all()
    features, which = keras.Input(model.input_shape[1:]), keras.Input(there.shape[1:], dtype="bool")
    training = keras.Model([features, which], model(features, mask=which))
    training.compile("adam", "mse")
    training.fit([x, there], np.ones(found.shape), verbose=0)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


@pytest.mark.parametrize("name", LAYERS)
def test_of_nothing_answers_and_gradients_are_finite(name, random):
    layer, nothing = LAYERS[name](SPACES["set"].format(**LARGE)), np.zeros((2, 6), dtype=bool)
    layer.build((None, 6, 2))
    nothing[1, 0] = True
    features = np.where(nothing[..., None], random.normal(size=(2, 6, 2)), np.inf).astype("float32")
    for each in answers_and_gradients(layer, features, nothing, compared=False):
        assert np.isfinite(each).all()


def test_the_loss_counts_present_points(random):
    _, padded, there = padded_examples("set", 3.0, random)
    network, features = NETWORKS["sets"](LARGE), keras.Input((6, 2))
    which = keras.Input((6,), dtype="bool")
    model = keras.Model([features, which], network(features, mask=which))
    model.compile("sgd", "mse", weighted_metrics=["mse"])
    targets = random.normal(size=(*there.shape, 1)).astype("float32")
    found = model.evaluate([padded, there], targets, verbose=0)
    wanted = np.square(np.asarray(model([padded, there])) - targets)[there].mean()
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_a_mask_that_is_not_that_of_its_points_is_refused(random):
    layer = eq.EquivariantDense(3, "{p p} -> {p p} where p = S(7)")
    layer.build((None, 21, 2))
    edges, first_six = (
        random.normal(size=(2, 21, 2)).astype("float32"),
        np.array([np.arange(21) < 6, np.ones(21, dtype=bool)]),
    )
    for point in (layer, eq.EquivariantNormalization("{p p} where p = S(7)")):
        point(edges)
        with pytest.raises(eq.DeclarationError) as refused:
            point.call(edges, mask=first_six)
        assert str(refused.value) == (
            "a mask of {p p} says which points of its axes are there, and with them all that is made of them: this one leaves out "
            "{2,3}, whose points others show to be there; eq.pad(examples, mapping) puts points where they belong, and entries "
            "that nobody knows are left out with known=..."
        )
    with pytest.raises(eq.DeclarationError) as refused:
        layer.call(edges, known=np.ones((2, 7), dtype=bool))
    assert str(refused.value) == "known says of every entry whether it is: expected (2, 21), got (2, 7)"


def test_both_masks_at_once_in_sequences_and_through_keras(random):
    mapping = eq.mapping("r c -> r where r = S(4), c = S(5)")
    layer = eq.EquivariantDense(2, mapping, layout="grid", activation="sigmoid")
    x = random.normal(size=(2, 3, 4, 5, 2)).astype("float32")
    rows, columns = (random.random((2, 3, size)) < 0.8 for size in (4, 5))
    there, known = rows[..., None] & columns[..., None, :], random.random((2, 3, 4, 5)) < 0.7
    found = layer(x, mask=there, known=known)
    assert found.shape == (2, 3, 4, 2)
    shown = rows & there.any(axis=(2, 3))[..., None]
    np.testing.assert_array_equal(found._keras_mask, shown)
    np.testing.assert_array_equal(np.asarray(found)[~shown], 0)
    np.testing.assert_allclose(np.asarray(found)[shown], np.asarray(layer(x, known=known & there))[shown], atol=1e-6)
    # The same in a model, whose mask comes with the features.
    features, entries = keras.Input((3, 4, 5, 2)), keras.Input((3, 4, 5), dtype="bool")
    which = keras.Input((3, 4, 5), dtype="bool")
    model = keras.Model([features, which, entries], layer(features, mask=which, known=entries))
    np.testing.assert_allclose(model([x, there, known]), found, atol=1e-6)
    tensor = keras.ops.convert_to_tensor(x)
    tensor._keras_mask = keras.ops.convert_to_tensor(there)
    np.testing.assert_allclose(layer(tensor, known=known), found, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "float64", "mixed_bfloat16"])
def test_masks_in_other_dtypes(dtype, random):
    text, x = "{p p} -> p where p = S(6)", random.normal(size=(3, 15, 2))
    there = space_mask(eq.mapping(text).input, [random.random((3, 6)) < 0.8])
    reference, layer = eq.EquivariantDense(3, text, dtype="float64"), eq.EquivariantDense(3, text, dtype=dtype)
    for each in (reference, layer):
        each.build((None, 15, 2))
    layer.set_weights(reference.get_weights())
    for options in ({"mask": there}, {"known": there}):
        expected, found = (np.asarray(keras.ops.cast(each(x, **options), "float64")) for each in (reference, layer))
        np.testing.assert_allclose(found, expected, atol={"float64": 1e-12}.get(dtype, 0.03))


@pytest.mark.parametrize(
    "declaration", ["{p p} -> p where p = S(4)", "r c -> c where r = S(3), c = C(4)", "1 -> p where p = S(3)"]
)
def test_masks_by_axis_say_more_than_those_of_a_space(declaration, random):
    mapping = eq.mapping(declaration)
    layer = eq.EquivariantDense(3, mapping, use_bias=True, bias_initializer="ones", layout="flat")
    x = random.normal(size=(5, mapping.input.size, 2)).astype("float32")
    # A graph of one node has no edge, and yet a node.
    masks = [np.arange(axis.group.degree) < np.arange(5)[:, None] for axis in mapping.axes]
    inputs, outputs = space_mask(mapping.input, masks), space_mask(mapping.output, masks)
    found = layer(x, mask={axis.name: mask for axis, mask in zip(mapping.axes, masks, strict=True)})
    np.testing.assert_array_equal(found._keras_mask, outputs)
    theta, orbits = np.asarray(layer.kernel), eq.orbits(mapping)
    expected = [
        np.einsum("ijab,ja->ib", masked_matrix(orbits, theta, row), each) + 1
        for row, each in zip(inputs, x, strict=True)
    ]
    np.testing.assert_allclose(found, np.where(outputs[..., None], expected, 0), atol=1e-5)


def test_masks_by_axis_of_every_layer(random):
    nodes = np.array([[True, True, False, True], [True, False, False, False]])
    x = random.normal(size=(2, 6, 2)).astype("float32")
    edges = space_mask(eq.mapping("{p p} -> {p p} where p = S(4)").input, [nodes])
    for name, make in LAYERS.items():
        layer = make("{p p} where p = S(4)")
        found = layer(x, mask={"p": nodes})
        np.testing.assert_array_equal(found, layer(x, mask=edges), err_msg=name)
        shown = found._keras_mask if "_keras_mask" in vars(found) else None
        assert (shown is None) == (found.shape[1] != 6)


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ({"q": (2, 4)}, "the masks name 'q', and {p p} -> p where p = S(4) has the axes p: one mask for each axis of which points are missing"),
        ({"p": (2, 6)}, "the mask of p says of each of its points whether it is there: expected (2, 4), got (2, 6)"),
    ],
)  # fmt: skip
def test_masks_of_other_axes_are_refused(masks, message):
    layer = eq.EquivariantDense(3, "{p p} -> p where p = S(4)")
    layer.build((None, 6, 2))
    with pytest.raises(eq.DeclarationError) as refused:
        layer.call(np.zeros((2, 6, 2)), mask={name: np.ones(shape, dtype=bool) for name, shape in masks.items()})
    assert str(refused.value) == message
