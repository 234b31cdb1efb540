"""A fresh process that imports keras and eqgen, in either order, loads a saved model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import eqgen as eq


@pytest.mark.slow(sample=1)
@pytest.mark.parametrize("imports", ["import keras, eqgen", "import eqgen, keras", "import tensorflow, eqgen, keras"])
def test_a_fresh_process_loads_it_with_nothing_extra(imports, tmp_path, random):
    model = keras.Sequential([keras.Input((10, 1)), eq.EquivariantDense(4, "{p p} -> p where p = S(5)", use_bias=True)])
    features = random.normal(size=(3, 10, 1)).astype("float32")
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "features.npy", features)
    code = (
        f"{imports}\nimport numpy\n"
        "model = keras.models.load_model('model.keras')\n"
        "numpy.save('answers.npy', model(numpy.load('features.npy')))\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    assert np.array_equal(np.load(tmp_path / "answers.npy"), model(features))


SAVED = Path(__file__).parent / "saved_models"


@pytest.mark.parametrize("name", sorted(path.stem for path in SAVED.glob("*.keras")))
def test_files_of_earlier_versions_load(name):
    """Saved by version 0.1.0 before its packages moved: the same weights bit for bit, the same answers."""
    model = keras.models.load_model(SAVED / f"{name}.keras")
    with np.load(SAVED / f"{name}.npz") as expected:
        weights = [expected[f"weight_{number}"] for number in range(len(model.get_weights()))]
        assert all(np.array_equal(weight, saved) for weight, saved in zip(model.get_weights(), weights, strict=True))
        np.testing.assert_allclose(
            model.predict(expected["features"], verbose=0), expected["answers"], rtol=1e-6, atol=1e-6
        )
