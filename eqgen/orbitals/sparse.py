"""The orbits of those pairs alone that a support names, in time and memory proportional to their number.

A support that the group maps to itself is told by the columns that it has in the rows of the roots: every other row is one
of these, moved along the tree. The labels are found as for a table, on sorted rows of columns instead of whole rows.
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
from eqgen.common.memory import refuse_many_pairs
from eqgen.common.progress import progress
from eqgen.orbitals.dense import WORTH_KEEPING, LabelTable, Rows, images_and_signs, numbered, row_blocks, signed_codes
from eqgen.orbitals.schreier_tree import Tree, Walker, schreier_tree
from eqgen.spaces.pair_action import PairAction, random_actions

QUIET = 4
"""Random elements are tried until so many in turn have added no pair."""


class NotClosedError(Exception):
    """A pair that is missing from a support: (output, input)."""

    def __init__(self, row: int, column: int) -> None:
        super().__init__(row, column)
        self.row, self.column = row, column


@dataclass(frozen=True, eq=False)
class SparseLabels:
    """The orbits of the pairs of a support; two supports of one mapping are equal when they name the same orbits.

    Attributes:
        shape: (m, n).
        indptr: (m + 1,); the pairs of row i have the numbers indptr[i], ..., indptr[i + 1] - 1.
        indices: (pairs,), the column of each pair, in order in each row.
        labels: (pairs,), numbered by first appearance in row-major order.
        signs: (pairs,) int8, None where no sign flips. Pairs that the signs force to zero are left out.
        row_representatives: rows of which every other row is a rearrangement, in order.
        row_orbit_sizes: (key rows,), how many rows each key row stands for.
        representatives: (rank, 2), the first pair of each orbit in row-major order.
        subdegrees: (rank,), how many entries of each orbit stand in one row that it meets.
        forced: (any number, 2), the pairs in key rows that were named, and that the signs force to zero.
    """

    shape: tuple[int, int]
    indptr: Permutation
    indices: Integers
    labels: Labels
    signs: Signs | None
    row_representatives: Permutation
    row_orbit_sizes: Integers
    representatives: Permutation
    subdegrees: Integers
    forced: Permutation

    @property
    def rank(self) -> int:
        """How many orbits there are."""
        return int(self.representatives.shape[0])

    @property
    def signed(self) -> bool:
        """Whether entries may be negative or zero: pairs outside are zero."""
        return True

    @cached_property
    def sizes(self) -> Integers:
        """How many pairs each orbit has, (rank,)."""
        return (
            self.subdegrees
            * self.row_orbit_sizes[np.searchsorted(self.row_representatives, self.representatives[:, 0])]
        )

    @cached_property
    def orbitals_per_row(self) -> Integers:
        """How many orbits stand in a row that each meets, (rank,)."""
        _, which, ranks = np.unique(self.representatives[:, 0], return_inverse=True, return_counts=True)
        return ranks[which]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SparseLabels):
            return NotImplemented
        return self.shape == other.shape and np.array_equal(self.representatives, other.representatives)

    def __hash__(self) -> int:
        return hash((self.shape, self.representatives.tobytes()))

    def row_numbers(self) -> Permutation:
        """The row of each pair, (pairs,)."""
        return np.repeat(np.arange(self.shape[0]), np.diff(self.indptr))

    def at(self, rows: Permutation, columns: Permutation) -> tuple[Labels, Signs]:
        """Labels and signs where some rows and columns cross, (rows, columns) each; -1 and 0 outside."""
        labels = np.full((rows.size, columns.size), -1, dtype=smallest_type(self.rank))
        signs = np.zeros(labels.shape, dtype=np.int8)
        order = np.argsort(columns, kind="stable")
        wanted = columns[order]
        for place, row in enumerate(rows.tolist()):
            here = slice(self.indptr[row], self.indptr[row + 1])
            if here.start == here.stop:
                continue
            found = np.searchsorted(self.indices[here], wanted)
            found[found == here.stop - here.start] = 0
            hit = np.flatnonzero(self.indices[here][found] == wanted)
            labels[place, order[hit]] = self.labels[here][found[hit]]
            signs[place, order[hit]] = 1 if self.signs is None else self.signs[here][found[hit]]
        return labels, signs

    def table(self) -> LabelTable:
        """All of them as a table."""
        labels = np.full(self.shape, -1, dtype=smallest_type(self.rank))
        signs = np.zeros(self.shape, dtype=np.int8)
        rows = self.row_numbers()
        labels[rows, self.indices] = self.labels
        signs[rows, self.indices] = 1 if self.signs is None else self.signs
        first = (
            np.searchsorted(self.row_representatives, self.representatives[:, 0]) * self.shape[1]
            + self.representatives[:, 1]
        )
        return LabelTable(labels, signs, self.row_representatives, first, self.row_orbit_sizes)


def sparse_labels(
    generators: Sequence[PairAction], shape: tuple[int, int], rows: Integers, columns: Integers, *, close: bool
) -> SparseLabels:
    """The orbits of some pairs.

    Args:
        generators: of the group; at least one.
        shape: (m, n).
        rows, columns: the pairs, (any number,) each, in any order.
        close: whether to add the pairs that the group moves these to.

    Raises:
        NotClosedError: the group moves one of these pairs to one that is missing, and `close` is false.
    """
    random = random_actions(generators)
    tree = schreier_tree(generators, random, shape[0])
    work = _Work(tree, Walker(tree), shape, any(move.is_signed for move in generators))
    given = _in_order(rows.astype(np.int64) * shape[1] + columns)
    worth = (shape[0] + given.size) * len(generators) >= WORTH_KEEPING
    name = cache.key(f"support {shape} {close}", [given, *images_and_signs(generators)]) if worth else ""
    known = cache.load(name) if name else None
    if known is not None:
        keys, final = known["keys"], Rows(known["labels"], known.get("signs"), known["first"])
        return work.assembled(work.pieces(keys), keys, final)
    keys = work.closed(work.back(given), random) if close else work.in_root_rows(given)
    while True:
        pieces = work.pieces(keys)
        classes = Classes(keys.size * work.codes)
        with progress(
            "labelling the support", sum(piece.entries.size for piece in pieces) * len(generators)
        ) as advance:
            missing = [work.compared(piece, classes, advance) for piece in pieces]
        added = np.concatenate([np.empty(0, dtype=np.int64), *missing])
        if not close:
            work.refuse_missing(pieces, given, added)
        if not added.size:
            break
        keys = np.union1d(keys, work.back(added))
    final = numbered(classes.all_names(), work.signed)
    if name:
        kept = {"keys": keys, "labels": final.labels, "first": final.first}
        cache.store(name, kept if final.signs is None else {**kept, "signs": final.signs})
    return work.assembled(pieces, keys, final)


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
    entries: npt.NDArray[np.int64]

    @property
    def bits(self) -> int:
        """How many bits lie below the column."""
        return (2 * self.degree - 1).bit_length()


@dataclass(frozen=True, eq=False)
class _Work:
    """What stays the same while pairs are added. A key is the number of a root times n, plus a column."""

    tree: Tree
    walker: Walker
    shape: tuple[int, int]
    signed: bool

    @property
    def codes(self) -> int:
        """How many codes each key has."""
        return 2 if self.signed else 1

    def back(self, pairs: Integers) -> Integers:
        """The keys that some pairs, as row * n + column, come from."""
        rows, columns = np.divmod(pairs, self.shape[1])
        found, _ = self.walker.back(rows, columns[:, None])
        return _in_order(self.tree.root_of[rows] * np.int64(self.shape[1]) + found[:, 0])

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
            images = move.output.image[self.tree.roots[roots]] * np.int64(self.shape[1]) + move.input.image[columns]
            grown = np.union1d(keys, self.back(images))
            quiet = quiet + 1 if grown.size == keys.size else 0
            keys = grown
            refuse_many_pairs(self._count(keys))
            if quiet == QUIET:
                break
        return keys

    def _count(self, keys: Integers) -> int:
        sizes = np.bincount(self.tree.root_of)
        return int((np.bincount(keys // self.shape[1], minlength=sizes.size) * sizes).sum())

    def pieces(self, keys: Integers) -> list[_Piece]:
        """All rows, made from those of the roots."""
        refuse_many_pairs(self._count(keys))
        roots, columns = np.divmod(keys, self.shape[1])
        degrees = np.bincount(roots, minlength=self.tree.roots.size)
        starts = np.cumsum(degrees) - degrees
        return [
            self._piece(int(degree), np.flatnonzero(degrees == degree), starts, columns)
            for degree in np.unique(degrees)
            if degree
        ]

    def _piece(self, degree: int, roots: Permutation, starts: Permutation, columns: Integers) -> _Piece:
        tree = self.tree
        chosen = np.zeros(tree.roots.size, dtype=bool)
        chosen[roots] = True
        rows = np.flatnonzero(chosen[tree.root_of])
        piece = _Piece(rows, degree, starts[tree.root_of[rows]], np.empty((rows.size, degree), dtype=np.int64))
        place_of = np.full(self.shape[0], -1)
        place_of[rows] = np.arange(rows.size)
        own = columns[starts[roots][:, None] + np.arange(degree)]
        piece.entries[place_of[tree.roots[roots]]] = (own << piece.bits) | (2 * np.arange(degree))
        for number, children in tree.steps:
            here = children[place_of[children] >= 0]
            for part in row_blocks(here.size, degree):
                parents = tree.parent[here[part]]
                entries = piece.entries[place_of[parents]]
                piece.entries[place_of[here[part]]] = self._moved(piece, entries, tree.moves[number], parents)
        return piece

    def _moved(
        self, piece: _Piece, entries: npt.NDArray[np.int64], move: PairAction, rows: Permutation
    ) -> npt.NDArray[np.int64]:
        """Rows of entries as a move carries them, in order again."""
        columns = entries >> piece.bits
        moved = (np.take(move.input.image, columns) << piece.bits) | (entries & ((1 << piece.bits) - 1))
        if self.signed:
            moved ^= move.output.all_signs()[rows][:, None] * np.take(move.input.all_signs(), columns) < 0
        moved.sort(axis=1)
        return moved

    def compared(self, piece: _Piece, classes: Classes, advance: Callable[[int], None]) -> Integers:
        """Make labels equal that a generator moves to one another; the pairs that are missing, as row * n + column."""
        missing = [np.empty(0, dtype=np.int64)]
        place_of = np.full(self.shape[0], -1)
        place_of[piece.rows] = np.arange(piece.rows.size)
        for move, still_open in zip(self.tree.generators, self.tree.open, strict=True):
            rows = still_open[place_of[still_open] >= 0]
            for part in row_blocks(rows.size, piece.degree):
                here = rows[part]
                images = move.output.image[here]
                moved = self._moved(piece, piece.entries[place_of[here]], move, here)
                there = piece.entries[place_of[images]]
                advance(there.size)
                different = moved != there
                if not different.any():
                    continue
                apart = (moved >> piece.bits != there >> piece.bits).any(axis=1)
                if apart.any():
                    arriving = _pairs(images[apart], moved[apart], piece.bits, self.shape[1])
                    known = _pairs(images[apart], there[apart], piece.bits, self.shape[1])
                    missing.append(np.setdiff1d(arriving, known))
                    different[apart] = False
                starts = np.broadcast_to(piece.start[place_of[here]][:, None], moved.shape)[different]
                classes.merge(*self._equalities(starts, moved[different], there[different], piece.bits))
        return _in_order(np.concatenate(missing))

    def _equalities(
        self, starts: Permutation, left: npt.NDArray[np.int64], right: npt.NDArray[np.int64], bits: int
    ) -> tuple[Integers, Integers]:
        """Entries that are equal, as codes of keys."""
        places = [starts + ((side & ((1 << bits) - 1)) >> 1) for side in (left, right)]
        if not self.signed:
            return places[0], places[1]
        signs = [(1 - 2 * (side & 1)).astype(np.int8) for side in (left, right)]
        return signed_codes(places[0], places[1], signs[0], signs[1])

    def refuse_missing(self, pieces: list[_Piece], given: Integers, added: Integers) -> None:
        """Raise when the group moves a given pair to one that is not given."""
        n = self.shape[1]
        found = [added, *(_pairs(piece.rows, piece.entries, piece.bits, n) for piece in pieces)]
        reached = _in_order(np.concatenate(found)) if len(found) > 2 or added.size else found[-1]
        if np.array_equal(reached, given):
            return
        beyond = np.setdiff1d(reached, given)
        if not beyond.size:
            # Rows hold pairs that the rows of their roots lack.
            beyond = np.setdiff1d(self.back(given), self.in_root_rows(given))
            beyond = self.tree.roots[beyond // n] * np.int64(n) + beyond % n
        raise NotClosedError(*map(int, divmod(beyond[0], n)))

    def assembled(self, pieces: list[_Piece], keys: Integers, final: Rows) -> SparseLabels:
        """All rows with the final labels of the keys, without the pairs that are forced to zero."""
        n = self.shape[1]
        stays = final.labels >= 0
        roots = keys // n
        degrees = np.bincount(roots[stays], minlength=self.tree.roots.size)
        indptr = np.concatenate([[0], np.cumsum(degrees[self.tree.root_of])])
        indices = np.empty(indptr[-1], dtype=smallest_type(n))
        labels = np.empty(indptr[-1], dtype=final.labels.dtype)
        signs = None if final.signs is None else np.empty(indptr[-1], dtype=np.int8)
        for piece in pieces:
            for part in row_blocks(piece.rows.size, piece.degree):
                entries = piece.entries[part]
                codes = piece.start[part][:, None] + ((entries & ((1 << piece.bits) - 1)) >> 1)
                kept = stays[codes]
                places = (indptr[piece.rows[part]][:, None] + np.cumsum(kept, axis=1) - 1)[kept]
                indices[places] = (entries >> piece.bits)[kept]
                labels[places] = final.labels[codes[kept]]
                if signs is not None and final.signs is not None:
                    signs[places] = (final.signs[codes] * (1 - 2 * (entries & 1)))[kept]
        first = keys[final.first]
        return SparseLabels(
            self.shape,
            indptr,
            indices,
            labels,
            signs,
            self.tree.roots,
            np.bincount(self.tree.root_of),
            np.stack([self.tree.roots[first // n], first % n], axis=1),
            np.bincount(final.labels[stays], minlength=final.first.size),
            np.stack([self.tree.roots[roots[~stays]], keys[~stays] % n], axis=1),
        )


def _pairs(rows: Permutation, entries: npt.NDArray[np.int64], bits: int, n: int) -> Integers:
    pairs: Integers = (rows[:, None] * np.int64(n) + (entries >> bits)).ravel()
    return pairs


def _in_order(values: Integers) -> Integers:
    """Distinct values in order; numpy's own `unique` hashes them, which is slow for millions."""
    values = np.sort(values)
    distinct: Integers = values[np.diff(values, prepend=-1) != 0]
    return distinct
