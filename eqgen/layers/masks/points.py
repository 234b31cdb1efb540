"""Point masks: a point of a space is there if all points of the axes that make it are."""

from typing import Any

import keras
import numpy as np
from keras import ops

from eqgen.common.arrays import Permutation
from eqgen.layers.execution.exports import is_traced
from eqgen.layers.execution.tensors import concatenated, reshaped, taken
from eqgen.spaces.factors import FactorKind
from eqgen.spaces.space import Space, term_shape

AxisMasks = dict[int, Any]
"""By the number of an axis which of its points are there, (batch, degree) bool; all points of axes that are not named are."""


def axes_of(mask: Any, space: Space) -> AxisMasks:
    """The points of each axis that a mask of a space, (batch, points), shows: those that make a point that is there."""
    found: AxisMasks = {}
    for term, own in zip(space.terms, space.slices, strict=True):
        grid = reshaped(mask[:, own], (-1, *term_shape(term)))
        for place, factor in enumerate(term):
            if factor.axis is None:
                continue
            others = [1 + other for other in range(len(term)) if other != place]
            shown = ops.any(grid, axis=others) if others else grid
            if factor.kind.size > 1:
                points = _points_at(factor.kind)
                shown = ops.any(
                    reshaped(taken(shown, points.ravel().astype(np.int32), 1), (-1, *points.shape)), axis=-1
                )
            found[factor.axis] = ops.logical_or(found[factor.axis], shown) if factor.axis in found else shown
    return found


def there(space: Space, axes: AxisMasks) -> Any:
    """Which points of a space are there, (batch, points) bool; None if all are because no axis of it has a mask."""
    if axes.keys().isdisjoint(space.axis_numbers):
        return None
    # Of one point, whatever the batch.
    one = ops.ones_like(next(iter(axes.values()))[:, :1])
    terms = []
    for term in space.terms:
        shape = term_shape(term)
        grid = np.ones((1, *shape), dtype=bool)
        grid = ops.logical_and(reshaped(one, (-1, *[1] * len(shape))), grid)
        for place, factor in enumerate(term):
            if factor.axis in axes:
                own = _all_members(factor.kind, axes[factor.axis])
                grid = ops.logical_and(grid, reshaped(own, (-1, *_only(place, shape))))
        terms.append(reshaped(grid, (-1, int(np.prod(shape)))))
    return concatenated(terms, 1)


def seen(tensor: Any) -> np.ndarray | None:
    """The values of a tensor where they can be looked at now; None in a graph, which is made before they come."""
    if isinstance(tensor, keras.KerasTensor) or is_traced():
        return None
    try:
        return np.asarray(ops.convert_to_numpy(tensor))
    except (NotImplementedError, TypeError, RuntimeError):
        return None


def _all_members(kind: FactorKind, mask: Any) -> Any:
    """Which points of a factor are there, (batch, count)."""
    if kind.size == 1:
        return mask
    members = kind.members(np.arange(kind.count)).astype(np.int32)
    return ops.all(reshaped(taken(mask, members.ravel(), 1), (-1, *members.shape)), axis=-1)


def _points_at(kind: FactorKind) -> Permutation:
    """The points of a factor that each point of the axis makes, (degree, points), by number."""
    members = kind.members(np.arange(kind.count)).ravel()
    return (np.argsort(members, kind="stable") // kind.size).reshape(kind.degree, -1)


def _only(place: int, shape: tuple[int, ...]) -> list[int]:
    return [size if own == place else 1 for own, size in enumerate(shape)]
