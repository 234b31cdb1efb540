"""Every layer on JAX and PyTorch, where they are installed: weights of one backend give the same answers on another."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "backends" / "check_layers.py"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    run(folder, "write", "tensorflow")
    return folder


def run(folder: Path, which: str, backend: str) -> str:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder), which],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_every_layer_on_every_backend(backend, written):
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed: pip install eqgen[{backend}]")
    found = run(written, "read", backend)
    assert found.count(f"holds on {backend}") == len(list(written.glob("*.weights.h5")))
    assert f"file of tensorflow read on {backend}" in found
    assert f"file of {backend} read on tensorflow" in run(written, "files", "tensorflow")
