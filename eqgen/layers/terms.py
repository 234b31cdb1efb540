"""EquivariantTerms: a dense layer between several arrays, each with points and channels of its own."""

import re
from collections.abc import Sequence
from typing import Any, Self

import keras
import numpy as np
from keras import ops

from eqgen.common.arrays import Permutation
from eqgen.common.errors import DeclarationError, checked_choice, checked_flag, is_whole
from eqgen.language.meant import nearest
from eqgen.layers.dense import SERIALIZED, EquivariantDense
from eqgen.layers.initializers import OrbitInitializer, serialized
from eqgen.layers.inputs.arguments import check_activation, check_fingerprints, check_keras_flags
from eqgen.layers.inputs.features import Arrival, arrivals, from_slots, in_slots, shape_of
from eqgen.layers.inputs.shape import present
from eqgen.layers.masks.features import axes_there, known_in_slots, mask_of
from eqgen.orbitals.features import Feature, Slot, group_axes, read_back, read_features, written
from eqgen.orbitals.orbits import Orbits, bias_pattern, orbits
from eqgen.permutations.group import Group
from eqgen.spaces.mapping import mapping_between

BLOCK_ARGUMENTS = (*(name for name in SERIALIZED if name != "activity_regularizer"), "aggregation", "lowering")
KERAS_ARGUMENTS = ("name", "dtype", "trainable", "autocast", "activity_regularizer")


@keras.saving.register_keras_serializable(package="eqgen")
class EquivariantTerms(keras.layers.Layer):
    """A dense layer from several named arrays to several others, each on points of its own, all moved by one group.

    The arrays of the inputs, laid one after the other, are a sum of spaces (`p + {p p} + 1`), and so are those of the outputs; the
    weight matrix is cut into blocks, one `EquivariantDense` for each output and input, so that every array has channels of its own.
    Initial values are those of the whole row: a constant input keeps its variance whatever the number of arrays.

    Args:
        inputs: a dict of spaces by name, or a list: `{"atoms": "p", "bonds": "{p p}"}`, with channels `("p", 5)` where they should
            be checked, or `eq.parts(...)` for a flat vector. One space alone takes one array.
        outputs: likewise, with the channels that the layer makes: `{"charges": ("p", 8)}`.
        where: the groups of the axes, `"p = S(7)"`, or a dict of axes, as `eq.joint` makes it; each array uses some of them.
        activation: of every output, as in `keras.layers.Dense`.
        use_bias: whether to add one parameter per point orbit and channel of each output that can have one.
        layout: "flat" for arrays (..., n, channels), "grid" for (..., height, width, channels) where a space is `h w`, "auto" to
            tell by the shapes: outputs are grids where an input comes as one.
        **options: `aggregation`, `lowering`, the initializers, regularizers and constraints of `EquivariantDense`; name, dtype,
            trainable and activity_regularizer, as every Keras layer takes them.

    Attributes:
        features_in, features_out: the arrays, as they were read.
        axes: a mapping that carries the group.
        blocks: one EquivariantDense for each output and input between which there is a weight.

    Raises:
        DeclarationError: a declaration cannot be read, the symmetry forces an output to zero, or an argument is unknown; and when
            called, an array is missing or unknown, or its shape is not that of its space and channels.

    Input shape:
        A dict or a list of (..., points, channels), a grid in place of the points; (..., channels) for the fixed point `1`;
        (..., numbers) for a vector of parts.

    Output shape:
        The same, of the outputs.

    >>> import numpy as np
    >>> layer = EquivariantTerms({"atoms": "p", "bonds": "{p p}"}, {"charges": ("p", 2), "energy": ("1", 1)}, "p = S(4)")
    >>> answers = layer({"atoms": np.zeros((8, 4, 5)), "bonds": np.zeros((8, 6, 3))})
    >>> {name: answer.shape for name, answer in answers.items()}
    {'charges': TensorShape([8, 4, 2]), 'energy': TensorShape([8, 1])}
    """

    def __init__(
        self,
        inputs: Any,
        outputs: Any,
        where: str | dict[str, Any] | None = None,
        *,
        activation: Any = None,
        use_bias: bool = False,
        layout: str = "auto",
        **options: Any,
    ) -> None:
        check_options("EquivariantTerms", options, KERAS_ARGUMENTS)
        keras_options = {name: options.pop(name) for name in KERAS_ARGUMENTS if name in options}
        check_keras_flags(keras_options)
        super().__init__(**keras_options)
        self.supports_masking = True
        self.axes = group_axes(where)
        self.features_in = read_features(inputs, self.axes, "inputs")
        self.features_out = read_features(outputs, self.axes, "outputs")
        self.use_bias = checked_flag("use_bias", use_bias)
        self.layout = checked_choice("layout", layout, ("auto", "flat", "grid"))
        self.activation = keras.activations.get(activation)
        for feature in self.features_out.each:
            if any(slot.channels is None for slot in feature.slots):
                raise DeclarationError(
                    f"{feature.name} has no channels: say how many the layer makes, as in ({feature.text!r}, 8)"
                )
        # What the blocks read: the number of an input, and a space that it has.
        self._sources = [(place, slot.space) for place, each in enumerate(self.features_in.each) for slot in each.slots]
        self._channels: list[int] = []
        self.blocks: list[EquivariantDense] = []
        self._rows = [
            [self._row(feature, slot, options) for slot in feature.slots] for feature in self.features_out.each
        ]
        if self.use_bias and not any(block.use_bias for block in self.blocks):
            raise DeclarationError(
                f"no output of {self.declared_as()} can have a bias: signs flip in each of them, so it would have to be its own "
                "negative; drop use_bias"
            )

    def _row(self, feature: Feature, slot: Slot, options: dict[str, Any]) -> list[tuple[int, int]]:
        """Makes the blocks that add up in one slot of an output; their numbers, each with that of what it reads."""
        found = [
            (number, orbits(mapping_between(space, slot.space, self.axes)))
            for number, (_, space) in enumerate(self._sources)
        ]
        check_activation(found[0][1].mapping, self.activation)
        has_bias = self.use_bias and bias_pattern(found[0][1].mapping).rank > 0
        kept = [(number, each) for number, each in found if each.rank] or found[: int(has_bias)]
        if not kept:
            raise DeclarationError(
                f"the symmetry forces every weight of {feature.name} to zero, so the layer would answer 0 there to everything: use "
                "another space, or a bias"
            )
        row = []
        for number, each in kept:
            row.append((len(self.blocks), number))
            name = f"{self.features_in.each[self._sources[number][0]].name} to {feature.name}"
            own = _seeded_apart(options, len(self.blocks))
            own |= {"use_bias": has_bias and len(row) == 1, "name": one_word(name), "dtype": self.dtype_policy}
            self.blocks.append(EquivariantDense(slot.channels, each, layout="flat", **own))
        return row

    def build(self, input_shape: Any) -> None:
        """Make a kernel for each block."""
        arrived = self._arrivals(self.features_in.unpacked(input_shape))
        channels = [number for arrival in arrived for number in arrival.channels]
        self._channels = channels
        for row in (row for rows in self._rows for row in rows):
            # What one output point sees of all inputs together decides how large the initial values are.
            seen = np.zeros(self.blocks[row[0][0]].program.shape[0])
            met = [self._representatives(block)[:, 0] for block, _ in row]
            for rows_met, (_, source) in zip(met, row, strict=True):
                np.add.at(seen, rows_met, channels[source])
            for rows_met, (number, source) in zip(met, row, strict=True):
                block = self.blocks[number]
                if isinstance(block.kernel_initializer, OrbitInitializer):
                    block.kernel_initializer = block.kernel_initializer.bound(
                        block.declared.source, block.aggregation, seen[rows_met]
                    )
                block.build((None, block.program.shape[1], channels[source]))

    def example_shapes(self, channels: int) -> Any:
        """The shape of each input without leading dimensions; with so many channels where these are not known yet."""
        known = dict(zip((place for place, _ in self._sources), self._channels, strict=False))
        as_grid = self.layout == "grid"
        return self.features_in.packed(
            [
                shape_of(feature, as_grid, feature.slots[0].channels or known.get(place, channels))
                for place, feature in enumerate(self.features_in.each)
            ]
        )

    def _representatives(self, block: int) -> Permutation:
        found = self.blocks[block].orbits
        assert isinstance(found, Orbits)
        return found.representatives

    def call(self, inputs: Any, mask: Any = None, known: Any = None, inputs_mask: Any = None) -> Any:
        """Apply the layer to arrays as they are declared.

        Args:
            inputs: the arrays.
            mask: for some arrays (..., points), which points are there. Of the points of an axis it is said once: all
                arrays over that axis follow, means are over what is there, and answers at other points are 0.
            known: for some arrays (..., points), which entries are known; the layer answers everywhere.
            inputs_mask: where Keras puts the masks that came with the inputs if there are other arrays.
        """
        arrays = self.features_in.unpacked(inputs)
        arrived = self._arrivals([array.shape for array in arrays])
        lead = ops.shape(arrays[0])[: len(arrived[0].lead)]
        mask = inputs_mask if mask is None else mask
        axes = axes_there(self.features_in.each, arrays, self.features_in.some(mask))
        named = {
            self.axes.axes[axis].name: ops.reshape(points, (*lead, points.shape[-1])) for axis, points in axes.items()
        }
        found = [
            slot for parts in zip(self.features_in.each, arrived, arrays, strict=True) for slot in in_slots(*parts)
        ]
        entries = known_in_slots(self.features_in, arrays, known, lead)
        as_grid = self._as_grid(arrived)
        answers = []
        for feature, rows in zip(self.features_out.each, self._rows, strict=True):
            slots = [self._added(row, found, entries, named) for row in rows]
            answer = self.activation(from_slots(feature, slots, as_grid))
            answers.append(present(answer, mask_of(feature, axes, lead, shape_of(feature, as_grid)[:-1])))
        return self.features_out.packed(answers)

    def _added(self, row: list[tuple[int, int]], found: list[Any], entries: list[Any], named: dict[str, Any]) -> Any:
        answers = []
        for number, source in row:
            block = self.blocks[number]
            axes = () if block.declared.fixed is None else block.declared.fixed.axes
            own = {axis.name: named[axis.name] for axis in axes if axis.name in named}
            answers.append(block(found[source], mask=own or None, known=entries[source]))
        return sum(answers[1:], start=answers[0])

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Which points of each output are there: those made of points of axes that are; masks of whole examples are handed on."""
        if previous_mask is None:
            return None
        arrays, masks = self.features_in.unpacked(inputs), self.features_in.some(previous_mask)
        arrived = self._arrivals([array.shape for array in arrays])
        axes, as_grid = axes_there(self.features_in.each, arrays, masks), self._as_grid(arrived)
        of_examples = next(
            (mask for mask in masks if mask is not None and len(mask.shape) == len(arrived[0].lead)), None
        )
        found = [
            mask_of(feature, axes, arrived[0].lead, shape_of(feature, as_grid)[:-1])
            for feature in self.features_out.each
        ]
        return self.features_out.packed([of_examples if mask is None else mask for mask in found])

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of each output."""
        arrived = self._arrivals(self.features_in.unpacked(input_shape))
        as_grid = self._as_grid(arrived)
        return self.features_out.packed(
            [(*arrived[0].lead, *shape_of(feature, as_grid)) for feature in self.features_out.each]
        )

    def get_config(self) -> dict[str, Any]:
        first = self.blocks[0].get_config()
        return {
            **super().get_config(),
            **{name: first[name] for name in BLOCK_ARGUMENTS},
            "inputs": written(self.features_in.declared),
            "outputs": written(self.features_out.declared),
            "where": self.axes.clauses(Group.without_catalogue).removeprefix(" where ") or None,
            "use_bias": self.use_bias,
            "layout": self.layout,
            "activation": keras.activations.serialize(self.activation),
            "activity_regularizer": serialized(self.activity_regularizer),
            "fingerprints": [block.fingerprint for block in self.blocks],
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The layer of a saved config.

        Raises:
            DeclarationError: a saved declaration had other orbits than it has now, so that weights would be mixed up.
        """
        options = dict(config)
        saved = options.pop("fingerprints", None)
        layer = cls(**{**options, **{name: read_back(options[name]) for name in ("inputs", "outputs")}})
        check_fingerprints(layer.name, saved, layer.blocks)
        return layer

    def declared_as(self) -> str:
        """The declaration, for `describe`."""
        sides = (
            " + ".join(feature.text for feature in features.each) for features in (self.features_in, self.features_out)
        )
        return " -> ".join(sides) + self.axes.clauses(Group.in_short)

    def parameters_spared(self) -> int:
        """How many more parameters there would be if every pair of points, and every output, had its own."""
        return sum(block.parameters_spared() for block in self.blocks)

    def _arrivals(self, shapes: list[Any]) -> list[Arrival]:
        return arrivals(self.features_in.each, self.axes, self.layout, shapes)

    def _as_grid(self, arrived: list[Arrival]) -> bool:
        return self.layout == "grid" or any(arrival.is_grid for arrival in arrived)


def _seeded_apart(options: dict[str, Any], number: int) -> dict[str, Any]:
    """Arguments whose initializers draw other numbers for each block: from one seed equal kernels would come out equal."""
    own = dict(options)
    for name in ("kernel_initializer", "bias_initializer"):
        if own.get(name, "orbit") == "orbit":
            continue
        own[name] = keras.initializers.get(own[name])
        config = own[name].get_config()
        if is_whole(config.get("seed")):
            own[name] = type(own[name]).from_config({**config, "seed": config["seed"] + number})
    return own


def check_options(
    what: str, options: dict[str, Any], others: Sequence[str] = ("layout", "activity_regularizer")
) -> None:
    """Stop at an argument that the blocks of a layer do not take, nor is one of some others."""
    known = (*BLOCK_ARGUMENTS, *others)
    unknown = next((name for name in options if name not in known), None)
    if unknown is not None:
        raise DeclarationError(f"{what} takes no argument {unknown}{nearest(unknown, known)}")


def one_word(name: str) -> str:
    """A name as layers may have it: of letters, digits and underscores.

    >>> one_word("{p p} to 1")
    'p_p_to_1'
    """
    return re.sub(r"\W+", "_", name).strip("_")
