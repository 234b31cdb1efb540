"""Every layer on JAX and PyTorch, where they are installed: weights of one backend give the same answers on another."""

from __future__ import annotations

import os
import re
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
        check=False,
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
        pytest.skip(f"{backend} is not installed: pip install -e '.[{backend}]'")
    found = run(written, which, backend)
    left_out = 0 if which == "verify" else 3
    assert found.count(f"holds on {backend}") == len(list(written.glob("*.weights.h5"))) - left_out
    assert f"file of tensorflow read on {backend}" in found


@pytest.mark.slow(sample=0)
def test_the_robot_of_the_docs_learns_on_pytorch():
    if find_spec("torch") is None:
        pytest.skip("torch is not installed: pip install -e '.[torch]'")
    page = (Path(__file__).parents[1] / "docs" / "recurrent.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, re.S)
    script = "\n".join([blocks[0], *(block for block in blocks if "robot" in block or "mirror" in block)])
    script += "\nprint('learned on', keras.backend.backend())"
    # Small products on cores that others use too: threads would wait for each other.
    environment = {**os.environ, "KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert "learned on torch" in done.stdout, done.stderr[-2000:]


def test_a_backend_that_differentiates_nothing_computes_all_the_same():
    script = (
        "import eqgen as eq, keras, numpy as np\n"
        "for text, lowering in (('p -> p where p = C(6)', 'gather'), ('{p p} -> {p p} where p = S(5)', 'pooled'), "
        "('p -> p where p = C(150)', 'auto')):\n"
        "    layer = eq.EquivariantDense(3, text, lowering=lowering)\n"
        "    features = np.random.default_rng(0).normal(size=(2, layer.mapping.input.size, 4)).astype('float32')\n"
        "    expected = np.einsum('mnio,bni->bmo', (layer(features), layer.weight_matrix())[1], features)\n"
        "    assert np.allclose(layer(features), expected, atol=1e-4)\n"
        "    print(lowering, 'holds on', keras.backend.backend())\n"
    )
    environment = {**os.environ, "KERAS_BACKEND": "numpy"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.count("holds on numpy") == 3, done.stderr[-2000:]


@pytest.mark.slow(sample=0)
def test_rounded_products_break_no_symmetry():
    """What a GPU does to products of single precision (TF32) commutes with the group, or is not done to them."""
    if find_spec("jax") is None:
        pytest.skip("jax is not installed: pip install -e '.[jax]'")
    script = SCRIPT.with_name("rounded_products.py")
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert done.stdout.count("moved") == 17
