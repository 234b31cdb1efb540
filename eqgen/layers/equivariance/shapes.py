"""Shapes of features on a space: points in one axis or as a grid, with channels or without."""

from itertools import product

from eqgen.spaces.space import Space

Shape = tuple[int | None, ...]
"""Without the batch; None where a size is known only later."""


def fitting(shape: Shape, space: Space) -> tuple[tuple[int, ...], int | None] | None:
    """The shape of features on a space that a shape with unknown sizes is, and its channels; None where it is none.

    >>> import eqgen as eq
    >>> fitting((None, 3), eq.mapping("p -> p where p = S(5)").input)
    ((5, 3), 3)
    """
    # A single point needs no axis.
    layouts: list[tuple[int, ...]] = [(space.size,), space.shape, *([()] if space.size == 1 else [])]
    for points, channels in product(layouts, ((), shape[-1:])):
        wanted = (*points, *channels)
        fits = len(shape) == len(wanted) and all(a in (None, b) for a, b in zip(shape, wanted, strict=True))
        if fits and None not in channels:
            return tuple(int(size) for size in wanted if size is not None), channels[0] if channels else None
    return None


def is_on(shape: Shape, space: Space) -> bool:
    """Whether an answer of this shape is one of features on a space; a single point needs no axis."""
    return space.size == 1 or shape[:1] == (space.size,) or shape[: len(space.shape)] == space.shape


def with_batch(shape: Shape) -> str:
    """A shape as messages have it, with the batch in front."""
    return f"({', '.join(['batch', *map(str, shape)])})"


def or_grid(space: Space) -> str:
    """What messages say of a space whose points may stand as a grid, too; nothing of others."""
    grid = " x ".join(map(str, space.shape))
    return "" if len(space.shape) < 2 else f", or a grid of {grid} in place of {space.size}"
