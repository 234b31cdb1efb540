"""InvariantPool: from a feature for each point to one for each point orbit."""

from typing import Any

import keras
import numpy as np
from keras import ops

from eqgen.common.errors import checked_choice
from eqgen.layers.execution.tensors import taken
from eqgen.layers.inputs.shape import handed_on, present, read_shape
from eqgen.layers.point_layer import PointLayer
from eqgen.spaces.mapping import Mapping


@keras.saving.register_keras_serializable(package="eqgen")
class InvariantPool(PointLayer):
    """The mean, the sum or the largest of the features of each point orbit: numbers that the group does not change.

    The last step of a network whose answer is invariant (Zaheer et al., "Deep sets", NeurIPS 2017). A group with several point
    orbits keeps them apart: atoms of different kinds, the corners and the edges of a board.

    Args:
        declaration: the space, as in `"{p p} where p = S(5)"`, or a mapping of it to itself.
        mode: "mean", "sum" or "max".
        **kwargs: name, dtype, as every Keras layer takes them.

    Raises:
        DeclarationError: the declaration cannot be read or leads to another space, signs flip, or there is no such mode.

    Input shape:
        (..., points, channels); a grid in place of the points where the space is one, as `h w` is.

    Output shape:
        (..., point orbits * channels). Points that are not there or not known do not count; of none 0 is pooled.

    >>> import numpy as np
    >>> InvariantPool("p where p = S(3)")(np.array([[[1.0], [2.0], [6.0]]])).numpy()
    array([[3.]], dtype=float32)
    """

    def __init__(self, declaration: Mapping | str, mode: str = "mean", **kwargs: Any) -> None:
        super().__init__(declaration, **kwargs)
        self.mode = checked_choice("mode", mode, ("mean", "sum", "max"))
        self.check_unsigned(
            "its mean, sum or largest feature is not invariant: pool absolute values or products of pairs"
        )
        order = np.argsort(self.orbit_of, kind="stable").astype(np.int32)
        self._orbits = np.split(order, np.cumsum(self.orbit_sizes)[:-1])

    def build(self, input_shape: Any) -> None:
        """Look at the shape: there is nothing to make."""
        read_shape(input_shape, self.sides)

    def call(self, inputs: Any, mask: Any = None, known: Any = None, inputs_mask: Any = None) -> Any:
        """Pool features of shape (..., points, channels), of masks (..., points) only the points that are there, or known."""
        inputs, there = self.flat(inputs, inputs_mask if mask is None else mask, known)
        mask = None if there is None else there.inputs
        if len(self._orbits) == 1:
            return self._pooled(inputs, mask)
        pooled = [
            self._pooled(taken(inputs, orbit, -2), None if mask is None else taken(mask, orbit, -1))
            for orbit in self._orbits
        ]
        lead = ops.shape(inputs)[:-2]
        return ops.reshape(ops.stack(pooled, axis=-2), (*lead, len(pooled) * inputs.shape[-1]))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """None, for orbits are all there; a mask of whole examples is handed on."""
        return None if isinstance(previous_mask, dict) else handed_on(previous_mask, inputs.shape, same_points=False)

    def _pooled(self, orbit: Any, mask: Any) -> Any:
        """One orbit, (..., points, channels) to (..., channels); 0 where none of its points is there."""
        if mask is None:
            return {"mean": ops.mean, "sum": ops.sum, "max": _largest}[self.mode](orbit, axis=-2)
        there = ops.sum(ops.cast(mask, "int32"), axis=-1)[..., None]
        if self.mode == "max":
            lowest = ops.full_like(orbit, float("-inf"))
            largest = _largest(ops.where(ops.cast(mask, "bool")[..., None], orbit, lowest), axis=-2)
            return ops.where(there > 0, largest, ops.zeros_like(largest))
        total = ops.sum(present(orbit, mask), axis=-2)
        return total if self.mode == "sum" else total / ops.cast(ops.maximum(there, 1), total.dtype)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """(..., point orbits * channels)."""
        reading = read_shape(input_shape, self.sides)
        return (*input_shape[: reading.lead], len(self.orbit_sizes) * reading.channels)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mode": self.mode}


def _largest(features: Any, axis: int) -> Any:
    # Without a first value Keras refuses a batch of no examples on TensorFlow.
    return ops.max(features, axis=axis, initial=float("-inf"))
