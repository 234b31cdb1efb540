"""The numeric check of a function: does moving the input move the output? Numpy alone, against raw permutations."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from eqgen.spaces.mapping import Mapping
from eqgen.spaces.pair_action import PairAction

TF32 = "float32, products rounded to 10 bits (TF32)"
"""What a GPU makes of float32 unless it is told otherwise."""

EPS = {"float64": 2.0**-52, "float32": 2.0**-23, TF32: 2.0**-10, "float16": 2.0**-10, "bfloat16": 2.0**-7}
"""The spacing of numbers above 1, from the finest arithmetic to the coarsest."""

COARSE = (TF32, "float16", "bfloat16")
"""What hides a small violation: a function that computes so is held to itself in a finer one."""

TOLERANCE_IN_EPS = 100
"""A difference counts as rounding up to this many eps of the dtype, relative to the largest output."""

COARSE_TOLERANCE_IN_EPS = 16
"""The same in coarse arithmetic, where a hundred eps are as large as the outputs."""

AGREEMENT_IN_EPS = 4
"""The same layer in two arithmetics: so far apart, in eps of the coarser, relative to the largest output."""

ROUNDING = 2.0**-20
"""An error that shrinks below this part of itself in float64 was rounding: that of float32 is 2^29 times as large."""

NO_NUMBERS = "no inputs lead to finite outputs"
"""Why nothing is shown of a function that has no finite outputs."""

Array = npt.NDArray[Any]
Function = Callable[[Array], Array]
"""From features (batch, n, channels) to features (batch, m, channels)."""

KINDS: dict[str, Callable[[np.random.Generator, tuple[int, ...]], Array]] = {
    "mixed signs at 0.1": lambda random, shape: 0.1 * random.normal(size=shape),
    "mixed signs": lambda random, shape: random.normal(size=shape),
    "mixed signs at 10": lambda random, shape: 10 * random.normal(size=shape),
    "mixed signs at 1000": lambda random, shape: 1000 * random.normal(size=shape),
    "positive": lambda random, shape: np.exp(random.normal(size=shape)),
    "positive at 1000": lambda random, shape: 1000 * np.exp(random.normal(size=shape)),
    "negative": lambda random, shape: -np.exp(random.normal(size=shape)),
    "whole numbers": lambda random, shape: random.integers(0, 10, size=shape).astype(np.float64),
    "zeros and ones": lambda random, shape: random.integers(0, 2, size=shape).astype(np.float64),
}
"""What a function is tried on: what it does to numbers of both signs says nothing of counts, graphs or prices."""

WHOLE = ("whole numbers", "zeros and ones")
"""Not nudged: they are exact, and a function may jump between them."""

LARGE = ("mixed signs at 1000", "positive at 1000")
"""Not given to half precision, which has no numbers for their squares."""

SAMPLES = 6
"""Inputs of each kind: their largest output is the yardstick, so that one answer near zero raises no false alarm."""

FEWER_SAMPLES = 2
"""Where one input holds more than MANY_NUMBERS."""

MANY_NUMBERS = 1 << 14

LARGEST_BATCH = 1 << 19
"""Kinds of inputs go in together up to so many numbers: a function of Keras costs more per call than per sample."""


@dataclass(frozen=True, eq=False)
class Trial:
    """What a function is tried on: generators, products of several, which move what a generator leaves alone, and inputs.

    The inputs are of kinds, (samples, n, channels) each.
    """

    generators: tuple[PairAction, ...]
    products: tuple[PairAction, ...]
    inputs: dict[str, Array]

    @property
    def elements(self) -> tuple[PairAction, ...]:
        """Generators, then products."""
        return (*self.generators, *self.products)

    def without(self, kinds: Sequence[str]) -> Self:
        """The same with fewer kinds of inputs."""
        return replace(self, inputs={kind: kept for kind, kept in self.inputs.items() if kind not in kinds})


@dataclass(frozen=True, eq=False)
class Answers:
    """What a function answers to inputs of one kind: as they are, with their last place changed, and moved by each element."""

    kind: str
    plain: Array
    nudged: Array
    moved: tuple[Array, ...]


def random_inputs(size: int, channels: int, random: np.random.Generator) -> dict[str, Array]:
    """Features of each of KINDS."""
    shape = (SAMPLES if size * channels <= MANY_NUMBERS else FEWER_SAMPLES, size, channels)
    return {kind: draw(random, shape) for kind, draw in KINDS.items()}


def random_trial(mapping: Mapping, channels: int, products: int, random: np.random.Generator) -> Trial:
    """The generators of a mapping, so many random products of them, and random inputs of so many channels."""
    generators = mapping.generators
    drawn = []
    for _ in range(products if generators else 0):
        length = int(random.integers(2, 12))
        factors = [generators[number] for number in random.integers(0, len(generators), size=length)]
        drawn.append(replace(reduce(PairAction.then, factors), name=f"a product of {length} generators"))
    return Trial(generators, tuple(drawn), random_inputs(mapping.input.size, channels, random))


@dataclass(frozen=True)
class Outcome:
    """What trying a function on moved inputs showed.

    Attributes:
        error: the largest difference between f(g x) and g f(x), relative to the largest output of the same channel; inf
            where only one of the two is a number.
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


def tolerance_of(arithmetic: str) -> float:
    """What a difference may be, relative to the largest output, to count as rounding."""
    return (COARSE_TOLERANCE_IN_EPS if arithmetic in COARSE else TOLERANCE_IN_EPS) * EPS[arithmetic]


def combined(outcomes: Sequence[Outcome]) -> Outcome:
    """One outcome of several of the same function with other weights: the worst, and whether any showed something."""
    worst = max(outcomes, key=lambda outcome: (outcome.holds is False, outcome.error))
    told = [outcome for outcome in outcomes if not outcome.doubt] or outcomes
    return replace(
        worst if worst.holds is False else max(told, key=lambda outcome: outcome.error),
        shown=any(outcome.shown for outcome in told),
        chaotic=tuple(sorted(set.intersection(*(set(outcome.chaotic) for outcome in told)))),
    )


def try_function(
    function: Function, trial: Trial, arithmetic: str, before_activation: Function | None = None, *, alone: bool = False
) -> Outcome:
    """Hold f(g x) against g f(x) for every element and input, for a function that computes in some arithmetic.

    Each channel has its own yardstick, so that a large one does not hide a small one: its largest output, or how much
    rounding could move it, where that is more; the values that its last activation is given, where they are known, count too.
    What fails is tried again with the inputs of each element in a batch of their own, for a function may couple what stands in
    one batch; `alone` does so at once.
    """
    outcome = _judged(answers(function, trial, arithmetic, alone), trial, arithmetic, before_activation)
    if outcome.holds is False and not alone:
        # Where the worst element fails by itself, with the worst inputs, no others need be asked.
        (worst,) = [element for element in trial.elements if element.name == outcome.element][:1]
        worst_kind = {outcome.kind: trial.inputs[outcome.kind]}
        for asked in (Trial((worst,), (), worst_kind), trial):
            separately = _judged(answers(function, asked, arithmetic, True), asked, arithmetic, before_activation)
            if separately.holds is False:
                break
        else:
            outcome = separately
    if outcome.holds is not True and outcome.inputs and _changes(function, trial, arithmetic):
        doubt = "the answers differ from call to call, so they are random: nothing is shown"
        outcome = replace(outcome, doubt=doubt)
    return outcome


def _changes(function: Function, trial: Trial, arithmetic: str) -> bool:
    """Whether a function answers otherwise when it is asked again."""
    features = _typed(next(iter(trial.inputs.values())), arithmetic)
    first, second = function(features), function(features)
    return bool(np.abs(first - second).max(initial=0) > tolerance_of(arithmetic) * np.abs(first).max(initial=0))


def _typed(features: Array, arithmetic: str) -> Array:
    typed: Array = features.astype("float64" if arithmetic == "float64" else "float32")
    return typed


def answers(function: Function, trial: Trial, arithmetic: str, alone: bool) -> Iterator[Answers]:
    """What a function answers, kind by kind."""
    waiting: list[tuple[str, list[Array]]] = []
    for kind, features in trial.inputs.items() if trial.elements else ():
        features = _typed(features, arithmetic)
        # Outputs that are small because large values cancel move with the rounding of those: the last place of the inputs
        # tells how much.
        eps = 0.0 if kind in WHOLE and arithmetic not in COARSE else EPS[arithmetic]
        nudges = np.where(np.arange(features.size).reshape(features.shape) % 3 == 0, -eps, eps)
        moved = [element.input.applied(features, axis=1) for element in trial.elements]
        blocks = [features, (features * (1 + nudges)).astype(features.dtype), *moved]
        if alone:
            plain, nudged, *answered = map(function, blocks)
            yield Answers(kind, plain, nudged, tuple(answered))
            continue
        if waiting and (len(waiting) + 1) * len(blocks) * features.size > LARGEST_BATCH:
            yield from _together(function, waiting)
            waiting = []
        waiting.append((kind, blocks))
    if waiting:
        yield from _together(function, waiting)


def _together(function: Function, waiting: list[tuple[str, list[Array]]]) -> Iterator[Answers]:
    """The answers to the inputs of some kinds from one call."""
    batch = np.concatenate([block for _, blocks in waiting for block in blocks])
    answered = iter(np.split(function(batch), sum(len(blocks) for _, blocks in waiting)))
    for kind, blocks in waiting:
        plain, nudged, *moved = (next(answered) for _ in blocks)
        yield Answers(kind, plain, nudged, tuple(moved))


def _largest(function: Function, trial: Trial, arithmetic: str) -> dict[str, Array]:
    """The largest answer of each channel to each kind of inputs, from one call: a map of many terms costs much per call."""
    batch = np.concatenate([_typed(features, arithmetic) for features in trial.inputs.values()])
    places = np.cumsum([len(features) for features in trial.inputs.values()])[:-1]
    largest = [np.abs(answers).max(axis=(0, 1)) for answers in np.split(function(batch), places)]
    return dict(zip(trial.inputs, largest, strict=True))


def yardstick(plain: Array, nudged: Array, eps: float) -> Array:
    """How large each channel of some answers is, or what rounding could move of it in units of eps, where that is more."""
    noise = np.abs(nudged - plain).max(axis=(0, 1), initial=0)
    with np.errstate(over="ignore"):
        largest: Array = np.maximum(np.abs(plain).max(axis=(0, 1), initial=0), noise / eps)
    return largest


def _judged(answered: Iterator[Answers], trial: Trial, arithmetic: str, before_activation: Function | None) -> Outcome:
    elements, tolerance = trial.elements, tolerance_of(arithmetic)
    errors = {element.name: (0.0, "") for element in elements}
    shown, chaotic, faint = np.zeros((3, 1), dtype=bool)
    respond, finite, not_finite = False, False, []
    before = {} if before_activation is None else _largest(before_activation, trial, arithmetic)
    for answer in answered:
        are_numbers = np.isfinite(answer.plain)
        # Where a channel of one answer is not finite, the others decide.
        whole = are_numbers & np.isfinite(answer.nudged)
        if not whole.all():
            not_finite.append(answer.kind)
        finite |= bool(whole.any())
        plain, nudged = np.where(whole, answer.plain, 0), np.where(whole, answer.nudged, 0)
        size = np.abs(plain).max(axis=(0, 1), initial=0)
        if before_activation is not None:
            # What overflows is as large as can be.
            with np.errstate(over="ignore"):
                size = np.maximum(before[answer.kind], size * (1 + before[answer.kind]))
        allowed = np.maximum(size, yardstick(plain, nudged, EPS[arithmetic]))
        change = np.abs(nudged - plain)
        respond |= bool(((change > 0) & (change < 2.0**-30 * size)).any())
        mean = plain.sum(axis=(0, 1)) / np.maximum(whole.sum(axis=(0, 1)), 1)
        spread = (np.abs(plain - mean) * whole).max(axis=(0, 1), initial=0)
        shown = shown | (spread > tolerance * allowed)
        chaotic = chaotic | ((spread > tolerance * size) & (spread <= tolerance * allowed))
        faint = faint | (spread > 0)
        allowed = np.where(allowed > 0, allowed, 1.0)
        for element, moved in zip(elements, answer.moved, strict=True):
            with np.errstate(invalid="ignore"):
                expected = element.output.applied(answer.plain, axis=1)
                both = np.isfinite(moved) & np.isfinite(expected)
                difference = np.abs(np.where(both, moved, 0) - np.where(both, expected, 0)).max(axis=(0, 1), initial=0)
            error = float((difference / allowed).max())
            # What is a number, or infinite, at one of the two alone counts as the largest violation.
            same = np.array_equal(moved[~both], expected[~both], equal_nan=True)
            errors[element.name] = max(errors[element.name], (error if same else float("inf"), answer.kind))
    # Whoever breaks a symmetry breaks it under some generator, which says more than a product of several.
    generators = [element.name for element in trial.generators if errors[element.name][0] > tolerance]
    worst = max(generators or errors, key=errors.__getitem__, default="")
    return Outcome(
        error=max(errors.values(), default=(0.0, ""))[0],
        element=worst,
        kind=errors[worst][1] if elements else "",
        shown=bool(shown.any()) or not elements,
        chaotic=tuple(np.flatnonzero(chaotic & ~shown).tolist()),
        faint=tuple(np.flatnonzero(faint & ~shown & ~chaotic).tolist()),
        respond=respond,
        elements=len(elements),
        inputs=sum(map(len, trial.inputs.values())),
        not_finite=tuple(not_finite),
        arithmetic=arithmetic,
        doubt="" if finite or not elements or max(errors.values())[0] > 0 else NO_NUMBERS,
    )


def only_rounding(fine: Outcome, coarse: Outcome) -> Outcome:
    """What a function in float64 showed, where its error is that much larger in float32 that it can only be rounding."""
    rounding = fine.holds is False and fine.error <= min(coarse.error, 1.0) * ROUNDING
    return replace(fine, error=min(fine.error, fine.tolerance)) if rounding else fine


def agree(coarse: Sequence[Answers], fine: Sequence[Answers], arithmetic: str, layers: int) -> bool:
    """Whether a function of so many layers answered the same in two arithmetics, to the rounding of the coarser one."""
    for one, other in zip(coarse, fine, strict=True):
        rows = np.isfinite(one.plain).all(axis=(1, 2)) & np.isfinite(one.nudged).all(axis=(1, 2))
        eps = AGREEMENT_IN_EPS * (1 + layers) * EPS[arithmetic]
        allowed = eps * yardstick(one.plain[rows], one.nudged[rows], EPS[arithmetic])
        for left, right in zip((one.plain, *one.moved), (other.plain, *other.moved), strict=True):
            difference = np.abs(left[rows] - right[rows]).max(axis=(0, 1), initial=0)
            if not (difference <= allowed).all():
                return False
    return True
