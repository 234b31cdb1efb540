"""Layers that live on one space: which point orbit each of its points belongs to, and what such layers share."""

from functools import cached_property
from typing import Any, Self

import keras
import numpy as np
from keras import ops

from eqgen.common.errors import DeclarationError
from eqgen.layers.inputs.arguments import check_fingerprint, check_keras_flags, flipping
from eqgen.layers.inputs.shape import Sides, read_shape
from eqgen.layers.masks.reading import Present, mask_of_outputs, read_masks
from eqgen.orbitals.declare import in_words, one_space
from eqgen.orbitals.fingerprint import points_fingerprint
from eqgen.permutations.signed_permutation import point_orbits
from eqgen.spaces.mapping import Mapping


class PointLayer(keras.layers.Layer):
    """A layer from features of the points of one space to features of the same points, unless it says otherwise.

    Args:
        declaration: the space, or a mapping of it to itself.
        **kwargs: name, dtype, as every Keras layer takes them.

    Attributes:
        mapping: of the space to itself.
        sides: how shapes of features are read.
        size: how many points there are.
        orbit_of: (points,) int32, the number of each point's orbit.
        orbit_sizes: (point orbits,), how many points each has.
        signed: whether a generator flips the sign of a point.

    Raises:
        DeclarationError: the declaration cannot be read or leads to another space.
    """

    def __init__(self, declaration: Mapping | str, **kwargs: Any) -> None:
        check_keras_flags(kwargs)
        super().__init__(**kwargs)
        self.supports_masking = True
        self.mapping = one_space(declaration)
        self.size, grid = self.mapping.input.size, self.mapping.input.shape
        self.sides = Sides(grid, grid, 1, space=in_words(self.mapping))
        images = np.stack([element.input.image for element in self.mapping.elements])
        self.orbit_of = point_orbits(images).astype(np.int32)
        self.orbit_sizes = np.bincount(self.orbit_of)
        self.signed = flipping(self.mapping) is not None

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the orbits that weights belong to: a saved layer whose orbits differ is refused."""
        return points_fingerprint(self.orbit_of, self.signed)

    def check_unsigned(self, what: str) -> None:
        """Stop where a generator flips the sign of a point."""
        if self.signed:
            raise DeclarationError(f"signs flip in {in_words(self.mapping)}, so {what}")

    def flat(self, features: Any, mask: Any = None, known: Any = None) -> tuple[Any, Present | None]:
        """Features (..., points, channels) of the dtype that the layer computes in, and what of them is there.

        Raises:
            DeclarationError: features or a mask of other points, or a mask that is not that of points of the axes.
        """
        reading = read_shape(features.shape, self.sides)
        there = read_masks(mask, known, features.shape, features.shape[: reading.lead], self.size, self.mapping)
        # Keras hands whole numbers on as they are.
        features = ops.cast(features, self.compute_dtype)
        is_flat = len(features.shape) == reading.lead + 2
        if is_flat and there is None:
            return features, None
        lead = ops.shape(features)[: reading.lead]
        features = features if is_flat else ops.reshape(features, (*lead, self.size, reading.channels))
        return features, None if there is None else there.leading(lead)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The points that are there."""
        if previous_mask is None:
            return None
        return mask_of_outputs(previous_mask, inputs.shape, self.mapping, read_shape(inputs.shape, self.sides))

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """The input shape."""
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        own = {"declaration": self.mapping.without_catalogue(), "fingerprint": self.fingerprint}
        return {**super().get_config(), **own}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The layer of a saved config.

        Raises:
            DeclarationError: the saved declaration had other orbits than it has now, so that weights would be mixed up.
        """
        options = dict(config)
        saved = options.pop("fingerprint", None)
        layer = cls(**options)
        check_fingerprint(layer.name, saved, layer.fingerprint, None, in_words(layer.mapping))
        return layer

    def declared_as(self) -> str:
        """The space, for `describe`."""
        return self.mapping.space_text(self.mapping.input)

    def parameters_spared(self) -> int:
        """How many more parameters there would be if every point had its own."""
        held = sum(int(np.prod(weight.shape)) for weight in self.weights)
        return held // len(self.orbit_sizes) * (self.size - len(self.orbit_sizes))
