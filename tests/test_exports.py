"""Every layer, a network of all kinds and one with a mask, written to a file and computed by what reads it: one process for each backend and route."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "backends" / "check_exports.py"

# What .ci/run installs, then what only .ci/slow does.
ROUTES = {
    ("tensorflow", "saved_model"): (),
    ("tensorflow", "tflite"): (),
    ("jax", "saved_model"): ("jax",),
    ("torch", "jit_trace"): ("torch",),
    ("torch", "torch_export"): ("torch",),
    ("tensorflow", "onnx"): ("tf2onnx", "onnxruntime"),
    ("tensorflow", "onnx_fixed"): ("tf2onnx", "onnxruntime"),
    ("torch", "onnx"): ("torch", "onnxscript", "onnxruntime"),
    ("torch", "onnx_fixed"): ("torch", "onnxscript", "onnxruntime"),
    ("torch", "onnx_dynamo"): ("torch", "onnxscript", "onnxruntime"),
}
REFUSED = {("tensorflow", "tflite"), ("tensorflow", "onnx"), ("tensorflow", "onnx_fixed"), ("torch", "onnx")}
"""Where the two long Fourier transforms of the twenty models cannot be written."""


@pytest.mark.slow(sample=0)
@pytest.mark.parametrize(("backend", "route"), ROUTES)
def test_every_layer_is_exported(backend, route, tmp_path):
    missing = [package for package in ROUTES[backend, route] if find_spec(package) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: pip install -e '.[export,torch]'")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path), route],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    refused = 2 if (backend, route) in REFUSED else 0
    assert done.stdout.count("is refused") == refused
    assert done.stdout.count(f"holds by {route}") == (22 if route == "saved_model" else 21) - refused
