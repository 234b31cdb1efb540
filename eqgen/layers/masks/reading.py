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
        inputs: (batch, n) bool.
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


def read_masks(mask: Any, known: Any, shape: Shape, size: int, mapping: Mapping | None, scalar: bool) -> Present | None:
    """What is there of features of a shape; None if they are whole.

    Args:
        mask: a point mask, of the shape of the features without channels; of fewer axes it marks whole examples.
        known: an entry mask of the same shape.
        size: how many points an example has.
        mapping: of the layer; None for a typed pattern, whose outputs are all there.
        scalar: whether features have no channels, and a mask marks examples.

    Raises:
        DeclarationError: a mask of another shape, or one that is not that of points of the axes.
    """
    mask = None if scalar else of_points(mask, shape)
    entries = None if known is None else flattened(_entries(known, shape if scalar else tuple(shape)[:-1]), size)
    if mask is None:
        return None if entries is None else Present(entries, None, None)
    axes, inputs, outputs = None, flattened(mask, size), None
    if mapping is not None:
        axes, inputs = points_there(inputs, mapping.input, mapping.space_text(mapping.input))
        outputs = inputs if mapping.input == mapping.output else there(mapping.output, axes)
    if entries is None:
        return Present(inputs, outputs, axes)
    return Present(ops.logical_and(inputs, entries), outputs, None)


def mask_of_outputs(mask: Any, shape: Shape, mapping: Mapping | None, reading: Reading, scalar: bool) -> Any:
    """The mask that a layer hands on, of the shape of its outputs without channels; None where all outputs are there."""
    if scalar or of_points(mask, shape) is None or (mapping is not None and mapping.input == mapping.output):
        return mask
    if mapping is None:
        return None
    follows = there(mapping.output, axes_of(flattened(mask, mapping.input.size), mapping.input))
    # At most one size is unknown where Keras only asks for shapes.
    lead = [-1 if size is None else size for size in ops.shape(mask)[: reading.lead]]
    return None if follows is None else ops.reshape(follows, (*lead, *reading.output[:-1]))


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
    came = tuple(known.shape)
    fits = len(came) == len(shape) and all(None in pair or pair[0] == pair[1] for pair in zip(came, shape, strict=True))
    if not fits:
        raise DeclarationError(f"known says of every entry whether it is: expected {shown(shape)}, got {shown(came)}")
    return known
