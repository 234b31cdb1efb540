"""The first difference between a moved answer and the answer to what was moved, in words."""

from collections.abc import Sequence

import numpy as np

from eqgen.layers.equivariance.rounding import tolerance_of
from eqgen.layers.equivariance.trial import Array, Function, Trial
from eqgen.spaces.mapping import Mapping

MOST_NUMBERS = 60
"""Of longer arrays the beginning and the end are shown."""


def first_difference(function: Function, mapping: Mapping, trial: Trial, inputs: Sequence[Array], dtype: str) -> str:
    """The first element, input and point where moving the input is not moving the output, with what stands there.

    Args:
        function: from (batch, n, channels) to (batch, m, channels).
        mapping: whose points are named.
        trial: whose elements are tried, the generators first.
        inputs: (batch, n, channels) each, the simplest first.
        dtype: that the function computes in.

    Returns:
        What differs, on lines; empty where nothing does by more than rounding.
    """
    for features in inputs:
        features = features.astype("float64" if dtype == "float64" else "float32")
        plain = function(features).astype(np.float64)
        largest = np.abs(plain).max(axis=(0, 1), initial=0)
        allowed = tolerance_of(dtype) * np.where(largest > 0, largest, 1)
        for element in (*trial.generators, *trial.products):
            answer = function(element.input.applied(features, axis=1)).astype(np.float64)
            expected = element.output.applied(plain, axis=1)
            # What is a number at one of the two alone differs.
            with np.errstate(invalid="ignore"):
                differs = ~(np.abs(answer - expected) <= allowed)
            neither = ~np.isfinite(answer) & ~np.isfinite(expected)
            places = np.argwhere(differs & ~neither)
            if places.size:
                number, point, channel = places[0].tolist()
                shown = [("x", features), ("f(g x)", answer), ("g f(x)", expected)]
                lines = [f"  {name:6} = {_shown(array[number])}" for name, array in shown]
                where = (
                    f"{mapping.output.name(point)} (index {point}{f', channel {channel}' if len(largest) > 1 else ''})"
                )
                told = [f"{array[number, point, channel]:.7g}" for _, array in shown[1:]]
                if told[0] == told[1]:
                    told = [repr(float(array[number, point, channel])) for _, array in shown[1:]]
                values = [f"{name} is {value}" for (name, _), value in zip(shown[1:], told, strict=True)]
                return "\n".join(
                    [f"with g = {element.name}:", *lines, f"  first at point {where}: {' and '.join(values)}"]
                )
    return ""


def simple_inputs(size: int, channels: int) -> tuple[Array, ...]:
    """Small whole numbers, which are read more easily than others: (1, size, channels) each."""
    random = np.random.default_rng(0)
    return tuple(random.integers(low, 4, size=(1, size, channels)).astype(np.float64) for low in (0, 0, -3, -3))


def _shown(array: Array) -> str:
    """An array of one example on one line, flat where there is one channel."""
    array = array[:, 0] if array.shape[1] == 1 else array
    text = np.array2string(
        array, max_line_width=10**6, precision=6, suppress_small=True, threshold=MOST_NUMBERS, edgeitems=6
    )
    return " ".join(text.split())
