"""One space alone: what layers that keep their points are declared by, as the mapping of the space to itself."""

from __future__ import annotations

import re
from operator import attrgetter
from typing import Literal

from eqgen.common.errors import DeclarationError
from eqgen.common.text import in_short
from eqgen.orbitals.declare import mapping
from eqgen.spaces.mapping import Axis, Mapping, where_text
from eqgen.spaces.space import Space

WHERE = re.compile(r"\s(?=where\s)")


def one_space(declaration: Mapping | str) -> Mapping:
    """The mapping of a space to itself.

    Args:
        declaration: the text of a space, `"{p p} where p = S(5)"`; or a mapping of a space to itself, or its text.

    Raises:
        DeclarationError: the declaration cannot be read, or leads from one space to another.

    >>> print(one_space("{p p} where p = S(5)"))
    {p p} -> {p p} where p = S(5)
    """
    if isinstance(declaration, str) and "->" not in declaration:
        if ";" in declaration:
            raise DeclarationError(
                f"the pattern {in_short(declaration)} names no space: declare the symmetry, as in "
                '"{p p} where p = S(5)"'
            )
        space, *axes = WHERE.split(declaration, maxsplit=1)
        declaration = " ".join([f"{space} -> {space}", *axes])
    found = mapping(declaration)
    if found.input != found.output:
        raise DeclarationError(
            f"this layer lives on one space, and {found.in_short()} leads from one to another: write the space alone, "
            'as in "{p p} where p = S(5)"'
        )
    return found


def in_words(declared: Mapping) -> str:
    """A mapping of a space to itself as the space alone, for messages.

    >>> in_words(one_space("{p p} where p = S(5)"))
    '{p p} where p = S(5)'
    """
    space, where, axes = declared.in_short().partition(" where ")
    return in_short(f"{space.split(' -> ')[0]}{where}{axes}")


def side(declared: Mapping, which: Literal["input", "output"]) -> Mapping:
    """The input or the output of a mapping as the mapping of that space to itself, with the axes that it uses.

    >>> print(side(mapping("r c -> r where r = S(3), c = S(4)"), "output"))
    r -> r where r = S(3)
    """
    space: Space = getattr(declared, which)
    used = {factor.axis for term in space.terms for factor in term if factor.axis is not None}
    axes: list[Axis] = []
    units = []
    for unit in declared.units:
        here = [number for number in unit if number in used]
        if here:
            units.append(tuple(range(len(axes), len(axes) + len(here))))
            axes += [declared.axes[number] for number in here]
    text = declared.declaration.split(" where ")[0].split(" support ")[0].split(" -> ")[which == "output"]
    return mapping(f"{text} -> {text}{where_text(tuple(axes), tuple(units), attrgetter('text'))}")
