"""What in a model breaks a symmetry: the operation whose inputs move with the points, and whose output does not."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np

from eqgen.layers.equivariance.arithmetic import coarsest_dtype
from eqgen.layers.equivariance.rounding import EPS, TOLERANCE_IN_EPS
from eqgen.layers.equivariance.trial import Array
from eqgen.layers.execution.tensors import as_float64
from eqgen.permutations.signed_permutation import SignedPermutation

SAMPLES = 4
"""So many random inputs tell."""


def symmetry_breaker(
    model: Any,
    spaces: Sequence[Sequence[SignedPermutation]],
    shape: tuple[int, ...],
    tolerance: float = 0,
    features: Array | None = None,
) -> str | None:
    """The layer, or the operation between layers, that breaks the symmetry of a functional or sequential model, in words.

    It is given what moves as the points do, or stays, and answers what does neither.

    Args:
        model: any Keras model; one that does not show what stands between its layers tells nothing.
        spaces: for each space that its features may be indexed by, that of the input first, what each generator does to it.
        shape: of one input, without the batch.
        tolerance: a larger difference, beside the largest value, is no rounding; never less than 100 eps of the dtype.
        features: (samples, points, channels), those that show it; by default drawn at random, of mixed signs.

    Returns:
        None where nothing can be told.
    """
    dtype = coarsest_dtype(model)
    features = np.random.default_rng(0).normal(size=(SAMPLES, *shape)) if features is None else features
    features = features.reshape(-1, *shape).astype("float64" if dtype == "float64" else "float32")
    flat = features.reshape(len(features), spaces[0][0].size, -1) if spaces[0] else features
    moved = [generator.applied(flat, 1).reshape(features.shape) for generator in spaces[0]]
    moves = partial(_moves, spaces=spaces, tolerance=max(tolerance, TOLERANCE_IN_EPS * EPS[dtype]))
    return _breaker(model, [features, *moved], moves) if moved else None


def _breaker(model: Any, inputs: list[Array], moves: Callable[[Array, Sequence[Array]], bool]) -> str | None:
    """The same for inputs that are moved already: as they are, and moved by each generator."""
    if not isinstance(model, keras.Model) or len(getattr(model, "inputs", None) or ()) != 1:
        return None
    made_by = _history(model.outputs)
    inside = keras.Model(model.inputs[0], [tensor for tensor, _, _ in made_by.values()])
    answers = [[as_float64(value) for value in keras.tree.flatten(inside(values, training=False))] for values in inputs]
    values = dict(zip(made_by, zip(*answers, strict=True), strict=True))
    allowed = {name: moves(plain, moved) for name, (plain, *moved) in values.items()}
    # From the answer back, along what does not move as it may: whoever is given only what does is the one.
    waiting = [id(tensor) for tensor in model.outputs if not allowed[id(tensor)]]
    seen = set(waiting)
    while waiting:
        _, operation, given = made_by[waiting.pop()]
        broken = [id(tensor) for tensor in given if not allowed[id(tensor)]]
        if not broken:
            # In a model that stands inside another it is looked for there.
            nested = _breaker(operation, list(values[id(given[0])]), moves) if len(given) == 1 else None
            before = made_by[id(given[0])][1] if given else operation
            after = [] if isinstance(before, keras.layers.InputLayer) else [before]
            return nested or " after ".join(f"{part.name!r} ({type(part).__name__})" for part in (operation, *after))
        waiting += [name for name in broken if name not in seen]
        seen.update(broken)
    return None


def _history(outputs: Sequence[Any]) -> dict[int, tuple[Any, Any, list[Any]]]:
    """Every tensor that some outputs are made of, by its identity: the tensor, the operation, and what that was given."""
    history: dict[int, tuple[Any, Any, list[Any]]] = {}
    waiting = list(outputs)
    while waiting:
        tensor = waiting.pop()
        if id(tensor) not in history:
            operation, number, _ = tensor._keras_history
            given = list(operation._inbound_nodes[number].input_tensors)
            history[id(tensor)] = tensor, operation, given
            waiting += given
    return history


def _moves(
    plain: Array, moved: Sequence[Array], spaces: Sequence[Sequence[SignedPermutation]], tolerance: float
) -> bool:
    """Whether a tensor, for inputs as they are and moved by each generator, moves like one of some spaces or not at all."""
    if all(_close(tensor, plain, tolerance) for tensor in moved):
        return True
    # What has an axis as long as a space is indexed by such a space; what has none may be flattened.
    named = [generators for generators in spaces if generators[0].size in plain.shape[1:]]
    return any(_follows(plain, moved, generators, tolerance) for generators in named or spaces)


def _follows(plain: Array, moved: Sequence[Array], generators: Sequence[SignedPermutation], tolerance: float) -> bool:
    size, length = generators[0].size, int(np.prod(plain.shape[1:]))
    # Points may stand on any axis, or flattened together with channels.
    shapes = [
        (len(plain), before, size, -1) for before in range(1, length // size + 1) if length % (before * size) == 0
    ]
    return any(
        all(
            _close(tensor.reshape(shape), generator.applied(plain.reshape(shape), 2), tolerance)
            for tensor, generator in zip(moved, generators, strict=True)
        )
        for shape in shapes
    )


def _close(tensor: Array, expected: Array, tolerance: float) -> bool:
    # What is no number at the same places breaks nothing.
    numbers = np.isfinite(expected)
    if not np.array_equal(numbers, np.isfinite(tensor)):
        return False
    allowed = tolerance * max(np.abs(expected[numbers]).max(initial=0), 1e-30)
    return bool(np.abs(tensor[numbers] - expected[numbers]).max(initial=0) <= allowed)
