"""Strategies of hypothesis: group elements of a mapping, and features on its spaces. Hypothesis is imported where it is used."""

from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from eqgen.common.errors import DeclarationError, is_whole, shortened
from eqgen.orbitals.declare import mapping as as_mapping
from eqgen.permutations.signed_permutation import identity
from eqgen.spaces.mapping import Mapping
from eqgen.spaces.pair_action import PairAction

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

MOST_FACTORS = 8
"""So many powers of generators are multiplied at most."""

MOST_TURNS = 64
"""The highest power of a generator."""

LARGEST = 100.0
"""The largest feature that is drawn: larger ones would measure how rounding grows."""


def elements(declaration: Mapping | str) -> "SearchStrategy[PairAction]":
    """Group elements, as products of powers of the generators; they shrink to the identity, and to single generators.

    Args:
        declaration: a Mapping or its text.

    Returns:
        A strategy of elements `g`: `g.input.applied(x, axis)` moves what stands on an axis of x by its action on the input
        space, `g.output.applied(y, axis)` on the output space, and `g.name` says what it is.

    Raises:
        DeclarationError: the declaration cannot be read, or hypothesis is not installed.

    >>> import numpy as np, eqgen as eq
    >>> from hypothesis import given
    >>> ring = eq.mapping("p -> p where p = C(6)")
    >>> @given(eq.testing.elements(ring), eq.testing.inputs(ring))
    ... def test_neighbours(g, x):
    ...     moved = np.roll(g.input.applied(x, 0), 1)
    ...     assert np.array_equal(moved, g.output.applied(np.roll(x, 1), 0))
    >>> test_neighbours()
    """
    _check_hypothesis()
    from hypothesis import strategies

    mapping = as_mapping(declaration)
    one = PairAction(identity(mapping.output.size), identity(mapping.input.size), "the identity")
    if not mapping.generators:
        return strategies.just(one)
    factor = strategies.tuples(strategies.sampled_from(mapping.generators), strategies.integers(1, MOST_TURNS))
    factors = strategies.lists(factor, max_size=MOST_FACTORS)
    return factors.map(lambda drawn: reduce(_then, (_power(*each) for each in drawn), one))


def inputs(declaration: Mapping | str, channels: int | None = None) -> "SearchStrategy[np.ndarray]":
    """Features on the input space, finite and of moderate size, float64; they shrink to zeros and to small whole numbers.

    Args:
        declaration: a Mapping or its text.
        channels: None for arrays of shape (n,), a number for (n, channels).

    Raises:
        DeclarationError: the declaration cannot be read, channels is no positive whole number, or hypothesis is not installed.
    """
    _check_hypothesis()
    if channels is not None and not is_whole(channels, 1):
        raise DeclarationError(f"channels is a positive whole number, or None for none, got {shortened(channels)}")
    from hypothesis import strategies
    from hypothesis.extra import numpy as arrays

    size = as_mapping(declaration).input.size
    numbers = strategies.floats(-LARGEST, LARGEST, allow_subnormal=False)
    shape = (size,) if channels is None else (size, channels)
    # Without a fill every number is drawn by itself, and shrinks by itself.
    return arrays.arrays(np.float64, shape, elements=numbers, fill=strategies.nothing())


def _power(generator: PairAction, exponent: int) -> PairAction:
    name = generator.name if exponent == 1 else f"{exponent} times {generator.name}"
    product = reduce(PairAction.then, [generator] * exponent)
    return PairAction(product.output, product.input, name)


def _then(first: PairAction, later: PairAction) -> PairAction:
    product = first.then(later)
    name = later.name if first.name == "the identity" else f"{first.name}, then {later.name}"
    return PairAction(product.output, product.input, name)


def _check_hypothesis() -> None:
    try:
        import hypothesis  # noqa: F401
    except ModuleNotFoundError:
        raise DeclarationError(
            'the strategies of eqgen.testing need hypothesis: pip install hypothesis, or pip install "eqgen[test]"'
        ) from None
