"""InvariantPool: from a feature for each point to one for each point orbit."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from eqgen.errors import DeclarationError
from eqgen.layers.points import points_of, refuse_signs
from eqgen.mapping import Mapping

MODES = ("mean", "sum", "max")


@keras.saving.register_keras_serializable(package="eqgen")
class InvariantPool(keras.layers.Layer):
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
        (..., points, channels).

    Output shape:
        (..., point orbits * channels).

    >>> import numpy as np
    >>> InvariantPool("p where p = S(3)")(np.array([[[1.0], [2.0], [6.0]]])).numpy()
    array([[3.]], dtype=float32)
    """

    def __init__(self, declaration: Mapping | str, mode: str = "mean", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if mode not in MODES:
            raise DeclarationError(f'mode is {mode!r}: expected "mean", "sum" or "max"')
        self.mode = mode
        self.points = points_of(declaration)
        refuse_signs(
            self.points, "its mean, sum or largest feature is not invariant: pool absolute values or products of pairs"
        )
        order = np.argsort(self.points.orbit_of, kind="stable").astype(np.int32)
        self._orbits = np.split(order, np.cumsum(self.points.sizes)[:-1])

    def call(self, inputs: Any) -> Any:
        """Pool features of shape (..., points, channels)."""
        channels = self.points.channels(inputs.shape)
        function = {"mean": ops.mean, "sum": ops.sum, "max": ops.max}[self.mode]
        if len(self._orbits) == 1:
            return function(inputs, axis=-2)
        pooled = [function(ops.take(inputs, orbit, axis=-2), axis=-2) for orbit in self._orbits]
        lead = ops.shape(inputs)[:-2]
        return ops.reshape(ops.stack(pooled, axis=-2), (*lead, len(pooled) * channels))

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """(..., point orbits * channels)."""
        return (*input_shape[:-2], self.points.orbits * self.points.channels(input_shape))

    def get_config(self) -> dict[str, Any]:
        """What makes the layer again."""
        return {**super().get_config(), "declaration": self.points.mapping.without_catalogue(), "mode": self.mode}
