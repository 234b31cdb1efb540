"""`python -m eqgen` is the command line."""

from eqgen.cli import main

main()
