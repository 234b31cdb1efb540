"""Masks as they come with a call: their shapes, what they say of inputs and outputs, and what is refused."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from keras import ops

from eqgen.common.errors import DeclarationError
from eqgen.layers.inputs.shape import Reading, Shape, of_points, present, shown
from eqgen.layers.masks.points import AxisMasks, axes_of, seen, there
from eqgen.spaces.mapping import Mapping
from eqgen.spaces.space import Space


@dataclass(frozen=True)
class Present:
    """What is there.

    Attributes:
        inputs: (batch, n) bool; None where all are.
        outputs: (batch, m) bool; None where all are.
        axes: which points of the axes are there, where they alone say what inputs are; None where entries are missing besides.
    """

    inputs: Any
    outputs: Any
    axes: AxisMasks | None

    def leading(self, lead: Sequence[Any]) -> Self:
        """The same with dimensions (lead ..., points) instead of (batch, points)."""
        inputs, outputs = (
            None if mask is None else ops.reshape(mask, (*lead, mask.shape[-1])) for mask in (self.inputs, self.outputs)
        )
        return replace(self, inputs=inputs, outputs=outputs)

    def at_outputs(self, outputs: Any) -> Any:
        """Outputs (..., m, channels) or on a grid with 0 at the points that are not there."""
        if self.outputs is None:
            return outputs
        return present(outputs, ops.reshape(self.outputs, ops.shape(outputs)[:-1]))


def read_masks(
    mask: Any, known: Any, shape: Shape, lead: Shape, size: int, mapping: Mapping | None, *, scalar: bool = False
) -> Present | None:
    """What is there of features of a shape; None if they are whole.

    Args:
        mask: a point mask, of the shape of the features without channels, or (..., degree) for axes by name; of fewer axes it marks
            whole examples.
        known: an entry mask of the shape of the features without channels.
        lead: the shape before the points.
        size: how many points an example has.
        mapping: of the layer; None for a typed pattern, whose outputs are all there.
        scalar: whether features have no channels, and a mask marks examples.

    Raises:
        DeclarationError: a mask of another shape or of an unknown axis, or one that is not that of points of the axes.
    """
    entries = None if known is None else flattened(_entries(known, shape if scalar else tuple(shape)[:-1]), size)
    by_name = isinstance(mask, dict)
    mask = mask if by_name else None if scalar else of_points(mask, shape)
    if mask is None:
        return None if entries is None else Present(entries, None, None)
    axes, inputs, outputs = None, None if by_name else flattened(mask, size), None
    if by_name:
        axes = _named(mask, lead, mapping, scalar)
        inputs = None if mapping is None else there(mapping.input, axes)
    elif mapping is not None:
        axes, inputs = points_there(inputs, mapping.input, mapping.space_text(mapping.input))
    if mapping is not None and axes is not None:
        outputs = inputs if mapping.input == mapping.output else there(mapping.output, axes)
    if entries is None:
        return Present(inputs, outputs, axes)
    return Present(entries if inputs is None else ops.logical_and(inputs, entries), outputs, None)


def mask_of_outputs(mask: Any, shape: Shape, mapping: Mapping | None, reading: Reading, *, scalar: bool = False) -> Any:
    """The mask that a layer hands on, of the shape of its outputs without channels; None where all outputs are there."""
    lead = tuple(shape)[: reading.lead]
    if isinstance(mask, dict):
        follows = None if mapping is None else there(mapping.output, _named(mask, lead, mapping, scalar))
    elif scalar or of_points(mask, shape) is None or (mapping is not None and mapping.input == mapping.output):
        return mask
    elif mapping is None:
        return None
    else:
        follows = there(mapping.output, axes_of(flattened(mask, mapping.input.size), mapping.input))
    # At most one size is unknown where Keras only asks for shapes.
    sizes = [-1 if size is None else size for size in lead]
    return None if follows is None else ops.reshape(follows, (*sizes, *reading.output[:-1]))


def _named(masks: dict[str, Any], lead: Shape, mapping: Mapping | None, scalar: bool) -> AxisMasks:
    """Masks of axes by name, as (batch, degree) by number."""
    if mapping is None or scalar:
        what = "a typed pattern has no axes" if mapping is None else "a layer without channels has no point mask"
        raise DeclarationError(f"{what}: say which inputs are known, known=...")
    numbers = {axis.name: number for number, axis in enumerate(mapping.axes)}
    found: AxisMasks = {}
    for name, mask in masks.items():
        if name not in numbers:
            raise DeclarationError(
                f"the masks name {name!r}, and {mapping.in_short()} has the axes {', '.join(numbers)}: one mask for each axis "
                "of which points are missing"
            )
        degree = mapping.axes[numbers[name]].group.degree
        if not _agree(mask.shape, (*lead, degree)):
            raise DeclarationError(
                f"the mask of {name} says of each of its points whether it is there: expected {shown((*lead, degree))}, got "
                f"{shown(mask.shape)}"
            )
        found[numbers[name]] = flattened(mask, degree)
    return found


def _agree(came: Shape, wanted: Shape) -> bool:
    """Whether two shapes can be the same, as far as they are known."""
    pairs = zip(tuple(came), wanted, strict=False)
    return len(came) == len(wanted) and all(None in pair or pair[0] == pair[1] for pair in pairs)


def flattened(mask: Any, points: int) -> Any:
    """A mask as (batch, points) bool."""
    return ops.reshape(ops.cast(mask, "bool"), (-1, points))


def points_there(mask: Any, space: Space, name: str) -> tuple[AxisMasks, Any]:
    """The points of the axes that a mask of a space, (batch, points), says are there, and the mask that follows from them.

    Raises:
        DeclarationError: it is another one, where its values can be seen.
    """
    ((first, *others), *more) = space.terms
    if first.axis is not None and first.kind.size == 1 and not others and not more:
        return {first.axis: mask}, mask
    axes = axes_of(mask, space)
    follows = there(space, axes)
    if follows is None:
        return axes, mask
    came, wanted = seen(mask), seen(follows)
    if came is not None and wanted is not None:
        # An example of which nothing is there fills a batch.
        wrong = np.argwhere((came != wanted) & came.any(axis=1, keepdims=True))
        if wrong.size:
            raise DeclarationError(
                f"a mask of {name} says which points of its axes are there, and with them all that is made of them: this one "
                f"leaves out {space.name(int(wrong[0][1]))}, whose points others show to be there; eq.pad(examples, mapping) puts "
                "points where they belong, and entries that nobody knows are left out with known=..."
            )
    return axes, follows


def _entries(known: Any, shape: Shape) -> Any:
    """An entry mask of the shape of the features without channels."""
    if not _agree(known.shape, shape):
        raise DeclarationError(
            f"known says of every entry whether it is: expected {shown(shape)}, got {shown(known.shape)}"
        )
    return known
