"""The orbits of those pairs alone that a support names, in time and memory proportional to their number.

A support that the group maps to itself is told by the columns that it has in the rows of the roots: every other row is one
of these, moved along the tree. The labels are found as for a table, on sorted rows of columns instead of whole rows.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from eqgen.common import cache
from eqgen.common.arrays import Integers, Permutation, SignedLabels, row_blocks, smallest_type
from eqgen.common.connected import Classes
from eqgen.common.memory import refuse_many_pairs
from eqgen.common.progress import progress
from eqgen.orbitals.label_table import LabelClasses, LabelTable, first_places, images_and_signs
from eqgen.orbitals.limits import LIMITS, Limits
from eqgen.orbitals.schreier_tree import Tree, schreier_tree
from eqgen.orbitals.supports import Pairs
from eqgen.spaces.pair_action import PairAction, random_actions

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class NotClosedError(Exception):
    """A pair that is missing from a support: `args` is (output, input)."""


@dataclass(frozen=True, eq=False)
class SparseLabels:
    """The orbits of the pairs of a support; two supports of one mapping are equal when they name the same orbits.

    The attributes that are not named here are those of every `OrbitalMatrix`.

    Attributes:
        indptr: (m + 1,); the pairs of row i have the numbers indptr[i], ..., indptr[i + 1] - 1.
        indices: (pairs,), the column of each pair, in order in each row.
        signed_labels: (pairs,), numbered by first appearance in row-major order. Pairs that the signs force to zero are left
            out.
        forced: (any number, 2), the pairs in key rows that were named, and that the signs force to zero.
    """

    shape: tuple[int, int]
    indptr: Permutation
    indices: Integers
    signed_labels: SignedLabels
    row_representatives: Permutation
    row_orbit_sizes: Integers
    representatives: Permutation
    subdegrees: Integers
    forced: Permutation

    @property
    def rank(self) -> int:
        return len(self.representatives)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SparseLabels):
            return NotImplemented
        return self.shape == other.shape and np.array_equal(self.representatives, other.representatives)

    def __hash__(self) -> int:
        return hash((self.shape, self.representatives.tobytes()))

    def row_numbers(self) -> Permutation:
        """The row of each pair, (pairs,)."""
        return np.repeat(np.arange(self.shape[0]), np.diff(self.indptr))

    @cached_property
    def matrix(self) -> "csr_array":
        """The signed labels as scipy holds a sparse matrix, (m, n)."""
        from scipy.sparse import csr_array

        return csr_array((self.signed_labels, self.indices, self.indptr), shape=self.shape)

    def at(self, rows: Permutation, columns: Permutation) -> SignedLabels:
        crossing: SignedLabels = self.matrix[rows][:, columns].toarray()
        return crossing

    def table(self) -> LabelTable:
        first = first_places(self.representatives, self.row_representatives, self.shape[1])
        return LabelTable(self.matrix.toarray(), first, self.row_representatives, self.row_orbit_sizes)


def sparse_labels(generators: Sequence[PairAction], named: Pairs, limits: Limits = LIMITS) -> SparseLabels:
    """The orbits of some pairs.

    Args:
        generators: of the group; at least one.
        named: the pairs, in any order, and whether to add those that the group moves these to.
        limits: what decides between the ways, which all give the same.

    Raises:
        NotClosedError: the group moves one of these pairs to one that is missing, and none are to be added.
    """
    close, shape = named.close, (generators[0].output.size, generators[0].input.size)
    random = random_actions(generators)
    tree = schreier_tree(generators, random, limits)
    work = _Work(tree, shape, limits)
    given = _in_order(named.rows.astype(np.int64) * shape[1] + named.columns)
    worth = (shape[0] + given.size) * len(generators) >= limits.worth_keeping
    name = cache.key(f"support {shape} {close}", [given, *images_and_signs(generators)]) if worth else ""
    begun = work.back(given) if close else work.in_root_rows(given)
    kept = work.confirmed(cache.load(name), begun, random, close) if name else None
    if kept is not None:
        pieces = work.pieces(kept[0])
        if not close:
            work.refuse_missing(pieces, given, kept[0][:0])
        return work.assembled(pieces, *kept)
    keys = work.closed(begun, random) if close else begun
    while True:
        pieces = work.pieces(keys)
        classes = LabelClasses(keys.size, tree.signed, limits)
        row_sizes = work.row_sizes(keys)
        with progress("labelling the support", sum(int(row_sizes[rows].sum()) for rows in tree.open)) as advance:
            missing = [work.compared(piece, classes, advance) for piece in pieces]
        added = np.concatenate([np.empty(0, dtype=np.int64), *missing])
        if not close:
            work.refuse_missing(pieces, given, added)
        if not added.size:
            break
        keys = np.union1d(keys, work.back(added))
    numbers, first = classes.numbered()
    if name:
        cache.store(name, {"keys": keys, "signed_labels": numbers, "first": first})
    return work.assembled(pieces, keys, numbers, first)


@dataclass(frozen=True, eq=False)
class _Piece:
    """The rows that hold equally many pairs.

    Attributes:
        rows: which these are, in order.
        degree: how many pairs each holds.
        start: for each row the number of the first key of its root.
        entries: (rows, degree); column, place among the keys of the root and sign of each pair, packed into one integer, in
            order.
    """

    rows: Permutation
    degree: int
    start: Permutation
    entries: Integers

    @property
    def bits(self) -> int:
        """How many bits lie below the column."""
        return (2 * self.degree - 1).bit_length()

    def labels(self, starts: Permutation, entries: Integers) -> SignedLabels:
        """The signed labels of entries, of which every key has its own, where the keys of their roots start at `starts`."""
        labels: SignedLabels = starts + 1 + ((entries & ((1 << self.bits) - 1)) >> 1)
        labels *= 1 - 2 * (entries & 1)
        return labels

    def pairs(self, rows: Permutation, entries: Integers, n: int) -> Integers:
        """Entries that stand in some rows, as row * n + column."""
        return (rows[:, None] * np.int64(n) + (entries >> self.bits)).ravel()


@dataclass(frozen=True, eq=False)
class _Work:
    """What stays the same while pairs are added. A key is the number of a root times n, plus a column."""

    tree: Tree
    shape: tuple[int, int]
    limits: Limits

    def back(self, pairs: Integers) -> Integers:
        """The keys that some pairs, as row * n + column, come from."""
        rows, columns = np.divmod(pairs, self.shape[1])
        sources, _ = self.tree.back(rows, columns[:, None])
        return _in_order(self.tree.root_of[rows] * np.int64(self.shape[1]) + sources[:, 0])

    def in_root_rows(self, pairs: Integers) -> Integers:
        """The keys of those pairs, given in order, that stand in the row of a root."""
        n = self.shape[1]
        starts = self.tree.roots * np.int64(n)
        first, last = np.searchsorted(pairs, starts), np.searchsorted(pairs, starts + n)
        counts = last - first
        places = np.repeat(first - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
        keys: Integers = np.repeat(np.arange(counts.size) * np.int64(n), counts) + pairs[places] % n
        return keys

    def closed(self, keys: Integers, random: Iterator[PairAction]) -> Integers:
        """With most of what the stabilizers of the roots add; the rest is found by comparing rows."""
        quiet = 0
        for move in random:
            roots, columns = np.divmod(keys, self.shape[1])
            grown = np.union1d(keys, self.back(move.images(self.tree.roots[roots] * np.int64(self.shape[1]) + columns)))
            quiet = quiet + 1 if grown.size == keys.size else 0
            keys = grown
            refuse_many_pairs(int(self.row_sizes(keys).sum()))
            if quiet == self.limits.quiet_support:
                break
        return keys

    def row_sizes(self, keys: Integers) -> Integers:
        """How many pairs the row of each output has."""
        return np.bincount(keys // self.shape[1], minlength=self.tree.roots.size)[self.tree.root_of]

    def confirmed(
        self, kept: cache.Arrays | None, begun: Integers, random: Iterator[PairAction], close: bool
    ) -> tuple[Integers, SignedLabels, Integers] | None:
        """Keys, their labels and the first of each, as they were kept, if random elements say the same; else None.

        Args:
            kept: what a file holds, which may be anything.
            begun: the keys that are certain: all that there are, unless the group adds to them.
            random: random elements, which say what is equal; what is not, they say but for once in 2^confirming times.
            close: whether the group adds to them.
        """
        if kept is None or kept.keys() != {"keys", "signed_labels", "first"}:
            return None
        keys, numbers, first = (kept[field] for field in ("keys", "signed_labels", "first"))
        n, most = self.shape[1], self.tree.roots.size * self.shape[1]
        sound = keys.dtype == np.int64 and keys.ndim == 1 and keys.size and keys[0] >= 0 and keys[-1] < most
        if not sound or (np.diff(keys) <= 0).any() or not np.isin(begun, keys).all():
            return None
        certain = np.searchsorted(keys, begun)
        classes, orbits = LabelClasses(keys.size, self.tree.signed, self.limits), Classes(keys.size)
        columns, own = keys % n, np.arange(keys.size)
        rows = self.tree.roots[keys // n]
        for number in range(1, 4 * self.limits.confirming + 1):
            move = next(random)
            sources, signs = self.tree.back(move.output.image[rows], move.input.image[columns][:, None])
            images = keys - columns + sources[:, 0]
            places = np.minimum(np.searchsorted(keys, images), keys.size - 1)
            if (keys[places] != images).any():
                return None
            turned = own + 1 if signs is None else (own + 1) * move.turned(signs, rows, columns[:, None])[:, 0]
            classes.merge(turned, places + 1)
            orbits.merge(own, places)
            if number % self.limits.confirming == 0:
                names = orbits.all_names()
                # Nothing is held that no certain key leads to.
                held = np.isin(names, names[certain]).all() if close else begun.size == keys.size
                same = zip(classes.numbered(), (numbers, first), strict=True)
                if held and all(
                    found.dtype == stored.dtype and np.array_equal(found, stored) for found, stored in same
                ):
                    return keys, numbers, first
        return None

    def pieces(self, keys: Integers) -> list[_Piece]:
        """All rows, made from those of the roots."""
        refuse_many_pairs(int(self.row_sizes(keys).sum()))
        roots, columns = np.divmod(keys, self.shape[1])
        degrees = np.bincount(roots, minlength=self.tree.roots.size)
        starts = np.cumsum(degrees) - degrees
        return [self._piece(degree, degrees, starts, columns) for degree in np.unique(degrees[degrees > 0]).tolist()]

    def _piece(self, degree: int, degrees: Permutation, starts: Permutation, columns: Integers) -> _Piece:
        tree = self.tree
        roots, rows = np.flatnonzero(degrees == degree), np.flatnonzero(degrees[tree.root_of] == degree)
        piece = _Piece(rows, degree, starts[tree.root_of[rows]], np.empty((rows.size, degree), dtype=np.int64))
        place_of = np.full(self.shape[0], -1)
        place_of[rows] = np.arange(rows.size)
        own = columns[starts[roots][:, None] + np.arange(degree)]
        piece.entries[place_of[tree.roots[roots]]] = (own << piece.bits) | (2 * np.arange(degree))
        for number, children in tree.steps:
            reached = children[place_of[children] >= 0]
            for part in row_blocks(reached.size, degree, self.limits.block):
                parents = tree.parent[reached[part]]
                entries = piece.entries[place_of[parents]]
                piece.entries[place_of[reached[part]]] = self._moved(piece, entries, tree.moves[number], parents)
        return piece

    def _moved(self, piece: _Piece, entries: Integers, move: PairAction, rows: Permutation) -> Integers:
        """Rows of entries as a move carries them, in order again."""
        columns = entries >> piece.bits
        moved = (np.take(move.input.image, columns) << piece.bits) | (entries & ((1 << piece.bits) - 1))
        if move.is_signed:
            moved ^= move.turned(np.ones(columns.shape, dtype=np.int8), rows, columns) < 0
        moved.sort(axis=1)
        return moved

    def compared(self, piece: _Piece, classes: LabelClasses, advance: Callable[[int], None]) -> Integers:
        """Make labels equal that a generator moves to one another; the pairs that are missing, as row * n + column."""
        missing = [np.empty(0, dtype=np.int64)]
        place_of = np.full(self.shape[0], -1)
        place_of[piece.rows] = np.arange(piece.rows.size)
        for move, still_open in zip(self.tree.generators, self.tree.open, strict=True):
            rows = still_open[place_of[still_open] >= 0]
            for part in row_blocks(rows.size, piece.degree, self.limits.block):
                sources = rows[part]
                images = move.output.image[sources]
                moved = self._moved(piece, piece.entries[place_of[sources]], move, sources)
                standing = piece.entries[place_of[images]]
                advance(standing.size)
                different = moved != standing
                if not different.any():
                    continue
                apart = (moved >> piece.bits != standing >> piece.bits).any(axis=1)
                if apart.any():
                    held = piece.pairs(images[apart], standing[apart], self.shape[1])
                    missing.append(np.setdiff1d(piece.pairs(images[apart], moved[apart], self.shape[1]), held))
                    different[apart] = False
                starts = np.broadcast_to(piece.start[place_of[sources]][:, None], moved.shape)[different]
                classes.merge(piece.labels(starts, moved[different]), piece.labels(starts, standing[different]))
        return _in_order(np.concatenate(missing))

    def refuse_missing(self, pieces: list[_Piece], given: Integers, added: Integers) -> None:
        """Raise when the group moves a given pair to one that is not given."""
        n = self.shape[1]
        pairs = [added, *(piece.pairs(piece.rows, piece.entries, n) for piece in pieces)]
        reached = _in_order(np.concatenate(pairs)) if len(pairs) > 2 or added.size else pairs[-1]
        if np.array_equal(reached, given):
            return
        beyond = np.setdiff1d(reached, given)
        if not beyond.size:
            # Rows hold pairs that the rows of their roots lack.
            beyond = np.setdiff1d(self.back(given), self.in_root_rows(given))
            beyond = self.tree.roots[beyond // n] * np.int64(n) + beyond % n
        raise NotClosedError(*map(int, divmod(beyond[0], n)))

    def assembled(self, pieces: list[_Piece], keys: Integers, numbers: SignedLabels, first: Integers) -> SparseLabels:
        """All rows with the final labels of the keys, without the pairs that are forced to zero."""
        n = self.shape[1]
        final = numbers[1 : keys.size + 1]
        stays = final != 0
        roots = keys // n
        degrees = np.bincount(roots[stays], minlength=self.tree.roots.size)
        indptr = np.concatenate([[0], np.cumsum(degrees[self.tree.root_of])])
        indices = np.empty(indptr[-1], dtype=smallest_type(n))
        signed_labels = np.empty(indptr[-1], dtype=numbers.dtype)
        for piece in pieces:
            for part in row_blocks(piece.rows.size, piece.degree, self.limits.block):
                entries = piece.entries[part]
                labels = numbers[piece.labels(piece.start[part][:, None], entries)]
                kept = labels != 0
                places = (indptr[piece.rows[part]][:, None] + np.cumsum(kept, axis=1) - 1)[kept]
                indices[places] = (entries >> piece.bits)[kept]
                signed_labels[places] = labels[kept]
        return SparseLabels(
            self.shape,
            indptr,
            indices,
            signed_labels,
            self.tree.roots,
            np.bincount(self.tree.root_of),
            self.tree.pairs(keys[first], n),
            np.bincount(np.abs(final), minlength=first.size + 1)[1:],
            self.tree.pairs(keys[~stays], n),
        )


def _in_order(values: Integers) -> Integers:
    """Distinct values in order; numpy's own `unique` hashes them, which is slow for millions."""
    values = np.sort(values)
    distinct: Integers = values[np.diff(values, prepend=-1) != 0]
    return distinct
