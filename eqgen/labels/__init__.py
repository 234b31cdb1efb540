"""From permutations of outputs and inputs to the orbits of their pairs: as a table, as factors, as a formula, or sparse."""
