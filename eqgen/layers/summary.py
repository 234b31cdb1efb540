"""describe: how many parameters a model has, beside how many it would have without its symmetries."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from eqgen.common.errors import DeclarationError, in_short


@dataclass(frozen=True)
class LayerRow:
    """One layer of a model.

    Attributes:
        name: of the layer.
        kind: its class, and for an eqgen layer what it is declared by.
        parameters: how many numbers it holds.
        unconstrained: how many it would hold if every pair of points, and every point, had its own.
    """

    name: str
    kind: str
    parameters: int
    unconstrained: int


@dataclass(frozen=True)
class Description:
    """What `describe` found; `str` prints it as a table.

    Attributes:
        rows: one for each layer that holds parameters.
    """

    rows: tuple[LayerRow, ...]

    @property
    def parameters(self) -> int:
        """Of all layers together."""
        return sum(row.parameters for row in self.rows)

    @property
    def unconstrained(self) -> int:
        """Of all layers together, without symmetry."""
        return sum(row.unconstrained for row in self.rows)

    def __str__(self) -> str:
        table = [("layer", "kind", "parameters", "without symmetry", "times")]
        for row in (*self.rows, LayerRow("all", "", self.parameters, self.unconstrained)):
            times = f"{row.unconstrained / row.parameters:.3g}" if row.parameters else ""
            table.append((row.name, row.kind, f"{row.parameters:,}", f"{row.unconstrained:,}", times))
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        form = "  ".join(f"{{:{side}{width}}}" for side, width in zip("<<>>>", widths, strict=True))
        return "\n".join(form.format(*row).rstrip() for row in table)


def describe(model: Any) -> Description:
    """The parameters of a model or layer, layer by layer, beside those that it would have without its symmetries.

    Args:
        model: a Keras model or layer that is built. Layers tell by `declared_as()` what they are declared by, and by
            `parameters_spared()` how many more parameters they would have without their symmetry.

    Raises:
        DeclarationError: it is no Keras layer, or it has no weights yet.

    >>> import eqgen as eq
    >>> layer = eq.EquivariantDense(8, "p -> p where p = S(10)", name="set")
    >>> layer.build((None, 10, 4))
    >>> print(eq.describe(layer))
    layer  kind                                     parameters  without symmetry  times
    set    EquivariantDense p -> p where p = S(10)          64             3,200     50
    all                                                     64             3,200     50
    """
    if not isinstance(model, keras.layers.Layer):
        raise DeclarationError(f"describe takes a Keras model or layer, got {type(model).__name__}")
    if not all(layer.built for layer in model._flatten_layers()):
        raise DeclarationError(f"{model.name!r} has no weights yet: call it on an input, or build it with a shape")
    return Description(tuple(_rows(model, set())))


def _rows(layer: Any, seen: set[int]) -> Iterator[LayerRow]:
    """Every layer with the weights that it holds itself; what several layers share is told once."""
    inner = getattr(layer, "_layers", [])
    inside = {id(weight) for part in inner for weight in part.weights}
    own = [weight for weight in layer.weights if id(weight) not in inside | seen]
    seen.update(map(id, own))
    if own:
        held = sum(int(np.prod(weight.shape)) for weight in own)
        symmetric = hasattr(layer, "parameters_spared")
        declared, spared = (layer.declared_as(), layer.parameters_spared()) if symmetric else ("", 0)
        yield LayerRow(layer.name, f"{type(layer).__name__} {in_short(declared)}".strip(), held, held + spared)
    for part in inner:
        yield from _rows(part, seen)
