"""One space alone: what layers that keep their points are declared by, as the mapping of the space to itself."""

from __future__ import annotations

from eqgen.common.errors import DeclarationError
from eqgen.common.text import in_short
from eqgen.language.grammar import is_mapping, parse_space
from eqgen.orbitals.declare import mapping, mapping_of
from eqgen.spaces.mapping import MOST_PAIRS_SHOWN, Mapping


def one_space(declaration: Mapping | str) -> Mapping:
    """The mapping of a space to itself.

    Args:
        declaration: the text of a space, `"{p p} where p = S(5)"`; or a mapping of a space to itself, or its text.

    Raises:
        DeclarationError: the declaration cannot be read, or leads from one space to another.

    >>> print(one_space("{p p} where p = S(5)"))
    {p p} -> {p p} where p = S(5)
    """
    if isinstance(declaration, str) and not is_mapping(declaration):
        if ";" in declaration:
            raise DeclarationError(
                f"the pattern {in_short(declaration)} names no space: declare the symmetry, as in "
                '"{p p} where p = S(5)"'
            )
        return mapping_of(parse_space(declaration), declaration, None, {})
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
    return in_short(declared.space_text(declared.input) + declared.clauses(most_pairs=MOST_PAIRS_SHOWN))
