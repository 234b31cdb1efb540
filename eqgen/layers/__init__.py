"""The Keras layers; importing this registers them, so that saved models load."""

from __future__ import annotations

from eqgen.layers.constraint import OrbitConstraint as OrbitConstraint
from eqgen.layers.constraint import OrbitRegularizer as OrbitRegularizer
from eqgen.layers.conversion import symmetrize as symmetrize
from eqgen.layers.equivariant_attention import EquivariantAttention as EquivariantAttention
from eqgen.layers.equivariant_dense import EquivariantDense as EquivariantDense
from eqgen.layers.equivariant_normalization import EquivariantNormalization as EquivariantNormalization
from eqgen.layers.initializer import OrbitInitializer as OrbitInitializer
from eqgen.layers.invariant_pool import InvariantPool as InvariantPool
from eqgen.layers.orbit_embedding import OrbitEmbedding as OrbitEmbedding
