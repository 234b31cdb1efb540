"""What layers that live on one space know of it: which point orbit each point belongs to, and how shapes are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from eqgen.errors import DeclarationError
from eqgen.mapping import Mapping
from eqgen.one_space import one_space
from eqgen.signed import Permutation, point_orbits


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

    def channels(self, shape: Any) -> int:
        """The channels of features of this shape, (..., points, channels).

        Raises:
            DeclarationError: the shape has other points, or no channels.
        """
        shape = tuple(shape)
        if len(shape) < 2 or shape[-2] != self.size or shape[-1] is None:
            shown = ", ".join("batch" if size is None else str(size) for size in shape)
            raise DeclarationError(
                f"expected (..., {self.size}, channels) for the {self.size} points of {self.mapping.in_short()}, got ({shown})"
            )
        return int(shape[-1])


def points_of(declaration: Mapping | str) -> Points:
    """The points of a declared space.

    Raises:
        DeclarationError: the declaration cannot be read, or leads from one space to another.
    """
    mapping = one_space(declaration)
    moves = [generator.input for generator in mapping.generators]
    images = np.stack([move.image for move in moves] or [np.arange(mapping.input.size)])
    signed = any(move.signs is not None and bool((move.signs < 0).any()) for move in moves)
    orbit_of = point_orbits(images)
    return Points(mapping, orbit_of, np.bincount(orbit_of), signed)


def refuse_signs(points: Points, what: str) -> None:
    """Stop where a generator flips the sign of a point."""
    if points.signed:
        raise DeclarationError(f"signs flip in {points.mapping.in_short()}, so {what}")
