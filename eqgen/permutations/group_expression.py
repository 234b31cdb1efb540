"""What stands after `p =`, in text or in Python, becomes a Group."""

import re
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from eqgen.common.errors import DeclarationError, count, in_short, is_whole, pointing, shortened
from eqgen.language.grammar import LISTING, parse_group, parse_mapping
from eqgen.language.meant import named_group
from eqgen.language.syntax import Call, Cycles, GroupExpression, Letter, Product, operand_text
from eqgen.permutations import catalogue
from eqgen.permutations.convert import as_array, from_arrays, from_compressed, from_cycles, is_matrix
from eqgen.permutations.families import ELSEWHERE, FAMILIES, whole_family
from eqgen.permutations.group import Group, checked_degree, diagonal, direct_product, make_group, on_some_points
from eqgen.permutations.signed_permutation import SignedPermutation


def group(value: Any) -> Group:
    """A Group from any form in which a person has one.

    Args:
        value: a Group; its text, like `"S(5)"` or 1-based cycles `"(1 2 3)(4 5), (1 2)"`; a list of generators: 0-based
            arrays, each sending point i to `g[i]`, pairs (perm, sign), which send it to `perm[i]`, its feature times
            `sign[i]`, signed permutation matrices M, with M @ x for features x (of numpy, scipy, or lists), or sympy's
            `Permutation` and `Cycle`; one of these alone; or a sympy `PermutationGroup`. Generators that say where features
            come from are `eq.pulled([...])`.

    Raises:
        DeclarationError: a generator is no permutation, generators have different lengths, or the text cannot be read.

    >>> print(group([[1, 2, 0], [1, 0, 2]]))
    (1 2 3), (1 2)  # order 6, one orbit of 3 points
    """
    if isinstance(value, Group):
        return value
    if isinstance(value, str):
        return from_expression(parse_group(value), value)
    # sympy takes half a second to import; whoever passes one of its groups has imported it.
    if type(value).__module__.startswith("sympy.") and hasattr(value, "generators") and hasattr(value, "degree"):
        return from_arrays(value.generators)
    if _is_one_generator(value):
        return from_arrays([value])
    if _are_cycles(value):
        return _of_cycles(value)
    if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim > 1):
        return from_arrays(value)
    instead = _written_instead(value)
    if instead:
        raise DeclarationError(f"expected a group, got {type(value).__name__}: write {instead}")
    raise DeclarationError(
        f'expected a group, got {type(value).__name__}: give eq.S(5), a text like "(1 2 3), (1 2)", a list of 0-based generator '
        "arrays, or a sympy PermutationGroup"
    )


def _written_instead(value: Any) -> str:
    """What to write where a value is no group, but something that one is made of; "" where nothing is known."""
    if hasattr(value, "nodes") and hasattr(value, "is_directed"):
        return "eq.automorphisms(graph), the group of its symmetries"
    if is_whole(value, 1):
        return f"eq.S({value}), all rearrangements of so many points, or eq.C({value}), those of a ring"
    if callable(value):
        family = next((name for name, made in FAMILIES.items() if made is value), None)
        return (
            f"eq.{family}(5)" if family else "eq.trace((8, 8), function), the group that functions of arrays generate"
        )
    return ""


def _is_one_generator(value: Any) -> bool:
    """Whether a value is one permutation, matrix, or pair (perm, sign), not a list of them."""
    if type(value).__module__.startswith("sympy."):
        return hasattr(value, "array_form") or type(value).__name__ == "Cycle" or hasattr(value, "tolist")
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind in "iu":
        return True
    if isinstance(value, tuple) and len(value) == 2 and not any(map(is_matrix, value)):
        return as_array(value[1]).ndim == 1 and all(is_whole(sign) and abs(sign) == 1 for sign in value[1])
    if isinstance(value, (list, tuple)) and value and all(map(is_whole, value)):
        return True
    return is_matrix(value)


def _are_cycles(value: Any) -> bool:
    """Whether a value is a list of tuples of points counted from 1, as a list of GAP is in Python."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(cycle, tuple) and cycle and all(is_whole(point, 1) for point in cycle) for cycle in value)
    )


def _of_cycles(cycles: list[tuple[int, ...]]) -> Group:
    text = ", ".join(f"({' '.join(map(str, cycle))})" for cycle in cycles)
    if len(set(map(len, cycles))) == 1 and all(sorted(cycle) == list(range(1, len(cycle) + 1)) for cycle in cycles):
        arrays = [tuple(point - 1 for point in cycle) for cycle in cycles]
        raise DeclarationError(
            f"{shortened(cycles)} has two readings, cycles and arrays that count from 1: write {in_short(repr(text), 60)} for "
            f"cycles, {shortened(arrays)} for arrays, which count from 0"
        )
    return from_expression(parse_group(text), text)


def axis_group(name: str, value: Any) -> Group:
    """The group of an axis that comes as a keyword; errors name the axis."""
    try:
        return group(value)
    except DeclarationError as error:
        raise DeclarationError(f"axis {name}: {error}") from None


def wreath(inner: Any, outer: Any) -> Group:
    """The wreath product in its imprimitive action: blocks of the inner group's points, moved by the outer group.

    Args:
        inner: a group in any form that `group` takes; its points make up one block.
        outer: likewise; it has one point for each block.

    Returns:
        A Group on `inner.degree * outer.degree` points, the blocks one after the other; its order is
        `inner.order ** outer.degree * outer.order`.

    >>> wreath("S(3)", "S(4)").order == 6**4 * 24
    True
    """
    within, between = group(inner), group(outer)
    text = f"wreath({operand_text(within.text)}, {operand_text(between.text)})"
    size = within.degree
    # One copy of the inner group in each orbit of blocks: the outer group carries it to the other blocks.
    first_blocks = np.unique(between.orbits, return_index=True)[1]
    number = len(between.generators) + first_blocks.size * len(within.generators)
    degree = checked_degree(text, size * between.degree, number)
    generators = [_on_blocks(element, size) for element in between.elements]
    for block in first_blocks:
        generators += [on_some_points(element, int(block) * size, degree) for element in within.elements]
    has_formula = within.order_formula is not None and between.order_formula is not None
    formula = partial(_wreath_order, within, between) if has_formula else None
    return make_group(generators, text, formula, written=within.written or between.written)


def from_expression(expression: GroupExpression, text: str, reading: tuple[str, ...] = ()) -> Group:
    """The Group of a parsed expression; `text` is what was parsed, so that errors can point into it.

    `reading` names the catalogue files being read, so that a file that mentions itself is an error and not a hang.
    """
    if isinstance(expression, Product):
        return direct_product(*(from_expression(factor, text, reading) for factor in expression.factors))
    try:
        if isinstance(expression, Cycles):
            return from_cycles(expression.generators)
        return _call(expression, text, reading)
    except DeclarationError as error:
        if "\n" in str(error):  # it points at its own place already
            raise
        raise pointing(str(error), text, expression.position) from None


def _call(call: Call, text: str, reading: tuple[str, ...]) -> Group:
    letter = next((argument for argument in call.arguments if isinstance(argument, Letter)), None)
    if letter is not None:
        raise DeclarationError(no_letter(call.name, letter.name))
    if call.name in FAMILIES or call.name in ELSEWHERE:
        return _family(call)
    if call.name == "wreath":
        inner, outer = _arguments(call, (GroupExpression, GroupExpression), "wreath(S(3), S(4))")
        return wreath(from_expression(inner, text, reading), from_expression(outer, text, reading))
    if call.name in ("sub", "PermutationGroup") and len(call.arguments) == 2:
        return _inside(call, text, reading)
    if call.name in LISTING:
        (inner,) = _arguments(call, (GroupExpression,), "Group((1 2), (3 4))")
        return from_expression(inner, text, reading)
    if call.name == "generators":
        (packed,) = _arguments(call, (str,), 'generators("...")')
        return from_compressed(packed)
    if call.name == "catalogue":
        (name,) = _arguments(call, (str,), 'catalogue("rubiks-cube")')
        return _from_catalogue(name, reading)
    meant = named_group(call.name, call.arguments[0]) if len(call.arguments) == 1 else ""
    if meant:
        raise DeclarationError(f"{call.name} names no group: write {meant}")
    families = ", ".join(f"{name}(n)" for name in FAMILIES)
    raise DeclarationError(
        f'{call.name} names no group: use {families}, cycles like (1 2 3)(4 5), wreath(S(3), S(4)), or catalogue("...")'
    )


def no_letter(name: str, letter: str) -> str:
    """Why a letter cannot stand for a size here."""
    meant = re.fullmatch(r"([A-Za-z])_?(\d+)", letter)
    group = named_group(meant[1], meant[2]) if meant else ""
    if group:
        return f"{letter} is no group: write {group}"
    family = ELSEWHERE.get(name, name)
    if family in ("S", "A"):
        return f"the size {letter} is a letter, and a number is needed here: write {family}(5)"
    local = ", or a local kernel on a ring of any size, support=eq.stencil(1, wrap=True)"
    if family in ("C", "D"):
        return f"the number of orbits under {family}({letter}) grows with {letter}: write a number, as in {family}(5){local}"
    return f"a letter stands for the size of S({letter}) or A({letter}) alone, directly after the name of an axis: write a number"


def _family(call: Call) -> Group:
    """A family, under our name or that which it has in GAP, Sage, MAGMA or sympy."""
    family = ELSEWHERE.get(call.name, call.name)
    (n,) = _arguments(call, (int,), f"{call.name}(5)")
    if call.name == "DihedralGroup" and n % 2 == 0:
        smaller = {2: "S(2)", 4: "Group((1 2)(3 4), (1 3)(2 4))"}.get(n, f"D({n // 2})")
        raise DeclarationError(
            f"{call.name}({n}) has {n} elements in GAP and {2 * n} in Sage, MAGMA and sympy: write {smaller} for the first, D({n}) "
            "for the second"
        )
    return FAMILIES[family](n)


def _inside(call: Call, text: str, reading: tuple[str, ...]) -> Group:
    """MAGMA's `sub<Sym(5) | (1,2)>` and `PermutationGroup<5 | (1,2)>`: generators, and how far the points go."""
    whole, generators = call.arguments
    around = FAMILIES["S"](whole) if isinstance(whole, int) else None
    if around is None and isinstance(whole, Call):
        around = from_expression(whole, text, reading)
    if around is None or not isinstance(generators, Cycles) or whole_family(around) is not FAMILIES["S"]:
        raise DeclarationError(
            f"{call.name} takes all permutations of some points, and generators: write {call.name}<"
            f"{'Sym(5)' if call.name == 'sub' else '5'} | (1,2,3), (1,2)>"
        )
    return from_cycles(generators.generators, around.degree)


def _arguments(call: Call, kinds: tuple[Any, ...], example: str) -> tuple[Any, ...]:
    given = len(call.arguments)
    if given != len(kinds) or not all(map(isinstance, call.arguments, kinds)):
        got = "another kind" if given == len(kinds) else given
        raise DeclarationError(f"{call.name} takes {count(len(kinds), 'argument')} as in {example}, got {got}")
    return call.arguments


def _from_catalogue(name: str, reading: tuple[str, ...]) -> Group:
    if name in reading:
        raise DeclarationError(
            f'catalogue("{name}") is declared by itself: groups/{name}.toml needs a group of its own'
        )
    declaration = catalogue.entry(name).declaration
    syntax = parse_mapping(declaration)
    if not syntax.where:
        raise DeclarationError(f'catalogue("{name}") declares no axis')
    groups = (
        diagonal([from_expression(expression, declaration, (*reading, name)) for expression in clause.groups])
        for clause in syntax.where
    )
    return replace(direct_product(*groups), text=f'catalogue("{name}")')


def _wreath_order(inner: Group, outer: Group) -> int:
    return int(inner.order**outer.degree) * outer.order


def _on_blocks(element: SignedPermutation, size: int) -> SignedPermutation:
    """An element that moves whole blocks of `size` points."""
    image = (element.image[:, None] * size + np.arange(size)).ravel()
    return SignedPermutation(image, None if element.signs is None else np.repeat(element.signs, size))
