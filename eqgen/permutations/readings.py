"""The two ways to read a generator: where points go, which is eqgen's own, or where the new features come from."""

import math
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain, combinations
from typing import Any

import numpy as np

from eqgen.common.errors import DeclarationError, in_short
from eqgen.permutations.group import Group, diagonal, make_group
from eqgen.permutations.group_expression import group as as_group
from eqgen.permutations.notation import cycle_text
from eqgen.permutations.signed_permutation import SignedPermutation, plain, point_orbits

TWO_READINGS = {
    "array": ("point i goes to g[i]", "new[i] = old[g[i]]"),
    "pair": ("point i goes to perm[i], its feature times sign[i]", "new[i] = sign[i] * old[perm[i]]"),
    "function": (
        "move(object, g) is what g does",
        "move(object, g) is what the inverse of g does, as its answers compose",
    ),
}
"""Of each form that people write in both ways: the first, and the second."""


def pushed(generators: Any) -> Group:
    """Generators that say where points go: g sends point i to g[i]; a pair (perm, sign) sends it to perm[i], its feature
    times sign[i].

    This is how eqgen reads all generators. The word says that it is meant, where `eq.joint` would ask.

    Args:
        generators: in any form that `eq.group` takes.

    >>> print(pushed([[1, 2, 0]]))
    (1 2 3)  # order 3, one orbit of 3 points
    """
    return replace(as_group(generators), written=None)


def pulled(generators: Any) -> Group:
    """Generators that say where the new features come from: new[i] = old[g[i]], or new[i] = sign[i] * old[perm[i]].

    Args:
        generators: in any form that `eq.group` takes; each is read as the inverse of what it is there.

    Raises:
        DeclarationError: as for `eq.group`.

    >>> print(pulled([[1, 2, 0]]))
    (1 3 2)  # order 3, one orbit of 3 points
    """
    found = as_group(generators)
    return make_group(
        [element.inverse() for element in found.elements],
        order_formula=found.order_formula,
        point_names=found.point_names,
    )


def check_readings(groups: dict[str, Group]) -> None:
    """Raise where axes that move together are written in different forms, and their readings make different groups.

    Reading all axes the other way inverts every generator of the joint group, and changes nothing. So axes written in one
    form need no question, and of different forms only those ask that differ in more than that.
    """
    doubt = _first_doubt(groups)
    if doubt is None:
        return
    forms = {group.written for group in groups.values()}
    asked = sorted(form for form in forms if form is not None)
    several = chain.from_iterable(combinations(asked, size) for size in range(1, len(asked) + (None in forms)))
    if all(_is_one_group(groups, others) for others in several):
        return
    name, other, place = doubt
    group = groups[name]
    element = group.elements[place]
    forwards, backwards = TWO_READINGS[str(group.written)]
    likewise = f"; {other} likewise" if groups[other].written else ""
    raise DeclarationError(
        f"axes {other} and {name} are written in two forms, and generator {place + 1} of {name} has two readings, which "
        f"make two symmetries beside {other}: {_shown(element)}, if {forwards}, or {_shown(element.inverse())}, if {backwards}; "
        f"write {name}=eq.pushed(...) for the first or {name}=eq.pulled(...) for the second{likewise}"
    )


def _first_doubt(groups: dict[str, Group]) -> tuple[str, str, int] | None:
    """An axis that can be read in two ways, one of another form, and a generator whose readings may differ beside it."""
    for (first, left), (second, right) in combinations(groups.items(), 2):
        if left.written == right.written:
            continue
        name, other = (first, second) if right.written is None else (second, first)
        for place, pair in enumerate(zip(left.elements, right.elements, strict=True)):
            # Some power of the pair inverts the one and keeps the other, unless their orders share more than a 2.
            if math.gcd(*map(_order, pair)) > 2:
                return name, other, place
    return None


def _is_one_group(groups: dict[str, Group], others: Iterable[str | None]) -> bool:
    """Whether the joint group stays the same when the axes of these forms are read the other way."""
    ours = diagonal(list(groups.values()))
    theirs = diagonal([pulled(group) if group.written in others else group for group in groups.values()])
    # Where that would take long, the user is asked.
    return ours.quick_order() is not None and theirs.quick_order() is not None and ours.equals(theirs)


def _order(element: SignedPermutation) -> int:
    return math.lcm(*np.bincount(point_orbits(plain(element)[None])).tolist())


def _shown(element: SignedPermutation) -> str:
    return in_short(cycle_text(element, 60), 60)
