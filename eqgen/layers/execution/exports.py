"""What PyTorch, or an export of Keras, writes to a file: what has to be left out of it, and what no file of its kind can hold."""

from traceback import walk_stack

import keras

from eqgen.common.errors import DeclarationError

CONVERTERS = {"keras.src.export.onnx": "ONNX", "keras.src.export.litert": "TFLite"}
"""Modules of Keras 3.15 that turn TensorFlow's graphs into something else, and into what."""


def is_traced() -> bool:
    """Whether PyTorch writes down what runs: a gradient of one's own would be Python, which no file holds."""
    if keras.backend.backend() != "torch":
        return False
    import torch

    return bool(torch.jit.is_tracing() or torch.compiler.is_compiling())


def check_fourier(points: int) -> None:
    """Stop where a fast Fourier transform of so many points is on its way into a file that has none.

    Raises:
        DeclarationError: it would be an invalid file, on TensorFlow without an error.
    """
    kind = _without_fourier()
    if kind is not None:
        raise DeclarationError(
            f"{kind} cannot hold the fast Fourier transform of {points} points that this layer computes: build the model again "
            'with lowering="gather" in its EquivariantDense layers, give it these weights (set_weights), and export that'
        )


def _without_fourier() -> str | None:
    """The kind of file that is being written, if it holds no fast Fourier transform."""
    if keras.backend.backend() == "torch":
        import torch

        return "ONNX by TorchScript" if torch.jit.is_tracing() and torch.onnx.is_in_onnx_export() else None
    if keras.backend.backend() != "tensorflow":
        return None
    import tensorflow as tf

    if tf.executing_eagerly():
        return None
    # A graph does not say what it is made for.
    names = (frame.f_globals.get("__name__") for frame, _ in walk_stack(None))
    return next((CONVERTERS[name] for name in names if name in CONVERTERS), None)
