"""What is shown while work takes long: on a terminal only, not at once, and never left behind."""

from __future__ import annotations

import io
import re
import sys
import threading
from contextlib import contextmanager

import numpy as np
import pytest

import eqgen as eq
from eqgen.common.progress import progress
from eqgen.orbitals import label_table as table


class Terminal(io.StringIO):
    """A screen that remembers what was drawn."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch):
    """Makes standard error a terminal. Called in the test itself: pytest puts its own in place when a test begins."""
    for variable in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "JUPYTER_COLUMNS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")

    def terminal(patience: float | None = 0) -> Terminal:
        if patience is not None:
            monkeypatch.setattr("eqgen.common.progress.PATIENCE", patience)
        monkeypatch.setattr(sys, "stderr", Terminal())
        return sys.stderr

    return terminal


HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"
"""What a bar writes when it begins and when it ends: the cursor goes away and comes back."""


def assert_ended(drawn: str) -> None:
    assert drawn.count(HIDE) == drawn.count(SHOW) == 1
    assert drawn.index(HIDE) < drawn.index(SHOW)
    # rich draws in a thread, which is told to end and does so within a tenth of a second.
    for thread in threading.enumerate():
        if "Refresh" in type(thread).__name__:
            thread.join(timeout=10)
            assert not thread.is_alive()


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: eq.mapping("p -> p where p = D(300)"), "labelling 300 x 300 pairs"),
        (lambda: eq.mapping("p -> p where p = D(300)", support=eq.stencil(3, wrap=True)), "labelling the support"),
    ],
    ids=["table", "support"],
)
def test_work_that_takes_long_is_shown_on_a_terminal(make, what, terminal, capsys):
    screen = terminal()
    assert eq.orbits(make()).rank > 1
    assert what in screen.getvalue()
    assert_ended(screen.getvalue())
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "make",
    [
        lambda: eq.mapping("p -> p where p = D(300)"),
        lambda: eq.mapping("p -> p where p = D(300)", support=eq.stencil(3, wrap=True)),
    ],
    ids=["table", "support"],
)
def test_a_certificate_that_takes_long_is_shown(make, terminal):
    orbits = eq.orbits(make())
    screen = terminal()
    assert orbits.certificate()
    drawn = screen.getvalue()
    assert "certifying: generation" in drawn
    assert drawn.count(HIDE) == drawn.count(SHOW) >= 1


def test_the_bar_is_full_when_the_work_is_done(terminal):
    screen = terminal()
    eq.orbits("p -> p where p = D(300)")
    percents = [int(found) for found in re.findall(r"(\d+)%", screen.getvalue())]
    assert percents == sorted(percents)
    assert percents[-1] >= 95


@pytest.fixture
def told(monkeypatch):
    """For all work that was gone through, what it is, how much there was said to be, and how much was said to be done."""
    work = []

    @contextmanager
    def counting(what, total):
        done = []
        yield done.append
        work.append((what, total, sum(done)))

    for module in ("label_table", "sparse", "certificate.generation", "certificate.table"):
        monkeypatch.setattr(f"eqgen.orbitals.{module}.progress", counting)
    return work


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize(
    ("make", "steps"),
    [
        # All rows but one are made, and compared where a generator leads to them otherwise: the last step of the rotation,
        # and all reflected ones.
        (
            lambda: eq.mapping("p -> p where p = D(1024)"),
            [("labelling 1024 x 1024 pairs", 1024 * (1023 + 1 + 1024))],
        ),
        (
            lambda: eq.mapping("p -> p where p = D(300)", support=[(0, 1), (0, 77)]),
            # Four pairs for each point, in one row and in all of them.
            [("labelling the support", 4 * (1 + 300))],
        ),
        (
            # Orbits of 2, 300 and 1 points, of which the last has no pairs.
            lambda: eq.mapping(
                f"p -> p where p = (1 2), ({' '.join(map(str, range(3, 303)))})(303)", support=[(0, 0), (2, 2), (2, 3)]
            ),
            # (1 2) leads back to 1 and leaves 300 rows of two pairs; the cycle has its last step, and leaves two rows of one.
            [("labelling the support", (1 + 2 * 300) + (2 + 2))],
        ),
    ],
    ids=["table", "support", "support of rows of several sizes"],
)
def test_as_much_is_done_as_is_told_before(make, steps, kept, told, tmp_path, monkeypatch):
    monkeypatch.setenv("EQGEN_CACHE", str(tmp_path))
    if kept:
        eq.orbits(make())
        told.clear()
    orbits = eq.orbits(make())
    assert all(total == done for _, total, done in told)
    if not kept:
        assert [(what, total) for what, total, _ in told] == steps
    told.clear()
    assert orbits.certificate()
    assert all(total == done for _, total, done in told)


def test_rows_that_are_kept_are_not_compared(told, tmp_path, monkeypatch):
    monkeypatch.setenv("EQGEN_CACHE", str(tmp_path))
    for rows in (1023 + 1, 1023):
        eq.orbits(eq.mapping("p -> p where p = C(1024)"))
        assert told.pop() == ("labelling 1024 x 1024 pairs", rows * 1024, rows * 1024)


def test_work_that_is_done_at_once_is_not_shown(terminal):
    screen = terminal(patience=60)
    eq.orbits("p -> p where p = D(300)")
    with progress("waiting", 2) as advance:
        advance(1)
        advance(1)
    assert screen.getvalue() == ""


def test_nothing_is_shown_before_half_a_second_and_something_after(terminal, monkeypatch):
    screen = terminal(patience=None)
    now = [100.0]
    monkeypatch.setattr("eqgen.common.progress.time.monotonic", lambda: now[0])
    with progress("waiting", 4) as advance:
        now[0] = 100.4
        advance(1)
        assert screen.getvalue() == ""
        now[0] = 100.6
        advance(1)
        assert "waiting" in screen.getvalue()
    assert_ended(screen.getvalue())


def test_nothing_is_written_where_nobody_looks(monkeypatch, capsys):
    monkeypatch.setattr("eqgen.common.progress.PATIENCE", 0)
    piped = io.StringIO()
    monkeypatch.setattr(sys, "stderr", piped)
    eq.orbits("p -> p where p = D(300)")
    eq.mapping("p -> p where p = D(300)", support=eq.stencil(3, wrap=True))
    assert piped.getvalue() == ""
    assert capsys.readouterr() == ("", "")


def test_a_program_without_standard_error_works(monkeypatch):
    # As under pythonw, where sys.stderr is None.
    monkeypatch.setattr("eqgen.common.progress.PATIENCE", 0)
    monkeypatch.setattr(sys, "stderr", None)
    assert eq.orbits("p -> p where p = D(300)").rank == 151


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, MemoryError])
def test_a_bar_ends_when_the_work_fails(error, terminal):
    screen = terminal()

    def work() -> None:
        with progress("failing", 3) as advance:
            advance(1)
            raise error

    with pytest.raises(error):
        work()
    assert "failing" in screen.getvalue()
    assert_ended(screen.getvalue())


def test_an_interrupt_while_labelling_ends_the_bar_and_keeps_nothing(terminal, tmp_path, monkeypatch):
    monkeypatch.setenv("EQGEN_CACHE", str(tmp_path / "cache"))
    screen = terminal()
    compared = table._compared

    def late(*arguments):
        compared(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(table, "_compared", late)
    with pytest.raises(KeyboardInterrupt):
        eq.orbits(eq.mapping("p -> p", p=[np.roll(np.arange(1024), -1), -np.arange(1024) % 1024]))
    assert "labelling 1024 x 1024 pairs" in screen.getvalue()
    assert_ended(screen.getvalue())
    assert not list(tmp_path.iterdir())
