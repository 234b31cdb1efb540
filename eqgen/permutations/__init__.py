"""Groups of signed permutations, and every way to have one."""
