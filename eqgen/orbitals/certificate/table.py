"""Certificate: what integers say of the labels of a table, or of a support.

Labels are right when every generator leaves them unchanged, and every label is generated from one pair.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from eqgen.common.arrays import Integers, SignedLabels, labels_of, row_blocks, smallest_type
from eqgen.common.connected import Classes
from eqgen.common.progress import progress
from eqgen.orbitals.certificate.burnside import counted_orbits
from eqgen.orbitals.certificate.generation import images_of, reached, signs_of_move, with_products
from eqgen.orbitals.limits import LIMITS, Limits
from eqgen.orbitals.sparse import SparseLabels
from eqgen.spaces.mapping import Mapping
from eqgen.spaces.pair_action import PairAction


@dataclass(frozen=True)
class Certificate:
    """What integers say of the labels of pairs, however these were made.

    Attributes:
        rank: how many distinct labels there are.
        violation: "" when every generator leaves the labels as they are, else the first generator and pair that show a
            difference.
        apart: "" when the generators carry the first pair of each label to all pairs of that label, else a pair that they
            do not reach.
        burnside: the number of orbits by Burnside's lemma, counted from the group's elements without looking at the
            labels; None where it was not counted.
        counted: how many elements were enumerated (over all axes), or the reason why none were.
        scope: what was looked at: "every pair", "every pair of the support", "the factors", ...
    """

    rank: int
    violation: str
    apart: str
    burnside: int | None
    counted: str
    scope: str = "every pair"

    @property
    def invariant(self) -> bool:
        """Whether the labels are unchanged by every generator: then each is a union of orbits."""
        return not self.violation

    @property
    def complete(self) -> bool:
        """Whether every label is exactly one orbit, by generation and, where it was counted, by Burnside's lemma."""
        return self.invariant and not self.apart and self.burnside in (None, self.rank)

    def __bool__(self) -> bool:
        return self.complete


def counted(
    mapping: Mapping, limits: Limits, rank: int, violation: str = "", apart: str = "", scope: str = "every pair"
) -> Certificate:
    """A certificate with Burnside's count of the pairs of a mapping."""
    return Certificate(rank, violation, apart, *counted_orbits(mapping, limits), scope)


def certify(mapping: Mapping, signed_labels: SignedLabels, limits: Limits = LIMITS) -> Certificate:
    """Check a table of signed labels, of shape (m, n), against the raw permutations of a mapping.

    Unchanged by every generator, and each label generated from one pair: then the labels are exactly the orbits. The count is
    Burnside's lemma, also named after Cauchy and Frobenius: the number of orbits is the mean over the group of the number of
    fixed points, here of pairs: fixed outputs times fixed inputs.

    >>> import eqgen as eq
    >>> o = eq.orbits("{p p} -> {p p} where p = S(5)")
    >>> c = certify(o.mapping, o.pattern.signed_labels)
    >>> bool(c), c.rank, c.burnside, c.counted
    (True, 3, 3, '120 elements')
    """
    violation = _violation(mapping, signed_labels, limits)
    # What a violation says comes first: labels that are not invariant may well lie apart.
    apart = "" if violation else _apart(mapping, signed_labels, limits)
    return counted(mapping, limits, first_places(signed_labels, limits).size, violation, apart)


def _apart(mapping: Mapping, signed_labels: SignedLabels, limits: Limits) -> str:
    """A pair that shows a label to hold more than one orbit; "" when there is none. The labels are invariant."""
    n, flat = signed_labels.shape[1], signed_labels.ravel()
    steps = [partial(images_of, element) for element in with_products(mapping.generators, PairAction.then)]
    missed = np.flatnonzero((flat != 0) & ~reached(first_places(flat, limits), steps, flat.size))
    if missed.size:
        where = entry_name(mapping, *divmod(int(missed[0]), n))
        return (
            f"{where} has the label {labels_of(flat[missed[0]])}, but no product of generators moves the first pair of that label "
            "there"
        )
    if mapping.support is None and not flat.all():
        free = free_zero(mapping, np.flatnonzero(flat == 0), n)
        if free >= 0:
            return f"{entry_name(mapping, *divmod(free, n))} is held at zero, but the signs do not force it to be"
    return ""


def certify_support(mapping: Mapping, form: SparseLabels, limits: Limits = LIMITS) -> Certificate:
    """Closed under every generator, labels unchanged, and every label generated from one pair."""
    rows, n, labels = form.row_numbers(), np.int64(form.shape[1]), form.signed_labels
    pairs = rows * n + form.indices

    def name(number: int) -> str:
        return entry_name(mapping, *divmod(number, int(n)))

    moves: list[Integers] = []
    violation, apart = "", ""
    for generator in mapping.generators:
        images = images_of(generator, pairs)
        order = np.argsort(images)
        if not np.array_equal(images[order], pairs):
            beyond = images[~np.isin(images, pairs, assume_unique=True)]
            violation = f"{generator.name} moves a pair of the support to {name(int(beyond.min()))}, which it lacks"
            break
        moves.append(np.empty(order.size, dtype=smallest_type(order.size)))
        moves[-1][order] = np.arange(order.size)
        flips = generator.output.all_signs()[rows] * generator.input.all_signs()[form.indices]
        different = (labels[moves[-1]] != labels * flips) | (labels == 0)
        if different.any():
            where = name(int(pairs[np.argmax(different)]))
            violation = f"{generator.name} moves entry {where} to one of another label or sign"
            break
    if not violation:
        steps = [move.__getitem__ for move in with_products(moves, lambda first, later: later[first])]
        missed = np.flatnonzero(~reached(first_places(labels, limits), steps, labels.size))
        if missed.size:
            apart = f"{name(int(pairs[missed[0]]))} is not reached from the first pair of its label"
    free = _free_pair(mapping, form)
    if free >= 0 and not violation:
        violation = f"{name(free)} was left out of the support, but the signs do not force it to be zero"
    return counted(mapping, limits, form.rank, violation, apart, "every pair of the support")


def _free_pair(mapping: Mapping, form: SparseLabels) -> int:
    """A pair among those left out that is not its own negative; -1 when there is none."""
    n = np.int64(form.shape[1])
    fresh = left_out = np.unique(form.forced[:, 0] * n + form.forced[:, 1])
    moves = with_products(mapping.generators, PairAction.then)
    # All that the group moves them to is left out with them.
    while fresh.size:
        fresh = np.setdiff1d(np.concatenate([fresh[:0], *(images_of(move, fresh) for move in moves)]), left_out)
        left_out = np.union1d(left_out, fresh)
    return free_zero(mapping, left_out, int(n)) if left_out.size else -1


def first_places(signed_labels: SignedLabels, limits: Limits = LIMITS) -> Integers:
    """Where each label stands first, whatever its sign, counted through all places."""
    flat = signed_labels.ravel()
    largest = max(int(flat.max(initial=0)), -int(flat.min(initial=0)))
    first = np.full(largest + 1, -1, dtype=np.int64)
    for start in reversed(range(0, flat.size, limits.block)):
        part = np.abs(flat[start : start + limits.block])
        # Later ones are written first, so that the first one stays.
        first[part[::-1]] = np.arange(start, start + part.size)[::-1]
    return first[1:][first[1:] >= 0]


def free_zero(mapping: Mapping, zeros: Integers, n: int) -> int:
    """A pair among those held at zero that no product of generators makes its own negative; -1 when there is none."""
    classes = Classes(2 * zeros.size)
    codes = 2 * np.arange(zeros.size)
    rows, columns = np.divmod(zeros, n)
    for generator in mapping.generators:
        output, input_ = generator.output, generator.input
        images = 2 * np.searchsorted(zeros, images_of(generator, zeros))
        images += output.all_signs()[rows] * input_.all_signs()[columns] < 0
        classes.merge(codes, images)
        classes.merge(codes ^ 1, images ^ 1)
    names = classes.all_names()
    free = np.flatnonzero(names[::2] != names[1::2])
    return int(zeros[free[0]]) if free.size else -1


def _violation(mapping: Mapping, signed_labels: SignedLabels, limits: Limits) -> str:
    """The first entry that a generator moves to one of another label or sign; "" when there is none."""
    with progress("certifying: invariance", signed_labels.size * len(mapping.generators)) as advance:
        for generator in mapping.generators:
            for rows in row_blocks(signed_labels.shape[0], signed_labels.shape[1], limits.block):
                images = np.take(signed_labels[generator.output.image[rows]], generator.input.image, axis=1)
                advance(images.size)
                expected = signed_labels[rows]
                if generator.is_signed:
                    expected = expected * signs_of_move(generator, rows, slice(None))
                different = images != expected
                if different.any():
                    row, column = np.argwhere(different)[0].tolist()
                    first, second = labels_of(expected[row, column]), labels_of(images[row, column])
                    what = f"labels differ: {first} and {second}" if first != second else "signs do not fit"
                    start = entry_name(mapping, rows.start + row, column)
                    image = int(generator.output.image[rows.start + row]), int(generator.input.image[column])
                    return f"{generator.name} moves entry {start} to {entry_name(mapping, *image)}, but their {what}"
    return ""


def entry_name(mapping: Mapping, row: int, column: int) -> str:
    """A pair as people read it."""
    return f"({mapping.output.name(row)}, {mapping.input.name(column)})"
