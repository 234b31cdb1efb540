"""OrbitEmbedding: one learned vector for each point orbit, the positional code that a symmetry allows."""

from typing import Any

import keras
from keras import ops

from eqgen.layers.execution.tensors import taken
from eqgen.layers.inputs.shape import check_channels, present, read_shape
from eqgen.layers.point_layer import PointLayer
from eqgen.spaces.mapping import Mapping


@keras.saving.register_keras_serializable(package="eqgen")
class OrbitEmbedding(PointLayer):
    """Adds to the features of every point a learned vector of its point orbit.

    A positional code that tells every point from every other would break the symmetry; this is all that it leaves: a corner
    of a board is told from its centre, not from another corner.

    Args:
        declaration: the space, as in `"b where b = D(4)"`, or a mapping of it to itself.
        embeddings_initializer: of the vectors, any Keras initializer.
        **kwargs: name, dtype, as every Keras layer takes them.

    Raises:
        DeclarationError: the declaration cannot be read or leads to another space, or signs flip.

    Input shape:
        (..., points, channels); a grid in place of the points where the space is one, as `h w` is.

    Output shape:
        The same.

    >>> import numpy as np
    >>> OrbitEmbedding("p + 1 where p = S(3)")(np.zeros((1, 4, 2))).shape
    TensorShape([1, 4, 2])
    """

    def __init__(self, declaration: Mapping | str, embeddings_initializer: Any = "uniform", **kwargs: Any) -> None:
        super().__init__(declaration, **kwargs)
        self.check_unsigned("a vector that is added to its points would have to be its own negative: drop this layer")
        self.embeddings_initializer = keras.initializers.get(embeddings_initializer)
        self.embeddings: Any = None

    def build(self, input_shape: Any) -> None:
        """Make a vector for each point orbit."""
        shape = (len(self.orbit_sizes), read_shape(input_shape, self.sides).channels)
        self.embeddings = self.add_weight(name="embeddings", shape=shape, initializer=self.embeddings_initializer)

    def call(self, inputs: Any, mask: Any = None, known: Any = None, inputs_mask: Any = None) -> Any:
        """Add to features of shape (..., points, channels).

        Args:
            mask: (..., points), which are there; answers at others are 0.
            known: (..., points), which are known: others are taken for 0.
            inputs_mask: where Keras puts the mask that came with the inputs if there is another array.
        """
        check_channels(self.embeddings.shape[1], inputs.shape)
        shape = ops.shape(inputs)
        inputs, there = self.flat(inputs, inputs_mask if mask is None else mask, known)
        inputs = inputs if there is None else present(inputs, there.inputs)
        codes = taken(ops.convert_to_tensor(self.embeddings), self.orbit_of, 0)
        answers = ops.reshape(inputs + ops.cast(codes, inputs.dtype), shape)
        return answers if there is None else there.at_outputs(answers)

    def get_config(self) -> dict[str, Any]:
        initializer = keras.initializers.serialize(self.embeddings_initializer)
        return {**super().get_config(), "embeddings_initializer": initializer}
