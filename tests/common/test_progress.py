"""What is shown while work takes long: on a terminal only, not at once, and never left behind."""

from __future__ import annotations

import io
import re
import sys
import threading

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
