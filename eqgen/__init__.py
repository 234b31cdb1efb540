"""Declare a symmetry; get the Keras layer, and the proof."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import wrapt

from eqgen.common.errors import DeclarationError as DeclarationError
from eqgen.orbitals.declare import mapping as mapping
from eqgen.orbitals.orbits import Orbits as Orbits
from eqgen.orbitals.orbits import orbits as orbits
from eqgen.orbitals.pattern import Pattern as Pattern
from eqgen.orbitals.pattern import pattern as pattern
from eqgen.orbitals.supports import closed as closed
from eqgen.orbitals.supports import neighbours as neighbours
from eqgen.orbitals.supports import stencil as stencil
from eqgen.permutations.actions import action as action
from eqgen.permutations.actions import blocks as blocks
from eqgen.permutations.actions import cosets as cosets
from eqgen.permutations.actions import product_action as product_action
from eqgen.permutations.actions import regular as regular
from eqgen.permutations.actions import stabilizer as stabilizer
from eqgen.permutations.actions import subgroup as subgroup
from eqgen.permutations.array_functions import trace as trace
from eqgen.permutations.families import A as A
from eqgen.permutations.families import C as C
from eqgen.permutations.families import D as D
from eqgen.permutations.families import S as S
from eqgen.permutations.graph_automorphisms import automorphisms as automorphisms
from eqgen.permutations.group import Group as Group
from eqgen.permutations.group_expression import group as group
from eqgen.permutations.group_expression import wreath as wreath
from eqgen.permutations.joint_axes import joint as joint
from eqgen.programs.lowering import program as program
from eqgen.programs.program import Program as Program
from eqgen.spaces.edges import to_adjacency as to_adjacency
from eqgen.spaces.edges import to_edges as to_edges
from eqgen.spaces.mapping import Mapping as Mapping
from eqgen.spaces.space import Space as Space
from eqgen.verification.report import Report as Report

if TYPE_CHECKING:
    from eqgen.layers import EquivariantAttention as EquivariantAttention
    from eqgen.layers import EquivariantDense as EquivariantDense
    from eqgen.layers import EquivariantNormalization as EquivariantNormalization
    from eqgen.layers import InvariantPool as InvariantPool
    from eqgen.layers import OrbitConstraint as OrbitConstraint
    from eqgen.layers import OrbitEmbedding as OrbitEmbedding
    from eqgen.layers import OrbitInitializer as OrbitInitializer
    from eqgen.layers import OrbitRegularizer as OrbitRegularizer
    from eqgen.layers import symmetrize as symmetrize
    from eqgen.layers.network import network as network
    from eqgen.layers.summary import describe as describe
    from eqgen.verification.verify import verify as verify

__all__ = [
    "A",
    "C",
    "D",
    "DeclarationError",
    "EquivariantAttention",
    "EquivariantDense",
    "EquivariantNormalization",
    "Group",
    "InvariantPool",
    "Mapping",
    "OrbitConstraint",
    "OrbitEmbedding",
    "OrbitInitializer",
    "OrbitRegularizer",
    "Orbits",
    "Pattern",
    "Program",
    "Report",
    "S",
    "Space",
    "action",
    "automorphisms",
    "blocks",
    "closed",
    "cosets",
    "describe",
    "group",
    "joint",
    "mapping",
    "neighbours",
    "network",
    "orbits",
    "pattern",
    "product_action",
    "program",
    "regular",
    "stabilizer",
    "stencil",
    "subgroup",
    "symmetrize",
    "to_adjacency",
    "to_edges",
    "trace",
    "verify",
    "wreath",
]

_WITH_KERAS = {
    "EquivariantAttention": "eqgen.layers",
    "EquivariantDense": "eqgen.layers",
    "EquivariantNormalization": "eqgen.layers",
    "InvariantPool": "eqgen.layers",
    "OrbitConstraint": "eqgen.layers",
    "OrbitEmbedding": "eqgen.layers",
    "OrbitInitializer": "eqgen.layers",
    "OrbitRegularizer": "eqgen.layers",
    "describe": "eqgen.layers.summary",
    "network": "eqgen.layers.network",
    "symmetrize": "eqgen.layers",
    "verify": "eqgen.verification.verify",
}


def __getattr__(name: str) -> Any:
    # These need Keras, which takes seconds to import: whoever only looks at patterns does not wait for it.
    if name not in _WITH_KERAS:
        raise AttributeError(f"module 'eqgen' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_WITH_KERAS[name]), name)


def __dir__() -> list[str]:
    return sorted({*__all__, "__version__"})


@wrapt.when_imported("keras")
def _register_layers(_: Any) -> None:
    # Keras looks a saved layer up among those registered, so ours must be there as soon as Keras is, in either order.
    import eqgen.layers  # noqa: F401
