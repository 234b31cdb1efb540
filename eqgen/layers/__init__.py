"""The Keras layers; importing this registers them, so that saved models load."""

from eqgen.layers.attention import EquivariantAttention as EquivariantAttention
from eqgen.layers.dense import EquivariantDense as EquivariantDense
from eqgen.layers.embedding import OrbitEmbedding as OrbitEmbedding
from eqgen.layers.initializers import OrbitInitializer as OrbitInitializer
from eqgen.layers.masks import model as model
from eqgen.layers.normalization import EquivariantNormalization as EquivariantNormalization
from eqgen.layers.pooling import InvariantPool as InvariantPool
from eqgen.layers.projection import OrbitConstraint as OrbitConstraint
from eqgen.layers.projection import OrbitRegularizer as OrbitRegularizer
from eqgen.layers.recurrent import EquivariantRNN as EquivariantRNN
from eqgen.layers.recurrent_cell import EquivariantRNNCell as EquivariantRNNCell
from eqgen.layers.symmetrization import symmetrize as symmetrize
from eqgen.layers.terms import EquivariantTerms as EquivariantTerms
