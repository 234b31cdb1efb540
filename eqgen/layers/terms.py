"""EquivariantTerms: a dense layer between several arrays, each with points and channels of its own."""

import re
from typing import Any, Self

import keras
import numpy as np

from eqgen.common.arrays import Permutation
from eqgen.common.errors import DeclarationError, checked_choice, checked_flag, is_whole
from eqgen.language.meant import nearest
from eqgen.layers.dense import SERIALIZED, EquivariantDense
from eqgen.layers.initializers import OrbitInitializer, serialized
from eqgen.layers.inputs.arguments import check_activation, check_fingerprint, check_keras_flags
from eqgen.layers.inputs.features import Arrival, arrivals, from_slots, in_slots, shape_of
from eqgen.layers.inputs.shape import handed_on
from eqgen.orbitals.features import Feature, Slot, group_axes, read_back, read_features, written
from eqgen.orbitals.orbits import Orbits, bias_pattern, orbits
from eqgen.permutations.group import Group
from eqgen.spaces.mapping import mapping_between
from eqgen.spaces.space import Space

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
        inputs, outputs: the arrays, as they were read.
        axes: a mapping that carries the group.
        blocks: one EquivariantDense for each output and input between which there is a weight.

    Raises:
        DeclarationError: a declaration cannot be read, the symmetry forces an output to zero, or an argument is unknown; and when
            called, an array is missing or unknown, or its shape is not that of its space and channels.

    Input shape:
        A dict or a list of (..., points, channels), a grid in place of the points, or (..., numbers) for a vector of parts.

    Output shape:
        The same, of the outputs.

    >>> import numpy as np
    >>> layer = EquivariantTerms({"atoms": "p", "bonds": "{p p}"}, {"charges": ("p", 2), "energy": ("1", 1)}, "p = S(4)")
    >>> answers = layer({"atoms": np.zeros((8, 4, 5)), "bonds": np.zeros((8, 6, 3))})
    >>> {name: answer.shape for name, answer in answers.items()}
    {'charges': TensorShape([8, 4, 2]), 'energy': TensorShape([8, 1, 1])}
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
        unknown = next((name for name in options if name not in (*BLOCK_ARGUMENTS, *KERAS_ARGUMENTS)), None)
        if unknown is not None:
            raise DeclarationError(
                f"EquivariantTerms takes no argument {unknown}{nearest(unknown, (*BLOCK_ARGUMENTS, *KERAS_ARGUMENTS))}"
            )
        keras_options = {name: options.pop(name) for name in KERAS_ARGUMENTS if name in options}
        check_keras_flags(keras_options)
        super().__init__(**keras_options)
        self.supports_masking = True
        self.axes = group_axes(where)
        self.inputs = read_features(inputs, self.axes, "inputs")
        self.outputs = read_features(outputs, self.axes, "outputs")
        self.use_bias = checked_flag("use_bias", use_bias)
        self.layout = checked_choice("layout", layout, ("auto", "flat", "grid"))
        self.activation = keras.activations.get(activation)
        for feature in self.outputs.each:
            if any(slot.channels is None for slot in feature.slots):
                raise DeclarationError(
                    f"{feature.name} has no channels: say how many the layer makes, as in ({feature.text!r}, 8)"
                )
        # What the blocks read: the number of an input, and a space that it has.
        self._sources = [(place, slot.space) for place, each in enumerate(self.inputs.each) for slot in each.slots]
        self.blocks: list[EquivariantDense] = []
        self._rows = [[self._row(feature, slot, options) for slot in feature.slots] for feature in self.outputs.each]

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
            name = f"{self.inputs.each[self._sources[number][0]].name} to {feature.name}"
            own = _seeded_apart(options, len(self.blocks))
            own |= {"use_bias": has_bias and len(row) == 1, "name": one_word(name), "dtype": self.dtype_policy}
            self.blocks.append(EquivariantDense(slot.channels, each, layout="flat", **own))
        return row

    def build(self, input_shape: Any) -> None:
        """Make a kernel for each block."""
        arrived = self._arrivals(self.inputs.unpacked(input_shape))
        channels = [number for arrival in arrived for number in arrival.channels]
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

    def _representatives(self, block: int) -> Permutation:
        found = self.blocks[block].orbits
        assert isinstance(found, Orbits)
        return found.representatives

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Apply the layer to arrays as they are declared; points that a mask (..., n) of one leaves out count as zero."""
        arrays = self.inputs.unpacked(inputs)
        masks = [None] * len(arrays) if mask is None else self.inputs.unpacked(mask)
        arrived = self._arrivals([array.shape for array in arrays])
        found = [
            slot for parts in zip(self.inputs.each, arrived, arrays, masks, strict=True) for slot in in_slots(*parts)
        ]
        as_grid = self._as_grid(arrived)
        answers = []
        for feature, rows in zip(self.outputs.each, self._rows, strict=True):
            slots = [self._added(row, found) for row in rows]
            answers.append(self.activation(from_slots(feature, slots, as_grid)))
        return self.outputs.packed(answers)

    def _added(self, row: list[tuple[int, int]], found: list[tuple[Any, Any]]) -> Any:
        answers = [self.blocks[block](found[source][0], mask=found[source][1]) for block, source in row]
        return sum(answers[1:], start=answers[0])

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """For each output the mask of an input on the same points; a mask of whole examples is handed on to all."""
        if previous_mask is None:
            return None
        arrays, masks = self.inputs.unpacked(inputs), self.inputs.unpacked(previous_mask)
        come = [
            (feature.space, handed_on(mask, array.shape, same_points=False), mask)
            for feature, array, mask in zip(self.inputs.each, arrays, masks, strict=True)
        ]
        return self.outputs.packed([_mask_of(feature, come) for feature in self.outputs.each])

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of each output."""
        arrived = self._arrivals(self.inputs.unpacked(input_shape))
        as_grid = self._as_grid(arrived)
        return self.outputs.packed([(*arrived[0].lead, *shape_of(feature, as_grid)) for feature in self.outputs.each])

    def get_config(self) -> dict[str, Any]:
        first = self.blocks[0].get_config()
        return {
            **super().get_config(),
            **{name: first[name] for name in BLOCK_ARGUMENTS},
            "inputs": written(self.inputs.declared),
            "outputs": written(self.outputs.declared),
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
        saved = options.pop("fingerprints", [])
        layer = cls(**{**options, **{name: read_back(options[name]) for name in ("inputs", "outputs")}})
        for block, fingerprint in zip(layer.blocks, saved, strict=True):
            declared = block.declared
            check_fingerprint(layer.name, fingerprint, block.fingerprint, declared.source, declared.short_title)
        return layer

    def _arrivals(self, shapes: list[Any]) -> list[Arrival]:
        return arrivals(self.inputs.each, self.axes, self.layout, shapes)

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


def one_word(name: str) -> str:
    """A name as layers may have it: of letters, digits and underscores.

    >>> one_word("{p p} to 1")
    'p_p_to_1'
    """
    return re.sub(r"\W+", "_", name).strip("_")


def _mask_of(output: Feature, come: list[tuple[Space, Any, Any]]) -> Any:
    whole = (handed for _, handed, _ in come if handed is not None)
    same = (mask for space, _, mask in come if space == output.space and mask is not None)
    return next(same, next(whole, None))
