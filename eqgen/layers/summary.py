"""describe: how many parameters a model has, beside how many it would have without its symmetries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from eqgen.common.errors import DeclarationError
from eqgen.common.text import in_short
from eqgen.layers import EquivariantAttention, EquivariantDense, EquivariantNormalization, OrbitEmbedding


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
        head = ("layer", "kind", "parameters", "without symmetry", "times")
        body = [
            (
                row.name,
                row.kind,
                f"{row.parameters:,}",
                f"{row.unconstrained:,}",
                _times(row.parameters, row.unconstrained),
            )
            for row in self.rows
        ]
        total = (
            "all",
            "",
            f"{self.parameters:,}",
            f"{self.unconstrained:,}",
            _times(self.parameters, self.unconstrained),
        )
        table = [head, *body, total]
        widths = [max(len(line[place]) for line in table) for place in range(len(head))]
        lines = []
        for line in table:
            left = [text.ljust(width) for text, width in zip(line[:2], widths[:2], strict=True)]
            right = [text.rjust(width) for text, width in zip(line[2:], widths[2:], strict=True)]
            lines.append("  ".join([*left, *right]).rstrip())
        return "\n".join(lines)


def describe(model: Any) -> Description:
    """The parameters of a model or layer, layer by layer, beside those that it would have without its symmetries.

    Args:
        model: a Keras model or layer that is built.

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
    if not all(layer.built for layer in (model._flatten_layers() if hasattr(model, "_flatten_layers") else [model])):
        raise DeclarationError(f"{model.name!r} has no weights yet: call it on an input, or build it with a shape")
    seen: set[int] = set()
    return Description(tuple(_row(layer, own) for layer, own in _holders(model, seen)))


def _holders(layer: Any, seen: set[int]) -> Iterator[tuple[Any, list[Any]]]:
    """Every layer with the weights that it holds itself; what several layers share is told once."""
    inner = getattr(layer, "_layers", [])
    inside = {id(weight) for found in inner for weight in found.weights}
    own = [weight for weight in layer.weights if id(weight) not in inside | seen]
    seen.update(map(id, own))
    if own:
        yield layer, own
    for found in inner:
        yield from _holders(found, seen)


def _row(layer: Any, own: list[Any]) -> LayerRow:
    held = sum(int(np.prod(weight.shape)) for weight in own)
    kind = f"{type(layer).__name__} {in_short(_declaration(layer))}".strip()
    return LayerRow(layer.name, kind, held, held + _more(layer, held))


def _declaration(layer: Any) -> str:
    if isinstance(layer, EquivariantDense):
        return layer.mapping.in_short() if layer.mapping is not None else layer.pattern.in_one_line()
    if isinstance(layer, (EquivariantAttention, EquivariantNormalization, OrbitEmbedding)):
        return layer.points.mapping.space_text(layer.points.mapping.input)
    return ""


def _more(layer: Any, held: int) -> int:
    """How many more parameters a layer would have without symmetry."""
    if isinstance(layer, EquivariantDense):
        m, n = layer.program.shape
        each = 1 if layer.units is None else int(layer.kernel.shape[1]) * layer.units
        bias = 0 if layer.bias_pattern is None else (m - layer.bias_pattern.rank) * (layer.units or 1)
        return int((m * n - layer.rank) * each + bias)
    if isinstance(layer, EquivariantAttention):
        return int((layer.points.size**2 - layer.orbits.rank) * layer.num_heads)
    if isinstance(layer, (EquivariantNormalization, OrbitEmbedding)):
        return int(held // layer.points.orbits * (layer.points.size - layer.points.orbits))
    return 0


def _times(few: int, many: int) -> str:
    return f"{many / few:.3g}" if few else ""
