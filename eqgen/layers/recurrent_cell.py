"""EquivariantRNNCell: one step in time of a gated cell whose state lives on the points of a space."""

from typing import Any, Self

import keras
from keras import ops

from eqgen.common.errors import DeclarationError, checked_choice, checked_flag
from eqgen.layers.dense import EquivariantDense
from eqgen.layers.drive import Drive
from eqgen.layers.execution.tensors import activated
from eqgen.layers.initializers import OrbitInitializer, serialized
from eqgen.layers.inputs.arguments import check_activation, check_fingerprints, check_keras_flags, checked_units
from eqgen.layers.inputs.shape import Shape, Sides, present, read_shape, shown
from eqgen.layers.masks.reading import read_masks
from eqgen.orbitals.declare import looks_like_mapping, one_space
from eqgen.orbitals.declare import mapping as as_mapping
from eqgen.spaces.mapping import Mapping, identity_mapping

GATES = {"simple": 0, "gru": 2, "lstm": 3}
"""How many gates a cell of each kind has beside its candidate."""


@keras.saving.register_keras_serializable(package="eqgen")
class EquivariantRNNCell(keras.layers.Layer):
    """One step of a GRU, an LSTM or a simple recurrent network between features of points, for `eq.EquivariantRNN`.

    The kernel maps the input space to the output space, where the state lives, the recurrent kernel that space to itself: all
    linear maps that commute with the group, of all gates at once. On one point the cell is that of Keras: Cho et al., "Learning
    phrase representations using RNN encoder-decoder", 2014, with the reset gate after the product; Hochreiter and Schmidhuber,
    "Long short-term memory", 1997, whose forget gates begin with a bias of 1. Channels of a kernel are update, reset, candidate of
    "gru", and forget, input, output, candidate of "lstm".

    Where signs of the state flip, its activation is odd, so that candidates turn with the state, and gates, which multiply it, are
    made for the same points without signs: of all linear maps from the features, and from the absolute values of those that turn.
    A bias stands wherever signs allow one. So each step commutes with the group exactly, whatever the weights.

    Args:
        units: channels of the state.
        declaration: a mapping from the points of the input to those of the state, or the space of both; its text or a Mapping. A
            support of a space to itself is that of the recurrent kernel too.
        kind: "gru", "lstm" or "simple".
        activation, recurrent_activation: of candidates and of gates, as in `keras.layers.GRUCell`.
        use_bias: whether there are biases, one for each point orbit and channel.
        kernel_initializer, recurrent_initializer: "orbit" (see `OrbitInitializer`) or any Keras initializer.
        bias_initializer, kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint: as in `keras.layers.GRUCell`; those of kernels act on theta.
        aggregation: "mean" or "sum", as in `EquivariantDense`.
        **kwargs: name, dtype, trainable, as every Keras layer takes them.

    Attributes:
        mapping: from the input to the state.
        state_size, output_size: points times units, for Keras' own layers know states and outputs (batch, size) alone; the units of
            a point stand side by side.

    Raises:
        DeclarationError: the declaration cannot be read or leaves no way from the input to the state, or an activation is not odd
            where signs flip.

    Input shape:
        (batch, points, channels), a grid in place of the points where the space is one, or (batch, points * channels), as a cell
        before it answers.

    Output shape:
        (batch, points of the state * units), and a list of states of that shape: one, two of "lstm".

    >>> import numpy as np
    >>> cell = EquivariantRNNCell(4, "p -> p where p = S(5)")
    >>> answer, states = cell(np.zeros((2, 5, 3)), cell.get_initial_state(2))
    >>> answer.shape
    TensorShape([2, 20])
    """

    def __init__(
        self,
        units: int,
        declaration: Mapping | str,
        *,
        kind: str = "gru",
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "orbit",
        recurrent_initializer: Any = "orbit",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        aggregation: str = "mean",
        **kwargs: Any,
    ) -> None:
        check_keras_flags(kwargs)
        super().__init__(**kwargs)
        if units is None:
            raise DeclarationError("units is the number of channels of the state, a positive whole number; got None")
        self.units = int(checked_units(units) or 0)
        is_space = isinstance(declaration, str) and not looks_like_mapping(declaration)
        self.mapping = one_space(declaration) if is_space else as_mapping(declaration)
        own_space = self.mapping.input == self.mapping.output
        recurrent = self.mapping if own_space else identity_mapping(self.mapping.output, self.mapping)
        self.kind = checked_choice("kind", kind, tuple(GATES))
        self.activation = keras.activations.get(activation)
        check_activation(self.mapping, self.activation)
        self.recurrent_activation = keras.activations.get(recurrent_activation)
        self.use_bias = checked_flag("use_bias", use_bias)
        self.aggregation = aggregation
        self._kernels = {
            "kernel_initializer": _initializer(kernel_initializer),
            "recurrent_initializer": _initializer(recurrent_initializer),
            "bias_initializer": keras.initializers.get(bias_initializer),
            "kernel_regularizer": keras.regularizers.get(kernel_regularizer),
            "recurrent_regularizer": keras.regularizers.get(recurrent_regularizer),
            "bias_regularizer": keras.regularizers.get(bias_regularizer),
            "kernel_constraint": keras.constraints.get(kernel_constraint),
            "recurrent_constraint": keras.constraints.get(recurrent_constraint),
            "bias_constraint": keras.constraints.get(bias_constraint),
        }
        self.input_drive = self._drive("input", self.mapping, "kernel", self.use_bias)
        self.recurrent_drive = self._drive("recurrent", recurrent, "recurrent", self.use_bias and kind == "gru")
        self._prepared: tuple[Any, Any] | None = None
        self._there: Any = None
        self._sides = Sides(self.mapping.input.shape, self.mapping.output.shape, self.units)
        self.points = self.mapping.output.size
        self.output_size = self.points * self.units
        self.state_size = [self.output_size] * (2 if kind == "lstm" else 1)

    def _drive(self, name: str, mapping: Mapping, weights: str, use_bias: bool) -> Drive:
        """The pre-activations that come from the input, or from the state; options of their weights are named alike."""
        options = {
            **{f"bias_{option}": self._kernels[f"bias_{option}"] for option in ("regularizer", "constraint")},
            **{
                f"kernel_{option}": self._kernels[f"{weights}_{option}"]
                for option in ("initializer", "regularizer", "constraint")
            },
            "aggregation": self.aggregation,
        }
        plain = self._kernels["bias_initializer"]
        gates = _forgetting(plain, self.units) if self.kind == "lstm" else plain
        return Drive(
            mapping, self.units, GATES[self.kind], use_bias, (gates, plain), options, name=name, dtype=self.dtype_policy
        )

    def build(self, input_shape: Shape) -> None:
        """Make the weights for one step (batch, points, channels)."""
        channels = self._channels(input_shape)
        self.input_drive.build((None, self.mapping.input.size, channels))
        self.recurrent_drive.build((None, self.points, self.units))

    def call(self, inputs: Any, states: Any) -> tuple[Any, Any]:
        """One step: the state on all points, (batch, points * units), and all states that the next step is given."""
        lead = ops.shape(inputs)[0]
        given = states if keras.tree.is_nested(states) else [states]
        state, *memory = (ops.reshape(one, (lead, self.points, self.units)) for one in given)
        drive, recurrent = self._prepared or (self.input_drive.prepared(), self.recurrent_drive.prepared())
        of_input = inputs if drive is None else drive(self._features(inputs, lead))
        new = [present(one, self._there) for one in self._stepped(of_input, recurrent(state), state, *memory)]
        new = [ops.reshape(one, (lead, self.output_size)) for one in new]
        return new[0], new if keras.tree.is_nested(states) else new[0]

    def begin(self, mask: Any = None) -> None:
        """Make once what all steps share, until `end`.

        Args:
            mask: (batch, points), which points of the input are there at any step.
        """
        self._there = None if mask is None else self.state_mask(mask)
        self._prepared = (self.input_drive.prepared(mask), self.recurrent_drive.prepared(self._there))

    def ahead(self, sequences: Any, mask: Any = None) -> Any:
        """What sequences (batch, time, ...) drive, of all steps at once, which steps are given in their place until `end`.

        Args:
            sequences: features as the steps take them.
            mask: (batch, time, points), which points are there.
        """
        if self._prepared is None or type(self).call is not EquivariantRNNCell.call:
            return sequences
        steps = ops.reshape(sequences, (-1, *sequences.shape[2:]))
        of_steps = None if mask is None else ops.reshape(mask, (-1, self.mapping.input.size))
        driven = self.input_drive.prepared(of_steps)(self._features(steps, ops.shape(steps)[0]))
        self._prepared = (None, self._prepared[1])
        return ops.reshape(driven, (*ops.shape(sequences)[:2], *driven.shape[1:]))

    def end(self) -> None:
        """Forget what the steps shared."""
        self._prepared = self._there = None

    def state_mask(self, mask: Any) -> Any:
        """Which points of the state are there, (batch, points), of a mask of the input; None for all."""
        found = read_masks(mask, None, (*mask.shape, 1), mask.shape[:1], self.mapping.input.size, self.mapping)
        return None if found is None else found.outputs

    def _features(self, inputs: Any, lead: Any) -> Any:
        """Inputs of so many steps as (steps, points, channels) in the compute dtype."""
        shape = (lead, self.mapping.input.size, self._channels(inputs.shape))
        return ops.reshape(ops.cast(inputs, self.compute_dtype), shape)

    def _stepped(self, of_input: Any, of_state: Any, state: Any, memory: Any = None) -> list[Any]:
        """The new states, (batch, points, units), from what the input and the old state drive."""
        split = GATES[self.kind] * self.units
        driven = of_input[..., :split] + of_state[..., :split]
        gates = self.recurrent_activation(driven)
        gate = [gates[..., start : start + self.units] for start in range(0, split, self.units)]
        of_input, of_state = of_input[..., split:], of_state[..., split:]
        if self.kind == "gru":
            kept, reset = gate
            # Of a gate that is nearly 1 the difference from 1 would be rounding alone.
            is_sigmoid = self.recurrent_activation is keras.activations.sigmoid
            entered = ops.sigmoid(-driven[..., : self.units]) if is_sigmoid else 1 - kept
            return [kept * state + entered * activated(self.activation, of_input + reset * of_state)]
        candidate = activated(self.activation, of_input + of_state)
        if self.kind == "simple":
            return [candidate]
        kept, entered, shown = gate
        memory = kept * memory + entered * candidate
        return [shown * activated(self.activation, memory), memory]

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """Zeros, which no group element moves."""
        return [ops.zeros((batch_size, size), dtype=self.compute_dtype) for size in self.state_size]

    def dense_layers(self) -> list[EquivariantDense]:
        """The linear maps that it is made of."""
        drives = (self.input_drive, self.recurrent_drive)
        return [layer for drive in drives for layer in (drive.candidate, drive.gates) if layer is not None]

    def get_config(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("units", "kind", "use_bias", "aggregation")}
        return {
            **super().get_config(),
            **own,
            "declaration": self.mapping.without_catalogue(),
            "fingerprint": [layer.fingerprint for layer in self.dense_layers()],
            "activation": keras.activations.serialize(self.activation),
            "recurrent_activation": keras.activations.serialize(self.recurrent_activation),
            **{name: serialized(value) for name, value in self._kernels.items()},
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The cell of a saved config.

        Raises:
            DeclarationError: the saved declaration had other orbits than it has now, so that weights would be mixed up.
        """
        options = dict(config)
        saved = options.pop("fingerprint", None)
        cell = cls(**options)
        check_fingerprints(cell.name, saved, cell.dense_layers())
        return cell

    def _channels(self, shape: Shape) -> int:
        """The channels of one step."""
        size = self.mapping.input.size
        if len(shape) == 2 and shape[1] is not None and shape[1] % size == 0:
            return shape[1] // size
        reading = read_shape(shape, self._sides)
        if reading.lead != 1:
            raise DeclarationError(
                f"one step is (batch, {size}, channels), a sequence (batch, time, {size}, channels): got a step {shown(shape)}"
            )
        return reading.channels


def _initializer(given: Any) -> Any:
    return OrbitInitializer() if given == "orbit" else keras.initializers.get(given)


def _forgetting(initializer: Any, units: int) -> Any:
    """An initializer of biases that begins with 1 in the first channels, those of the forget gate (Jozefowicz et al. 2015)."""

    def values(shape: Any, dtype: Any = None) -> Any:
        first = ops.arange(shape[-1]) < units
        drawn = initializer(shape, dtype=dtype)
        return ops.where(first, ops.ones((), dtype=drawn.dtype), drawn)

    return values
