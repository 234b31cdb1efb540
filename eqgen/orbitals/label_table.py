"""The orbits of pairs as a table of labels, made row by row from the rows of a few representatives.

1. A Schreier tree over the outputs: a root in each orbit of points, a tree edge to every other point.
2. The entries of the roots' rows get labels that are all distinct; random elements that fix a root show which of them are
   equal, and most of what is equal is found out here, on few rows.
3. Every other row is the row of its tree parent, rearranged.
4. Along every generator the labels of a pair and its image are compared; where they differ they are the same orbit.

Steps 1 to 3 identify only pairs that the group really maps to each other, and after step 4 the labels are unchanged by
every generator: so they are exactly the orbits.

Where signs flip, labels are merged together with their negatives. An orbit is zero exactly when a label and its negative come
to lie in one class.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from eqgen.common import cache
from eqgen.common.arrays import Integers, Permutation, SignedLabels, Signs, row_blocks, smallest_type
from eqgen.common.connected import Classes
from eqgen.common.progress import progress
from eqgen.orbitals.limits import LIMITS, Limits
from eqgen.orbitals.schreier_tree import Tree, first_points, schreier_tree
from eqgen.permutations.signed_permutation import point_orbits
from eqgen.spaces.pair_action import PairAction, random_actions

DEARER = 16
"""To look at an entry that was kept takes as long as to copy and compare about so many."""


@dataclass(frozen=True, eq=False)
class LabelTable:
    """The orbits of m x n pairs, as a table; the other attributes are those of every `OrbitalMatrix`.

    Attributes:
        signed_labels: (m, n), numbered by first appearance in row-major order, where each has the sign +; 0 where zero is
            forced.
        first: (rank,), where each label stands first, counted along the rows of the row representatives.
    """

    signed_labels: SignedLabels
    first: Integers
    row_representatives: Permutation
    row_orbit_sizes: Integers

    @property
    def shape(self) -> tuple[int, int]:
        return int(self.signed_labels.shape[0]), int(self.signed_labels.shape[1])

    @property
    def rank(self) -> int:
        return self.first.size

    @cached_property
    def representatives(self) -> Permutation:
        row, column = np.divmod(self.first, self.shape[1])
        return np.stack([self.row_representatives[row], column], axis=1)

    @cached_property
    def subdegrees(self) -> Integers:
        # Every orbit meets one row representative alone.
        counts = np.zeros(self.rank + 1, dtype=np.intp)
        for rows in row_blocks(self.row_representatives.size, self.shape[1]):
            entries = np.abs(self.signed_labels[self.row_representatives[rows]])
            present, times = np.unique(entries, return_counts=True)
            counts[present] += times
        return counts[1:]

    def at(self, rows: Permutation, columns: Permutation) -> SignedLabels:
        return self.signed_labels[np.ix_(rows, columns)]

    def table(self) -> Self:
        return self


def first_places(representatives: Permutation, row_representatives: Permutation, n: int) -> Integers:
    """Where pairs (row, column) of some rows stand, counted along these rows, which are in order, of n entries each."""
    rows, columns = representatives.T
    places: Integers = np.searchsorted(row_representatives, rows) * n + columns
    return places


class LabelClasses:
    """The signed labels 0, ..., rank, and with signs their negatives, as equalities make them one; 0 is its own negative."""

    def __init__(self, rank: int, signed: bool, limits: Limits) -> None:
        self._rank, self._signed = rank, signed
        # Negative labels are counted from the end, as numpy counts places.
        self._size = 2 * rank + 1 if signed else rank + 1
        self._classes = Classes(self._size, limits.many_equalities)

    def merge(self, left: SignedLabels, right: SignedLabels) -> bool:
        """Make labels equal, one by one, and their negatives with them; says whether that was news."""
        return self._classes.merge(self._codes(left), self._codes(right))

    def _codes(self, labels: SignedLabels) -> Integers:
        codes = labels.astype(np.intp, copy=False)
        if self._signed:
            codes = np.concatenate([codes, -codes])
            codes[codes < 0] += self._size
        return codes

    def numbered(self) -> tuple[SignedLabels, Integers]:
        """For each signed label, at its place, the number of its class, and which label stands first in each class.

        Classes are numbered from 1 in the order of their smallest labels, less one each, whose signs are +; what equals its
        own negative is 0. Negative labels are found from the end, as they are by numpy.
        """
        names = self._classes.all_names()
        if not self._signed:
            own = names == np.arange(names.size, dtype=names.dtype)
            own[0] = False
            first = np.flatnonzero(own) - 1
            return np.cumsum(own, dtype=smallest_type(first.size))[names], first
        plus, minus = names[1 : self._rank + 1], names[: self._rank : -1]
        # The smaller of both names is that of a label without its sign, in the class that it stands in with +.
        smaller = np.minimum(plus, minus)
        own = (plus == np.arange(1, self._rank + 1)) & (plus < minus)
        first = np.flatnonzero(own)
        numbers = np.cumsum(own, dtype=smallest_type(first.size))[smaller - 1] * np.sign(minus - plus)
        numbers = numbers.astype(smallest_type(first.size), copy=False)
        return np.concatenate([numbers[:0], [0], numbers, -numbers[::-1]], dtype=numbers.dtype), first


def pair_labels(generators: Sequence[PairAction], limits: Limits = LIMITS) -> LabelTable:
    """The orbits of pairs under generators that move outputs and inputs together.

    Args:
        generators: at least one; neither of their actions need be faithful.
        limits: what decides between the ways, which all give the same.
    """
    m, n = generators[0].output.size, generators[0].input.size
    work = m * n * len(generators)
    if work <= limits.small:
        return _small_table(generators, limits)
    random = random_actions(generators)
    tree = schreier_tree(generators, random, limits)
    # Where there are many roots, to look at what was kept takes as long as to compute it anew.
    looked_at = tree.roots.size * n * limits.confirming * DEARER
    worth = work >= limits.worth_keeping and looked_at <= work
    name = cache.key(f"table {(m, n)}", images_and_signs(generators)) if worth else ""
    kept = _confirmed(cache.load(name), tree, random, n, limits) if name else None
    rows, first = kept or _root_rows(tree, random, n, limits)
    rows_ahead = m - tree.roots.size + sum(map(len, () if kept else tree.open))
    with progress(f"labelling {m} x {n} pairs", rows_ahead * n) as advance:
        table = _all_rows(tree, rows, limits, advance)
        classes = None if kept else _compared(table, tree, first.size, limits, advance)
    if classes is not None:
        numbers, fresh = classes.numbered()
        old, table = table, table if table.dtype == numbers.dtype else np.empty(table.shape, dtype=numbers.dtype)
        for part in row_blocks(m, n, limits.block):
            table[part] = numbers[old[part]]
        first = first[fresh]
    if name and not kept:
        cache.store(name, {"signed_labels": table[tree.roots], "first": first})
    return LabelTable(table, first, tree.roots, np.bincount(tree.root_of))


def images_and_signs(generators: Sequence[PairAction]) -> Iterator[Integers | None]:
    """All that generators are, for a hash."""
    for move in generators:
        for side in (move.output, move.input):
            yield side.image
            yield side.signs


def _small_table(generators: Sequence[PairAction], limits: Limits) -> LabelTable:
    """All pairs have labels of their own, and every generator makes each equal to its image."""
    m, n = generators[0].output.size, generators[0].input.size
    own = np.arange(1, m * n + 1).reshape(m, n)
    classes = LabelClasses(m * n, any(move.is_signed for move in generators), limits)
    images = [own[move.output.image][:, move.input.image] for move in generators]
    classes.merge(np.stack([move.turned(own.copy()) for move in generators]).ravel(), np.stack(images).ravel())
    numbers, first = classes.numbered()
    orbits = point_orbits(np.array([move.output.image for move in generators]))
    roots = first_points(orbits)
    first = first_places(np.stack(np.divmod(first, n), axis=1), roots, n)
    return LabelTable(numbers[1 : m * n + 1].reshape(m, n), first, roots, np.bincount(orbits))


def _root_rows(tree: Tree, random: Iterator[PairAction], n: int, limits: Limits) -> tuple[SignedLabels, Integers]:
    """Step 2: the rows of the roots, (roots, n), and where each label stands first. What is missed is found in step 4."""
    count = tree.roots.size * n
    classes: LabelClasses | None = None
    entries, quiet = 0, 0
    for move in random:
        moved = np.arange(tree.roots.size) if count <= limits.block else _moved_roots(tree, move, n, limits)
        entries += moved.size * n
        if quiet >= limits.quiet or entries > tree.root_of.size * n:
            break
        quiet += limits.quiet if moved.size else 1
        if moved.size:
            classes = classes or LabelClasses(count, tree.signed, limits)
            if _merge_carried(classes, tree, move, moved, n):
                quiet = 0
    if classes is None:
        return np.arange(1, count + 1, dtype=smallest_type(count)).reshape(-1, n), np.arange(count)
    numbers, first = classes.numbered()
    return numbers[1 : count + 1].reshape(-1, n), first


def _merge_carried(classes: LabelClasses, tree: Tree, move: PairAction, moved: Permutation, n: int) -> bool:
    """Make entries of the rows of some roots, by number, equal to those that an element carries them to; whether that is news."""
    columns, signs = _carried(tree, move, tree.roots[moved], np.arange(n))
    different = columns != np.arange(n)
    if signs is not None:
        different |= signs < 0
    rows, places = np.nonzero(different)
    if not rows.size:
        return False
    starts = moved[rows] * n + 1
    own = starts + places
    if signs is not None:
        own *= signs[different]
    return classes.merge(own, starts + columns[different])


def _confirmed(
    kept: cache.Arrays | None, tree: Tree, random: Iterator[PairAction], n: int, limits: Limits
) -> tuple[SignedLabels, Integers] | None:
    """The rows of the roots and where each label stands first, as they were kept, if random elements say the same; else None.

    What these make equal is equal. What they leave apart is, but for once in 2^confirming times: elements that keep too fine
    labels are a subgroup, which has half of all elements at most.
    """
    count = tree.roots.size * n
    if kept is None or kept.keys() != {"signed_labels", "first"}:
        return None
    rows, first = kept["signed_labels"], kept["first"]
    if rows.shape != (tree.roots.size, n) or rows.dtype != smallest_type(first.size) or first.dtype != np.intp:
        return None
    classes = LabelClasses(count, tree.signed, limits)
    for number in range(1, 4 * limits.confirming + 1):
        _merge_carried(classes, tree, next(random), np.arange(tree.roots.size), n)
        if number % limits.confirming == 0:
            numbers, found = classes.numbered()
            if np.array_equal(numbers[1 : count + 1].reshape(-1, n), rows) and np.array_equal(found, first):
                return rows, first
    return None


def _moved_roots(tree: Tree, move: PairAction, n: int, limits: Limits) -> Permutation:
    """The roots, by number, whose row an element changes after the tree has carried it back, seen at a few columns."""
    columns = np.arange(0, n, -(-n // limits.sampled_columns))
    images, signs = _carried(tree, move, tree.roots, columns)
    moved = images != columns
    if signs is not None:
        moved |= signs < 0
    return np.flatnonzero(moved.any(axis=1))


def _carried(
    tree: Tree, move: PairAction, roots: Permutation, columns: Permutation
) -> tuple[Permutation, Signs | None]:
    """Where columns of the rows of some roots come to lie, and with which signs: an element carries the row of a root to
    another row, and the tree carries that back."""
    # The image of column j of the root's row is column q(j) of the target row.
    images, signs = tree.back(move.output.image[roots], np.tile(move.input.image[columns], (roots.size, 1)))
    return images, None if signs is None else move.turned(signs, roots, columns)


def _reader(table: SignedLabels, limits: Limits) -> Callable[[Permutation, Permutation], SignedLabels]:
    """What reads table[rows][:, columns], for no more rows than a block has, into the same memory every time."""
    shape = (max(1, limits.block // max(table.shape[1], 1)), table.shape[1])
    source, rearranged = np.empty(shape, dtype=table.dtype), np.empty(shape, dtype=table.dtype)

    def read(rows: Permutation, columns: Permutation) -> SignedLabels:
        # All numbers are in range; "wrap" only keeps numpy from checking that first and copying the result.
        np.take(table, rows, axis=0, out=source[: rows.size], mode="wrap")
        return np.take(source[: rows.size], columns, axis=1, out=rearranged[: rows.size], mode="wrap")

    return read


def _all_rows(tree: Tree, rows: SignedLabels, limits: Limits, advance: Callable[[int], None]) -> SignedLabels:
    """Step 3."""
    n = rows.shape[1]
    table = np.empty((tree.root_of.size, n), dtype=rows.dtype)
    table[tree.roots] = rows
    read = _reader(table, limits)
    for number, children in tree.steps:
        move, back = tree.moves[number], tree.backward[number]
        for part in row_blocks(children.size, n, limits.block):
            parents = tree.parent[children[part]]
            table[children[part]] = move.turned(read(parents, back), parents, back)
            advance(parents.size * n)
    return table


def _compared(
    table: SignedLabels, tree: Tree, rank: int, limits: Limits, advance: Callable[[int], None]
) -> LabelClasses | None:
    """Step 4: the classes of these labels, None where nothing is left to merge."""
    classes: LabelClasses | None = None
    read = _reader(table, limits)
    for move, open_rows in zip(tree.generators, tree.open, strict=True):
        for rows, columns in _blocks_to_compare(move, open_rows, table.shape[1], limits):
            images = move.output.image[rows]
            if columns is None:
                before, after = move.turned(table[rows], rows), read(images, move.input.image)
            else:
                before, after = table[np.ix_(rows, columns)], table[np.ix_(images, move.input.image[columns])]
            different = before != after
            if different.any():
                classes = classes or LabelClasses(rank, tree.signed, limits)
                classes.merge(before[different], after[different])
            advance(rows.size * table.shape[1])
    return classes


def _blocks_to_compare(
    move: PairAction, rows: Permutation, n: int, limits: Limits
) -> Iterator[tuple[Permutation, Permutation | None]]:
    """Rows and columns (None for all of them) whose entries a generator may change."""
    parts: list[tuple[Permutation, Permutation | None]] = [(rows, None)]
    if not move.is_signed:
        # Where a row stays, only the columns that move can make a difference.
        moved = np.flatnonzero(move.input.image != np.arange(n))
        stays = move.output.image[rows] == rows
        parts = [(rows[~stays], None), (rows[stays] if moved.size else rows[:0], None if moved.size == n else moved)]
    for chosen, columns in parts:
        for part in row_blocks(chosen.size, n if columns is None else columns.size, limits.block):
            yield chosen[part], columns
