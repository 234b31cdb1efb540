"""A progress bar for work that takes longer than half a second, on a terminal only."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PATIENCE = 0.5
"""Seconds before anything is shown."""


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Within it, a function that says how much more is done, out of `total`."""
    bar = _Bar(what, total)
    try:
        yield bar.advance
        bar.finish()
    finally:
        bar.end()


class _Bar:
    def __init__(self, what: str, total: int) -> None:
        self._what, self._total = what, total
        self._done = 0
        self._start = time.monotonic()
        self._shown: tuple[Progress, TaskID] | None = None

    def advance(self, amount: int) -> None:
        self._done += amount
        if self._shown is None:
            if time.monotonic() - self._start < PATIENCE or not _on_a_terminal():
                return
            self._shown = self._show()
        shown, task = self._shown
        shown.update(task, completed=self._done)

    def _show(self) -> tuple[Progress, TaskID]:
        from rich.console import Console
        from rich.progress import Progress

        shown = Progress(console=Console(stderr=True), transient=True)
        shown.start()
        return shown, shown.add_task(self._what, total=self._total)

    def finish(self) -> None:
        if self._shown is not None:
            shown, task = self._shown
            shown.update(task, completed=self._total)

    def end(self) -> None:
        if self._shown is not None:
            self._shown[0].stop()


def _on_a_terminal() -> bool:
    # A program without a console has no standard error at all.
    return sys.stderr is not None and sys.stderr.isatty()
