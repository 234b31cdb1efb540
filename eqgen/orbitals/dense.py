"""The orbits of pairs as a table of labels, made row by row from the rows of a few representatives.

1. A Schreier tree over the outputs: a root in each orbit of points, a tree edge to every other point.
2. The entries of the roots' rows get labels that are all distinct; random elements that fix a root show which of them are
   equal, and most of what is equal is found out here, on few rows.
3. Every other row is the row of its tree parent, rearranged.
4. Along every generator the labels of a pair and its image are compared; where they differ they are the same orbit.

Steps 1 to 3 identify only pairs that the group really maps to each other, and after step 4 the labels are unchanged by
every generator: so they are exactly the orbits.

Where signs flip, every label stands for two codes, 2 k for itself and 2 k + 1 for its negative. An orbit is zero exactly
when the two come to lie in one class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from eqgen.common import cache
from eqgen.common.arrays import Integers, Labels, Permutation, Signs, smallest_type
from eqgen.common.connected import Classes
from eqgen.common.progress import progress
from eqgen.orbitals.schreier_tree import Tree, Walker, first_points, schreier_tree
from eqgen.permutations.signed_permutation import point_orbits
from eqgen.spaces.pair_action import PairAction, random_actions

BLOCK = 1 << 18
"""About how many table entries are looked at in one numpy call: they stay in the processor's cache."""

SMALL = 1 << 12
"""So many pairs, times generators, are merged as they are, without a tree."""

SAMPLED_COLUMNS = 16
"""Step 2 looks at so many columns of a root's row to see whether a random element moves any."""

WORTH_KEEPING = 1 << 20
"""The labels of so many pairs, times generators, are kept on disk."""

QUIET = 6
"""It ends when so many random elements in turn have moved nothing, or one has moved things to no news."""


@dataclass(frozen=True, eq=False)
class LabelTable:
    """The orbits of m x n pairs, as tables.

    Attributes:
        labels: (m, n), numbered by first appearance in row-major order; -1 where zero is forced.
        signs: (m, n) int8; the first entry of each orbit has the sign +, a forced zero 0.
        row_representatives: rows of which every other row is a rearrangement, in order.
        first: (rank,), where each label stands first, counted along the key rows.
        row_orbit_sizes: (key rows,), how many rows each key row stands for.
    """

    labels: Labels
    signs: Signs
    row_representatives: Permutation
    first: Integers
    row_orbit_sizes: Permutation

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n)."""
        return int(self.labels.shape[0]), int(self.labels.shape[1])

    @property
    def rank(self) -> int:
        """How many orbits there are."""
        return self.first.size

    @property
    def signed(self) -> bool:
        """Whether entries may be negative or zero."""
        return self.signs.strides != (0, 0)

    @cached_property
    def subdegrees(self) -> Permutation:
        """How many entries of each orbit stand in one row that it meets, (rank,)."""
        # Every orbit meets one key row alone.
        counts = np.zeros(self.rank + 1, dtype=np.intp)
        for rows in row_blocks(self.row_representatives.size, self.shape[1]):
            # A forced zero, -1, is counted in the last place.
            labels, found = np.unique(self.labels[self.row_representatives[rows]], return_counts=True)
            counts[labels] += found
        return counts[:-1]

    @cached_property
    def sizes(self) -> Permutation:
        """How many pairs each orbit has, (rank,)."""
        return self.subdegrees * self.row_orbit_sizes[self.first // self.shape[1]]

    @cached_property
    def orbitals_per_row(self) -> Permutation:
        """How many orbits stand in a row that each meets, (rank,)."""
        rows = self.first // self.shape[1]
        return np.bincount(rows, minlength=1)[rows]

    def at(self, rows: Permutation, columns: Permutation) -> tuple[Labels, Signs]:
        """Labels and signs where some rows and columns cross, (rows, columns) each."""
        here = np.ix_(rows, columns)
        return self.labels[here], self.signs[here]

    def table(self) -> LabelTable:
        """Itself."""
        return self

    @cached_property
    def representatives(self) -> Permutation:
        """(rank, 2), the first pair of each orbit in row-major order."""
        row, column = np.divmod(self.first, self.labels.shape[1])
        return np.stack([self.row_representatives[row], column], axis=1).astype(np.intp)


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of the roots: labels and signs (None where no sign flips) of shape (roots, n), and where labels come first."""

    labels: Labels
    signs: Signs | None
    first: npt.NDArray[np.intp]


def pair_labels(generators: Sequence[PairAction]) -> LabelTable:
    """The orbits of pairs under generators that move outputs and inputs together.

    Args:
        generators: at least one; neither of their actions need be faithful.
    """
    shape = m, n = generators[0].output.size, generators[0].input.size
    signed = any(move.is_signed for move in generators)
    if m * n * len(generators) <= SMALL:
        return _small_table(generators, shape, signed)
    random = random_actions(generators)
    tree = schreier_tree(generators, random, m)
    walker = Walker(tree)
    name = cache.key(f"table {shape}", images_and_signs(generators)) if m * n * len(generators) >= WORTH_KEEPING else ""
    known = _remembered(name, tree, n, signed)
    rows = known or _root_rows(tree, walker, random, shape, signed)
    work = m * n * (1 if known else 1 + len(generators))
    with progress(f"labelling {m} x {n} pairs", work) as advance:
        labels, signs = _all_rows(tree, walker, rows, shape, advance)
        classes = None if known else _compared(labels, signs, tree, rows.first.size, advance)
    first = rows.first
    if classes is not None:
        final = numbered(classes.all_names(), signed)
        labels, signs = _renamed(labels, signs, final)
        first = first[final.first]
    if name and not known:
        kept = {"labels": labels[tree.roots], "first": first}
        cache.store(name, kept if signs is None else {**kept, "signs": signs[tree.roots]})
    return LabelTable(labels, _shown(signs, shape), tree.roots, first, np.bincount(tree.root_of))


def images_and_signs(generators: Sequence[PairAction]) -> Iterator[Integers | None]:
    """All that generators are, for a hash."""
    for move in generators:
        for side in (move.output, move.input):
            yield side.image
            yield side.signs


def _remembered(name: str, tree: Tree, n: int, signed: bool) -> Rows | None:
    """The final rows of the roots, from an earlier run."""
    found = cache.load(name) if name else None
    if found is None or found["labels"].shape != (tree.roots.size, n) or ("signs" in found) != signed:
        return None
    return Rows(found["labels"], found.get("signs"), found["first"])


def _shown(signs: Signs | None, shape: tuple[int, int]) -> Signs:
    return np.broadcast_to(np.int8(1), shape) if signs is None else signs


def _small_table(generators: Sequence[PairAction], shape: tuple[int, int], signed: bool) -> LabelTable:
    """All pairs are codes of their own, and every generator makes each equal to its image."""
    m, n = shape
    codes = np.arange(m * n).reshape(shape)
    classes = Classes(m * n * (2 if signed else 1))
    images = [codes[move.output.image][:, move.input.image].ravel() for move in generators]
    left, right = np.tile(codes.ravel(), len(generators)), np.concatenate(images)
    if signed:
        flips = [(move.output.all_signs()[:, None] * move.input.all_signs()).ravel() for move in generators]
        left, right = signed_codes(left, right, np.concatenate(flips), np.ones(left.size, dtype=np.int8))
    classes.merge(left, right)
    rows = numbered(classes.all_names(), signed)
    orbits = point_orbits(np.array([move.output.image for move in generators]))
    roots = first_points(orbits)
    labels = rows.labels.reshape(shape)
    signs = None if rows.signs is None else rows.signs.reshape(shape)
    first = np.searchsorted(roots, rows.first // n) * n + rows.first % n
    return LabelTable(labels, _shown(signs, shape), roots, first, np.bincount(orbits))


def row_blocks(m: int, n: int) -> Iterator[slice]:
    """Slices of rows of an m x n table, about BLOCK entries each."""
    step = max(1, BLOCK // max(n, 1))
    for start in range(0, m, step):
        yield slice(start, min(start + step, m))


def _root_rows(tree: Tree, walker: Walker, random: Iterator[PairAction], shape: tuple[int, int], signed: bool) -> Rows:
    """Step 2. What is missed here is found in step 4."""
    m, n = shape
    count = tree.roots.size * n
    classes: Classes | None = None
    entries, quiet = 0, 0
    for move in random:
        moved = np.arange(tree.roots.size) if count <= BLOCK else _moved_roots(tree, walker, move, n)
        entries += moved.size * n
        if quiet >= QUIET or entries > m * n:
            break
        quiet += QUIET if moved.size else 1
        if moved.size:
            classes = classes or Classes(count * (2 if signed else 1))
            if classes.merge(*_stabilizer_equalities(tree, walker, move, moved, n, signed)):
                quiet = 0
    if classes is None:
        labels = np.arange(count, dtype=smallest_type(count)).reshape(-1, n)
        return Rows(labels, np.ones(labels.shape, dtype=np.int8) if signed else None, np.arange(count))
    rows = numbered(classes.all_names(), signed)
    return Rows(rows.labels.reshape(-1, n), None if rows.signs is None else rows.signs.reshape(-1, n), rows.first)


def _moved_roots(tree: Tree, walker: Walker, move: PairAction, n: int) -> Permutation:
    """The roots, by number, whose row an element changes after the tree has carried it back, seen at a few columns."""
    columns = np.arange(0, n, -(-n // SAMPLED_COLUMNS))
    images = np.tile(move.input.image[columns], (tree.roots.size, 1))
    came_from, signs = walker.back(move.output.image[tree.roots], images)
    moved = came_from != columns
    if signs is not None:
        moved |= signs * move.output.all_signs()[tree.roots][:, None] * move.input.all_signs()[columns] < 0
    return np.flatnonzero(moved.any(axis=1))


def _stabilizer_equalities(
    tree: Tree, walker: Walker, move: PairAction, chosen: Permutation, n: int, signed: bool
) -> tuple[Integers, Integers]:
    """The entries of some roots' rows that one element makes equal: it carries the row of a root to another row, and the
    tree carries that back."""
    roots = tree.roots[chosen]
    # The image of column j of the root's row is column q(j) of the target row.
    columns, signs = walker.back(move.output.image[roots], np.tile(move.input.image, (chosen.size, 1)))
    starts = (chosen * n)[:, None]
    here, there = starts + np.arange(n), starts + columns
    if signs is None:
        return here.ravel(), there.ravel()
    flips = signs * move.output.all_signs()[roots][:, None] * move.input.all_signs()
    return signed_codes(here.ravel(), there.ravel(), flips.ravel(), np.ones(here.size, dtype=np.int8))


def numbered(names: Integers, signed: bool) -> Rows:
    """Labels and signs for codes, flat, numbered in the order of the smallest member of each class.

    Args:
        names: for each code the smallest of its class.
        signed: whether codes come in pairs.
    """
    if not signed:
        codes = np.arange(names.size, dtype=names.dtype)
        own = names == codes
        gone = np.flatnonzero(~own)
        # A label counts the classes before it: what went down by the codes that are gone.
        edges = np.concatenate([[0], gone, [names.size]])
        gaps = edges[1:] - edges[:-1]
        labels = codes - np.repeat(np.arange(gaps.size, dtype=names.dtype), gaps)
        labels[gone] = labels[names[gone]]
        first = np.flatnonzero(own)
        return Rows(labels.astype(smallest_type(first.size), copy=False), None, first)
    plus, minus = names[::2], names[1::2]
    zero = plus == minus
    own = (plus == 2 * np.arange(plus.size)) & ~zero
    first = np.flatnonzero(own)
    numbers = np.cumsum(own) - 1
    labels = np.where(zero, -1, numbers[plus >> 1]).astype(smallest_type(first.size))
    return Rows(labels, np.where(zero, 0, 1 - 2 * (plus & 1)).astype(np.int8), first)


class _Reader:
    """Reads some rows of a table through a permutation of its columns, into the same memory every time."""

    def __init__(self, table: Labels) -> None:
        self._table = table
        shape = (max(1, BLOCK // max(table.shape[1], 1)), table.shape[1])
        self._rows, self._rearranged = np.empty(shape, dtype=table.dtype), np.empty(shape, dtype=table.dtype)

    def __call__(self, rows: Permutation, columns: Permutation) -> Labels:
        """table[rows][:, columns], for no more rows than a block has; overwritten by the next call."""
        source, found = self._rows[: rows.size], self._rearranged[: rows.size]
        # All numbers are in range; "wrap" only keeps numpy from checking that first and copying the result.
        np.take(self._table, rows, axis=0, out=source, mode="wrap")
        return np.take(source, columns, axis=1, out=found, mode="wrap")


def _all_rows(
    tree: Tree, walker: Walker, rows: Rows, shape: tuple[int, int], advance: Callable[[int], None]
) -> tuple[Labels, Signs | None]:
    """Step 3."""
    n = shape[1]
    labels = np.empty(shape, dtype=rows.labels.dtype)
    signs = None if rows.signs is None else np.empty(shape, dtype=np.int8)
    labels[tree.roots] = rows.labels
    if signs is not None and rows.signs is not None:
        signs[tree.roots] = rows.signs
    read_labels = _Reader(labels)
    for number, children in tree.steps:
        move, back = tree.moves[number], walker.backward(number)
        for part in row_blocks(children.size, n):
            here, parents = children[part], tree.parent[children[part]]
            labels[here] = read_labels(parents, back)
            if signs is not None:
                flips = move.output.all_signs()[parents][:, None] * move.input.all_signs()[back]
                signs[here] = np.take(signs[parents], back, axis=1) * flips
            advance(here.size * n)
    return labels, signs


def _compared(
    labels: Labels, signs: Signs | None, tree: Tree, rank: int, advance: Callable[[int], None]
) -> Classes | None:
    """Step 4: the classes of codes of these labels, None where nothing is left to merge."""
    classes: Classes | None = None
    read_labels = _Reader(labels)
    for move, open_rows in zip(tree.generators, tree.open, strict=True):
        for rows, columns in _blocks_to_compare(move, open_rows, labels.shape[1], signs is not None):
            left, right = _differences(labels, read_labels, signs, move, rows, columns)
            if left.size:
                classes = classes or Classes(rank * (1 if signs is None else 2))
                classes.merge(left, right)
            advance(rows.size * labels.shape[1])
    return classes


def _blocks_to_compare(
    move: PairAction, rows: Permutation, n: int, signed: bool
) -> Iterator[tuple[Permutation, Permutation | None]]:
    """Rows and columns (None for all of them) whose entries a generator may change."""
    parts: list[tuple[Permutation, Permutation | None]] = [(rows, None)]
    if not signed:
        # Where a row stays, only the columns that move can make a difference.
        moved = np.flatnonzero(move.input.image != np.arange(n))
        stays = move.output.image[rows] == rows
        parts = [(rows[~stays], None), (rows[stays], None if moved.size == n else moved)]
    for chosen, columns in parts:
        if columns is not None and not columns.size:
            continue
        for part in row_blocks(chosen.size, n if columns is None else columns.size):
            yield chosen[part], columns


def _differences(
    labels: Labels,
    read_labels: _Reader,
    signs: Signs | None,
    move: PairAction,
    rows: Permutation,
    columns: Permutation | None,
) -> tuple[Integers, Integers]:
    """The codes that stand in these places, and at their images, where the two differ."""
    images = move.output.image[rows]
    if columns is None:
        here, there = labels[rows], read_labels(images, move.input.image)
    else:
        here, there = labels[np.ix_(rows, columns)], labels[np.ix_(images, move.input.image[columns])]
    different = here != there
    if signs is None:
        return here[different].astype(np.intp), there[different].astype(np.intp)
    flips = move.output.all_signs()[rows][:, None] * move.input.all_signs()
    signs_here, signs_there = signs[rows] * flips, np.take(signs[images], move.input.image, axis=1)
    different |= signs_here != signs_there
    left, right = here[different].astype(np.intp), there[different].astype(np.intp)
    return signed_codes(left, right, signs_here[different], signs_there[different])


def signed_codes(left: Integers, right: Integers, left_signs: Signs, right_signs: Signs) -> tuple[Integers, Integers]:
    """Equal labels with their signs as equal codes."""
    left, right = 2 * left + (left_signs < 0), 2 * right + (right_signs < 0)
    # What equals zero equals its own negative.
    left, right = np.where(left_signs == 0, right ^ 1, left), np.where(right_signs == 0, left ^ 1, right)
    return np.concatenate([left, left ^ 1]), np.concatenate([right, right ^ 1])


def _renamed(labels: Labels, signs: Signs | None, rows: Rows) -> tuple[Labels, Signs | None]:
    """The tables under new labels, given for each old one as `rows.labels`, times `rows.signs`."""
    # A forced zero, -1, finds the last place.
    names = np.append(rows.labels, rows.labels.dtype.type(-1))
    turned = None if rows.signs is None else np.append(rows.signs, np.int8(0))
    renamed = labels if labels.dtype == names.dtype else np.empty(labels.shape, dtype=names.dtype)
    for part in row_blocks(*labels.shape):
        before = labels[part]
        if signs is not None and turned is not None:
            signs[part] *= turned[before]
        renamed[part] = names[before]
    return renamed, signs
