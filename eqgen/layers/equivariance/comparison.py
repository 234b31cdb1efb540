"""The numeric check of a function: does moving the input move the output? Numpy alone, against raw permutations."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from eqgen.layers.equivariance.outcome import NO_NUMBERS, Outcome
from eqgen.layers.equivariance.rounding import AGREEMENT_IN_EPS, EPS, tolerance_of
from eqgen.layers.equivariance.trial import PLAIN, WHOLE, Array, Function, Trial

LARGEST_BATCH = 1 << 19
"""Kinds of inputs go in together up to so many numbers: a function of Keras costs more per call than per sample."""

NUDGES = (2.0**-21, -(2.0**-20), 2.0**-19)
"""What changes every place that float32 rounds to, and a true violation by as little as itself."""

FRACTIONS = np.array([0.11, 0.37, 0.23, 0.41, 0.19, 0.31, 0.13])
"""What is added to whole numbers, so that they are none."""

HALF_NUDGES = (2.0**-8, -(2.0**-7), 2.0**-6)
"""The same for half precision."""

Batches = Literal["together", "by element", "alone"]
"""What goes in together: everything; the inputs of all kinds as they are, as one element moves them, ...; or of one kind."""

STEADY = 0.25
"""A violation that changes by less than this part of itself is none of rounding."""


@dataclass(frozen=True, eq=False)
class Answers:
    """What a function answers to inputs of one kind.

    Attributes:
        kind: of the inputs.
        plain: as they are.
        beside: to such as lie beside them, which are no whole numbers: a function may jump at those.
        nudged: to these with their last place changed.
        moved: to the inputs moved by each element.
    """

    kind: str
    plain: Array
    beside: Array
    nudged: Array
    moved: tuple[Array, ...]


def try_function(
    function: Function,
    trial: Trial,
    arithmetic: str,
    before_activation: Function | None = None,
    *,
    batches: Batches = "together",
    trusted: bool = False,
) -> Outcome:
    """Hold f(g x) against g f(x) for every element and input, for a function that computes in some arithmetic.

    Each channel has its own yardstick, so that a large one does not hide a small one: its largest output, or how much
    rounding could move it, where that is more; the values that its last activation is given, where they are known, count too.
    What fails is tried again with the inputs of each kind, as each element moves them, in a batch of their own, for a function
    may couple what stands in one batch. Unless the function is trusted to answer the same each time, that is looked at, too.
    """

    def judged(asked: Trial, batches: Batches) -> Outcome:
        return _judged(answers(function, asked, arithmetic, batches), asked, arithmetic, before_activation)

    outcome = judged(trial, batches)
    if batches != "alone" and (outcome.holds is False or outcome.doubt):
        # Where the worst element fails by itself, with the worst inputs, no others need be asked.
        worst = [element for element in trial.elements if element.name == outcome.element][:1]
        worst_kind = {outcome.kind: trial.inputs[outcome.kind]} if outcome.kind in trial.inputs else trial.inputs
        for asked in (Trial(tuple(worst), (), worst_kind), trial):
            separately = judged(asked, "alone")
            if separately.holds is False:
                break
        if separately.holds is not False or outcome.doubt:
            outcome = separately
    if outcome.inputs and not (trusted and outcome.holds) and _changes(function, trial, arithmetic):
        doubt = "the answers differ from call to call, so they are random: nothing is shown"
        outcome = replace(outcome, doubt=doubt)
    return outcome


def is_steady(
    function: Function,
    trial: Trial,
    outcome: Outcome,
    sizes: tuple[float, ...] = NUDGES,
    most: float | None = None,
) -> bool:
    """Whether the violation that an outcome shows stays as it is when inputs change by a few places of float32.

    That of a function which rounds to float32 somewhere within is another one each time. The sizes of what changes are those
    of another arithmetic where that is meant, and a larger part of a channel than the most that it rounds by is no rounding.
    """
    element = next(element for element in trial.elements if element.name == outcome.element)
    # What changes is no whole number any longer: only the others tell.
    kind = "mixed signs" if outcome.kind in WHOLE and "mixed signs" in trial.inputs else outcome.kind
    features = _typed(trial.inputs[kind], outcome.arithmetic)
    signs = np.where(np.arange(features.size).reshape(features.shape) % 3 == 0, -1, 1)

    def violation(features: Array) -> Array:
        moved = function(element.input.applied(features, axis=1))
        with np.errstate(invalid="ignore"):
            difference: Array = moved - element.output.applied(function(features), axis=1)
        return np.where(np.isfinite(difference), difference, 0)

    plain, size = violation(features), _size(function(features))
    if not (_size(plain) > outcome.tolerance * size).any():
        return True
    if most is not None and (_size(plain) > most * size).any():
        return True
    changes = [np.abs(violation((features * (1 + nudge * signs)).astype(features.dtype)) - plain) for nudge in sizes]
    return bool(np.max(changes) <= STEADY * np.abs(plain).max(initial=0))


def _changes(function: Function, trial: Trial, arithmetic: str) -> bool:
    """Whether a function answers otherwise when it is asked again."""
    features = _typed(trial.inputs.get("mixed signs", next(iter(trial.inputs.values()))), arithmetic)
    first, second = map(np.nan_to_num, (function(features), function(features)))
    return bool(np.abs(first - second).max(initial=0) > tolerance_of(arithmetic) * np.abs(first).max(initial=0))


def _typed(features: Array, arithmetic: str) -> Array:
    typed: Array = features.astype("float64" if arithmetic == "float64" else "float32")
    return typed


def answers(function: Function, trial: Trial, arithmetic: str, batches: Batches = "together") -> Iterator[Answers]:
    """What a function answers, kind by kind."""
    waiting: list[tuple[str, list[Array]]] = []
    for kind, features in trial.inputs.items() if trial.elements else ():
        features = _typed(features, arithmetic)
        # Outputs that are small because large values cancel move with the rounding of those: the last place of the inputs
        # tells how much.
        eps = EPS[arithmetic]
        nudges = np.where(np.arange(features.size).reshape(features.shape) % 3 == 0, -eps, eps)
        beside = (features + FRACTIONS[np.arange(features.size) % 7].reshape(features.shape)).astype(features.dtype)
        beside = beside if kind in WHOLE else features
        moved = [element.input.applied(features, axis=1) for element in trial.elements]
        blocks = [features, beside, (beside * (1 + nudges)).astype(features.dtype), *moved]
        if batches == "alone":
            plain, beside, nudged, *answered = map(function, blocks)
            yield Answers(kind, plain, beside, nudged, tuple(answered))
            continue
        is_full = (len(waiting) + 1) * len(blocks) * features.size > LARGEST_BATCH
        if waiting and batches == "together" and is_full:
            yield from _together(function, waiting)
            waiting = []
        waiting.append((kind, blocks))
    if waiting and batches == "by element":
        by_element = [
            np.split(function(np.concatenate(blocks)), len(waiting))
            for blocks in zip(*(blocks for _, blocks in waiting), strict=True)
        ]
        for (kind, _), (plain, beside, nudged, *answered) in zip(waiting, zip(*by_element, strict=True), strict=True):
            yield Answers(kind, plain, beside, nudged, tuple(answered))
    elif waiting:
        yield from _together(function, waiting)


def _together(function: Function, waiting: list[tuple[str, list[Array]]]) -> Iterator[Answers]:
    """The answers to the inputs of some kinds from one call."""
    batch = np.concatenate([block for _, blocks in waiting for block in blocks])
    answered = iter(np.split(function(batch), sum(len(blocks) for _, blocks in waiting)))
    for kind, blocks in waiting:
        plain, beside, nudged, *moved = (next(answered) for _ in blocks)
        yield Answers(kind, plain, beside, nudged, tuple(moved))


def _largest(function: Function, trial: Trial, arithmetic: str) -> dict[str, Array]:
    """The largest answer of each channel to each kind of inputs, from one call: a map of many terms costs much per call."""
    batch = np.concatenate([_typed(features, arithmetic) for features in trial.inputs.values()])
    places = np.cumsum([len(features) for features in trial.inputs.values()])[:-1]
    largest = [np.abs(answers).max(axis=(0, 1)) for answers in np.split(function(batch), places)]
    return dict(zip(trial.inputs, largest, strict=True))


def yardstick(plain: Array, change: Array, eps: float) -> Array:
    """How large each channel of some answers is, or what rounding could move of it in units of eps, where that is more."""
    with np.errstate(over="ignore"):
        largest: Array = np.maximum(_size(plain), _size(change) / eps)
    return largest


def _size(answers: Array) -> Array:
    size: Array = np.abs(answers).max(axis=(0, 1), initial=0)
    return size


def _judged(answered: Iterator[Answers], trial: Trial, arithmetic: str, before_activation: Function | None) -> Outcome:
    elements, tolerance = trial.elements, tolerance_of(arithmetic)
    # Of what fails the inputs that say little are told last.
    errors = {element.name: (False, False, 0.0, "") for element in elements}
    largest = 0.0
    differences: dict[tuple[str, int], float] = {}
    failing: set[tuple[str, int]] = set()
    shown, chaotic, faint = np.zeros((3, 1), dtype=bool)
    respond, finite, not_finite = False, False, []
    before = {} if before_activation is None else _largest(before_activation, trial, arithmetic)
    for answer in answered:
        are_numbers = np.isfinite(answer.plain)
        # Where a channel of one answer is not finite, the others decide.
        nudgeable = np.isfinite(answer.beside) & np.isfinite(answer.nudged)
        counted = are_numbers & (nudgeable | (answer.kind in WHOLE))
        if not counted.all():
            not_finite.append(answer.kind)
        finite |= bool(counted.any())
        plain = np.where(counted, answer.plain, 0)
        change = np.abs(np.where(nudgeable, answer.nudged, 0) - np.where(nudgeable, answer.beside, 0))
        size = _size(plain)
        if before_activation is not None:
            # What overflows is as large as can be.
            with np.errstate(over="ignore"):
                size = np.maximum(before[answer.kind], size * (1 + before[answer.kind]))
        allowed = np.maximum(size, yardstick(plain, change, EPS[arithmetic]))
        respond |= bool(((change > 0) & (change < 2.0**-30 * size)).any())
        mean = plain.sum(axis=(0, 1)) / np.maximum(counted.sum(axis=(0, 1)), 1)
        spread = (np.abs(plain - mean) * counted).max(axis=(0, 1), initial=0)
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
            for channel, (size_of, is_failing) in enumerate(
                zip(difference.tolist(), difference > tolerance * allowed, strict=True)
            ):
                place = answer.kind, channel
                differences[place] = max(differences.get(place, 0.0), size_of)
                if is_failing:
                    failing.add(place)
            # What is a number, or infinite, at one of the two alone counts as the largest violation.
            same = np.array_equal(moved[~both], expected[~both], equal_nan=True)
            error = error if same else float("inf")
            largest = max(largest, error)
            told = (error > tolerance, answer.kind not in PLAIN, error, answer.kind)
            errors[element.name] = max(errors[element.name], told)
    # Whoever breaks a symmetry breaks it under some generator, which says more than a product of several.
    generators = [element.name for element in trial.generators if errors[element.name][0]]
    worst = max(generators or errors, key=errors.__getitem__, default="")
    return Outcome(
        error=largest,
        differences=differences,
        failing=frozenset(failing),
        element=worst,
        kind=errors[worst][3] if elements else "",
        shown=bool(shown.any()) or not elements,
        chaotic=tuple(np.flatnonzero(chaotic & ~shown).tolist()),
        faint=tuple(np.flatnonzero(faint & ~shown & ~chaotic).tolist()),
        respond=respond,
        elements=len(elements),
        inputs=sum(map(len, trial.inputs.values())),
        not_finite=tuple(not_finite),
        arithmetic=arithmetic,
        doubt="" if finite or not elements or largest > 0 else NO_NUMBERS,
    )


def agree(coarse: Sequence[Answers], fine: Sequence[Answers], arithmetic: str, layers: int) -> bool:
    """Whether a function of so many layers answered the same in two arithmetics, to the rounding of the coarser one."""
    for one, other in zip(coarse, fine, strict=True):
        rows = np.all([np.isfinite(each).all(axis=(1, 2)) for each in (one.plain, one.beside, one.nudged)], axis=0)
        eps = AGREEMENT_IN_EPS * layers * EPS[arithmetic]
        # A channel that is nearly dead has the rounding of what it is made of, which its neighbours show.
        allowed = eps * yardstick(one.plain[rows], one.nudged[rows] - one.beside[rows], EPS[arithmetic]).max(initial=0)
        for left, right in zip((one.plain, *one.moved), (other.plain, *other.moved), strict=True):
            difference = np.abs(left[rows] - right[rows]).max(axis=(0, 1), initial=0)
            if not difference.max(initial=0) <= allowed:
                return False
    return True
