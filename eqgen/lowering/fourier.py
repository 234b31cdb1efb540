"""Where an abelian group moves every point orbit regularly, equivariant maps are correlations: a Fourier transform serves.

(Bekkers et al. and Cohen, Welling, "Group equivariant convolutional networks", ICML 2016, for the correlation; the transform
of a finite abelian group is that of its cyclic factors.)
"""

from __future__ import annotations

import numpy as np

from eqgen.lowering.unit import Action, Unit
from eqgen.program.entries import FourierEntries
from eqgen.program.operators import Fourier
from eqgen.program.value import Part, Section, Stage
from eqgen.signed import Permutation

LARGEST_SEARCH = 2048
"""Groups of at most so many elements are taken apart into cyclic factors when their generators do not give them."""


def fourier(unit: Unit) -> Part | None:
    """The part of a unit whose group is abelian and regular on all point orbits of both sides, None for others."""
    if unit.output.signed or unit.input.signed or unit.is_local or not unit.labels.rank:
        return None
    size = unit.output.orbits[0].size
    orbits = [*unit.output.orbits, *unit.input.orbits]
    if size < 2 or any(orbit.size != size for orbit in orbits) or not _commute(unit):
        return None
    # Both sides at once: a group that is regular on one orbit may still do nothing on another.
    elements = _elements(unit, size)
    if elements is None:
        return None
    grid, inputs, outputs = elements
    index_in, index_out = _placed(unit.input, inputs), _placed(unit.output, outputs)
    rows, columns = index_out[:, 0], index_in.ravel()
    labels, _ = unit.labels.at(rows, columns)
    labels = labels.reshape(rows.size, index_in.shape[0], size)
    entries = FourierEntries(grid, labels, unit.labels.rank)
    frequencies = entries.frequencies
    stage = Stage(
        Fourier(grid, index_in, False),
        Fourier(grid, index_out, True),
        (Section(frequencies, 2 * index_in.shape[0], 2 * index_out.shape[0], 1),),
        f"Fourier transform over {' x '.join(map(str, grid))}",
        "back",
    )
    return Part("spectral", unit.shape, (stage,), entries)


def merged(one: Part, other: Part) -> Part | None:
    """Two Fourier parts as one of more dimensions: real transforms along two axes would mix four numbers instead of two."""
    if not all(isinstance(part.entries, FourierEntries) for part in (one, other)):
        return None
    first, second = one.entries, other.entries
    assert isinstance(first, FourierEntries)
    assert isinstance(second, FourierEntries)
    grid = (*first.grid, *second.grid)
    sides = []
    for pools in ((one.stages[0].pool, other.stages[0].pool), (one.stages[0].spread, other.stages[0].spread)):
        early, late = pools
        assert isinstance(early, Fourier)
        assert isinstance(late, Fourier)
        index = early.index[:, None, :, None] * late.index.size + late.index[None, :, None, :]
        sides.append(index.reshape(early.index.shape[0] * late.index.shape[0], -1))
    labels = first.labels[:, None, :, None, :, None].astype(np.int64) * second.rank
    labels = labels + second.labels[None, :, None, :, None, :]
    labels = labels.reshape(sides[1].shape[0], sides[0].shape[0], -1)
    entries = FourierEntries(grid, labels, first.rank * second.rank)
    stage = Stage(
        Fourier(grid, sides[0], False),
        Fourier(grid, sides[1], True),
        (Section(entries.frequencies, 2 * sides[0].shape[0], 2 * sides[1].shape[0], 1),),
        f"Fourier transform over {' x '.join(map(str, grid))}",
        "back",
    )
    shape = one.shape[0] * other.shape[0], one.shape[1] * other.shape[1]
    return Part("spectral", shape, (stage,), entries)


def _commute(unit: Unit) -> bool:
    for side in (unit.output, unit.input):
        for number, move in enumerate(side.moves):
            for other in side.moves[:number]:
                if not np.array_equal(move.image[other.image], other.image[move.image]):
                    return False
    return True


def _elements(unit: Unit, size: int) -> tuple[tuple[int, ...], Permutation, Permutation] | None:
    """Cyclic factors, and for each place of their grid what that element does to inputs and to outputs, (size, n), (size, m)."""
    generators = [_joined(unit, number) for number in range(len(unit.input.moves))]
    found = _from_factors(generators, size)
    if found is None and size <= LARGEST_SEARCH:
        found = _from_search(generators, size)
    if found is None:
        return None
    grid, elements = found
    # Regular on one orbit, the group may still be larger: then some generator is no element of what was found.
    if not all((elements == generator).all(axis=1).any() for generator in generators):
        return None
    return grid, elements[:, : unit.input.size], elements[:, unit.input.size :] - unit.input.size


def _joined(unit: Unit, number: int) -> Permutation:
    return np.concatenate([unit.input.moves[number].image, unit.output.moves[number].image + unit.input.size])


def _from_factors(generators: list[Permutation], size: int) -> tuple[tuple[int, ...], Permutation] | None:
    """The grid of some commuting permutations, if they are factors of a direct product of that size."""
    points = np.arange(generators[0].size)
    grid: tuple[int, ...] = ()
    elements = points[None]
    for generator in generators:
        powers = [points]
        power = generator
        while not np.array_equal(power, points):
            powers.append(power)
            power = generator[power]
            if len(powers) > size:
                return None
        if len(powers) == 1:
            continue
        if len(elements) * len(powers) > size:
            # It may lie among the elements that are there.
            if (elements == generator).all(axis=1).any():
                continue
            return None
        new = np.stack(powers)
        elements = new[:, elements].transpose(1, 0, 2).reshape(-1, points.size)
        grid = (*grid, len(powers))
    if len(elements) != size or len(np.unique(elements[:, 0])) != size:
        return None
    return grid, elements


def _from_search(generators: list[Permutation], size: int) -> tuple[tuple[int, ...], Permutation] | None:
    """The same for generators that are no factors: elements of the largest order split off one by one."""
    elements = {0: np.arange(generators[0].size)}
    front = [0]
    for point in front:
        for generator in generators:
            image = generator[elements[point]]
            if int(image[0]) not in elements:
                elements[int(image[0])] = image
                front.append(int(image[0]))
    if len(elements) != size:
        return None
    chosen: list[Permutation] = []
    known = {0}
    while len(known) < size:
        best, most = None, 1
        for element in elements.values():
            powers = [0]
            point = int(element[0])
            while point != 0:
                powers.append(point)
                point = int(element[point])
            if len(powers) > most and known.isdisjoint(powers[1:]):
                best, most = element, len(powers)
        if best is None:
            return None
        chosen.append(best)
        grown = set(known)
        for point in known:
            for _ in range(most):
                grown.add(point)
                point = int(best[point])
        known = grown
    return _from_factors(chosen, size)


def _placed(side: Action, elements: Permutation) -> Permutation:
    """The points of each orbit in the order of the grid, (orbits, size)."""
    starts = np.array([points[0] for points in side.orbits])
    return elements[:, starts].T
