"""The program of a mapping: a frozen value that prints as a plan, runs in numpy and knows what it costs.

The plan has one line for each step, and the cost beside that of Dense.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import lcm, prod
from typing import Any

import numpy as np
import numpy.typing as npt

from eqgen.common.arrays import places
from eqgen.common.errors import DeclarationError, shortened
from eqgen.common.memory import refuse_large_table
from eqgen.programs.cost import BATCH, CHANNELS, Cost, cost_of, refuse_sizes
from eqgen.programs.entries import LinearCombination
from eqgen.programs.reference import run
from eqgen.programs.steps import KroneckerProduct, MixShape, Side

EXACT = 1e-6
"""A float matrix that lies further than this from integers, beside its largest parameter, is no combination of orbits."""

FURTHEST = 0.1
"""Nor is one that lies further than this, however large its parameters are."""

MOST_LINES = 24
"""So many stages are printed."""


class NoCombinationError(ValueError):
    """What a program sums to is no integer combination of orbits."""


@dataclass(frozen=True, eq=False, repr=False)
class Program:
    """How a layer is applied: a sum of terms pool -> mix -> spread; `str` gives the plan.

    Attributes:
        title: the declaration.
        shape: (m, n).
        rank: how many parameters there are.
        blocks: one for each pair of an output and an input term, or a single one.
        runner_up: the next best way and its cost, in words; empty where there is no other.
        channels: (input, output) channels that the plan was made for.
        batch: the number of examples that it was made for.

    >>> import eqgen as eq
    >>> program = eq.program(eq.orbits("p -> p where p = S(5)"), lowering="pooled")
    >>> program.lowering, program.matrix().tolist()[0]
    ('pooled', [1, 2, 2, 2, 2])
    """

    title: str
    shape: tuple[int, int]
    rank: int
    blocks: tuple[KroneckerProduct, ...]
    runner_up: str = ""
    channels: tuple[int, int] = (CHANNELS, CHANNELS)
    batch: int = BATCH

    @property
    def lowering(self) -> str:
        """How each block is made: `pooled`, or `spectral x pooled` where parts differ."""
        ways = (dict.fromkeys(part.lowering for part in block.factors) for block in self.blocks)
        return ", ".join(dict.fromkeys(map(" x ".join, ways)))

    def cost(self, channels_in: int | None = None, channels_out: int | None = None, batch: int | None = None) -> Cost:
        """Multiply-adds and bytes of a training step, for the channels and the batch of the plan unless told.

        Raises:
            DeclarationError: something else than positive whole numbers.
        """
        planned = zip((channels_in, channels_out, batch), (*self.channels, self.batch), strict=True)
        sizes = [own if told is None else told for told, own in planned]
        refuse_sizes(*sizes)
        into, out, examples = map(int, sizes)
        return cost_of(self.blocks, into, out, examples)

    def run(self, features: npt.ArrayLike, kernel: npt.ArrayLike) -> npt.NDArray[Any]:
        """Apply the program in numpy: slow and obvious.

        Args:
            features: (batch, n, channels_in).
            kernel: (rank, channels_in, channels_out), as it stands in the matrix: `W[i, j] = sign * kernel[label]`.

        Returns:
            (batch, m, channels_out).

        Raises:
            DeclarationError: shapes that do not fit.
        """
        features, kernel = np.asarray(features), np.asarray(kernel)
        fits = features.ndim == kernel.ndim == 3 and features.shape[1:] == (self.shape[1], kernel.shape[1])
        if not fits or kernel.shape[0] != self.rank:
            raise DeclarationError(
                f"expected features (batch, {self.shape[1]}, channels_in) and a kernel ({self.rank}, channels_in, "
                f"channels_out), got {features.shape} and {kernel.shape}"
            )
        # In integers a fraction of parameters would be rounded.
        return run(self.blocks, features.astype(np.result_type(features, 1.0)), kernel * 1.0, self.shape[0])

    def matrix(self, theta: npt.ArrayLike | None = None, columns: npt.ArrayLike | None = None) -> npt.NDArray[np.int64]:
        """The weight matrix that the program sums to, in integers.

        Args:
            theta: (rank,) integers; 1, 2, 3, ... unless told, so that entry (i, j) is `sign * (label + 1)`.
            columns: the numbers of those that are wanted, or a mask; all unless told.

        Returns:
            (m, columns) int64. Exact where all steps are; of a spectral program rounded.

        Raises:
            DeclarationError: other parameters or columns than these, or the matrix would not fit in memory.
            IndexError: a column beyond the matrix.
            NoCombinationError: what the program sums to is no integer combination of orbits.
        """
        m, n = self.shape
        chosen = np.arange(n) if columns is None else places(columns, n, "columns")
        refuse_large_table(f"the matrix of {self.title}", m, chosen.size, "ask for some of its columns")
        numbers = np.arange(1, self.rank + 1) if theta is None else np.asarray(theta)
        if numbers.shape != (self.rank,) or numbers.dtype.kind not in "iu":
            raise DeclarationError(f"expected {self.rank} whole numbers as parameters, got {shortened(theta)}")
        entries = [part.entries for block in self.blocks for part in block.factors]
        fractions = [each.common_denominator for each in entries if isinstance(each, LinearCombination)]
        common = lcm(*fractions) ** max((len(block.factors) for block in self.blocks), default=1)
        unit = (chosen[:, None] == np.arange(n)).astype(np.int64)[:, :, None]
        sums = run(self.blocks, unit, (numbers * common)[:, None, None], m)[:, :, 0].T
        if np.issubdtype(sums.dtype, np.integer):
            quotient: npt.NDArray[np.int64] = sums // common
            if (quotient * common != sums).any():
                raise NoCombinationError(f"the program of {self.title} sums to fractions")
            return quotient
        nearest = np.rint(sums / common)
        furthest = min(FURTHEST, EXACT * np.abs(numbers).max(initial=1))
        if np.abs(sums / common - nearest).max(initial=0) > furthest:
            raise NoCombinationError(f"the program of {self.title} does not sum to integers")
        rounded: npt.NDArray[np.int64] = nearest.astype(np.int64)
        return rounded

    def __str__(self) -> str:
        blocks, (into, out) = self.blocks, self.channels
        if not blocks:
            return f"{self.title}: nothing\n  every weight is zero"
        lines = [line for block in blocks for line in _steps(block, len(blocks) > 1)]
        if len(lines) > MOST_LINES:
            lines = [*lines[:MOST_LINES], f"... and {len(lines) - MOST_LINES} more"]
        notes = dict.fromkeys(note for block in blocks for factor in block.factors for note in factor.notes)
        cost, dense = self.cost(), prod(self.shape) * into * out
        forward, backward = (
            f"{short(work.multiply_adds)} multiply-adds and {short(work.bytes)}B"
            for work in (cost.forward, cost.backward)
        )
        lines = [
            f"{self.title}: {self.lowering}",
            *(f"  {line}" for line in [*lines, *notes]),
            f"mixing       {short(cost.mixing)} multiply-adds an example with {into} -> {out} channels, "
            f"{cost.mixing / dense:.2g} of Dense's {short(dense)}",
            f"step         forward {forward}, backward {backward}, batch {self.batch}",
        ]
        if self.runner_up:
            lines.append(f"runner-up    {self.runner_up}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<program of {self.title}: {self.lowering}>"


def _steps(block: KroneckerProduct, several: bool) -> list[str]:
    """One line for each stage, or for each combination of the parts' stages."""
    where = f"inputs {_range(block.input)}, outputs {_range(block.output)}: " if several else ""
    lines = []
    for stages in product(*(part.stages for part in block.factors)):
        pools = " x ".join(stage.pool_words for stage in stages)
        spreads = " x ".join(stage.spread_words for stage in stages)
        sections = list(product(*(stage.sections for stage in stages)))
        mixes = f"{len(sections)} blocks" if len(sections) > 3 else " and ".join(map(_mix, sections))
        lines.append(f"{where}{pools} -> mix {mixes} -> {spreads}")
    return lines


def _mix(sections: Sequence[MixShape]) -> str:
    groups, inputs = prod(s.groups for s in sections), prod(s.inputs for s in sections)
    outputs, copies = prod(s.outputs for s in sections), prod(s.copies for s in sections)
    shape = f"{outputs} x {inputs}" if outputs * inputs > 1 else ""
    times = f"{groups} times " if groups > 1 else ""
    at = f"at {copies} points" if copies > 1 else ""
    return " ".join(word for word in (times + shape, at) if word) or "once"


def _range(side: Side) -> str:
    return f"{side.start + 1}..{side.start + side.size}" if side.size > 1 else f"{side.start + 1}"


def short(number: int) -> str:
    """A large number in few characters."""
    for size, unit in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number} "
