"""From orbits to programs: one file for each way, and here the choice of the cheapest."""

from __future__ import annotations

from eqgen.lowering.choice import program

__all__ = ["program"]
