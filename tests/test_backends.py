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
    # What is compiled runs once: no time is spent on making it fast.
    quickly = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder), which],
        env={**os.environ, "KERAS_BACKEND": backend, "XLA_FLAGS": quickly},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow(sample=0)
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_every_layer_is_verified_on_every_backend(backend, written):
    check(backend, written, "verify")


@pytest.mark.slow(sample=2)
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_every_layer_on_every_backend(backend, written):
    check(backend, written, "read")
    assert f"file of {backend} read on tensorflow" in run(written, "files", "tensorflow")


def check(backend: str, written: Path, which: str) -> None:
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed: pip install eqgen[{backend}]")
    found = run(written, which, backend)
    left_out = 0 if which == "verify" else 3
    assert found.count(f"holds on {backend}") == len(list(written.glob("*.weights.h5"))) - left_out
    assert f"file of tensorflow read on {backend}" in found
