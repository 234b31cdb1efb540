"""Declare a symmetry; get the Keras layer, and the proof."""

from __future__ import annotations

from eqgen.axes import group as group
from eqgen.edges import to_adjacency as to_adjacency
from eqgen.edges import to_edges as to_edges
from eqgen.errors import DeclarationError as DeclarationError
from eqgen.group import A as A
from eqgen.group import C as C
from eqgen.group import D as D
from eqgen.group import Group as Group
from eqgen.group import S as S
from eqgen.group import wreath as wreath
from eqgen.mapping import Mapping as Mapping
from eqgen.mapping import mapping as mapping
from eqgen.orbits import Orbits as Orbits
from eqgen.orbits import orbits as orbits
from eqgen.pattern import Pattern as Pattern
from eqgen.pattern import pattern as pattern
from eqgen.space import Space as Space
