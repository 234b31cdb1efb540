"""Arguments of layers, checked one by one."""

from __future__ import annotations

from typing import Any

import numpy as np

from eqgen.common.errors import DeclarationError
from eqgen.orbitals.orbits import Orbits
from eqgen.orbitals.pattern import Pattern
from eqgen.permutations.group import shortened
from eqgen.spaces.mapping import Mapping


def is_positive_whole(number: Any) -> bool:
    """Whether this is a whole number above zero; True is none."""
    return isinstance(number, (int, np.integer)) and not isinstance(number, bool) and bool(number > 0)


def not_negative(name: str, number: Any) -> float:
    """A finite number that is not negative.

    Raises:
        DeclarationError: anything else.
    """
    if isinstance(number, bool) or not isinstance(number, (int, float, np.number)) or not 0 <= number < float("inf"):
        raise DeclarationError(f"{name} is a number that is not negative, got {number!r}")
    return float(number)


def checked_units(units: Any) -> int | None:
    if units is None:
        return None
    if not is_positive_whole(units):
        swapped = ": the declaration comes second" if isinstance(units, (str, Mapping, Orbits, Pattern)) else ""
        raise DeclarationError(
            "units is the number of output channels, a positive whole number, or None for a layer without channels; got "
            f"{shortened(units)}{swapped}"
        )
    return int(units)


def checked_aggregation(aggregation: Any, units: int | None) -> str:
    if aggregation not in (None, "mean", "sum"):
        raise DeclarationError(f'aggregation is {aggregation!r}: expected "mean" or "sum"')
    if units is None:
        if aggregation == "mean":
            raise DeclarationError(
                'a layer with units=None holds exactly the numbers a, b, c that stand in the matrix, so its aggregation is "sum":'
                ' drop aggregation="mean"'
            )
        return "sum"
    return aggregation or "mean"
