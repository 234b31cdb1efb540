"""Flags: each of the public API is True or False, and words are those that are named; nothing else counts as one of them."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import eqgen as eq
from helpers.mistakes import mistake

SET = "p -> p where p = S(3)"
POINTS = "p where p = S(3)"

FLAGS = {
    ("EquivariantDense", "use_bias"): lambda flag: eq.EquivariantDense(2, SET, use_bias=flag).use_bias,
    ("EquivariantAttention", "use_bias"): lambda flag: eq.EquivariantAttention(1, 2, POINTS, use_bias=flag).use_bias,
    ("EquivariantRNNCell", "use_bias"): lambda flag: eq.EquivariantRNNCell(2, POINTS, use_bias=flag).use_bias,
    ("EquivariantTerms", "use_bias"): lambda flag: (
        eq.EquivariantTerms("p", ("p", 2), "p = S(3)", use_bias=flag).use_bias
    ),
    ("to_edges", "channels"): lambda flag: (
        eq.to_edges(np.zeros((3, 3, 3)), channels=flag).shape == (3, 3) and bool(flag)
    ),
    ("to_adjacency", "channels"): lambda flag: (
        eq.to_adjacency(np.zeros((3, 3)), channels=flag).shape == (3, 3, 3) and bool(flag)
    ),
    ("assert_equivariant", "training"): lambda flag: (
        eq.testing.assert_equivariant(np.tanh, SET, training=flag) is None and bool(flag)
    ),
    ("verify", "training"): lambda flag: bool(eq.verify(eq.EquivariantDense(2, SET), training=flag)) and bool(flag),
}
"""How each is given, and what becomes of it."""

LAYERS = {
    "EquivariantDense": lambda **options: eq.EquivariantDense(2, SET, **options),
    "EquivariantRNN": lambda **options: eq.EquivariantRNN(eq.EquivariantRNNCell(2, POINTS), **options),
    "EquivariantRNNCell": lambda **options: eq.EquivariantRNNCell(2, POINTS, **options),
    "EquivariantTerms": lambda **options: eq.EquivariantTerms("p", ("p", 2), "p = S(3)", **options),
    "EquivariantAttention": lambda **options: eq.EquivariantAttention(1, 2, POINTS, **options),
    "EquivariantNormalization": lambda **options: eq.EquivariantNormalization(POINTS, **options),
    "InvariantPool": lambda **options: eq.InvariantPool(POINTS, **options),
    "OrbitEmbedding": lambda **options: eq.OrbitEmbedding(POINTS, **options),
}

NO_FLAGS = ["no", "True", "", 0, 1, 1.0, None, (True,), [False], np.array([True, False]), np.int64(1)]


def public_flags() -> set[tuple[str, str]]:
    """The parameters of the public API that are a flag, as they are annotated or by what they are unless told."""
    values = ("Mapping", "Orbits", "Pattern", "Program", "Report", "Space", "Group", "DeclarationError")
    public = {name: getattr(eq, name) for name in eq.__all__ if name not in values}
    public.update((name, getattr(eq.testing, name)) for name in eq.testing.__all__)
    return {
        (name, parameter.name)
        for name, what in public.items()
        if callable(what)
        for parameter in inspect.signature(what).parameters.values()
        if str(parameter.annotation) == "bool" or parameter.annotation is bool or isinstance(parameter.default, bool)
    }


def test_every_flag_of_the_public_api_is_tried():
    assert public_flags() == FLAGS.keys() | {("stencil", "wrap")}
    from keras.layers import Layer

    assert LAYERS.keys() == {
        name for name in eq.__all__ if isinstance(getattr(eq, name), type) and issubclass(getattr(eq, name), Layer)
    }


@pytest.mark.parametrize("name", FLAGS, ids=".".join)
def test_a_flag_is_true_or_false_and_nothing_else(name):
    give = FLAGS[name]
    assert give(True) is give(np.True_) is True
    assert give(False) is give(np.False_) is False
    for value in NO_FLAGS:
        assert mistake(lambda value=value: give(value)) == f"{name[1]} is True or False, got {value!r}"


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("flag", ["trainable", "autocast"])
def test_the_flags_that_every_keras_layer_has_are_true_or_false(layer, flag):
    make = LAYERS[layer]
    assert [getattr(make(**{flag: value}), flag) for value in (True, False)] == [True, False]
    for value in ("no", 0, None):
        assert mistake(lambda value=value: make(**{flag: value})) == f"{flag} is True or False, got {value!r}"


WORDS = {
    "aggregation": (lambda word: eq.EquivariantDense(2, SET, aggregation=word), '"mean" or "sum"'),
    "layout": (lambda word: eq.EquivariantDense(2, SET, layout=word), '"auto", "flat" or "grid"'),
    "lowering": (
        lambda word: eq.EquivariantDense(2, SET, lowering=word),
        '"auto", "gather", "pooled", "spectral" or "local"',
    ),
    "mode": (lambda word: eq.InvariantPool(POINTS, word), '"mean", "sum" or "max"'),
    "metric": (lambda word: eq.stencil(1, metric=word), '"square", "diamond" or "disc"'),
    "head": (lambda word: eq.network(SET, [2], head=word), '"equivariant", "invariant" or a Keras layer'),
}


@pytest.mark.parametrize("name", WORDS)
@pytest.mark.parametrize("word", ["Mean", "", 1, True, ["mean"], np.array(["mean", "sum"])], ids=repr)
def test_a_word_that_is_none_of_those_that_may_stand_is_refused_with_them(name, word):
    give, expected = WORDS[name]
    assert mistake(lambda: give(word)) == f"{name} is {word!r}: expected {expected}"


@pytest.mark.parametrize(
    ("name", "value"), [("words", 2.5), ("words", -1), ("words", True), ("seed", "0"), ("seed", None)]
)
def test_verify_takes_whole_numbers_of_words_and_as_a_seed(name, value):
    layer = eq.EquivariantDense(2, SET)
    assert mistake(lambda: eq.verify(layer, **{name: value})) == f"{name} is a whole number, 0 or more, got {value!r}"


@pytest.mark.parametrize("channels", [True, 0, 1.5, "2"])
def test_inputs_take_a_number_of_channels(channels):
    assert mistake(lambda: eq.testing.inputs(SET, channels)) == (
        f"channels is a positive whole number, or None for none, got {channels!r}"
    )
