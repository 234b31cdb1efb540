"""Outcome: what trying a function on moved inputs showed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite

from eqgen.layers.equivariance.rounding import tolerance_of
from eqgen.layers.equivariance.trial import LARGE

ROUNDING = 2.0**-20
"""An error that shrinks below this part of itself in float64 was rounding: that of float32 is 2^29 times as large."""

NO_NUMBERS = "no inputs lead to finite outputs"
"""Why nothing is shown of a function that has no finite outputs."""


@dataclass(frozen=True)
class Outcome:
    """What trying a function on moved inputs showed.

    Attributes:
        error: the largest difference between f(g x) and g f(x), relative to the largest output of the same channel; inf
            where only one of the two is a number.
        differences: the largest one as it is, by kind of inputs and channel.
        failing: those kinds and channels whose difference is no rounding by their yardstick.
        element: the generator that shows the largest difference, or the product of several when no generator shows one.
        kind: of the inputs that show it.
        shown: whether the outputs vary by more than rounding; a constant shows nothing.
        chaotic: the channels of the output that rounding moves as much as what comes, on all inputs.
        faint: the channels that vary, but by no more than rounding.
        respond: whether some output follows the last place of the inputs.
        elements: how many group elements were tried.
        inputs: how many inputs.
        not_finite: the kinds of inputs to which some outputs were not finite.
        arithmetic: that was computed in, one of EPS.
        doubt: why nothing is shown, whatever the error.
        how: what is to be said before the arithmetic.
    """

    error: float
    differences: dict[tuple[str, int], float]
    failing: frozenset[tuple[str, int]]
    element: str
    kind: str
    shown: bool
    chaotic: tuple[int, ...]
    faint: tuple[int, ...]
    respond: bool
    elements: int
    inputs: int
    not_finite: tuple[str, ...]
    arithmetic: str
    doubt: str = ""
    how: str = ""

    @property
    def tolerance(self) -> float:
        """What the error may be."""
        return tolerance_of(self.arithmetic)

    @property
    def dtype(self) -> str:
        """That was computed in."""
        return self.arithmetic.partition(",")[0]

    @property
    def holds(self) -> bool | None:
        """Whether the function is equivariant to rounding, None where that cannot be told."""
        if self.doubt:
            return None
        if not self.error <= self.tolerance:
            return False
        return True if self.shown and not self.chaotic else None

    def __str__(self) -> str:
        text = (
            f"{self.how}{self.arithmetic}, {self.elements} group elements, {self.inputs} inputs: largest relative difference "
            f"{self.error:.1e} (tolerance {self.tolerance:.1e})"
        )
        if self.error > self.tolerance:
            text += f", under {self.element}, on inputs: {self.kind}"
        if self.not_finite:
            text += f"; undecided where outputs are not finite: {', '.join(self.not_finite)}"
        if self.doubt:
            return f"{text}; {self.doubt}"
        if self.holds is None and self.chaotic:
            several = "channels" if len(self.chaotic) > 1 else "channel"
            numbers = ", ".join(str(channel + 1) for channel in self.chaotic[:5])
            return f"{text}, but rounding moves {several} {numbers} as much as other inputs do: nothing is shown there"
        return (
            text if self.holds is not None else f"{text}, but the outputs vary by no more than that: nothing is shown"
        )


def combined(outcomes: Sequence[Outcome]) -> Outcome:
    """One outcome of several of the same function with other weights: the worst, and whether any showed something."""
    worst = max(outcomes, key=lambda outcome: (outcome.holds is False, outcome.error))
    told = [outcome for outcome in outcomes if not outcome.doubt] or outcomes
    return replace(
        worst if worst.holds is False else max(told, key=lambda outcome: outcome.error),
        shown=any(outcome.shown for outcome in told),
        chaotic=tuple(sorted(set.intersection(*(set(outcome.chaotic) for outcome in told)))),
    )


def only_rounding(fine: Outcome, coarse: Outcome) -> Outcome:
    """What a function in float64 showed, where its error is that much larger in float32 that it can only be rounding.

    As a part of what is there, or as it is, where what is there is rounding alone: the sum of what adds up to zero.
    """
    # Of few inputs of one kind coarse answers may happen to agree: those of other kinds, no larger ones, show their rounding too.
    of_channel: dict[int, float] = {}
    for (kind, channel), difference in coarse.differences.items():
        if kind not in LARGE:
            of_channel[channel] = max(of_channel.get(channel, 0.0), difference)
    smaller = fine.error <= min(coarse.error, 1.0) * ROUNDING or all(
        fine.differences[place] <= max(coarse.differences.get(place, 0.0), of_channel.get(place[1], 0.0)) * ROUNDING
        for place in fine.failing
    )
    rounding = fine.holds is False and isfinite(fine.error) and smaller
    return replace(fine, error=min(fine.error, fine.tolerance), failing=frozenset()) if rounding else fine
