"""The orbits of pairs when several units of axes move independently: tuples of the units' own orbits, never expanded."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import product

import numpy as np

from eqgen.common.arrays import Integers, Permutation, SignedLabels, labels_of, row_blocks, signs_of, smallest_type
from eqgen.common.memory import refuse_many_orbits
from eqgen.orbitals.label_table import LabelTable, first_places
from eqgen.orbitals.matrix import OrbitalMatrix
from eqgen.spaces.mapping import Mapping
from eqgen.spaces.space import Space, Term, from_parts, part_numbers

Unit = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Block:
    """The pairs of one output term and one input term.

    Attributes:
        output, input: the terms.
        top, left: where their points begin among those of the spaces.
        offset: the number of the first label.
        factors: the labels of the parts that each unit moves.
        units: the units.
    """

    output: Term
    input: Term
    top: int
    left: int
    offset: int
    factors: tuple[OrbitalMatrix, ...]
    units: tuple[Unit, ...]

    @property
    def rank(self) -> int:
        """How many orbits there are: the units' numbers multiply."""
        return math.prod(factor.rank for factor in self.factors)

    def at(self, rows: Permutation, columns: Permutation) -> SignedLabels:
        """Signed labels where rows and columns cross, given by their numbers within the terms."""
        numbers = np.zeros((rows.size, columns.size), dtype=np.int64)
        signs = []
        for unit, factor in zip(self.units, self.factors, strict=True):
            # Most rows and columns share their parts with others; each is looked up once.
            few_rows, row_places = np.unique(part_numbers(self.output, unit, rows), return_inverse=True)
            few_columns, column_places = np.unique(part_numbers(self.input, unit, columns), return_inverse=True)
            few, crossing = factor.at(few_rows, few_columns), np.ix_(row_places, column_places)
            numbers *= factor.rank
            numbers += labels_of(few)[crossing]
            if (few < 1).any():
                signs.append(signs_of(few)[crossing])
        numbers += self.offset + 1
        return reduce(np.multiply, signs, numbers)

    @cached_property
    def row_orbits(self) -> tuple[Permutation, Permutation]:
        """Rows of which every other one is a rearrangement, those whose every part is one, and how many each stands for."""
        rows = self.top + _combined(self.output, self.units, [factor.row_representatives for factor in self.factors])
        sizes = _products([factor.row_orbit_sizes for factor in self.factors])
        order = np.argsort(rows)
        return rows[order], sizes[order]

    def representatives(self) -> Permutation:
        """The first pair of each orbit, (rank, 2)."""
        rows = _combined(self.output, self.units, [factor.representatives[:, 0] for factor in self.factors])
        columns = _combined(self.input, self.units, [factor.representatives[:, 1] for factor in self.factors])
        return np.stack([self.top + rows, self.left + columns], axis=1)


def _combined(term: Term, units: Sequence[Unit], parts: Sequence[Permutation]) -> Permutation:
    """All points of a term whose parts are among the given ones, in the lexicographic order of the units."""
    grid = np.meshgrid(*parts, indexing="ij")
    return from_parts(term, [(unit, part.ravel()) for unit, part in zip(units, grid, strict=True)])


@dataclass(frozen=True, eq=False)
class ProductLabels:
    """The orbits of pairs under units that move independently, block by block for each pair of terms: an `OrbitalMatrix`.

    Within a block the labels are tuples of the units' own, numbered lexicographically; blocks follow one another row-major.
    """

    output: Space
    input: Space
    blocks: tuple[Block, ...]

    @property
    def shape(self) -> tuple[int, int]:
        return self.output.size, self.input.size

    @cached_property
    def rank(self) -> int:
        return sum(block.rank for block in self.blocks)

    @cached_property
    def subdegrees(self) -> Integers:
        refuse_many_orbits(self.rank)
        return np.concatenate([_products([factor.subdegrees for factor in block.factors]) for block in self.blocks])

    @cached_property
    def representatives(self) -> Permutation:
        refuse_many_orbits(self.rank)
        return np.concatenate([block.representatives() for block in self.blocks])

    @cached_property
    def row_representatives(self) -> Permutation:
        return np.concatenate([block.row_orbits[0] for block in self.blocks if block.left == 0])

    @cached_property
    def row_orbit_sizes(self) -> Integers:
        return np.concatenate([block.row_orbits[1] for block in self.blocks if block.left == 0])

    def at(self, rows: Permutation, columns: Permutation) -> SignedLabels:
        crossing = np.empty((rows.size, columns.size), dtype=smallest_type(self.rank))
        by_terms = product(self.output.by_term(rows), self.input.by_term(columns))
        for block, ((row_places, own_rows), (column_places, own_columns)) in zip(self.blocks, by_terms, strict=True):
            crossing[np.ix_(row_places, column_places)] = block.at(own_rows, own_columns)
        return crossing

    def table(self) -> LabelTable:
        table = np.empty(self.shape, dtype=smallest_type(self.rank))
        columns = np.arange(self.shape[1])
        for rows in row_blocks(*self.shape):
            table[rows] = self.at(np.arange(rows.start, rows.stop), columns)
        first = first_places(self.representatives, self.row_representatives, self.shape[1])
        return LabelTable(table, first, self.row_representatives, self.row_orbit_sizes)


def _products(counts: Sequence[Integers]) -> Integers:
    """The products of one count of each factor, in lexicographic order."""
    return reduce(np.multiply.outer, counts).ravel()


def product_labels(mapping: Mapping, labels: Callable[[Mapping], OrbitalMatrix]) -> ProductLabels:
    """The orbits of pairs of a mapping, from the labels of each of its parts."""
    output, input_, blocks, offset = mapping.output, mapping.input, [], 0
    for term_out, rows in zip(output.terms, output.slices, strict=True):
        for term_in, columns in zip(input_.terms, input_.slices, strict=True):
            factors = tuple(labels(mapping.parts[unit, term_out, term_in]) for unit in mapping.units)
            blocks.append(Block(term_out, term_in, rows.start, columns.start, offset, factors, mapping.units))
            offset += blocks[-1].rank
    return ProductLabels(output, input_, tuple(blocks))
