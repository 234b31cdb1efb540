"""Orbits: which (output, input) index pairs share a weight; exact, from generators alone.

1. A Schreier tree over the outputs: a representative for each point orbit, a tree edge to every other point.
2. The row of a representative gets labels that are all distinct; the row of p_s(i) is the row of i read through q_s^-1.
3. Along every edge outside the tree the two labels of a pair must agree: networkx's connected components over these
   equalities are the orbits.

Steps 1 and 2 identify only pairs that the group really maps to each other, and after step 3 the labels are unchanged by
every generator: so they are exactly the orbits.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from eqgen.errors import DeclarationError
from eqgen.group import point_orbits
from eqgen.mapping import Mapping
from eqgen.mapping import mapping as as_mapping
from eqgen.notation import Permutation
from eqgen.pattern import Labels, Pattern, Signs, from_labels, smallest_type
from eqgen.space import Term, part_numbers, part_of, term_size

Places = npt.NDArray[np.signedinteger[Any]]

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
            counts += np.bincount(self.labels[rows].ravel(), minlength=self.rank)
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
    if len(mapping.axes) <= 1:
        outputs = np.array([generator.output for generator in mapping.generators]).reshape(-1, m)
        inputs = np.array([generator.input for generator in mapping.generators]).reshape(-1, n)
        labels, key_rows = pair_labels(outputs, inputs)
    else:
        labels, key_rows = _labels_of_sums(mapping)
    signs = np.broadcast_to(np.int8(1), (m, n))
    return Orbits(mapping, from_labels(labels, signs, key_rows), _representatives(labels, key_rows))


def bias_pattern(mapping: Mapping) -> Pattern:
    """Which output points share a bias, as a pattern of shape (m, 1): an equivariant bias is a map from one fixed point."""
    images = np.array([generator.output for generator in mapping.generators], dtype=np.intp)
    points = point_orbits(images.reshape(-1, mapping.output.size))[:, None]
    labels = points.astype(smallest_type(int(points.max()) + 1))
    return from_labels(labels, np.broadcast_to(np.int8(1), labels.shape), np.arange(labels.shape[0]))


def pair_labels(outputs: Permutation, inputs: Permutation) -> tuple[Labels, Permutation]:
    """The orbits of pairs under generators that move outputs and inputs together.

    Args:
        outputs: (generators, m), what each generator does to the outputs.
        inputs: (generators, n), what it does to the inputs; neither action need be faithful.

    Returns:
        The labels (m, n), numbered by first appearance in row-major order, and the representatives of the rows.
    """
    roots, table = _tree_table(outputs, inputs)
    n = inputs.shape[1]
    merged = _merge(table, outputs, inputs, roots.size * n)
    number = np.full(merged.size, -1, dtype=np.int64)
    rank = 0
    for place in range(roots.size):
        # The first row of an output orbit is its representative, so new labels appear in these rows alone.
        seen, first = np.unique(merged[place * n : (place + 1) * n], return_index=True)
        for label in seen[np.argsort(first)].tolist():
            if number[label] < 0:
                number[label] = rank
                rank += 1
    final: Labels = number[merged].astype(smallest_type(rank))
    labels = np.empty(table.shape, dtype=final.dtype)
    for rows in row_blocks(*table.shape):
        labels[rows] = final[table[rows]]
    return labels, roots


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


def _tree_table(outputs: Permutation, inputs: Permutation) -> tuple[Permutation, Places]:
    """Steps 1 and 2: the representatives, and for each pair its place in the row of its representative."""
    m, n = outputs.shape[1], inputs.shape[1]
    # Argsort of a permutation is its inverse.
    inverses = [np.argsort(image) for image in inputs]
    table: Places = np.empty((m, n), dtype=np.int32 if m * n < 2**31 else np.int64)
    reached = np.zeros(m, dtype=bool)
    roots: list[int] = []
    for root in range(m):
        if reached[root]:
            continue
        reached[root] = True
        table[root] = len(roots) * n + np.arange(n)
        roots.append(root)
        level = np.array([root])
        while level.size:
            found = []
            for image, inverse in zip(outputs, inverses, strict=True):
                fresh = level[~reached[image[level]]]
                children = image[fresh]
                reached[children] = True
                for start in range(0, fresh.size, max(1, BLOCK // n)):
                    part = slice(start, start + max(1, BLOCK // n))
                    table[children[part]] = table[fresh[part]][:, inverse]
                found.append(children)
            level = np.concatenate(found) if found else np.empty(0, dtype=np.intp)
    return np.array(roots, dtype=np.intp), table


def _merge(table: Places, outputs: Permutation, inputs: Permutation, count: int) -> npt.NDArray[np.int64]:
    """Step 3: for each provisional label the smallest one of the same orbit."""
    merged = np.arange(count)
    for rows in row_blocks(*table.shape):
        for image, moved in zip(outputs, inputs, strict=True):
            while True:
                here = merged[table[rows]]
                there = merged[table[image[rows]][:, moved]]
                different = here != there
                if not different.any():
                    break
                pairs = np.unique(
                    np.stack([here[different], there[different]], axis=1)[: 64 * MERGES_PER_ROUND], axis=0
                )
                merged = _components(pairs[:MERGES_PER_ROUND], count)[merged]
    return merged


def _components(pairs: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    """For each label the smallest of its connected component in the graph of these equalities."""
    import networkx

    graph: networkx.Graph[int] = networkx.Graph()
    graph.add_edges_from(pairs.tolist())
    smallest = np.arange(count)
    for component in networkx.connected_components(graph):
        members = list(component)
        smallest[members] = min(members)
    return smallest


def _labels_of_sums(mapping: Mapping) -> tuple[Labels, Permutation]:
    """Several independent axes: in each pair of terms the labels are tuples of the axes' own, lexicographically.

    Within one axis the numbers are by first appearance; pairs of terms are taken row-major, so that the numbering never
    needs the expanded table.
    """
    axes = range(len(mapping.axes))
    labels = np.empty((mapping.output.size, mapping.input.size), dtype=np.int64)
    offset, top = 0, 0
    key_rows = []
    for term_out in mapping.output.terms:
        left = 0
        for term_in in mapping.input.terms:
            tables = [_axis_labels(mapping, axis, term_out, term_in) for axis in axes]
            block = labels[top : top + term_size(term_out), left : left + term_size(term_in)]
            block[...] = offset
            weight = math.prod(rank for _, rank, _ in tables)
            for axis, (table, rank, _) in zip(axes, tables, strict=True):
                weight //= rank
                block += weight * table[part_numbers(term_out, axis)][:, part_numbers(term_in, axis)]
            offset += math.prod(rank for _, rank, _ in tables)
            left += term_size(term_in)
        # A row of the product is a representative when its part on every axis is one.
        chosen = [np.isin(part_numbers(term_out, axis), tables[axis][2]) for axis in axes]
        key_rows.append(top + np.flatnonzero(np.logical_and.reduce(chosen)))
        top += term_size(term_out)
    return labels.astype(smallest_type(offset)), np.concatenate(key_rows)


def _axis_labels(mapping: Mapping, axis: int, term_out: Term, term_in: Term) -> tuple[Labels, int, Permutation]:
    output, input_ = part_of(term_out, axis), part_of(term_in, axis)
    generators = mapping.axes[axis].group.generators
    labels, roots = pair_labels(
        np.array([output.act({axis: image}) for image in generators]),
        np.array([input_.act({axis: image}) for image in generators]),
    )
    # The caller multiplies these numbers, which small integers would not survive.
    return labels.astype(np.int64), int(labels.max()) + 1, roots


def _representatives(labels: Labels, key_rows: Permutation) -> npt.NDArray[np.intp]:
    rank = int(labels[key_rows].max()) + 1
    first = np.full((rank, 2), -1, dtype=np.intp)
    for row in np.sort(key_rows)[::-1].tolist():
        # Later entries are written first, so that what stays is the first entry of each orbit.
        columns = np.arange(labels.shape[1])[::-1]
        first[labels[row, columns]] = np.stack([np.full(columns.size, row), columns], axis=1)
    first.setflags(write=False)
    return first
