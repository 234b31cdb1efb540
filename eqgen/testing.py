"""Equivariance in a test suite: `assert_equivariant` for any callable of arrays, and hypothesis strategies."""

from eqgen.verification.assertion import assert_equivariant
from eqgen.verification.strategies import elements, inputs

__all__ = ["assert_equivariant", "elements", "inputs"]
