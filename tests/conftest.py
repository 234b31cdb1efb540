"""What every test needs: quiet TensorFlow, fixed seeds, one hypothesis profile, and a sample of the slow tests.

A test marked `slow` goes through a long list, draws many examples, or starts processes. There are three ways to run:

- `python -m pytest`: all others, and of each slow test a fixed sample: its first case and others at equal distances, one
  in four, or as many as `slow(sample=...)` says, 0 among them; of random examples the first quarter;
- `python -m pytest -m "not slow"`: none of the slow ones;
- `python -m pytest -m slow`: all of the slow ones, whole, as CI does after the first of these.

A test that is named (`tests/test_x.py::test_y`) runs whole.
"""

from __future__ import annotations

import os

import hypothesis
import numpy as np
import pytest

# The assertions of what tests share explain themselves like those of the tests.
pytest.register_assert_rewrite("helpers")

from helpers import sampling  # noqa: E402

pytest_plugins = ["pytester"]

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# What is computed here is not to be found in, or left in, anybody's cache.
os.environ["EQGEN_CACHE"] = "off"

# Example databases and deadlines depend on the machine; a test run should not.
hypothesis.settings.register_profile("eqgen", deadline=None, max_examples=60, database=None, derandomize=True)
hypothesis.settings.load_profile("eqgen")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow(sample=None): runs whole with -m slow, and a sample of it without -m")
    sampling.everything = bool(config.option.markexpr) or any("::" in argument for argument in config.args)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without -m, leave out of each slow test all but its sample: the same cases on every machine and in every process."""
    if sampling.everything:
        return
    slow = [(item, marker) for item in items if (marker := item.get_closest_marker("slow"))]
    wanted = [(item.nodeid.partition("[")[0], marker.kwargs.get("sample")) for item, marker in slow]
    left_out = [item for (item, _), runs in zip(slow, sampling.sampled(wanted), strict=True) if not runs]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(20240607)
