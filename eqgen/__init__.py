"""Declare a symmetry; get the Keras layer, and the proof."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import wrapt

from eqgen.actions import action as action
from eqgen.actions import blocks as blocks
from eqgen.actions import cosets as cosets
from eqgen.actions import product_action as product_action
from eqgen.actions import regular as regular
from eqgen.actions import stabilizer as stabilizer
from eqgen.actions import subgroup as subgroup
from eqgen.automorphisms import automorphisms as automorphisms
from eqgen.axes import group as group
from eqgen.axes import wreath as wreath
from eqgen.edges import to_adjacency as to_adjacency
from eqgen.edges import to_edges as to_edges
from eqgen.errors import DeclarationError as DeclarationError
from eqgen.families import A as A
from eqgen.families import C as C
from eqgen.families import D as D
from eqgen.families import S as S
from eqgen.group import Group as Group
from eqgen.joint import joint as joint
from eqgen.lowering import program as program
from eqgen.mapping import Mapping as Mapping
from eqgen.mapping import mapping as mapping
from eqgen.orbits import Orbits as Orbits
from eqgen.orbits import orbits as orbits
from eqgen.pattern import Pattern as Pattern
from eqgen.pattern import pattern as pattern
from eqgen.programs.program import Program as Program
from eqgen.report import Report as Report
from eqgen.space import Space as Space
from eqgen.support import closed as closed
from eqgen.support import neighbours as neighbours
from eqgen.support import stencil as stencil
from eqgen.trace import trace as trace

if TYPE_CHECKING:
    from eqgen.description import describe as describe
    from eqgen.layers import EquivariantAttention as EquivariantAttention
    from eqgen.layers import EquivariantDense as EquivariantDense
    from eqgen.layers import EquivariantNormalization as EquivariantNormalization
    from eqgen.layers import InvariantPool as InvariantPool
    from eqgen.layers import OrbitConstraint as OrbitConstraint
    from eqgen.layers import OrbitEmbedding as OrbitEmbedding
    from eqgen.layers import OrbitInitializer as OrbitInitializer
    from eqgen.layers import OrbitRegularizer as OrbitRegularizer
    from eqgen.layers import symmetrize as symmetrize
    from eqgen.stack import network as network
    from eqgen.verification import verify as verify

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
    "describe": "eqgen.description",
    "network": "eqgen.stack",
    "symmetrize": "eqgen.layers",
    "verify": "eqgen.verification",
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
