"""How features come: which dimensions are points, flat or as a grid, and which points of an example a mask says are there."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keras import ops

from eqgen.common.errors import DeclarationError, checked_choice, count

Shape = Sequence[int | None]

Grid = tuple[int | None, ...]
"""A size for each factor; None where it is known only when features come."""


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

    input: Grid
    output: Grid
    units: int | None
    layout: str = "auto"
    space: str = ""

    def __post_init__(self) -> None:
        checked_choice("layout", self.layout, ("auto", "flat", "grid"))

    @property
    def readings(self) -> list[Grid]:
        """What the points of an input may fill; the first that fits is taken."""
        if self.layout == "grid":
            return [self.input]
        return [(points_of(self.input),), *([self.input] if self.layout == "auto" and len(self.input) > 1 else [])]


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
    output: Grid


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
    filled = next((reading for reading in sides.readings if _ends_with(points, reading)), None)
    if filled is None:
        raise DeclarationError(_mismatch(shape, sides))
    channels = 1 if scalar else shape[-1]
    if channels is None:
        expected = _expected(sides, (points_of(sides.input),))
        raise DeclarationError(
            f"the number of channels is unknown: expected {expected} with a known last axis, got {shown(shape)}"
        )
    output = sides.output if sides.layout == "grid" or len(filled) > 1 else (points_of(sides.output),)
    return Reading(len(points) - len(filled), channels, output if sides.units is None else (*output, sides.units))


def points_of(grid: Grid) -> int | None:
    """How many points fill a grid, None where that is not known yet."""
    known = [size for size in grid if size is not None]
    return math.prod(known) if len(known) == len(grid) else None


def _ends_with(shape: Shape, end: Grid) -> bool:
    return len(shape) >= len(end) and tuple(shape[len(shape) - len(end) :]) == end


def _mismatch(shape: Shape, sides: Sides) -> str:
    scalar, readings = sides.units is None, sides.readings
    expected = " or ".join(_expected(sides, reading) for reading in readings)
    if sides.space:
        points = count(points_of(sides.input) or 0, "point")
        return f"expected {expected} for the {points} of {sides.space}, got {shown(shape)}"
    message = f"expected {expected}, got {shown(shape)}"
    if not scalar and any(_ends_with(shape, reading) for reading in readings):
        several = len(shape) > 1 + len(readings[-1])
        return f"{message}; {'move the channels to the end' if several else 'add an axis: x[..., None]'}"
    if scalar and any(_ends_with(shape[:-1], reading) for reading in readings):
        return f"{message}: a layer with units=None has no channel axis; drop it, x[..., 0], or give units"
    closest = readings[-1 if len(shape) > len(readings[-1]) + (not scalar) else 0]
    start = len(shape) - len(closest) - (not scalar)
    if start < 0:
        return f"{message}: {len(closest) + (not scalar)} axes are needed after the batch"
    axis, wanted = next((axis, wanted) for axis, wanted in enumerate(closest, start) if shape[axis] != wanted)
    size = "an unknown size" if shape[axis] is None else f"size {shape[axis]}"
    return f"{message}: axis {axis} has {size}, expected {wanted} points"


def _expected(sides: Sides, points: Grid) -> str:
    parts = ["...", *map(str, points)] + ([] if sides.units is None else ["channels"])
    return f"({', '.join(parts)})"


def shown(shape: Shape) -> str:
    """A shape for messages, in which the size of the batch may not be known."""
    parts = ["batch" if axis == 0 and size is None else str(size) for axis, size in enumerate(shape)]
    return f"({', '.join(parts)})" if len(parts) != 1 else f"({parts[0]},)"


def of_points(mask: Any, shape: Any) -> Any:
    """A mask as Keras hands it on, if it tells points apart.

    Args:
        mask: of the shape of the features without channels, or of fewer axes, or None.
        shape: of the features.

    Returns:
        None where whole examples or steps are masked: what a layer makes of those nobody looks at.

    Raises:
        DeclarationError: the mask is that of other points.
    """
    if mask is None or len(mask.shape) < len(shape) - 1:
        return None
    pairs = zip(tuple(mask.shape), tuple(shape)[:-1], strict=False)
    if len(mask.shape) >= len(shape) or any(None not in pair and pair[0] != pair[1] for pair in pairs):
        raise DeclarationError(
            f"a mask says of every point whether it is there: expected {shown(shape[:-1])}, got {shown(mask.shape)}; which pairs "
            "of points matter is said by a support"
        )
    return mask


def handed_on(mask: Any, shape: Any, same_points: bool) -> Any:
    """The mask of what a layer answers: of other points there is none."""
    return mask if same_points or of_points(mask, shape) is None else None


def present(features: Any, mask: Any) -> Any:
    """Features (..., points, channels) with zeros at the points that a mask (..., points), if there is one, leaves out.

    Chosen and not multiplied: what stands at padded points may be infinite.
    """
    if mask is None:
        return features
    return ops.where(ops.expand_dims(ops.cast(mask, "bool"), -1), features, ops.zeros((), dtype=features.dtype))
