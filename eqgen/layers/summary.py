"""describe: how many parameters a model has, beside how many it would have without its symmetries."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from eqgen.common.errors import DeclarationError, count, in_short
from eqgen.layers.dense import EquivariantDense
from eqgen.layers.terms import EquivariantTerms
from eqgen.orbitals.orbit_family import OrbitFamily
from eqgen.orbitals.orbits import Orbits, linear_invariants


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
class FirstLayer:
    """What the first equivariant layer begins with.

    Attributes:
        name: of the layer.
        channels: of its input.
        seen: how many numbers each output point sees of a channel: one for each orbit of pairs in its row.
        invariants: how many numbers the whole group leaves of a channel, as far as they are linear.
    """

    name: str
    channels: int
    seen: int
    invariants: int

    def lines(self) -> list[tuple[str, str]]:
        """Two headings, and what is said under them."""
        of_each = "" if self.channels == 1 else f" of each of {self.channels} channels"
        seen = f"{self.name} sees at each point {count(self.seen, 'mean')}{of_each}: {count(self.seen * self.channels, 'number')}"
        left = {
            0: "signs flip, and nothing that is linear is left by all of the group",
            1: "1 mean of each channel: of one-hot channels how often each is set, and nothing else that is linear",
        }.get(
            self.invariants,
            f"{self.invariants} means of each channel, one for each point orbit, and nothing else that is linear",
        )
        return [("first layer", seen), ("invariants", f"{self.invariants * self.channels}, {left}")]


@dataclass(frozen=True)
class Description:
    """What `describe` found; `str` prints it as a table.

    Attributes:
        rows: one for each layer that holds parameters.
        first: what can get through the first equivariant layer; None without one that is declared by a symmetry.
    """

    rows: tuple[LayerRow, ...]
    first: FirstLayer | None = None

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
        said = [f"{heading:{widths[0]}}  {text}" for heading, text in self.first.lines()] if self.first else []
        return "\n".join([*(form.format(*row).rstrip() for row in table), *said])


def describe(model: Any) -> Description:
    """The parameters of a model or layer, layer by layer, beside those that it would have without its symmetries.

    And what the first equivariant layer sees of the input, and what of it the whole group leaves: a group of moves, as those of a
    puzzle, which is no symmetry of the question, shows there (docs/symmetry-or-move.md).

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
    first layer  set sees at each point 2 means of each of 4 channels: 8 numbers
    invariants   4, 1 mean of each channel: of one-hot channels how often each is set, and nothing else that is linear
    """
    if not isinstance(model, keras.layers.Layer):
        raise DeclarationError(f"describe takes a Keras model or layer, got {type(model).__name__}")
    if not all(layer.built for layer in model._flatten_layers()):
        raise DeclarationError(f"{model.name!r} has no weights yet: call it on an input, or build it with a shape")
    if any(isinstance(layer, EquivariantTerms) for layer in model._flatten_layers()):
        # How much each of several arrays shows is no one number.
        return Description(tuple(_rows(model, set())))
    declared = ((layer, layer.orbits) for layer in _in_order(model) if isinstance(layer, EquivariantDense))
    first = next((_first(layer, found) for layer, found in declared if found is not None), None)
    return Description(tuple(_rows(model, set())), first)


def _in_order(layer: Any) -> Iterator[Any]:
    """A layer and all that are inside: Keras lists those within others from the last to the first."""
    yield layer
    for part in layer._layers:
        yield from _in_order(part)


def _first(layer: EquivariantDense, orbits: Orbits | OrbitFamily) -> FirstLayer:
    channels = 1 if layer.units is None else int(layer.kernel.shape[1])
    found = orbits.stable if isinstance(orbits, OrbitFamily) else orbits
    return FirstLayer(
        layer.name, channels, int(found.orbitals_per_row.max(initial=0)), linear_invariants(found.mapping)
    )


def _rows(layer: Any, seen: set[int]) -> Iterator[LayerRow]:
    """Every layer with the weights that it holds itself; what several layers share is told once."""
    # The blocks of one matrix are told as one.
    inner = [] if isinstance(layer, EquivariantTerms) else getattr(layer, "_layers", [])
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
