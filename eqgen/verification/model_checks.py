"""The checks of any layer or model by what it computes: with its weights, with others, and as in training."""

from contextlib import AbstractContextManager, suppress
from typing import Any

import keras
import numpy as np

from eqgen.layers.equivariance.arithmetic import arithmetic_of, coarsest_dtype, computing_in
from eqgen.layers.equivariance.culprit import symmetry_breaker
from eqgen.layers.equivariance.model import flat_function, try_model
from eqgen.layers.equivariance.outcome import Outcome, combined
from eqgen.layers.equivariance.rounding import TF32
from eqgen.layers.equivariance.trial import Array, Function, Trial
from eqgen.layers.equivariance.weights import DRAWS, as_in_training, kept, learns, randomized_weights, trained_weights
from eqgen.spaces.mapping import Mapping
from eqgen.verification.difference import first_difference, simple_inputs
from eqgen.verification.report import Check, broken_by_training, numeric_check, raised_check


def model_checks(
    model: Any, mapping: Mapping, shape: tuple[int, ...], trial: Trial, random: np.random.Generator | None
) -> tuple[list[Check], Outcome, str]:
    """The checks of a layer or model, what its own weights showed, and the first difference in words.

    Without a generator of random numbers it is not trained any further, so that its own weights decide. What it keeps is as it
    was afterwards.
    """
    if not model.built:
        # Without numbers, so that no statistic is changed; what needs numbers is built by the first inputs.
        with suppress(Exception):
            model(keras.KerasTensor((None, *shape), dtype=model.compute_dtype))
    with kept(model.non_trainable_variables):
        return _model_checks(model, mapping, shape, trial, random)


def _model_checks(
    model: Any, mapping: Mapping, shape: tuple[int, ...], trial: Trial, random: np.random.Generator | None
) -> tuple[list[Check], Outcome, str]:
    outcome = try_model(model, mapping, shape, trial)
    if outcome.holds:
        alone = try_model(model, mapping, shape, trial.one_example(), batches="alone")
        outcome = alone if alone.holds is False else outcome
    evidence, difference = str(outcome), ""
    if outcome.holds is False:
        evidence += _named_breaker(model, mapping, shape, trial, outcome)
        difference = _difference(model, mapping, shape, trial, outcome)
    numeric = Check("numeric", outcome.holds, evidence, open=outcome.holds is None)
    checks = [numeric]
    if arithmetic_of(model) == TF32:
        as_it_is = try_model(model, mapping, shape, trial, precise=False)
        checks.append(Check("as it is", as_it_is.holds, str(as_it_is), open=bool(as_it_is.doubt)))
    if random is not None and outcome.holds is not False and not outcome.doubt:
        training, difference = _in_training(model, mapping, shape, trial, random)
        checks += training
        # Weights that are zero show nothing, and are no mistake.
        if any(check.holds for check in training):
            checks[0] = Check("numeric", outcome.holds, evidence)
    return checks, outcome, difference


def _in_training(
    model: Any, mapping: Mapping, shape: tuple[int, ...], trial: Trial, random: np.random.Generator
) -> tuple[list[Check], str]:
    """What training may make of a model: other weights and statistics, and how it computes meanwhile; and a difference."""
    learning = flat_function(model, mapping, shape, training=True)
    called = learning if learns(model) else flat_function(model, mapping, shape)
    features = trial.inputs["mixed signs"].astype("float32")
    weights = trained_weights(model, lambda: called(features))
    checks = []
    if weights:
        outcomes: list[Outcome] = []
        for draw in DRAWS:
            # Large weights leave half precision no digit that could be compared.
            single = "float32" if draw != "near 1" and coarsest_dtype(model) in ("float16", "bfloat16") else None
            with randomized_weights(model, random, weights, draw=draw), computing_in(model, single):
                try:
                    outcomes.append(try_model(model, mapping, shape, trial))
                except Exception as error:
                    # What asks for a certain form of its weights, as a factorization does, has none of numbers at random.
                    checks.append(raised_check("training", error, "with other weights"))
                    break
                if outcomes[-1].holds is False:
                    culprit = _named_breaker(model, mapping, shape, trial, outcomes[-1])
                    difference = _difference(model, mapping, shape, trial, outcomes[-1])
                    return [broken_by_training(outcomes[-1], culprit)], difference
        if outcomes:
            checks.append(numeric_check("training", combined(outcomes), "with other weights too: "))
    if learns(model):
        outcomes = []
        try:
            outcomes.append(_meanwhile(model, mapping, shape, trial, learning))
            if any(check.holds for check in checks) and outcomes[0].holds is not False:
                with randomized_weights(model, random, weights):
                    outcomes.append(_meanwhile(model, mapping, shape, trial, learning))
        except Exception as error:
            checks.append(raised_check("training=True", error, "called as in training"))
        if outcomes:
            checks.append(numeric_check("training=True", combined(outcomes), "each batch moved as a whole: "))
    return checks, ""


def _meanwhile(model: Any, mapping: Mapping, shape: tuple[int, ...], trial: Trial, learning: Function) -> Outcome:
    """What a model that is called as in training shows, from the same statistics each time."""

    def from_these_statistics(features: Array) -> Array:
        with kept(model.non_trainable_weights):
            return learning(features)

    with as_in_training(model):
        return try_model(model, mapping, shape, trial.few(), function=from_these_statistics, batches="by element")


def _difference(model: Any, mapping: Mapping, shape: tuple[int, ...], trial: Trial, outcome: Outcome) -> str:
    shown = trial.inputs.get(outcome.kind)
    inputs = [
        *simple_inputs(mapping.input.size, int(np.prod(shape)) // mapping.input.size),
        *([] if shown is None else [shown]),
    ]
    with _as_it_showed(model, outcome):
        return first_difference(flat_function(model, mapping, shape), mapping, trial, inputs, outcome.dtype)


def _as_it_showed(model: Any, outcome: Outcome) -> AbstractContextManager[None]:
    """The arithmetic in which it failed."""
    return computing_in(model, outcome.dtype if outcome.dtype != coarsest_dtype(model) else None)


def _named_breaker(model: Any, mapping: Mapping, shape: tuple[int, ...], trial: Trial, outcome: Outcome) -> str:
    if not isinstance(model, keras.Model):
        return ""
    generators = mapping.generators
    spaces = [[generator.input for generator in generators], [generator.output for generator in generators]]
    features = trial.inputs.get(outcome.kind)
    with _as_it_showed(model, outcome):
        broken = symmetry_breaker(model, spaces, shape, features=features)
    if broken is not None:
        return f"; what breaks it is {broken}"
    if getattr(model, "inputs", None):
        return ""
    return "; no layer can be named in a subclassed model: a functional or sequential one shows what stands between its layers"
