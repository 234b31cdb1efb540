"""A whole equivariant network in one line: lift, residual blocks, head."""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from eqgen.common.errors import DeclarationError, checked_flag, is_whole
from eqgen.layers.chain_network import chain_network
from eqgen.layers.named_network import named_network
from eqgen.layers.terms import check_options
from eqgen.spaces.mapping import Mapping


def network(
    mappings: Mapping | str | Sequence[Mapping | str] | None = None,
    widths: Sequence[int] | None = None,
    *,
    inputs: Any = None,
    outputs: Any = 1,
    hidden: Any = None,
    depth: int = 3,
    where: Any = None,
    channels: int = 1,
    head: str | keras.layers.Layer = "equivariant",
    activation: Any = None,
    normalization: Callable[[], keras.layers.Layer] | None = None,
    use_bias: bool | None = None,
    name: str | None = None,
    **options: Any,
) -> keras.Model:
    """A network of equivariant layers: one array through a chain of mappings, or several named arrays in and out.

    The first layer lifts the input to `widths[0]` channels. Every further one is normalization, activation, linear, and where
    the points stay the same its input is added (He et al., "Identity mappings in deep residual networks", 2016), so that depth
    costs no gradient. The head normalizes once more. With named arrays every hidden one has its own normalization, activation and
    sum, and every layer reads all of them.

    Args:
        mappings: one mapping for all layers, or one for each; the input of each is the output of the one before.
        widths: channels of each layer.
        inputs: in place of mappings and widths, what comes: a dict of spaces with channels by name, `{"atoms": ("p", 5), "bonds":
            ("{p p}", 3), "box": ("1", 2)}`, a list, or one; `eq.parts(...)` stands for a flat vector.
        outputs: channels of the answer; with `inputs` a declaration like theirs: `{"energy": ("1", 1), "charges": ("p", 1)}`.
        hidden: with `inputs`, the channels of each space inside: `{"p": 64, "{p p}": 32}`.
        depth: with `inputs`, how many layers there are before the head.
        where: with `inputs`, the groups: `"p = S(7)"`, or a dict of axes, as `eq.joint` makes it.
        channels: of the input.
        head: "equivariant" for an answer at each point of the last space, "invariant" for one that the group does not change,
            or a Keras layer that takes (batch, points, channels).
        activation: of the blocks, any that Keras knows; by default "gelu", and "tanh" where signs flip.
        normalization: makes the normalization of a block; by default `EquivariantNormalization`.
        use_bias: whether layers have a bias; by default the head alone has one, where signs allow it.
        name: of the model.
        **options: of every linear layer, as `EquivariantDense` takes them: `aggregation`, `lowering`, `layout` (with `inputs`
            "grid": an array of `h w` comes and goes as (batch, height, width, channels)), initializers, regularizers, constraints.

    Returns:
        A functional Keras model from (batch, points, channels) to (batch, points, outputs), or (batch, outputs) where the head
        is invariant and the group moves all points; of named arrays one that takes and gives dicts by these names, the array of
        the fixed point `1` as (batch, channels). `eq.verify(model)` knows what either is declared by.

    Raises:
        DeclarationError: the spaces do not chain, numbers do not fit, or a layer that was passed breaks the symmetry.

    >>> import eqgen as eq
    >>> model = eq.network("p -> p where p = S(10)", [32, 32], channels=3, outputs=2, head="invariant")
    >>> model.output_shape
    (None, 2)
    >>> model = eq.network(
    ...     inputs={"atoms": ("p", 5), "bonds": ("{p p}", 3)}, outputs={"energy": ("1", 1), "charges": ("p", 1)},
    ...     hidden={"p": 16, "{p p}": 8}, depth=2, where="p = S(7)"
    ... )
    >>> {name: answer.shape for name, answer in model.output.items()}
    {'energy': (None, 1), 'charges': (None, 7, 1)}
    """
    check_options("network", options)
    if use_bias is not None:
        checked_flag("use_bias", use_bias)
    if inputs is not None:
        _check_named(mappings, widths, channels, head, outputs)
        return named_network(
            inputs,
            outputs,
            hidden,
            depth,
            where,
            activation=activation,
            normalization=normalization,
            use_bias=use_bias,
            name=name,
            options=options,
        )
    if hidden is not None or where is not None:
        raise DeclarationError("hidden and where go with inputs={...}: declare what comes there, with its channels")
    return chain_network(
        mappings,
        widths,
        channels=channels,
        outputs=outputs,
        head=head,
        activation=activation,
        normalization=normalization,
        use_bias=use_bias,
        name=name,
        options=options,
    )


def _check_named(mappings: Any, widths: Any, channels: Any, head: Any, outputs: Any) -> None:
    """Stop at what does not go with named inputs."""
    others = [
        what
        for what, stray in (
            ("mappings", mappings is not None),
            ("widths", widths is not None),
            ("channels", channels != 1),
            ("head", head != "equivariant"),
        )
        if stray
    ]
    if others:
        raise DeclarationError(
            f"{others[0]} does not go with inputs={{...}}: inputs and outputs have their channels, hidden and depth say the rest"
        )
    if is_whole(outputs):
        raise DeclarationError(
            'inputs={...} go with outputs={...}, as in outputs={"energy": ("1", 1), "charges": ("p", 1)}'
        )
