"""The group that matrices generate on points with coordinates: each moved point is matched with the nearest one."""

from typing import Any

import numpy as np
import numpy.typing as npt

from eqgen.common.errors import DeclarationError, is_whole, shortened
from eqgen.permutations.convert import as_array
from eqgen.permutations.group import Group, checked_degree, make_group
from eqgen.permutations.signed_permutation import SignedPermutation

TOLERANCE = 1e-6
"""Unless said, how far a moved point may be from the one that it is matched with, beside the farthest from the origin."""


def moved(points: Any, matrices: Any, *, tolerance: float | None = None) -> Group:
    """The group that matrices generate on points with coordinates: point p goes to the point at `matrix @ p`.

    Args:
        points: (count, dimensions), in the order in which they are numbered; matrices turn and mirror them about the origin.
        matrices: a matrix (dimensions, dimensions), or several, one for each generator.
        tolerance: how far a moved point may be from the point that it is matched with, in the units of the points. By default
            a millionth of how far the farthest point is from the origin.

    Returns:
        A Group with one generator for each matrix.

    Raises:
        DeclarationError: a moved point is farther than the tolerance from all points, with the distance; two points are so
            close that the tolerance does not tell them apart; or the shapes do not fit.

    >>> angles = 2 * np.pi * np.arange(6) / 6
    >>> hexagon = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    >>> c, s = np.cos(np.pi / 3), np.sin(np.pi / 3)
    >>> print(moved(hexagon, [[c, -s], [s, c]]))
    (1 2 3 4 5 6)  # order 6, one orbit of 6 points
    """
    from scipy.spatial import KDTree

    places = as_array(points)
    if places.ndim != 2 or not places.size or places.dtype.kind not in "iuf" or not np.isfinite(places).all():
        raise DeclarationError(
            f"points are numbers of shape (count, dimensions), got {shortened(points)}: write one row of coordinates for each, "
            "like [[1, 0], [0, 1], [-1, 0], [0, -1]]"
        )
    places = places.astype(np.float64)
    count, dimensions = places.shape
    turns = _matrices(matrices, dimensions)
    checked_degree("a list of points", count, len(turns))
    allowed = _tolerance(tolerance, places)
    tree = KDTree(places)
    if count > 1:
        distances, neighbours = tree.query(places, k=2)
        closest = int(np.argmin(distances[:, 1]))
        if distances[closest, 1] <= 2 * allowed:
            other = int(neighbours[closest][neighbours[closest] != closest][0])
            raise DeclarationError(
                f"points {closest} and {other} are {distances[closest, 1]:.3g} apart, which a tolerance of {allowed:.3g} does not "
                "tell apart: name each point once, or give a smaller tolerance"
            )
    elements = []
    for number, matrix in enumerate(turns, start=1):
        targets = places @ matrix.T
        far, image = tree.query(targets)
        worst = int(np.argmax(far))
        if not far[worst] <= allowed:
            raise DeclarationError(
                f"matrix {number} moves point {worst} to {_coordinates(targets[worst])}, which is {far[worst]:.3g} from the "
                f"nearest point, {image[worst]}, and the tolerance is {allowed:.3g}: it is no symmetry of these points about the "
                "origin; subtract their centre, or write tolerance=... if they are rounded"
            )
        twice = np.flatnonzero(np.bincount(image, minlength=count) > 1)
        if twice.size:
            first, second = np.flatnonzero(image == twice[0])[:2].tolist()
            raise DeclarationError(
                f"matrix {number} moves both point {first} and point {second} to point {twice[0]}: a symmetry keeps points apart"
            )
        elements.append(SignedPermutation(image.astype(np.intp)))
    return make_group(elements)


def _matrices(matrices: Any, dimensions: int) -> npt.NDArray[np.float64]:
    """Matrices as an array (count, dimensions, dimensions)."""
    try:
        found = np.asarray(matrices, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        found = np.zeros(0)
    if found.ndim == 2:
        found = found[None]
    if found.ndim != 3 or found.shape[1:] != (dimensions, dimensions) or not len(found):
        got = f"shape {found.shape[1:]}" if found.ndim == 3 and len(found) else shortened(matrices)
        raise DeclarationError(
            f"points of {dimensions} coordinates are moved by matrices of shape ({dimensions}, {dimensions}), one or a list of "
            f"them, got {got}"
        )
    if not np.isfinite(found).all():
        raise DeclarationError("a matrix that moves points holds finite numbers, and one of these is not finite")
    return found


def _tolerance(tolerance: Any, places: npt.NDArray[np.float64]) -> float:
    if tolerance is None:
        return TOLERANCE * float(np.linalg.norm(places, axis=1).max())
    if not (is_whole(tolerance) or isinstance(tolerance, (float, np.floating))) or not 0 <= tolerance < np.inf:
        raise DeclarationError(
            f"tolerance is a distance in the units of the points, got {shortened(tolerance)}: write tolerance=1e-3"
        )
    return float(tolerance)


def _coordinates(place: npt.NDArray[np.float64]) -> str:
    return f"({', '.join(f'{number:.6g}' for number in place[:6].tolist())}{', ...' if place.size > 6 else ''})"
