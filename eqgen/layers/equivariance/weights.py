"""A model with other weights than it has, and as it computes while it is trained; afterwards it is as it was."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from math import prod
from typing import Any, Literal, get_args

import keras
import numpy as np

from eqgen.layers.equivariance.trial import Array
from eqgen.layers.recurrent import EquivariantRNN

LARGEST_DRAWN = 100.0
SMALLEST_DRAWN = 0.1
"""Weights are drawn from the one to the other, of both signs: what a threshold hides from small ones shows with large ones."""

ONLY_PASS_ON = (keras.layers.RNN, keras.layers.StackedRNNCells, keras.layers.Bidirectional, EquivariantRNN)
"""Layers that tell those inside whether they are trained, and compute alike themselves."""


def _value(weight: Any) -> Array:
    return np.asarray(keras.ops.convert_to_numpy(weight.value))


@contextmanager
def kept(weights: list[Any]) -> Iterator[list[Array]]:
    """Afterwards weights are as they were; their values."""
    before = [_value(weight) for weight in weights]
    try:
        yield before
    finally:
        for weight, values in zip(weights, before, strict=True):
            weight.assign(values)


def is_float(values: Array) -> bool:
    """Whether an array holds numbers that may be drawn."""
    return bool(np.issubdtype(values.dtype, np.floating)) or values.dtype.name == "bfloat16"


def trained_weights(model: Any, updated: Callable[[], Any] | None = None) -> list[Any]:
    """What training changes: trainable weights, and the statistics that layers keep.

    Args:
        model: a layer or a model.
        updated: calls the model as training does, so that what it keeps is seen to change, whether or not it raises; where
            there is none, batch normalization alone is known to keep some.
    """
    statistics = [
        weight
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
        for weight in layer.non_trainable_weights
    ]
    if updated is not None:
        others = [weight for weight in model.non_trainable_weights if is_float(_value(weight))]
        with kept(others) as before:
            with suppress(Exception):
                updated()
            statistics += [
                weight
                for weight, values in zip(others, before, strict=True)
                if not np.array_equal(_value(weight), values)
            ]
    return list({id(weight): weight for weight in [*model.trainable_weights, *statistics]}.values())


Draw = Literal["near 1", "wide", "wide, turned"]
"""How weights are drawn.

Near 1 vectors are positive, for one may be a variance, and matrices keep the size of what they multiply. Wide ones are from small
to large, of both signs, but positive where a statistic is; turned, they have the other signs.
"""

DRAWS: tuple[Draw, ...] = get_args(Draw)


@contextmanager
def randomized_weights(
    model: Any, random: np.random.Generator, weights: list[Any] | None = None, *, draw: Draw = "near 1"
) -> Iterator[None]:
    """Inside, what training changes is drawn at random, within its constraints; afterwards it is as it was."""
    weights = trained_weights(model) if weights is None else weights
    trainable = {id(weight) for weight in model.trainable_weights}
    with kept(weights) as before:
        for weight, values in zip(weights, before, strict=True):
            if is_float(values):
                weight.assign(drawn_weights(values, id(weight) in trainable, random, draw).astype(values.dtype))
            if weight.constraint is not None:
                weight.assign(weight.constraint(weight))
        yield


def drawn_weights(values: Array, trainable: bool, random: np.random.Generator, draw: Draw) -> Array:
    """Numbers in place of some weights, positive where a statistic is."""
    shape = values.shape
    inputs = prod(shape[:-1]) if len(shape) > 1 else 1
    if draw == "near 1":
        return random.uniform(0.5, 1.5, size=shape) if inputs == 1 else random.normal(size=shape) / np.sqrt(inputs)
    # Sizes at equal ratios, signs in turn, in random order: some are large and positive, some large and negative.
    sizes = np.geomspace(LARGEST_DRAWN, SMALLEST_DRAWN, prod(shape)) * random.uniform(0.8, 1.2, size=prod(shape))
    positive = not trainable and bool((values >= 0).all() and values.any())
    signs = 1 if positive else np.where(np.arange(prod(shape)) % 2, -1, 1) * (-1 if draw == "wide, turned" else 1)
    return np.asarray(random.permutation(sizes * signs).reshape(shape) / np.sqrt(inputs))


def random_layers(model: Any) -> list[Any]:
    """The layers of Keras inside a model that draw random numbers, as Dropout does, and compute nothing else in training.

    A layer of anybody else's may do more, and is tried as it is.
    """
    return [
        layer
        for layer in model._flatten_layers()
        if layer._seed_generators and type(layer).__module__.partition(".")[0] == "keras"
    ]


def learns(model: Any) -> bool:
    """Whether a model may compute otherwise while it is trained, random layers apart."""
    random = {id(layer) for layer in random_layers(model)}
    return any(
        layer._call_has_training_arg and id(layer) not in random and not _only_passes_on(layer)
        for layer in model._flatten_layers()
    )


def _only_passes_on(layer: Any) -> bool:
    return (
        isinstance(layer, keras.Sequential)
        or type(layer) in ONLY_PASS_ON
        or (isinstance(layer, keras.Model) and bool(getattr(layer, "inputs", None)))
    )


@contextmanager
def as_in_training(model: Any) -> Iterator[None]:
    """Inside, layers that draw random numbers compute as if there were no training, and statistics are as they were afterwards."""
    random = [layer for layer in random_layers(model) if layer._call_has_training_arg and layer is not model]
    calls, own = [layer.call for layer in random], [vars(layer).get("call") for layer in random]

    def without_training(call: Callable[..., Any]) -> Callable[..., Any]:
        def quiet(*arguments: Any, **options: Any) -> Any:
            return call(*arguments, **{**options, "training": False})

        return quiet

    with kept(model.non_trainable_weights):
        for layer, call in zip(random, calls, strict=True):
            layer.call = without_training(call)
        try:
            yield
        finally:
            for layer, call in zip(random, own, strict=True):
                del layer.call
                if call is not None:
                    layer.call = call
