"""Masks of several arrays: which points of the axes are there is said once, and every array over an axis follows it."""

from collections.abc import Sequence
from typing import Any

from keras import ops

from eqgen.common.errors import DeclarationError
from eqgen.layers.inputs.shape import of_points, shown
from eqgen.layers.masks.points import AxisMasks, axes_of, there
from eqgen.layers.masks.reading import flattened
from eqgen.orbitals.features import Feature, Features


def axes_there(features: Sequence[Feature], arrays: Sequence[Any], masks: Sequence[Any]) -> AxisMasks:
    """The points of each axis that masks, (..., points) or None for each array, say are there, (batch, degree).

    A mask of the points of an axis themselves says it; where there is none, those of what is made of them: an edge shows two nodes,
    but a node that has no edge is there too.
    """
    own: AxisMasks = {}
    shown: AxisMasks = {}
    for feature, array, mask in zip(features, arrays, masks, strict=True):
        is_of_points = mask is not None and not (feature.is_vector or feature.is_fixed)
        if not is_of_points or of_points(mask, array.shape) is None:
            continue
        found = axes_of(flattened(mask, feature.space.size), feature.space)
        ((first, *others), *more) = feature.space.terms
        is_axis = first.kind.size == 1 and not others and not more
        for axis, points in found.items():
            if is_axis:
                own[axis] = ops.logical_and(own[axis], points) if axis in own else points
            else:
                shown[axis] = ops.logical_or(shown[axis], points) if axis in shown else points
    return {**shown, **own}


def mask_of(feature: Feature, axes: AxisMasks, lead: Sequence[int | None], points: Sequence[int]) -> Any:
    """The mask of an array, (lead ..., points ...), that follows from the axes; None where all of it is there."""
    found = None if feature.is_vector or feature.is_fixed else there(feature.space, axes)
    if found is None:
        return None
    # At most one size is unknown where Keras only asks for shapes.
    return ops.reshape(found, (*[-1 if size is None else size for size in lead], *points))


def known_in_slots(features: Features, arrays: Sequence[Any], known: Any, lead: Sequence[Any]) -> list[Any]:
    """Which entries of each slot are known, (lead ..., points); None where all are.

    Raises:
        DeclarationError: an array is not declared, or its entries cannot be told to be known, or not in this shape.
    """
    each = features.some(known)
    entries = []
    for feature, array, own in zip(features.each, arrays, each, strict=True):
        if own is not None and (feature.is_vector or feature.is_fixed):
            what = "a flat vector" if feature.is_vector else "the fixed point"
            raise DeclarationError(f"known names entries of points with channels, and {feature.name} is {what}")
        if own is not None and len(own.shape) != len(array.shape) - 1:
            wanted, got = shown(array.shape[:-1]), shown(own.shape)
            raise DeclarationError(
                f"known[{feature.key!r}] says of every entry whether it is: expected {wanted}, got {got}"
            )
        entries += [None if own is None else ops.reshape(own, (*lead, feature.space.size))] * len(feature.slots)
    return entries
