"""What an equivariant layer computes before its activation, as a function of features and weights."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from eqgen.common.arrays import signed_values
from eqgen.layers.execution.kinds.gather import gather_weight
from eqgen.layers.execution.run import Applied, Execution, Scale
from eqgen.layers.execution.weight_table import WeightTable, weight_table
from eqgen.orbitals.pattern import Pattern
from eqgen.programs.program import Program


@dataclass(frozen=True, eq=False)
class LinearMap:
    """`W x + bias`, with the weights as arguments: what a layer calls, and what `verify` calls in other dtypes.

    Attributes:
        program: how W is applied.
        scale: (rank,), what each parameter is multiplied by before it stands in the matrix; None for 1.
        execution: both made ready to run.
        bias_table: where each output point finds its bias, None without a bias.
    """

    program: Program
    scale: Scale
    execution: Execution
    bias_table: WeightTable | None

    def __call__(self, features: Any, kernel: Any, bias: Any, dtype: str) -> Any:
        """Apply the map to features (batch, n, channels_in) in the compute dtype: (batch, m, channels_out)."""
        return self.prepared(kernel, bias, dtype)(features)

    def prepared(self, kernel: Any, bias: Any, dtype: str) -> Applied:
        """The map with its weights: what is made of them is made once, however often it is applied.

        Args:
            kernel: (rank, channels_in, channels_out), or (rank,) for one channel, in the dtype of the variables.
            bias: (bias rank, channels_out), or (bias rank,); None to leave it out.
        """
        theta = ops.convert_to_tensor(kernel)
        # What is made of the parameters is no rougher than what it is applied to.
        theta = ops.cast(theta, dtype) if dtype == "float64" else theta
        theta = theta if len(theta.shape) >= 3 else ops.reshape(theta, (-1, 1, 1))
        without_bias = self.execution.prepared(theta, dtype)
        if bias is None:
            return without_bias
        shift = ops.cast(self.bias_on_points(bias), dtype)
        return lambda features: without_bias(features) + shift

    def bias_on_points(self, bias: Any) -> Any:
        """The bias of each output point, (m, channels_out), in the dtype of the variables."""
        assert self.bias_table is not None
        theta = ops.convert_to_tensor(bias)
        rank, channels = (*theta.shape, 1)[:2]
        points = gather_weight(self.bias_table, ops.reshape(theta, (rank, 1, channels)))
        return ops.reshape(points, (self.program.shape[0], channels))

    def matrix(self, pattern: Pattern, kernel: Any) -> np.ndarray:
        """W as a pattern says that it is, (m, n, channels_in, channels_out), in the dtype of the kernel."""
        theta = np.asarray(ops.convert_to_numpy(kernel))
        theta = theta if theta.ndim == 3 else theta[:, None, None]
        theta = theta if self.scale is None else theta * self.scale[:, None, None].astype(theta.dtype)
        return signed_values(theta, pattern.signed_labels)


def linear_map(program: Program, scale: Scale, bias: Pattern | None) -> LinearMap:
    """A program made ready to run, with its scale, and a bias that is shared as a pattern of shape (m, 1) says."""
    table = None if bias is None else weight_table(bias.signed_labels, bias.rank)
    return LinearMap(program, scale, Execution(program.blocks, program.shape[0], scale), table)
