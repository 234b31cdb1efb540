"""EquivariantDense: a dense layer whose weight matrix keeps the form that a symmetry, or a typed pattern, gives it."""

from __future__ import annotations

from typing import Any, cast

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from eqgen.common.arrays import Labels, Signs
from eqgen.common.errors import DeclarationError
from eqgen.layers.convert import restrict, to_dense
from eqgen.layers.execution.gather import gather_weight, weight_table
from eqgen.layers.execution.run import Execution
from eqgen.layers.execution.tensors import constant
from eqgen.layers.initializers import OrbitInitializer
from eqgen.layers.inputs.arguments import checked_aggregation, checked_units
from eqgen.layers.inputs.declaration import as_row, grids, named, read_bias, read_declaration, refuse_other_orbits
from eqgen.layers.inputs.masks import handed_on, of_points, present
from eqgen.layers.inputs.points import refuse_channels
from eqgen.layers.inputs.shape import Shape, Sides, checked_layout, read_shape
from eqgen.layers.inputs.signs import refuse_activation
from eqgen.orbitals.matrix import PairLabels
from eqgen.orbitals.orbits import Orbits, fingerprint
from eqgen.orbitals.pattern import Pattern
from eqgen.permutations.group import Group
from eqgen.programs.lowering import program, refuse_unknown
from eqgen.programs.program import Program
from eqgen.spaces.mapping import Mapping


@keras.saving.register_keras_serializable(package="eqgen")
class EquivariantDense(keras.layers.Layer):
    """A dense layer `y = activation(W x + bias)` whose W has one shared parameter per orbit of index pairs.

    `W[i, j] = sign[i, j] * theta[labels[i, j]]` with `aggregation="sum"`, divided by the orbit's row size with "mean", so
    that each parameter multiplies the mean over its orbit. theta is all that is trained: no training step can break the
    form. How W is applied is a program, `layer.program`, chosen by cost when the layer is built: W itself is made only where
    nothing is cheaper. (Ravanbakhsh, Schneider, Poczos, "Equivariance through parameter-sharing", ICML 2017: these are all
    the linear maps that commute with the group.)

    Args:
        units: output channels; None for the scalar layer, whose trainable numbers are exactly a, b, c, ...
        declaration: a Mapping (or its Orbits, when they are computed already), a Pattern, or the text of a mapping or pattern.
        activation: as in `keras.layers.Dense`.
        use_bias: whether to add one parameter per point orbit of the output (and channel).
        bias: for a typed pattern, which outputs share a bias: `bias="a a b"`; it brings the bias with it.
        kernel_initializer: "orbit" (see `OrbitInitializer`) or any Keras initializer.
        bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint: as
            in `keras.layers.Dense`; those of the kernel act on theta.
        aggregation: "mean" (the default with channels) or "sum" (always for `units=None`).
        lowering: "auto" for the cheapest program, or "gather", "pooled", "spectral", "local" (see `eqgen.program`); all compute
            the same numbers to rounding, from the same kernel.
        layout: "flat" for features (..., n, channels), "grid" for (..., 28, 28, channels) when a side is `h w`, "auto" to
            tell by the shape.
        **kwargs: name, dtype, trainable, as every Keras layer takes them.

    Raises:
        DeclarationError: the declaration cannot be read, forces every weight to zero, or does not fit the other arguments.

    Input shape:
        (..., n, channels_in), or (..., n) with `units=None`; a grid in place of n where the layout allows.

    Output shape:
        (..., m, units), or (..., m); a grid in place of m when the input was one.

    >>> import eqgen as eq
    >>> layer = eq.EquivariantDense(None, "a b b; b a b; b b a", kernel_initializer="ones")
    >>> layer(np.array([[1.0, 2.0, 3.0]])).shape
    TensorShape([1, 3])
    >>> layer.weight_matrix()
    array([[1., 1., 1.],
           [1., 1., 1.],
           [1., 1., 1.]], dtype=float32)
    """

    def __init__(
        self,
        units: int | None,
        declaration: Mapping | Orbits | Pattern | str,
        *,
        activation: Any = None,
        use_bias: bool = False,
        bias: str | Pattern | None = None,
        kernel_initializer: Any = "orbit",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        aggregation: str | None = None,
        layout: str = "auto",
        lowering: str = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.supports_masking = True
        self.units = checked_units(units)
        self.aggregation = checked_aggregation(aggregation, self.units)
        refuse_unknown(lowering)
        self.lowering = lowering
        self.orbits, self._typed = read_declaration(declaration)
        self.use_bias, self.bias_pattern = read_bias(use_bias, bias, self.orbits, self._typed)
        if self.rank == 0 and not self.use_bias:
            raise DeclarationError(
                f"{named(self.orbits, self._typed)} forces every weight to zero, so the layer would answer 0 to everything: "
                "use another output space, or a bias"
            )
        self._sides = Sides(*grids(self.orbits, self._typed), self.units, checked_layout(layout))
        shared = self.bias_pattern
        self._bias_table = None if shared is None else weight_table(shared.labels, shared.signs, shared.rank)
        self._program: Program | None = None
        self._execution: Execution | None = None
        if lowering != "auto":
            # What is asked for is there, or refused here and not when the layer is built.
            self._planned(self.units or 1)
        self.activation = keras.activations.get(activation)
        if self.mapping is not None:
            refuse_activation(self.mapping, self.activation)
        self.kernel_initializer = (
            OrbitInitializer() if kernel_initializer == "orbit" else keras.initializers.get(kernel_initializer)
        )
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.kernel: Any = None
        self.bias: Any = None

    @property
    def mapping(self) -> Mapping | None:
        """The declared mapping, None for a typed pattern."""
        return None if self.orbits is None else self.orbits.mapping

    @property
    def rank(self) -> int:
        """How many parameters the kernel has for each pair of channels."""
        return self._sizes().rank

    @property
    def pattern(self) -> Pattern:
        """The symbolic weight matrix; of a mapping it is made when it is first asked for.

        Raises:
            DeclarationError: the table would not fit in memory.
        """
        return self.orbits.pattern if self.orbits is not None else cast(Pattern, self._typed)

    @property
    def program(self) -> Program:
        """How the layer is applied; before it is built, for as many input channels as output channels."""
        if self._program is None:
            self._program = self._planned(self.units or 1)
        return self._program

    @property
    def layout(self) -> str:
        """How input shapes are read: "auto", "flat" or "grid"."""
        return self._sides.layout

    def build(self, input_shape: Shape) -> None:
        """Make the kernel for inputs of this shape."""
        reading = read_shape(input_shape, self._sides)
        channels = () if self.units is None else (reading.channels, self.units)
        initializer = self.kernel_initializer
        if isinstance(initializer, OrbitInitializer):
            initializer = initializer.for_orbits(self._sizes(), self.aggregation, reading.channels)
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.rank, *channels),
            initializer=initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            autocast=False,
        )
        if self.bias_pattern is not None:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.bias_pattern.rank, *channels[1:]),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                autocast=False,
            )
        self._program = self._planned(reading.channels)
        self._execution = Execution(self._program.blocks, self._program.shape[0], self._scale())
        self.built = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Apply the layer to features of shape (..., n, channels_in); points that a mask (..., n) leaves out count as zero."""
        reading = read_shape(inputs.shape, self._sides)
        if self.units is not None:
            refuse_channels(self.kernel.shape[1], inputs.shape)
        assert self._execution is not None
        # Keras hands whole numbers on as they are.
        inputs = ops.cast(inputs, self.compute_dtype)
        if self.units is not None and of_points(mask, inputs.shape) is not None:
            inputs = present(inputs, mask)
        flat = ops.reshape(inputs, (-1, self._sides.input_size, reading.channels))
        outputs = self._execution(flat, self._theta(), self.compute_dtype)
        if self._bias_table is not None:
            outputs = outputs + ops.cast(self._bias_on_points(), self.compute_dtype)
        lead = ops.shape(inputs)[: reading.lead]
        return self.activation(ops.reshape(outputs, (*lead, *reading.output)))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The mask that came, if outputs are the points that inputs are; of other points there is none."""
        same = self.mapping is not None and self.mapping.input == self.mapping.output
        return handed_on(previous_mask, inputs.shape, same or self.units is None)

    def compute_output_shape(self, input_shape: Shape) -> tuple[int | None, ...]:
        """The output shape for an input shape."""
        reading = read_shape(input_shape, self._sides)
        return (*input_shape[: reading.lead], *reading.output)

    def weight_matrix(self) -> npt.NDArray[Any]:
        """The full weight matrix, for people and tests; never used to compute.

        Returns:
            (m, n) with `units=None`, else (m, n, channels_in, units), in the kernel's dtype.
        """
        if not self.built:
            raise DeclarationError("the layer has no weights yet: call it on an input, or build it with a shape")
        theta = self._theta()
        scale = self._scale()
        theta = theta if scale is None else theta * constant(scale[:, None, None], theta)
        theta = np.asarray(ops.convert_to_numpy(theta))
        pattern = self.pattern
        # A forced zero has the label -1 and the sign 0.
        padded = np.concatenate([theta, np.zeros((1, *theta.shape[1:]), dtype=theta.dtype)])
        matrix = padded[pattern.labels]
        if (pattern.signs < 0).any():
            matrix = matrix * pattern.signs[:, :, None, None].astype(theta.dtype)
        return matrix[:, :, 0, 0] if self.units is None else matrix

    def to_dense(self) -> keras.layers.Dense:
        """An ordinary Dense layer that computes the same on flattened points and channels.

        Nothing keeps its form any longer; `eqgen.symmetrize` is the way back.

        Raises:
            DeclarationError: there are no weights yet, or the activation looks at all channels of a point together.
        """
        return to_dense(self)

    def restrict(self, finer: Mapping | Group | str) -> EquivariantDense:
        """The same layer under a smaller symmetry: every orbit falls into orbits of the subgroup, which start from its weight.

        Training goes on with more freedom.

        Args:
            finer: a mapping between the same points under a subgroup, or its text; or the subgroup itself, a Group or its
                text, for a mapping of one axis.

        Raises:
            DeclarationError: there are no weights yet, the pattern was typed, or the mapping is not finer.

        >>> import eqgen as eq
        >>> layer = eq.EquivariantDense(2, "p -> p where p = S(4)")
        >>> layer.build((None, 4, 1))
        >>> layer.rank, layer.restrict("C(4)").rank
        (2, 4)
        """
        return cast(EquivariantDense, restrict(self, finer))

    def weight_labels(self) -> tuple[Labels, Signs]:
        """The labels and signs, each (m, n), that the layer's program sums to: what `verify` holds to the group.

        Raises:
            NoCombinationError: the program sums to no matrix of parameters.
        """
        matrix = self.program.matrix()
        return np.abs(matrix) - 1, np.sign(matrix).astype(np.int8)

    def bias_labels(self) -> tuple[Labels, Signs] | None:
        """The labels and signs, each (m, 1), of the biases that the layer really computes with; None without a bias."""
        return None if self._bias_table is None else self._bias_table.decoded()

    def typed_bias(self) -> Pattern | None:
        """The bias that was typed in with a pattern, as a row; None otherwise."""
        return as_row(self.bias_pattern) if self.orbits is None and self.bias_pattern is not None else None

    def compute_like(self, other: EquivariantDense) -> None:
        """Compute with the very program of another layer of the same declaration, so that a copy cannot hide its faults."""
        if other._execution is not None:
            self._program, self._execution = other._program, other._execution
        self._bias_table = other._bias_table if self._bias_table is not None else None

    def bias_on_points(self) -> npt.NDArray[Any]:
        """The bias of each output point, (m, channels_out) or (m, 1); zeros without a bias."""
        if self._bias_table is None:
            return np.zeros((self._sides.output_size, self.units or 1))
        return np.asarray(ops.convert_to_numpy(self._bias_on_points()))

    def get_config(self) -> dict[str, Any]:
        """What makes the layer again, with nothing extra to pass."""
        serialize = keras.saving.serialize_keras_object
        config = super().get_config()
        orbit = isinstance(self.kernel_initializer, OrbitInitializer) and self.kernel_initializer.is_default
        config.update(
            units=self.units,
            declaration=str(self.pattern) if self.mapping is None else self.mapping.without_catalogue(),
            activation=keras.activations.serialize(self.activation),
            use_bias=self.use_bias,
            bias=None if self.typed_bias() is None else str(self.typed_bias()),
            kernel_initializer="orbit" if orbit else serialize(self.kernel_initializer),
            bias_initializer=serialize(self.bias_initializer),
            kernel_regularizer=serialize(self.kernel_regularizer),
            bias_regularizer=serialize(self.bias_regularizer),
            activity_regularizer=serialize(self.activity_regularizer),
            kernel_constraint=serialize(self.kernel_constraint),
            bias_constraint=serialize(self.bias_constraint),
            aggregation=self.aggregation,
            layout=self.layout,
            lowering=self.lowering,
        )
        if self.orbits is not None:
            config["fingerprint"] = fingerprint(self.orbits)
        return cast(dict[str, Any], config)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> EquivariantDense:
        """The layer of a saved config.

        Raises:
            DeclarationError: the saved declaration had other orbits than it has now, so that weights would be mixed up.
        """
        options = dict(config)
        saved = options.pop("fingerprint", None)
        layer = cls(**options)
        if saved is not None and layer.orbits is not None:
            refuse_other_orbits(layer.name, saved, layer.orbits)
        return layer

    def _sizes(self) -> PairLabels | Pattern:
        """What knows the sizes of the orbits, whether or not there is a table."""
        return self.orbits.form if self.orbits is not None else cast(Pattern, self._typed)

    def _planned(self, channels: int) -> Program:
        declared = self.orbits if self.orbits is not None else self.pattern
        return program(declared, self.lowering, channels_in=channels, channels_out=self.units or 1)

    def _theta(self) -> Any:
        """The kernel as (rank, channels_in, channels_out)."""
        theta = ops.convert_to_tensor(self.kernel)
        return ops.reshape(theta, (-1, 1, 1)) if self.units is None else theta

    def _scale(self) -> npt.NDArray[np.float64] | None:
        """What theta is multiplied by before it stands in the matrix, (rank,); None where that is 1."""
        return 1.0 / self._sizes().subdegrees if self.aggregation == "mean" else None

    def _bias_on_points(self) -> Any:
        """The bias of each output point, (m, channels_out)."""
        assert self._bias_table is not None
        theta = ops.reshape(ops.convert_to_tensor(self.bias), (-1, 1, self.units or 1))
        return ops.reshape(gather_weight(self._bias_table, theta), (self._sides.output_size, self.units or 1))
