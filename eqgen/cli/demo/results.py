"""The table of results, and what its numbers say in words. A row of it is all runs of one contestant on one size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from statistics import fmean

from rich.table import Table

from eqgen.cli.demo.training import Run

ROUNDING = 1e-4
"""Answers between 0 and 10 in float32 that differ by less than this differ by rounding."""

Row = list[Run]


def rows(runs: Sequence[Run]) -> list[Row]:
    """The runs, which come in the order of the table, row by row."""
    return [list(row) for _, row in groupby(runs, lambda run: (run.size, run.contestant))]


def table(runs: Sequence[Run]) -> Table:
    """The rows for the screen, at most 80 columns."""
    shown = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in ("graphs", "network", "parameters", "R2", "max gap", "mean gap"):
        words = heading in ("network", "R2")
        shown.add_column(heading, justify="left" if words else "right", no_wrap=words)
    last = 0
    for row in rows(runs):
        size = row[0].size
        shown.add_row(
            str(size) if size != last else "",
            row[0].contestant,
            f"{sum(weight.size for weight in row[0].weights):,}",
            score(row),
            gap(max(run.largest_gap for run in row)),
            gap(fmean(run.mean_gap for run in row)),
        )
        last = size
    return shown


def score(row: Row) -> str:
    """R2: the mean, with the smallest and the largest where there are several seeds."""
    scores = [run.r2 for run in row]
    spread = f" ({min(scores):.2f}..{max(scores):.2f})" if len(row) > 1 else ""
    return f"{fmean(scores):.3f}{spread}"


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


def in_words(runs: Sequence[Run]) -> list[str]:
    """What the runs say: who is best on the smallest and on the largest size, and what a renumbering does to an answer."""
    sizes = [run.size for run in runs]
    sentences = [_ranking(size, rows(runs)) for size in dict.fromkeys([min(sizes), max(sizes)])]
    for name in dict.fromkeys(run.contestant for run in runs):
        worst = max(run.largest_gap for run in runs if run.contestant == name)
        apart = (
            f"one answer, up to rounding ({gap(worst)})"
            if worst < ROUNDING
            else f"two answers, up to {gap(worst)} apart (factor {factor(worst)})"
        )
        sentences.append(f"{name[0].upper()}{name[1:]}: two numberings, {apart}.")
    return sentences


def _ranking(size: int, table_rows: Sequence[Row]) -> str:
    """The order of the contestants on one size, and whether the seeds leave it open."""
    scores = {row[0].contestant: [run.r2 for run in row] for row in table_rows if row[0].size == size}
    ranked = sorted(scores, key=lambda name: -fmean(scores[name]))
    order = ", then ".join(f"{name} ({fmean(scores[name]):.3f})" for name in ranked)
    best, second = scores[ranked[0]], scores[ranked[1]]
    if len(best) == 1:
        return f"From {size} graphs: {order}; one seed does not say how sure that is."
    overlap = "overlap" if min(best) <= max(second) else "do not overlap"
    return f"From {size} graphs: {order}; over {len(best)} seeds the ranges of the first two {overlap}."
