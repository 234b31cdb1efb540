"""Layers that live on one space: which point orbit each of its points belongs to, and what such layers share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from eqgen.common.arrays import Permutation
from eqgen.common.errors import DeclarationError
from eqgen.layers.inputs.shape import Shape, Sides, of_points, read_shape
from eqgen.orbitals.endomorphism import in_words, one_space
from eqgen.permutations.signed_permutation import point_orbits
from eqgen.spaces.mapping import Mapping


@dataclass(frozen=True, eq=False)
class Points:
    """The points of a space under a group.

    Attributes:
        mapping: of the space to itself.
        sides: how shapes of features are read.
        orbit_of: (points,) int32, the number of each point's orbit.
        sizes: (orbits,), how many points each orbit has.
        signed: whether a generator flips the sign of a point.
    """

    mapping: Mapping
    sides: Sides
    orbit_of: npt.NDArray[np.int32]
    sizes: Permutation
    signed: bool

    @property
    def size(self) -> int:
        """How many points there are."""
        return int(self.orbit_of.size)

    @property
    def orbits(self) -> int:
        """How many point orbits there are."""
        return int(self.sizes.size)

    def means(self) -> np.ndarray:
        """The matrix that takes the mean over each orbit, (orbits, points)."""
        return np.asarray((self.orbit_of == np.arange(self.orbits)[:, None]) / self.sizes[:, None])


class PointLayer(keras.layers.Layer):
    """A layer from features of the points of one space to features of the same points, unless it says otherwise.

    Args:
        declaration: the space, or a mapping of it to itself.
        **kwargs: name, dtype, as every Keras layer takes them.

    Raises:
        DeclarationError: the declaration cannot be read or leads to another space.
    """

    def __init__(self, declaration: Mapping | str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.points = points_of(declaration)

    def refuse_signs(self, what: str) -> None:
        """Stop where a generator flips the sign of a point."""
        if self.points.signed:
            raise DeclarationError(f"signs flip in {in_words(self.points.mapping)}, so {what}")

    def channels(self, shape: Shape) -> int:
        """The channels of features of this shape, (..., points, channels) or a grid in place of the points.

        Raises:
            DeclarationError: the shape has other points, or no channels.
        """
        return read_shape(shape, self.points.sides).channels

    def flat(self, features: Any, mask: Any = None) -> tuple[Any, Any]:
        """Features (..., points, channels) of the dtype that the layer computes in, and a mask (..., points), or None.

        Raises:
            DeclarationError: features or a mask of other points.
        """
        mask = of_points(mask, features.shape)
        reading = read_shape(features.shape, self.points.sides)
        # Keras hands whole numbers on as they are.
        features = ops.cast(features, self.compute_dtype)
        if len(features.shape) != reading.lead + 2:
            lead = ops.shape(features)[: reading.lead]
            features = ops.reshape(features, (*lead, self.points.size, reading.channels))
            mask = None if mask is None else ops.reshape(mask, (*lead, self.points.size))
        return features, mask

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """The input shape."""
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """What makes the layer again."""
        return {**super().get_config(), "declaration": self.points.mapping.without_catalogue()}

    def declared_as(self) -> str:
        """The space, for `describe`."""
        return self.points.mapping.space_text(self.points.mapping.input)

    def parameters_spared(self) -> int:
        """How many more parameters there would be if every point had its own."""
        held = sum(int(np.prod(weight.shape)) for weight in self.weights)
        return held // self.points.orbits * (self.points.size - self.points.orbits)


def points_of(declaration: Mapping | str) -> Points:
    """The points of a declared space.

    Raises:
        DeclarationError: the declaration cannot be read, or leads from one space to another.
    """
    mapping = one_space(declaration)
    moves = [element.input for element in mapping.elements]
    signed = any(move.signs is not None and bool((move.signs < 0).any()) for move in moves)
    orbit_of = point_orbits(np.stack([move.image for move in moves])).astype(np.int32)
    grid = mapping.input.shape
    return Points(mapping, Sides(grid, grid, 1, space=in_words(mapping)), orbit_of, np.bincount(orbit_of), signed)
