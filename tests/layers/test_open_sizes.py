"""Sizes that are not known when TensorFlow traces: the answers of known sizes, in fit, with masks, and in a file."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import eqgen as eq
from helpers.mistakes import mistake

DECLARED = [
    "p -> p", "p -> 1", "{p p} -> {p p}", "{p p} -> p", "p -> {p p}", "<p p> -> <p p>", "<p p> -> [p p]", "p p -> p p", "p p + p + 1 -> p",
    "{p p} + p -> {p p} + 1", "[p p] -> [p p]", "~p + p -> ~p", "{p p p} -> p", "<p p p> -> 1", "{p} p -> <p p>",
]  # fmt: skip

OTHERS = [
    "r c -> r c where r = S(n), c = S(m)", "{r r} c -> r {c c} where r = S(n), c = S(m)", "r c -> c where r = A(n), c = S(n)",
    "p q -> p where p = S(n), q = C(3)", "q p q -> p q where p = S(n), q = C(3)",
]  # fmt: skip


def numbers(*shape):
    return np.random.default_rng(len(shape)).normal(size=shape).astype("float32")


def without_shape(layer, x, **options):
    """The answer in a graph that knows no size but that of the channels."""
    open_ = tf.TensorSpec((*[None] * (x.ndim - 1), x.shape[-1]))
    masks = {name: tf.TensorSpec([None] * np.ndim(value), "bool") for name, value in options.items()}
    values = {name: tf.constant(value) for name, value in options.items()}
    return tf.function(layer).get_concrete_function(open_, **masks)(tf.constant(x), **values)


@pytest.mark.slow(sample=6)
@pytest.mark.parametrize("aggregation", ["mean", "sum"])
@pytest.mark.parametrize("sides", [*DECLARED, *OTHERS])
def test_open_sizes_give_the_answers_of_known_ones(sides, aggregation):
    text = sides if "where" in sides else f"{sides} where p = S(n)"
    family = eq.mapping(text)
    has_bias = eq.orbits(family).rank and "[" not in text.split("->")[1] and "~" not in text.split("->")[1]
    layout = (
        "grid"
        if "where" in sides or (len(family.stable.input.terms[0]) > 1 and len(family.stable.input.terms) == 1)
        else "flat"
    )
    layer = eq.EquivariantDense(
        2, text, aggregation=aggregation, use_bias=bool(has_bias), bias_initializer="normal", layout=layout
    )
    for size in (2, 3, 5):
        sizes = {letter: size + number for number, letter in enumerate(family.letters)}
        try:
            fixed = family.at(**sizes)
        except eq.DeclarationError:
            continue
        x = numbers(2, *(fixed.input.shape if layout == "grid" else [fixed.input.size]), 3)
        known = np.asarray(layer(x))
        found = np.asarray(without_shape(layer, x))
        assert found.shape == known.shape
        assert np.allclose(found, known, atol=1e-5)


def test_flat_squares_and_scalar_layers_are_inverted_in_the_graph():
    for text, points in (
        ("p p -> p where p = S(n)", 16),
        ("p p + {p p} + 1 -> p where p = S(n)", 16),
        ("{p p p} -> p where p = S(n)", 20),
    ):
        layer = eq.EquivariantDense(2, text, layout="flat")
        x = numbers(2, points if "+" not in text else 23, 3)
        known = layer(x)
        assert np.allclose(without_shape(layer, x), known, atol=1e-5)
    layer = eq.EquivariantDense(2, "{p p} -> p where p = S(n)")
    layer.build((None, None, 3))
    with pytest.raises(tf.errors.InvalidArgumentError):
        without_shape(layer, numbers(2, 5, 3))
    scalar = eq.EquivariantDense(None, "{p p} -> {p p} where p = S(n)")
    scalar.build((None, None))
    x = numbers(2, 10)
    found = tf.function(scalar, input_signature=[tf.TensorSpec((None, None))])(x)
    assert np.allclose(found, scalar(x), atol=1e-5)


@pytest.mark.parametrize("aggregation", ["mean", "sum"])
@pytest.mark.parametrize("sides", ["p -> p", "p -> 1", "{p p} -> p", "{p p} -> {p p}", "p -> {p p}", "{p p} + p -> p"])
def test_masks_of_open_sizes_leave_out_what_they_leave_out_of_known_ones(sides, aggregation):
    layer = eq.EquivariantDense(2, f"{sides} where p = S(n)", aggregation=aggregation)
    large = eq.mapping(f"{sides} where p = S(5)")
    few = [eq.mapping(f"{sides} where p = S({size})").input.size for size in (2, 4)]
    x, mask = eq.pad([numbers(points, 3) for points in few], large)
    x = np.where(mask[..., None], x, np.float32(7.0))
    known = np.asarray(layer(x, mask=mask))
    assert np.allclose(without_shape(layer, x, mask=mask), known, atol=1e-5)


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_it_trains_in_fit_on_batches_of_different_sizes(tmp_path):
    model = keras.Sequential(
        [
            keras.Input((None, 2)),
            eq.EquivariantDense(8, "p -> p where p = S(n)", activation="relu", use_bias=True),
            eq.EquivariantDense(1, "p -> 1 where p = S(n)"),
        ]
    )
    random = np.random.default_rng(0)

    def batches():
        for size in (3, 5, 8, 4):
            x = random.normal(size=(16, size, 2)).astype("float32")
            yield x, x[..., :1].mean(axis=1, keepdims=True)

    data = tf.data.Dataset.from_generator(
        batches, output_signature=(tf.TensorSpec((None, None, 2)), tf.TensorSpec((None, 1, 1)))
    )
    for jit in (False, True):
        model.compile("adam", "mse", jit_compile=jit)
        assert np.isfinite(model.fit(data, verbose=0, shuffle=False).history["loss"][0])
    for size in (2, 9):
        x = numbers(4, size, 2)
        fixed = [layer.at(n=size) for layer in model.layers]
        assert np.allclose(model(x), fixed[1](fixed[0](x)), atol=1e-5)
    model.export(tmp_path / "served", verbose=False)
    served = tf.saved_model.load(str(tmp_path / "served"))
    for size in (2, 9):
        x = numbers(4, size, 2)
        assert np.allclose(served.serve(x), model(x), atol=1e-5)


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_padded_batches_of_tf_data_go_through_masks(tmp_path):
    inputs = keras.Input((None, 3))
    features = keras.layers.Masking()(inputs)
    features = eq.EquivariantDense(4, "p -> {p p} where p = S(n)")(features)
    model = keras.Model(inputs, eq.EquivariantDense(2, "{p p} -> 1 where p = S(n)")(features))
    examples = [numbers(size, 3) + 5 for size in (2, 4, 3)]
    data = tf.data.Dataset.from_generator(
        lambda: iter(examples), output_signature=tf.TensorSpec((None, 3))
    ).padded_batch(3)
    answers = model.predict(data, verbose=0)
    for example, answer in zip(examples, answers, strict=True):
        assert np.allclose(model(example[None])[0], answer, atol=1e-4)
    model.save(tmp_path / "masked.keras")
    again = keras.models.load_model(tmp_path / "masked.keras")
    assert np.allclose(again.predict(data, verbose=0), answers, atol=1e-5)


def test_what_an_open_size_cannot_do_is_told():
    layer = eq.EquivariantDense(2, "p -> p where p = S(n)")
    layer.build((None, None, 3))
    plan = layer.sized.plan((None, None, 3))
    assert mistake(lambda: plan.there(None, True, (None, None, 3), scalar=False)) == (
        "known=... needs features of known shapes, and (batch, None, 3) is traced: give batches of one size, or points that are there, mask=..."
    )
    wide = eq.EquivariantDense(2, "p p p p -> p p p p where p = S(n)", layout="grid")
    assert mistake(lambda: wide.sized.plan((None, None, None, None, None, 1)).maps.kernel) == (
        "an output and an input are made of 8 points together, too many for batches whose size is not known when they are traced: give "
        "batches of one size, of known shapes"
    )


RINGS = ["p -> p where p = C(n) support stencil(1)", "h w -> h w where h = C(n), w = C(m) support stencil(1, diamond)", "h w -> h w where h = D(n), w = C(4) support stencil(1)"]  # fmt: skip


@pytest.mark.parametrize("aggregation", ["mean", "sum"])
@pytest.mark.parametrize("text", RINGS)
def test_rings_of_any_size_know_their_neighbours(text, aggregation, tmp_path):
    layer = eq.EquivariantDense(2, text, aggregation=aggregation, use_bias=True, bias_initializer="ones")
    assert eq.verify(layer)
    model = keras.Sequential([keras.Input((*[None] * len(layer.mapping.stable.input.terms[0]), 3)), layer])
    model.save(tmp_path / "ring.keras")
    again = keras.models.load_model(tmp_path / "ring.keras")
    for size in (3, 6):
        x = numbers(2, *layer.mapping.at(**dict.fromkeys(layer.mapping.letters, size)).input.shape, 3)
        known = np.asarray(layer(x))
        assert np.allclose(without_shape(layer, x), known, atol=1e-5)
        assert np.allclose(again(x), known, atol=1e-6)
        if text == RINGS[0]:
            own, after, before = np.asarray(layer.kernel)
            assert np.allclose(known, x @ own + np.roll(x, -1, 1) @ after + np.roll(x, 1, 1) @ before + 1, atol=1e-5)
    masked = layer.sized.plan((None, *[None] * len(layer.mapping.stable.input.terms[0]), 3))
    assert mistake(
        lambda: masked.there(keras.ops.ones((2, *x.shape[1:-1]), dtype="bool"), None, x.shape, scalar=False)
    ) == (
        f"a mask on rings needs features of known shapes, and {x.shape} is traced: a part of a ring is no shorter ring"
    )
