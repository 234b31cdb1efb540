"""The arithmetics that functions compute in, and what a difference may be in each to count as rounding."""

TF32 = "float32, products rounded to 10 bits (TF32)"
"""What a GPU makes of float32 unless it is told otherwise."""

EPS = {"float64": 2.0**-52, "float32": 2.0**-23, TF32: 2.0**-10, "float16": 2.0**-10, "bfloat16": 2.0**-7}
"""The spacing of numbers above 1, from the finest arithmetic to the coarsest."""

COARSE = (TF32, "float16", "bfloat16")
"""What hides a small violation: a function that computes so is held to itself in a finer one."""

TOLERANCE_IN_EPS = 100
"""A difference counts as rounding up to this many eps of the dtype, relative to the largest output."""

COARSE_TOLERANCE_IN_EPS = 16
"""The same in coarse arithmetic, where a hundred eps are as large as the outputs."""

AGREEMENT_IN_EPS = 4
"""The same layer in two arithmetics: so far apart, in eps of the coarser, relative to the largest output."""


def tolerance_of(arithmetic: str) -> float:
    """What a difference may be, relative to the largest output, to count as rounding."""
    return (COARSE_TOLERANCE_IN_EPS if arithmetic in COARSE else TOLERANCE_IN_EPS) * EPS[arithmetic]
