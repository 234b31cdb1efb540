"""The report of any callable of arrays: by what it answers, and a module of PyTorch as training changes it, too."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import numpy as np

from eqgen.common.errors import DeclarationError
from eqgen.layers.equivariance.comparison import Batches
from eqgen.layers.equivariance.decided import decided
from eqgen.layers.equivariance.outcome import Outcome, combined
from eqgen.layers.equivariance.trial import FEWER_SAMPLES, SAMPLES, Function, Trial, random_trial
from eqgen.layers.equivariance.weights import DRAWS
from eqgen.spaces.mapping import Mapping
from eqgen.verification.array_function import ArrayFunction, array_function, name_of
from eqgen.verification.difference import first_difference, simple_inputs
from eqgen.verification.options import Options
from eqgen.verification.report import Check, Report, broken_by_training, numeric_check, raised_check
from eqgen.verification.torch_module import is_module, kept, module_in, randomize, trained_tensors, training

Make = Callable[..., ArrayFunction]
"""`array_function` of a callable, for one mapping and shape."""


def verify_function(given: Any, mapping: Mapping | None, options: Options, output: Any = None) -> Report:
    """Any callable of arrays, by what it answers.

    Raises:
        DeclarationError: it is no callable, no declaration is given, or the shapes do not fit.
    """
    if isinstance(given, type) or not callable(given):
        described = f"the class {given.__name__}: make one first" if isinstance(given, type) else type(given).__name__
        raise DeclarationError(f"verify takes a Keras layer or model, or a function of arrays, got {described}")
    if mapping is None:
        raise DeclarationError(
            f"{name_of(given)} carries no declaration: say what it should be equivariant to, as in verify(f, "
            '"p -> p where p = S(5)")'
        )
    make = partial(array_function, mapping=mapping, input_shape=options.input_shape, output=output)
    called, random = make(given), options.random
    # One call for each example takes longer than for a batch.
    samples = SAMPLES if called.batched else FEWER_SAMPLES
    trial = random_trial(mapping, called.channels, options.words, random, samples)
    outcome = _tried(given, called, make, trial)
    if outcome.holds and called.batched:
        one = _tried(given, called, make, trial.one_example(), "alone")
        outcome = one if one.holds is False else outcome
    checks = [numeric_check("numeric", outcome)]
    if is_module(given) and options.training and outcome.holds is not False and not outcome.doubt:
        training_checks = _in_training(given, make, trial, random)
        checks += training_checks
        # Weights that are zero show nothing, and are no mistake.
        if any(check.holds for check in training_checks):
            checks[0] = Check("numeric", outcome.holds, checks[0].evidence)
    inputs = [*simple_inputs(mapping.input.size, called.channels), *trial.inputs.values()]
    difference = (
        first_difference(called.function, mapping, trial, inputs, called.dtype) if outcome.holds is False else ""
    )
    return Report(
        called.name,
        mapping.in_short(),
        tuple(checks),
        None,
        outcome.error,
        outcome.tolerance,
        outcome.dtype,
        difference,
    )


def _tried(given: Any, called: ArrayFunction, make: Make, trial: Trial, batches: Batches = "together") -> Outcome:
    layers = 1 + len(list(given.modules())) if is_module(given) else 1
    as_in = partial(_as_in, given, called, make)
    return decided(called.function, as_in, trial, called.dtype, layers=layers, batches=batches)


@contextmanager
def _as_in(given: Any, called: ArrayFunction, make: Make, dtype: str) -> Iterator[Function]:
    """A callable as it computes in a dtype, where it has such a form."""
    if is_module(given):
        yield make(module_in(given, dtype)).function
        return
    if dtype == "float32" and called.dtype == "float64":
        yield called.function
        return
    with _double_precision():
        finely = make(given, dtype=dtype)
        if finely.dtype != dtype:
            raise TypeError(f"it computes in {finely.dtype} whatever it is given")
        yield finely.function


def _double_precision() -> AbstractContextManager[Any]:
    """Inside, functions of JAX that are given float64 compute in it."""
    jax = sys.modules.get("jax")
    context: AbstractContextManager[Any] = nullcontext() if jax is None else jax.enable_x64(True)
    return context


def _in_training(module: Any, make: Make, trial: Trial, random: np.random.Generator) -> list[Check]:
    """What training may make of a module: other weights and statistics, and how it computes meanwhile."""
    few = trial.few()
    checks = []
    try:
        learning = make(module, mode=training)
        meanwhile = _tried_in_training(module, learning, make, few)
        checks.append(numeric_check("training=True", meanwhile, "each batch moved as a whole: "))
    except Exception as error:
        checks.append(raised_check("training=True", error, "in training mode"))
    called, outcomes = make(module), []
    # What a module keeps of what it is given changes, whatever becomes of its answer.
    tensors = trained_tensors(module, lambda: make(module, mode=lambda module: nullcontext()))
    if not tensors:
        return checks
    for draw in DRAWS:
        with kept(module):
            randomize(module, tensors, random, draw)
            try:
                outcomes.append(_tried(module, called, make, trial))
            except Exception as error:
                checks.append(raised_check("training", error, "with other weights"))
                break
        if outcomes[-1].holds is False:
            return [broken_by_training(outcomes[-1])]
    if outcomes:
        checks.insert(0, numeric_check("training", combined(outcomes), "with other weights too: "))
    return checks


def _tried_in_training(module: Any, learning: ArrayFunction, make: Make, trial: Trial) -> Outcome:
    @contextmanager
    def as_in(dtype: str) -> Iterator[Function]:
        yield make(module_in(module, dtype), mode=training).function

    return decided(learning.function, as_in, trial, learning.dtype, batches="by element")
