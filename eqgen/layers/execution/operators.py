"""What operators do to features, one axis after the other; what several of them share is done once.

Forwards an operator is a pool, as its transpose a spread. Each kind registers its ways in its own file among `kinds`; compositions
and stacks are taken apart here. `Limits` are the sizes at which an execution goes another way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

from keras import ops

from eqgen.layers.execution.tensors import broadcast, merged_axes, split_axis, total
from eqgen.programs.operators.index_table import IndexTable
from eqgen.programs.operators.operator import Composition, Identity, Operator, Stack
from eqgen.programs.steps import KroneckerFactor

Run = Callable[[Any, Any, str], Any]
"""Applies factors to features (batch, points of each ..., channels_in), with theta (rank, channels_in, channels_out), in a
dtype."""

Operators = tuple[Operator, ...]
"""One for each factor, or for the first of them; operators are equal where they are the same."""

Term = tuple[Operators, Any]
"""Operators whose transposes are still to be applied, and what they are applied to."""


@dataclass(frozen=True)
class Limits:
    """Where the ways of doing one thing cross.

    Attributes:
        product: tables and transforms of up to so many rows times points are multiplied as matrices, which starts faster than
            many copies.
        transform: parameters are transformed by one matrix of up to so many entries, pair by pair of classes where it would
            have more.
        block: blocks of fewer numbers are put together and multiplied at once.
        one_hot: up to so many rows the gradient of a gather is a product with a one-hot matrix: without XLA up to three times
            as fast as the scatter that autodiff makes of it, and the same bits on a GPU every time
            (docs/benchmarks/weight.md).
    """

    product: int = 1 << 12
    transform: int = 1 << 14
    block: int = 1 << 16
    one_hot: int = 8


LIMITS = Limits()


@singledispatch
def pool(operator: Operator, features: Any, axis: int, limits: Limits) -> Any:
    """The rows of an operator in place of its columns on one axis.

    Sums are taken as means, `width(operator)` times smaller, so that half precision does not overflow on large orbits.
    """
    raise NotImplementedError(f"no pool of {type(operator).__name__} is registered")


@singledispatch
def spread(operator: Operator, features: Any, axis: int, limits: Limits) -> Any:
    """The transpose: columns in place of rows on one axis, or a single one that stands for all of them."""
    raise NotImplementedError(f"no spread of {type(operator).__name__} is registered")


@singledispatch
def width(operator: Operator) -> int:
    """How many points `pool` takes the mean of; 1 for transforms."""
    return 1


def takes_points(pool: Operator) -> bool:
    """Whether every row is one point of the input, maybe with a sign: rounding such a row and moving points commute."""
    if isinstance(pool, Stack):
        return all(map(takes_points, pool.parts))
    return isinstance(pool, Identity) or (isinstance(pool, IndexTable) and pool.index.shape[1] == 1)


@singledispatch
def fused(pool: Operator, factor: KroneckerFactor) -> Run | None:
    """A shorter way through a factor that stands alone, whose pool, mix and spread are one operation; mostly None."""
    return None


@pool.register(Identity)
@spread.register(Identity)
def _identity(operator: Identity, features: Any, axis: int, limits: Limits) -> Any:
    return features


@width.register
def _composition(operator: Composition) -> int:
    return width(operator.first) * width(operator.later)


def pooled(operators: Operators, done: dict[Operators, Any], limits: Limits) -> Any:
    """Features pooled along every axis in turn, `done` of no operator; what begins alike is done once."""
    if operators not in done:
        before, operator, axis = operators[:-1], operators[-1], len(operators)
        if isinstance(operator, Composition):
            first = pooled((*before, operator.first), done, limits)
            done[operators] = pool(operator.later, first, axis, limits)
        elif isinstance(operator, Stack):
            parts = [pooled((*before, part), done, limits) for part in operator.parts]
            done[operators] = merged_axes(ops.stack(parts, axis=axis + 1), axis, 2)
        else:
            done[operators] = pool(operator, pooled(before, done, limits), axis, limits)
    return done[operators]


def spread_all(terms: Sequence[Term], points: Sequence[int], limits: Limits) -> Any:
    """The sum of all terms, each spread to so many points along every axis, the last one first."""
    for axis in reversed(range(len(points))):
        groups: dict[Operators, list[Term]] = {}
        for operators, mixed in terms:
            groups.setdefault(operators[:axis], []).append((operators, mixed))
        terms = [(before, _along(group, axis, points[axis], limits)) for before, group in groups.items()]
    return terms[0][1]


def _along(terms: Sequence[Term], axis: int, points: int, limits: Limits) -> Any:
    """Spreads along the last axis that is left, added up; those that go through another's space are added there."""
    waiting: dict[Operator, list[Any]] = {}
    for operators, mixed in terms:
        for operator, part in _unstacked(operators[axis], mixed, axis + 1):
            if isinstance(operator, Composition):
                part = spread(operator.later, part, axis + 1, limits)
                operator = operator.first
            waiting.setdefault(operator, []).append(part)
    spreads = [
        spread(operator, broadcast(total(parts), axis + 1, operator.shape[0]), axis + 1, limits)
        for operator, parts in waiting.items()
    ]
    return broadcast(total(spreads), axis + 1, points)


def _unstacked(operator: Operator, mixed: Any, axis: int) -> list[tuple[Operator, Any]]:
    if not isinstance(operator, Stack):
        return [(operator, mixed)]
    count = len(operator.parts)
    parts = ops.unstack(split_axis(mixed, axis, (mixed.shape[axis] // count, count)), axis=axis + 1)
    return list(zip(operator.parts, parts, strict=True))
