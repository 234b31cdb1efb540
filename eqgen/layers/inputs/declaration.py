"""What a layer is declared by: orbits of a mapping or a typed pattern, and the bias that goes with them."""

from __future__ import annotations

from typing import Any

from eqgen.common.errors import DeclarationError
from eqgen.layers.inputs.signs import refuse_bias
from eqgen.orbitals.declare import looks_like_mapping
from eqgen.orbitals.declare import mapping as as_mapping
from eqgen.orbitals.orbits import Orbits, bias_pattern, fingerprint, orbits
from eqgen.orbitals.pattern import Pattern
from eqgen.orbitals.pattern import pattern as as_pattern


def read_declaration(declaration: Any) -> tuple[Orbits | None, Pattern | None]:
    """The orbits of a mapping, or a typed pattern with its letters in order: one of the two is None."""
    if isinstance(declaration, Orbits):
        return declaration, None
    if looks_like_mapping(declaration):
        return read_declaration(orbits(as_mapping(declaration)))
    return None, as_pattern(declaration).in_order_of_appearance()


def read_bias(
    use_bias: bool, bias: str | Pattern | None, found: Orbits | None, pattern: Pattern | None
) -> tuple[bool, Pattern | None]:
    """Whether there is a bias, and which outputs share it, as a column."""
    if found is not None:
        if bias is not None:
            raise DeclarationError(
                "the mapping decides which outputs share a bias: drop bias=... and say use_bias=True"
            )
        if not use_bias:
            return False, None
        shared = bias_pattern(found.mapping)
        refuse_bias(found.mapping, shared)
        return True, shared
    assert pattern is not None
    if bias is None:
        if use_bias:
            raise DeclarationError(
                "a typed pattern does not say which outputs share a bias: name them, one letter for each row, as in "
                f'bias="{" ".join("a" for _ in range(min(pattern.shape[0], 4)))}"'
            )
        return False, None
    typed = as_pattern(bias)
    if typed.shape != (1, pattern.shape[0]):
        rows, columns = typed.shape
        raise DeclarationError(
            f"bias has {f'{rows} rows of ' if rows > 1 else ''}{columns} entries, the pattern has {pattern.shape[0]} rows: "
            "write one row with one letter for each output"
        )
    return True, as_row(typed)


def as_row(pattern: Pattern) -> Pattern:
    """A bias between its two forms: a typed row, and the column that a map from one point is."""
    return Pattern(pattern.labels.T, pattern.signs.T, pattern.letters)


def grids(found: Orbits | None, pattern: Pattern | None) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shapes that the input and the output points fill."""
    if found is None:
        assert pattern is not None
        return (pattern.shape[1],), (pattern.shape[0],)
    return found.mapping.input.shape, found.mapping.output.shape


def named(found: Orbits | None, pattern: Pattern | None) -> str:
    """What is declared, for messages."""
    if found is not None:
        return f"the symmetry of {found.mapping}"
    assert pattern is not None
    return f"the pattern {pattern.in_one_line()}"


def refuse_other_orbits(name: str, saved: str, found: Orbits) -> None:
    """Stop at a saved fingerprint of other orbits."""
    now = fingerprint(found)
    if saved != now:
        raise DeclarationError(
            f"layer {name!r} was saved with the orbits {saved}, and {found.mapping.in_short()} now has the orbits {now}: its "
            "weights would go to other entries; load it with the eqgen that saved it, or put back its declaration, if that was "
            "changed"
        )
