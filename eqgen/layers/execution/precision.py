"""Double precision, which JAX has only where it is asked for."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras


def double_precision() -> AbstractContextManager[Any]:
    """A context in which there is float64."""
    if keras.backend.backend() != "jax":
        return nullcontext()
    import jax

    enabled: AbstractContextManager[Any] = jax.enable_x64(True)
    return enabled


def widest_dtype() -> str:
    """The widest dtype outside of it."""
    if keras.backend.backend() != "jax":
        return "float64"
    import jax

    return "float64" if jax.config.jax_enable_x64 else "float32"
