"""spectral: mixing in the isotypic decomposition, where a kernel of high rank falls into small blocks.

Every point orbit is transformed alone, so the transforms stay small, and orbits that the group moves alike share theirs. With
multiplicities m, dimensions d and structures e (1, 2, 4: real, complex, quaternionic), mixing costs the sum of
m_out m_in d e instead of the product of both sizes.
"""

from itertools import product
from math import inf

import numpy as np

from eqgen.common.arrays import Permutation, SignedLabels
from eqgen.common.errors import count
from eqgen.orbitals.label_table import LabelTable
from eqgen.permutations.signed_permutation import SignedPermutation
from eqgen.programs.entries import OrbitPairs, SpectralEntries
from eqgen.programs.lowering.fourier import correlation, correlation_of_subgroup, is_fine
from eqgen.programs.lowering.isomorphic_orbits import orbit_classes
from eqgen.programs.lowering.isotypic import Decomposition, NoDecompositionError, decomposed
from eqgen.programs.lowering.lowering import Lowering, Problem
from eqgen.programs.operators.isotypic import OrbitTransforms
from eqgen.programs.prices import CPU, Work
from eqgen.programs.steps import KroneckerFactor, MixShape, Stage

LARGEST_ORBIT = 1024
"""Orbits of more points are not decomposed: their eigenvectors alone would take a minute."""

MOST_CLASSES = 12
"""So many classes of orbits are taken together."""

SMALL = 1e-9

FEW_ORBITS = 4
"""Where there are no more orbits of pairs, sums cost less."""

SMALL_ORBIT = 24
"""On larger orbits many small blocks cost more than what they save beside the Fourier transform of a subgroup that is fine."""

LARGE_ORBIT = 64
"""Larger orbits are not taken apart where that cannot pay."""


def spectral(problem: Problem) -> KroneckerFactor | str:
    """The spectral part of a problem, or in words why there is none."""
    if problem.largest_orbit > LARGEST_ORBIT:
        return f"a point orbit of {problem.largest_orbit} points, and up to {LARGEST_ORBIT} are decomposed"
    classes = orbit_classes((problem.output, problem.input))
    if len(classes) > MOST_CLASSES:
        return f"{len(classes)} kinds of point orbits, and up to {MOST_CLASSES} are decomposed together"
    if sum(like.template.size for like in classes) > 2 * LARGEST_ORBIT:
        return f"kinds of point orbits of more than {2 * LARGEST_ORBIT} points together"
    try:
        decomposition = decomposed([like.template for like in classes])
    except NoDecompositionError:
        return "its point orbits could not be told apart numerically"
    outputs, inputs = ([number for number, like in enumerate(classes) if like.members[side]] for side in (0, 1))
    of_sides = ({piece.kind for piece in decomposition.pieces if piece.owner in owners} for owners in (outputs, inputs))
    kinds = sorted(set.intersection(*of_sides))
    spread, pool = (
        _transforms(decomposition, kinds, {owner: classes[owner].members[side] for owner in owners}, columns)
        for side, (owners, columns) in enumerate(zip((outputs, inputs), problem.shape, strict=True))
    )
    sections = tuple(
        MixShape(1, pool.starts(section)[-1], spread.starts(section)[-1], max(rows.shape[1] for rows in by_class))
        for section, by_class in enumerate(pool.rows)
    )
    pairs = []
    for (row, output), (column, input_) in product(enumerate(outputs), enumerate(inputs)):
        table = decomposition.pairs[output, input_]
        if table.rank:
            places = tuple(
                (section, len(above), len(below), spread.starts(section)[row], pool.starts(section)[column])
                for section in range(len(kinds))
                if len(above := spread.rows[section][row]) and len(below := pool.rows[section][column])
            )
            transform = _transform(decomposition, output, input_, [kinds[section] for section, *_ in places])
            pairs.append(OrbitPairs(_kernels(problem, (spread, row), (pool, column), table), transform, places))
    sizes = tuple((section.outputs, section.inputs) for section in sections)
    entries = SpectralEntries(tuple(pairs), sizes, problem.labels.rank)
    shown = " and ".join(f"{count(len(index), 'orbit')} of {count(index.shape[1], 'point')}" for index in pool.index)
    stage = Stage(pool, spread, sections, f"{count(len(kinds), 'isotypic component')} of {shown}", "back")
    return KroneckerFactor("spectral", problem.shape, (stage,), entries)


def _transforms(
    decomposition: Decomposition, kinds: list[int], members: dict[int, list[SignedPermutation]], columns: int
) -> OrbitTransforms:
    """The transforms of one side, whose orbits are given class by class; a section for each isomorphism type."""
    index, signs, transforms = [], [], []
    rows: list[list[Permutation]] = [[] for _ in kinds]
    for owner, orbits in members.items():
        index.append(np.stack([orbit.image for orbit in orbits]))
        signs.append(np.stack([orbit.all_signs() for orbit in orbits]))
        pieces = [piece for piece in decomposition.pieces if piece.owner == owner]
        transforms.append(np.concatenate([piece.basis.T for piece in pieces]))
        firsts = np.cumsum([0, *(piece.basis.shape[1] for piece in pieces)])
        for section, kind in enumerate(kinds):
            # Within a piece rows are ordered (structure, copy).
            own = [
                (first + np.arange(piece.basis.shape[1])).reshape(piece.structure, -1)
                for first, piece in zip(firsts, pieces, strict=False)
                if piece.kind == kind
            ]
            rows[section].append(np.concatenate(own) if own else np.zeros((0, 0), dtype=np.intp))
    return OrbitTransforms(tuple(index), tuple(signs), tuple(transforms), tuple(map(tuple, rows)), columns)


def _transform(decomposition: Decomposition, output: int, input_: int, kinds: list[int]) -> np.ndarray:
    """The matrix from kernels between two classes to their entries in the sections of some types, (entries, rank)."""
    table = decomposition.pairs[output, input_]
    copies = [
        (_first_copies(decomposition, output, kind), _first_copies(decomposition, input_, kind)) for kind in kinds
    ]
    # Rows read the orbit matrices one after the other: each is as sparse as its orbit.
    columns = []
    for number in range(table.rank):
        rows, places = np.nonzero(np.abs(table.signed_labels) == number + 1)
        values = np.sign(table.signed_labels[rows, places]).astype(np.float64)[:, None]
        blocks = [((above[rows] * values).T @ below[places]).ravel() for above, below in copies]
        columns.append(np.concatenate([np.zeros(0), *blocks]))
    transform = np.stack(columns, axis=1)
    return np.where(np.abs(transform) < SMALL, 0, transform)


def _first_copies(decomposition: Decomposition, owner: int, kind: int) -> np.ndarray:
    """The first copy of every piece of a type, all structure vectors side by side, (points, multiplicity)."""
    pieces = decomposition.multiplicity(owner, kind)
    columns = [piece.basis.reshape(piece.basis.shape[0], piece.structure, -1)[:, :, 0] for piece in pieces]
    return np.concatenate(columns, axis=1)


def _kernels(
    problem: Problem, output: tuple[OrbitTransforms, int], input_: tuple[OrbitTransforms, int], table: LabelTable
) -> SignedLabels:
    """The parameters of every pair of orbits at the representatives of the templates, (rank, output orbits, input orbits)."""
    (rows, row_signs), (columns, column_signs) = (
        (transforms.index[number], transforms.signs[number]) for transforms, number in (output, input_)
    )
    row, column = table.representatives.T
    kernels = np.stack([problem.labels.at(*points) for points in zip(rows.T[row], columns.T[column], strict=True)])
    kernels *= row_signs.T[row][:, :, None]
    kernels *= column_signs.T[column][:, None]
    return kernels


def _applies(problem: Problem) -> str:
    """Not beside a Fourier transform of the group, which is the same, or one of a subgroup that leaves little to gain."""
    if correlation(problem) is not None:
        return "a Fourier transform takes all apart"
    if problem.largest_orbit > SMALL_ORBIT and is_fine(correlation_of_subgroup(problem)):
        return "the Fourier transform of a subgroup leaves little to gain"
    return ""


def _lower_bound(problem: Problem) -> float:
    """What the transforms alone take: to take a large orbit apart takes seconds, and what its transforms cost is known before."""
    if problem.labels.rank <= FEW_ORBITS:
        return inf
    if problem.largest_orbit <= LARGE_ORBIT:
        return 0
    channels_in, channels_out, batch = problem.sizes
    read = sum(orbit.size**2 for orbit in problem.input.orbits) * channels_in
    written = sum(orbit.size**2 for orbit in problem.output.orbits) * channels_out
    # Once forward and once backward.
    return 2 * batch * CPU.price(Work(read + written, transformed=read + written))


SPECTRAL = Lowering(
    "spectral",
    spectral,
    _applies,
    _lower_bound,
    "isotypic components are not worked out: their transforms alone take {:.2g} times as much or more",
)
