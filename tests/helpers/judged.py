"""Wrong and right models and layers, by name: what verify has to say of each is known before it is asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from itertools import product

import keras
import numpy as np
from keras import layers, ops

import eqgen as eq
from helpers.tampering import tamper

S5 = "p -> p where p = S(5)"
TO_ONE = "p -> 1 where p = S(5)"


@dataclasses.dataclass(frozen=True)
class Case:
    """A model that is made when it is asked for, and what it is held to (nothing for a layer that knows)."""

    make: Callable[[], keras.layers.Layer]
    declaration: str | None = S5
    input_shape: tuple[int, ...] | None = None

    def report(self):
        keras.utils.set_random_seed(0)
        return eq.verify(self.make(), self.declaration, input_shape=self.input_shape)


class Applied(layers.Layer):
    """A function of features (batch, points, channels) as a layer."""

    def __init__(self, function, **options):
        super().__init__(**options)
        self.function = function

    def call(self, inputs):
        return self.function(inputs)


def function(made, declaration=S5, shape=(5, 2), **options):
    return Case(lambda: Applied(made, **options), declaration, shape)


def after_dense(*rest, shape=(5, 2)):
    """A Sequential whose first layer is equivariant."""
    return keras.Sequential([keras.Input(shape), eq.EquivariantDense(4, S5), *rest])


def column(x, numbers=None):
    """Numbers for the points of some features, by default 0, 1, 2, ..."""
    numbers = np.arange(x.shape[1]) if numbers is None else np.asarray(numbers)
    return ops.cast(ops.reshape(ops.convert_to_tensor(numbers.astype("float32")), (1, -1, 1)), x.dtype)


def whole_example(function):
    """A condition on an example, as (batch, 1, 1)."""
    return lambda x: function(x, axis=(1, 2), keepdims=True)


smallest, largest, mean = map(whole_example, (ops.min, ops.max, ops.mean))


def where(condition, wrong=lambda x: x + column(x), right=lambda x: 1.0 * x):
    return lambda x: ops.where(condition(x), wrong(x), right(x))


# --- wrong

PLAIN = {
    "adds numbers": lambda x: x + column(x),
    "adds small numbers": lambda x: x + 1e-3 * column(x),
    "multiplies": lambda x: x * (1 + column(x)),
    "multiplies by little": lambda x: x * (1 + 1e-4 * column(x)),
    "cumulative": lambda x: ops.cumsum(x, axis=1),
    "rolled": lambda x: ops.roll(x, 1, axis=1),
    "flipped": lambda x: ops.flip(x, axis=1),
    "sorted points": lambda x: ops.sort(x, axis=1),
    "beside the first": lambda x: x - x[:, :1],
    "beside the last": lambda x: x * ops.sigmoid(x[:, -1:]),
    "one point swapped": lambda x: ops.take(x, np.array([1, 0, 2, 3, 4]), axis=1),
    "first point squared": lambda x: ops.where(column(x) == 0, x * x, x),
    "neighbours": lambda x: x + ops.roll(x, 1, axis=1) + ops.roll(x, -1, axis=1),
    "differences": lambda x: x - ops.roll(x, 1, axis=1),
    "weighted mean": lambda x: x - ops.mean(x * column(x), axis=1, keepdims=True),
    "the largest is marked by its place": lambda x: x + ops.cast(ops.argmax(x, axis=1), x.dtype)[:, None],
    "a gate of places": lambda x: ops.tanh(x + 0.5 * column(x)),
    "attention with places": lambda x: ops.softmax(x @ ops.transpose(x, (0, 2, 1)) + column(x)[:, :, 0], axis=-1) @ x,
    "a causal mean": lambda x: ops.cumsum(x, axis=1) / (1 + column(x)),
    "one channel of two": lambda x: ops.concatenate([x[..., :1], x[..., 1:] + column(x)], axis=-1),
    "a constant for each point": lambda x: 0 * x + column(x),
}

HIDDEN = {
    "all positive": lambda x: smallest(x) > 0,
    "all negative": lambda x: largest(x) < 0,
    "whole": lambda x: x == ops.round(x),
    "zero or one": lambda x: (x == 0) | (x == 1),
    "two": lambda x: x == 2,
    "beyond 50": lambda x: x > 50,
    "beyond 500": lambda x: ops.abs(x) > 500,
    "below -50": lambda x: x < -50,
    "large means": lambda x: ops.abs(mean(x)) > 100,
    "small": lambda x: ops.abs(x) < 0.05,
    "positive points": lambda x: x > 0,
    "no negative": lambda x: smallest(x) >= 0,
}

WRONG_FORMS = {
    "added": lambda x: x + column(x),
    "scaled": lambda x: x * (1 + 0.1 * column(x)),
    "rolled": lambda x: ops.roll(x, 1, axis=1),
}

NOT_FINITE = {
    "above 3": lambda x: largest(ops.abs(x)) > 3,
    "mixed signs": lambda x: (smallest(x) < 0) & (largest(x) > 0),
    "negative": lambda x: smallest(x) < 0,
}


class Weighted(layers.Layer):
    """A function of features and of one weight, which has a number for each point where it is told so."""

    def __init__(self, function, initializer="zeros", points=True, trainable=True, **options):
        super().__init__(**options)
        self.function, self.initializer, self.points, self.kept = function, initializer, points, not trainable

    def build(self, shape):
        size = (shape[1],) if self.points else (shape[2],)
        self.weight = self.add_weight(shape=size, initializer=self.initializer, trainable=not self.kept)

    def call(self, inputs):
        weight = self.weight[None, :, None] if self.points else self.weight
        return self.function(inputs, ops.cast(weight, inputs.dtype))


THRESHOLDS = {
    "added": (lambda x, b: x + b, "zeros"),
    "multiplied": (lambda x, b: x * b, "ones"),
    "relu of the negative": (lambda x, b: x + ops.relu(-b), "ones"),
    "relu beyond 2": (lambda x, b: x + ops.relu(b - 2), "zeros"),
    "relu below -2": (lambda x, b: x + ops.relu(-b - 2), "zeros"),
    "its square": (lambda x, b: x + b * b, "zeros"),
    "its sign": (lambda x, b: x * ops.sign(b), "ones"),
    "a gate": (lambda x, b: x * ops.sigmoid(b), "zeros"),
    "a power": (lambda x, b: ops.abs(x) ** (1 + b * b), "zeros"),
    "a threshold": (lambda x, b: ops.relu(x - b), "zeros"),
}


class Statistic(layers.Layer):
    """Keeps a statistic over batches, for each point or for all."""

    def __init__(self, of, use, points=True, initializer="zeros", **options):
        super().__init__(**options)
        self.of, self.use, self.points, self.initializer = of, use, points, initializer

    def build(self, shape):
        size = (shape[1], 1) if self.points else (shape[2],)
        self.kept = self.add_weight(shape=size, initializer=self.initializer, trainable=False)

    def call(self, inputs, training=False):
        if training:
            axes = (0, 2) if self.points else (0, 1)
            now = self.of(inputs, axis=axes, keepdims=True)[0] if self.points else self.of(inputs, axis=axes)
            self.kept.assign(0.9 * self.kept + 0.1 * ops.cast(now, self.kept.dtype))
        return self.use(inputs, ops.cast(self.kept, inputs.dtype))


class InTraining(layers.Layer):
    """Computes one thing in training and another afterwards."""

    def __init__(self, there, elsewhere=lambda x: 1.0 * x, **options):
        super().__init__(**options)
        self.there, self.elsewhere = there, elsewhere

    def call(self, inputs, training=False):
        return self.there(inputs) if training else self.elsewhere(inputs)


class RandomInTraining(layers.Layer):
    """Draws random numbers in training, as a layer of the user's own does, and computes something besides."""

    def __init__(self, there, noise=0.1, **options):
        super().__init__(**options)
        self.there, self.noise, self.seed = there, noise, keras.random.SeedGenerator(0)

    def call(self, inputs, training=False):
        if not training:
            return 1.0 * inputs
        drawn = keras.random.normal(ops.shape(inputs), seed=self.seed, dtype=inputs.dtype)
        return self.there(inputs) + self.noise * drawn


class WeightedInTraining(layers.Layer):
    """Multiplies by its weight, with a number for each point added in training alone, behind a gate that starts closed."""

    def build(self, shape):
        self.gate = self.add_weight(shape=(shape[2],), initializer="zeros")

    def call(self, inputs, training=False):
        return inputs + ops.cast(self.gate, inputs.dtype) * column(inputs) if training else 1.0 * inputs


class SinglePart(layers.Layer):
    """Computes a part of the answer in single precision, whatever it is told."""

    def __init__(self, function, **options):
        super().__init__(**options)
        self.function = function

    def call(self, inputs):
        return inputs + ops.cast(self.function(ops.cast(inputs, "float32")), inputs.dtype)


class SetLater(layers.Layer):
    """Multiplies by an attribute that no config knows."""

    def __init__(self, **options):
        super().__init__(**options)
        self.table = np.ones(5, dtype="float32")

    def call(self, inputs):
        return inputs * column(inputs, self.table)


def set_later(dtype, table=(1, 2, 3, 4, 5)):
    layer = SetLater(dtype=dtype)
    layer.table = np.asarray(table, dtype="float32")
    return layer


class OnlyIn(layers.Layer):
    """Computes one thing in one dtype and another in all others."""

    def __init__(self, wrong, **options):
        super().__init__(**options)
        self.wrong, self.where = wrong, self.compute_dtype

    def call(self, inputs):
        return self.wrong(inputs) if self.compute_dtype == self.where else 1.0 * inputs


class Positional(layers.Layer):
    def call(self, inputs):
        return inputs + column(inputs)


ACTIVATIONS = {
    "PReLU": layers.PReLU,
    "BatchNormalization of points": lambda: layers.BatchNormalization(axis=1),
    "LayerNormalization of points": lambda: layers.LayerNormalization(axis=1),
    "a layer": Positional,
    "Lambda": lambda: layers.Lambda(lambda x: ops.cumsum(x, axis=1)),
    "a weight": lambda: Weighted(lambda x, b: x + b),
    "a threshold": lambda: Weighted(lambda x, b: x + ops.relu(b - 2)),
    "a statistic": lambda: Statistic(ops.mean, lambda x, kept: x - kept),
    "in training": lambda: InTraining(lambda x: x + column(x)),
    "beyond 50": lambda: Applied(where(lambda x: x > 50)),
}


def dense(units=4, declaration=S5, built=True, activation=None, **options):
    layer = eq.EquivariantDense(units, declaration, activation=activation, **options)
    if built:
        n = layer.mapping.input.size
        layer(np.zeros((1, n) if units is None else (1, n, 3), dtype="float32"))
    return layer


def activated_later(declaration, activation, **options):
    layer = dense(declaration=declaration, **options)
    layer.activation = activation
    return layer


def patched(method, declaration=S5, **options):
    """A layer whose call is followed by something else."""
    layer = dense(declaration=declaration, **options)
    before = layer.call
    layer.call = lambda inputs, mask=None: method(before(inputs))
    return layer


def tampered(declaration, entry):
    layer = dense(2, declaration, lowering="gather")
    tamper(layer, entry)
    return layer


def shifted_bias(declaration, row):
    layer = dense(2, declaration, use_bias=True)
    table = layer.linear.bias_table
    index = table.index.copy()
    index[0, row] = (index[0, row] + 1) % (index.max() + 1) if index.max() else 1
    layer._linear = dataclasses.replace(layer.linear, bias_table=dataclasses.replace(table, index=index))
    return layer


def of_another_group(declaration, other):
    """A layer that computes with the orbits of another group, which has as many."""
    layer = dense(2, declaration)
    layer._linear = dense(2, other).linear
    return layer


def functional(make, shape=(5, 2)):
    inputs = keras.Input(shape)
    return keras.Model(inputs, make(inputs))


def swapped(layer, attribute, change):
    """A layer of eqgen with one table changed."""
    if not layer.built:
        layer(np.zeros((1, layer.size, 3), dtype="float32"))
    setattr(layer, attribute, change(getattr(layer, attribute)))
    return layer


def exchanged(table, one=0, other=1):
    table = np.array(table)
    table[[one, other]] = table[[other, one]]
    return table


class Subclassed(keras.Model):
    """A subclassed model of some layers, in turn."""

    def __init__(self, *parts, **options):
        super().__init__(**options)
        self.parts = list(parts)

    def call(self, inputs, training=False):
        for part in self.parts:
            inputs = part(inputs, training=training) if part._call_has_training_arg else part(inputs)
        return inputs


WRONG_MODELS = {
    "flattened": lambda: after_dense(layers.Flatten(), layers.Dense(20), layers.Reshape((5, 4))),
    "along the points": lambda: after_dense(layers.Permute((2, 1)), layers.Dense(5), layers.Permute((2, 1))),
    "convolution": lambda: after_dense(layers.Conv1D(3, 3, padding="same")),
    "depthwise convolution": lambda: after_dense(layers.DepthwiseConv1D(3, padding="same")),
    "recurrent": lambda: after_dense(layers.GRU(3, return_sequences=True)),
    "recurrent both ways": lambda: after_dense(layers.Bidirectional(layers.SimpleRNN(2, return_sequences=True))),
    "pooled neighbours": lambda: after_dense(layers.AveragePooling1D(3, strides=1, padding="same")),
    "batch normalization of points": lambda: after_dense(layers.BatchNormalization(axis=1)),
    "batch normalization of points, no weights": lambda: after_dense(
        layers.BatchNormalization(axis=1, center=False, scale=False)
    ),
    "layer normalization of points": lambda: after_dense(layers.LayerNormalization(axis=1)),
    "layer normalization of both": lambda: after_dense(layers.LayerNormalization(axis=[1, 2])),
    "PReLU": lambda: after_dense(layers.PReLU()),
    "an embedding of places": lambda: functional(lambda x: layers.Dense(3)(x) + layers.Embedding(5, 3)(ops.arange(5))),
    "a causal attention": lambda: functional(lambda x: layers.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True)),
    "a dense layer across": lambda: keras.Sequential([keras.Input((5,)), layers.Dense(5)]),
    "two in turn": lambda: after_dense(layers.Dense(4), Positional(), layers.Dense(2)),
    "half of it": lambda: functional(lambda x: ops.concatenate([x[:, :2] * 2, x[:, 2:]], axis=1)),
    "subclassed": lambda: Subclassed(layers.Dense(3), Positional()),
    "subclassed, training": lambda: Subclassed(
        layers.Dense(3), InTraining(lambda x: x + column(x)), layers.Dropout(0.5)
    ),
    "dropout and places": lambda: after_dense(layers.Dropout(0.5), layers.PReLU()),
    "grouped": lambda: after_dense(layers.Permute((2, 1)), layers.GroupNormalization(5), layers.Permute((2, 1))),
}

LESS_SYMMETRY = [
    ("p -> p where p = C(5)", "p -> p where p = D(5)"),
    ("p -> p where p = C(5)", "p -> p where p = S(5)"),
    ("p -> p where p = A(4)", "~p -> p where p = S(4)"),
    ("p -> p where p = S(3) * S(2)", "p -> p where p = S(5)"),
    ("p -> 1 where p = (1 2)(3)(4)", "p -> 1 where p = S(4)"),
    ("{p p} -> p where p = C(5)", "{p p} -> p where p = S(5)"),
    ("p p -> p where p = C(3)", "p p -> p where p = S(3)"),
    ("h w -> h w where h = C(3), w = C(3)", "h w -> h w where h = S(3), w = C(3)"),
    ("p -> ~p where p = A(4)", "p -> ~p where p = S(4)"),
    ("~p -> ~p where p = S(4)", "~p -> p where p = S(4)"),
    ("p -> p where p = (1 2)(3 4)", "p -> p where p = C(4)"),
]


def held_to(declaration, other):
    return Case(lambda: dense(2, declaration, layout="flat"), other)


def invariant(made):
    return function(made, TO_ONE)


WRONG: dict[str, Case] = {
    **{f"plainly: {name}": function(made) for name, made in PLAIN.items()},
    **{
        f"plainly in {dtype}: {name}": function(PLAIN[name], dtype=dtype)
        for name, dtype in product(
            ("adds numbers", "cumulative", "rolled", "beside the first", "first point squared"),
            ("mixed_float16", "mixed_bfloat16", "float64"),
        )
    },
    **{
        f"where {name}: {form}": function(where(condition, wrong))
        for (name, condition), (form, wrong) in product(HIDDEN.items(), WRONG_FORMS.items())
    },
    **{
        f"not finite, {name}": function(
            lambda x, condition=condition: ops.where(condition(x), np.float32("nan"), x + column(x))
        )
        for name, condition in NOT_FINITE.items()
    },
    "not finite above 3, right below a half": function(
        lambda x: ops.where(largest(ops.abs(x)) > 3, np.float32("nan"), where(lambda x: largest(ops.abs(x)) > 0.5)(x))
    ),
    "not finite at the first point": function(lambda x: ops.where(column(x) == 0, ops.log(x), x)),
    "a root at each point, and places": function(lambda x: ops.sqrt(x) + 0.1 * column(x)),
    "a logarithm of places": function(lambda x: ops.log(x) * (1 + column(x))),
    **{
        f"a number for each point, {name}": Case(partial(Weighted, made, initializer), S5, (5, 2))
        for name, (made, initializer) in THRESHOLDS.items()
    },
    **{
        f"a statistic of each point: {name}": Case(partial(Statistic, of, use, True, initializer), S5, (5, 2))
        for name, of, use, initializer in (
            ("mean", ops.mean, lambda x, kept: x - kept, "zeros"),
            ("variance", ops.var, lambda x, kept: x / ops.sqrt(kept + 1e-3), "ones"),
            ("largest", ops.max, lambda x, kept: ops.minimum(x, 10 + kept), "zeros"),
            ("smallest", ops.min, lambda x, kept: x * ops.exp(-0.1 * kept * kept), "zeros"),
        )
    },
    **{
        f"in training: {name}": Case(partial(InTraining, PLAIN[name]), S5, (5, 2))
        for name in ("adds numbers", "cumulative", "rolled", "neighbours", "one point swapped", "multiplies")
    },
    **{
        f"activation, {'built' if built else 'not built'}: {name}": Case(
            lambda make=make, built=built: dense(built=built, activation=make()), None
        )
        for (name, make), built in product(ACTIVATIONS.items(), (True, False))
    },
    **{
        f"activation function: {name}": Case(lambda made=made: dense(activation=made), None)
        for name, made in (
            *((name, PLAIN[name]) for name in ("adds numbers", "rolled", "flipped", "sorted points")),
            *((f"where {name}", where(HIDDEN[name])) for name in ("all positive", "beyond 50", "all negative")),
        )
    },
    **{
        f"set later, {dtype}: {table}": Case(partial(set_later, dtype, table), S5, (5, 2))
        for dtype, table in product(
            ("mixed_float16", "mixed_bfloat16", "float32"), ((1, 2, 3, 4, 5), (1, 1, 1, 1, 1.02), (-1, 1, 1, 1, 1))
        )
    },
    **{
        f"only in {dtype}: {name}": Case(partial(OnlyIn, PLAIN[name], dtype=dtype), S5, (5, 2))
        for dtype, name in product(
            ("mixed_float16", "mixed_bfloat16"), ("adds numbers", "rolled", "cumulative", "multiplies")
        )
    },
    "chaos beside": function(lambda x: ops.concatenate([x, ops.sign(ops.sin(1e7 * x)) + 5 * column(x)], axis=-1)),
    "chaos of places": function(lambda x: ops.concatenate([x, ops.sin(1e6 * x) * (1 + column(x))], axis=-1)),
    **{
        f"wrong by {size}, {name}, {dtype}": function(made, dtype=dtype)
        for (size, (name, made)), dtype in product(
            {
                1e-6: ("added", lambda x: x + 2e-6 * column(x) * x),
                1e-7: ("rolled", lambda x: x + 3e-7 * ops.roll(x, 1, axis=1)),
                1e-8: ("in a sum", lambda x: ops.sum(x, axis=1, keepdims=True) + 1e-8 * column(x) * x),
            }.items(),
            ("float32", "mixed_float16"),
        )
    },
    "alone in its batch, beside neighbours": function(
        lambda x: x + ops.roll(x, 1, axis=1) if x.shape[0] == 1 else 1.0 * x
    ),
    "spins": function(where(lambda x: ops.all(ops.abs(x) == 1, axis=(1, 2), keepdims=True))),
    "bytes": function(where(lambda x: (x > 9) & (x == ops.round(x)))),
    "shares": function(where(lambda x: (smallest(x) > 0) & (ops.abs(ops.sum(x, axis=-1, keepdims=True) - 1) < 1e-6))),
    "all of them below -100": function(where(lambda x: largest(x) < -100)),
    "beyond 200 in half precision": function(where(lambda x: x > 200), dtype="mixed_float16"),
    "in training, whole numbers": Case(
        partial(InTraining, where(lambda x: (x == ops.round(x)) & (x != 0))), S5, (5, 2)
    ),
    "alone in its batch": function(lambda x: x + column(x) if x.shape[0] == 1 else 1.0 * x),
    "all points equal": function(
        where(lambda x: ops.max(x, axis=1, keepdims=True) == ops.min(x, axis=1, keepdims=True))
    ),
    "one-hot": function(where(lambda x: (ops.sum(x, axis=-1, keepdims=True) == 1) & (smallest(x) == 0))),
    "one-hot points": function(
        where(lambda x: (ops.sum(x, axis=1, keepdims=True) == 1) & (smallest(x) == 0)), shape=(5, 1)
    ),
    "in training, behind a weight": Case(WeightedInTraining, S5, (5, 2)),
    "in training, beside random numbers": Case(partial(RandomInTraining, lambda x: x + column(x)), S5, (5, 2)),
    "a faint channel of single precision": function(
        lambda x: ops.concatenate([x, ops.cast(1e6 + 1e-3 * column(x) * ops.cast(x, "float32"), x.dtype)], axis=-1)
    ),
    "behind a constant": function(lambda x: 1e4 + 1e-3 * x * (1 + column(x))),
    "behind a constant, beside a clean one": function(
        lambda x: ops.concatenate([x, 1e5 + 1e-3 * x * column(x)], axis=-1)
    ),
    "a small channel": function(lambda x: ops.concatenate([1e6 * x, x + column(x)], axis=-1)),
    "a flat channel": function(lambda x: ops.concatenate([x, 0 * x + column(x)], axis=-1)),
    "examples and places": function(lambda x: x - ops.mean(x, axis=0) * column(x)),
    **{
        name: Case(make, S5, None if name.startswith("a dense layer across") else (5, 2))
        for name, make in WRONG_MODELS.items()
    },
    **{f"{left}, held to {right}": held_to(left, right) for left, right in LESS_SYMMETRY},
    **{
        f"to one: {name}": invariant(made)
        for name, made in {
            "the first": lambda x: x[:, 0],
            "the second largest by place": lambda x: ops.where(x[:, 0] > x[:, 1], x[:, 0], x[:, 2]),
            "a weighted sum": lambda x: ops.sum(x * column(x), axis=1),
            "all but one": lambda x: ops.sum(x[:, 1:], axis=1),
            "alternating": lambda x: ops.sum(x * column(x, [1, -1, 1, -1, 1]), axis=1),
            "places of the largest": lambda x: ops.cast(ops.argmax(x, axis=1), x.dtype),
        }.items()
    },
    **{
        f"activated later by {activation}, {declaration}": Case(
            partial(activated_later, declaration, keras.activations.get(activation)), None
        )
        for declaration, activation in product(
            ("~p -> ~p where p = S(4)", "[p p] -> [p p] where p = S(4)"), ("relu", "sigmoid", "softplus")
        )
    },
    "activated later in half precision": Case(
        lambda: activated_later("~p -> ~p where p = S(4)", keras.activations.relu, dtype="mixed_float16"), None
    ),
    **{
        f"a call that goes on: {name}": Case(partial(patched, made), None)
        for name, made in (
            ("adds numbers", PLAIN["adds numbers"]),
            ("rolled", PLAIN["rolled"]),
            ("beyond 50", where(HIDDEN["beyond 50"])),
            ("positive points", where(HIDDEN["positive points"])),
        )
    },
    **{
        f"a table with one entry changed, {declaration}, {entry}": Case(partial(tampered, declaration, entry), None)
        for declaration, entry in product(
            ("{p p} -> {p p} where p = S(5)", "p -> p where p = C(10)", "<p p> -> <p p> where p = S(4)"),
            ((0, 0), (3, 4), (9, 9)),
        )
    },
    **{
        f"a bias of {row} moved, {declaration}": Case(partial(shifted_bias, declaration, row), None)
        for declaration, row in (
            ("p -> {p p} + p where p = S(5)", 9),
            ("p -> {p p} + p where p = S(5)", 0),
            ("p -> p + p where p = C(4)", 5),
        )
    },
    **{
        f"the orbits of {other} for {declaration}": Case(partial(of_another_group, declaration, other), None)
        for declaration, other in (
            ("p -> p where p = C(4)", "p -> p where p = (1 2)(3 4), (1 3)(2 4)"),
            ("p -> p where p = C(6)", "p -> p where p = (1 2 3)(4 5 6), (1 4)(2 6)(3 5)"),
            ("p -> p where p = (1 2)(3 4), (1 3)(2 4)", "p -> p where p = C(4)"),
        )
    },
    "a pool of other orbits": Case(
        lambda: swapped(
            eq.InvariantPool("p where p = (1 2)(3 4 5)"),
            "_orbits",
            lambda orbits: [np.array([0, 2]), np.array([1, 3, 4])],
        ),
        "p -> 1 where p = (1 2)(3 4 5)",
        (5, 3),
    ),
    "a pool of a part": Case(
        lambda: swapped(eq.InvariantPool("p where p = S(5)"), "_orbits", lambda orbits: [np.arange(4), np.arange(4)]),
        TO_ONE,
        (5, 3),
    ),
    "an embedding of other orbits": Case(
        lambda: swapped(eq.OrbitEmbedding("p where p = (1 2)(3 4 5)"), "orbit_of", partial(exchanged, other=3)),
        "p -> p where p = (1 2)(3 4 5)",
        (5, 3),
    ),
    "attention with two labels exchanged": Case(
        lambda: swapped(eq.EquivariantAttention(2, 4, "p where p = C(5)"), "_places", partial(exchanged, other=1)),
        "p -> p where p = C(5)",
        (5, 3),
    ),
    "attention of a smaller group": Case(
        lambda: eq.EquivariantAttention(2, 4, "p where p = C(5)"), "p -> p where p = S(5)", (5, 3)
    ),
    "normalization of a smaller group": Case(
        lambda: eq.EquivariantNormalization("p where p = (1 2)(3 4 5)"), "p -> p where p = S(5)", (5, 3)
    ),
    "an embedding of a smaller group": Case(
        lambda: eq.OrbitEmbedding("p where p = (1 2)(3 4 5)"), "p -> p where p = S(5)", (5, 3)
    ),
}


# --- right


def in_policy(dtype, make):
    usual = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        return make()
    finally:
        keras.config.set_dtype_policy(usual)


def row_mean(x):
    return ops.mean(x, axis=1, keepdims=True)


def standardized(x):
    return (x - row_mean(x)) / ops.std(x, axis=1, keepdims=True)


POINTWISE = {
    "itself": lambda x: 1.0 * x,
    "root": ops.sqrt,
    "logarithm": ops.log,
    "a power": lambda x: x**1.5,
    "a reciprocal root": lambda x: 1 / ops.sqrt(x),
    "log1p": ops.log1p,
    "arcsin of a ratio": lambda x: ops.arcsin(ops.clip(x, -1, 1)),
    "tangent": ops.tan,
    "exponential": ops.exp,
    "sign": ops.sign,
    "rounded": ops.round,
    "floor": ops.floor,
    "is two": lambda x: ops.cast(x == 2, "float32"),
    "relu beyond 50": lambda x: x + ops.relu(x - 50),
    "a fast wave": lambda x: ops.sin(100 * x),
    "its last digits": lambda x: x - ops.floor(x),
    "saturated": lambda x: ops.tanh(50 * x),
    "tiny": lambda x: 1e-20 * x,
    "huge": lambda x: 1e20 * x,
    "entropy": lambda x: x * ops.log(x),
    "both": lambda x: ops.concatenate([ops.sqrt(x), ops.log(ops.abs(x) + 1)], axis=-1),
    "a dead channel": lambda x: ops.concatenate([x, 0 * x], axis=-1),
    "a constant channel": lambda x: ops.concatenate([x, 0 * x + 3], axis=-1),
}

OF_A_SET = {
    "without the mean": lambda x: x - row_mean(x),
    "standardized": lambda x: (x - row_mean(x)) / (ops.std(x, axis=1, keepdims=True) + 1e-3),
    "softmax": lambda x: ops.softmax(x, axis=1),
    "beside the largest": lambda x: x - ops.max(x, axis=1, keepdims=True),
    "is the largest": lambda x: ops.cast(x == ops.max(x, axis=1, keepdims=True), "float32"),
    "the rank of each": lambda x: ops.cast(ops.sum(x[:, :, None] > x[:, None], axis=2), "float32"),
    "beside the median": lambda x: x - ops.sort(x, axis=1)[:, 2:3],
    "attention": lambda x: ops.softmax(x @ ops.transpose(x, (0, 2, 1)), axis=-1) @ x,
    "distances": lambda x: ops.sum(ops.abs(x[:, :, None] - x[:, None]), axis=2),
    "a ratio": lambda x: x / (1e-3 + ops.sum(ops.abs(x), axis=1, keepdims=True)),
    "a gate of the sum": lambda x: x * ops.sigmoid(ops.sum(x, axis=1, keepdims=True)),
    "products": lambda x: x * ops.prod(x, axis=1, keepdims=True),
    "behind a large constant": lambda x: (x + 1e6) - row_mean(x + 1e6),
    "variance by squares": lambda x: row_mean((x + 100) ** 2) - row_mean(x + 100) ** 2 + 0 * x,
    "variance by squares, pointwise": lambda x: (x + 100) ** 2 - row_mean(x + 100) ** 2,
    "a cube behind a constant": lambda x: (x + 1000) ** 3 - row_mean((x + 1000) ** 3),
    "standardized small": lambda x: standardized(1e-3 * x + 1),
    "logsumexp": lambda x: x - ops.logsumexp(x, axis=1, keepdims=True),
    "root of the mean square": lambda x: x / ops.sqrt(row_mean(x * x)),
    "geometric mean": lambda x: x - ops.exp(row_mean(ops.log(x))),
    "examples coupled": lambda x: x - 0.5 * ops.mean(x, axis=0),
    "examples standardized": lambda x: (x - ops.mean(x, axis=(0, 1))) / (ops.std(x, axis=(0, 1)) + 1e-3),
    "beside the first example": lambda x: x - x[:1],
    "examples in turn": lambda x: ops.cumsum(x, axis=0),
    "examples sorted": lambda x: ops.sort(x, axis=0),
}

INVARIANT = {
    "sum": lambda x: ops.sum(x, axis=1),
    "largest": lambda x: ops.max(x, axis=1),
    "sorted": lambda x: ops.reshape(ops.sort(x, axis=1), (-1, 5 * x.shape[2])),
    "variance": lambda x: ops.var(x, axis=1),
    "product": lambda x: ops.prod(x, axis=1),
    "logsumexp": lambda x: ops.logsumexp(x, axis=1),
    "median": lambda x: ops.sort(x, axis=1)[:, 2],
    "a count": lambda x: ops.cast(ops.sum(x > 0, axis=1), "float32"),
    "entropy": lambda x: ops.sum(x * ops.log(x), axis=1),
    "moments": lambda x: ops.concatenate([ops.mean(x**k, axis=1) for k in (1, 2, 3)], axis=-1),
}

RIGHT_MODELS = {
    "a dense layer for each point": lambda: after_dense(layers.Dense(8, activation="gelu"), layers.Dense(2)),
    "two layers": lambda: after_dense(eq.EquivariantDense(8, S5, activation="gelu"), eq.EquivariantDense(3, S5)),
    "batch normalization": lambda: after_dense(layers.BatchNormalization(), layers.Dense(3)),
    "layer normalization": lambda: after_dense(layers.LayerNormalization(), layers.Dense(3)),
    "dropout": lambda: after_dense(layers.Dropout(0.5), layers.Dense(3)),
    "noise": lambda: after_dense(layers.GaussianNoise(0.3), layers.GaussianDropout(0.2), layers.AlphaDropout(0.1)),
    "noise and statistics": lambda: after_dense(layers.Dropout(0.5), layers.BatchNormalization(), layers.Dense(2)),
    "spatial dropout": lambda: after_dense(layers.SpatialDropout1D(0.5), layers.Dense(2)),
    "PReLU": lambda: after_dense(layers.PReLU(shared_axes=[1])),
    "attention": lambda: functional(lambda x: layers.MultiHeadAttention(2, 4, dropout=0.1)(x, x)),
    "convolution of one": lambda: after_dense(layers.Conv1D(3, 1)),
    "normalization of eqgen": lambda: after_dense(eq.EquivariantNormalization("p where p = S(5)"), layers.Dense(3)),
    "attention of eqgen": lambda: after_dense(eq.EquivariantAttention(2, 4, "p where p = S(5)")),
    "deep": lambda: after_dense(*(eq.EquivariantDense(8, S5, activation="gelu") for _ in range(6))),
    "deep, of relu": lambda: after_dense(*(layers.Dense(8, activation="relu") for _ in range(8))),
    "residual": lambda: functional(lambda x: layers.Add()([layers.Dense(2)(x), eq.EquivariantDense(2, S5)(x)])),
    "a network": lambda: eq.network(S5, [8, 8, 8], channels=2),
    "subclassed": lambda: Subclassed(layers.Dense(4), eq.EquivariantDense(3, S5), layers.Dropout(0.5)),
    "subclassed with statistics": lambda: Subclassed(layers.Dense(4), layers.BatchNormalization()),
    "a frozen normalization of points": lambda: frozen(after_dense(layers.BatchNormalization(axis=1))),
}


def frozen(model):
    model.layers[-1].trainable = False
    return model


INVARIANT_MODELS = {
    "pooled": lambda: after_dense(layers.GlobalAveragePooling1D(), layers.Dense(3)),
    "largest": lambda: after_dense(layers.GlobalMaxPooling1D(), layers.Dense(3)),
    "pooled by eqgen": lambda: after_dense(eq.InvariantPool("p where p = S(5)"), layers.Dense(3)),
    "an invariant network": lambda: eq.network(S5, [8, 8], channels=2, head="invariant"),
}

DECLARATIONS = (
    "{p p} -> {p p} where p = S(5)",
    "p p + p + 1 -> p where p = S(4)",
    "h w -> h w where h = C(3), w = D(4)",
    "p -> 1 where p = C(5)",
    "1 -> p where p = (1 2)(3 4)(5)",
    "p q p -> q + 1 where p = S(3), q = C(2)",
    "p -> p where p = C(24)",
    "<p p> -> {p p} where p = A(5)",
    "p -> p where p = wreath(S(2), S(3))",
)
SIGNED = ("~p -> ~p where p = S(4)", "[p p] -> [p p] where p = S(4)", "[p p] -> ~p where p = C(5)")

ACTIVATION_LAYERS = {
    "PReLU": lambda: layers.PReLU(shared_axes=[1]),
    "BatchNormalization": layers.BatchNormalization,
    "LayerNormalization": layers.LayerNormalization,
    "Dropout": lambda: layers.Dropout(0.5),
    "Softmax": lambda: layers.Softmax(axis=1),
    "Lambda": lambda: layers.Lambda(lambda x: x - ops.mean(x, axis=1, keepdims=True)),
    "a statistic": lambda: Statistic(ops.mean, lambda x, kept: x - kept, points=False),
    "a number for each channel": lambda: Weighted(lambda x, b: x + ops.relu(b - 2), points=False),
}


class Neighbours(layers.Layer):
    """Sums over neighbours, from an adjacency matrix that is kept as a weight and never trained."""

    def __init__(self, adjacency, **options):
        super().__init__(**options)
        self.adjacency = np.asarray(adjacency, dtype="float32")

    def build(self, shape):
        self.matrix = self.add_weight(shape=self.adjacency.shape, trainable=False, initializer="zeros")
        self.matrix.assign(self.adjacency)

    def call(self, inputs):
        return ops.cast(self.matrix, inputs.dtype) @ inputs


RING = np.roll(np.eye(6), 1, axis=0) + np.roll(np.eye(6), -1, axis=0)


RIGHT: dict[str, Case] = {
    **{f"pointwise: {name}": function(made) for name, made in POINTWISE.items()},
    **{f"of a set: {name}": function(made) for name, made in OF_A_SET.items()},
    **{f"invariant: {name}": function(made, TO_ONE) for name, made in INVARIANT.items()},
    **{
        f"in {dtype}: {name}": function(made, dtype=dtype)
        for (name, made), dtype in product(
            (
                ("itself", POINTWISE["itself"]),
                ("root", POINTWISE["root"]),
                *(
                    (name, OF_A_SET[name])
                    for name in ("without the mean", "softmax", "attention", "distances", "a ratio")
                ),
            ),
            ("mixed_float16", "mixed_bfloat16", "float64"),
        )
    },
    **{
        f"{name}, {dtype}": Case(partial(in_policy, dtype, make), S5, (5, 2))
        for (name, make), dtype in product(RIGHT_MODELS.items(), ("float32", "mixed_float16", "mixed_bfloat16"))
    },
    **{
        f"{name}, {dtype}": Case(partial(in_policy, dtype, make), TO_ONE)
        for (name, make), dtype in product(INVARIANT_MODELS.items(), ("float32", "mixed_float16"))
    },
    **{
        f"{declaration}, {options}": Case(partial(dense, 3, declaration, layout="flat", **options), None)
        for declaration, options in product(
            DECLARATIONS,
            ({}, {"activation": "gelu", "use_bias": True}, {"activation": "exponential"}, {"dtype": "mixed_float16"}),
        )
    },
    **{
        f"{declaration}, {options}": Case(partial(dense, 3, declaration, layout="flat", **options), None)
        for declaration, options in product(SIGNED, ({}, {"activation": "tanh"}))
    },
    **{
        f"scalar, {declaration}": Case(partial(dense, None, declaration, layout="flat"), None)
        for declaration in DECLARATIONS[:4]
    },
    **{
        f"activation, {'built' if built else 'not built'}: {name}": Case(
            lambda make=make, built=built: dense(built=built, activation=make()), None
        )
        for (name, make), built in product(ACTIVATION_LAYERS.items(), (True, False))
    },
    **{
        f"activation function: {name}": Case(lambda made=made: dense(activation=made), None)
        for name, made in (
            *(
                (name, POINTWISE[name])
                for name in ("root", "logarithm", "a power", "floor", "relu beyond 50", "entropy")
            ),
            *((name, OF_A_SET[name]) for name in ("without the mean", "softmax", "variance by squares, pointwise")),
        )
    },
    **{
        f"a number for each channel, {name}": Case(partial(Weighted, made, initializer, False), S5, (5, 2))
        for name, (made, initializer) in THRESHOLDS.items()
    },
    **{
        f"a number for each point that is never trained, {kept}": Case(
            partial(Weighted, lambda x, b: x * b, "ones", True, False), S5, (5, 2)
        )
        for kept in ("ones",)
    },
    "a statistic of all": Case(partial(Statistic, ops.mean, lambda x, kept: x - kept, False), S5, (5, 2)),
    "a variance of all": Case(
        partial(Statistic, ops.var, lambda x, kept: x / ops.sqrt(kept + 1e-3), False, "ones"), S5, (5, 2)
    ),
    "in training: without the mean": Case(partial(InTraining, OF_A_SET["without the mean"]), S5, (5, 2)),
    "in training: doubled": Case(partial(InTraining, lambda x: 2 * x), S5, (5, 2)),
    **{
        f"a table that is set later, {dtype}": Case(partial(set_later, dtype, (2, 2, 2, 2, 2)), S5, (5, 2))
        for dtype in ("mixed_float16", "float32")
    },
    **{
        f"a part in single precision: {name}": Case(partial(SinglePart, made, dtype=dtype), S5, (5, 2))
        for (name, made), dtype in product(
            (
                ("attention", OF_A_SET["attention"]),
                ("without the mean", OF_A_SET["without the mean"]),
                ("a wave", lambda x: ops.sin(3 * x) + ops.mean(ops.cos(x), axis=1, keepdims=True)),
            ),
            ("float32", "float64", "mixed_float16"),
        )
    },
    "what is centred, pooled, beside the largest": invariant(
        lambda x: ops.concatenate([ops.mean(x - row_mean(x), axis=1), ops.max(x, axis=1)], axis=-1)
    ),
    "total force": invariant(lambda x: ops.sum(ops.tanh(x[:, :, None] - x[:, None]), axis=(1, 2))),
    "a sum in half precision": function(
        lambda x: x - ops.cast(ops.sum(ops.cast(x, "float16"), axis=1, keepdims=True), x.dtype)
    ),
    "random in training": Case(partial(RandomInTraining, lambda x: 2 * x), S5, (5, 2)),
    "chaos at each point": function(lambda x: ops.concatenate([x, ops.sign(ops.sin(1e7 * x))], axis=-1)),
    "behind a constant": function(lambda x: 1e4 + 1e-3 * x),
    **{
        f"neighbours on a ring, {declaration}": Case(partial(Neighbours, RING), declaration, (6, 2))
        for declaration in ("p -> p where p = D(6)", "p -> p where p = C(6)")
    },
    "neighbours, turned": function(lambda x: x + ops.roll(x, 1, axis=1), "p -> p where p = C(6)", (6, 2)),
    "differences, turned": function(lambda x: x - ops.roll(x, 1, axis=1), "p -> p where p = C(6)", (6, 2)),
    "an embedding": Case(
        lambda: eq.OrbitEmbedding("p where p = (1 2)(3 4 5)"), "p -> p where p = (1 2)(3 4 5)", (5, 3)
    ),
    "a pool": Case(lambda: eq.InvariantPool("p where p = S(5)", "max"), TO_ONE, (5, 3)),
    "normalization": Case(
        lambda: eq.EquivariantNormalization("p where p = (1 2)(3 4 5)"), "p -> p where p = (1 2)(3 4 5)", (5, 3)
    ),
    "attention": Case(lambda: eq.EquivariantAttention(2, 4, "p where p = C(6)"), "p -> p where p = C(6)", (6, 3)),
}
