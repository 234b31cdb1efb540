"""A progress bar for work that takes longer than half a second, on a terminal only."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE = 0.5
"""Seconds before anything is shown."""


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Within it, a function that says how much more is done, out of `total`."""
    start, done = time.monotonic(), 0
    bars: list[Progress] = []

    def advance(amount: int) -> None:
        nonlocal done
        done += amount
        # A program without a console has no standard error at all.
        if not bars and time.monotonic() - start >= PATIENCE and sys.stderr is not None and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import Progress

            bars.append(Progress(console=Console(stderr=True), transient=True))
            bars[0].add_task(what, total=total)
            bars[0].start()
        for bar in bars:
            bar.update(bar.task_ids[0], completed=done)

    try:
        yield advance
        for bar in bars:
            bar.update(bar.task_ids[0], completed=total)
    finally:
        for bar in bars:
            bar.stop()
