"""Classes of point orbits: those that the group moves alike, with the bijections that show it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eqgen.common.arrays import Permutation, Signs
from eqgen.programs.lowering.problem import Action

LARGEST_COMPARED = 2048
"""Larger orbits are each a class of their own."""


@dataclass(frozen=True, eq=False)
class Member:
    """One orbit of a class.

    Attributes:
        points: (size,), the points in the order of the template.
        signs: (size,) int8, how the template's features come over.
    """

    points: Permutation
    signs: Signs


@dataclass(frozen=True, eq=False)
class OrbitClass:
    """Orbits that the group moves alike.

    Attributes:
        template: the space that they are all like.
        members: for each side the orbits there.
    """

    template: Action
    members: tuple[list[Member], ...]


def orbit_classes(sides: tuple[Action, ...]) -> list[OrbitClass]:
    """The point orbits of some spaces under one group, class by class."""
    found: list[OrbitClass] = []
    for which, side in enumerate(sides):
        for points in side.orbits:
            orbit = side.restricted(points, side.name)
            for known in found:
                member = _as_member(known.template, orbit, points)
                if member is not None:
                    known.members[which].append(member)
                    break
            else:
                members: tuple[list[Member], ...] = tuple([] for _ in sides)
                members[which].append(Member(points, np.ones(points.size, dtype=np.int8)))
                found.append(OrbitClass(orbit, members))
    return found


def _as_member(template: Action, orbit: Action, points: Permutation) -> Member | None:
    """The bijection of an orbit with the template, if the group moves both alike."""
    size = template.size
    if size != orbit.size or size > LARGEST_COMPARED:
        return None
    # Point 0 may go to any point; the rest follows along the moves, for all choices at once: (choices, size).
    image = np.full((size, size), -1, dtype=np.intp)
    signs = np.ones((size, size), dtype=np.int8)
    image[:, 0] = np.arange(size)
    reached, front = {0}, [0]
    for point in front:
        for move, like in zip(template.moves, orbit.moves, strict=True):
            to = int(move.image[point])
            if to not in reached:
                reached.add(to)
                front.append(to)
                image[:, to] = like.image[image[:, point]]
                signs[:, to] = signs[:, point] * like.all_signs()[image[:, point]] * move.all_signs()[point]
    fits = np.ones(size, dtype=bool)
    for move, like in zip(template.moves, orbit.moves, strict=True):
        # What the move makes of a point and then its partner, and the other way round.
        fits &= (like.image[image] == image[:, move.image]).all(axis=1)
        turned = signs * like.all_signs()[image]
        fits &= (turned == signs[:, move.image] * move.all_signs()[None]).all(axis=1)
    choices = np.flatnonzero(fits)
    if not choices.size:
        return None
    return Member(points[image[choices[0]]], signs[choices[0]])
