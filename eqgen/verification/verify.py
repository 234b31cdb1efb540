"""verify: does a layer or a model really commute with the group? Integers decide, floats confirm."""

from dataclasses import replace
from typing import Any

import keras

from eqgen.common.errors import DeclarationError, checked_flag, is_whole, shortened
from eqgen.layers import EquivariantDense, EquivariantRNN
from eqgen.orbitals.declare import mapping as as_mapping
from eqgen.orbitals.declare_family import mapping as any_mapping
from eqgen.orbitals.orbits import Orbits
from eqgen.spaces.family import MappingFamily
from eqgen.spaces.mapping import Mapping
from eqgen.verification.any_size import verify_any_size, verify_sizes
from eqgen.verification.declared import declaration_of, named_declaration
from eqgen.verification.function_checks import verify_function
from eqgen.verification.layer_checks import flat_shape, verify_layer, verify_typed
from eqgen.verification.named_checks import verify_named
from eqgen.verification.options import Options
from eqgen.verification.outputs import (
    Declarations,
    needs_views,
    undeclared,
    verify_one,
    verify_views,
)
from eqgen.verification.recurrent import goes_on, over_time, with_integers
from eqgen.verification.report import Report


def verify(
    layer: Any,
    declaration: Declarations | None = None,
    *,
    input_shape: Any = None,
    time_axis: int | None = None,
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
        layer: an EquivariantDense, any Keras layer or model, or any function of arrays (numpy, JAX, TensorFlow, PyTorch).
        declaration: a Mapping or its text, with letters for sizes of which a few are tried;
            not needed for an eqgen layer or cell, nor for what `eq.network` made. Of several
            outputs one for each, in a list, or in a dict by name. Several inputs are one term each of the sum that is declared,
            `p + {p p}`: by name where the model names them so, else in order.
        input_shape: the shape of one input, without the batch, for a model that does not know it; of several inputs a list or
            dict of shapes. A function is given one example, by default of shape (n,); with None in front, as in (None, 5, 3), a
            batch of them.
        time_axis: for a model of sequences, the axis of the moments in what it takes, where the batch is axis 0; an answer has
            its moments on the same axis, or none. Cells and recurrent layers of points know theirs.
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
    options = Options(input_shape, time_axis, words, seed, training)
    family = any_mapping(declaration) if isinstance(declaration, (str, MappingFamily)) else None
    if isinstance(family, MappingFamily):
        own_options = {"input_shape": input_shape, "time_axis": time_axis, "words": words, "seed": seed}
        return verify_sizes(family, lambda mapping: verify(layer, mapping, training=training, **own_options))
    layer, options = over_time(layer, options)
    if declaration is None:
        report = _by_itself(layer, options)
        if report is not None:
            return report
        options = replace(options, time_axis=1) if time_axis is None and goes_on(layer) else options
        own = layer.mapping if isinstance(layer, EquivariantDense) else None
        declaration = own if isinstance(own, Mapping) else declaration_of(layer)
    if declaration is not None and needs_views(layer, declaration, options):
        return verify_views(layer, declaration, options)
    declared = None if declaration is None else as_mapping(declaration)  # type: ignore[arg-type]
    if isinstance(layer, EquivariantDense):
        return _verify_dense(layer, declared, options)
    if not isinstance(layer, keras.layers.Layer):
        return verify_function(layer, declared, options)
    if declared is None:
        raise undeclared(layer)
    return verify_one(layer, declared, options)


def _by_itself(layer: Any, options: Options) -> Report | None:
    """The report of what carries more than one mapping: a layer over time, one for any size, or several arrays."""
    if type(layer) is EquivariantRNN and layer.mapping is not None:
        return with_integers(verify_views(layer, layer.mapping, options), layer, options.words, options.random)
    if isinstance(layer, EquivariantDense):
        is_any_size = isinstance(layer.mapping, MappingFamily)
        return verify_any_size(layer, options.words, options.random) if is_any_size else None
    named = named_declaration(layer)
    return None if named is None else verify_named(layer, named, options)


def _verify_dense(layer: EquivariantDense, declared: Mapping | None, options: Options) -> Report:
    # A subclass, or a call of its own, may compute something else: it is tried as it is, like any other layer.
    if type(layer) is EquivariantDense and "call" not in vars(layer):
        if layer.mapping is None and declared is None:
            return verify_typed(layer, options.random)
        orbits = layer.orbits
        if isinstance(orbits, Orbits) and orbits.mapping == layer.mapping and declared in (None, layer.mapping):
            return verify_layer(layer, orbits, options.words, options.random)
    known = options.input_shape is not None or layer.layout == "grid"
    options = options if known else replace(options, input_shape=flat_shape(layer, declared))
    if declared is None:
        raise undeclared(layer)
    return verify_one(layer, declared, options)
