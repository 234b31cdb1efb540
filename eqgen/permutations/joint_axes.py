"""Joint axes: one generator list that moves several axes at once."""

from dataclasses import dataclass, field
from typing import Any

from eqgen.common.errors import DeclarationError, count
from eqgen.permutations.group import Group
from eqgen.permutations.group_expression import axis_group
from eqgen.permutations.readings import check_readings
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
    bundle: tuple[tuple[str, Group], ...] = field(repr=False)


def joint(*, relations: str = "", **axes: Any) -> dict[str, JointAxis]:
    """Axes that one generator list moves at once: generator k of every axis belongs to the same group element.

    Args:
        relations: what the abstract group is known to satisfy, like `"a^6, b^2, (a b)^2"`: a, b, c, ... are the
            generators in order, a word is applied from left to right, and must do nothing on every axis.
        **axes: at least two axes (one, when only its relations are to be checked), each a group in any form that
            `eq.group` takes, with as many generators as the others. Every generator says where points go.

    Returns:
        The axes by name, for `eq.mapping("s b -> s b", **eq.joint(s=..., b=...))`.

    Raises:
        DeclarationError: the axes have different numbers of generators; a relation fails, with the word and the point; or
            an array or a pair stands beside another form and would mean another symmetry if it said where features come
            from: `eq.pushed` and `eq.pulled` say which.

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
    check_readings(groups)
    bundle = tuple(groups.items())
    return {name: JointAxis(name, group, bundle) for name, group in bundle}
