"""What drives a gated cell: linear maps of features to gates and to a candidate, at each point of the state."""

from typing import Any

import keras
import numpy as np
from keras import ops

from eqgen.common.errors import DeclarationError
from eqgen.layers.dense import EquivariantDense
from eqgen.layers.execution.run import Applied
from eqgen.layers.execution.tensors import taken
from eqgen.layers.inputs.arguments import flipping
from eqgen.orbitals.gates import flipped_inputs, gate_mapping
from eqgen.orbitals.orbits import bias_pattern, orbits
from eqgen.spaces.mapping import Mapping


class Drive(keras.layers.Layer):
    """The pre-activations of gates and of a candidate, (batch, points of the state, (gates + 1) * units), the candidate last.

    Where no sign of the state flips, one layer makes them all. Where one does, a candidate turns with the state, and a gate, which
    multiplies it, must not: gates are made of the features and of the absolute values of those that turn, on points without signs.

    Args:
        mapping: from the points of the features to those of the state.
        units: channels of the state.
        gates: how many.
        use_bias: whether there is a bias wherever signs allow one.
        bias_initializers: of the gates (and a candidate that is made with them), and of a candidate that is made alone.
        options: what both layers take beside.
        **kwargs: name, dtype, as every Keras layer takes them.
    """

    def __init__(
        self,
        mapping: Mapping,
        units: int,
        gates: int,
        use_bias: bool,
        bias_initializers: tuple[Any, Any],
        options: dict[str, Any],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.flipped = np.empty(0, dtype=np.int32)
        self.gates: EquivariantDense | None = None
        options = {**options, "layout": "flat", "dtype": self.dtype_policy}
        of_gates, of_candidate = bias_initializers
        width, initializer = (gates + 1) * units, of_gates
        if gates and flipping(mapping) is not None:
            width, initializer = units, of_candidate
            self.flipped = flipped_inputs(mapping).astype(np.int32)
            gating = gate_mapping(mapping)
            self.gates = EquivariantDense(
                gates * units,
                gating,
                use_bias=use_bias,
                bias_initializer=of_gates,
                name=f"{self.name}_gates",
                **options,
            )
        found = orbits(mapping)
        if not found.rank:
            raise DeclarationError(
                f"the symmetry of {mapping.in_short()} forces every weight from features to the state to zero: use another space "
                "for the state"
            )
        has_bias = use_bias and bias_pattern(mapping).rank > 0
        self.candidate = EquivariantDense(
            width, found, use_bias=has_bias, bias_initializer=initializer, name=self.name, **options
        )

    def build(self, input_shape: Any) -> None:
        """Make the weights for features (batch, points, channels)."""
        *_, points, channels = input_shape
        self.candidate.build((None, points, channels))
        if self.gates is not None:
            self.gates.build((None, points + len(self.flipped), channels))

    def call(self, features: Any) -> Any:
        """Of features (batch, points, channels) in the compute dtype."""
        return self.prepared()(features)

    def prepared(self, mask: Any = None) -> Applied:
        """What `call` computes; all that is made of the weights is made once, for any number of steps.

        Args:
            mask: (batch, points), which points of the features are there; None where all are.
        """
        candidate = _prepared(self.candidate, mask)
        sizes = mask if mask is None else ops.concatenate([mask, taken(mask, self.flipped, 1)], axis=1)
        gates = None if self.gates is None else _prepared(self.gates, sizes)

        def driven(features: Any) -> Any:
            made = candidate(features)
            if gates is None:
                return made
            if len(self.flipped):
                features = ops.concatenate([features, ops.abs(taken(features, self.flipped, 1))], axis=1)
            return ops.concatenate([gates(features), made], axis=-1)

        return driven


def _prepared(dense: EquivariantDense, mask: Any) -> Applied:
    if mask is not None:
        return lambda features: dense.call(features, mask)
    return dense.linear.prepared(dense.kernel, dense.bias, dense.compute_dtype)
