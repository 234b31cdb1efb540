"""From an equivariant layer to a Dense one, and from one symmetry to a smaller one, with the weights carried over."""

import warnings
from typing import Any

import keras
import numpy as np
from keras import ops

from eqgen.common.errors import DeclarationError
from eqgen.layers import transfer
from eqgen.layers.execution.tensors import as_float64
from eqgen.layers.projection import Form, form_of
from eqgen.orbitals.declare import looks_like_mapping
from eqgen.orbitals.declare import mapping as as_mapping
from eqgen.permutations.group import Group
from eqgen.programs.lowering import program
from eqgen.spaces.family import MappingFamily
from eqgen.spaces.mapping import Mapping


class Convertible:
    """What a layer tells of itself, and its conversions, of whatever class it is."""

    def weight_matrix(self: Any) -> np.ndarray:
        """The full weight matrix, for people and tests; never used to compute.

        Returns:
            (m, n) with `units=None`, else (m, n, channels_in, units), in the kernel's dtype.

        Raises:
            DeclarationError: there are no weights yet, or a size is left open.
        """
        if not self.built:
            raise DeclarationError("the layer has no weights yet: call it on an input, or build it with a shape")
        matrix: np.ndarray = self.linear.matrix(self.pattern, self.kernel)
        return matrix[:, :, 0, 0] if self.units is None else matrix

    def declared_as(self: Any) -> str:
        """The declaration, for `describe`."""
        return str(self.declared.short_title)

    def parameters_spared(self: Any) -> int:
        """How many more parameters there would be if every pair of points, and every output, had its own; 0 for any size."""
        if isinstance(self.mapping, MappingFamily):
            return 0
        m, n = self.program.shape
        spared: int = (m * n - self.rank) * int(np.prod(self.kernel.shape[1:]))
        return spared if self.bias_pattern is None else spared + (m - self.bias_pattern.rank) * (self.units or 1)

    def at(self: Any, **sizes: int) -> Any:
        """The layer of a fixed size, with the weights of this one, which is for every size.

        Weights of orbits that are empty for these sizes are left out. With signs of permutations few points may have orbits that
        more points have not: a warning says so, and their weights are 0.

        Returns:
            A layer of this class, built if this one is.

        Raises:
            DeclarationError: the layer is of a fixed size, a size is missing, or a space is empty.

        >>> import eqgen as eq
        >>> layer = eq.EquivariantDense(8, "{p p} -> {p p} where p = S(n)")
        >>> layer.build((None, None, 4))
        >>> layer.at(n=7).rank, layer.at(n=3).rank
        (3, 2)
        """
        return transfer.at(self, sizes)

    def take(self: Any, other: Any) -> None:
        """Take the weights of another layer, where one of the two is for every size and the other of one of these sizes.

        A layer for every size keeps the weights of orbits that are empty for the size of the other.

        Raises:
            DeclarationError: there are no weights yet, the layers differ, or the weights of a fixed size are those of no layer for
                every size.
        """
        transfer.take(self, other)

    def to_dense(self: Any) -> keras.layers.Dense:
        """An ordinary Dense layer that computes the same on flattened points and channels.

        Nothing keeps its form any longer; `eqgen.symmetrize` is the way back.

        Returns:
            A Dense from n * channels_in to m * channels_out numbers, built. Name, dtype, activation and `trainable` come along;
            regularizers and constraints, which are made for another kernel, do not.

        Raises:
            DeclarationError: there are no weights yet, or the activation is a layer or looks at all channels of a point together.
        """
        refuse_activation_layer(self)
        matrix = self.weight_matrix()
        m, n, channels_in, channels_out = (*matrix.shape, 1, 1)[:4]
        check_pointwise(self, channels_out)
        dense = keras.layers.Dense(m * channels_out, use_bias=self.use_bias, **carried(self))
        dense.build((None, n * channels_in))
        kernel = matrix.reshape(m, n, channels_in, channels_out).transpose(1, 2, 0, 3)
        dense.kernel.assign(kernel.reshape(n * channels_in, m * channels_out))
        if self.use_bias:
            dense.bias.assign(ops.reshape(self.linear.bias_on_points(self.bias), (-1,)))
        return dense

    def restrict(self: Any, finer: Mapping | Group | str) -> Any:
        """The same layer under a smaller symmetry: every orbit falls into orbits of the subgroup, which start from its weight.

        Training goes on with more freedom.

        Args:
            finer: a mapping between the same points under a subgroup, or its text; or the subgroup itself, a Group or its
                text, for a mapping of one axis.

        Returns:
            A layer of this class that computes the same (to the last place) and has as many parameters as the finer mapping has
            orbits. Where the lowering that was asked for serves the finer mapping no more it is "auto", and a warning says so.
            An activation that is a layer is copied, with its weights.

        Raises:
            DeclarationError: there are no weights yet, the pattern was typed, or the mapping is not finer.

        >>> import eqgen as eq
        >>> layer = eq.EquivariantDense(2, "p -> p where p = S(4)")
        >>> layer.build((None, 4, 1))
        >>> layer.rank, layer.restrict("C(4)").rank
        (2, 4)
        """
        if self.mapping is None:
            raise DeclarationError(
                "the layer has a typed pattern and no group: only a declared symmetry can be restricted"
            )
        matrix = self.weight_matrix()
        target = _finer_mapping(self.mapping, finer)
        before, after = form_of(self.mapping), form_of(target)
        _check_finer(before, after)
        bias = None
        if before.bias is not None and after.bias is not None and self.use_bias:
            _check_finer(before.bias, after.bias)
            bias = as_float64(self.linear.bias_on_points(self.bias))[after.bias.firsts[1:]]
        m, n, channels_in, channels_out = (*matrix.shape, 1, 1)[:4]
        options = {"declaration": target, "kernel_initializer": "orbit", "fingerprint": None, "activation": None}
        options["lowering"] = _lowering_for(self, target, channels_in, channels_out)
        restricted = type(self).from_config({**self.get_config(), **options})
        restricted.activation = _copied(self.activation)
        kernel = matrix.reshape(m * n, channels_in, channels_out)[after.firsts[1:]]
        fill(restricted, channels_in, kernel, bias)
        return restricted


def _lowering_for(layer: Any, target: Mapping, channels_in: int, channels_out: int) -> str:
    """The lowering that was asked for if it serves another mapping, else "auto"."""
    try:
        program(target, layer.lowering, channels_in=channels_in, channels_out=channels_out)
    except DeclarationError as error:
        if layer.lowering == "auto":
            raise
        told = f'layer {layer.name!r} had lowering="{layer.lowering}" and is restricted with lowering="auto"'
        warnings.warn(f"{told}: {error}", stacklevel=3)
        return "auto"
    return str(layer.lowering)


def _copied(activation: Any) -> Any:
    """An activation of its own for another layer of the same points: a layer with the weights that it has."""
    if not isinstance(activation, keras.layers.Layer):
        return activation
    copy = type(activation).from_config(activation.get_config())
    if activation.built:
        copy.build_from_config(activation.get_build_config())
        copy.set_weights(activation.get_weights())
    return copy


def _finer_mapping(mapping: Mapping, finer: Mapping | Group | str) -> Mapping:
    if isinstance(finer, Mapping) or (isinstance(finer, str) and looks_like_mapping(finer)):
        return as_mapping(finer)
    if len(mapping.axes) != 1:
        raise DeclarationError(
            f"{mapping.in_short()} has {len(mapping.axes)} axes: pass the finer mapping whole, with the group of each"
        )
    axes = {mapping.axes[0].name: finer}
    everywhere = as_mapping(mapping.sides, **axes)
    before, after = ((each.output.size, each.input.size) for each in (mapping, everywhere))
    # On other points the support has no meaning; that they are others is told of later.
    if mapping.support is None or before != after:
        return everywhere
    pairs = zip(mapping.support.row_numbers().tolist(), mapping.support.indices.tolist(), strict=True)
    return as_mapping(mapping.sides, support=list(pairs), **axes)


def _check_finer(before: Form, after: Form) -> None:
    """Stop unless every orbit of the finer form lies in one of the coarser, with the signs that it has there."""
    (m, n), (rows, columns) = before.pattern.shape, after.pattern.shape
    if (m, n) != (rows, columns):
        raise DeclarationError(
            f"{after.name} is {rows} x {columns}, {before.name} is {m} x {n}: restrict needs the same points; a subgroup is "
            "written on all of them, and a one-point cycle says how far they go, as in (1 2)(8)"
        )
    weights, signs = before.pattern.signed_labels.ravel(), after.pattern.signs.ravel()
    values = np.zeros(after.pattern.rank + 1, dtype=weights.dtype)
    # Whichever entry of an orbit comes last speaks for all.
    values[after.numbers] = weights * signs
    expected = values[after.numbers] * signs
    wrong = np.argwhere((expected != weights).reshape(m, n))
    if wrong.size:
        what = "entry" if before.bias is not None else "the bias at"
        row, column = wrong[0].tolist()
        raise DeclarationError(
            f"{after.name} is not finer than {before.name}: {what} ({row}, {column}), counted from 0, would not keep its "
            "weight; restrict to a subgroup of the same action"
        )


def carried(layer: keras.layers.Layer) -> dict[str, Any]:
    """What comes along where a layer is made from another one."""
    return {name: getattr(layer, name) for name in ("activation", "name", "trainable")} | {"dtype": layer.dtype_policy}


def fill(layer: Any, channels_in: int, values: np.ndarray, bias: np.ndarray | None) -> None:
    """Give a layer the weights that stand in its matrix, (rank, channels_in, channels_out), and a bias for each orbit."""
    n = layer.program.shape[1]
    layer.build((None, n) if layer.units is None else (None, n, channels_in))
    if layer.aggregation == "mean":
        values = values.astype(np.float64) * layer.declared.source.subdegrees[:, None, None]
    layer.kernel.assign(np.reshape(values, tuple(layer.kernel.shape)))
    if bias is not None:
        layer.bias.assign(np.reshape(bias, tuple(layer.bias.shape)))


def refuse_activation_layer(layer: Any) -> None:
    """Stop at a layer whose activation is a layer, which may have weights for each point, or look at points apart."""
    if isinstance(layer.activation, keras.layers.Layer):
        kind = type(layer.activation).__name__
        raise DeclarationError(
            f"the activation of {layer.name!r} is the layer {layer.activation.name!r} ({kind}), which takes points and channels as "
            "they are, and not flattened: use a layer without it, and apply it afterwards"
        )


def check_pointwise(layer: Any, channels_out: int) -> None:
    """Stop at a layer with an activation, like softmax, that would look at other numbers on flattened features."""
    m, activation = layer.program.shape[0], layer.activation
    probe = np.linspace(-2, 2, m * channels_out, dtype="float32")[None]
    apart = probe.reshape(1, m) if layer.units is None else probe.reshape(1, m, channels_out)
    on_all, on_channels = (as_float64(activation(ops.convert_to_tensor(values))).ravel() for values in (probe, apart))
    if on_all.shape != on_channels.shape or not np.allclose(on_all, on_channels, atol=1e-6):
        name = getattr(activation, "__name__", str(activation))
        raise DeclarationError(
            f"activation {name} looks at all channels of a point together, and on flattened points and channels at all numbers: "
            "use a layer without it, and apply it afterwards"
        )
