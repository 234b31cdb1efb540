"""Orbits: which (output, input) index pairs share a weight; exact, from generators alone.

1. A Schreier tree over the outputs: a representative for each point orbit, a tree edge to every other point.
2. The row of a representative gets labels that are all distinct; the row of p_s(i) is the row of i read through q_s^-1.
3. Along every edge outside the tree the two labels of a pair must agree: networkx's connected components over these
   equalities are the orbits.

Steps 1 and 2 identify only pairs that the group really maps to each other, and after step 3 the labels are unchanged by
every generator: so they are exactly the orbits.

Where signs flip, every label stands twice, as 2 k and 2 k + 1 for k and its negative, and the same steps carry a sign
along. An orbit is zero exactly when a label and its negative come to lie in one component.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from eqgen.errors import DeclarationError
from eqgen.mapping import Mapping
from eqgen.mapping import mapping as as_mapping
from eqgen.pattern import Labels, Pattern, from_labels, smallest_type
from eqgen.signed import Permutation, SignedPermutation, Signs
from eqgen.space import Term, part_numbers, part_of, term_size

Codes = npt.NDArray[np.signedinteger[Any]]
"""Provisional labels: places in the rows of the representatives, twice as many where signs flip."""

BLOCK = 1 << 20
"""About how many table entries are looked at in one numpy call: they stay in the processor's cache."""

MERGES_PER_ROUND = 4096
"""How many equalities networkx merges at once; the labels are refreshed in between, which makes most others true."""


@dataclass(frozen=True, eq=False, repr=False)
class Orbits:
    """The orbits of index pairs of a mapping; each is one shared parameter.

    Attributes:
        mapping: what the orbits are of.
        pattern: the symbolic weight matrix.
        representatives: (rank, 2), the first (output, input) pair of each orbit in row-major order.

    >>> import eqgen as eq
    >>> o = eq.orbits("{p p} -> {p p} where p = S(5)")
    >>> o.rank, o.names, o.sizes.tolist(), o.row_sizes.tolist()
    (3, ('a', 'b', 'c'), [10, 60, 30], [1, 6, 3])
    """

    mapping: Mapping
    pattern: Pattern
    representatives: npt.NDArray[np.intp] = field(repr=False)

    @property
    def labels(self) -> Labels:
        """(m, n), the orbit of each (output, input) pair; -1 where zero is forced."""
        return self.pattern.labels

    @property
    def signs(self) -> Signs:
        """(m, n) int8, +1 where nothing flips a sign."""
        return self.pattern.signs

    @property
    def rank(self) -> int:
        """How many orbits there are."""
        return self.pattern.rank

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each orbit: a..z, aa, ab, ..."""
        return self.pattern.names

    @cached_property
    def sizes(self) -> npt.NDArray[np.intp]:
        """How many pairs each orbit has, shape (rank,)."""
        counts = np.zeros(self.rank, dtype=np.intp)
        for rows in row_blocks(*self.pattern.shape):
            # Forced zeros have the label -1.
            counts += np.bincount(self.labels[rows].ravel().astype(np.intp) + 1, minlength=self.rank + 1)[1:]
        return counts

    @property
    def row_sizes(self) -> npt.NDArray[np.intp]:
        """How many entries of each orbit stand in one row that it meets, shape (rank,)."""
        return self.pattern.row_sizes

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Orbits):
            return NotImplemented
        return self.mapping == other.mapping and self.pattern == other.pattern

    def __hash__(self) -> int:
        return hash(self.mapping)

    def __str__(self) -> str:
        m, n = self.pattern.shape
        return f"{self.mapping}: {self.rank} orbits of {m} x {n} pairs"

    def __repr__(self) -> str:
        return str(self)


def orbits(declaration: Mapping | str) -> Orbits:
    """The orbits of index pairs of a mapping.

    Args:
        declaration: a Mapping, or the text of one.

    Raises:
        DeclarationError: the declaration is wrong, or the table of labels would not fit in memory.
    """
    mapping = as_mapping(declaration)
    m, n = mapping.output.size, mapping.input.size
    refuse_large_table(str(mapping), m, n)
    if len(mapping.units) <= 1:
        outputs = [generator.output for generator in mapping.generators]
        inputs = [generator.input for generator in mapping.generators]
        table = pair_labels(outputs, inputs, (m, n))
    else:
        table = _labels_of_sums(mapping)
    pattern = from_labels(table.labels, table.signs, table.key_rows)
    return Orbits(mapping, pattern, _representatives(pattern))


def bias_pattern(mapping: Mapping) -> Pattern:
    """Which output points share a bias, as a pattern of shape (m, 1): an equivariant bias is a map from one fixed point."""
    outputs = [generator.output for generator in mapping.generators]
    fixed = [SignedPermutation(np.zeros(1, dtype=np.intp)) for _ in outputs]
    table = pair_labels(outputs, fixed, (mapping.output.size, 1))
    return from_labels(table.labels, table.signs, np.arange(mapping.output.size))


@dataclass(frozen=True, eq=False)
class LabelTable:
    """Labels and signs of shape (m, n), their rank, and the rows of which every other row is a rearrangement."""

    labels: Labels
    signs: Signs
    rank: int
    key_rows: Permutation


def pair_labels(
    outputs: Sequence[SignedPermutation], inputs: Sequence[SignedPermutation], shape: tuple[int, int]
) -> LabelTable:
    """The orbits of pairs under generators that move outputs and inputs together.

    Args:
        outputs: what each generator does to the m outputs.
        inputs: what it does to the n inputs; neither action need be faithful.
        shape: (m, n).

    Returns:
        Labels numbered by first appearance in row-major order; the first entry of each orbit has the sign +.
    """
    signed = any(element.signs is not None for element in (*outputs, *inputs))
    codes = 2 if signed else 1
    roots, table = _tree_table(outputs, inputs, shape, codes)
    n = shape[1]
    merged = _merge(table, outputs, inputs, roots.size * n * codes, codes)
    final, rank = _numbered(merged, roots.size, n, codes)
    labels = np.empty(shape, dtype=smallest_type(rank))
    signs: Signs = np.empty(shape, dtype=np.int8) if signed else np.broadcast_to(np.int8(1), shape)
    for rows in row_blocks(*shape):
        codes_here = final[table[rows]]
        labels[rows] = codes_here // codes
        if signed:
            signs[rows] = np.where(codes_here < 0, 0, 1 - 2 * (codes_here % 2))
    return LabelTable(labels, signs, rank, roots)


def _numbered(merged: Codes, roots: int, n: int, codes: int) -> tuple[Codes, int]:
    """For each provisional code its final one, by first appearance; -1 // codes == -1 where zero is forced."""
    final = np.full(merged.size, -1, dtype=np.int64)
    rank = 0
    for place in range(roots):
        # The first row of an output orbit is its representative, so new labels appear in these rows alone.
        row = merged[place * n * codes : (place + 1) * n * codes : codes]
        if codes == 2:
            row = row[merged[row ^ 1] != merged[row]]
        # A label and its negative are one orbit: only the one that comes first is counted, with the sign +.
        first = np.sort(np.unique(row // codes, return_index=True)[1])
        fresh = row[first]
        fresh = fresh[final[fresh] < 0]
        final[fresh] = codes * (rank + np.arange(fresh.size))
        if codes == 2:
            final[fresh ^ 1] = final[fresh] + 1
        rank += fresh.size
    return final[merged], rank


def refuse_large_table(what: str, m: int, n: int) -> None:
    """Raise before a table of m x n labels is allocated that this machine cannot hold beside its working copy."""
    needed = m * n * 8
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > memory // 2:
        shown = what if len(what) <= 80 else what[:77] + "..."
        raise DeclarationError(
            f"{shown} has {m} x {n} index pairs: their label table needs {_gigabytes(needed)} while it is made, and this "
            f"machine has {_gigabytes(memory)}; declare a smaller space"
        )


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:,.1f} GB"


def row_blocks(m: int, n: int) -> Iterator[slice]:
    """Slices of rows of an m x n table, about BLOCK entries each."""
    step = max(1, BLOCK // max(n, 1))
    for start in range(0, m, step):
        yield slice(start, min(start + step, m))


def _tree_table(
    outputs: Sequence[SignedPermutation], inputs: Sequence[SignedPermutation], shape: tuple[int, int], codes: int
) -> tuple[Permutation, Codes]:
    """Steps 1 and 2: the representatives, and for each pair its code, the place in the row of its representative."""
    m, n = shape
    # Argsort of a permutation is its inverse.
    inverses = [np.argsort(element.image) for element in inputs]
    table: Codes = np.empty((m, n), dtype=np.int32 if m * n * codes < 2**31 else np.int64)
    reached = np.zeros(m, dtype=bool)
    roots: list[int] = []
    for root in range(m):
        if reached[root]:
            continue
        reached[root] = True
        table[root] = codes * (len(roots) * n + np.arange(n))
        roots.append(root)
        level = np.array([root])
        while level.size:
            found = []
            for output, input_, inverse in zip(outputs, inputs, inverses, strict=True):
                fresh = level[~reached[output.image[level]]]
                children = output.image[fresh]
                reached[children] = True
                for start in range(0, fresh.size, max(1, BLOCK // n)):
                    part = slice(start, start + max(1, BLOCK // n))
                    row = table[fresh[part]]
                    if codes == 2:
                        row = row ^ _flips(output, input_, fresh[part])
                    table[children[part]] = row[:, inverse]
                found.append(children)
            level = np.concatenate(found) if found else np.empty(0, dtype=np.intp)
    return np.array(roots, dtype=np.intp), table


def _flips(output: SignedPermutation, input_: SignedPermutation, rows: Permutation | slice) -> Codes:
    """1 where a generator flips the sign of the entry (i, j) of these rows: W[g i, g j] = s_i s_j W[i, j]."""
    product = output.all_signs()[rows][:, None] * input_.all_signs()
    return (product < 0).astype(np.int64)


def _merge(
    table: Codes, outputs: Sequence[SignedPermutation], inputs: Sequence[SignedPermutation], count: int, codes: int
) -> Codes:
    """Step 3: for each provisional code the smallest one of the same orbit.

    With signs, `merged[a] == merged[b]` implies `merged[a ^ 1] == merged[b ^ 1]` after every round.
    """
    merged: Codes = np.arange(count)
    for rows in row_blocks(*table.shape):
        for output, input_ in zip(outputs, inputs, strict=True):
            while True:
                here = merged[table[rows]] if codes == 1 else merged[table[rows] ^ _flips(output, input_, rows)]
                there = merged[table[output.image[rows]][:, input_.image]]
                different = here != there
                if not different.any():
                    break
                pairs = np.stack([here[different], there[different]], axis=1)[: 64 * MERGES_PER_ROUND]
                pairs = np.unique(pairs, axis=0)[:MERGES_PER_ROUND]
                # What makes two labels equal makes their negatives equal. The pairs hold representatives, and the negative
                # of one is itself represented by another once a label has met its own negative.
                pairs = pairs if codes == 1 else np.concatenate([pairs, merged[pairs ^ 1]])
                merged = _components(pairs, count)[merged]
    return merged


def _components(pairs: Codes, count: int) -> Codes:
    """For each code the smallest of its connected component in the graph of these equalities."""
    import networkx

    graph: networkx.Graph[int] = networkx.Graph()
    graph.add_edges_from(pairs.tolist())
    smallest = np.arange(count)
    for component in networkx.connected_components(graph):
        members = list(component)
        smallest[members] = min(members)
    return smallest


def _labels_of_sums(mapping: Mapping) -> LabelTable:
    """Several independent units: in each pair of terms the labels are tuples of the units' own, lexicographically.

    Within one unit the numbers are by first appearance; pairs of terms are taken row-major, so that the numbering never
    needs the expanded table.
    """
    shape = (mapping.output.size, mapping.input.size)
    tables = {
        (out, in_): [_unit_table(mapping, unit, term_out, term_in) for unit in mapping.units]
        for out, term_out in enumerate(mapping.output.terms)
        for in_, term_in in enumerate(mapping.input.terms)
    }
    total = sum(math.prod(table.rank for table in block) for block in tables.values())
    signed = any(table.signs.strides != (0, 0) for block in tables.values() for table in block)
    labels = np.empty(shape, dtype=smallest_type(total))
    signs: Signs = np.empty(shape, dtype=np.int8) if signed else np.broadcast_to(np.int8(1), shape)
    offset, top = 0, 0
    key_rows = []
    for out, term_out in enumerate(mapping.output.terms):
        rows_out = [part_numbers(term_out, unit) for unit in mapping.units]
        left = 0
        for in_, term_in in enumerate(mapping.input.terms):
            block = tables[out, in_]
            columns_in = [part_numbers(term_in, unit) for unit in mapping.units]
            for rows in row_blocks(term_size(term_out), term_size(term_in)):
                places = [np.ix_(row[rows], column) for row, column in zip(rows_out, columns_in, strict=True)]
                here = (slice(top + rows.start, top + rows.stop), slice(left, left + term_size(term_in)))
                labels[here] = _tuples(block, places, offset)
                if signed:
                    signs[here] = math.prod(table.signs[place] for table, place in zip(block, places, strict=True))
            offset += math.prod(table.rank for table in block)
            left += term_size(term_in)
        # A row of the product is a representative when its part on every unit is one.
        chosen = [np.isin(row, table.key_rows) for row, table in zip(rows_out, block, strict=True)]
        key_rows.append(top + np.flatnonzero(np.logical_and.reduce(chosen)))
        top += term_size(term_out)
    return LabelTable(labels, signs, total, np.concatenate(key_rows))


def _tuples(tables: list[LabelTable], places: list[tuple[Permutation, ...]], offset: int) -> npt.NDArray[np.int64]:
    """The number of each tuple of labels, lexicographically; -1 where one of them is forced to zero."""
    numbers = np.array(0, dtype=np.int64)
    zero = np.array(False)
    for table, place in zip(tables, places, strict=True):
        labels = table.labels[place]
        numbers = numbers * table.rank + labels
        zero = zero | (labels < 0)
    return np.where(zero, -1, numbers + offset)


def _unit_table(mapping: Mapping, unit: tuple[int, ...], term_out: Term, term_in: Term) -> LabelTable:
    output, input_ = part_of(term_out, unit), part_of(term_in, unit)
    groups = {number: mapping.axes[number].group for number in unit}
    moves = [
        {number: group.elements[row] for number, group in groups.items()}
        for row in range(len(mapping.axes[unit[0]].group.generators))
    ]
    return pair_labels(
        [output.act(move) for move in moves], [input_.act(move) for move in moves], (output.size, input_.size)
    )


def _representatives(pattern: Pattern) -> npt.NDArray[np.intp]:
    first = np.full((pattern.rank + 1, 2), -1, dtype=np.intp)
    rows = np.arange(pattern.shape[0]) if pattern.key_rows is None else pattern.key_rows
    columns = np.arange(pattern.shape[1])[::-1]
    for row in np.sort(rows)[::-1].tolist():
        # Later entries are written first, so that what stays is the first entry of each orbit; -1 fills the last row.
        first[pattern.labels[row, columns]] = np.stack([np.full(columns.size, row), columns], axis=1)
    first.setflags(write=False)
    return first[:-1]
