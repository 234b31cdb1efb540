"""EquivariantRNN: recurrent cells of points, one step after the other."""

import math
from typing import Any

import keras
from keras import ops

from eqgen.common.errors import DeclarationError
from eqgen.layers.inputs.arguments import check_keras_flags
from eqgen.layers.inputs.shape import Shape, of_points, shown
from eqgen.layers.recurrent_cell import EquivariantRNNCell
from eqgen.orbitals.composition import chain_of, whole_of


@keras.saving.register_keras_serializable(package="eqgen")
class EquivariantRNN(keras.layers.RNN):
    """`keras.layers.RNN` of cells whose state lives on the points of a space, with points and channels in axes of their own.

    Keras knows outputs (batch, time, size) alone; here they are (batch, time, points, units). Everything else is as it is there:
    `return_sequences`, `stateful`, `keras.layers.Bidirectional`, a list of cells, one on top of the other.

    Args:
        cell: an `EquivariantRNNCell`, or a list of them, each of which begins in the space in which the one before ends.
        **kwargs: as in `keras.layers.RNN`.

    Raises:
        DeclarationError: another cell, or cells whose spaces do not chain.

    Input shape:
        (batch, time, points, channels), a grid in place of the points where the space is one. A mask says which steps there are,
        (batch, time), or which points of each, (batch, time, points): means are over the points that are there, a point that is
        there at no step has the state 0, and a step without points is left out.

    Output shape:
        (batch, points, units), with `return_sequences` (batch, time, points, units); with a grid where the input was one and the
        state fills one. States, given or returned, are (batch, points, units).

    >>> import numpy as np
    >>> layer = EquivariantRNN(EquivariantRNNCell(4, "p -> p where p = S(5)"), return_sequences=True)
    >>> layer(np.zeros((2, 7, 5, 3))).shape
    TensorShape([2, 7, 5, 4])
    """

    def __init__(self, cell: Any, **kwargs: Any) -> None:
        check_keras_flags(kwargs)
        cell = cell[0] if isinstance(cell, (list, tuple)) and len(cell) == 1 else cell
        cells = _cells_of(cell)
        for other in cells or [cell]:
            if not isinstance(other, EquivariantRNNCell):
                raise DeclarationError(
                    f"{other!r} is no cell of points: expected eq.EquivariantRNNCell(units, declaration), or a list of them; "
                    "other cells go into keras.layers.RNN"
                )
        chain = chain_of([own.mapping for own in cells], len(cells))
        super().__init__(cell, **kwargs)
        self.mapping = whole_of(chain)

    @property
    def cells(self) -> list[EquivariantRNNCell]:
        """The cell, or those of a stack from the first to the last."""
        return _cells_of(self.cell)

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        """Answers for sequences (batch, time, points, channels), from states (batch, points, units) or zeros."""
        sequences = ops.cast(sequences, self.compute_dtype)
        axes, points = len(sequences.shape), None
        if mask is not None:
            mask = ops.cast(mask if len(mask.shape) == 2 else of_points(mask, sequences.shape), "bool")
            seen = ops.reshape(mask, (*ops.shape(mask), *[1] * (axes - len(mask.shape))))
            # Chosen and not multiplied, before the first product: what stands there may be infinite, and gradients with it.
            sequences = ops.where(seen, sequences, ops.zeros((), dtype=sequences.dtype))
            points, mask = _points_and_steps(mask)
        if initial_state is not None:
            initial_state = self._flat(initial_state)
        try:
            self._begin(points)
            driven = self.cells[0].ahead(sequences, points)
            answer = super().call(driven, initial_state=initial_state, mask=mask, training=training)
        finally:
            for cell in self.cells:
                cell.end()
        output, *states = answer if self.return_state else (answer,)
        lead = ops.shape(output)[: 1 + self.return_sequences]
        output = ops.reshape(output, (*lead, *self._points(axes), self.cells[-1].units))
        return (output, *self._apart(states)) if self.return_state else output

    def compute_output_shape(self, sequences_shape: Shape, initial_state_shape: Any = None) -> Any:
        """The output shape for a shape of sequences, and those of the states where they are returned."""
        lead = tuple(sequences_shape[: 1 + self.return_sequences])
        output = (*lead, *self._points(len(sequences_shape)), self.cells[-1].units)
        if not self.return_state:
            return output
        each = [[(lead[0], cell.points, cell.units)] * len(cell.state_size) for cell in self.cells]
        return output, *(each[0] if len(each) == 1 else each)

    def compute_mask(self, sequences: Any, mask: Any = None) -> Any:
        """The mask of the steps, and of the points of the state where the mask that came says which points there are."""
        mask = keras.tree.flatten(mask)[0]
        if mask is None or len(mask.shape) == 2:
            return super().compute_mask(sequences, mask)
        if isinstance(mask, keras.KerasTensor) and len(mask.shape) > 3:
            return super().compute_mask(sequences, ops.any(mask, axis=tuple(range(2, len(mask.shape)))))
        points, steps = _points_and_steps(ops.cast(mask, "bool"))
        there = self._states_there(points)[-1]
        if there is None:
            return super().compute_mask(sequences, steps)
        if self.return_sequences:
            there = ops.logical_and(ops.expand_dims(there, 1), ops.expand_dims(steps, -1))
        grid = self._points(len(mask.shape) + 1)
        there = ops.reshape(there, (*ops.shape(there)[:-1], *grid)) if len(grid) > 1 else there
        return [there, *[None] * len(self.state_size)] if self.return_state else there

    def _begin(self, points: Any) -> None:
        """Make once what the steps of each cell share."""
        masks = [None] * len(self.cells) if points is None else [ops.any(points, axis=1), *self._states_there(points)]
        for cell, mask in zip(self.cells, masks, strict=False):
            cell.begin(mask)

    def _states_there(self, points: Any) -> list[Any]:
        """Which points of the state of each cell are there at any step, of a mask (batch, time, points); None for all."""
        there, found = ops.any(points, axis=1), []
        for cell in self.cells:
            there = None if there is None else cell.state_mask(there)
            found.append(there)
        return found

    def reset_state(self) -> None:
        """Zeros in place of the states that a stateful layer keeps; those of several cells are nested, unknown to Keras."""
        for state in keras.tree.flatten(self.states):
            state.assign(ops.zeros_like(state.value))

    def _points(self, axes: int) -> tuple[int, ...]:
        """What the points of an answer fill, to sequences of so many axes."""
        last = self.cells[-1]
        return last.mapping.output.shape if axes > 4 else (last.points,)

    def _flat(self, given: Any) -> Any:
        """States as the cells take them, (batch, points * units)."""
        states = keras.tree.flatten(given)
        sizes = [(cell.points, cell.units) for cell in self.cells for _ in cell.state_size]
        if [tuple(state.shape[1:]) for state in states] != sizes:
            expected = ", ".join(f"(batch, {points}, {units})" for points, units in sizes)
            got = ", ".join(shown(tuple(state.shape)) for state in states)
            raise DeclarationError(f"initial_state of {self.name!r} is {expected}, got {got}")
        pairs = zip(states, sizes, strict=True)
        flat = [ops.reshape(state, (ops.shape(state)[0], points * units)) for state, (points, units) in pairs]
        return keras.tree.pack_sequence_as(self.get_initial_state(1), flat)

    def _apart(self, states: list[Any]) -> list[Any]:
        """States with points and units in axes of their own; those of several cells are nested."""
        if len(self.cells) > 1:
            return [[_apart(one, cell) for one in own] for own, cell in zip(states, self.cells, strict=True)]
        return [_apart(state, self.cells[0]) for state in states]


def _cells_of(cell: Any) -> list[Any]:
    inside = getattr(cell, "cells", cell)
    return list(inside) if isinstance(inside, (list, tuple)) else [cell]


def _apart(state: Any, cell: EquivariantRNNCell) -> Any:
    return ops.reshape(state, (ops.shape(state)[0], cell.points, cell.units))


def _points_and_steps(mask: Any) -> tuple[Any, Any]:
    """Which points there are, (batch, time, points), None where steps alone are told of; and which steps, those with any."""
    if len(mask.shape) == 2:
        return None, mask
    steps = ops.any(mask, axis=tuple(range(2, len(mask.shape))))
    # Where Keras only asks for shapes, those of the batch and of time are unknown.
    return mask if len(mask.shape) == 3 else ops.reshape(mask, (*ops.shape(mask)[:2], math.prod(mask.shape[2:]))), steps
