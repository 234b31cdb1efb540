"""EquivariantAttention: self-attention whose scores carry a learned number for each orbit of pairs of points."""

from functools import cached_property
from typing import Any

import keras
import numpy as np
from keras import ops

from eqgen.common.errors import DeclarationError, checked_flag, is_whole
from eqgen.common.memory import refuse_large_weight
from eqgen.layers.execution.tensors import constant, matmul, taken
from eqgen.layers.inputs.shape import check_channels, present, read_shape
from eqgen.layers.point_layer import PointLayer
from eqgen.orbitals.fingerprint import fingerprint
from eqgen.orbitals.orbits import orbits
from eqgen.spaces.mapping import Mapping


@keras.saving.register_keras_serializable(package="eqgen")
class EquivariantAttention(PointLayer):
    """Multi-head self-attention between points, with one learned bias for each orbit of pairs and head.

    `softmax(q_i k_j / sqrt(key_dim) + bias[label of (i, j)])`: relative position bias (Shaw et al., "Self-attention with
    relative position representations", 2018; Raffel et al., "T5", 2020) for any group. Of a cyclic group it is a bias for
    each offset; of a graph's automorphisms it tells neighbours from others. A support leaves the other pairs out of the sum.

    Args:
        num_heads: how many heads.
        key_dim: channels of each head.
        declaration: the space, as in `"p where p = C(12)"`, or a mapping of it to itself, which may have a support.
        use_bias: whether the projections have a bias.
        **kwargs: name, dtype, as every Keras layer takes them.

    Raises:
        DeclarationError: the declaration cannot be read or leads to another space, signs flip, or a size is not positive.

    Input shape:
        (..., points, channels); a grid in place of the points where the space is one, as `h w` is. Points that are not
        there or not known are not attended to; where nobody is left, a point attends to all alike.

    Output shape:
        The same.

    >>> import numpy as np
    >>> EquivariantAttention(2, 4, "p where p = C(6)")(np.zeros((1, 6, 3))).shape
    TensorShape([1, 6, 3])
    """

    def __init__(
        self, num_heads: int, key_dim: int, declaration: Mapping | str, *, use_bias: bool = True, **kwargs: Any
    ) -> None:
        for name, size in (("num_heads", num_heads), ("key_dim", key_dim)):
            if not is_whole(size, 1):
                raise DeclarationError(f"{name} is a positive whole number, got {size!r}")
        super().__init__(declaration, **kwargs)
        self.num_heads, self.key_dim = int(num_heads), int(key_dim)
        self.check_unsigned("attention, which is not odd, would break the symmetry: attend to absolute values")
        self.orbits = orbits(self.mapping)
        labels = self.orbits.labels
        lonely = np.flatnonzero((labels < 0).all(axis=1))
        if lonely.size:
            raise DeclarationError(
                f"the support of {self.mapping.in_short()} leaves point {lonely[0] + 1} nothing to attend to: add its pair "
                "with itself"
            )
        self._places = np.maximum(labels, 0).astype(np.int32).ravel()
        self._left_out = np.where(labels < 0, -np.inf, 0.0) if (labels < 0).any() else None
        self.use_bias = checked_flag("use_bias", use_bias)
        self.query: Any = None
        self.key: Any = None
        self.value: Any = None
        self.output_kernel: Any = None
        self.query_bias: Any = None
        self.value_bias: Any = None
        self.output_bias: Any = None
        self.pair_bias: Any = None

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the orbits of pairs: a saved layer whose orbits differ is refused."""
        return fingerprint(self.orbits)

    def build(self, input_shape: Any) -> None:
        """Make the projections and the biases of pairs."""
        channels, width = read_shape(input_shape, self.sides).channels, self.num_heads * self.key_dim
        refuse_large_weight(f"a projection of {self.name!r}", (channels, width))
        self.query = self.add_weight(name="query", shape=(channels, width), initializer="glorot_uniform")
        self.key = self.add_weight(name="key", shape=(channels, width), initializer="glorot_uniform")
        self.value = self.add_weight(name="value", shape=(channels, width), initializer="glorot_uniform")
        self.output_kernel = self.add_weight(name="output", shape=(width, channels), initializer="glorot_uniform")
        if self.use_bias:
            # A bias of the keys would add the same to all scores of a point.
            self.query_bias = self.add_weight(name="query_bias", shape=(width,), initializer="zeros")
            self.value_bias = self.add_weight(name="value_bias", shape=(width,), initializer="zeros")
            self.output_bias = self.add_weight(name="output_bias", shape=(channels,), initializer="zeros")
        pairs = (self.orbits.rank, self.num_heads)
        self.pair_bias = self.add_weight(name="pair_bias", shape=pairs, initializer="zeros")

    def call(self, inputs: Any, mask: Any = None, known: Any = None, inputs_mask: Any = None) -> Any:
        """Attend.

        Args:
            mask: (..., points), which are there: others are not attended to, and answers there are 0.
            known: (..., points), which are known: others are not attended to, and attend as zeros do.
            inputs_mask: where Keras puts the mask that came with the inputs if there is another array.
        """
        n, heads, size = self.size, self.num_heads, self.key_dim
        check_channels(self.query.shape[0], inputs.shape)
        shape = ops.shape(inputs)
        inputs, there = self.flat(inputs, inputs_mask if mask is None else mask, known)
        mask = None if there is None else there.inputs
        # A weight of zero times what is infinite would not be zero.
        inputs = present(inputs, mask)
        flat = ops.reshape(inputs, (-1, n, inputs.shape[-1]))
        query = self._heads(flat, self.query, self.query_bias) * (size**-0.5)
        scores = matmul(query, ops.transpose(self._heads(flat, self.key, None), (0, 1, 3, 2)))
        # Exponentials and their sums are held in single precision at least.
        scores = ops.cast(scores, "float64" if self.compute_dtype == "float64" else "float32")
        biases = taken(ops.cast(self.pair_bias, scores.dtype), self._places, 0)
        scores = scores + ops.transpose(ops.reshape(biases, (n, n, heads)), (2, 0, 1))
        if mask is not None:
            seen = ops.reshape(ops.cast(mask, "bool"), (-1, 1, 1, n))
            scores = ops.where(seen, scores, ops.cast(-1e9, scores.dtype))
        if self._left_out is not None:
            # Last, so that whoever has nobody left to attend to still stays within the support.
            scores = scores + constant(self._left_out, scores)
        weights = ops.cast(ops.softmax(scores, axis=-1), self.compute_dtype)
        # What was summed over points is not rounded again: it would be rounded otherwise where points stand in another order.
        mixed = matmul(weights, self._heads(flat, self.value, self.value_bias), precise=True)
        mixed = ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), (-1, n, heads * size))
        answers = ops.reshape(_projected(mixed, self.output_kernel, self.output_bias, precise=True), shape)
        return answers if there is None else there.at_outputs(answers)

    def get_config(self) -> dict[str, Any]:
        own = {"num_heads": self.num_heads, "key_dim": self.key_dim, "use_bias": self.use_bias}
        return {**super().get_config(), **own}

    def parameters_spared(self) -> int:
        """How many more parameters there would be if every pair of points had its own."""
        return (self.size**2 - self.orbits.rank) * self.num_heads

    def _heads(self, flat: Any, kernel: Any, bias: Any) -> Any:
        """(batch, heads, points, key_dim) of a projection."""
        heads = ops.reshape(_projected(flat, kernel, bias), (-1, self.size, self.num_heads, self.key_dim))
        return ops.transpose(heads, (0, 2, 1, 3))


def _projected(features: Any, kernel: Any, bias: Any, *, precise: bool = False) -> Any:
    product = matmul(features, ops.cast(kernel, features.dtype), precise=precise)
    return product if bias is None else product + ops.cast(bias, product.dtype)
