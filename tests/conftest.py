"""What every test needs: quiet TensorFlow, fixed seeds, and one hypothesis profile."""

from __future__ import annotations

import os

import hypothesis
import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# Example databases and deadlines depend on the machine; a test run should not.
hypothesis.settings.register_profile("eqgen", deadline=None, max_examples=60, database=None, derandomize=True)
hypothesis.settings.load_profile("eqgen")


# The assertions of what tests share explain themselves like those of the tests.
pytest.register_assert_rewrite("helpers")


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(20240607)


# What is computed here is not to be found in, or left in, anybody's cache.
os.environ["EQGEN_CACHE"] = "off"
