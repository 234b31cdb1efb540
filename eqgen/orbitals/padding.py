"""pad: examples of different sizes in one batch, every point where it belongs, and which points are there."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from eqgen.common.arrays import Permutation
from eqgen.common.errors import DeclarationError
from eqgen.orbitals.declare import looks_like_mapping, one_space
from eqgen.orbitals.declare import mapping as as_mapping
from eqgen.permutations.families import whole_family
from eqgen.spaces.mapping import Mapping
from eqgen.spaces.space import Space, term_members

Padded = tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]
"""Features and their mask."""


def pad(examples: Sequence[npt.ArrayLike], declaration: Mapping | str) -> Padded:
    """Examples of fewer points as one batch of a space, which takes the place of their points, and its point mask.

    Points of a product, of `{p p}` and of sums are numbered by the points of the axes, so that a graph of 4 nodes does not fill the
    first 6 of 21 edges: it has those between nodes 1 to 4. What an example has none of is 0.

    Args:
        examples: arrays (points, channels), or where the space is a grid, as `r c` is, (rows, columns, channels); the sizes may
            differ along axes whose group is all of S(n) or A(n).
        declaration: a mapping, whose input is filled, or a space, `"{p p} where p = S(7)"`.

    Returns:
        Features (batch, points, channels), on a grid where examples are, in their common dtype; and a bool for each
        point, which are there, as layers take it: `layer(features, mask=mask)`.

    Raises:
        DeclarationError: there are no examples, or one does not fit, or fits several sizes.

    >>> features, mask = pad([np.ones((1, 2)), np.ones((3, 2))], "{p p} where p = S(4)")
    >>> features.shape, mask.astype(int).tolist()
    ((2, 6, 2), [[1, 0, 0, 0, 0, 0], [1, 1, 0, 1, 0, 0]])
    """
    mapping = as_mapping(declaration) if looks_like_mapping(declaration) else one_space(declaration)
    arrays = [np.asarray(example) for example in examples]
    if not arrays:
        raise DeclarationError("pad takes a list of examples, one array for each: there is none")
    ends = {array.shape[-1:] for array in arrays}
    flat = {array.ndim == 2 for array in arrays}
    if len(ends) > 1 or len(flat) > 1 or () in ends:
        shapes = ", ".join(dict.fromkeys(str(array.shape) for array in arrays))
        raise DeclarationError(f"examples are arrays (points, channels) with the same channels, got {shapes}")
    space, (channels,) = mapping.input, ends.pop()
    features = np.zeros((len(arrays), space.size, channels), dtype=np.result_type(*arrays))
    mask = np.zeros((len(arrays), space.size), dtype=bool)
    places: dict[tuple[int, ...], Permutation] = {}
    for number, array in enumerate(arrays):
        shape = array.shape[:-1]
        if shape not in places:
            places[shape] = _places(shape, mapping, number)
        features[number, places[shape]], mask[number, places[shape]] = array.reshape(-1, channels), True
    grid = (space.size,) if flat.pop() else space.shape
    return features.reshape(len(arrays), *grid, channels), mask.reshape(len(arrays), *grid)


def _places(shape: tuple[int, ...], mapping: Mapping, number: int) -> Permutation:
    """The points that an example fills, in the order in which it has them."""
    space = mapping.input
    sizes = {
        axis: range(mapping.axes[axis].group.degree + 1)
        if whole_family(mapping.axes[axis].group)
        else [mapping.axes[axis].group.degree]
        for axis in dict.fromkeys(space.axis_numbers)
    }
    chosen = [dict(zip(sizes, each, strict=True)) for each in product(*sizes.values())]
    fits = {_filled(space, each).tobytes(): each for each in chosen if _shape(space, each, len(shape)) == shape}
    name, channels = mapping.space_text(space), "channels"
    if not fits:
        known = dict.fromkeys(_shape(space, each, len(shape)) for each in chosen)
        shown = [f"({', '.join(map(str, (*each, channels)))})" for each in known]
        raise DeclarationError(
            f"example {number + 1} is {(*shape, channels)}".replace("'", "")
            + f", and {name} has no such size: expected one of {', '.join(shown[:8])}{', ...' if len(shown) > 8 else ''}"
        )
    if len(fits) > 1:
        several = [
            ", ".join(f"{mapping.axes[axis].name} = {size}" for axis, size in each.items()) for each in fits.values()
        ]
        raise DeclarationError(
            f"example {number + 1} has {shape[0]} points, which fit {name} with {' and with '.join(several[:2])}: give it as a "
            f"grid ({', '.join(mapping.axes[axis].name for axis in sizes)}, channels)"
        )
    return np.flatnonzero(_filled(space, next(iter(fits.values()))))


def _shape(space: Space, sizes: dict[int, int], dimensions: int) -> tuple[int, ...]:
    """The shape of the points of a space whose axes have some sizes: flat, or a grid."""
    terms = tuple(
        tuple(replace(each, kind=each.kind.on(sizes.get(each.axis, 0))) for each in term)  # type: ignore[arg-type]
        for term in space.terms
    )
    smaller = Space(terms)
    return (smaller.size,) if dimensions == 1 else smaller.shape


def _filled(space: Space, sizes: dict[int, int]) -> npt.NDArray[np.bool_]:
    """Which points are made of the first so many of each axis."""
    parts = []
    for term, own in zip(space.terms, space.slices, strict=True):
        ends = [sizes[each.axis] for each in term if each.axis is not None for _ in range(each.kind.size)]
        parts.append((term_members(term, np.arange(own.stop - own.start)) < ends).all(axis=1))
    return np.concatenate(parts)
