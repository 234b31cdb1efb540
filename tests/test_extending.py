"""A group family and a kind of space from outside the package, in a few lines each."""

from __future__ import annotations

import itertools

import numpy as np

import eqgen as eq


def dicyclic(n):
    """The dicyclic group of order 4 n, acting on itself."""
    ring = range(2 * n)
    shift = [(k + 1) % (2 * n) for k in ring] + [2 * n + (k - 1) % (2 * n) for k in ring]
    turn = [2 * n + k for k in ring] + [(k + n) % (2 * n) for k in ring]
    return eq.group([shift, turn])


def test_a_new_group_family_is_a_function():
    for n in (2, 3, 5):
        group = dicyclic(n)
        assert group.order == 4 * n
        # Regular, so as many orbits of pairs as elements; and not dihedral: one involution only.
        assert eq.orbits(eq.mapping("q -> q", q=group)).rank == 4 * n
        involutions = [g for g in group.sympy.elements if g.order() == 2]
        assert len(involutions) == 1
    assert eq.verify(eq.EquivariantDense(2, eq.mapping("q + {q q} -> q", q=dicyclic(2))))


def cyclic_orders(group):
    """The ways to seat the points of a group around a table."""
    seatings = [(0, *rest) for rest in itertools.permutations(range(1, group.degree))]

    def move(seating, g):
        moved = [int(g[point]) for point in seating]
        start = moved.index(0)
        return tuple(moved[start:] + moved[:start])

    return eq.action(seatings, move, group)


def test_a_new_kind_of_space_is_a_function():
    axes = eq.joint(t=cyclic_orders(eq.S(5)), p=eq.S(5))
    mapping = eq.mapping("t p -> t + {p p}", **axes)
    assert mapping.input.size == 24 * 5
    layer = eq.EquivariantDense(2, mapping)
    layer(np.zeros((1, 120, 1)))
    assert eq.verify(layer)
    # Seatings and pairs of neighbours: a pair sits together or not.
    assert eq.orbits(eq.mapping("t -> {p p}", **axes)).rank == 2
