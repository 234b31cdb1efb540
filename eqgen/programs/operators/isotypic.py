"""Orthogonal transforms of point orbits."""

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np

from eqgen.common.arrays import Permutation, Reals, Signs
from eqgen.programs.prices import Work


@dataclass(frozen=True, eq=False)
class OrbitTransforms:
    """An orthogonal transform of the points of every orbit; orbits that the group moves alike share theirs.

    Rows are ordered section by section, and there (copy, class, multiplicity, orbit).

    Attributes:
        index: for each class of orbits (orbits, points in an orbit), the numbers of the points.
        signs: for each class an array of the same shape, int8.
        transforms: for each class (points in an orbit, points in an orbit), orthogonal.
        rows: for each section and each class (multiplicity, copies), the rows of the transform that belong there.
        columns: how many points there are.
    """

    index: tuple[Permutation, ...]
    signs: tuple[Signs, ...]
    transforms: tuple[Reals, ...]
    rows: tuple[tuple[Permutation, ...], ...]
    columns: int

    @property
    def shape(self) -> tuple[int, int]:
        copies = [max(rows.shape[1] for rows in by_class) for by_class in self.rows]
        return sum(count * self.starts(section)[-1] for section, count in enumerate(copies)), self.columns

    @cached_property
    def flips(self) -> tuple[Signs | None, ...]:
        """For each class its signs as one column, (points in an orbit x orbits, 1), or None where all of them are +."""
        return tuple(None if (signs > 0).all() else signs.T.reshape(-1, 1) for signs in self.signs)

    def starts(self, section: int) -> list[int]:
        """Where each class begins among the rows of one copy in a section, and how many there are in all."""
        sizes = [rows.shape[0] * index.shape[0] for rows, index in zip(self.rows[section], self.index, strict=True)]
        return [0, *accumulate(sizes)]

    @property
    def work(self) -> Work:
        multiplied = sum(index.shape[0] * index.shape[1] ** 2 for index in self.index)
        return Work(multiplied, 2 * self.columns, 1, multiplied)

    def matrix(self) -> Reals:
        by_class_of_orbits = []
        for index, signs, transform in zip(self.index, self.signs, self.transforms, strict=True):
            # (rows of the transform, orbits, columns)
            placed = np.zeros((transform.shape[0], index.shape[0], self.columns))
            for orbit, points in enumerate(index):
                placed[:, orbit, points] = transform * signs[orbit]
            by_class_of_orbits.append(placed)
        sections = []
        for by_class in self.rows:
            # (multiplicity, copies) to (copies, multiplicity, orbits, columns)
            taken = [placed[rows.T] for placed, rows in zip(by_class_of_orbits, by_class, strict=True) if rows.size]
            copies = taken[0].shape[0]
            sections.append(np.concatenate([part.reshape(copies, -1, self.columns) for part in taken], axis=1))
        return np.concatenate([section.reshape(-1, self.columns) for section in sections])
