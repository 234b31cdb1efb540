"""From orbits to programs: one file for each way, and one for the choice of the cheapest."""

from eqgen.programs.lowering.choose import NAMES, program, refuse_unknown

__all__ = ["NAMES", "program", "refuse_unknown"]
