"""From orbits to programs: one file for each way, and one for the choice of the cheapest."""

from __future__ import annotations

from eqgen.programs.lowering.choose import program, refuse_unknown

__all__ = ["program", "refuse_unknown"]
