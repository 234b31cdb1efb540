"""Orbitals: the orbits of (output, input) pairs, exact; as a table, as factors, as a formula, or sparse; and their proof."""
