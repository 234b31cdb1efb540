"""A fresh process that imports keras and eqgen, in either order, loads a saved model."""

from __future__ import annotations

import subprocess
import sys

import keras
import numpy as np
import pytest

import eqgen as eq


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


def test_eqgen_alone_imports_no_keras():
    code = "import sys, eqgen\nassert not {'keras', 'tensorflow'} & set(sys.modules)\nassert 'verify' in dir(eqgen)\n"
    subprocess.run([sys.executable, "-c", code], check=True)
