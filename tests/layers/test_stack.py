"""Whole networks, what they hold, and layers that do not belong in them."""

from __future__ import annotations

import re

import keras
import numpy as np
import pytest

import eqgen as eq
from eqgen.common.errors import DeclarationError

S10 = "p -> p where p = S(10)"


@pytest.mark.slow(sample=2)
@pytest.mark.parametrize(
    ("mappings", "whole", "options"),
    [
        (S10, "p -> 1 where p = S(10)", {"head": "invariant"}),
        (S10, S10, {}),
        ("{p p} -> p where p = S(5)", "{p p} -> p where p = S(5)", {"channels": 3, "outputs": 2}),
        ("~p -> ~p where p = S(4)", "~p -> ~p where p = S(4)", {}),
        ("p -> p where p = (1 2)(3 4 5)", "p -> 1 where p = (1 2)(3 4 5)", {"head": "invariant"}),
        ("h w -> h w where h = C(3), w = D(4)", "h w -> h w where h = C(3), w = D(4)", {"activation": "relu"}),
        (
            S10,
            "p -> 1 where p = S(10)",
            {"head": keras.Sequential([keras.layers.GlobalMaxPooling1D(), keras.layers.Dense(3)])},
        ),
    ],
)
def test_a_network_is_equivariant_as_a_whole(mappings, whole, options):
    assert eq.verify(eq.network(mappings, [8, 8, 8], **options), whole)


def test_spaces_may_change_on_the_way():
    text = "where r = S(3), c = S(4)"
    model = eq.network(
        [f"r c -> r c {text}", f"r c -> r {text}", "r -> r where r = S(3)"], [8, 8, 8], activation="relu"
    )
    assert model.output_shape == (None, 3, 1)
    assert eq.verify(model, f"r c -> r {text}")


def test_a_network_is_saved_and_loaded(tmp_path, random):
    model = eq.network(S10, [8, 8], head="invariant")
    features = random.normal(size=(2, 10, 1)).astype("float32")
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert np.array_equal(again(features), model(features))


# Does it train as it comes? Depths and tasks are compared in docs/benchmarks/networks.md.
TASKS = {
    "spread of a set": (2, S10, {"head": "invariant"}, lambda x: x.var(axis=1)),
    "products of neighbours": (
        8,
        "p -> p where p = C(10)",
        {},
        lambda x: np.roll(x, 1, axis=1) * np.roll(x, -1, axis=1),
    ),
}


@pytest.mark.slow(sample=1)
@pytest.mark.parametrize("task", TASKS)
def test_a_network_learns_as_it_comes(task, random):
    keras.utils.set_random_seed(0)
    depth, mapping, options, answer = TASKS[task]
    model = eq.network(mapping, [32] * depth, **options)
    features = random.normal(size=(1024, 10, 1)).astype("float32")
    answers = answer(features)
    model.compile(keras.optimizers.Adam(), "mse")
    model.fit(features, answers, epochs=10, batch_size=64, verbose=0)
    assert model.evaluate(features, answers, verbose=0) < 0.25 * answers.var()


BREAKING = {
    "Flatten": lambda: {"head": keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(2)])},
    "LayerNormalization": lambda: {"normalization": lambda: keras.layers.LayerNormalization(axis=1)},
    "BatchNormalization": lambda: {"normalization": lambda: keras.layers.BatchNormalization(axis=1)},
}


CULPRITS = {
    "Flatten": r"'dense\w*' \(Dense\) after 'flatten\w*' \(Flatten\)",
    "LayerNormalization": r"'layer_normalization\w*' \(LayerNormalization\) after 'equivariant_dense\w*' \(EquivariantDense\)",
    "BatchNormalization": r"'batch_normalization\w*' \(BatchNormalization\) after 'equivariant_dense\w*' \(EquivariantDense\)",
}


@pytest.mark.parametrize(("kind", "culprit"), CULPRITS.items())
def test_a_layer_that_breaks_the_symmetry_is_refused(kind, culprit):
    with pytest.raises(DeclarationError) as refused:
        eq.network(S10, [8, 8], **BREAKING[kind]())
    assert re.fullmatch(
        f"{culprit} breaks the symmetry of {re.escape(S10)}: what it learns for one point it does not know for the points that "
        "the group moves it to; use layers that treat points alike, as EquivariantDense, EquivariantNormalization and "
        "InvariantPool do",
        str(refused.value),
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "declaration", ["p -> p where p = C(10)", "p -> p where p = C(24)", "h w -> h w where h = C(8), w = C(8)"]
)
@pytest.mark.parametrize("widths", [[64] * 2, [128] * 2, [64] * 8])
def test_rounding_is_not_taken_for_a_broken_symmetry(declaration, widths):
    eq.network(declaration, widths, activation="relu")


class Scale(keras.layers.Layer):
    """A learned factor for every point and channel, 1 at the start."""

    def build(self, shape):
        self.factors = self.add_weight(shape=shape[1:], initializer="ones")

    def call(self, inputs):
        return inputs * self.factors


class Columns(keras.layers.Layer):
    """A learned factor for each of four columns of a table, whose points come row by row."""

    def build(self, shape):
        self.factors = self.add_weight(shape=(4,), initializer="ones")

    def call(self, inputs):
        return inputs * keras.ops.tile(self.factors, inputs.shape[1] // 4)[:, None]


def test_axes_that_come_later_in_a_chain_count():
    chain = ["r -> r where r = S(3)", "a -> a b where a = S(3), b = S(4)", "r c -> r c where r = S(3), c = S(4)"]
    eq.network(chain, [4, 4, 4], activation="relu")

    # Only the second axis of the second space tells the columns apart.
    layers = iter([keras.layers.LayerNormalization, Columns, Columns])
    with pytest.raises(DeclarationError, match=r"^'columns\w*' \(Columns\) after 'equivariant_dense\w*'"):
        eq.network(chain, [4, 4, 4], normalization=lambda: next(layers)())  # noqa: PLW0108 (the next each time)


def test_each_mapping_of_a_chain_names_its_own_axes():
    eq.network(["p -> p where p = S(4)", "q -> {q q} where q = S(4)"], [4, 4], activation="relu")


def test_a_head_of_another_model_keeps_its_weights():
    head = keras.layers.Dense(2)
    keras.Sequential([keras.Input((7, 8)), head])
    before = head.get_weights()
    eq.network(S10, [8, 8], head=head)
    with pytest.raises(DeclarationError, match="breaks the symmetry"):
        eq.network(S10, [8, 8], head=head, normalization=Scale)
    assert all(np.array_equal(one, other) for one, other in zip(before, head.get_weights(), strict=True))


def test_a_model_that_shares_a_layer_with_another_is_verified():
    shared = keras.layers.Dense(4)
    keras.Sequential([keras.Input((5, 2)), shared])
    model = keras.Sequential([keras.Input((10, 2)), shared, keras.layers.Conv1D(3, 3, padding="same", name="window")])
    assert "; what breaks it is 'window' (Conv1D)" in str(eq.verify(model, S10))


def test_normalization_over_the_right_axes_is_taken(random):
    model = eq.network(S10, [8, 8], normalization=keras.layers.BatchNormalization)
    assert eq.verify(model, S10)


def test_verify_names_the_layer_that_breaks_it():
    inputs = keras.Input((10, 3))
    features = eq.EquivariantDense(4, S10)(inputs)
    features = keras.layers.Flatten(name="rolled_out")(features)
    model = keras.Model(inputs, keras.layers.Dense(2)(features))
    report = eq.verify(model, "p -> 1 where p = S(10)")
    assert not report
    assert re.search(r"; what breaks it is 'dense\w*' \(Dense\) after 'rolled_out' \(Flatten\)", str(report))


class Whole(keras.layers.Layer):
    """Holds a weight of its own beside those of a layer that it holds, and has an attribute that eqgen layers have too."""

    def __init__(self, **options):
        super().__init__(**options)
        self.points = 5
        self.inner = eq.EquivariantDense(3, "p -> p where p = S(4)", activation=keras.layers.PReLU(), name="inner")

    def build(self, shape):
        self.scale = self.add_weight(shape=(3,), name="scale")
        self.inner.build(shape)
        self.inner.activation.build((None, 4, 3))

    def call(self, inputs):
        return self.inner(inputs) * self.scale


def unbuilt_within() -> keras.Model:
    model = keras.Sequential([keras.layers.Dense(3)], name="outer")
    model.built = True
    return model


def test_a_layer_of_ones_own_is_described_by_what_it_tells():
    class Corner(keras.layers.Layer):
        def build(self, _):
            self.corner = self.add_weight(shape=(2,))

        def declared_as(self):
            return "b where b = D(4)"

        def parameters_spared(self):
            return 6

    layer = Corner(name="corner")
    layer.build(None)
    (row,) = eq.describe(layer).rows
    assert (row.kind, row.parameters, row.unconstrained) == ("Corner b where b = D(4)", 2, 8)


@pytest.mark.parametrize(
    ("declaration", "units", "channels", "lines"),
    [
        # The moves of the pocket cube: one orbit of 24 facelets, and four orbits of pairs in each row.
        (
            'f -> f where f = catalogue("pocket-cube")', 8, 6,
            ["sees at each point 4 means of each of 6 channels: 24 numbers", "6, 1 mean of each channel: of one-hot channels how often each is set, and nothing else that is linear"],
        ),
        (
            "p + {p p} + 1 -> 1 where p = S(5)", 8, 2,
            ["sees at each point 3 means of each of 2 channels: 6 numbers", "6, 3 means of each channel, one for each point orbit, and nothing else that is linear"],
        ),
        (
            "[p p] -> [p p] where p = S(5)", None, 1,
            ["sees at each point 2 means: 2 numbers", "0, signs flip, and nothing that is linear is left by all of the group"],
        ),
        (
            "p -> 1 where p = S(5)", None, 1,
            ["sees at each point 1 mean: 1 number", "1, 1 mean of each channel: of one-hot channels how often each is set, and nothing else that is linear"],
        ),
    ],
)  # fmt: skip
def test_what_the_first_layer_sees_and_what_the_group_leaves_is_described(declaration, units, channels, lines):
    layer = eq.EquivariantDense(units, declaration, name="lift")
    n = layer.mapping.input.size
    inputs = keras.Input((n,) if units is None else (n, channels))
    found = eq.describe(keras.Model(inputs, layer(inputs)))
    seen, left = str(found).splitlines()[-2:]
    assert (" ".join(seen.split()), " ".join(left.split())) == (
        f"first layer lift {lines[0]}",
        f"invariants {lines[1]}",
    )
    # The maps to one fixed point, counted by other code.
    to_one = eq.orbits(f"{layer.mapping.sides.split(' -> ')[0]} -> 1 where {declaration.split(' where ')[1]}")
    assert found.first.invariants == to_one.rank


def test_without_a_declared_layer_nothing_is_said_of_a_first_one():
    typed = keras.Sequential([keras.Input((2, 3)), eq.EquivariantDense(2, "a b; b a"), keras.layers.Dense(2)])
    assert eq.describe(typed).first is None
    assert str(eq.describe(typed)).splitlines()[-1].startswith("all ")


def test_every_parameter_is_described_once():
    shared = keras.Sequential([keras.Input((4, 3)), keras.layers.Dense(3, name="shared")])
    inputs = keras.Input((4, 2))
    features = Whole(name="whole")(inputs)
    model = keras.Model(inputs, keras.Sequential([shared])(shared(features)))
    found = eq.describe(model)
    assert found.parameters == model.count_params()
    assert [(row.name, row.kind.split()[0], row.parameters) for row in found.rows if "p_re_lu" not in row.name] == [
        ("whole", "Whole", 3),
        ("inner", "EquivariantDense", 2 * 2 * 3),
        ("shared", "Dense", 3 * 3 + 3),
    ]


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (
            lambda: eq.network([S10, "p -> p where p = S(9)"], [8, 8]),
            "layer 1 answers in p where p = S(10), layer 2 takes p where p = S(9): the spaces of a network chain, the output of each "
            "layer is the input of the next",
        ),
        (
            lambda: eq.network([S10, S10], [8]),
            "there are 2 mappings and 1 width: give one width for each layer",
        ),
        (
            lambda: eq.network(S10, []),
            "widths are the channels of each layer, positive whole numbers as in [64, 64], got []",
        ),
        (lambda: eq.network(S10, [8], channels=0), "channels is a positive whole number, got 0"),
        (
            lambda: eq.network(S10, [8], head="both"),
            'head is \'both\': expected "equivariant", "invariant" or a Keras layer',
        ),
        (
            lambda: eq.network(S10, [8], head=keras.layers.Flatten),
            f'head is {keras.layers.Flatten!r}: expected "equivariant", "invariant" or a Keras layer',
        ),
        (
            lambda: eq.network(S10, 8.0),
            "widths are the channels of each layer, positive whole numbers as in [64, 64], got 8.0",
        ),
        (
            lambda: eq.network(S10, [8, 0]),
            "widths are the channels of each layer, positive whole numbers as in [64, 64], got [8, 0]",
        ),
        (
            lambda: eq.network(S10, [8, 8], normalization="batch"),
            "normalization is 'batch', and every block has one of its own: expected a function that makes a layer, as in "
            "normalization=lambda: keras.layers.LayerNormalization()",
        ),
        (
            lambda: eq.network(S10, [8, 8], activation=keras.layers.PReLU(name="steep")),
            "activation is the layer 'steep', and every block has its own: expected a function or its name, as in \"relu\"",
        ),
        (
            lambda: eq.network("~p -> ~p where p = S(4)", [8, 8], activation="relu"),
            "activation relu is not odd, and generator 1 of p, (1 2 3 4) flips the sign of outputs of ~p -> ~p where p = S(4): the "
            "layer would not be equivariant; use an odd one, like tanh or soft_shrink, or multiply the outputs by a gate computed "
            "from their absolute values",
        ),
        (
            lambda: eq.EquivariantNormalization("p where p = S(4)", epsilon=-5),
            "epsilon is a number that is not negative, got -5",
        ),
        (
            lambda: eq.InvariantPool("a b; b a"),
            'the pattern a b; b a names no space: declare the symmetry, as in "{p p} where p = S(5)"',
        ),
        (
            lambda: eq.describe(keras.layers.Dense(3, name="new")),
            "'new' has no weights yet: call it on an input, or build it with a shape",
        ),
        (
            lambda: eq.describe(unbuilt_within()),
            "'outer' has no weights yet: call it on an input, or build it with a shape",
        ),
        (lambda: eq.describe(3), "describe takes a Keras model or layer, got int"),
        (
            lambda: eq.InvariantPool("{p p} -> p where p = S(4)"),
            "this layer lives on one space, and {p p} -> p where p = S(4) leads from one to another: write the space alone, as in "
            '"{p p} where p = S(5)"',
        ),
        (
            lambda: eq.InvariantPool("~p where p = S(4)"),
            "signs flip in ~p where p = S(4), so its mean, sum or largest feature is not invariant: pool absolute values or "
            "products of pairs",
        ),
        (lambda: eq.InvariantPool("p where p = S(4)", "median"), 'mode is \'median\': expected "mean", "sum" or "max"'),
        (
            lambda: eq.EquivariantNormalization("p where p = S(4)")(np.zeros((2, 5, 3))),
            "expected (..., 4, channels) for the 4 points of p where p = S(4), got (2, 5, 3)",
        ),
        (
            lambda: eq.EquivariantAttention(0, 4, "p where p = S(4)"),
            "num_heads is a positive whole number, got 0",
        ),
        (
            lambda: eq.EquivariantAttention(1, 4, "p -> p where p = (1 2)(3) support 1 <- 1, 1 <- 2"),
            "the support of p -> p where p = (1 2)(3) support 1 <- 1, 1 <- 2 leaves point 3 nothing to attend to: add its pair "
            "with itself",
        ),
    ],
)
def test_bad_input(use, message):
    with pytest.raises(DeclarationError) as refused:
        use()
    assert str(refused.value) == message


def test_the_description_counts():
    model = eq.network(S10, [8, 8], channels=2, head="invariant")
    found = eq.describe(model)
    # 2 orbits of pairs x channels, scale and shift of one orbit, and the head.
    assert found.parameters == 2 * 2 * 8 + 2 * 8 * 8 + 2 * 16 + 9 == model.count_params()
    assert found.unconstrained == 100 * 2 * 8 + 100 * 8 * 8 + 2 * 160 + 9
    *_, all_of_it, _, _ = str(found).splitlines()
    assert all_of_it.split() == ["all", "201", "8,329", "41.4"]
