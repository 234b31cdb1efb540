"""`python -m eqgen` is the command line."""

from eqgen.cli.commands import main

main()
