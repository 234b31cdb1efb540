"""The certificate of a table: unchanged by every generator, and every label generated from one pair."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from eqgen.common.arrays import Integers, Labels, Signs
from eqgen.common.connected import Classes
from eqgen.common.progress import progress
from eqgen.orbitals.certificate.burnside import counted_orbits
from eqgen.orbitals.certificate.generation import reached, with_products
from eqgen.orbitals.certificate.value import Certificate
from eqgen.orbitals.dense import row_blocks
from eqgen.permutations.signed_permutation import SignedPermutation
from eqgen.spaces.mapping import Mapping
from eqgen.spaces.pair_action import PairAction


def certify(mapping: Mapping, labels: Labels, signs: Signs) -> Certificate:
    """Check a table of labels and signs, each of shape (m, n), against the raw permutations of a mapping.

    Unchanged by every generator, and each label generated from one pair: then the labels are exactly the orbits. The count is
    Burnside's lemma, also named after Cauchy and Frobenius: the number of orbits is the mean over the group of the number of
    fixed points, here of pairs: fixed outputs times fixed inputs.

    >>> import eqgen as eq
    >>> o = eq.orbits("{p p} -> {p p} where p = S(5)")
    >>> c = certify(o.mapping, o.labels, o.signs)
    >>> bool(c), c.rank, c.burnside, c.counted
    (True, 3, 3, '120 elements')
    """
    violation = _stray_sign(mapping, labels, signs) or next(_violations(mapping, labels, signs), "")
    # What a violation says comes first: labels that are not invariant may well lie apart.
    apart = "" if violation else _apart(mapping, labels)
    burnside, counted = counted_orbits(mapping)
    return Certificate(first_places(labels.ravel()).size, violation, apart, burnside, counted)


def _stray_sign(mapping: Mapping, labels: Labels, signs: Signs) -> str:
    """A sign that is none, or is zero where a label stands; "" when there is no such place."""
    if signs.strides == (0, 0):
        return "" if signs[0, 0] == 1 else f"all signs are {signs[0, 0]}"
    for rows in row_blocks(*labels.shape):
        wrong = np.abs(signs[rows]) != (labels[rows] >= 0)
        if wrong.any():
            row, column = np.argwhere(wrong)[0].tolist()
            row += rows.start
            where = entry_name(mapping, row, column)
            return f"entry {where} has the label {labels[row, column]} and the sign {signs[row, column]}"
    return ""


def _apart(mapping: Mapping, labels: Labels) -> str:
    """A pair that shows a label to hold more than one orbit; "" when there is none. The labels are invariant."""
    n = labels.shape[1]
    flat = labels.ravel()

    def moved(pairs: Integers, output: SignedPermutation, input_: SignedPermutation) -> Integers:
        rows, columns = np.divmod(pairs, n)
        images: Integers = output.image[rows] * np.int64(n) + input_.image[columns]
        return images

    elements = with_products(mapping.generators, PairAction.then)
    steps = [partial(moved, output=element.output, input_=element.input) for element in elements]
    found = reached(first_places(flat), steps, flat.size)
    missed = np.flatnonzero((flat >= 0) & ~found)
    if missed.size:
        row, column = divmod(int(missed[0]), n)
        return (
            f"{entry_name(mapping, row, column)} has the label {labels[row, column]}, but no product of generators moves the first "
            "pair of that label there"
        )
    if mapping.support is None and (flat < 0).any():
        free = free_zero(mapping, np.flatnonzero(flat < 0), n)
        if free >= 0:
            row, column = divmod(free, n)
            return f"{entry_name(mapping, row, column)} is held at zero, but the signs do not force it to be"
    return ""


def first_places(flat: Labels) -> Integers:
    """Where each label stands first."""
    first = np.full(int(flat.max(initial=-1)) + 1, -1, dtype=np.int64)
    for part in reversed(list(row_blocks(flat.size, 1))):
        block, places = flat[part][::-1], np.arange(part.start, part.stop)[::-1]
        # Later ones are written first, so that the first one stays.
        first[block[block >= 0]] = places[block >= 0]
    return first[first >= 0]


def free_zero(mapping: Mapping, zeros: Integers, n: int) -> int:
    """A pair among those held at zero that no product of generators makes its own negative; -1 when there is none."""
    classes = Classes(2 * zeros.size)
    codes = 2 * np.arange(zeros.size)
    rows, columns = np.divmod(zeros, n)
    for generator in mapping.generators:
        output, input_ = generator.output, generator.input
        images = 2 * np.searchsorted(zeros, output.image[rows] * np.int64(n) + input_.image[columns])
        images += output.all_signs()[rows] * input_.all_signs()[columns] < 0
        classes.merge(codes, images)
        classes.merge(codes ^ 1, images ^ 1)
    names = classes.all_names()
    free = np.flatnonzero(names[::2] != names[1::2])
    return int(zeros[free[0]]) if free.size else -1


def _violations(mapping: Mapping, labels: Labels, signs: Signs) -> Iterator[str]:
    with progress("certifying: invariance", labels.size * len(mapping.generators)) as advance:
        for generator in mapping.generators:
            yield from _violations_of(mapping, generator, labels, signs, advance)


def _violations_of(
    mapping: Mapping, generator: PairAction, labels: Labels, signs: Signs, advance: Callable[[int], None]
) -> Iterator[str]:
    output, input_ = generator.output, generator.input
    plain = output.signs is None and input_.signs is None and signs.strides == (0, 0)
    for rows in row_blocks(*labels.shape):
        advance(labels[rows].size)
        images = output.image[rows]
        different = np.take(labels[images], input_.image, axis=1) != labels[rows]
        if not plain:
            expected = signs[rows] * output.all_signs()[rows][:, None] * input_.all_signs()
            different |= np.take(signs[images], input_.image, axis=1) != expected
        if different.any():
            row, column = np.argwhere(different)[0].tolist()
            yield _violation(mapping, generator, labels, rows.start + row, column)


def _violation(mapping: Mapping, generator: PairAction, labels: Labels, row: int, column: int) -> str:
    image_row, image_column = int(generator.output.image[row]), int(generator.input.image[column])
    first, second = labels[row, column], labels[image_row, image_column]
    what = f"labels differ: {first} and {second}" if first != second else "signs do not fit"
    here, there = entry_name(mapping, row, column), entry_name(mapping, image_row, image_column)
    return f"{generator.name} moves entry {here} to {there}, but their {what}"


def entry_name(mapping: Mapping, row: int, column: int) -> str:
    return f"({mapping.output.name(row)}, {mapping.input.name(column)})"
