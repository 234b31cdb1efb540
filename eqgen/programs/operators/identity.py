"""Every point alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eqgen.programs.machine import Work


@dataclass(frozen=True, eq=False)
class Identity:
    """Every point alone.

    Attributes:
        size: how many points there are.
    """

    size: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.size, self.size

    @property
    def work(self) -> Work:
        return Work()

    def matrix(self) -> npt.NDArray[np.int64]:
        return np.eye(self.size, dtype=np.int64)
