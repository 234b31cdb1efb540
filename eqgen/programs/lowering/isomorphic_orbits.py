"""Isomorphic orbits: those that the group moves alike, with the bijections that show it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from eqgen.common.arrays import Permutation, Signs
from eqgen.permutations.signed_permutation import SignedPermutation
from eqgen.programs.lowering.lowering import Action, Problem

LARGEST_COMPARED = 2048
"""Larger orbits are each a class of their own."""

MOST_AUTOMORPHISMS = 16
"""So many maps of a whole space to itself are tried."""


@dataclass(frozen=True, eq=False)
class OrbitClass:
    """Orbits that the group moves alike.

    Attributes:
        template: the space that they are all like.
        members: for each side the orbits there, as the points that those of the template correspond to, with signs.
    """

    template: Action
    members: tuple[list[SignedPermutation], ...]


def orbit_classes(sides: tuple[Action, ...]) -> list[OrbitClass]:
    """The point orbits of some spaces under one group, class by class."""
    classes: list[OrbitClass] = []
    # Where the characters of a generator differ no bijection commutes with it: only these are compared.
    alike: dict[tuple[int, ...], list[OrbitClass]] = defaultdict(list)
    for number, side in enumerate(sides):
        for points in side.orbits:
            orbit = side.restricted(points, side.name)
            candidates = alike[orbit.size, *(move.trace() for move in orbit.moves)]
            for like in candidates:
                bijection = isomorphism(like.template, orbit)
                if bijection is not None:
                    like.members[number].append(SignedPermutation(points[bijection.image], bijection.signs))
                    break
            else:
                classes.append(OrbitClass(orbit, tuple([] for _ in sides)))
                classes[-1].members[number].append(SignedPermutation(points))
                candidates.append(classes[-1])
    return classes


def isomorphism(template: Action, orbit: Action) -> SignedPermutation | None:
    """The bijection of one transitive space with another that commutes with the group; None where there is none.

    Spaces of more than `LARGEST_COMPARED` points are not compared.
    """
    size = template.size
    if size != orbit.size or size > LARGEST_COMPARED:
        return None
    # Where the characters of a generator differ there is none.
    if any(move.trace() != other.trace() for move, other in zip(template.moves, orbit.moves, strict=True)):
        return None
    # Point 0 may go to any point; the rest follows along the moves, for all choices at once: (choices, size).
    image, signs = walked(template.moves, orbit.moves, 0, np.arange(size))
    fits = np.ones(size, dtype=bool)
    for move, like in zip(template.moves, orbit.moves, strict=True):
        # What the move makes of a point and then its partner, and the other way round.
        fits &= (like.image[image] == image[:, move.image]).all(axis=1)
        turned = signs * like.all_signs()[image]
        fits &= (turned == signs[:, move.image] * move.all_signs()[None]).all(axis=1)
    choices = np.flatnonzero(fits)
    return SignedPermutation(image[choices[0]], signs[choices[0]]) if choices.size else None


def walked(
    moves: Sequence[SignedPermutation], like: Sequence[SignedPermutation], start: int, images: Permutation
) -> tuple[Permutation, Signs]:
    """Maps of the orbit of one point that commute with the generators, if any does, by where they send that point.

    For each of the images, (choices,), that the start may have: the image of each point, -1 outside the orbit, and its sign,
    (choices, points) both. What the generators do to points is `moves`, what they do to images `like`.
    """
    image = np.full((images.size, moves[0].size), -1, dtype=np.intp)
    signs = np.ones(image.shape, dtype=np.int8)
    image[:, start] = images
    front = np.array([start])
    while front.size:
        reached = []
        for move, other in zip(moves, like, strict=True):
            to = move.image[front]
            new = image[0, to] < 0
            to, came = to[new], front[new]
            image[:, to] = other.image[image[:, came]]
            signs[:, to] = signs[:, came] * move.all_signs()[came] * other.all_signs()[image[:, came]]
            reached.append(to)
        front = np.concatenate(reached)
    return image, signs


def automorphisms(problem: Problem) -> list[tuple[tuple[int, ...], SignedPermutation]]:
    """The bijections of one space to itself that commute with the group, by the orbits of pairs that each is made of.

    Each says for every output the input that it reads.
    """
    if not problem.is_endomorphism:
        return []
    labels, space = problem.labels, problem.output
    rows, columns = labels.representatives.T
    inside = (labels.subdegrees == 1) & (space.orbit_of[rows] == space.orbit_of[columns])
    choices = [
        np.flatnonzero(inside & (space.orbit_of[rows] == number)).tolist() for number in range(len(space.orbits))
    ]
    if not 0 < prod(map(len, choices)) <= MOST_AUTOMORPHISMS:
        return []
    bijections = []
    for chosen in product(*choices):
        image, signs = np.zeros(space.size, dtype=np.intp), np.ones(space.size, dtype=np.int8)
        for label, points in zip(chosen, space.orbits, strict=True):
            images, turned = walked(space.moves, space.moves, int(rows[label]), columns[label : label + 1])
            image[points], signs[points] = images[0, points], turned[0, points]
        bijections.append((chosen, SignedPermutation(image, None if (signs > 0).all() else signs)))
    return bijections
