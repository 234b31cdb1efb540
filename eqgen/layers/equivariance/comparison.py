"""The numeric check of a function: does moving the input move the output? Numpy alone, against raw permutations."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from eqgen.layers.equivariance.outcome import NO_NUMBERS, Outcome
from eqgen.layers.equivariance.rounding import AGREEMENT_IN_EPS, COARSE, EPS, tolerance_of
from eqgen.layers.equivariance.trial import WHOLE, Array, Function, Trial

LARGEST_BATCH = 1 << 19
"""Kinds of inputs go in together up to so many numbers: a function of Keras costs more per call than per sample."""


NUDGES = (2.0**-21, -(2.0**-20), 2.0**-19)
"""What changes every place that float32 rounds to, and a true violation by as little as itself."""

STEADY = 0.25
"""A violation that changes by less than this part of itself is none of rounding."""


@dataclass(frozen=True, eq=False)
class Answers:
    """What a function answers to inputs of one kind: as they are, with their last place changed, and moved by each element."""

    kind: str
    plain: Array
    nudged: Array
    moved: tuple[Array, ...]


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
        worst_kind = {outcome.kind: trial.features(outcome.kind)}
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


def is_steady(function: Function, trial: Trial, outcome: Outcome) -> bool:
    """Whether the violation that an outcome in float64 shows stays as it is when inputs change by a few places of float32.

    That of a function which rounds to float32 somewhere within is another one each time.
    """
    element = next(element for element in trial.elements if element.name == outcome.element)
    features = _typed(trial.features(outcome.kind), "float64")
    signs = np.where(np.arange(features.size).reshape(features.shape) % 3 == 0, -1, 1)

    def violation(features: Array) -> Array:
        moved = function(element.input.applied(features, axis=1))
        with np.errstate(invalid="ignore"):
            difference: Array = moved - element.output.applied(function(features), axis=1)
        return np.where(np.isfinite(difference), difference, 0)

    plain = violation(features)
    changes = [np.abs(violation(features * (1 + nudge * signs)) - plain).max(initial=0) for nudge in NUDGES]
    return bool(max(changes) <= STEADY * np.abs(plain).max(initial=0))


def _changes(function: Function, trial: Trial, arithmetic: str) -> bool:
    """Whether a function answers otherwise when it is asked again."""
    features = _typed(next(iter(trial.inputs.values())), arithmetic)
    first, second = map(np.nan_to_num, (function(features), function(features)))
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


def agree(coarse: Sequence[Answers], fine: Sequence[Answers], arithmetic: str, layers: int) -> bool:
    """Whether a function of so many layers answered the same in two arithmetics, to the rounding of the coarser one."""
    for one, other in zip(coarse, fine, strict=True):
        rows = np.isfinite(one.plain).all(axis=(1, 2)) & np.isfinite(one.nudged).all(axis=(1, 2))
        eps = AGREEMENT_IN_EPS * layers * EPS[arithmetic]
        allowed = eps * yardstick(one.plain[rows], one.nudged[rows], EPS[arithmetic])
        for left, right in zip((one.plain, *one.moved), (other.plain, *other.moved), strict=True):
            difference = np.abs(left[rows] - right[rows]).max(axis=(0, 1), initial=0)
            if not (difference <= allowed).all():
                return False
    return True
