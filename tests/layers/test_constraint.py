"""A Dense kernel held in form, exactly or softly."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import eqgen as eq
from eqgen.common.errors import DeclarationError

# Every mapping with its elements listed by hand: images of outputs and inputs, and signs.
FOUR = "p -> p where p = C(4)"


def shifts(n: int) -> list[np.ndarray]:
    return [np.roll(np.eye(n), step, axis=0) for step in range(n)]


def test_the_nearest_kernel_is_the_mean_over_the_group(random):
    # The projection onto the equivariant matrices is the mean of g W g^-1 (Serre, 2.2): here of C(4), written out.
    kernel = random.normal(size=(4 * 3, 4 * 2)).astype("float32")
    apart = kernel.reshape(4, 3, 4, 2)
    expected = sum(np.einsum("ab,bicj,dc->aidj", g, apart, g) for g in shifts(4)) / 4
    found = np.asarray(eq.OrbitConstraint(FOUR)(kernel))
    assert found.dtype == np.float32
    assert np.allclose(found, expected.reshape(12, 8), atol=1e-6)


def test_signs_count(random):
    # Of S(2) with the sign on both sides: W = g W g^-1 with g = -swap gives a b; b a.
    kernel = random.normal(size=(2, 2))
    found = np.asarray(eq.OrbitConstraint("~p -> p where p = S(2)")(kernel))
    swap = np.array([[0, 1], [1, 0]])
    assert np.allclose(found, (kernel - swap @ kernel @ swap) / 2)


def test_zeros_stay_zero():
    found = np.asarray(eq.OrbitConstraint("a 0; 0 b")(np.array([[1.0, 2.0], [3.0, 4.0]], dtype="float32")))
    assert found.tolist() == [[1.0, 0.0], [0.0, 4.0]]


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_a_kernel_in_form_keeps_its_bits(dtype, random):
    hold = eq.OrbitConstraint("{p p} -> p where p = S(5)")
    once = hold(keras.ops.cast(random.normal(size=(20, 15)), dtype))
    assert str(once.dtype).endswith(dtype) or keras.backend.standardize_dtype(once.dtype) == dtype
    twice = keras.ops.convert_to_numpy(keras.ops.cast(hold(once), "float32"))
    assert np.array_equal(keras.ops.convert_to_numpy(keras.ops.cast(once, "float32")), twice)


def test_a_bias_becomes_its_mean_over_each_point_orbit(random):
    hold = eq.OrbitConstraint("p -> p + q where p = S(2), q = S(3)")
    bias = random.normal(size=(5, 2)).astype("float32")
    expected = np.concatenate([np.repeat(part.mean(axis=0)[None], len(part), axis=0) for part in (bias[:2], bias[2:])])
    np.testing.assert_allclose(np.asarray(hold(bias.ravel())).reshape(5, 2), expected, rtol=1e-6)
    penalty = eq.OrbitRegularizer("p -> p + q where p = S(2), q = S(3)", np.float32(0.5))
    np.testing.assert_allclose(penalty(bias.ravel()), 0.5 * ((bias - expected) ** 2).sum(), rtol=1e-5)


def test_where_a_sign_flips_the_bias_becomes_zero(random):
    hold = eq.OrbitConstraint("~p -> ~p where p = S(3)")
    assert not np.asarray(hold(random.normal(size=3).astype("float32"))).any()


def test_a_dense_layer_with_a_bias_is_equivariant_from_the_first_step_on(random):
    hold = eq.OrbitConstraint("p -> p where p = C(5)")
    dense = keras.layers.Dense(5, kernel_constraint=hold, bias_constraint=hold)
    model = keras.Sequential([keras.Input((5,)), dense])
    model.compile("adam", "mse")
    model.fit(random.normal(size=(8, 5)), random.normal(size=(8, 5)), verbose=0)
    assert eq.verify(model, "p -> p where p = C(5)")
    # Before the first step a weight is put into its form by its own constraint.
    dense.kernel.assign(random.normal(size=(5, 5)))
    assert not eq.verify(model, "p -> p where p = C(5)")
    dense.kernel.assign(dense.kernel_constraint(dense.kernel))
    assert eq.verify(model, "p -> p where p = C(5)")


def test_means_accumulate_in_double_precision():
    # Beside a first entry of 1, single precision loses what the sum of the others has in its last places.
    tiny = np.full((1000, 1), 2.0**-24, dtype="float32")
    tiny[0] = 1
    found = np.asarray(eq.OrbitConstraint("p -> 1 where p = S(1000)")(tiny))
    np.testing.assert_allclose(found, (1 + 999 * 2.0**-24) / 1000, rtol=1e-6)


def test_a_dense_layer_keeps_its_form_however_long_it_is_trained(random):
    mapping = eq.mapping("p -> p where p = C(6)")
    dense = keras.layers.Dense(6, use_bias=False, kernel_constraint=eq.OrbitConstraint(mapping))
    model = keras.Sequential([keras.Input((6,)), dense])
    model.compile("adam", "mse")
    model.fit(random.normal(size=(64, 6)), random.normal(size=(64, 6)), epochs=3, verbose=0)
    kernel = np.asarray(dense.kernel).T
    labels = eq.orbits(mapping).labels
    for label in range(6):
        assert len(np.unique(kernel[labels == label])) == 1
    assert eq.verify(model, mapping)


def test_the_penalty_is_the_squared_distance(random):
    kernel = random.normal(size=(6, 6)).astype("float32")
    nearest = np.asarray(eq.OrbitConstraint("p -> p where p = C(6)")(kernel))
    penalty = eq.OrbitRegularizer("p -> p where p = C(6)", strength=0.5)
    assert np.isclose(float(penalty(kernel)), 0.5 * ((kernel - nearest) ** 2).sum(), rtol=1e-5)
    assert float(penalty(nearest)) <= 1e-12


@pytest.mark.slow
def test_a_penalty_pulls_towards_the_form(random):
    penalty = eq.OrbitRegularizer("p -> p where p = S(4)", strength=10.0)
    dense = keras.layers.Dense(4, use_bias=False, kernel_regularizer=penalty)
    model = keras.Sequential([keras.Input((4,)), dense])
    model.compile(keras.optimizers.SGD(0.02), "mse")
    before = float(penalty(dense.kernel))
    model.fit(np.zeros((32, 4)), np.zeros((32, 4)), epochs=20, verbose=0)
    assert float(penalty(dense.kernel)) < 1e-3 * before


@pytest.mark.parametrize("thing", [eq.OrbitConstraint(FOUR), eq.OrbitRegularizer("a b; b a", 0.1)])
def test_they_are_saved_with_the_layer(thing):
    again = type(thing).from_config(thing.get_config())
    assert np.array_equal(again.form.pattern.labels, thing.form.pattern.labels)
    assert again.get_config() == thing.get_config()


def test_a_saved_model_brings_its_constraint(tmp_path, random):
    dense = keras.layers.Dense(
        8, kernel_constraint=eq.OrbitConstraint(FOUR), kernel_regularizer=eq.OrbitRegularizer(FOUR)
    )
    model = keras.Sequential([keras.Input((4,)), dense])
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(again.layers[0].kernel_constraint, eq.OrbitConstraint)
    assert again.layers[0].kernel_regularizer.strength == 0.01


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (
            lambda: eq.OrbitConstraint("{p p} -> p where p = S(4)")(np.zeros((4, 6), dtype="float32")),
            "the kernel is 4 x 6, and the symmetry of {p p} -> p where p = S(4) has 6 input points and 4 output points: its rows "
            "should be 6 times the input channels, its columns 4 times the output channels",
        ),
        (
            lambda: eq.OrbitRegularizer("a b; b a", strength=-1),
            "strength is a number that is not negative, got -1",
        ),
        (
            lambda: eq.OrbitRegularizer("a b; b a", strength=float("inf")),
            "strength is a number that is not negative, got inf",
        ),
        (
            lambda: eq.OrbitConstraint("a b; b a")(np.zeros(2, dtype="float32")),
            "the pattern a b; b a does not say which outputs share a bias: declare the symmetry, or take a Dense with use_bias=False",
        ),
        (
            lambda: eq.OrbitConstraint("p -> 1 + p where p = S(4)")(np.zeros(6, dtype="float32")),
            "the bias has 6 numbers, and the symmetry of p -> 1 + p where p = S(4) has 5 output points: expected 5 times the output "
            "channels",
        ),
        (
            lambda: eq.symmetrize(keras.layers.Dense(3, name="the dense"), "p -> p where p = S(3)"),
            "'the dense' has no weights yet: call it on an input, or build it with a shape",
        ),
        (
            lambda: eq.symmetrize(keras.layers.Flatten(), "p -> p where p = S(3)"),
            "symmetrize takes a keras.layers.Dense, got Flatten",
        ),
    ],
)
def test_bad_input(use, message):
    with pytest.raises(DeclarationError) as refused:
        use()
    assert str(refused.value) == message
