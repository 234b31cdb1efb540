"""local: one gather of every output's neighbours and one matrix product for each kind of neighbourhood, or a convolution.

A support leaves an output few inputs. Outputs of one point orbit read theirs in the order of the labels, so that they share a
matrix; point orbits of equal size and degree are multiplied together.
"""

from collections import defaultdict

import numpy as np

from eqgen.common.arrays import Permutation, signs_of
from eqgen.orbitals.sparse import SparseLabels
from eqgen.programs.entries import GatherEntries
from eqgen.programs.lowering.lowering import Lowering, Problem
from eqgen.programs.operators.cyclic_stencil import as_windows
from eqgen.programs.operators.index_table import IndexTable, summing
from eqgen.programs.operators.operator import Operator
from eqgen.programs.steps import KroneckerFactor, MixShape, Stage

LARGEST_GATHER = 1 << 26
"""More pairs than this are not gathered: the table alone would take half a gigabyte."""


def local(problem: Problem) -> KroneckerFactor | str:
    """The local part of a problem, or in words why there is none."""
    labels = problem.labels
    assert isinstance(labels, SparseLabels)
    if labels.indices.size > LARGEST_GATHER:
        return f"{labels.indices.size} supported pairs, and up to {LARGEST_GATHER} are gathered"
    alike: dict[tuple[int, int], list[Permutation]] = defaultdict(list)
    degrees = np.diff(labels.indptr)
    for points in problem.output.orbits:
        degree = int(degrees[points[0]])
        if degree:
            alike[points.size, degree].append(points)
    # A neighbour's sign is that of its pair: entries are plain parameters.
    orbits_of = np.abs(labels.signed_labels)
    sections, outputs, pairs, chosen = [], [], [], []
    for (size, degree), orbits in alike.items():
        sections.append(MixShape(len(orbits), degree, 1, size))
        for points in orbits:
            numbers = labels.indptr[points][:, None] + np.arange(degree)
            by_label = np.argsort(orbits_of[numbers], axis=1, kind="stable")
            numbers = np.take_along_axis(numbers, by_label, axis=1)
            outputs.append(points)
            pairs.append(numbers.ravel())
            chosen.append(orbits_of[numbers[0]])
    degree = max(section.inputs for section in sections)
    words = f"{'' if len(sections) == 1 else 'up to '}{degree} neighbours each"
    plain = bool((labels.signed_labels > 0).all())
    order = np.concatenate(pairs)
    signs = None if plain else signs_of(labels.signed_labels[order])[:, None]
    pool: Operator = IndexTable(labels.indices[order].astype(np.intp)[:, None], signs, problem.input.size)
    if len(chosen) == 1 and problem.output.size == problem.input.size == outputs[0].size and plain:
        windows = as_windows(labels.indices[numbers].astype(np.intp), orbits_of[numbers], problem.grid)
        if windows is not None:
            pool, words = windows, f"convolve {' x '.join(map(str, windows.window))}, wrapped around"
    spread = summing(np.concatenate(outputs)[:, None], None, problem.output.size)
    stage = Stage(pool, spread, tuple(sections), words, "every point")
    return KroneckerFactor("local", problem.shape, (stage,), GatherEntries(np.concatenate(chosen), labels.rank))


LOCAL = Lowering(
    "local",
    local,
    lambda problem: "" if problem.is_local else "it names no support, so every input is everybody's neighbour",
)
