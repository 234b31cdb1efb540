"""The plugin of pytest that comes with eqgen: a fixture, which imports Keras when a test first asks for it."""

from typing import Any

import pytest


@pytest.fixture(scope="session")
def assert_equivariant() -> Any:
    """`eqgen.testing.assert_equivariant`."""
    from eqgen.verification import assertion

    return assertion.assert_equivariant
