"""From Dense to equivariant and back, and from a symmetry to a smaller one: nothing is lost on the way."""

from __future__ import annotations

import warnings

import keras
import numpy as np
import pytest

import eqgen as eq
from eqgen.common.errors import DeclarationError

SPACES = [
    "p -> p where p = C(8)",
    "{p p} -> p where p = S(5)",
    "p -> ~p where p = S(2)",
    "p -> p where p = C(7) support 1 <- 1, 1 <- 2",
    "h w -> w where h = S(3), w = D(4)",
]


def built(declaration: str, units: int | None = 3, channels: int = 2, **options) -> eq.EquivariantDense:
    layer = eq.EquivariantDense(units, declaration, layout="flat", **options)
    n = layer.mapping.input.size
    layer.build((None, n) if units is None else (None, n, channels))
    return layer


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize("units", [None, 3])
@pytest.mark.parametrize("declaration", SPACES)
def test_a_round_trip_keeps_the_bits_of_sums(declaration, units, use_bias, dtype, random):
    use_bias = use_bias and "~" not in declaration
    layer = built(declaration, units, aggregation="sum", use_bias=use_bias, bias_initializer="normal", dtype=dtype)
    dense = layer.to_dense()
    again = eq.symmetrize(dense, declaration, aggregation="sum")
    for before, after in zip(layer.get_weights(), again.get_weights(), strict=True):
        assert before.dtype == after.dtype
        assert np.array_equal(before, after)
    n = layer.mapping.input.size
    features = random.normal(size=(4, n) if units is None else (4, n, 2)).astype(dtype)
    flat = np.asarray(dense(features.reshape(4, -1)))
    assert np.allclose(flat, np.asarray(layer(features)).reshape(4, -1), atol=1e-5)


@pytest.mark.parametrize("declaration", SPACES)
def test_a_round_trip_of_means_is_within_one_unit_in_the_last_place(declaration):
    layer = built(declaration, aggregation="mean")
    again = eq.symmetrize(layer.to_dense(), declaration, aggregation="mean")
    (before,), (after,) = layer.get_weights(), again.get_weights()
    assert (np.abs(before - after) <= np.spacing(np.abs(before))).all()


def test_the_nearest_layer_is_nearer_than_any_other(random):
    dense = keras.layers.Dense(8, use_bias=False)
    dense.build((None, 8))
    found = eq.symmetrize(dense, "p -> p where p = C(8)")
    kernel = np.asarray(dense.kernel).T
    labels = eq.orbits("p -> p where p = C(8)").labels
    # Least squares over the eight orbit matrices, by numpy.
    basis = np.stack([(labels == label).ravel() for label in range(8)], axis=1).astype(float)
    best = np.linalg.lstsq(basis, kernel.ravel(), rcond=None)[0]
    assert np.allclose(found.weight_matrix(), best[labels], atol=1e-6)


def test_the_bias_becomes_its_mean_over_each_point_orbit(random):
    dense = keras.layers.Dense(5, use_bias=True)
    dense.build((None, 5))
    dense.bias.assign(random.normal(size=5))
    found = eq.symmetrize(dense, "p + q -> p + q where p = S(2), q = S(3)")
    before = np.asarray(dense.bias)
    np.testing.assert_allclose(found.get_weights()[1], [before[:2].mean(), before[2:].mean()], rtol=1e-6)


def test_where_signs_turn_a_bias_its_mean_is_signed(random):
    # The sign of the swap turns point 2 against point 1, so that b and -b average to b.
    group = eq.group([([1, 0], [-1, -1])])
    dense = keras.layers.Dense(2)
    dense.build((None, 2))
    dense.bias.assign([3.0, -1.0])
    found = eq.symmetrize(dense, eq.mapping("j -> j", j=group))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found.linear.bias_on_points(found.bias)).ravel(), [2.0, -2.0])


def test_what_comes_along_to_a_smaller_symmetry():
    layer = built(
        "p -> p where p = C(8)",
        use_bias=True,
        kernel_regularizer="l2",
        bias_regularizer="l1",
        kernel_constraint="non_neg",
        activation="tanh",
        trainable=False,
        name="kept",
        dtype="float64",
    )
    finer = layer.restrict("(1 3 5 7)(2 4 6 8)")
    before, after = layer.get_config(), finer.get_config()
    for config in (before, after):
        for told in ("declaration", "fingerprint", "kernel_initializer"):
            del config[told]
    assert before == after
    assert (finer.name, finer.trainable) == ("kept", False)


def test_what_is_frozen_stays_frozen():
    dense = keras.layers.Dense(3, trainable=False)
    dense.build((None, 3))
    found = eq.symmetrize(dense, "p -> p where p = S(3)")
    assert (found.trainable, found.to_dense().trainable) == (False, False)


def test_activation_and_name_come_along():
    dense = keras.layers.Dense(3, activation="relu", name="kept")
    dense.build((None, 3))
    found = eq.symmetrize(dense, "p -> p where p = S(3)")
    assert (found.name, found.activation, found.use_bias) == ("kept", keras.activations.relu, True)
    back = found.to_dense()
    assert (back.name, back.activation) == ("kept", keras.activations.relu)


FINER = [
    ("p -> p where p = C(8)", "C(4) * C(4)", None),
    ("p -> p where p = C(8)", "(1 3 5 7)(2 4 6 8)", 16),
    ("p -> p where p = S(4)", "C(4)", 4),
    ("p -> p where p = S(4)", "p -> p where p = (1 2)(3)(4)", 10),
    ("~p -> ~p where p = S(4)", "~p -> ~p where p = C(4)", 4),
    ("{p p} -> p where p = S(5)", "D(5)", 6),
    ("p -> p where p = D(7) support 1 <- 1, 1 <- 2", "C(7)", 3),
    ("h w -> h w where h = S(3), w = S(3)", "h w -> h w where h = C(3), w = S(3)", 6),
]


@pytest.mark.slow
@pytest.mark.parametrize("aggregation", ["sum", "mean"])
@pytest.mark.parametrize(("coarse", "finer", "rank"), FINER[1:])
def test_a_smaller_symmetry_keeps_the_weights(coarse, finer, rank, aggregation, random):
    use_bias = "~" not in coarse
    layer = built(coarse, aggregation=aggregation, use_bias=use_bias, bias_initializer="normal", activation="tanh")
    found = layer.restrict(finer)
    assert found.rank == rank > layer.rank
    features = random.normal(size=(3, layer.mapping.input.size, 2)).astype("float32")
    assert np.allclose(found(features), layer(features), atol=1e-5)
    if aggregation == "sum":
        assert np.array_equal(found.weight_matrix(), layer.weight_matrix())
    assert eq.verify(found)


def test_a_lowering_that_the_smaller_symmetry_lacks_is_replaced_and_a_warning_says_so(random):
    layer = built("{p p} -> {p p} where p = S(5)", lowering="pooled", name="edges")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        found = layer.restrict("(5)")
    (warning,) = told
    assert warning.filename == __file__
    assert str(warning.message).startswith(
        'layer \'edges\' had lowering="pooled" and is restricted with lowering="auto": {p p} -> {p p} where p = (5) has no pooled '
        "program ("
    )
    assert (found.lowering, found.rank) == ("auto", 100)
    features = random.normal(size=(3, 10, 2)).astype("float32")
    assert np.allclose(found(features), layer(features), atol=1e-5)
    # Where it is there it stays, and nothing is said.
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert layer.restrict("A(5)").lowering == "pooled"


class Lift(keras.layers.Layer):
    """An activation of the user's own, unknown to Keras, with a weight for each channel."""

    def build(self, shape):
        self.by = self.add_weight(shape=(shape[-1],), initializer="normal")

    def call(self, inputs):
        return keras.ops.tanh(inputs) + self.by


@pytest.mark.parametrize("units", [None, 3])
@pytest.mark.parametrize("make", [Lift, keras.layers.PReLU, lambda: keras.layers.BatchNormalization(axis=-1)])
def test_an_activation_that_is_a_layer_keeps_its_weights_and_is_a_copy(make, units, random):
    with keras.saving.custom_object_scope({"Lift": Lift}):
        layer = built("p -> p where p = C(6)", units, activation=make())
        features = random.normal(size=(3, 6) if units is None else (3, 6, 2)).astype("float32")
        layer(features)
        for weight in layer.activation.weights:
            weight.assign(random.uniform(0.5, 1.5, size=weight.shape))
        expected = np.asarray(layer(features))
        found = layer.restrict("(6)")
    assert np.allclose(found(features), expected, atol=1e-6)
    for weight in found.activation.weights:
        weight.assign(weight * 0)
    assert not np.allclose(found(features), expected, atol=1e-3)
    assert np.array_equal(layer(features), expected)


def test_an_activation_layer_that_is_not_built_stays_so():
    layer = built("p -> p where p = C(6)", activation=keras.layers.PReLU())
    found = layer.restrict("(6)")
    assert found.activation is not layer.activation
    assert not found.activation.built
    assert found(np.ones((1, 6, 2))).shape == (1, 6, 3)


def test_training_goes_on_with_more_freedom(random):
    layer = built("p -> p where p = C(8)", None)
    found = layer.restrict("(1 3 5 7)(2 4 6 8)")
    model = keras.Sequential([keras.Input((8,)), found])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.fit(random.normal(size=(64, 8)), random.normal(size=(64, 8)), epochs=2, verbose=0)
    matrix = found.weight_matrix()
    assert len(np.unique(matrix)) == 16
    assert eq.verify(found)
    assert not eq.verify(found, "p -> p where p = C(8)")


def sloped_dense() -> keras.layers.Dense:
    dense = keras.layers.Dense(4, activation=keras.layers.PReLU(name="slope"), name="old")
    dense.build((None, 4))
    return dense


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (
            lambda: built("p -> p where p = C(8)").restrict("C(7)"),
            "the symmetry of p -> p where p = C(7) is 7 x 7, the symmetry of p -> p where p = C(8) is 8 x 8: restrict needs the "
            "same points; a subgroup is written on all of them, and a one-point cycle says how far they go, as in (1 2)(8)",
        ),
        (
            lambda: built("p -> p where p = C(4)").restrict("S(4)"),
            "the symmetry of p -> p where p = S(4) is not finer than the symmetry of p -> p where p = C(4): entry (0, 1), counted "
            "from 0, would not keep its weight; restrict to a subgroup of the same action",
        ),
        (
            # The support has no pair that tells points 3 and 4 apart; their biases do.
            lambda: built("p -> p where p = (1 2)(3)(4) support 1 <- 1", use_bias=True).restrict(
                "p -> p where p = (1 2)(3 4) support 1 <- 1"
            ),
            "the symmetry of p -> p where p = (1 2)(3 4) support 1 <- 1 is not finer than the symmetry of p -> p where p = "
            "(1 2)(4) support 1 <- 1: the bias at (2, 0), counted from 0, would not keep its weight; restrict to a subgroup of "
            "the same action",
        ),
        (
            # The same labels, and other signs.
            lambda: built("j -> j where j = (1 2)").restrict(eq.mapping("j -> j", j=[([1, 0], [1, -1])])),
            "the symmetry of j -> j where j = (1 2 -1 -2) is not finer than the symmetry of j -> j where j = (1 2): entry (0, 1), "
            "counted from 0, would not keep its weight; restrict to a subgroup of the same action",
        ),
        (
            lambda: eq.EquivariantDense(2, "p -> p where p = C(4)").restrict("C(4)"),
            "the layer has no weights yet: call it on an input, or build it with a shape",
        ),
        (
            lambda: built("h w -> h w where h = S(3), w = S(3)").restrict("C(3)"),
            "h w -> h w where h = S(3), w = S(3) has 2 axes: pass the finer mapping whole, with the group of each",
        ),
        (
            lambda: built("p -> p where p = C(4)", activation=keras.layers.PReLU(name="slope"), name="set").to_dense(),
            "the activation of 'set' is the layer 'slope' (PReLU), which takes points and channels as they are, and not flattened: "
            "use a layer without it, and apply it afterwards",
        ),
        (
            lambda: eq.symmetrize(sloped_dense(), "p -> p where p = C(4)"),
            "the activation of 'old' is the layer 'slope' (PReLU), which takes points and channels as they are, and not flattened: "
            "use a layer without it, and apply it afterwards",
        ),
        (
            lambda: built("p -> p where p = C(4)", activation="softmax").to_dense(),
            "activation softmax looks at all channels of a point together, and on flattened points and channels at all numbers: "
            "use a layer without it, and apply it afterwards",
        ),
    ],
)
def test_bad_input(use, message):
    with pytest.raises(DeclarationError) as refused:
        use()
    assert str(refused.value) == message


def test_a_subgroup_on_too_few_points_is_told_so_with_a_support_too():
    layer = eq.EquivariantDense(2, "p -> p where p = C(9) support 1 <- 1, 1 <- 2, 1 <- 9")
    layer.build((None, 9, 1))
    with pytest.raises(DeclarationError) as error:
        layer.restrict("(1 2)")
    assert str(error.value) == (
        "the symmetry of p -> p where p = (1 2) is 2 x 2, the symmetry of p -> p where p = C(9) support 1 <- 1, 1 <- 2, 1 <- 9 is "
        "9 x 9: restrict needs the same points; a subgroup is written on all of them, and a one-point cycle says how far they go, as "
        "in (1 2)(8)"
    )
    assert layer.restrict("(9)").rank == 27
