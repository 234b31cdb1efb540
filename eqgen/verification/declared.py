"""What a network was made for, as its layers tell: nobody has to say it again, after loading neither."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import keras

from eqgen.layers import EquivariantDense, EquivariantRNN, EquivariantTerms, InvariantPool
from eqgen.orbitals.composition import whole_of
from eqgen.orbitals.features import Feature
from eqgen.permutations.group import Group
from eqgen.spaces.factors import FIXED_POINT
from eqgen.spaces.mapping import Mapping, mapping_between
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
    answered = () if whole is None else ((whole.output.size,), whole.output.shape)
    on_points = answer.shape[-2:-1] in answered or tuple(answer.shape[1:-1]) in answered
    if whole is None or (on_points and not is_pooled):
        return whole
    return replace(whole, output=Space(((Factor(FIXED_POINT, None),),)))


@dataclass(frozen=True)
class NamedDeclaration:
    """What a layer or model of named arrays was made for.

    Attributes:
        outputs: the mapping of each output, by its key, or of the only one.
        terms: how many terms of the input space each input is, by its key and in their order; None for a single array.
    """

    outputs: dict[Any, Mapping] | list[Mapping] | Mapping
    terms: dict[Any, int] | None


def named_declaration(model: Any) -> NamedDeclaration | None:
    """What an `EquivariantTerms` is declared by, or a functional model whose inputs and outputs are those of such layers.

    Returns:
        None for any other, and for a model whose layers have other groups.
    """
    if isinstance(model, EquivariantTerms):
        taken = {feature.key: feature for feature in model.features_in.each}
        return _declared(model.axes, taken, model.features_out.packed(model.features_out.each))
    layers = [layer for layer in getattr(model, "layers", ()) if isinstance(layer, EquivariantTerms)]
    if not layers or not getattr(model, "inputs", None):
        return None
    if len({layer.axes.clauses(Group.without_catalogue) for layer in layers}) > 1:
        return None
    read = {id(tensor): feature for layer in layers for tensor, feature in _tensors(layer, "input")}
    made = {id(tensor): feature for layer in layers for tensor, feature in _tensors(layer, "output")}
    if not all(id(tensor) in read for tensor in model.inputs) or not all(id(out) in made for out in model.outputs):
        return None
    # What a sequential model takes and gives it does not tell as other models do: it is one of each.
    takes, gives = (
        (model.inputs[0], model.outputs[0]) if isinstance(model, keras.Sequential) else (model.input, model.output)
    )
    taken = {key: read[id(tensor)] for key, tensor in _keyed(takes)}
    answers = {key: made[id(tensor)] for key, tensor in _keyed(gives)}
    container = type(gives)
    outputs = answers if container is dict else list(answers.values()) if container in (list, tuple) else answers[None]
    return _declared(layers[0].axes, taken, outputs)


def _declared(axes: Mapping, taken: dict[Any, Feature], outputs: Any) -> NamedDeclaration:
    whole = Space(tuple(term for feature in taken.values() for term in feature.space.terms))
    mappings = keras.tree.map_structure(lambda feature: mapping_between(whole, feature.space, axes), outputs)
    terms = {key: len(feature.space.terms) for key, feature in taken.items()}
    return NamedDeclaration(mappings, None if None in terms else terms)


def _tensors(layer: EquivariantTerms, side: str) -> Iterator[tuple[Any, Feature]]:
    """What a layer is given or answers in a functional model, with what it is declared to be."""
    features = layer.features_in if side == "input" else layer.features_out
    try:
        tensors = getattr(layer, side)
    except AttributeError:
        # It stands in several places, or in none.
        return
    # Keras lays them out in an order of its own.
    in_order = keras.tree.flatten(features.packed(list(features.each)))
    yield from zip(keras.tree.flatten(tensors), in_order, strict=True)


def _keyed(tensors: Any) -> list[tuple[Any, Any]]:
    if isinstance(tensors, dict):
        return list(tensors.items())
    return list(enumerate(tensors)) if isinstance(tensors, (list, tuple)) else [(None, tensors)]
