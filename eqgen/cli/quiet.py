"""Keras without the start-up notes of TensorFlow, for the command line."""

from __future__ import annotations

import os
from typing import Any


def import_keras_quietly() -> Any:
    """The keras module; what TensorFlow's C++ code writes to standard error while it starts is dropped.

    TensorFlow reports missing GPU drivers before any of its settings is read, so the file descriptor itself is turned
    away for that moment. An exception of the import is not hidden: Python raises it after the descriptor is back.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import keras
        import tensorflow

        import eqgen.layers  # noqa: F401  (registers the layers)

        # The first operation starts the devices, which has notes of its own.
        tensorflow.zeros(1)
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
    return keras
