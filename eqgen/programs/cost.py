"""What a program costs: multiply-adds and bytes moved, forward and backward."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from eqgen.common.errors import DeclarationError, is_whole
from eqgen.programs.entries import GatherEntries
from eqgen.programs.operators.cyclic_stencil import Unfold
from eqgen.programs.operators.operator import Operator
from eqgen.programs.prices import CPU, Work
from eqgen.programs.steps import KroneckerFactor, KroneckerProduct, one_block

CHANNELS = 64
BATCH = 32
"""What a plan is made for unless told."""


def refuse_sizes(*sizes: object) -> None:
    """Stop at channels or a batch that are no positive whole numbers."""
    if not all(is_whole(size, 1) for size in sizes):
        raise DeclarationError(f"channels and batch are positive whole numbers, got {', '.join(map(repr, sizes))}")


@dataclass(frozen=True)
class Cost:
    """What one training step costs.

    Attributes:
        forward, backward: for the whole batch, with what the kernel takes once.
        mixing: the multiply-adds of the mixes for one example, forward: what Dense has m x n x channels x channels of.
    """

    forward: Work
    backward: Work
    mixing: int

    @property
    def total(self) -> int:
        """One number to compare by, in multiply-adds."""
        return CPU.price(self.forward, self.backward)


def cost_of(blocks: Sequence[KroneckerProduct], channels_in: int, channels_out: int, batch: int) -> Cost:
    """The cost of a program for some numbers of channels and a batch."""
    example, kernel, kernel_back = Work(), Work(), Work()
    mixing = 0
    for block in blocks:
        work, mixes = _features(block, channels_in, channels_out)
        example, mixing = example + work, mixing + mixes
        forward, backward = _kernel(block, channels_in * channels_out)
        kernel, kernel_back = kernel + forward, kernel_back + backward
    mixed = Work(mixing)
    # Backward, every step is done once more for the features, and every mix once more for the kernel.
    forward, backward = (example + mixed).times(batch) + kernel, (example + mixed + mixed).times(batch) + kernel_back
    return Cost(forward, backward, mixing)


def cost_alone(factor: KroneckerFactor, channels_in: int, channels_out: int, batch: int) -> Cost:
    """The cost of the program that is one factor alone."""
    return cost_of([one_block(factor.shape, factor)], channels_in, channels_out, batch)


def _features(block: KroneckerProduct, channels_in: int, channels_out: int) -> tuple[Work, int]:
    """Pools, layouts and spreads for one example, and the multiply-adds of its mixes."""
    work, mixing = Work(), 0
    pooled: set[tuple[int, ...]] = set()
    spread: set[tuple[int, ...]] = set()
    for stages in product(*(part.stages for part in block.factors)):
        sections = list(product(*(stage.sections for stage in stages)))
        multiplied = sum(prod(s.entries * s.copies for s in chosen) for chosen in sections)
        mixing += multiplied * channels_in * channels_out
        read = sum(prod(s.rows_in for s in chosen) for chosen in sections) * channels_in
        if isinstance(stages[0].pool, Unfold):
            # A convolution reads every point once and keeps it at hand.
            read = stages[0].pool.shape[1] * channels_in
        written = sum(prod(s.rows_out for s in chosen) for chosen in sections) * channels_out
        # Groups come to lie in front of the batch and go back again.
        turned = any(s.groups > 1 for chosen in sections for s in chosen)
        work += Work(0, (read + written) * (2 if turned else 1), 2 * len(sections))
        sizes_out, sizes_in = zip(*(part.shape for part in block.factors), strict=True)
        work += _one_after_another([stage.pool for stage in stages], sizes_in, channels_in, pooled)
        work += _one_after_another([stage.spread for stage in stages], sizes_out, channels_out, spread)
    return work, mixing


def _one_after_another(
    operators: list[Operator], columns: Sequence[int], channels: int, done: set[tuple[int, ...]]
) -> Work:
    """Operators along the axes in turn; what begins alike is done once."""
    work = Work()
    sizes = list(columns)
    for axis, operator in enumerate(operators):
        sizes[axis] = 1
        name = tuple(map(id, operators[: axis + 1]))
        if name not in done:
            done.add(name)
            work += operator.work.times(prod(sizes) * channels)
        sizes[axis] = operator.shape[0]
    return work


def _kernel(block: KroneckerProduct, channels: int) -> tuple[Work, Work]:
    """From parameters to entries, forward and backward."""
    forward, backward = Work(), Work()
    sizes = [part.rank for part in block.factors]
    for axis, part in enumerate(block.factors):
        sizes[axis] = 1
        others = prod(sizes) * channels
        sizes[axis] = part.entries.shape[0]
        multiplied, taken = part.entries.multiplications * others, sizes[axis] * others
        forward += Work(multiplied, taken, 1)
        # The gradient of a gather adds many entries to few places.
        scattered = isinstance(part.entries, GatherEntries)
        backward += Work(2 * multiplied, 0 if scattered else taken, 1, out_of_place=taken if scattered else 0)
    return forward, backward
