"""EquivariantNormalization: statistics of one example, shared by the points of an orbit."""

from typing import Any

import keras
import numpy as np
from keras import ops

from eqgen.common.errors import DeclarationError
from eqgen.layers.execution.tensors import constant, matmul, mean, taken
from eqgen.layers.inputs.arguments import not_negative
from eqgen.layers.inputs.shape import check_channels, present, read_shape
from eqgen.layers.point_layer import PointLayer
from eqgen.orbitals.declare import in_words
from eqgen.spaces.mapping import Mapping


@keras.saving.register_keras_serializable(package="eqgen")
class EquivariantNormalization(PointLayer):
    """Features with mean 0 and variance 1 over each point orbit and all channels, then scaled and shifted for each orbit.

    Statistics are those of one example, so training and inference compute the same, and no batch statistics have to be kept.
    All channels share them, so that an orbit of one point keeps how its channels differ ("set norm": Zhang et al., "Set norm and
    equivariant skip connections: putting the deep in deep sets", ICML 2022, for sets). Where signs flip, a mean is not
    equivariant: features are divided by their root mean square, and nothing is added.

    Args:
        declaration: the space, as in `"{p p} where p = S(5)"`, or a mapping of it to itself.
        epsilon: added to the variance.
        **kwargs: name, dtype, as every Keras layer takes them.

    Raises:
        DeclarationError: the declaration cannot be read or leads to another space, epsilon is negative; when built, an orbit of
            one point has one channel.

    Input shape:
        (..., points, channels); a grid in place of the points where the space is one, as `h w` is. Points that are not
        there or not known do not count.

    Output shape:
        The same.

    >>> import numpy as np
    >>> layer = EquivariantNormalization("p where p = S(2)")
    >>> layer(np.array([[[1.0], [3.0]]])).numpy().round(2)
    array([[[-1.],
            [ 1.]]], dtype=float32)
    """

    def __init__(self, declaration: Mapping | str, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(declaration, **kwargs)
        self.epsilon = not_negative("epsilon", epsilon)
        self.gamma: Any = None
        self.beta: Any = None

    def build(self, input_shape: Any) -> None:
        """Make a scale, and where no sign flips a shift, for each point orbit and channel."""
        shape = (len(self.orbit_sizes), read_shape(input_shape, self.sides).channels)
        if shape[1] == 1 and not self.signed and (self.orbit_sizes == 1).any():
            raise DeclarationError(
                f"an orbit of one point with one channel has no variance, so normalization of {in_words(self.mapping)} "
                "would answer 0 there whatever comes: use more channels, or no normalization"
            )
        self.gamma = self.add_weight(name="gamma", shape=shape, initializer="ones")
        if not self.signed:
            self.beta = self.add_weight(name="beta", shape=shape, initializer="zeros")

    def call(self, inputs: Any, mask: Any = None, known: Any = None, inputs_mask: Any = None) -> Any:
        """Normalize features of shape (..., points, channels).

        Args:
            mask: (..., points), which are there; answers at others are 0.
            known: (..., points), which are known: others do not count, and are taken for 0.
            inputs_mask: where Keras puts the mask that came with the inputs if there is another array.
        """
        check_channels(self.gamma.shape[1], inputs.shape)
        shape = ops.shape(inputs)
        inputs, there = self.flat(inputs, inputs_mask if mask is None else mask, known)
        mask = None if there is None else there.inputs
        inputs = present(inputs, mask)
        # Squares of half precision overflow at 256.
        wide = ops.cast(inputs, "float64" if self.compute_dtype == "float64" else "float32")
        if self.beta is not None:
            wide = wide - self._on_points(mean(wide, -1, keepdims=True), mask)
        variance = self._on_points(mean(ops.square(wide), -1, keepdims=True), mask)
        normal = wide * ops.rsqrt(variance + self.epsilon) * self._of_orbits(self.gamma, wide)
        normal = normal if self.beta is None else normal + self._of_orbits(self.beta, wide)
        normal = ops.reshape(ops.cast(normal, self.compute_dtype), shape)
        return normal if there is None else there.at_outputs(normal)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon}

    def _on_points(self, each: Any, mask: Any) -> Any:
        """The mean over each orbit of one number for each point, (..., points, 1), where its points stand, or once for all."""
        if mask is None and len(self.orbit_sizes) == 1:
            return mean(each, -2, keepdims=True)
        member = self.orbit_of == np.arange(len(self.orbit_sizes))[:, None]
        if mask is None:
            means = matmul(constant(member / self.orbit_sizes[:, None], each), each, precise=True)
        else:
            total, present_points = (
                matmul(constant(member, each), values, precise=True)
                for values in (present(each, mask), ops.cast(mask, each.dtype)[..., None])
            )
            means = total / ops.maximum(present_points, ops.ones((), dtype=each.dtype))
        return taken(means, self.orbit_of, -2)

    def _of_orbits(self, weight: Any, like: Any) -> Any:
        """A weight for each orbit, where its points stand."""
        weight = ops.cast(weight, like.dtype)
        return weight[0] if len(self.orbit_sizes) == 1 else taken(weight, self.orbit_of, 0)
