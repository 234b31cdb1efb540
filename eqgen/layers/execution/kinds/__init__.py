"""How operators and entries run: a file for each kind, which registers its ways with `operators` and with `mix`."""
