"""How a stencil runs on rings whose size is known only in the graph: features of all neighbours side by side, and one product."""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from keras import ops

from eqgen.common.arrays import Reals
from eqgen.layers.execution.every_size import Points, dense, flat
from eqgen.layers.execution.tensors import concatenated, constant, matmul
from eqgen.orbitals.orbit_family import OrbitFamily
from eqgen.programs.coincidences import places_of
from eqgen.spaces.family import AnySize
from eqgen.spaces.space import Term, term_shape


@dataclass(frozen=True, eq=False)
class Rolled:
    """A linear map of a ring or torus of any size to itself, with a stencil.

    Attributes:
        term: of the space, for few points.
        groups: of the axes, None where the size is a number.
        offsets: along each open axis, one tuple for each neighbour.
        coefficients: (offsets, fixed outputs, fixed inputs, rank), of the parameters.
    """

    term: Term
    groups: tuple[AnySize | None, ...]
    offsets: tuple[tuple[int, ...], ...]
    coefficients: Reals

    def __call__(self, features: Any, kernel: Any, points: Points, present: Any, dtype: str) -> Any:
        """Apply the map to features (batch, n, channels_in): (batch, n, channels_out)."""
        neighbours, outputs, inputs, rank = self.coefficients.shape
        into, out = kernel.shape[1:]
        grid = dense(features, self.term, self.groups, points)
        moved = [
            ops.roll(grid, [-by for by in offset], axis=list(range(1, 1 + len(offset)))) for offset in self.offsets
        ]
        theta = ops.reshape(kernel, (rank, into * out))
        matrix = matmul(constant(self.coefficients.reshape(-1, rank), theta), theta, precise=True)
        matrix = ops.transpose(ops.reshape(matrix, (neighbours, outputs, inputs, into, out)), (0, 2, 3, 1, 4))
        matrix = ops.cast(ops.reshape(matrix, (neighbours * inputs * into, outputs * out)), dtype)
        mixed = matmul(concatenated(moved, -1), matrix)
        own = {"batch": ops.shape(features)[0], "channels": out, "dtype": dtype}
        return flat(mixed, self.term, self.groups, points, **own)


def rolled(found: OrbitFamily, scaled: bool) -> Rolled:
    """The map of some orbits under a stencil; `scaled` where parameters multiply means."""
    family, stable = found.family, found.family.stable
    (term,) = stable.input.terms
    groups = tuple(group if isinstance(group, AnySize) else None for group in family.groups)
    degrees = [stable.axes[place.axis].group.degree for place in places_of(term, groups)]
    scale = np.array([1 / float(growth.factor) if scaled else 1.0 for growth in found.row_growths])
    open_ = [factor.axis is not None and groups[factor.axis] is not None for factor in term]
    offsets, coefficients = [], []
    for offset in product(*(range(-(degree // 2), degree // 2 + 1) for degree in degrees)):
        labels = found.stable.form.at(
            _cells(term, open_, (0,) * len(offset), degrees), _cells(term, open_, offset, degrees)
        )
        values = np.zeros((*labels.shape, found.rank + 1))
        np.put_along_axis(values, np.abs(labels)[..., None].astype(np.intp), np.sign(labels)[..., None], axis=-1)
        if np.abs(labels).any():
            offsets.append(offset)
            coefficients.append(values[..., 1:] * scale)
    return Rolled(term, groups, tuple(offsets), np.stack(coefficients))


def _cells(term: Term, open_: list[bool], offset: tuple[int, ...], degrees: list[int]) -> Any:
    """The points with some coordinates along the open axes, and all along the others."""
    left = iter(zip(offset, degrees, strict=True))
    parts = [
        np.array([by % degree for by, degree in [next(left)]]) if is_open else np.arange(factor.kind.count)
        for factor, is_open in zip(term, open_, strict=True)
    ]
    grid = np.meshgrid(*parts, indexing="ij")
    return np.ravel_multi_index([part.ravel() for part in grid], term_shape(term))
