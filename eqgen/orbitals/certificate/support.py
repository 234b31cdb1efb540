"""The certificate of the labels of a support, pair by pair."""

from __future__ import annotations

import numpy as np

from eqgen.common.arrays import Integers
from eqgen.orbitals.certificate.generation import reached, with_products
from eqgen.orbitals.certificate.table import entry_name, first_places, free_zero
from eqgen.orbitals.certificate.value import Certificate, counted
from eqgen.orbitals.limits import LIMITS, Limits
from eqgen.orbitals.sparse import SparseLabels
from eqgen.spaces.mapping import Mapping
from eqgen.spaces.pair_action import PairAction


def certify_support(mapping: Mapping, form: SparseLabels, limits: Limits = LIMITS) -> Certificate:
    """Closed under every generator, labels unchanged, and every label generated from one pair."""
    rows, n = form.row_numbers(), np.int64(form.shape[1])
    pairs = rows * n + form.indices

    def name(number: int) -> str:
        return entry_name(mapping, *divmod(number, int(n)))

    moves: list[Integers] = []
    violation, apart = "", ""
    for generator in mapping.generators:
        images = generator.output.image[rows] * n + generator.input.image[form.indices]
        order = np.argsort(images)
        if not np.array_equal(images[order], pairs):
            beyond = images[~np.isin(images, pairs, assume_unique=True)]
            violation = f"{generator.name} moves a pair of the support to {name(int(beyond.min()))}, which it lacks"
            break
        moves.append(np.empty(order.size, dtype=np.int32 if order.size < 2**31 else np.intp))
        moves[-1][order] = np.arange(order.size)
        different = _different(form, generator, rows, moves[-1])
        if different.any():
            violation = (
                f"{generator.name} moves entry {name(int(pairs[np.argmax(different)]))} to one of another label or sign"
            )
            break
    if not violation:
        steps = [move.__getitem__ for move in with_products(moves, lambda one, other: other[one])]
        missed = np.flatnonzero(~reached(first_places(form.signed_labels, limits), steps, form.signed_labels.size))
        if missed.size:
            apart = f"{name(int(pairs[missed[0]]))} is not reached from the first pair of its label"
    free = _free_pair(mapping, form)
    if free >= 0 and not violation:
        violation = f"{name(free)} was left out of the support, but the signs do not force it to be zero"
    return counted(mapping, limits, form.rank, violation, apart, "every pair of the support")


def _different(form: SparseLabels, generator: PairAction, rows: Integers, move: Integers) -> np.ndarray:
    """Whether label or sign of each pair differ from those where a generator moves it."""
    flips = generator.output.all_signs()[rows] * generator.input.all_signs()[form.indices]
    labels = form.signed_labels
    different: np.ndarray = (labels[move] != labels * flips) | (labels == 0)
    return different


def _free_pair(mapping: Mapping, form: SparseLabels) -> int:
    """A pair among those left out that is not its own negative; -1 when there is none."""
    n = np.int64(form.shape[1])
    fresh = known = np.unique(form.forced[:, 0] * n + form.forced[:, 1])
    moves = with_products(mapping.generators, PairAction.then)
    # All that the group moves them to is left out with them.
    while fresh.size:
        images = [move.output.image[fresh // n] * n + move.input.image[fresh % n] for move in moves]
        fresh = np.setdiff1d(np.concatenate([fresh[:0], *images]), known)
        known = np.union1d(known, fresh)
    return free_zero(mapping, known, int(n)) if known.size else -1
