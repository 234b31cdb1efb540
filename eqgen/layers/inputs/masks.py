"""Masks: which points of an example are there, so that sets of different sizes can be padded to one."""

from __future__ import annotations

from typing import Any

from keras import ops

from eqgen.common.errors import DeclarationError
from eqgen.layers.inputs.shape import shown


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
    """Features (..., points, channels) with zeros at the points that a mask (..., points) leaves out.

    Chosen and not multiplied: what stands at padded points may be infinite.
    """
    return ops.where(ops.expand_dims(ops.cast(mask, "bool"), -1), features, ops.zeros((), dtype=features.dtype))
