"""Several arrays as they come, each flat, a grid, or a vector of parts, as points and channels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keras import ops

from eqgen.common.errors import DeclarationError, count, in_short
from eqgen.layers.execution.tensors import taken
from eqgen.layers.inputs.shape import Shape, Sides, read_shape, shown
from eqgen.orbitals.features import Feature, Parts
from eqgen.permutations.group import Group
from eqgen.spaces.mapping import Mapping


@dataclass(frozen=True)
class Arrival:
    """How one array comes.

    Attributes:
        lead: its leading (batch) dimensions.
        channels: of each of its slots.
        is_grid: whether its points stand in several dimensions.
    """

    lead: tuple[int | None, ...]
    channels: tuple[int, ...]
    is_grid: bool = False


def arrivals(features: Sequence[Feature], axes: Mapping, layout: str, shapes: Sequence[Shape]) -> list[Arrival]:
    """How arrays of some shapes come.

    Raises:
        DeclarationError: a shape is not that of its space and channels, or two have other leading dimensions.
    """
    found = [_arrival(feature, axes, layout, tuple(shape)) for feature, shape in zip(features, shapes, strict=True)]
    first = found[0].lead
    for feature, arrival in zip(features, found, strict=True):
        pairs = zip(first, arrival.lead, strict=False)
        if len(arrival.lead) != len(first) or any(a != b for a, b in pairs if None not in (a, b)):
            fixed = next((each.name for each in (features[0], feature) if each.is_fixed), None)
            hint = f", and that of the fixed point, {fixed}, is (..., channels)" if fixed else ""
            raise DeclarationError(
                f"{features[0].name} has the leading dimensions {shown(first)}, {feature.name} has {shown(arrival.lead)}: arrays "
                f"come in one batch{hint}"
            )
    return found


def _arrival(feature: Feature, axes: Mapping, layout: str, shape: tuple[int | None, ...]) -> Arrival:
    if feature.is_vector:
        if shape[-1:] != (feature.space.size,):
            raise DeclarationError(
                f"{feature.name}: expected (..., {feature.space.size}) for {_in_parts(feature)}, got {shown(shape)}"
            )
        return Arrival(shape[:-1], tuple(slot.channels or 1 for slot in feature.slots))
    words = in_short(feature.text + axes.clauses(Group.in_short))
    grid = feature.space.shape
    # Of the fixed point the axis of points is left out.
    whole = (*shape[:-1], 1, *shape[-1:]) if feature.is_fixed else shape
    try:
        reading = read_shape(whole, Sides(grid, grid, 1, layout, space=words))
    except DeclarationError as error:
        raise DeclarationError(f"{feature.name}: {error}") from None
    declared = feature.slots[0].channels
    if declared not in (None, reading.channels):
        raise DeclarationError(
            f"{feature.name}: {count(declared or 0, 'channel')} declared, got {reading.channels} in {shown(shape)}"
        )
    return Arrival(shape[: reading.lead], (reading.channels,), is_grid=len(whole) != reading.lead + 2)


def _in_parts(feature: Feature) -> str:
    """The parts of a vector with how many numbers each has: `velocity 3, joints 12`."""
    assert isinstance(feature.declared, Parts)
    return ", ".join(f"{name} {size}" for (name, _, _), size in zip(feature.declared.terms, feature.sizes, strict=True))


def in_slots(feature: Feature, arrival: Arrival, array: Any) -> list[Any]:
    """An array as (..., points, channels) for each of its slots."""
    lead = ops.shape(array)[: len(arrival.lead)]
    if feature.is_vector:
        return [
            ops.reshape(taken(array, slot.numbers.ravel(), -1), (*lead, *slot.numbers.shape))
            for slot in feature.slots
            if slot.numbers is not None
        ]
    if feature.is_fixed:
        return [ops.expand_dims(array, -2)]
    return [ops.reshape(array, (*lead, feature.space.size, arrival.channels[0])) if arrival.is_grid else array]


def from_slots(feature: Feature, slots: Sequence[Any], as_grid: bool) -> Any:
    """The array that features (..., points, channels) of its slots make."""
    lead = ops.shape(slots[0])[:-2]
    if feature.is_vector:
        flat = [ops.reshape(slot, (*lead, slot.shape[-2] * slot.shape[-1])) for slot in slots]
        together = flat[0] if len(flat) == 1 else ops.concatenate(flat, axis=-1)
        return taken(together, feature.back, -1)
    shape = shape_of(feature, as_grid)
    return slots[0] if len(shape) == 2 else ops.reshape(slots[0], (*lead, *shape))


def shape_of(feature: Feature, as_grid: bool, channels: int | None = None) -> tuple[int, ...]:
    """The shape of an array without its leading dimensions, with the channels that are declared unless others are given."""
    if feature.is_vector:
        return (feature.space.size,)
    points = () if feature.is_fixed else feature.space.shape if as_grid else (feature.space.size,)
    return (*points, channels or feature.slots[0].channels or 1)
