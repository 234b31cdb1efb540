"""What in a model breaks a symmetry: the operation whose inputs move with the points, and whose output does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from eqgen.layers.equivariance.function import EPS, TOLERANCE_IN_EPS, Array
from eqgen.layers.equivariance.model import coarsest_dtype
from eqgen.layers.execution.tensors import as_float64
from eqgen.permutations.signed_permutation import SignedPermutation

SAMPLES = 4
"""So many random inputs tell."""


@dataclass(frozen=True, eq=False)
class TensorActions:
    """The ways in which a tensor inside a model may move when its input does.

    Attributes:
        spaces: for each space what each generator does to its points.
        tolerance: a larger difference, beside the largest value, is no rounding.
    """

    spaces: tuple[tuple[SignedPermutation, ...], ...]
    tolerance: float

    def allow(self, plain: Array, moved: Sequence[Array]) -> bool:
        """Whether a tensor, for inputs as they are and moved by each generator, moves like a space or not at all."""
        if all(self._close(tensor, plain) for tensor in moved):
            return True
        # What has an axis as long as a space is indexed by such a space; what has none may be flattened.
        named = [generators for generators in self.spaces if generators[0].size in plain.shape[1:]]
        return any(self._follows(plain, moved, generators) for generators in named or self.spaces)

    def _follows(self, plain: Array, moved: Sequence[Array], generators: Sequence[SignedPermutation]) -> bool:
        size, length = generators[0].size, int(np.prod(plain.shape[1:]))
        if length % size:
            return False
        # Points may stand on any axis, or flattened together with channels.
        others = length // size
        shapes = [(len(plain), count, size, -1) for count in range(1, others + 1) if others % count == 0]
        return any(
            all(
                self._close(tensor.reshape(shape), generator.applied(plain.reshape(shape), 2))
                for tensor, generator in zip(moved, generators, strict=True)
            )
            for shape in shapes
        )

    def _close(self, tensor: Array, expected: Array) -> bool:
        allowed = self.tolerance * max(np.abs(expected).max(initial=0), 1e-30)
        return bool(np.abs(tensor - expected).max(initial=0) <= allowed)


@dataclass(frozen=True, eq=False)
class SymmetryBreaker:
    """What breaks a symmetry: a layer, or an operation between layers.

    Attributes:
        operation: that is given what moves as the points do, or stays, and answers what does neither.
        before: what made its input.
    """

    operation: Any
    before: Any

    def __str__(self) -> str:
        after = "" if isinstance(self.before, keras.layers.InputLayer) else f" after {_name(self.before)}"
        return f"{_name(self.operation)}{after}"


def _name(operation: Any) -> str:
    return f"{operation.name!r} ({type(operation).__name__})"


def symmetry_breaker(
    model: Any, spaces: Sequence[Sequence[SignedPermutation]], shape: tuple[int, ...], tolerance: float = 0
) -> SymmetryBreaker | None:
    """The layer, or the operation between layers, that breaks the symmetry of a functional or sequential model.

    Args:
        model: any Keras model; one that does not show what stands between its layers tells nothing.
        spaces: for each space that its features may be indexed by, that of the input first, what each generator does to it.
        shape: of one input, without the batch.
        tolerance: a larger difference, beside the largest value, is no rounding; never less than 100 eps of the dtype.

    Returns:
        None where nothing can be told.
    """
    dtype = coarsest_dtype(model)
    features = np.random.default_rng(0).normal(size=(SAMPLES, *shape))
    features = features.astype("float64" if dtype == "float64" else "float32")
    flat = features.reshape(SAMPLES, spaces[0][0].size, -1) if spaces[0] else features
    moved = [generator.applied(flat, 1).reshape(features.shape) for generator in spaces[0]]
    actions = TensorActions(tuple(map(tuple, spaces)), max(tolerance, TOLERANCE_IN_EPS * EPS[dtype]))
    return _breaker(model, [features, *moved], actions) if moved else None


def _breaker(model: Any, inputs: list[Array], actions: TensorActions) -> SymmetryBreaker | None:
    """The same for inputs that are moved already: as they are, and moved by each generator."""
    if not isinstance(model, keras.Model) or len(getattr(model, "inputs", None) or ()) != 1:
        return None
    made_by = _history(model.outputs)
    inside = keras.Model(model.inputs[0], [tensor for tensor, _, _ in made_by.values()])
    answers = [[as_float64(value) for value in keras.tree.flatten(inside(values, training=False))] for values in inputs]
    values = dict(zip(made_by, zip(*answers, strict=True), strict=True))
    allowed = {name: actions.allow(plain, moved) for name, (plain, *moved) in values.items()}
    # From the answer back, along what does not move as it may: whoever is given only what does is the one.
    waiting = [id(tensor) for tensor in model.outputs if not allowed[id(tensor)]]
    seen = set(waiting)
    while waiting:
        _, operation, given = made_by[waiting.pop()]
        broken = [id(tensor) for tensor in given if not allowed[id(tensor)]]
        if not broken:
            # In a model that stands inside another it is looked for there.
            nested = _breaker(operation, list(values[id(given[0])]), actions) if len(given) == 1 else None
            before = made_by[id(given[0])][1] if given else operation
            return nested or SymmetryBreaker(operation, before)
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
