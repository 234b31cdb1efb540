"""What is told of a function in its own arithmetic, and in a finer one where that decides."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial

from eqgen.common.errors import DeclarationError
from eqgen.layers.equivariance.comparison import HALF_NUDGES, Batches, agree, answers, is_steady, try_function
from eqgen.layers.equivariance.outcome import Outcome, only_rounding
from eqgen.layers.equivariance.rounding import COARSE, TF32
from eqgen.layers.equivariance.trial import LARGE, Function, Trial

FINER = {"float16": "float32", "bfloat16": "float32", TF32: "float64"}

LARGEST_ROUNDING = 1e-3
"""What differs by more is no rounding of float32."""

LARGEST_HALF_ROUNDING = 0.125
"""What differs by more is no rounding of half precision."""

AsIn = Callable[[str], AbstractContextManager[Function]]
"""A function as it computes in some dtype, inside a context; one that has no such form raises."""


def decided(
    function: Function,
    as_in: AsIn,
    trial: Trial,
    arithmetic: str,
    before_activation: Function | None = None,
    *,
    layers: int = 1,
    batches: Batches = "together",
    trusted: bool = False,
) -> Outcome:
    """Try a function in its own arithmetic, and in a finer one.

    Coarse ones hide what is smaller, so that the very function is also computed in a finer one, where it has to answer the
    same. What float32 says is looked at in float64, for rounding may be large behind a constant, and what is wrong may be
    smaller than it.

    Args:
        function: as it is.
        as_in: the same in another dtype.
        trial: elements and inputs.
        arithmetic: its own.
        before_activation: what its last activation is given, where that is known.
        layers: how many roundings follow one another, about.
        batches: what goes in together.
        trusted: eqgen's own, which answers the same each time; what holds in float32 is not looked at in float64 as well.
    """
    trial = trial.without(LARGE) if arithmetic in ("float16", "bfloat16") else trial
    tried = partial(try_function, trial=trial, before_activation=before_activation, batches=batches, trusted=trusted)
    own = tried(function, arithmetic=arithmetic)
    if arithmetic == "float64":
        return own if own.holds is not False else _of_double(own, function, as_in, trial, tried)
    told = arithmetic == "float32" and own.holds and not own.faint and trusted
    if own.doubt or told:
        return own
    if arithmetic not in COARSE:
        return _in_double(own, function, as_in, trial, tried)
    finer, same = FINER[arithmetic], True
    fine: Outcome | None
    try:
        coarse = list(answers(function, trial, arithmetic, batches))
        with as_in(finer) as finely:
            fine = tried(finely, arithmetic=finer)
            same = agree(coarse, list(answers(finely, trial, finer, batches)), arithmetic, layers)
        fine = _in_double(fine, None, as_in, trial, tried) if finer == "float32" and not fine.doubt else fine
    except DeclarationError:
        raise
    except Exception:
        # What has a dtype in its code may raise anything in another.
        fine = None
    return _of_coarse(own, fine, same, finer)


def _of_double(own: Outcome, function: Function, as_in: AsIn, trial: Trial, tried: Callable[..., Outcome]) -> Outcome:
    """What is told by a function that failed in float64: its rounding there, or in float32 somewhere within, is no mistake."""
    try:
        with as_in("float32") as coarsely:
            single = tried(coarsely, arithmetic="float32")
    except DeclarationError:
        raise
    except Exception:
        return own
    if (rounded := only_rounding(own, single)).holds is not False:
        return rounded
    if single.holds and own.error < LARGEST_ROUNDING and not is_steady(function, trial, own):
        return single
    return _unless_half(own, function, trial)


def _unless_single(own: Outcome, function: Function, trial: Trial) -> Outcome:
    """What a function failed by in float32, where there is no float64, left open where it is what rounding makes."""
    if own.holds is False and not is_steady(function, trial, own):
        return replace(own, doubt="this changes with the last places of float32, and there is no float64 to decide it")
    return _unless_half(own, function, trial) if own.holds is False else own


def _unless_half(fine: Outcome, function: Function, trial: Trial) -> Outcome:
    """What a function failed by, left open where it is what rounding to half precision somewhere within makes."""
    if not is_steady(function, trial, fine, HALF_NUDGES, LARGEST_HALF_ROUNDING):
        doubt = "this changes with the last places of half precision, which something within may round to: compute in float32"
        return replace(fine, doubt=doubt)
    return fine


def _in_double(
    own: Outcome, function: Function | None, as_in: AsIn, trial: Trial, tried: Callable[..., Outcome]
) -> Outcome:
    """What is told by a function that computed in float32, which is tried in float64."""
    try:
        with as_in("float64") as finely:
            fine = tried(finely, arithmetic="float64")
            # What holds in float32 may round to it somewhere within, whatever it is told.
            rounds = own.holds is True and fine.holds is False and not is_steady(finely, trial, fine)
            if own.holds is False and only_rounding(fine, own).holds is False:
                fine = _unless_half(fine, finely, trial)
    except DeclarationError:
        raise
    except Exception as error:
        raised = f"in float64 it raises {type(error).__name__}: {' '.join(str(error).split())[:200]}"
        if own.holds and own.faint:
            return replace(own, doubt=f"some channels vary by no more than rounding, and {raised}")
        own = own if function is None else _unless_single(own, function, trial)
        return own if own.holds else replace(own, how=f"{raised}; ")
    told = own if rounds else _of_single(own, fine)
    return _unless_single(told, function, trial) if told is own and not fine.respond and function is not None else told


def _of_coarse(own: Outcome, fine: Outcome | None, same: bool, finer: str) -> Outcome:
    """What is told by a model in coarse arithmetic, and by itself in a finer one."""
    fine = None if fine is None else only_rounding(fine, own)
    if fine is not None and (fine.holds is False or (same and own.holds is not False)):
        confirmed = own.arithmetic == TF32 and fine.holds
        return replace(own, how="") if confirmed else replace(fine, how="made again in ")
    if own.holds is False and not (fine is not None and same and own.error < 1):
        return own
    if fine is None:
        doubt = f"{own.dtype} hides what is smaller, and it cannot be made again: let it compute in {finer}"
    else:
        doubt = f"{own.dtype} hides what is smaller, and in {finer} it answers otherwise: let it compute in {finer}"
    return replace(own, doubt=doubt)


def _of_single(own: Outcome, fine: Outcome) -> Outcome:
    """What is told by a model in float32, and by itself in float64."""
    # What is left may be the rounding of float64, seen through the same constant.
    fine = replace(fine if own.holds is None else only_rounding(fine, own), how="decided in ")
    if own.holds is False:
        return own if fine.holds is False and not fine.doubt else fine
    # A model that computes in float32 whatever it is told does not follow the last place of its inputs.
    if fine.holds is False and not fine.respond:
        return own
    # What a small channel does may be hidden by rounding, and so may what is wrong by little.
    return fine if own.holds is None or fine.holds is False or (own.faint and fine.holds is None) else own
