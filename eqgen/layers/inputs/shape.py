"""How an input shape is read: which dimensions are points, flat or as a grid, and what the output shape is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from eqgen.common.errors import DeclarationError
from eqgen.common.text import count

LayoutName = Literal["auto", "flat", "grid"]
Shape = Sequence[int | None]


@dataclass(frozen=True)
class Sides:
    """What a layer knows of its two sides.

    Attributes:
        input: the grid that the input points fill, `(n,)` where they fill none.
        output: the same for the output points.
        units: output channels, None for a layer without a channel axis.
        layout: the user's choice.
        space: for messages, the space of a layer that lives on one.
    """

    input: tuple[int, ...]
    output: tuple[int, ...]
    units: int | None
    layout: LayoutName = "auto"
    space: str = ""

    @property
    def input_size(self) -> int:
        """n, the number of input points."""
        return math.prod(self.input)

    @property
    def output_size(self) -> int:
        """m, the number of output points."""
        return math.prod(self.output)


@dataclass(frozen=True)
class Reading:
    """One input shape, understood.

    Attributes:
        lead: how many leading (batch) dimensions there are.
        channels: input channels, 1 for a layer without a channel axis.
        output: the output's dimensions after the leading ones.
    """

    lead: int
    channels: int
    output: tuple[int, ...]


def checked_layout(layout: object) -> LayoutName:
    """The layout if it is one of the three."""
    if layout not in get_args(LayoutName):
        raise DeclarationError(f'layout is {layout!r}: expected "auto", "flat" or "grid"')
    return layout  # type: ignore[return-value]


def check_channels(built: int, shape: Shape) -> None:
    """Stop at features of other channels than a layer was built for."""
    if shape[-1] != built:
        raise DeclarationError(f"this layer was built for {built} input channels, got {shape[-1]} in the last axis")


def read_shape(shape: Shape, sides: Sides) -> Reading:
    """What a layer with these sides makes of an input of this shape.

    Raises:
        DeclarationError: the shape fits neither the points nor the grid; the message names the axis.
    """
    scalar = sides.units is None
    points = shape if scalar else shape[:-1]
    flat = (sides.input_size,)
    fits_flat = _ends_with(points, flat)
    fits_grid = _ends_with(points, sides.input)
    wants_grid = sides.layout == "grid" or (
        sides.layout == "auto" and len(sides.input) >= 2 and fits_grid and not fits_flat
    )
    if not (fits_grid if wants_grid else fits_flat):
        raise DeclarationError(_mismatch(shape, sides))
    channels = 1 if scalar else shape[-1]
    if channels is None:
        raise DeclarationError(
            f"the number of channels is unknown: expected {_expected(sides, flat)} with a known last axis, got {shown(shape)}"
        )
    output = sides.output if wants_grid else (sides.output_size,)
    return Reading(
        lead=len(points) - len(sides.input if wants_grid else flat),
        channels=channels,
        output=output if sides.units is None else (*output, sides.units),
    )


def _ends_with(shape: Shape, end: tuple[int, ...]) -> bool:
    return len(shape) >= len(end) and tuple(shape[len(shape) - len(end) :]) == end


def _mismatch(shape: Shape, sides: Sides) -> str:
    scalar = sides.units is None
    flat = (sides.input_size,)
    grid = len(sides.input) >= 2 and sides.layout != "flat"
    readings = [sides.input] if sides.layout == "grid" else [flat, sides.input] if grid else [flat]
    expected = " or ".join(dict.fromkeys(_expected(sides, reading) for reading in readings))
    if sides.space:
        return f"expected {expected} for the {count(sides.input_size, 'point')} of {sides.space}, got {shown(shape)}"
    message = f"expected {expected}, got {shown(shape)}"
    if not scalar and any(_ends_with(shape, reading) for reading in readings):
        several = len(shape) > 1 + max(len(reading) for reading in readings)
        return f"{message}; {'move the channels to the end' if several else 'add an axis: x[..., None]'}"
    if scalar and any(_ends_with(shape[:-1], reading) for reading in readings):
        return f"{message}: a layer with units=None has no channel axis; drop it, x[..., 0], or give units"
    closest = sides.input if grid and len(shape) > len(sides.input) + (not scalar) else flat
    closest = sides.input if sides.layout == "grid" else closest
    start = len(shape) - len(closest) - (not scalar)
    for offset, wanted in enumerate(closest):
        axis = start + offset
        if axis < 0:
            return f"{message}: {len(closest) + (not scalar)} axes are needed after the batch"
        if shape[axis] != wanted:
            return f"{message}: axis {axis} has {_size(shape[axis])}, expected {wanted} points"
    return message


def _expected(sides: Sides, points: tuple[int, ...]) -> str:
    parts = ["...", *map(str, points)] + ([] if sides.units is None else ["channels"])
    return f"({', '.join(parts)})"


def shown(shape: Shape) -> str:
    """A shape for messages, in which the size of the batch may not be known."""
    parts = ["batch" if axis == 0 and size is None else str(size) for axis, size in enumerate(shape)]
    return f"({', '.join(parts)})" if len(parts) != 1 else f"({parts[0]},)"


def _size(size: int | None) -> str:
    return "an unknown size" if size is None else f"size {size}"
