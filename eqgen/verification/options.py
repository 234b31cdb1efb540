"""Options: what `verify` is told beside the declaration."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Options:
    """What `verify` is told beside the declaration."""

    input_shape: Any
    time_axis: int | None
    words: int
    seed: int
    training: bool

    @property
    def random(self) -> np.random.Generator:
        """The same numbers each time."""
        return np.random.default_rng(self.seed)
