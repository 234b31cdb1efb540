"""Every layer written to a file and computed there: run with KERAS_BACKEND set, in a process of its own, by test_exports.py.

`python check_exports.py FOLDER ROUTE`. What runs the file knows nothing of eqgen; the batch is not the one that was traced, where
a file may be for any.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import keras
import numpy as np
from check_layers import LAYERS, answers, model_of

import eqgen as eq

FIXED, ANY = 3, 4
"""How many examples a file of one batch size is for, and how many another is given."""


def network() -> keras.Model:
    """Layers of all kinds, as one file; tf2onnx has no exact gelu."""
    layers = (
        eq.EquivariantDense(8, "p -> p where p = C(6)", activation="relu"),
        eq.EquivariantNormalization("p where p = (1 2 3)(4 5 6)"),
        eq.OrbitEmbedding("p where p = (1 2 3)(4 5 6)"),
        eq.EquivariantAttention(2, 4, "p where p = C(6)"),
        keras.layers.Dense(6),
        eq.EquivariantDense(4, "p -> {p p} where p = D(6)", use_bias=True, activation="tanh"),
        eq.InvariantPool("{p p} where p = D(6)", "max"),
    )
    return keras.Sequential([keras.Input((6, 2)), *layers])


def masked() -> keras.Model:
    """Layers that take a mask, which the file makes of the features."""
    inputs = keras.Input((6, 2))
    features = keras.layers.Masking()(inputs)
    for layer in (
        eq.EquivariantDense(8, "p -> p where p = S(6)"),
        eq.EquivariantNormalization("p where p = S(6)"),
        eq.EquivariantAttention(2, 4, "p where p = S(6)"),
        eq.InvariantPool("p where p = S(6)"),
    ):
        features = layer(features)
    return keras.Model(inputs, features)


MODELS = {**{name: partial(model_of, make) for name, make in LAYERS.items()}, "network": network, "masked": masked}


def fixed(features: np.ndarray) -> list[keras.InputSpec]:
    return [keras.InputSpec(shape=(FIXED, *features.shape[1:]), dtype="float32", name="features")]


def in_onnxruntime(place: Path, features: np.ndarray) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(place)
    return session.run(None, {session.get_inputs()[0].name: features})[0]


def onnx(model: keras.Model, features: np.ndarray, place: Path) -> np.ndarray:
    model.export(place, format="onnx", verbose=False)
    return in_onnxruntime(place, features)


def onnx_fixed(model: keras.Model, features: np.ndarray, place: Path) -> np.ndarray:
    """On PyTorch by its newer exporter, which Keras takes where no size is open."""
    model.export(place, format="onnx", verbose=False, input_signature=fixed(features))
    return in_onnxruntime(place, features[:FIXED])


def onnx_dynamo(model: keras.Model, features: np.ndarray, place: Path) -> np.ndarray:
    import torch

    example = torch.as_tensor(features[:FIXED])
    # Keras would fall back without a word.
    torch.onnx.export(model.eval(), (example,), place, dynamo=True, dynamic_shapes=(({0: "batch"},),), verbose=False)
    return in_onnxruntime(place, features)


def jit_trace(model: keras.Model, features: np.ndarray, place: Path) -> np.ndarray:
    import torch

    torch.jit.trace(model.eval(), torch.as_tensor(features[:1])).save(place)
    return torch.jit.load(place)(torch.as_tensor(features)).detach().numpy()


def torch_export(model: keras.Model, features: np.ndarray, place: Path) -> np.ndarray:
    import torch

    batch = torch.export.Dim("batch")
    example = (torch.as_tensor(features[:FIXED]),)
    program = torch.export.export(model.eval(), example, dynamic_shapes=(({0: batch},),), strict=False)
    torch.export.save(program, place)
    return torch.export.load(place).module()(torch.as_tensor(features)).detach().numpy()


def saved_model(model: keras.Model, features: np.ndarray, place: Path) -> np.ndarray:
    import tensorflow as tf

    model.export(place, verbose=False)
    served = tf.saved_model.load(place)
    return served.serve(features).numpy()


def tflite(model: keras.Model, features: np.ndarray, place: Path) -> np.ndarray:
    import tensorflow as tf

    model.export(place, format="litert", verbose=False)
    interpreter = tf.lite.Interpreter(str(place))
    into, out = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    interpreter.resize_tensor_input(into, features.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(into, features)
    interpreter.invoke()
    return interpreter.get_tensor(out)


LOOP = "recurrent"
"""A loop over time: TFLite has it only with operations of TensorFlow beside its own, and elsewhere it is not tried."""

ROUTES: dict[str, tuple[Callable[[keras.Model, np.ndarray, Path], np.ndarray], str]] = {
    "onnx": (onnx, ".onnx"),
    "onnx_fixed": (onnx_fixed, ".onnx"),
    "onnx_dynamo": (onnx_dynamo, ".onnx"),
    "jit_trace": (jit_trace, ".pt"),
    "torch_export": (torch_export, ".pt2"),
    "saved_model": (saved_model, ""),
    "tflite": (tflite, ".tflite"),
}
WITHOUT_FOURIER = {
    ("torch", "onnx"): "ONNX by TorchScript",
    ("tensorflow", "onnx"): "ONNX",
    ("tensorflow", "onnx_fixed"): "ONNX",
    ("tensorflow", "tflite"): "TFLite",
}
LONG = {"long fourier": 150, "long fourier beside sums": 130}
SENTENCE = (
    "{kind} cannot hold the fast Fourier transform of {points} points that this layer computes: build the model again with "
    'lowering="gather" in its EquivariantDense layers, give it these weights (set_weights), and export that'
)


def refusal(run: Callable[..., np.ndarray], model: keras.Model, features: np.ndarray, place: Path) -> str:
    """What a route says that cannot write a model, without the arguments that Keras shows around it."""
    told = "nothing"
    try:
        run(model, features, place)
    except eq.DeclarationError as error:
        told = str(error)
    assert not place.exists()
    return next((line for line in re.sub(r"\x1b\[\d+m", "", told).splitlines() if "Fourier" in line), told)


def main(folder: Path, route: str) -> None:
    run, ending = ROUTES[route]
    kind = WITHOUT_FOURIER.get((keras.backend.backend(), route))
    for name, make in MODELS.items():
        if name == LOOP and route != "saved_model":
            continue
        keras.utils.set_random_seed(1)
        model = make()
        random = np.random.default_rng(2)
        model.set_weights([random.normal(size=weight.shape).astype("float32") for weight in model.get_weights()])
        features = random.normal(size=(ANY, *model.input_shape[1:])).astype("float32")
        if name == "masked":
            features[1, 3:] = 0
        place = folder / f"{name.replace(' ', '_')}{ending}"
        # Keras asks that a model has answered before it writes ONNX.
        expected = answers(model, features)
        if kind is not None and name in LONG:
            assert refusal(run, model, features, place) == SENTENCE.format(kind=kind, points=LONG[name])
            print(name, "is refused", flush=True)
            continue
        found = run(model, features, place)
        expected = expected[: len(found)]
        assert found.shape == expected.shape, (name, found.shape)
        assert np.abs(found - expected).max() < 1e-4 * max(1, np.abs(expected).max()), (
            name,
            np.abs(found - expected).max(),
        )
        print(name, "holds by", route, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
