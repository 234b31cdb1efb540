"""verify: does a layer or a model really commute with the group? Integers decide, floats confirm."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np

from eqgen.common.errors import DeclarationError, checked_flag, count, is_whole, shortened
from eqgen.layers import EquivariantDense
from eqgen.layers.equivariance.function import random_trial
from eqgen.layers.equivariance.model import input_shape_of
from eqgen.orbitals.declare import mapping as as_mapping
from eqgen.spaces.mapping import Mapping
from eqgen.verification.functions import verify_function
from eqgen.verification.layer_checks import flat_shape, report_of, verify_layer, verify_typed
from eqgen.verification.model_checks import model_checks
from eqgen.verification.report import Report


def verify(
    layer: Any,
    declaration: Mapping | str | None = None,
    *,
    input_shape: tuple[int | None, ...] | None = None,
    words: int = 8,
    seed: int = 0,
    training: bool = True,
) -> Report:
    """Check that a layer or model is equivariant, always against the raw permutations of the declaration.

    An eqgen layer is checked in integers (the labels that its program sums to, under every generator; how many there are,
    against Burnside's count), in float64, and as it is. Any other Keras model or layer, and an eqgen layer held to a
    declaration that is not its own, gets the numeric part: with the weights that it has, and with others, as training might
    leave them, and as it computes in training. It is computed in its own dtype, in float32 too where that is half precision,
    which would hide what is wrong, and in float64 where rounding would decide.

    Args:
        layer: an EquivariantDense, any Keras layer or model of one input and one output, or any function of one array (numpy,
            JAX, TensorFlow, PyTorch).
        declaration: a Mapping or its text; not needed for an eqgen layer.
        input_shape: the shape of one input, without the batch, for a model that does not know it. A function is given one
            example, by default of shape (n,); with None in front, as in (None, 5, 3), a batch of them.
        words: how many random products of generators to try beside the generators.
        seed: of the random inputs, words and weights.
        training: False for a model that is not trained any further: the weights that it has decide. Frozen weights are kept in
            any case.

    Returns:
        A Report: `bool(report)`, which is True where it is verified and nothing is left open, `report.verdict`,
        `report.max_error`, `str(report)`.

    Raises:
        DeclarationError: the declaration is missing, or the model's shapes do not fit its spaces.

    >>> import eqgen as eq
    >>> bool(eq.verify(eq.EquivariantDense(4, "{p p} -> p where p = S(5)")))
    True
    """
    checked_flag("training", training)
    for name, number in (("words", words), ("seed", seed)):
        if not is_whole(number, 0):
            raise DeclarationError(f"{name} is a whole number, 0 or more, got {shortened(number)}")
    declaration = None if declaration is None else as_mapping(declaration)
    random = np.random.default_rng(seed)
    if not isinstance(layer, keras.layers.Layer):
        return verify_function(layer, declaration, input_shape, words, random)
    # A subclass may compute something else: it is tried as it is, like any other layer.
    if type(layer) is EquivariantDense:
        if layer.mapping is None and declaration is None:
            return verify_typed(layer, random)
        if layer.orbits is not None and declaration in (None, layer.mapping):
            return verify_layer(layer, layer.orbits, words, random)
    if isinstance(layer, EquivariantDense):
        declaration = layer.mapping if declaration is None else declaration
        input_shape = flat_shape(layer) if input_shape is None and layer.layout != "grid" else input_shape
    if declaration is None:
        inside = count(len(equivariant_layers(layer)), "eqgen layer")
        others = f"; its {inside} can be verified one by one" if not inside.startswith("0 ") else ""
        raise DeclarationError(
            f"{layer.name!r} carries no declaration: say what it should be equivariant to, as in "
            f'verify(model, "{{p p}} -> p where p = S(5)"){others}'
        )
    shape = input_shape_of(layer, declaration, input_shape)
    trial = random_trial(declaration, int(np.prod(shape)) // declaration.input.size, words, random)
    checks, outcome, difference = model_checks(layer, declaration, shape, trial, random if training else None)
    return replace(report_of(layer, str(declaration), checks, outcome, None), difference=difference)


def equivariant_layers(model: Any) -> list[EquivariantDense]:
    """Every eqgen layer inside a model, nested ones too."""
    return [layer for layer in model._flatten_layers() if isinstance(layer, EquivariantDense)]
