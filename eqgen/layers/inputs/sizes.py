"""Which sizes features have: the letters of a declaration, read from a shape."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from eqgen.common.errors import DeclarationError
from eqgen.layers.inputs.shape import Shape, Sides, shown
from eqgen.spaces.family import MappingFamily, Sizes, letters_of, terms_count
from eqgen.spaces.space import Space, Term

LARGEST_SIZE = 1 << 40
"""No axis has so many points: what does not grow up to here does not grow."""


@dataclass(frozen=True)
class Sized:
    """What a shape says.

    Attributes:
        sides: how features of these sizes are read; a size that is known only when features come is None.
        sizes: of each letter that is known.
    """

    sides: Sides
    sizes: dict[str, int]


@dataclass(frozen=True)
class _Reading:
    """One way to read a shape.

    Attributes:
        sizes: of each letter that is known.
        untold: the letters that the shape does not tell, now or when features come.
    """

    sizes: dict[str, int]
    untold: list[str]


def read_sizes(shape: Shape, family: MappingFamily, sides: Sides, given: Sizes, *, all_letters: bool = True) -> Sized:
    """The sizes of features of some shape, whose unknown dimensions are None.

    Args:
        shape: of the features.
        family: what is declared.
        sides: of the stable mapping, with the layout that the user chose.
        given: sizes that the user gave.
        all_letters: whether the shape has to tell all sizes.

    Raises:
        DeclarationError: no sizes fit, or the shape does not tell them.
    """
    points = tuple(shape if sides.units is None else shape[:-1])
    terms = family.stable.input.terms
    factors = [((factor,),) for factor in terms[0]] if len(terms) == 1 else [terms]
    layout = _layout(len(points), len(factors), sides.layout)
    if layout is None:
        raise DeclarationError(
            f"features of shape {shown(shape)} of {family.in_short()} may be flat or a grid, behind several batch axes: say "
            'layout="flat" or layout="grid"'
        )
    parts = factors if layout == "grid" else [terms]
    reading = _read(points[-len(parts) :], parts, family, given) if len(points) >= len(parts) else None
    if reading is None or (reading.untold and all_letters):
        raise DeclarationError(_untold(shape, family, sides, reading))
    grids = [_grid(side, family, reading.sizes) for side in (family.stable.input, family.stable.output)]
    # A dimension that is not known has to be read as such, whatever it will be.
    dimensions = points[-len(parts) :]
    if len(grids[0]) == len(dimensions):
        grids[0] = tuple(None if size is None else own for own, size in zip(grids[0], dimensions, strict=True))
    elif None in dimensions:
        grids[0] = (None,)
    return Sized(replace(sides, input=grids[0], output=grids[1], layout=layout), reading.sizes)


def _layout(axes: int, factors: int, chosen: str) -> str | None:
    """How so many axes of points and batches are read; None where the layout has to be said.

    What fits would depend on the size at hand, so it is the number of axes that tells, behind one for the batch.
    """
    if chosen != "auto" or factors == 1:
        return "flat" if chosen == "auto" else chosen
    return "flat" if axes <= 2 else "grid" if axes == 1 + factors else None


def _read(dimensions: Shape, parts: Sequence[Sequence[Term]], family: MappingFamily, given: Sizes) -> _Reading | None:
    """What dimensions say of the sizes, each of which counts the points of some terms; None where no sizes fit."""
    sizes, later = dict(given), set()
    # A second look holds what was known too late to what came first.
    for _ in range(2):
        for size, terms in zip(dimensions, parts, strict=True):
            unknown = [letter for letter in letters_of(family, terms) if letter not in sizes]
            if size is None:
                later.update(unknown if len(unknown) == 1 else [])
            elif not unknown and terms_count(family, terms, sizes) != size:
                return None
            elif len(unknown) == 1:
                (letter,) = unknown
                fitting = _inverse(size, partial(_count, terms, family, sizes, letter))
                if not fitting:
                    return None
                sizes |= {letter: fitting[0]} if len(fitting) == 1 else {}
    return _Reading(sizes, [letter for letter in family.letters if letter not in {*sizes, *later}])


def _count(terms: Sequence[Term], family: MappingFamily, sizes: Sizes, letter: str, size: int) -> int:
    return terms_count(family, terms, {**sizes, letter: size})


def _inverse(points: int, number: Callable[[int], int]) -> range:
    """The sizes at which a number that never falls is so large; two at most where it does not stay so for ever."""
    first, last = (_smallest(number, least) for least in (points, points + 1))
    if first is None:
        return range(0)
    return range(first, first + 2 if last is None else last)


def _smallest(number: Callable[[int], int], least: int) -> int | None:
    """The smallest size from which on a number is as large as the least one, None where it never is."""
    top = 1
    while number(top) < least:
        top *= 2
        if top > LARGEST_SIZE:
            return None
    low = 0
    while low < top:
        middle = (low + top) // 2
        low, top = (low, middle) if number(middle) >= least else (middle + 1, top)
    return top


def _grid(side: Space, family: MappingFamily, sizes: Sizes) -> tuple[int | None, ...]:
    """The grid that the points of a side fill, None for what is not known."""
    parts = [((factor,),) for factor in side.terms[0]] if len(side.terms) == 1 else [side.terms]
    return tuple(
        terms_count(family, terms, sizes) if set(letters_of(family, terms)) <= set(sizes) else None for terms in parts
    )


def _untold(shape: Shape, family: MappingFamily, sides: Sides, reading: _Reading | None) -> str:
    """Why no sizes are told by a shape."""
    name, side = family.in_short(), family.stable.input
    factors = [family.stable.space_text(Space(((factor,),))) for factor in side.terms[0]]
    may_be_grid = len(side.terms) == 1 and len(factors) > 1 and sides.layout != "flat"
    if reading is not None:
        letter = reading.untold[0]
        grid = ", or features on a grid" if may_be_grid and sides.layout == "auto" else ""
        return f'features of shape {shown(shape)} do not tell the size {letter} of {name}: give sizes={{"{letter}": ...}}{grid}'
    written = [] if may_be_grid and sides.layout == "grid" else [family.stable.space_text(side)]
    written += [", ".join(factors)] if may_be_grid else []
    channels = "" if sides.units is None else ", channels"
    expected = " or ".join(f"(..., {text}{channels})" for text in written)
    return f"features of {name} have the shape {expected}, and {shown(shape)} is that for no {' and '.join(family.letters)}"
