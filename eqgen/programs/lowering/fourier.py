"""Where an abelian group moves every point orbit regularly, equivariant maps are correlations: a Fourier transform serves.

(Bekkers et al. and Cohen, Welling, "Group equivariant convolutional networks", ICML 2016, for the correlation; the transform
of a finite abelian group is that of its cyclic factors.)
"""

from collections.abc import Callable
from functools import wraps
from itertools import combinations
from math import inf
from weakref import WeakKeyDictionary

import numpy as np

from eqgen.common.arrays import Permutation
from eqgen.common.memory import fits
from eqgen.permutations.signed_permutation import point_orbits
from eqgen.programs.entries import FourierEntries
from eqgen.programs.lowering.lowering import Lowering, Problem
from eqgen.programs.operators.fourier import Fourier, frequencies_of
from eqgen.programs.operators.operator import Operator
from eqgen.programs.steps import KroneckerFactor, MixShape, Stage

WORDS = "Fourier transform over {}"

LARGEST_SEARCH = 2048
"""Groups of at most so many elements are taken apart into cyclic factors when their generators do not give them."""

SMALLEST_PART = 8
"""Where only a part of the group is abelian and regular, there are at least so many points for each of its cyclic factors."""

FEW_ORBITS = 4
"""Where there are no more orbits of pairs, sums cost less than the transform of a subgroup."""

FINE = 8
"""Beside a transform with up to so many entries for each parameter little is left to gain (measured: D(40) and D(100) train
1.4 and 3 times as fast by the transform of their rotations as in isotypic components)."""

NOT_REGULAR = "no abelian group moves every point orbit regularly"

LOOKED_UP = 64
"""Bytes that it takes to look up which parameter leads from one point to another."""


def _once(make: Callable[[Problem], KroneckerFactor | None]) -> Callable[[Problem], KroneckerFactor | None]:
    """The same, remembered for as long as its problem is there."""
    remembered: WeakKeyDictionary[Problem, KroneckerFactor | None] = WeakKeyDictionary()

    @wraps(make)
    def once(problem: Problem) -> KroneckerFactor | None:
        if problem not in remembered:
            remembered[problem] = make(problem)
        return remembered[problem]

    return once


@_once
def correlation(problem: Problem) -> KroneckerFactor | None:
    """The part of a problem whose group is abelian and regular on all point orbits of both sides, None for others."""
    return _through(problem, _generators(problem), WORDS)


@_once
def correlation_of_subgroup(problem: Problem) -> KroneckerFactor | None:
    """The same where only some generators are that: what commutes with a group commutes with every subgroup.

    The rotations of a polygon that may be turned over, the shifts of a torus that may be turned: kernels are correlations with
    fewer parameters than these alone would leave.
    """
    regular = [(order, moves) for moves in _generators(problem) if (order := _order(moves)) > 1]
    chosen: list[Permutation] = []
    largest = None
    for _, moves in sorted(regular, key=lambda pair: -pair[0]):
        larger = _through(problem, [*chosen, moves], f"{WORDS}, a subgroup")
        if larger is not None:
            largest = larger
            chosen.append(moves)
    if largest is None or largest.stages[0].pool.shape[1] < SMALLEST_PART * len(chosen):
        return None
    return largest


def is_fine(factor: KroneckerFactor | None) -> bool:
    """Whether a transform leaves so few entries for each parameter that hardly anything can be gained beside it."""
    return factor is not None and factor.entries.shape[0] <= FINE * factor.rank


def _generators(problem: Problem) -> list[Permutation]:
    """What each generator does to the inputs and, numbered after them, to the outputs."""
    n = problem.input.size
    return [
        np.concatenate([into.image, out.image + n])
        for into, out in zip(problem.input.moves, problem.output.moves, strict=True)
    ]


def _order(moves: Permutation) -> int:
    """The length of all cycles of a permutation, 0 where they differ."""
    lengths = np.bincount(point_orbits(moves[None]))
    return int(lengths.max()) if lengths.min() == lengths.max() else 0


def _through(problem: Problem, generators: list[Permutation], words: str) -> KroneckerFactor | None:
    """The part that some permutations give, where they commute and move every point orbit regularly."""
    if problem.output.signed or problem.input.signed or not problem.labels.rank:
        return None
    orbit_of = point_orbits(np.stack(generators))
    sizes = np.bincount(orbit_of)
    size = int(sizes.max())
    commute = all(np.array_equal(one[other], other[one]) for one, other in combinations(generators, 2))
    if size < 2 or sizes.min() != size or not commute:
        return None
    _, starts = np.unique(orbit_of, return_index=True)
    factors = _from_factors(generators, starts, size)
    if factors is None and size <= LARGEST_SEARCH:
        factors = _from_factors(_split_off(generators, int(starts[0]), size), starts, size)
    if factors is None:
        return None
    grid, points = factors
    # The place where a generator sends the first point of an orbit is to be the same in all orbits: as generators commute,
    # that says what they do to all points.
    if any(_place(points, generator[starts]) is None for generator in generators):
        return None
    of_inputs = starts < problem.input.size
    index_in, index_out = points[of_inputs], points[~of_inputs] - problem.input.size
    rows, columns = index_out[:, 0], index_in.ravel()
    if not fits(LOOKED_UP * rows.size * columns.size):
        return None
    labels = problem.labels.at(rows, columns).reshape(rows.size, index_in.shape[0], size)
    return _transformed(problem.shape, FourierEntries(grid, labels, problem.labels.rank), index_in, index_out, words)


def _transformed(
    shape: tuple[int, int], entries: FourierEntries, index_in: Permutation, index_out: Permutation, words: str
) -> KroneckerFactor:
    """The factor that transforms the orbits of both sides, (orbits, size of the grid) each, and mixes frequency by frequency."""
    pool, spread = Fourier(entries.grid, index_in, False), Fourier(entries.grid, index_out, True)
    mix = MixShape(frequencies_of(entries.grid), 2 * index_in.shape[0], 2 * index_out.shape[0], 1)
    words = words.format(" x ".join(map(str, entries.grid)))
    return KroneckerFactor("spectral", shape, (Stage(pool, spread, (mix,), words, "back"),), entries)


def merged(one: KroneckerFactor, other: KroneckerFactor) -> KroneckerFactor | None:
    """Two Fourier parts as one of more dimensions: real transforms along two axes would mix four numbers instead of two."""
    first, second = one.entries, other.entries
    if not isinstance(first, FourierEntries) or not isinstance(second, FourierEntries):
        return None
    index_in = _all_pairs(one.stages[0].pool, other.stages[0].pool)
    index_out = _all_pairs(one.stages[0].spread, other.stages[0].spread)
    # Only a support leaves pairs out, and axes of a support are not apart: all labels are positive.
    labels = (first.signed_labels[:, None, :, None, :, None].astype(np.int64) - 1) * second.rank
    labels = labels + second.signed_labels[None, :, None, :, None, :]
    labels = labels.reshape(index_out.shape[0], index_in.shape[0], -1)
    entries = FourierEntries((*first.grid, *second.grid), labels, first.rank * second.rank)
    shape = one.shape[0] * other.shape[0], one.shape[1] * other.shape[1]
    return _transformed(shape, entries, index_in, index_out, WORDS)


def _all_pairs(early: Operator, late: Operator) -> Permutation:
    """The points of the product of two spaces, for each pair of their orbits in the order of the product of the grids."""
    assert isinstance(early, Fourier)
    assert isinstance(late, Fourier)
    index = early.index[:, None, :, None] * late.index.size + late.index[None, :, None, :]
    return index.reshape(early.index.shape[0] * late.index.shape[0], -1)


def _place(points: Permutation, images: Permutation) -> int | None:
    """The place of the grid at which all orbits have their image; None where there is none."""
    there = np.flatnonzero((points == images[:, None]).all(axis=0))
    return int(there[0]) if there.size else None


def _from_factors(
    generators: list[Permutation], starts: Permutation, size: int
) -> tuple[tuple[int, ...], Permutation] | None:
    """The grid of some commuting permutations, if they are factors of a direct product of that size, and the points there."""
    grid: tuple[int, ...] = ()
    points = starts[:, None]
    for generator in generators:
        if _place(points, generator[starts]) is not None:
            continue
        powers = [points]
        while not np.array_equal(generator[powers[-1]], points):
            powers.append(generator[powers[-1]])
            if points.shape[1] * len(powers) > size:
                return None
        points = np.stack(powers, axis=2).reshape(starts.size, -1)
        grid = (*grid, len(powers))
    if points.shape[1] != size or any(len(np.unique(row)) != size for row in points):
        return None
    return grid, points


def _split_off(generators: list[Permutation], start: int, size: int) -> list[Permutation]:
    """Elements of the largest order one by one, each independent of those before: factors of a direct product."""
    elements = {start: np.arange(generators[0].size)}
    front = [start]
    for point in front:
        for generator in generators:
            image = generator[elements[point]]
            if int(image[start]) not in elements:
                elements[int(image[start])] = image
                front.append(int(image[start]))
    chosen: list[Permutation] = []
    generated = {start}
    while len(generated) < size == len(elements):
        cycles = ((element, _cycle(element, start)) for element in elements.values())
        independent = (pair for pair in cycles if generated.isdisjoint(pair[1][1:]))
        best, cycle = max(independent, key=lambda pair: len(pair[1]))
        if len(cycle) == 1:
            break
        chosen.append(best)
        generated = {image for point in generated for image in _cycle(best, point)}
    return chosen


def _cycle(element: Permutation, start: int) -> list[int]:
    """A point and where the powers of a permutation send it."""
    cycle = [start]
    while (image := int(element[cycle[-1]])) != start:
        cycle.append(image)
    return cycle


FOURIER = Lowering("spectral", lambda problem: correlation(problem) or NOT_REGULAR)

FOURIER_OF_SUBGROUP = Lowering(
    "spectral",
    lambda problem: correlation_of_subgroup(problem) or NOT_REGULAR,
    lambda problem: "" if correlation(problem) is None else "the whole group serves",
    lambda problem: 0 if problem.labels.rank > FEW_ORBITS else inf,
)
