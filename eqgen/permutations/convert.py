"""Groups from the forms in which people have them: arrays, cycles, sympy, compressed text."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from eqgen.common.errors import DeclarationError, shortened
from eqgen.permutations.group import Group, check_number_of_generators, checked_degree, make_group
from eqgen.permutations.notation import LARGEST_TEXT_DEGREE, unpacked
from eqgen.permutations.signed_permutation import SignedPermutation, halved

ROUNDING = 1e-6
"""So far the entries of a signed permutation matrix may be from 0, 1 and -1."""


def from_arrays(generators: Iterable[Any]) -> Group:
    """The group of 0-based generator arrays.

    Args:
        generators: each an array g, which sends point i to g[i]; a pair (perm, sign) of arrays, which sends point i to perm[i]
            and its feature, times sign[i], with it, signs +1 and -1; a signed permutation matrix M, which makes M @ x of
            features x (dense, or sparse as scipy has them); or a sympy Permutation or Cycle, taken as its array g.

    Raises:
        DeclarationError: no generator, generators of different lengths, or one that is no permutation.
    """
    elements: list[SignedPermutation] = []
    forms: dict[str | None, None] = {}
    listed = list(generators)
    most = max((generator.size for generator in listed if _is_cycle(generator)), default=0)
    for number, generator in enumerate(listed, start=1):
        if _is_cycle(generator) and most:
            generator = SignedPermutation(np.array(generator.list(most), dtype=np.intp))
        element, form = _element(generator, number)
        forms.setdefault(form)
        if elements and element.size != elements[0].size:
            raise DeclarationError(
                f"generator {number} moves {element.size} points, generator 1 moves {elements[0].size}: all generators of a "
                "group move the same points; write the fixed points too"
            )
        elements.append(element)
    check_number_of_generators(len(elements))
    if not elements:
        raise DeclarationError(
            "a group needs at least one generator: for the trivial group on n points write list(range(n))"
        )
    return make_group(elements, written=next(filter(None, forms), None))


def is_matrix(value: Any) -> bool:
    """Whether a value is one matrix rather than a list of generators: sparse, or square with one entry in each row.

    An array of two points has one entry that is not 0 too: whole numbers without a sign are arrays then.
    """
    if hasattr(value, "tocoo"):
        return True
    array = as_array(value)
    if array.ndim != 2 or array.shape[0] != array.shape[1] or not array.size:
        return False
    if array.dtype.kind == "f":
        return True
    is_array = array.dtype.kind in "iu" and (np.sort(array, axis=1) == np.arange(len(array))).all()
    return not is_array and bool((np.count_nonzero(array, axis=1) == 1).all())


def from_cycles(generators: Sequence[Sequence[Sequence[int]]], known_degree: int | None = None) -> Group:
    """The group of generators written as disjoint cycles of 1-based points; the largest point sets the degree, unless given.

    A negative point is the point with its sign turned: `(1 -2)` sends 1 to -2, and so -1 to 2.
    """
    points = [point for cycles in generators for cycle in cycles for point in cycle]
    if not points and known_degree is None:
        raise DeclarationError("no point is named: for the trivial group on three points write (1)(2)(3)")
    largest = max(map(abs, points), default=0)
    if known_degree is not None and largest > known_degree:
        raise DeclarationError(f"a cycle names point {largest}, and there are {known_degree}")
    degree = checked_degree("a cycle", known_degree or largest)
    checked_degree("a list of cycles", degree, len(generators))
    return make_group([_from_cycles(cycles, degree) for cycles in generators])


def from_compressed(text: str) -> Group:
    """The group that `generators("...")` holds.

    Raises:
        DeclarationError: the text is damaged.
    """
    try:
        rows = unpacked(text, partial(checked_degree, "generators(...)"))
    except DeclarationError:
        raise
    except ValueError:
        raise DeclarationError(
            'generators("...") does not hold generators: the text inside the quotes is written by eqgen for groups of more '
            f"than {LARGEST_TEXT_DEGREE} points and is not meant to be edited"
        ) from None
    return from_arrays(SignedPermutation(np.abs(row) - 1, np.sign(row).astype(np.int8)) for row in rows)


def _from_cycles(cycles: Sequence[Sequence[int]], degree: int) -> SignedPermutation:
    image = np.arange(2 * degree)
    for cycle in cycles:
        points = np.array([point - 1 if point > 0 else degree - point - 1 for point in cycle], dtype=np.intp)
        for moved in (points, (points + degree) % (2 * degree)):
            image[moved] = np.concatenate([moved[1:], moved[:1]])
    return halved(image)


def _element(generator: Any, number: int) -> tuple[SignedPermutation, str | None]:
    """A generator, and the form in which it is written where people read that in two ways."""
    if isinstance(generator, SignedPermutation):
        _check_permutation(generator.image, number)
        return generator, None
    form = None if hasattr(generator, "array_form") else "array"
    if form is None:  # a sympy Permutation
        generator = generator.array_form
    if hasattr(generator, "tocoo"):
        return _from_entries(generator.tocoo(), number), None
    row = as_array(generator)
    pair = row.ndim == 2 and row.shape[0] == 2 and row.dtype.kind in "iu"
    square = row.ndim == 2 and row.shape[0] == row.shape[1] and row.dtype.kind in "iufb"
    # Of a signed permutation matrix of two points the second row holds a 0, of a pair it holds signs.
    if square and not (pair and row[1].all()):
        from scipy.sparse import coo_array

        return _from_entries(coo_array(row), number), None
    if not (row.ndim == 1 or pair) or row.dtype.kind not in "iu":
        raise DeclarationError(
            f"generator {number} is {shortened(generator)}: expected a list of whole numbers, where the i-th (from 0) says "
            "where point i goes, like [1, 2, 0], a pair (perm, sign), which sends point i to perm[i] and its feature times "
            "sign[i], like ([1, 0], [1, -1]), or a signed permutation matrix, like [[0, -1], [1, 0]]"
        )
    checked_degree(f"generator {number}", row.shape[-1])
    if row.size == 0:
        raise DeclarationError(f"generator {number} is empty: a group needs at least one point")
    if row.ndim == 1:
        _check_permutation(row, number)
        return SignedPermutation(row.astype(np.intp)), form
    permutation, signs = row
    _check_permutation(permutation, number)
    wrong = np.flatnonzero(np.abs(signs) != 1)
    if wrong.size:
        raise DeclarationError(
            f"generator {number} has the sign {signs[wrong[0]]} at point {wrong[0]}: signs are +1 and -1"
        )
    return SignedPermutation(permutation.astype(np.intp), signs.astype(np.int8)), "pair"


def _from_entries(matrix: Any, number: int) -> SignedPermutation:
    """A signed permutation matrix from its entries: one 1 or -1 in each row and column, exact or to rounding."""
    rows, columns = matrix.shape
    if rows != columns:
        raise DeclarationError(
            f"generator {number} is a matrix of {rows} x {columns}: a symmetry keeps the number of points"
        )
    checked_degree(f"generator {number}", rows)
    values = matrix.data.astype(np.float64)
    nearest = np.rint(values)
    wrong = np.flatnonzero(~(np.abs(values - nearest) <= ROUNDING) | ~(np.abs(nearest) <= 1))
    if wrong.size:
        at = int(wrong[0])
        raise DeclarationError(
            f"generator {number} is no signed permutation matrix: entry ({matrix.row[at]}, {matrix.col[at]}) is {values[at]:.6g}, "
            f"which is not 0, 1 or -1 to {ROUNDING:g}; a matrix that moves points with coordinates is eq.moved(points, matrix)"
        )
    kept = nearest != 0
    to, come, signs = matrix.row[kept], matrix.col[kept], nearest[kept].astype(np.int8)
    for side, found in (("row", to), ("column", come)):
        counts = np.bincount(found, minlength=rows)
        if (counts != 1).any():
            line = int(np.argmax(counts != 1))
            raise DeclarationError(
                f"generator {number} is no signed permutation matrix: {side} {line} (from 0) has {counts[line]} entries that are "
                "not 0; each row and each column has one"
            )
    image, all_signs = np.empty(rows, dtype=np.intp), np.empty(rows, dtype=np.int8)
    # new[i] = M[i, j] * old[j]: point j goes to i.
    image[come], all_signs[come] = to, signs
    return SignedPermutation(image, all_signs if (all_signs < 0).any() else None)


def as_array(value: Any) -> npt.NDArray[Any]:
    """A value as an array of numbers; one of three dimensions where it is none."""
    try:
        array = np.asarray(value)
        return array.astype(np.float64) if array.dtype == object and array.ndim == 2 else array
    except (ValueError, TypeError, OverflowError):
        return np.zeros((0, 0, 0))


def _is_cycle(value: Any) -> bool:
    """Whether a value is a sympy Cycle, which knows no degree."""
    return type(value).__name__ == "Cycle" and type(value).__module__.startswith("sympy.")


def _check_permutation(row: npt.NDArray[Any], number: int) -> None:
    outside = np.flatnonzero((row < 0) | (row >= row.size))
    if outside.size:
        point = int(outside[0])
        raise DeclarationError(
            f"generator {number} is no permutation: it sends point {point} to {row[point]}, which is outside "
            f"0..{row.size - 1}; arrays are 0-based (cycles in text are 1-based)"
        )
    counts = np.bincount(row, minlength=row.size)
    if (counts != 1).any():
        image = int(np.argmax(counts > 1))
        first, second = np.flatnonzero(row == image)[:2].tolist()
        raise DeclarationError(
            f"generator {number} is no permutation: it sends both point {first} and point {second} to {image}, and no "
            f"point to {int(np.argmin(counts))}; each point must be reached once"
        )
