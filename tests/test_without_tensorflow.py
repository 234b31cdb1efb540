"""On another backend of Keras nothing needs TensorFlow, the command line included."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

import eqgen as eq

ABSENT = """\
import sys


class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "tensorflow":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Absent())
"""
"""What Python runs at its start: from then on it is as if TensorFlow were not installed."""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run Python on JAX where there is no TensorFlow; what it prints."""
    root = Path(eq.__file__).parents[1]
    (tmp_path / "sitecustomize.py").write_text(ABSENT)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(root)]))
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    # What is compiled runs once: no time is spent on making it fast.
    monkeypatch.setenv("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true")
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_there_is_no_tensorflow_in_these_tests(run):
    code = "try:\n    import tensorflow\nexcept ModuleNotFoundError as error:\n    print(error)\n"
    assert run("-c", code) == "No module named 'tensorflow'\n"


@pytest.mark.slow(sample=1)
@pytest.mark.parametrize("imports", ["import eqgen, keras", "import keras, eqgen"])
def test_keras_is_imported_on_a_backend_that_trains_nothing(imports, run, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "numpy")
    code = (
        f"{imports}\n"
        "import numpy as np\n"
        "layer = eqgen.EquivariantDense(None, 'a b c; c a b; b c a')\n"
        "outputs = layer(np.eye(3, dtype='float32'))\n"
        "print(keras.backend.backend(), np.array_equal(outputs, layer.weight_matrix().T))\n"
    )
    assert run("-c", code) == "numpy True\n"


@pytest.mark.slow(sample=0)
def test_the_command_line_verifies_a_saved_model(run, tmp_path):
    model = keras.Sequential(
        [keras.Input((10, 1)), eq.EquivariantDense(4, "{p p} -> {p p} where p = S(5)", name="edges")]
    )
    model.save(tmp_path / "model.keras")
    shown = run("-m", "eqgen", "show", "{p p} -> {p p} where p = S(5)")
    assert "3 orbits of 10 x 10 (output, input) pairs" in shown
    verified = run("-m", "eqgen", "verify", "model.keras")
    assert verified.startswith("EquivariantDense 'edges': {p p} -> {p p} where p = S(5)\n")
    assert "=> verified" in verified
    assert "=> verified" in run("-m", "eqgen", "verify", "model.keras", "--as", "{p p} -> {p p} where p = S(5)")


def test_a_backend_that_is_not_installed_is_told_of(run, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    saved = Path(__file__).parent / "saved_models" / "network.keras"
    done = subprocess.run(
        [sys.executable, "-m", "eqgen", "verify", str(saved)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (
        2,
        "error: the backend of Keras is tensorflow, which is not installed: set KERAS_BACKEND to one that is, jax or torch, "
        "or pip install tensorflow\n",
    )


@pytest.mark.slow
def test_a_layer_keeps_its_form_while_it_is_trained(run):
    code = (
        "import keras, numpy as np, eqgen as eq\n"
        "layer = eq.EquivariantDense(None, 'a b c; c a b; b c a')\n"
        "model = keras.Sequential([keras.Input((3,)), layer])\n"
        "model.compile(keras.optimizers.Adam(0.05), 'mse')\n"
        "x = np.random.default_rng(0).normal(size=(256, 3))\n"
        "model.fit(x, x @ np.array([[1, 2, 0], [0, 1, 2], [2, 0, 1]]).T, epochs=30, verbose=0)\n"
        "print(np.round(layer.weight_matrix()).astype(int).tolist(), bool(eq.verify(layer)))\n"
    )
    assert run("-c", code) == "[[1, 2, 0], [0, 1, 2], [2, 0, 1]] True\n"


@pytest.mark.slow(sample=0)
def test_the_demo_runs(run, tmp_path):
    code = (
        "from pathlib import Path\n"
        "from eqgen.cli.demo.story import run\n"
        "from eqgen.cli.demo.training import Plan\n"
        "plan = Plan(sizes=(20,), seeds=2, steps=8, steps_per_call=4, batch=10, scalar_steps=5)\n"
        "assert run(Path('results'), plan=plan)\n"
    )
    printed = run("-c", code)
    assert "On all graphs the loaded network gives the same answers, bit for bit." in printed
    results = (tmp_path / "results" / "results.txt").read_text()
    assert ", jax " in results
    assert "tensorflow" not in results
