"""A model with other weights than it has, and as it computes while it is trained; afterwards it is as it was."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import keras
import numpy as np

from eqgen.layers.equivariance.trial import Array
from eqgen.layers.recurrent import EquivariantRNN

LARGEST_DRAWN = 30.0
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
        updated: calls the model as training does, so that what it keeps is seen to change; where there is none, batch
            normalization alone is known to keep some.
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
            updated()
            statistics += [
                weight
                for weight, values in zip(others, before, strict=True)
                if not np.array_equal(_value(weight), values)
            ]
    return list({id(weight): weight for weight in [*model.trainable_weights, *statistics]}.values())


@contextmanager
def randomized_weights(
    model: Any, random: np.random.Generator, weights: list[Any] | None = None, *, wide: bool = False
) -> Iterator[None]:
    """Inside, what training changes is drawn at random, within its constraints; afterwards it is as it was.

    Vectors are positive, for one may be a variance, and matrices keep the size of what they multiply; wide: from small to large
    ones of both signs, and positive where a statistic is.
    """
    weights = trained_weights(model) if weights is None else weights
    trainable = {id(weight) for weight in model.trainable_weights}
    with kept(weights) as before:
        for weight, values in zip(weights, before, strict=True):
            if is_float(values):
                weight.assign(drawn_weights(values, id(weight) in trainable, random, wide=wide).astype(values.dtype))
            if weight.constraint is not None:
                weight.assign(weight.constraint(weight))
        yield


def drawn_weights(values: Array, trainable: bool, random: np.random.Generator, *, wide: bool) -> Array:
    """Numbers in place of some weights, positive where a statistic is."""
    positive = not trainable and bool((values >= 0).all() and values.any())
    return _widely(values.shape, positive, random) if wide else _drawn(values.shape, random)


def _drawn(shape: tuple[int, ...], random: np.random.Generator) -> Array:
    if len(shape) < 2:
        return random.uniform(0.5, 1.5, size=shape)
    return np.asarray(random.normal(size=shape) / np.sqrt(prod(shape[:-1])))


def _widely(shape: tuple[int, ...], positive: bool, random: np.random.Generator) -> Array:
    """Sizes at equal ratios, signs in turn, in random order: some are large and positive, some large and negative."""
    sizes = np.geomspace(LARGEST_DRAWN, SMALLEST_DRAWN, prod(shape)) * random.uniform(0.8, 1.2, size=prod(shape))
    signs = 1 if positive else np.where(np.arange(prod(shape)) % 2, -1, 1) * random.choice([-1, 1])
    scale = np.sqrt(prod(shape[:-1])) if len(shape) > 1 else 1.0
    return np.asarray(random.permutation(sizes * signs).reshape(shape) / scale)


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
