"""A whole network between several arrays, each with points and channels of its own."""

from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from eqgen.common.errors import DeclarationError, is_whole, shortened
from eqgen.layers.inputs.arguments import flipping
from eqgen.layers.inputs.features import shape_of
from eqgen.layers.masks.model import EquivariantNetwork
from eqgen.layers.normalization import EquivariantNormalization
from eqgen.layers.pieces import Normalization, check_blocks, check_symmetry
from eqgen.layers.terms import EquivariantTerms, one_word
from eqgen.orbitals.declare import in_words
from eqgen.orbitals.features import Feature, Features, group_axes, read_features
from eqgen.orbitals.orbits import bias_pattern
from eqgen.spaces.mapping import Mapping, identity_mapping


def named_network(
    inputs: Any,
    outputs: Any,
    hidden: Any,
    depth: int,
    where: Any,
    *,
    activation: Any,
    normalization: Normalization,
    use_bias: bool | None,
    name: str | None,
    options: dict[str, Any],
) -> keras.Model:
    """What `network` makes of named inputs and outputs; its arguments are told there.

    Raises:
        DeclarationError: a declaration cannot be read, channels are missing, or an argument does not fit.
    """
    if not is_whole(depth, 1):
        raise DeclarationError(f"depth is the number of layers before the last, 1 or more, got {shortened(depth)}")
    axes = group_axes(where)
    if options.get("layout", "auto") == "auto":
        options["layout"] = "grid"
    layout = options["layout"]
    given, made = read_features(inputs, axes, "inputs"), read_features(outputs, axes, "outputs")
    inside = read_features(_hidden(hidden), axes, "hidden")
    for what, features in (("inputs", given), ("outputs", made), ("hidden", inside)):
        _check_channels(features, what)
    blocks = _Blocks(inside, axes, layout, activation, normalization)
    blocks.check()

    def linear(before: Features, after: Features, label: str, bias: bool) -> EquivariantTerms:
        return EquivariantTerms(before.declared, after.declared, where, use_bias=bias, name=label, **options)

    arrays = given.packed(_tensors(given, layout))
    features = linear(given, inside, "lift", bool(use_bias))(arrays)
    for number in range(1, depth):
        label = f"block_{number}"
        features = blocks.residual(label, linear(inside, inside, f"{label}_linear", bool(use_bias)))(features)
    can_have_bias = any(bias_pattern(identity_mapping(feature.space, axes)).rank for feature in made.each)
    head = linear(inside, made, "head", can_have_bias if use_bias is None else use_bias)
    return EquivariantNetwork(arrays, head(blocks.last()(features)), name=name)


@dataclass(frozen=True, eq=False)
class _Blocks:
    """What stands between the linear layers of a network: parts of it that take and give its hidden arrays."""

    inside: Features
    axes: Mapping
    layout: str
    activation: Any
    normalization: Normalization

    def check(self) -> None:
        """Stop at an activation or a normalization that cannot be one, or breaks the symmetry of a hidden array."""
        spaces = [identity_mapping(feature.space, self.axes) for feature in self.inside.each]
        check_blocks(spaces, self.activation, self.normalization)
        if self.normalization is None and self.activation is None:
            return
        for feature, space, array in zip(self.inside.each, spaces, _tensors(self.inside, self.layout), strict=True):
            moves = [generator.output for generator in space.generators]
            if moves:
                part = keras.Model(array, self._activated(feature, array, "part"))
                check_symmetry(part, [moves], in_words(space))

    def residual(self, label: str, linear: keras.layers.Layer) -> keras.Model:
        """Normalization, activation, a linear layer, and the sum with what came."""
        arrays = _tensors(self.inside, self.layout)
        found = self.inside.unpacked(linear(self.inside.packed(self._all_activated(arrays, label))))
        added = [
            keras.layers.Add(name=f"{label}_{word}_add")([before, after])
            for word, before, after in zip(_words(self.inside), arrays, found, strict=True)
        ]
        return EquivariantNetwork(self.inside.packed(arrays), self.inside.packed(added), name=label)

    def last(self) -> keras.Model:
        """Normalization and activation before the head."""
        arrays = _tensors(self.inside, self.layout)
        return EquivariantNetwork(
            self.inside.packed(arrays), self.inside.packed(self._all_activated(arrays, "last")), name="last"
        )

    def _all_activated(self, arrays: list[Any], label: str) -> list[Any]:
        each = zip(self.inside.each, arrays, _words(self.inside), strict=True)
        return [self._activated(feature, array, f"{label}_{word}") for feature, array, word in each]

    def _activated(self, feature: Feature, array: Any, label: str) -> Any:
        space = identity_mapping(feature.space, self.axes)
        if self.normalization is not None:
            normalized = self.normalization()(array)
        elif feature.is_fixed:
            # Of one point: its channels alone are normalized.
            normalized = keras.layers.LayerNormalization(epsilon=1e-5, name=f"{label}_normalization")(array)
        else:
            normalized = EquivariantNormalization(space, name=f"{label}_normalization")(array)
        chosen = self.activation or ("gelu" if flipping(space) is None else "tanh")
        return keras.layers.Activation(chosen, name=f"{label}_activation")(normalized)


def _hidden(hidden: Any) -> dict[str, Any]:
    """Hidden features by name: `{"p": 64}` names them by their space."""
    if not isinstance(hidden, Dictionary) or not hidden:
        raise DeclarationError(
            f'hidden is a dict of channels for each space inside, as in {{"p": 64, "{{p p}}": 32}}, got {shortened(hidden)}'
        )
    return {key: value if isinstance(value, (tuple, list)) else (key, value) for key, value in hidden.items()}


def _check_channels(features: Features, what: str) -> None:
    missing = next((each for each in features.each for slot in each.slots if slot.channels is None), None)
    if missing is not None:
        raise DeclarationError(f"{missing.name} of {what} has no channels: say how many, as in ({missing.text!r}, 8)")


def _tensors(features: Features, layout: str) -> list[Any]:
    """Inputs of a model, or of a part of it."""
    as_grid = layout == "grid"
    return [
        keras.Input(shape_of(feature, as_grid), name=feature.key if isinstance(feature.key, str) else None)
        for feature in features.each
    ]


def _words(features: Features) -> Sequence[str]:
    """The name of each array as a part of a layer's: all different."""
    words = [one_word(feature.name) for feature in features.each]
    return [word if words.count(word) == 1 else f"{word}_{number}" for number, word in enumerate(words)]
