"""How operators and entries run: a file for each kind, which registers its ways with `operators` and with `mix`."""

from eqgen.layers.execution.kinds import cyclic_stencil, fourier, gather, index_table, isotypic

__all__ = ["cyclic_stencil", "fourier", "gather", "index_table", "isotypic"]
