"""Several arrays as they come, each flat, a grid, or a vector of parts, as points and channels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keras import ops

from eqgen.common.errors import DeclarationError, count, in_short
from eqgen.layers.execution.tensors import taken
from eqgen.layers.inputs.shape import Shape, Sides, of_points, read_shape, shown
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
            raise DeclarationError(
                f"{features[0].name} has the leading dimensions {shown(first)}, {feature.name} has {shown(arrival.lead)}: arrays "
                "come in one batch"
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
    try:
        reading = read_shape(shape, Sides(grid, grid, 1, layout, space=words))
    except DeclarationError as error:
        raise DeclarationError(f"{feature.name}: {error}") from None
    declared = feature.slots[0].channels
    if declared not in (None, reading.channels):
        raise DeclarationError(
            f"{feature.name}: {count(declared or 0, 'channel')} declared, got {reading.channels} in {shown(shape)}"
        )
    return Arrival(shape[: reading.lead], (reading.channels,), is_grid=len(shape) != reading.lead + 2)


def _in_parts(feature: Feature) -> str:
    """The parts of a vector with how many numbers each has: `velocity 3, joints 12`."""
    assert isinstance(feature.declared, Parts)
    return ", ".join(f"{name} {size}" for (name, _, _), size in zip(feature.declared.terms, feature.sizes, strict=True))


def in_slots(feature: Feature, arrival: Arrival, array: Any, mask: Any) -> list[tuple[Any, Any]]:
    """An array as (..., points, channels) for each of its slots, with a mask (..., points), or None."""
    lead = ops.shape(array)[: len(arrival.lead)]
    if feature.is_vector:
        return [
            (ops.reshape(taken(array, slot.numbers.ravel(), -1), (*lead, *slot.numbers.shape)), None)
            for slot in feature.slots
            if slot.numbers is not None
        ]
    mask = of_points(mask, array.shape)
    if arrival.is_grid:
        array = ops.reshape(array, (*lead, feature.space.size, arrival.channels[0]))
        mask = None if mask is None else ops.reshape(mask, (*lead, feature.space.size))
    return [(array, mask)]


def from_slots(feature: Feature, slots: Sequence[Any], as_grid: bool) -> Any:
    """The array that features (..., points, channels) of its slots make."""
    lead = ops.shape(slots[0])[:-2]
    if feature.is_vector:
        flat = [ops.reshape(slot, (*lead, slot.shape[-2] * slot.shape[-1])) for slot in slots]
        together = flat[0] if len(flat) == 1 else ops.concatenate(flat, axis=-1)
        return taken(together, feature.back, -1)
    grid = shape_of(feature, as_grid)
    return slots[0] if len(grid) == 2 else ops.reshape(slots[0], (*lead, *grid))


def shape_of(feature: Feature, as_grid: bool) -> tuple[int, ...]:
    """The shape of an output without its leading dimensions."""
    if feature.is_vector:
        return (feature.space.size,)
    points = feature.space.shape if as_grid else (feature.space.size,)
    return (*points, feature.slots[0].channels or 1)
