"""Program: how a layer is applied, as data. A sum of terms pool -> mix -> spread."""

import math
from dataclasses import dataclass

from eqgen.programs.entries import Entries
from eqgen.programs.operators.operator import Operator


@dataclass(frozen=True)
class MixShape:
    """The shape of one mix: in each of `groups`, `inputs` numbers become `outputs`, the same way for each of `copies`.

    Pooled rows are ordered (group, copy, input), mixed rows (group, copy, output), entries (group, output, input).
    """

    groups: int
    inputs: int
    outputs: int
    copies: int

    @property
    def rows_in(self) -> int:
        """How many rows the pool has for it."""
        return self.groups * self.copies * self.inputs

    @property
    def rows_out(self) -> int:
        """How many rows the spread has for it."""
        return self.groups * self.copies * self.outputs

    @property
    def entries(self) -> int:
        """How many entries its matrices have."""
        return self.groups * self.inputs * self.outputs


@dataclass(frozen=True, eq=False)
class Stage:
    """Terms whose pools live on one space: pooled, mixed and spread together.

    Attributes:
        pool: from the input.
        spread: its transpose leads to the output.
        sections: what is mixed, in the order of the rows of both.
        pool_words, spread_words: for people.
    """

    pool: Operator
    spread: Operator
    sections: tuple[MixShape, ...]
    pool_words: str
    spread_words: str


@dataclass(frozen=True, eq=False)
class KroneckerFactor:
    """The program of the axes that move together: the whole of it, or one Kronecker factor.

    Attributes:
        lowering: "gather", "pooled", "spectral" or "local".
        shape: (m, n) of its spaces.
        stages: added up.
        entries: from its parameters to the entries of all sections of all stages, in order.
        notes: what a reader should know: a fallback, a bound that was met.
    """

    lowering: str
    shape: tuple[int, int]
    stages: tuple[Stage, ...]
    entries: Entries
    notes: tuple[str, ...] = ()

    @property
    def rank(self) -> int:
        return self.entries.shape[1]


@dataclass(frozen=True)
class Side:
    """How the points of a term are laid out for the parts.

    Attributes:
        start: the number of the term's first point.
        grid: the sizes of its factors.
        order: the factors, part by part; transposed so, the grid is a grid of the parts' points.
    """

    start: int
    grid: tuple[int, ...]
    order: tuple[int, ...]

    @property
    def size(self) -> int:
        return math.prod(self.grid)


@dataclass(frozen=True, eq=False)
class KroneckerProduct:
    """One pair of terms: the Kronecker product of its factors.

    Attributes:
        output, input: where its points are.
        first: the number of its first parameter; they are numbered lexicographically by those of the factors.
        factors: one for each unit of axes.
    """

    output: Side
    input: Side
    first: int
    factors: tuple[KroneckerFactor, ...]

    @property
    def rank(self) -> int:
        return math.prod(factor.rank for factor in self.factors)


def one_block(shape: tuple[int, int], *factors: KroneckerFactor) -> KroneckerProduct:
    """All points of both spaces, (m, n), whose axes move together."""
    output, input_ = (Side(0, (size,), (0,)) for size in shape)
    return KroneckerProduct(output, input_, 0, factors)
