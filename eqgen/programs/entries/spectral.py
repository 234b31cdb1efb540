"""The entries of an isotypic decomposition."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from eqgen.common.arrays import SignedLabels, labels_of, signs_of
from eqgen.programs.operators.protocol import Matrix


@dataclass(frozen=True, eq=False)
class OrbitPairs:
    """The kernels between two classes of point orbits, and what transforms them.

    Attributes:
        signed_labels: (rank of the pair, output orbits, input orbits), the parameters of each pair of orbits; 0 where a sign
            forces zero or a support leaves pairs out.
        transform: (spectral entries, rank of the pair).
        places: (section, rows, columns, first row, first column) of what is consecutive in the spectral entries: rows and
            columns are multiplicities.
    """

    signed_labels: SignedLabels
    transform: npt.NDArray[np.float64]
    places: tuple[tuple[int, int, int, int, int], ...]


@dataclass(frozen=True, eq=False)
class SpectralEntries:
    """Block-diagonal over pairs of point orbits: the kernel of each pair is transformed alone.

    A section's rows and columns are ordered (class, multiplicity, orbit).

    Attributes:
        pairs: for each output class and each input class.
        sizes: for each section (outputs, inputs).
        rank: how many parameters there are.
    """

    pairs: tuple[OrbitPairs, ...]
    sizes: tuple[tuple[int, int], ...]
    rank: int

    @property
    def shape(self) -> tuple[int, int]:
        return sum(outputs * inputs for outputs, inputs in self.sizes), self.rank

    @property
    def multiplications(self) -> int:
        return sum(math.prod(pair.signed_labels.shape[1:]) * pair.transform.size for pair in self.pairs)

    def of(self, theta: Matrix) -> Matrix:
        rest = theta.shape[1:]
        sections = [np.zeros((outputs, inputs, *rest)) for outputs, inputs in self.sizes]
        for pair in self.pairs:
            signs = signs_of(pair.signed_labels).reshape(*pair.signed_labels.shape, *[1] * len(rest))
            taken = theta[labels_of(pair.signed_labels)] * signs
            spectral = np.tensordot(pair.transform, taken, axes=1)
            high, wide = pair.signed_labels.shape[1:]
            start = 0
            for section, rows, columns, top, left in pair.places:
                block = spectral[start : start + rows * columns].reshape(rows, columns, high, wide, *rest)
                block = np.swapaxes(block, 1, 2).reshape(rows * high, columns * wide, *rest)
                sections[section][top : top + rows * high, left : left + columns * wide] = block
                start += rows * columns
        return np.concatenate([section.reshape(-1, *rest) for section in sections])


def scaled_entries(entries: SpectralEntries, scale: npt.NDArray[np.float64]) -> SpectralEntries | None:
    """The same for parameters that are yet to be multiplied by a scale, (rank,).

    The parameters of one orbit of pairs between two classes have one row size, and so one scale; None where they have not.
    """
    pairs = []
    for pair in entries.pairs:
        # What is forced to zero may have any scale.
        scales = np.where(pair.signed_labels != 0, scale[labels_of(pair.signed_labels)], 0).reshape(
            len(pair.signed_labels), -1
        )
        each = scales.max(axis=1, initial=0)
        if ((scales != each[:, None]) & (scales != 0)).any():
            return None
        pairs.append(replace(pair, transform=pair.transform * each))
    return replace(entries, pairs=tuple(pairs))
