"""What a network was made for, as its layers tell: nobody has to say it again, after loading neither."""

from dataclasses import replace
from typing import Any

import keras

from eqgen.layers import EquivariantDense, EquivariantRNN, InvariantPool
from eqgen.orbitals.composition import whole_of
from eqgen.spaces.factors import FIXED_POINT
from eqgen.spaces.mapping import Mapping
from eqgen.spaces.space import Factor, Space


def recurrent_of(layer: Any) -> EquivariantRNN | None:
    """The recurrent layer of points that a layer is, or runs both ways; None for others."""
    inner = getattr(layer, "forward_layer", layer)
    return inner if isinstance(inner, EquivariantRNN) else None


def declaration_of(model: Any) -> Mapping | None:
    """The mapping of a model that `eq.network` made, or that is made alike.

    From where the first equivariant layer begins to where the last one ends, or to one point where points are pooled, or where
    a head of the user's own answers in no such shape.

    Returns:
        None for a model that begins otherwise, or whose layers do not chain.
    """
    if isinstance(model, EquivariantRNN):
        return model.mapping
    if not isinstance(model, keras.Model) or isinstance(model, keras.Sequential):
        return None
    if len(getattr(model, "inputs", None) or ()) != 1 or len(model.outputs) != 1:
        return None
    own = [layer if type(layer) is EquivariantDense else recurrent_of(layer) for layer in model.layers]
    found = [layer.mapping for layer in own if layer is not None]
    chain = [mapping for mapping in found if isinstance(mapping, Mapping)]
    if own[1] is None or len(chain) < len(found):
        return None
    whole = whole_of(chain)
    answer = model.outputs[0]
    is_pooled = any(isinstance(layer, InvariantPool) for layer in model.layers)
    if whole is None or (not is_pooled and answer.shape[-2:-1] == (whole.output.size,)):
        return whole
    return replace(whole, output=Space(((Factor(FIXED_POINT, None),),)))
