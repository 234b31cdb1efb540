"""verify: it holds for what is equivariant, and each of its checks can fail."""

from __future__ import annotations

import dataclasses
import re

import keras
import numpy as np
import pytest

import eqgen as eq
from eqgen.layers.equivariance.rounding import EPS
from eqgen.layers.linear import LinearMap
from eqgen.orbitals.certificate import burnside_count, certify
from eqgen.verification.outputs import equivariant_layers
from helpers.forms import joined
from helpers.sampling import examples
from helpers.tampering import tamper

EDGES = "{p p} -> {p p} where p = S(5)"
DECLARATIONS = [
    EDGES,
    "p p + p + 1 -> p where p = S(4)",
    "h w -> h w where h = C(3), w = D(4)",
    "p -> 1 where p = C(5)",
    "1 -> p where p = (1 2)(3 4)(5)",
    "p q p -> q + 1 where p = S(3), q = C(2)",
    "1 -> 1",
]


def checks_of(report):
    return {check.name: check.holds for check in report.checks}


@pytest.mark.slow
@pytest.mark.parametrize("declaration", DECLARATIONS)
@pytest.mark.parametrize("units", [None, 3])
def test_every_layer_verifies_before_and_after_it_is_built(units, declaration):
    layer = eq.EquivariantDense(units, declaration, use_bias=True, activation="relu")
    unbuilt = eq.verify(layer)
    assert unbuilt
    assert checks_of(unbuilt)["form"] is None
    n = layer.mapping.input.size
    layer(np.zeros((1, n) if units is None else (1, n, 2)))
    report = eq.verify(layer)
    assert report
    assert report.dtype == "float64"
    assert report.max_error <= report.tolerance == 100 * np.finfo(np.float64).eps
    assert all(checks_of(report).values())


def test_a_report_reads_like_this():
    report = eq.verify(eq.EquivariantDense(8, EDGES, name="edges"))
    lines = str(report).splitlines()
    assert lines[:5] == [
        f"EquivariantDense 'edges': {EDGES}",
        "  program    holds    gather: it sums to the declared labels, 10 x 10 entries",
        "  invariant  holds    the labels are unchanged by each of 2 generators",
        "  complete   holds    3 orbits, each generated from one pair; Burnside's count over 120 elements says 3",
        "  form       skipped  the layer is not built yet, so there is no matrix to look at",
    ]
    assert re.fullmatch(
        r"  numeric    holds    float64, 10 group elements, 92 inputs: largest relative difference \d\.\de-1\d "
        r"\(tolerance 2\.2e-14\)",
        lines[5],
    )
    assert lines[6] == "  => verified"


def test_a_group_too_large_to_enumerate_is_said_to_be_skipped():
    report = eq.verify(eq.EquivariantDense(2, "p -> p where p = S(12)"))
    assert report
    assert report.certificate.burnside is None
    assert (
        "2 orbits, each generated from one pair; Burnside's count: the group is too large to enumerate (order 479001600)"
        in str(report)
    )


@pytest.mark.parametrize("declaration", DECLARATIONS)
def test_burnside_counts_what_the_orbits_are(declaration):
    orbits = eq.orbits(declaration)
    assert burnside_count(orbits.mapping) == orbits.rank


@pytest.mark.slow(sample=1)
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu"])
def test_a_saturating_activation_raises_no_false_alarm(activation):
    # Large inputs: the output stays near 1 while the rounding of what the activation is given grows.
    keras.utils.set_random_seed(0)
    for declaration in ("p -> p where p = C(48)", "p -> p where p = C(12)"):
        for units in (2, 64):
            layer = eq.EquivariantDense(units, declaration, activation=activation, use_bias=True)
            layer(np.ones((1, layer.pattern.shape[1], 16), dtype="float32"))
            layer.set_weights([50 * weight for weight in layer.get_weights()])
            assert eq.verify(layer)


# --- break it, and see each check fail


def built(declaration=EDGES, units=2, **options):
    layer = eq.EquivariantDense(units, declaration, **options)
    n = layer.pattern.shape[1]
    layer(np.zeros((1, n) if units is None else (1, n, 2)))
    return layer


@pytest.mark.parametrize("declaration", [EDGES, "a -b; b a"])
def test_no_layer_is_made_to_verify_one(declaration, monkeypatch):
    layer = built(declaration, use_bias=declaration == EDGES)

    def refused(*_, **__):
        raise AssertionError("verify made a layer")

    monkeypatch.setattr(eq.EquivariantDense, "__init__", refused)
    assert eq.verify(layer)


@pytest.mark.parametrize("entry", [(0, 0), (3, 4), (9, 9), (2, 7)])
def test_a_table_tampered_with_by_one_entry_fails(entry):
    layer = built(lowering="gather")
    tamper(layer, entry)
    report = eq.verify(layer)
    assert not report
    assert checks_of(report) == {
        "program": False, "invariant": False, "complete": None, "form": False, "numeric": False, "as it is": False,
    }  # fmt: skip
    assert report.certificate.violation.startswith("generator 1 of p, (1 2 3 4 5) moves entry (")


def test_a_tampered_pattern_fails_too():
    layer = built(lowering="pooled")
    layer.orbits.pattern.signed_labels.setflags(write=True)
    layer.orbits.pattern.signed_labels[2, 3] = 1
    assert checks_of(eq.verify(layer))["program"] is False


def test_merged_orbits_are_invariant_but_not_complete():
    orbits = eq.orbits(EDGES)
    merged = np.where(orbits.labels == 2, 1, orbits.labels)
    certificate = certify(orbits.mapping, joined(merged, orbits.signs))
    assert certificate.invariant
    assert certificate.complete is False
    assert not certificate


def test_a_flipped_sign_is_a_violation():
    orbits = eq.orbits(EDGES)
    signs = np.array(orbits.signs)
    signs[0, 0] = -1
    assert not certify(orbits.mapping, joined(orbits.labels, signs))


def test_a_transposed_table_is_a_violation():
    orbits = eq.orbits("p -> p where p = (1 2 3)(4 5), (1 2)")
    assert certify(orbits.mapping, orbits.pattern.signed_labels)
    odd = eq.orbits(eq.mapping("p -> p", p=[[1, 2, 0, 3]]))
    table = odd.labels.copy()
    table[0, 3], table[3, 0] = table[3, 0], table[0, 3]
    assert not certify(odd.mapping, joined(table, odd.signs))


def test_labels_of_the_wrong_group_are_a_violation():
    cyclic = eq.orbits("p -> p where p = C(6)")
    dihedral = eq.mapping("p -> p where p = D(6)")
    assert not certify(dihedral, cyclic.pattern.signed_labels).invariant


@pytest.mark.parametrize("entry", [(0, 1), (1, 1)])
def test_an_entry_that_is_applied_otherwise_than_declared_fails(entry, monkeypatch):
    from eqgen.layers.execution.kinds import gather as execute

    layer = built("a -b 0; b a c", units=None)
    assert eq.verify(layer)
    whole = execute.gather_weight

    def broken(table, theta):
        weight = keras.ops.convert_to_numpy(whole(table, theta)).copy()
        weight[0, entry[1], entry[0], 0] = np.nextafter(weight[0, entry[1], entry[0], 0], np.float32(9))
        return keras.ops.convert_to_tensor(weight)

    monkeypatch.setattr(execute, "gather_weight", broken)
    report = eq.verify(layer)
    assert checks_of(report)["form"] is False
    assert checks_of(report)["program"] is True
    assert "of W is not the number of its parameter" in str(report)


@pytest.mark.parametrize(("row", "generator"), [(9, 1), (0, 1)])
def test_a_bias_that_breaks_the_symmetry_fails(row, generator):
    layer = built("p -> {p p} + p where p = S(5)", use_bias=True)
    table = layer.linear.bias_table
    index = table.index.copy()
    index[0, row] = 1
    layer._linear = dataclasses.replace(layer.linear, bias_table=dataclasses.replace(table, index=index))
    report = eq.verify(layer)
    assert checks_of(report)["bias"] is False
    assert not report


def test_a_bias_that_only_the_second_generator_moves_fails():
    layer = built("p -> p + p where p = (1 2)(3 4), (1 3)(2 4)", use_bias=True)
    table = layer.linear.bias_table
    index = table.index.copy()
    # The biases of {1, 2} and of {3, 4} in the first term: unchanged by the first generator.
    index[0, 2:4] = 1
    layer._linear = dataclasses.replace(layer.linear, bias_table=dataclasses.replace(table, index=index))
    report = eq.verify(layer)
    assert checks_of(report)["bias"] is False
    assert "generator 2 of p, (1 3)(2 4) moves the shared biases" in str(report)


def test_a_subclass_is_tried_as_it_is():
    class Positional(eq.EquivariantDense):
        def call(self, inputs):
            outputs = super().call(inputs)
            return outputs * keras.ops.cast(keras.ops.arange(10), outputs.dtype)[:, None]

    layer = Positional(2, EDGES)
    layer(np.zeros((1, 10, 2)))
    assert not eq.verify(layer)
    assert eq.verify(built())


def test_an_activation_that_knows_positions_fails_even_with_zero_weights():
    def positional(x):
        return x * keras.ops.cast(keras.ops.arange(10), x.dtype)[:, None]

    layer = eq.EquivariantDense(2, EDGES, activation=positional)
    layer(np.zeros((1, 10, 2)))
    layer.set_weights([np.zeros(layer.kernel.shape)])
    assert not eq.verify(layer)


@pytest.mark.slow(sample=2)
@pytest.mark.parametrize("activation", ["exponential", "softplus", "gelu"])
@pytest.mark.parametrize("factor", [1, 2, 50])
def test_steep_activations_raise_no_false_alarm(activation, factor):
    for seed in range(examples(4)):
        keras.utils.set_random_seed(seed)
        layer = built("p -> p where p = C(24)", units=4, activation=activation)
        layer.set_weights([factor * weight for weight in layer.get_weights()])
        report = eq.verify(layer)
        assert checks_of(report)["numeric"] is not False, str(report)


def test_an_activation_that_is_a_layer():
    layer = built("p -> p where p = C(5)", activation=keras.layers.PReLU(shared_axes=[1]))
    assert eq.verify(layer)


def test_a_lambda_activation_raises_no_warning():
    assert eq.verify(built("p -> p where p = C(5)", activation=lambda x: x * keras.ops.sigmoid(x)))


def test_a_typed_layer_with_weights_that_are_not_numbers_fails():
    layer = built("a b; b a", units=None)
    layer.set_weights([np.array([np.nan, 1.0])])
    assert not eq.verify(layer)


def test_weights_that_are_not_numbers_fail():
    layer = built()
    layer.set_weights([np.full(layer.kernel.shape, np.nan)])
    report = eq.verify(layer)
    assert checks_of(report)["numeric"] is False
    assert report.max_error == float("inf")


# --- typed patterns


def test_a_typed_pattern_is_checked_for_its_form():
    report = eq.verify(built("a -b; b a", bias="u v", use_bias=True))
    assert report
    assert report.certificate is None
    assert checks_of(report) == {"program": True, "form": True, "numeric": True}
    assert str(report).startswith("EquivariantDense")
    assert "pattern a -b; b a" in str(report)


def test_a_typed_pattern_tampered_with_fails():
    layer = built("a -b; b a")
    tamper(layer, (0, 0))
    assert not eq.verify(layer)


def test_a_typed_layer_that_applies_another_matrix_than_it_shows_fails(monkeypatch):
    layer = built("a -b; b a")
    shown = LinearMap.matrix
    monkeypatch.setattr(LinearMap, "matrix", lambda *arguments: shown(*arguments) * (1 + 1e-10))
    assert checks_of(eq.verify(layer))["numeric"] is False


def test_a_typed_pattern_can_be_held_to_a_group():
    circulant = built("a b c; c a b; b c a", units=None)
    assert eq.verify(circulant, "p -> p where p = C(3)")
    assert not eq.verify(circulant, "p -> p where p = S(3)")


# --- whole models


def invariant_model(*last):
    return keras.Sequential(
        [
            keras.Input((10, 1)),
            eq.EquivariantDense(8, EDGES, activation="gelu"),
            eq.EquivariantDense(8, EDGES, activation="gelu"),
            *last,
        ]
    )


def test_a_whole_model_is_checked_in_its_own_dtype():
    model = invariant_model(
        eq.EquivariantDense(4, "{p p} -> 1 where p = S(5)"), keras.layers.Flatten(), keras.layers.Dense(1)
    )
    report = eq.verify(model, "{p p} -> 1 where p = S(5)")
    assert report
    assert report.dtype == "float32"
    assert report.tolerance == 100 * np.finfo(np.float32).eps
    assert report.certificate is None
    assert eq.verify(invariant_model(), EDGES)


def test_a_positional_layer_is_found_out():
    model = invariant_model(keras.layers.Flatten(), keras.layers.Dense(1))
    report = eq.verify(model, "{p p} -> 1 where p = S(5)")
    assert not report
    assert report.max_error > 1e-3
    assert re.search(r"under generator [12] of p, \(1 2", str(report))


def test_a_model_with_less_symmetry_names_a_generator_that_breaks_it():
    layer = keras.layers.Dense(4, use_bias=False)
    model = keras.Sequential([keras.Input((4,)), layer])
    first, second = 2.0, 5.0
    layer.set_weights([np.array([[first if (i - j) % 4 in (0, 1) else second for j in range(4)] for i in range(4)])])
    assert eq.verify(model, "p -> p where p = C(4)", training=False)
    report = eq.verify(model, "p -> p where p = C(4)", words=0, training=False)
    assert report
    report = eq.verify(model, eq.mapping("p -> p", p="(1 2)(3)(4)"), words=0)
    assert not report
    assert "under generator 1 of p, (1 2)" in str(report)


def test_a_grid_model_and_a_channelless_model():
    board = keras.Sequential([keras.Input((3, 3, 2)), eq.EquivariantDense(4, "h w -> h w where h = C(3), w = C(3)")])
    assert eq.verify(board, "h w -> h w where h = C(3), w = C(3)")
    convolution = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(2, 3, padding="same")])
    assert not eq.verify(convolution, "h w -> h w where h = C(4), w = C(4)")
    plain = keras.Sequential(
        [keras.Input((4,)), keras.layers.Lambda(lambda x: x - keras.ops.mean(x, -1, keepdims=True))]
    )
    assert eq.verify(plain, "p -> p where p = S(4)")


def test_a_subclassed_model_takes_an_input_shape():
    class Mean(keras.Model):
        def call(self, inputs):
            return keras.ops.mean(inputs, axis=1)

    assert eq.verify(Mean(), "p -> 1 where p = S(6)", input_shape=(6, 3))


def test_points_that_the_model_leaves_open_come_from_the_mapping():
    inputs = keras.Input((None, 3))
    model = keras.Model(inputs, keras.ops.max(inputs, axis=1))
    assert eq.verify(model, "p -> 1 where p = S(6)")


def test_eqgen_layers_are_found_in_nested_models():
    inner = keras.Sequential([keras.Input((10, 1)), eq.EquivariantDense(2, EDGES, name="inside")], name="inner")
    model = keras.Sequential([keras.Input((10, 1)), inner, eq.EquivariantDense(2, EDGES, name="outside")])
    assert [layer.name for layer in equivariant_layers(model)] == ["inside", "outside"]


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        (lambda: keras.Sequential([keras.layers.Dense(3, name="d")], name="m"), (), "'m' carries no declaration: say what it should be equivariant to, as in verify(model, \"{p p} -> p where p = S(5)\")"),
        (lambda: keras.Sequential([keras.layers.Dense(3)], name="m"), ("p -> p where p = S(3)",), "'m' does not know the shape of its input: pass it without the batch, as in input_shape=(3, 1)"),
        (lambda: keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)], name="m"), ("p -> p where p = S(3)",), "'m' takes inputs of shape (batch, 4), p -> p where p = S(3) needs (batch, 3) or (batch, 3, channels)"),
        (lambda: keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)], name="m"), ("p -> p where p = S(3)",), "'m' answers in shape (batch, 4), p -> p where p = S(3) needs (batch, 3) or (batch, 3, channels)"),
    ],
)  # fmt: skip
def test_what_cannot_be_checked_is_refused(model, arguments, message):
    with pytest.raises(eq.DeclarationError, match=f"^{re.escape(message)}$"):
        eq.verify(model(), *arguments)


@pytest.mark.slow
def test_outputs_that_cancel_raise_no_false_alarm():
    for seed in range(examples(12)):
        keras.utils.set_random_seed(seed)
        model = invariant_model(
            eq.EquivariantDense(4, "{p p} -> 1 where p = S(5)"), keras.layers.Flatten(), keras.layers.Dense(1)
        )
        _, bias = model.layers[-1].get_weights()
        # The answer is the difference of two nearly equal channels.
        model.layers[-1].set_weights([np.array([[1.0], [-1.0], [0.0], [0.0]]), bias])
        mixed = model.layers[2].get_weights()[0]
        mixed[:, :, 1] = mixed[:, :, 0] * 1.0001
        model.layers[2].set_weights([mixed])
        assert eq.verify(model, "{p p} -> 1 where p = S(5)")


class Channels(keras.Model):
    """A model made of a function of features (batch, 5, 1)."""

    def __init__(self, function, **kwargs):
        super().__init__(**kwargs)
        self.function = function
        self.dense = keras.layers.Dense(5)

    def call(self, inputs):
        return self.function(inputs, self.dense(inputs[..., 0])[..., None])


POINTS = "p -> p where p = S(5)"


def test_a_constant_does_not_hide_a_violation():
    hidden = Channels(lambda x, positional: positional * 1e-3 + 1e4)
    report = eq.verify(hidden, POINTS, input_shape=(5, 1))
    assert not report
    assert str(report).endswith("=> NOT VERIFIED")


def test_a_large_channel_does_not_hide_a_small_one():
    mixed = Channels(lambda x, positional: keras.ops.concatenate([1e6 * x, positional], axis=-1))
    assert str(eq.verify(mixed, POINTS, input_shape=(5, 1))).endswith("=> NOT VERIFIED")


def test_a_model_that_always_answers_the_same_shows_nothing():
    dead = Channels(lambda x, positional: keras.ops.relu(-1e9 - positional * 1e-3))
    report = eq.verify(dead, POINTS, input_shape=(5, 1))
    assert report.checks[0].holds is None
    assert not report


@pytest.mark.parametrize("wrong", [2e-5, 1e-3])
def test_a_model_that_is_wrong_by_little_more_than_rounding_fails(wrong):
    nearly = Channels(lambda x, positional: x + wrong * x * keras.ops.arange(5, dtype="float32")[:, None])
    assert not eq.verify(nearly, POINTS, input_shape=(5, 1))


def test_a_model_in_half_precision_inside_a_float32_container_is_made_again():
    half = [eq.EquivariantDense(4, POINTS, dtype="mixed_float16") for _ in range(2)]
    model = keras.Sequential([keras.Input((5, 3)), *half])
    report = eq.verify(model, POINTS)
    assert report.dtype == "float32"
    assert report


def test_dropout_is_off():
    model = keras.Sequential([keras.Input((5, 3)), eq.EquivariantDense(4, POINTS), keras.layers.Dropout(0.5)])
    assert eq.verify(model, POINTS)


def test_integer_inputs_are_refused():
    inputs = keras.Input((5,), dtype="int32")
    model = keras.Model(inputs, keras.layers.Embedding(7, 2)(inputs), name="m")
    message = "'m' takes int32 inputs: verify moves real features; check the part of the model after its embedding"
    with pytest.raises(eq.DeclarationError, match=f"^{message}$"):
        eq.verify(model, POINTS)


@pytest.mark.parametrize("thing", [np.eye(5), None])
def test_what_is_no_keras_layer_and_no_function_is_refused(thing):
    with pytest.raises(
        eq.DeclarationError, match=r"^verify takes a Keras layer or model, or a function of arrays, got "
    ):
        eq.verify(thing, POINTS)


def test_models_with_several_inputs_want_a_term_for_each():
    left, right = keras.Input((3,)), keras.Input((3,))
    model = keras.Model([left, right], left + right, name="m")
    with pytest.raises(
        eq.DeclarationError,
        match=r"^'m' has 2 inputs, and the input of p -> p where p = S\(3\) is a sum of 1 term: declare one term for each input$",
    ):
        eq.verify(model, "p -> p where p = S(3)")


def test_a_right_layer_is_verified_where_a_gpu_rounds_products(monkeypatch):
    """Its parameters are of single precision: in float64 they go through its transforms in float64, too."""
    monkeypatch.setattr("eqgen.layers.equivariance.arithmetic.rounds_products", lambda: True)
    layer = eq.EquivariantDense(4, "p -> p where p = D(64)")
    layer.build((None, 64, 4))
    report = eq.verify(layer)
    assert report
    assert "float32, products rounded to 10 bits (TF32), 10 group elements" in str(report)


def test_a_map_of_many_terms_is_called_seldom(monkeypatch):
    """A hundred pairs of terms cost a second a call."""
    calls = []
    original = LinearMap.__call__

    def counted(self, features, kernel, bias, dtype):
        calls.append(len(features))
        return original(self, features, kernel, bias, dtype)

    monkeypatch.setattr(LinearMap, "__call__", counted)
    layer = eq.EquivariantDense(2, "p + q -> p + q where p = S(3), q = C(4)")
    layer.build((None, 7, 1))
    assert eq.verify(layer)
    # Unit inputs, float64 with two kernels, and as it is.
    assert len(calls) == 4


def test_what_is_random_in_training_leaves_the_verdict_open():
    class Shaken(keras.layers.Layer):
        def call(self, inputs, training=False):
            return (
                inputs + keras.random.normal((5, 1)) * np.arange(5.0, dtype="float32")[:, None] if training else inputs
            )

    assert eq.verify(Shaken(), "p -> p where p = S(5)", input_shape=(5, 2)).verdict == "UNDECIDED"


def test_an_activation_of_a_layer_that_is_not_built_is_left_as_it_is():
    activation = keras.layers.PReLU()
    layer = eq.EquivariantDense(4, "h w -> h w where h = C(3), w = C(4)", layout="grid", activation=activation)
    assert not eq.verify(layer)
    assert not activation.built
    assert layer(np.zeros((1, 3, 4, 2), dtype="float32")).shape == (1, 3, 4, 4)


def test_the_rounding_of_double_precision_fails_nothing(monkeypatch):
    """What is a millionth of the error in single precision is rounding, however many numbers are added up."""
    monkeypatch.setattr("eqgen.layers.equivariance.arithmetic.rounds_products", lambda: True)
    monkeypatch.setitem(EPS, "float64", 2.0**-60)
    layer = eq.EquivariantDense(4, "p -> p where p = D(64)")
    layer.build((None, 64, 4))
    assert eq.verify(layer)
