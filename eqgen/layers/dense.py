"""EquivariantDense: a dense layer whose weight matrix keeps the form that a symmetry, or a typed pattern, gives it."""

from functools import cached_property
from typing import Any, Self

import keras
from keras import ops

from eqgen.common.errors import checked_flag
from eqgen.common.memory import refuse_large_weight
from eqgen.layers.convert import Convertible
from eqgen.layers.initializers import OrbitInitializer, serialized
from eqgen.layers.inputs.arguments import (
    check_activation,
    check_fingerprint,
    check_keras_flags,
    checked_aggregation,
    checked_units,
    read_declaration,
)
from eqgen.layers.inputs.shape import Shape, check_channels
from eqgen.layers.linear import LinearMap, linear_map
from eqgen.layers.sized import checked_sizes, no_single_size, sized
from eqgen.orbitals.fingerprint import fingerprint
from eqgen.orbitals.orbit_family import OrbitFamily
from eqgen.orbitals.orbits import Orbits
from eqgen.orbitals.pattern import Pattern
from eqgen.programs.lowering import program, refuse_unknown
from eqgen.programs.program import Program
from eqgen.spaces.family import MappingFamily
from eqgen.spaces.mapping import Mapping

SERIALIZED = (
    *("kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer"),
    *("activity_regularizer", "kernel_constraint", "bias_constraint"),
)
"""Arguments that Keras writes into a config."""


@keras.saving.register_keras_serializable(package="eqgen")
class EquivariantDense(Convertible, keras.layers.Layer):
    """A dense layer `y = activation(W x + bias)` whose W has one shared parameter per orbit of index pairs.

    `W[i, j] = sign[i, j] * theta[labels[i, j]]` with `aggregation="sum"`, divided by the orbit's row size with "mean", so
    that each parameter multiplies the mean over its orbit. theta is all that is trained: no training step can break the
    form. How W is applied is a program, `layer.program`, chosen by cost when the layer is built: W itself is made only where
    nothing is cheaper. (Ravanbakhsh, Schneider, Poczos, "Equivariance through parameter-sharing", ICML 2017: these are all
    the linear maps that commute with the group.)

    Args:
        units: output channels; None for the scalar layer, whose trainable numbers are exactly a, b, c, ...
        declaration: a Mapping (or its Orbits, when they are computed already), a Pattern, or the text of a mapping or pattern. With
            a letter for a size, as in `p = S(n)`, the layer takes every size with the same weights (docs/any_size.md).
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
        sizes: of letters that features do not tell, as `{"m": 5}`; `call` takes them too.
        **kwargs: name, dtype, trainable, as every Keras layer takes them.

    Attributes:
        mapping, orbits: what is declared, None for a typed pattern.
        rank: how many parameters the kernel has for each pair of channels.
        kernel: (rank, channels_in, units), or (rank,) with `units=None`; None before the layer is built.
        bias: (point orbits of the output, units), or (point orbits,); None without one.

    Raises:
        DeclarationError: the declaration cannot be read, forces every weight to zero, or does not fit the other arguments.

    Input shape:
        (..., n, channels_in), or (..., n) with `units=None`; a grid in place of n where the layout allows.

    Output shape:
        (..., m, units), or (..., m); a grid in place of m when the input was one.

    Where a mask says that points are missing, or `known` that entries are, means are over what is there, 0 over nothing.

    >>> import eqgen as eq, numpy as np
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
        declaration: Mapping | MappingFamily | Orbits | OrbitFamily | Pattern | str,
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
        sizes: dict[str, int] | None = None,
        **kwargs: Any,
    ) -> None:
        check_keras_flags(kwargs)
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.supports_masking = True
        self.units = checked_units(units)
        self.aggregation = checked_aggregation(aggregation, self.units)
        refuse_unknown(lowering)
        self.lowering = lowering
        self.declared = read_declaration(declaration, any_size=True)
        source, self.mapping, fixed = self.declared.source, self.declared.mapping, self.declared.fixed
        self.orbits, self.rank = None if isinstance(source, Pattern) else source, source.rank
        self.bias_pattern = self.declared.read_bias(checked_flag("use_bias", use_bias), bias)
        self.use_bias = self.bias_pattern is not None
        if not self.use_bias:
            self.declared.check_rank()
        self.layout = layout
        self.sizes = checked_sizes(self.mapping, sizes)
        self.sized = sized(self, layout)
        self._linear: LinearMap | None = None
        if lowering != "auto":
            # What is asked for is there, or refused here and not when the layer is built.
            self.planned(self.declared.numbered, self.units or 1)
        self.activation = keras.activations.get(activation)
        if fixed is not None:
            check_activation(fixed, self.activation)
        by_orbits = kernel_initializer == "orbit"
        self.kernel_initializer = OrbitInitializer() if by_orbits else keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.kernel: Any = None
        self.bias: Any = None

    @property
    def pattern(self) -> Pattern:
        """The symbolic weight matrix; of a mapping it is made when it is first asked for.

        Raises:
            DeclarationError: the table would not fit in memory.
        """
        return self.declared.pattern

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the orbits, and of which outputs share a bias: a saved layer whose orbits differ is refused."""
        return fingerprint(self.declared.numbered, self.bias_pattern)

    @property
    def linear(self) -> LinearMap:
        """What the layer computes before its activation; before it is built, for as many input channels as output channels."""
        if self._linear is None:
            self._linear = self._made_for(self.units or 1)
        return self._linear

    @property
    def program(self) -> Program:
        """How the layer is applied; before it is built, for as many input channels as output channels."""
        return self.linear.program

    def build(self, input_shape: Shape) -> None:
        """Make the kernel for inputs of this shape."""
        channels_in, source = self.sized.built_for(input_shape)
        channels = () if self.units is None else (channels_in, self.units)
        initializer = self.kernel_initializer
        if isinstance(initializer, OrbitInitializer):
            initializer = initializer.for_orbits(source, self.aggregation, channels_in)
        self.kernel = self._parameter("kernel", (self.rank, *channels), initializer)
        if self.bias_pattern is not None:
            self.bias = self._parameter("bias", (self.bias_pattern.rank, *channels[1:]), self.bias_initializer)
        self._linear = None if isinstance(self.mapping, MappingFamily) else self._made_for(channels_in)

    def call(self, inputs: Any, mask: Any = None, known: Any = None, inputs_mask: Any = None, sizes: Any = None) -> Any:
        """Apply the layer to features of shape (..., n, channels_in).

        Args:
            mask: (..., n), which points are there, or (..., degree) for axes by name; outputs at points that are not are 0.
            known: (..., n), which entries are known; the layer answers everywhere.
            inputs_mask: where Keras puts the mask that came with the inputs if there is another array.
            sizes: of letters that the features do not tell.
        """
        plan = self.sized.plan(inputs.shape, sizes)
        if self.units is not None:
            check_channels(self.kernel.shape[1], inputs.shape)
        mask = inputs_mask if mask is None else mask
        there = plan.there(mask, known, inputs.shape, scalar=self.units is None)
        # Keras hands whole numbers on as they are.
        features = ops.cast(inputs, self.compute_dtype)
        outputs = self.activation(plan.apply(features, there, self.kernel, self.bias, self.compute_dtype))
        return outputs if there is None else there.at_outputs(outputs)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Which outputs are there: those that are made of the points of axes that are."""
        return None if previous_mask is None else self.sized.mask_of_outputs(previous_mask, inputs.shape)

    def compute_output_shape(self, input_shape: Shape) -> tuple[int | None, ...]:
        """The output shape for an input shape."""
        reading, _ = self.sized.reading(input_shape)
        return (*input_shape[: reading.lead], *reading.output)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            **self.declared.config(self.bias_pattern),
            "fingerprint": self.fingerprint,
            **{name: serialized(getattr(self, name)) for name in SERIALIZED},
            **{name: getattr(self, name) for name in ("units", "use_bias", "aggregation", "layout", "lowering")},
            "sizes": dict(self.sizes) or None,
            "activation": keras.activations.serialize(self.activation),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The layer of a saved config.

        Raises:
            DeclarationError: the saved declaration had other orbits than it has now, so that weights would be mixed up.
        """
        options = dict(config)
        saved = options.pop("fingerprint", None)
        layer = cls(**options)
        check_fingerprint(layer.name, saved, layer.fingerprint, layer.declared.source, layer.declared.short_title)
        return layer

    def _parameter(self, name: str, shape: tuple[int, ...], initializer: Any) -> Any:
        refuse_large_weight(f"the {name} of {self.name!r}", shape)
        options = {option: getattr(self, f"{name}_{option}") for option in ("regularizer", "constraint")}
        return self.add_weight(name=name, shape=shape, initializer=initializer, autocast=False, **options)

    def planned(self, source: Orbits | Pattern, channels: int) -> Program:
        """The program of some orbits for so many input channels, as the layer was told to plan it."""
        return program(source, self.lowering, channels_in=channels, channels_out=self.units or 1)

    def _made_for(self, channels: int) -> LinearMap:
        if isinstance(self.mapping, MappingFamily):
            raise no_single_size(self.mapping)
        source = self.declared.numbered
        scale = 1.0 / source.subdegrees if self.aggregation == "mean" else None
        return linear_map(self.planned(source, channels), scale, self.bias_pattern)
