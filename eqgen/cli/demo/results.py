"""The table of results, and what its numbers say in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from eqgen.cli.demo.training import Run

ROUNDING = 1e-4
"""Answers between 0 and 10 in float32 that differ by less than this differ by rounding."""


@dataclass(frozen=True)
class Row:
    """One contestant on one training size, over all seeds."""

    contestant: str
    size: int
    parameters: int
    r2: tuple[float, ...]
    largest_gap: float
    mean_gap: float

    @property
    def mean_r2(self) -> float:
        """The mean over the seeds."""
        return sum(self.r2) / len(self.r2)


def rows(runs: Sequence[Run]) -> list[Row]:
    """One row for each training size and contestant, in the order of the runs."""
    grouped: dict[tuple[int, str], list[Run]] = {}
    for run in runs:
        grouped.setdefault((run.size, run.contestant), []).append(run)
    return [
        Row(
            contestant=name,
            size=size,
            parameters=group[0].parameters,
            r2=tuple(run.r2 for run in group),
            largest_gap=max(run.largest_gap for run in group),
            mean_gap=sum(run.mean_gap for run in group) / len(group),
        )
        for (size, name), group in grouped.items()
    ]


def table(found: Sequence[Row]) -> Table:
    """The rows for the screen, at most 80 columns."""
    shown = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    shown.add_column("graphs", justify="right")
    shown.add_column("network", no_wrap=True)
    shown.add_column("parameters", justify="right")
    shown.add_column("R2", no_wrap=True)
    shown.add_column("max gap", justify="right")
    shown.add_column("mean gap", justify="right")
    last = 0
    for row in found:
        shown.add_row(
            str(row.size) if row.size != last else "",
            row.contestant,
            f"{row.parameters:,}",
            score(row),
            gap(row.largest_gap),
            gap(row.mean_gap),
        )
        last = row.size
    return shown


def score(row: Row) -> str:
    """R2: the mean, with the smallest and the largest where there are several seeds."""
    spread = f" ({min(row.r2):.2f}..{max(row.r2):.2f})" if len(row.r2) > 1 else ""
    return f"{row.mean_r2:.3f}{spread}"


def gap(value: float) -> str:
    """A difference of two answers; a tiny one by its size alone.

    >>> gap(1.23456), gap(0.0000026)
    ('1.23', '3e-06')
    """
    return f"{value:.2f}" if value >= 0.01 else f"{value:.0e}"


def factor(value: float) -> str:
    """How many times as large 1 + trees is when its logarithm is larger by `value`.

    >>> factor(0.5), factor(3.0), factor(7.0)
    ('1.6', '20', '1,097')
    """
    times = math.exp(value)
    return f"{times:.2g}" if times < 99.5 else f"{times:,.0f}"


def in_words(found: Sequence[Row]) -> list[str]:
    """What the rows say: who is best on the smallest and on the largest size, and what a renumbering does to an answer."""
    sizes = dict.fromkeys([min(row.size for row in found), max(row.size for row in found)])
    sentences = [_ranking([row for row in found if row.size == size]) for size in sizes]
    worst = {
        name: max(row.largest_gap for row in found if row.contestant == name)
        for name in dict.fromkeys(row.contestant for row in found)
    }
    for name, value in worst.items():
        apart = (
            f"one answer, up to rounding ({gap(value)})"
            if value < ROUNDING
            else f"two answers, up to {gap(value)} apart (factor {factor(value)})"
        )
        sentences.append(f"{name[0].upper()}{name[1:]}: two numberings, {apart}.")
    return sentences


def _ranking(group: Sequence[Row]) -> str:
    """The order of the contestants on one size, and whether the seeds leave it open."""
    ranked = sorted(group, key=lambda row: -row.mean_r2)
    order = ", then ".join(f"{row.contestant} ({row.mean_r2:.3f})" for row in ranked)
    seeds = len(ranked[0].r2)
    if seeds == 1:
        return f"From {group[0].size} graphs: {order}; one seed does not say how sure that is."
    overlap = min(ranked[0].r2) <= max(ranked[1].r2)
    return (
        f"From {group[0].size} graphs: {order}; over {seeds} seeds the ranges of the first two "
        f"{'overlap' if overlap else 'do not overlap'}."
    )
