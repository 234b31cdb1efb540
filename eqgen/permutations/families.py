"""The usual families of groups, and the table of those that a declaration may name."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from eqgen.common.errors import DeclarationError, is_whole, shortened
from eqgen.permutations.group import LARGEST_QUICK_FORMULA_DEGREE, Group, checked_degree, make_group, on_some_points
from eqgen.permutations.signed_permutation import SignedPermutation


def S(n: int) -> Group:
    """The symmetric group: every rearrangement of n points, order n!.

    >>> import eqgen as eq
    >>> eq.S(5).order
    120
    """
    n = _size("S", n)
    swap = SignedPermutation(np.concatenate([[1, 0], np.arange(2, n)]))
    return make_group([_rotation(n), swap] if n > 2 else [_rotation(n)], f"S({n})", partial(math.factorial, n))


def A(n: int) -> Group:
    """The alternating group: the even permutations of n points, order n!/2 (trivial for n < 3)."""
    n = _size("A", n)
    if n < 3:
        return make_group([SignedPermutation(np.arange(n))], f"A({n})", partial(int, 1))
    triple = np.arange(n)
    triple[:3] = (1, 2, 0)
    # An n-cycle is even only for odd n; for even n the cycle leaves the first point out.
    long = _rotation(n) if n % 2 else on_some_points(_rotation(n - 1), 1, n)
    short = SignedPermutation(triple)
    return make_group([short, long] if n > 3 else [short], f"A({n})", partial(_half_factorial, n))


def C(n: int) -> Group:
    """The cyclic group: the n rotations of n points on a ring."""
    n = _size("C", n)
    return make_group([_rotation(n)], f"C({n})", partial(int, n))


def D(n: int) -> Group:
    """The dihedral group: rotations and reflections of the n corners of a polygon, order 2n (n for n < 3)."""
    n = _size("D", n)
    reflection = SignedPermutation(np.arange(n)[::-1])
    elements = [_rotation(n), reflection] if n > 2 else [_rotation(n)]
    return make_group(elements, f"D({n})", partial(int, len(elements) * n))


def whole_family(group: Group, *, search: bool = False) -> Callable[[int], Group] | None:
    """S or A when a group is all of S(n) or A(n), as far as its generators or a known order tell; None also when unknown.

    Args:
        group: any group.
        search: whether to look for the order where it is not known, by listing elements or by Jordan's theorem.
    """
    n = group.degree
    if group.signs is not None:
        return None
    for family in (S, A):
        if group == family(n):
            return family
    if n > LARGEST_QUICK_FORMULA_DEGREE or (group.order_formula is None and not search):
        return None
    # A subgroup of S(n) with half as many elements is A(n).
    return {math.factorial(n): S, _half_factorial(n): A}.get(group.quick_order() or 0)


def _half_factorial(n: int) -> int:
    return math.factorial(n) // 2


def _rotation(n: int) -> SignedPermutation:
    return SignedPermutation(np.roll(np.arange(n), -1))


FAMILIES: dict[str, Callable[[int], Group]] = {"S": S, "A": A, "C": C, "D": D}
"""What `p = S(5)` in a declaration calls."""

ELSEWHERE = {
    **dict.fromkeys(("SymmetricGroup", "Sym"), "S"),
    **dict.fromkeys(("AlternatingGroup", "Alt"), "A"),
    **dict.fromkeys(("CyclicGroup", "CyclicPermutationGroup"), "C"),
    "DihedralGroup": "D",
}
"""What the families are called in GAP, Sage, MAGMA and sympy."""


def _size(family: str, n: object) -> int:
    if not is_whole(n):
        raise DeclarationError(f"{family}(n) takes a whole number of points, got {shortened(n)}: write {family}(5)")
    if n < 1:
        raise DeclarationError(f"{family}({n}) has no points: write {family}(1) or more")
    return checked_degree(f"{family}({n})", int(n))
