"""Matrices on points with coordinates, against the orders that geometry gives and permutations made by brute force."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import eqgen as eq

GOLDEN = (1 + 5**0.5) / 2
ICOSAHEDRON = np.array(
    [
        np.roll([0, one, golden], turn)
        for turn in range(3)
        for one, golden in itertools.product((1, -1), (GOLDEN, -GOLDEN))
    ]
)


def polygon(n, radius=1.0):
    angles = 2 * np.pi * np.arange(n) / n
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def turn(n):
    c, s = np.cos(2 * np.pi / n), np.sin(2 * np.pi / n)
    return np.array([[c, -s], [s, c]])


def about(axis, angle):
    return Rotation.from_rotvec(angle * np.array(axis) / np.linalg.norm(axis)).as_matrix()


def test_an_icosahedron_has_sixty_rotations():
    group = eq.moved(ICOSAHEDRON, [about(ICOSAHEDRON[0], 2 * np.pi / 5), about(ICOSAHEDRON[1], 2 * np.pi / 5)])
    assert (group.degree, group.order) == (12, 60)
    assert eq.moved(ICOSAHEDRON, Rotation.create_group("I").as_matrix()[:0:-1]).order == 60
    assert (
        eq.moved(ICOSAHEDRON, [about(ICOSAHEDRON[0], 2 * np.pi / 5), about((1, 1, 1), 2 * np.pi / 3), -np.eye(3)]).order
        == 120
    )
    assert eq.orbits(eq.mapping("p -> p", p=group)).rank == 4


@pytest.mark.parametrize("n", [3, 6, 17, 360])
@pytest.mark.parametrize("radius", [1.0, 1e-4, 1e5])
def test_a_polygon_of_cosines_and_sines_turns(n, radius):
    assert eq.moved(polygon(n, radius), turn(n)) == eq.C(n)
    assert eq.moved(polygon(n, radius), turn(n).tolist()) == eq.C(n)
    assert eq.moved(polygon(n, radius).astype(np.float32), turn(n).astype(np.float32)) == eq.C(n)


def test_points_go_where_the_matrix_takes_them():
    """Beside the components of vectors, which the same matrix moves: no question, no other symmetry."""
    corners = np.array(list(itertools.product((-1, 1), repeat=3)))
    spin = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]])
    group = eq.moved(corners, spin)
    for number, corner in enumerate(corners):
        assert np.array_equal(corners[group.generators[0, number]], spin @ corner)
    layer = eq.EquivariantDense(None, eq.mapping("c -> v", **eq.joint(c=group, v=[spin])))
    values = np.random.default_rng(0).normal(size=(1, 8)).astype("float32")
    turned = np.empty_like(values)
    turned[:, group.generators[0]] = values
    assert np.allclose(layer(turned), np.asarray(layer(values)) @ spin.T, atol=1e-5)


def test_rounded_points_are_matched_within_a_tolerance_that_is_said():
    rounded = polygon(6).round(2)
    assert eq.moved(rounded, turn(6), tolerance=0.01) == eq.C(6)
    with pytest.raises(eq.DeclarationError) as caught:
        eq.moved(rounded, turn(6))
    assert str(caught.value) == (
        "matrix 1 moves point 2 to (-1.00344, 0.0019873), which is 0.00397 from the nearest point, 3, and the tolerance is 1e-06: "
        "it is no symmetry of these points about the origin; subtract their centre, or write tolerance=... if they are rounded"
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: eq.moved([[0, 0], [1, 0]], [[-1, 0], [0, -1]]),
            "matrix 1 moves point 1 to (-1, 0), which is 1 from the nearest point, 0, and the tolerance is 1e-06: it is no symmetry "
            "of these points about the origin; subtract their centre, or write tolerance=... if they are rounded",
        ),
        (
            lambda: eq.moved([[1, 0], [0, 1], [1, 1e-9]], np.eye(2)),
            "points 0 and 2 are 1e-09 apart, which a tolerance of 1e-06 does not tell apart: name each point once, or give a smaller "
            "tolerance",
        ),
        (
            lambda: eq.moved([[1, 0], [0, 0]], [np.eye(2), [[0, 0], [0, 0]]]),
            "matrix 2 moves both point 0 and point 1 to point 1: a symmetry keeps points apart",
        ),
        (
            lambda: eq.moved(polygon(4), np.eye(3)),
            "points of 2 coordinates are moved by matrices of shape (2, 2), one or a list of them, got shape (3, 3)",
        ),
        (
            lambda: eq.moved([1, 2], np.eye(2)),
            "points are numbers of shape (count, dimensions), got [1, 2]: write one row of coordinates for each, like [[1, 0], [0, 1], "
            "[-1, 0], [0, -1]]",
        ),
        (
            lambda: eq.moved(polygon(4), turn(4), tolerance="loose"),
            "tolerance is a distance in the units of the points, got 'loose': write tolerance=1e-3",
        ),
        (
            lambda: eq.moved(polygon(4), [[np.nan, 0], [0, 1]]),
            "a matrix that moves points holds finite numbers, and one of these is not finite",
        ),
    ],
    ids=["not centred", "twins", "crushed", "shape", "flat", "tolerance", "nan"],
)
def test_what_does_not_match_is_refused_with_the_distance(call, message):
    with pytest.raises(eq.DeclarationError, match=f"^{re.escape(message)}$"):
        call()
