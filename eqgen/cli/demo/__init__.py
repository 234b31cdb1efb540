"""The main job on real input: the a/b/c layer on all graphs of seven nodes, from the data to the proof."""

from eqgen.cli.demo.story import run as run
from eqgen.cli.demo.training import Plan as Plan
