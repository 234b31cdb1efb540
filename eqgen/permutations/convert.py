"""Groups from the forms in which people have them: arrays, cycles, sympy, compressed text."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from eqgen.common.errors import DeclarationError, shortened
from eqgen.permutations.group import Group, checked_degree, make_group
from eqgen.permutations.notation import LARGEST_TEXT_DEGREE, unpacked
from eqgen.permutations.signed_permutation import SignedPermutation, halved


def from_arrays(generators: Iterable[Any]) -> Group:
    """The group of 0-based generator arrays.

    Args:
        generators: each an array g, which sends point i to g[i]; or a pair (perm, sign) of arrays as people write a
            mirror of a robot's joints, `new[i] = sign[i] * old[perm[i]]`, signs +1 and -1. Mind that perm then says where
            the feature of point i comes from: it is the inverse of g. A sympy Permutation is taken as its array g.

    Raises:
        DeclarationError: no generator, generators of different lengths, or one that is no permutation.
    """
    elements: list[SignedPermutation] = []
    for number, generator in enumerate(generators, start=1):
        element = _element(generator, number)
        if elements and element.size != elements[0].size:
            raise DeclarationError(
                f"generator {number} moves {element.size} points, generator 1 moves {elements[0].size}: all generators of a "
                "group move the same points; write the fixed points too"
            )
        elements.append(element)
    if not elements:
        raise DeclarationError(
            "a group needs at least one generator: for the trivial group on n points write list(range(n))"
        )
    return make_group(elements)


def from_cycles(generators: Sequence[Sequence[Sequence[int]]]) -> Group:
    """The group of generators written as disjoint cycles of 1-based points; the largest point sets the degree.

    A negative point is the point with its sign turned: `(1 -2)` sends 1 to -2, and so -1 to 2.
    """
    points = [point for cycles in generators for cycle in cycles for point in cycle]
    if not points:
        raise DeclarationError("no point is named: for the trivial group on three points write (1)(2)(3)")
    degree = checked_degree("a cycle", max(map(abs, points)))
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


def _element(generator: Any, number: int) -> SignedPermutation:
    if isinstance(generator, SignedPermutation):
        _check_permutation(generator.image, number)
        return generator
    if hasattr(generator, "array_form"):  # a sympy Permutation
        generator = generator.array_form
    try:
        row = np.asarray(generator)
    except (ValueError, TypeError, OverflowError):
        row = np.zeros((0, 0, 0))
    pair = row.ndim == 2 and row.shape[0] == 2
    if not (row.ndim == 1 or pair) or row.dtype.kind not in "iu":
        raise DeclarationError(
            f"generator {number} is {shortened(generator)}: expected a list of whole numbers, where the i-th (from 0) says "
            "where point i goes, like [1, 2, 0], or a pair (perm, sign) with new[i] = sign[i] * old[perm[i]], like "
            "([1, 0], [1, -1])"
        )
    checked_degree(f"generator {number}", row.shape[-1])
    if row.size == 0:
        raise DeclarationError(f"generator {number} is empty: a group needs at least one point")
    if row.ndim == 1:
        _check_permutation(row, number)
        return SignedPermutation(row.astype(np.intp))
    permutation, signs = row
    _check_permutation(permutation, number)
    wrong = np.flatnonzero(np.abs(signs) != 1)
    if wrong.size:
        raise DeclarationError(
            f"generator {number} has the sign {signs[wrong[0]]} at point {wrong[0]}: signs are +1 and -1"
        )
    # new[i] = sign[i] * old[perm[i]]: the feature of point perm[i] goes to i.
    return SignedPermutation(permutation.astype(np.intp), signs.astype(np.int8)).inverse()


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
