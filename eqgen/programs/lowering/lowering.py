"""What a lowering is, and what it is given: the axes that move together, and what they do to an output and an input space."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from eqgen.common.arrays import Permutation
from eqgen.orbitals.matrix import OrbitalMatrix
from eqgen.permutations.signed_permutation import SignedPermutation, point_orbits
from eqgen.programs.steps import KroneckerFactor
from eqgen.spaces.mapping import Mapping

MANY_GENERATORS = 64
"""More than these are compared with each other before they are looked at one by one."""

Sizes = tuple[int, int, int]
"""(channels_in, channels_out, batch)."""


@dataclass(frozen=True, eq=False)
class Action:
    """A space as the generators move it.

    Attributes:
        name: for people, like `p` or `{p p}`.
        moves: what each generator does.
    """

    name: str
    moves: tuple[SignedPermutation, ...]

    @property
    def size(self) -> int:
        return self.moves[0].size

    @cached_property
    def orbit_of(self) -> Permutation:
        """The number of each point's orbit, (size,)."""
        return point_orbits(np.stack([move.image for move in self.moves]))

    @cached_property
    def orbits(self) -> tuple[Permutation, ...]:
        """The points of each orbit, in order."""
        order = np.argsort(self.orbit_of, kind="stable")
        return tuple(np.split(order, np.cumsum(np.bincount(self.orbit_of))[:-1]))

    @property
    def signed(self) -> bool:
        """Whether a generator turns a sign."""
        return any(move.signs is not None and bool((move.signs < 0).any()) for move in self.moves)

    def restricted(self, points: Permutation, name: str) -> "Action":
        """The same on some points that the group maps to each other, given in order."""
        moves = []
        for move in self.moves:
            image = np.searchsorted(points, move.image[points])
            moves.append(SignedPermutation(image, None if move.signs is None else move.signs[points]))
        return Action(name, tuple(moves))


@dataclass(frozen=True, eq=False)
class Problem:
    """What a lowering is given.

    Attributes:
        output, input: both spaces.
        naturals: the natural points of each axis.
        labels: the orbits of their pairs.
        grid: the shape that the input points fill.
        is_local: whether a support leaves pairs out.
        sizes: (channels_in, channels_out, batch) that it is to be cheap for.
    """

    output: Action
    input: Action
    naturals: tuple[Action, ...]
    labels: OrbitalMatrix
    grid: tuple[int, ...]
    is_local: bool
    sizes: Sizes

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n)."""
        return self.labels.shape

    @cached_property
    def largest_orbit(self) -> int:
        """How many points the largest point orbit of both sides has."""
        return max(points.size for side in (self.output, self.input) for points in side.orbits)

    @cached_property
    def is_endomorphism(self) -> bool:
        """Whether input and output are one space."""
        return all(
            np.array_equal(output.image, input_.image) and np.array_equal(output.all_signs(), input_.all_signs())
            for output, input_ in zip(self.output.moves, self.input.moves, strict=True)
        )


@dataclass(frozen=True)
class Lowering:
    """One way to turn the orbits of a problem into a factor of a program.

    Attributes:
        name: what people ask for it by; several ways may share one.
        make: the factor, or in words why there is none.
        applies: in words why problems like this are none of its own; empty where they are.
        lower_bound: no program that it makes costs less than this, in multiply-adds; infinite where it can only pay if
            nothing else serves. It is asked where making takes long: 0 where that is done at once.
        left_out: what is noted where the bound is so many times the cost of another way.
    """

    name: str
    make: Callable[[Problem], KroneckerFactor | str]
    applies: Callable[[Problem], str] = lambda problem: ""
    lower_bound: Callable[[Problem], float] = lambda problem: 0
    left_out: str = ""


def problem_for(mapping: Mapping, labels: OrbitalMatrix, sizes: Sizes) -> Problem:
    """The problem of axes that move together, those of a mapping with no other axes, or of one whose support ties all together."""
    axes = [mapping.axes[number] for unit in mapping.units for number in unit]
    is_local = mapping.support is not None
    sides = [
        [element.output for element in mapping.elements],
        [element.input for element in mapping.elements],
        *([] if is_local else [axis.group.elements for axis in axes]),
    ]
    # The same generator over and over says nothing new.
    if len(mapping.elements) > MANY_GENERATORS:
        first = {tuple(_content(side[row]) for side in sides): row for row in reversed(range(len(mapping.elements)))}
        sides = [[side[row] for row in sorted(first.values())] for side in sides]
    names = [mapping.space_text(mapping.output), mapping.space_text(mapping.input), *(axis.name for axis in axes)]
    output, input_, *naturals = (Action(name, tuple(moves)) for name, moves in zip(names, sides, strict=False))
    return Problem(output, input_, tuple(naturals), labels, mapping.input.shape, is_local, sizes)


def _content(move: SignedPermutation) -> tuple[bytes, bytes]:
    return move.image.tobytes(), b"" if move.signs is None else move.signs.tobytes()
