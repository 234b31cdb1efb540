"""The Keras layers; importing this registers them, so that saved models load."""

from __future__ import annotations

from eqgen.layers.equivariant_dense import EquivariantDense as EquivariantDense
from eqgen.layers.initializer import OrbitInitializer as OrbitInitializer
