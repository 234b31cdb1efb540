"""What in a model breaks a symmetry: the operation whose inputs move with the points, and whose output does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from eqgen.layers.equivariance.function import TOLERANCE_IN_EPS, Array
from eqgen.layers.equivariance.model import EPS, coarsest_dtype
from eqgen.layers.execution.tensors import as_float64
from eqgen.permutations.signed_permutation import SignedPermutation

SAMPLES = 4
"""So many random inputs tell."""


@dataclass(frozen=True, eq=False)
class Motions:
    """The ways in which a tensor inside a model may move when its input does.

    Attributes:
        ways: for each space what each generator does to its points.
        tolerance: a larger difference, beside the largest value, is no rounding.
    """

    ways: tuple[tuple[SignedPermutation, ...], ...]
    tolerance: float

    def allow(self, plain: Array, others: Sequence[Array]) -> bool:
        """Whether a tensor, for inputs as they are and moved by each generator, moves like a space or not at all."""
        if all(self._close(other, plain) for other in others):
            return True
        # What has an axis as long as a space is indexed by such a space; what has none may be flattened.
        named = [moves for moves in self.ways if moves[0].size in plain.shape[1:]]
        return any(self._follows(plain, others, moves) for moves in named or self.ways)

    def _follows(self, plain: Array, others: Sequence[Array], moves: Sequence[SignedPermutation]) -> bool:
        size = moves[0].size
        length = int(np.prod(plain.shape[1:]))
        # Points may stand on any axis, or flattened together with channels.
        before = (
            count for count in range(1, length // size + 1) if length % size == 0 and (length // size) % count == 0
        )
        return any(self._moves_on(plain, others, moves, (len(plain), count, size, -1)) for count in before)

    def _moves_on(
        self, plain: Array, others: Sequence[Array], moves: Sequence[SignedPermutation], shape: tuple[int, ...]
    ) -> bool:
        whole = plain.reshape(shape)
        return all(
            self._close(other.reshape(shape), move.applied(whole, 2)) for other, move in zip(others, moves, strict=True)
        )

    def _close(self, one: Array, other: Array) -> bool:
        return bool(np.abs(one - other).max(initial=0) <= self.tolerance * max(np.abs(other).max(initial=0), 1e-30))


@dataclass(frozen=True, eq=False)
class Culprit:
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


def breaking_operation(
    model: Any, spaces: Sequence[Sequence[SignedPermutation]], shape: tuple[int, ...], tolerance: float = 0
) -> Culprit | None:
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
    random = np.random.default_rng(0)
    features = random.normal(size=(SAMPLES, *shape)).astype("float64" if dtype == "float64" else "float32")
    moved = [_moved(features, move) for move in spaces[0]]
    motions = Motions(tuple(map(tuple, spaces)), max(tolerance, TOLERANCE_IN_EPS * EPS[dtype]))
    return _culprit(model, [features, *moved], motions) if moved else None


def _culprit(model: Any, inputs: list[Array], motions: Motions) -> Culprit | None:
    """The same for inputs that are moved already: as they are, and moved by each generator."""
    if not isinstance(model, keras.Model) or len(getattr(model, "inputs", None) or ()) != 1:
        return None
    made_by = _history(model.outputs)
    part = keras.Model(model.inputs[0], [tensor for tensor, _, _ in made_by.values()])
    found = [[as_float64(value) for value in _as_list(part(values, training=False))] for values in inputs]
    values = dict(zip(made_by, zip(*found, strict=True), strict=True))
    allowed = {name: motions.allow(plain, others) for name, (plain, *others) in values.items()}
    # From the answer back, along what does not move as it may: whoever is given only what does is the one.
    waiting = [id(tensor) for tensor in model.outputs if not allowed[id(tensor)]]
    seen = set(waiting)
    while waiting:
        _, operation, given = made_by[waiting.pop()]
        broken = [id(tensor) for tensor in given if not allowed[id(tensor)]]
        if not broken:
            inside = _inside(operation, [list(values[id(tensor)]) for tensor in given], motions)
            before = made_by[id(given[0])][1] if given else operation
            return inside or Culprit(operation, before)
        waiting += [name for name in broken if name not in seen]
        seen.update(broken)
    return None


def _history(outputs: Sequence[Any]) -> dict[int, tuple[Any, Any, list[Any]]]:
    """Every tensor that some outputs are made of, by its identity: the tensor, the operation, and what that was given."""
    found: dict[int, tuple[Any, Any, list[Any]]] = {}
    waiting = list(outputs)
    while waiting:
        tensor = waiting.pop()
        if id(tensor) not in found:
            operation, number, _ = tensor._keras_history
            given = list(operation._inbound_nodes[number].input_tensors)
            found[id(tensor)] = tensor, operation, given
            waiting += given
    return found


def _inside(operation: Any, given: list[list[Array]], motions: Motions) -> Culprit | None:
    """What it is in a model that stands inside another."""
    if not isinstance(operation, keras.Model) or len(given) != 1:
        return None
    return _culprit(operation, given[0], motions)


def _moved(features: Array, move: SignedPermutation) -> Array:
    flat = features.reshape(len(features), move.size, -1)
    return move.applied(flat, 1).reshape(features.shape)


def _as_list(outputs: Any) -> list[Any]:
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
