"""spectral: mixing in the isotypic decomposition, where a kernel of high rank falls into small blocks.

Every point orbit is transformed alone, so the transforms stay small, and orbits that the group moves alike share theirs. With
multiplicities m, dimensions d and structures e (1, 2, 4: real, complex, quaternionic), mixing costs the sum of
m_out m_in d e instead of the product of both sizes.
"""

from __future__ import annotations

from math import inf, isqrt

import numpy as np

from eqgen.common.arrays import Permutation, Signs
from eqgen.common.text import count
from eqgen.permutations.signed_permutation import SignedPermutation
from eqgen.programs.entries.spectral import OrbitPairs, SpectralEntries
from eqgen.programs.lowering.fourier import correlation, correlation_of_subgroup
from eqgen.programs.lowering.isomorphic_orbits import OrbitClass, orbit_classes
from eqgen.programs.lowering.isotypic import Decomposition, NoDecompositionError, decomposed
from eqgen.programs.lowering.problem import Lowering, Problem
from eqgen.programs.machine import CPU, Work
from eqgen.programs.operators.orbit_transforms import OrbitTransforms
from eqgen.programs.steps import KroneckerFactor, MixShape, Stage

LARGEST_ORBIT = 1024
"""Orbits of more points are not decomposed: their eigenvectors alone would take a minute."""

MOST_CLASSES = 12
"""So many classes of orbits are taken together."""

LARGEST_TRANSFORM = 1 << 22
"""A kernel between two classes is not transformed by larger matrices."""

SMALL = 1e-9

FEW_ORBITS = 4
"""Where there are no more orbits of pairs, sums cost less."""

SMALL_ORBIT = 24
FINE = 8
"""On larger orbits many small blocks cost more than what they save beside the Fourier transform of a subgroup with up to so
many entries for each parameter (measured: D(40) and D(100) train 1.4 and 3 times as fast by that of their rotations)."""

LARGE_ORBIT = 64
"""Larger orbits are not taken apart where that cannot pay."""


def spectral(problem: Problem) -> KroneckerFactor | str:
    """The spectral part of a problem, or in words why there is none."""
    if problem.largest_orbit > LARGEST_ORBIT:
        return f"a point orbit of {problem.largest_orbit} points, and up to {LARGEST_ORBIT} are decomposed"
    classes = orbit_classes((problem.output, problem.input))
    if len(classes) > MOST_CLASSES:
        return f"{len(classes)} kinds of point orbits, and up to {MOST_CLASSES} are decomposed together"
    if sum(found.template.size for found in classes) > 2 * LARGEST_ORBIT:
        return f"kinds of point orbits of more than {2 * LARGEST_ORBIT} points together"
    try:
        found = decomposed([one.template for one in classes])
    except NoDecompositionError:
        return "its point orbits could not be told apart numerically"
    if any(table.rank**2 > LARGEST_TRANSFORM for table in found.pairs.values()):
        return f"more than {isqrt(LARGEST_TRANSFORM)} orbits of pairs between two point orbits"
    outputs = [number for number, one in enumerate(classes) if one.members[0]]
    inputs = [number for number, one in enumerate(classes) if one.members[1]]
    kinds = [
        kind
        for kind in range(found.kinds)
        if any(found.multiplicity(owner, kind) for owner in outputs)
        and any(found.multiplicity(owner, kind) for owner in inputs)
    ]
    spread, tops = _transforms(classes, outputs, 0, found, kinds, problem.output.size)
    pool, lefts = _transforms(classes, inputs, 1, found, kinds, problem.input.size)
    sections = []
    for kind in kinds:
        piece = next(piece for piece in found.pieces if piece.kind == kind)
        sections.append(
            MixShape(
                1,
                _width(classes, inputs, 1, found, kind),
                _width(classes, outputs, 0, found, kind),
                piece.basis.shape[1] // piece.structure,
            )
        )
    pairs = [
        _pair(problem, classes, found, kinds, one, other, tops[place], lefts[where])
        for place, one in enumerate(outputs)
        for where, other in enumerate(inputs)
    ]
    entries = SpectralEntries(
        tuple(pair for pair in pairs if pair is not None),
        tuple((section.outputs, section.inputs) for section in sections),
        problem.labels.rank,
    )
    stage = Stage(
        pool,
        spread,
        tuple(sections),
        f"{count(len(kinds), 'isotypic component')} of {_shown(classes, inputs, 1)}",
        "back",
    )
    return KroneckerFactor("spectral", problem.shape, (stage,), entries)


def _shown(classes: list[OrbitClass], which: list[int], side: int) -> str:
    parts = []
    for number in which:
        members, size = len(classes[number].members[side]), classes[number].template.size
        parts.append(f"{count(members, 'orbit')} of {count(size, 'point')}")
    return " and ".join(parts)


def _width(classes: list[OrbitClass], which: list[int], side: int, found: Decomposition, kind: int) -> int:
    return sum(
        len(classes[number].members[side]) * sum(piece.structure for piece in found.multiplicity(number, kind))
        for number in which
    )


def _transforms(
    classes: list[OrbitClass], which: list[int], side: int, found: Decomposition, kinds: list[int], columns: int
) -> tuple[OrbitTransforms, list[list[int]]]:
    """The transforms of one side, and for each class the place in every section where it begins."""
    index, signs, transforms, starts = [], [], [], []
    rows: list[list[Permutation]] = [[] for _ in kinds]
    used = [0] * len(kinds)
    for number in which:
        members = classes[number].members[side]
        index.append(np.stack([member.image for member in members]))
        turned: Signs = np.stack([member.all_signs() for member in members])
        signs.append(None if (turned > 0).all() else turned)
        pieces = [piece for piece in found.pieces if piece.owner == number]
        transforms.append(np.concatenate([piece.basis.T for piece in pieces]))
        firsts = np.cumsum([0, *(piece.basis.shape[1] for piece in pieces)])
        begins = []
        for place, kind in enumerate(kinds):
            # Within a piece rows are ordered (structure, copy).
            own = [
                (first + np.arange(piece.basis.shape[1])).reshape(piece.structure, -1)
                for first, piece in zip(firsts, pieces, strict=False)
                if piece.kind == kind
            ]
            rows[place].append(np.concatenate(own) if own else np.zeros((0, 0), dtype=np.intp))
            begins.append(used[place])
            used[place] += rows[place][-1].shape[0] * len(members)
        starts.append(begins)
    operator = OrbitTransforms(tuple(index), tuple(signs), tuple(transforms), tuple(map(tuple, rows)), columns)
    return operator, starts


def _pair(
    problem: Problem,
    classes: list[OrbitClass],
    found: Decomposition,
    kinds: list[int],
    one: int,
    other: int,
    tops: list[int],
    lefts: list[int],
) -> OrbitPairs | None:
    """How the kernels between two classes become spectral."""
    table = found.pairs[one, other]
    if not table.rank:
        return None
    labels, signs = _kernels(problem, classes[one].members[0], classes[other].members[1], table.representatives)
    left = {kind: _first_copies(found, one, kind) for kind in kinds}
    right = {kind: _first_copies(found, other, kind) for kind in kinds}
    places = []
    for place, kind in enumerate(kinds):
        rows, columns = left[kind].shape[1], right[kind].shape[1]
        if rows and columns:
            places.append((place, rows, columns, tops[place], lefts[place]))
    # Rows read the orbit matrices one after the other: each is as sparse as its orbit.
    whole = np.zeros((sum(rows * columns for _, rows, columns, _, _ in places), table.rank))
    for number in range(table.rank):
        chosen = np.nonzero(table.labels == number)
        values = table.signs[chosen].astype(np.float64)
        parts = []
        for place, *_ in places:
            up, down = left[kinds[place]][chosen[0]], right[kinds[place]][chosen[1]]
            parts.append(((up * values[:, None]).T @ down).ravel())
        whole[:, number] = np.concatenate(parts) if parts else 0
    return OrbitPairs(labels, signs, np.where(np.abs(whole) < SMALL, 0, whole), tuple(places))


def _first_copies(found: Decomposition, owner: int, kind: int) -> np.ndarray:
    """The first copy of every piece of a type, all structure vectors side by side, (points, multiplicity)."""
    pieces = found.multiplicity(owner, kind)
    if not pieces:
        return np.zeros((0, 0))
    columns = [piece.basis.reshape(piece.basis.shape[0], piece.structure, -1)[:, :, 0] for piece in pieces]
    return np.concatenate(columns, axis=1)


def _kernels(
    problem: Problem, outputs: list[SignedPermutation], inputs: list[SignedPermutation], representatives: Permutation
) -> tuple[np.ndarray, Signs]:
    """The parameter of every pair of orbits at every representative of the templates, (rank, outputs, inputs)."""
    rows, columns = representatives.T
    all_rows = np.stack([member.image for member in outputs])
    all_columns = np.stack([member.image for member in inputs])
    labels = np.zeros((rows.size, len(outputs), len(inputs)), dtype=np.int64)
    signs = np.zeros(labels.shape, dtype=np.int8)
    for number, (row, column) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
        found, turned = problem.labels.at(all_rows[:, row], all_columns[:, column])
        turned = turned * np.stack([member.all_signs()[row] for member in outputs])[:, None]
        turned = turned * np.stack([member.all_signs()[column] for member in inputs])[None, :]
        labels[number], signs[number] = np.maximum(found, 0), turned
    return labels, signs


def _applies(problem: Problem) -> str:
    """Not beside a Fourier transform of the group, which is the same, or one of a subgroup that leaves little to gain."""
    if correlation(problem) is not None:
        return "a Fourier transform takes all apart"
    through = correlation_of_subgroup(problem)
    if through is None or problem.largest_orbit <= SMALL_ORBIT:
        return ""
    fine = through.entries.shape[0] <= FINE * problem.labels.rank
    return "the Fourier transform of a subgroup leaves little to gain" if fine else ""


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
