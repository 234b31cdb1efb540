"""What layers that live on one space know of it: which point orbit each point belongs to, and how shapes are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from eqgen.common.arrays import Permutation
from eqgen.common.errors import DeclarationError
from eqgen.common.text import count
from eqgen.layers.inputs.masks import of_points, shown
from eqgen.orbitals.endomorphism import in_words, one_space
from eqgen.permutations.signed_permutation import point_orbits
from eqgen.spaces.mapping import Mapping


@dataclass(frozen=True, eq=False)
class Points:
    """The points of a space under a group.

    Attributes:
        mapping: of the space to itself.
        orbit_of: (points,), the number of each point's orbit.
        sizes: (orbits,), how many points each orbit has.
        signed: whether a generator flips the sign of a point.
    """

    mapping: Mapping
    orbit_of: Permutation
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
        return (self.orbit_of == np.arange(self.orbits)[:, None]) / self.sizes[:, None]

    @property
    def grid(self) -> tuple[int, ...]:
        """The shape that the points fill."""
        return self.mapping.input.shape

    def channels(self, shape: Any) -> int:
        """The channels of features of this shape, (..., points, channels) or a grid in place of the points.

        Raises:
            DeclarationError: the shape has other points, or no channels.
        """
        self.point_axes(shape)
        return int(shape[-1])

    def point_axes(self, shape: Any) -> int:
        """How many axes of features of this shape the points fill: one, or those of the grid.

        Raises:
            DeclarationError: the shape has other points, or no channels.
        """
        shape = tuple(shape)
        for points in ((self.size,), self.grid):
            if len(shape) > len(points) and shape[-1 - len(points) : -1] == points and shape[-1] is not None:
                return len(points)
        grid = f" or (..., {', '.join(map(str, self.grid))}, channels)" if len(self.grid) > 1 else ""
        raise DeclarationError(
            f"expected (..., {self.size}, channels){grid} for the {count(self.size, 'point')} of {in_words(self.mapping)}, got "
            f"{shown(shape)}"
        )

    def flat(self, features: Any, mask: Any, dtype: str) -> tuple[Any, Any]:
        """Features (..., points, channels) of the dtype that a layer computes in, and a mask (..., points), or None.

        Raises:
            DeclarationError: a mask of other points.
        """
        mask = of_points(mask, features.shape)
        # Keras hands whole numbers on as they are.
        features = ops.cast(features, dtype)
        if self.point_axes(features.shape) > 1:
            lead = ops.shape(features)[: -1 - len(self.grid)]
            features = ops.reshape(features, (*lead, self.size, features.shape[-1]))
            mask = None if mask is None else ops.reshape(mask, (*lead, self.size))
        return features, mask


def points_of(declaration: Mapping | str) -> Points:
    """The points of a declared space.

    Raises:
        DeclarationError: the declaration cannot be read, or leads from one space to another.
    """
    mapping = one_space(declaration)
    moves = [element.input for element in mapping.elements]
    signed = any(move.signs is not None and bool((move.signs < 0).any()) for move in moves)
    orbit_of = point_orbits(np.stack([move.image for move in moves]))
    return Points(mapping, orbit_of, np.bincount(orbit_of), signed)


def refuse_channels(built: int, shape: Any) -> None:
    """Stop at features of other channels than a layer was built for."""
    if shape[-1] != built:
        raise DeclarationError(f"this layer was built for {built} input channels, got {shape[-1]} in the last axis")


def refuse_signs(points: Points, what: str) -> None:
    """Stop where a generator flips the sign of a point."""
    if points.signed:
        raise DeclarationError(f"signs flip in {in_words(points.mapping)}, so {what}")
