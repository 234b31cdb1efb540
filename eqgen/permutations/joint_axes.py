"""Joint axes: one generator list that moves several axes at once."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from eqgen.common.errors import DeclarationError, count
from eqgen.permutations.group import Group
from eqgen.permutations.group_expression import axis_group
from eqgen.permutations.relations import check_relations


@dataclass(frozen=True, eq=False)
class JointAxis:
    """One axis of `joint`, to be handed to `eq.mapping` together with the others of its bundle.

    Attributes:
        name: of the axis.
        group: what moves it.
        bundle: all axes that move together, by name, each with its group: the same for all of them.
    """

    name: str
    group: Group
    bundle: tuple[tuple[str, Group], ...]


def joint(*, relations: str = "", **axes: Any) -> dict[str, JointAxis]:
    """Axes that one generator list moves at once: generator k of every axis belongs to the same group element.

    Args:
        relations: what the abstract group is known to satisfy, like `"a^6, b^2, (a b)^2"`: a, b, c, ... are the
            generators in order, a word is applied from left to right, and must do nothing on every axis.
        **axes: at least two axes (one, when only its relations are to be checked), each a group in any form that
            `eq.group` takes, with as many generators as the others.

    Returns:
        The axes by name, for `eq.mapping("s b -> s b", **eq.joint(s=..., b=...))`.

    Raises:
        DeclarationError: the axes have different numbers of generators, or a relation fails, with the word and the point.

    >>> import eqgen as eq
    >>> strand = eq.joint(s=[[1, 2, 0], [0, 2, 1]], b=[[0, 1], [1, 0]], relations="a^3, b^2, (a b)^2")
    >>> print(eq.mapping("s b -> s", **strand))
    s b -> s where s & b = Group((1 2 3), (2 3)) & Group((), (1 2))
    """
    if not isinstance(relations, str):
        raise DeclarationError('relations is one text of words that do nothing, like "a^6, b^2, (a b)^2"')
    if len(axes) < 2 and not (axes and relations):
        raise DeclarationError("joint moves several axes at once: name at least two, as in eq.joint(s=[...], b=[...])")
    groups = {name: axis_group(name, value) for name, value in axes.items()}
    first, first_group = next(iter(groups.items()))
    for name, group in groups.items():
        if len(group.generators) != len(first_group.generators):
            raise DeclarationError(
                f"axes declared together need one generator list: {first} has {count(len(first_group.generators), 'generator')}, "
                f"{name} has {len(group.generators)}; write the identity for a generator that leaves an axis alone"
            )
        check_relations(relations, name, group)
    _check_ways_of_writing(axes, groups)
    bundle = tuple(groups.items())
    return {name: JointAxis(name, group, bundle) for name, group in bundle}


def _check_ways_of_writing(axes: dict[str, Any], groups: dict[str, Group]) -> None:
    """An array g says where points go, a pair (perm, sign) where features come from: side by side they would not match."""
    listed = {name: value for name, value in axes.items() if isinstance(value, (list, tuple))}
    pairs = [name for name, value in listed.items() if any(np.ndim(generator) == 2 for generator in value)]
    arrays = [name for name, value in listed.items() if all(np.ndim(generator) == 1 for generator in value)]
    for name in arrays if pairs else []:
        if any((row[row] != np.arange(row.size)).any() for row in groups[name].generators):
            raise DeclarationError(
                f"axes {name} and {pairs[0]} are written in opposite ways: a plain array g sends point i to g[i], a pair "
                f"(perm, sign) means new[i] = sign[i] * old[perm[i]]; write {name} as pairs too, with signs 1"
            )
