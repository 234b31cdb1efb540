"""The plan: a program as people read it, one line for each step, cost beside the cost of Dense."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod

from eqgen.programs.machine import Work
from eqgen.programs.steps import KroneckerProduct, MixShape, Stage


def steps(block: KroneckerProduct, several: bool) -> list[str]:
    """One line for each stage, or for each combination of the parts' stages."""
    where = f"inputs {_range(block.input.start, block.input.size)}, outputs {_range(block.output.start, block.output.size)}: "
    lines = []
    for stages in product(*(part.stages for part in block.factors)):
        pools = " x ".join(stage.pool_words for stage in stages)
        spreads = " x ".join(stage.spread_words for stage in stages)
        lines.append(f"{where if several else ''}{pools} -> mix {_mixes(stages)} -> {spreads}")
    return lines


def _mixes(stages: Sequence[Stage]) -> str:
    chosen = list(product(*(stage.sections for stage in stages)))
    if len(chosen) > 3:
        return f"{len(chosen)} blocks"
    return " and ".join(_mix(sections) for sections in chosen)


def _mix(sections: Sequence[MixShape]) -> str:
    groups, inputs = prod(s.groups for s in sections), prod(s.inputs for s in sections)
    outputs, copies = prod(s.outputs for s in sections), prod(s.copies for s in sections)
    shape = f"{outputs} x {inputs}" if outputs * inputs > 1 else ""
    times = f"{groups} times " if groups > 1 else ""
    at = f"at {copies} points" if copies > 1 else ""
    return " ".join(word for word in (times + shape, at) if word) or "once"


def _range(start: int, size: int) -> str:
    return f"{start + 1}..{start + size}" if size > 1 else f"{start + 1}"


def work_text(work: Work) -> str:
    """What there is to do, in words."""
    return f"{short(work.multiply_adds)} multiply-adds and {short(work.bytes)}B"


def short(number: int) -> str:
    """A large number in few characters."""
    for size, unit in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number} "
