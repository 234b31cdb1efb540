"""Mapping: an input space and an output space that one group moves together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import Protocol

from eqgen.common.arrays import Permutation
from eqgen.permutations.families import S
from eqgen.permutations.group import Group, diagonal, direct_product
from eqgen.permutations.signed_permutation import identity
from eqgen.spaces.pair_action import PairAction
from eqgen.spaces.space import Space, Term, part_of

MOST_PAIRS_SHOWN = 20
"""So many pairs of a support are shown where nobody reads them back."""


@dataclass(frozen=True)
class Axis:
    """One declared group under a name. Equal groups make equal axes, whatever their names."""

    name: str = field(compare=False)
    group: Group


class Support(Protocol):
    """The pairs that a local kernel may use, with their orbits, as a mapping knows them."""

    @property
    def rank(self) -> int:
        """How many orbits there are."""
        ...

    @property
    def representatives(self) -> Permutation:
        """The first (output, input) pair of each orbit, shape (rank, 2)."""
        ...

    @property
    def indices(self) -> Permutation:
        """The input of each pair, row by row, shape (pairs,)."""
        ...

    def row_numbers(self) -> Permutation:
        """The output of each pair, shape (pairs,)."""
        ...


@dataclass(frozen=True, repr=False)
class Mapping:
    """Input space -> output space under a group; `str` gives the declaration that makes it.

    Attributes:
        input: the space that columns of the weight matrix are indexed by.
        output: the space that its rows are indexed by.
        axes: the declared groups, in the order in which the declaration first mentions them.
        units: the numbers of the axes that move together: one number each, several for axes declared jointly.
        declaration: the text of the mapping, which parses back to an equal value.
        support: the pairs that a local kernel may use, with their orbits; None for all pairs.

    >>> import eqgen as eq
    >>> m = eq.mapping("{p p} -> p", p=eq.S(5))
    >>> print(m)
    {p p} -> p where p = S(5)
    >>> m.input.size, m.output.size, m.group.order
    (10, 5, 120)
    """

    input: Space
    output: Space
    axes: tuple[Axis, ...]
    units: tuple[tuple[int, ...], ...]
    declaration: str = field(compare=False)
    support: Support | None = None

    def __str__(self) -> str:
        return self.declaration

    def __repr__(self) -> str:
        described = [f"{self.unit_name(unit)}: {self.unit_group(unit).describe()}" for unit in self.units]
        return f"{self.in_short()}  # {'; '.join(described)}" if described else self.in_short()

    def in_short(self) -> str:
        """The declaration, with the first few pairs of a long support."""
        if self.support is None or self.support.rank <= MOST_PAIRS_SHOWN:
            return self.declaration
        shown = ",".join(self.declaration.split(" support ")[1].split(",", MOST_PAIRS_SHOWN)[:MOST_PAIRS_SHOWN])
        return f"{self.declaration.split(' support ')[0]} support {shown}, ... ({self.support.rank} orbits)"

    def without_catalogue(self) -> str:
        """The declaration with generators in place of catalogue names, so that it means the same whatever the files say."""
        if "catalogue(" not in self.declaration:
            return self.declaration
        sides = self.declaration.split(" where ")[0]
        where = where_text(self.axes, self.units, Group.without_catalogue)
        return sides + where + ("" if self.support is None else support_text(self.support))

    @cached_property
    def group(self) -> Group:
        """The group that moves both sides: the axis' own, or the direct product of several independent ones."""
        groups = [self.unit_group(unit) for unit in self.units]
        if not groups:
            return S(1)
        return groups[0] if len(groups) == 1 else direct_product(*groups)

    def unit_group(self, unit: tuple[int, ...]) -> Group:
        """The group of axes that move together, on their points laid one after the other."""
        groups = [self.axes[number].group for number in unit]
        return groups[0] if len(groups) == 1 else diagonal(groups)

    def unit_name(self, unit: tuple[int, ...]) -> str:
        """The name of an axis, or the names of axes that move together: `s & b`."""
        return " & ".join(self.axes[number].name for number in unit)

    @cached_property
    def generators(self) -> tuple[PairAction, ...]:
        """Each generator of each unit, as a signed permutation of the output and of the input."""
        return tuple(chain.from_iterable(self.unit_generators))

    @cached_property
    def unit_generators(self) -> tuple[tuple[PairAction, ...], ...]:
        """The generators of each unit, on the output and input of the mapping."""
        found = []
        for unit in self.units:
            groups = {number: self.axes[number].group for number in unit}
            rows = range(len(groups[unit[0]].generators))
            found.append(tuple(self._generator(unit, groups, row) for row in rows))
        return tuple(found)

    def _generator(self, unit: tuple[int, ...], groups: dict[int, Group], row: int) -> PairAction:
        elements = {number: group.elements[row] for number, group in groups.items()}
        output = self.output.act(elements)
        # What is said of one space is held once.
        input_ = output if self.input == self.output else self.input.act(elements)
        text = " & ".join(group.generator_text(row) for group in groups.values())
        return PairAction(output, input_, f"generator {row + 1} of {self.unit_name(unit)}, {text}")

    @property
    def elements(self) -> tuple[PairAction, ...]:
        """The generators, or the identity where nothing moves: always one at least."""
        return self.generators or (PairAction(identity(self.output.size), identity(self.input.size)),)

    @cached_property
    def parts(self) -> dict[tuple[tuple[int, ...], Term, Term], Mapping]:
        """For each unit, output term and input term, what the axes of that unit do to their factors of the two.

        A part is a mapping of its own; it keeps the numbers of the axes, and the declaration of the whole.
        """
        return {
            (unit, output, input_): replace(
                self, output=part_of(output, unit), input=part_of(input_, unit), units=(unit,), support=None
            )
            for unit in self.units
            for output in self.output.terms
            for input_ in self.input.terms
        }


def support_text(support: Support) -> str:
    """The support clause of a declaration."""
    pairs = ", ".join(f"{row} <- {column}" for row, column in (support.representatives + 1).tolist())
    return f" support {pairs or 'none'}"


def where_text(axes: tuple[Axis, ...], units: tuple[tuple[int, ...], ...], text_of: Callable[[Group], str]) -> str:
    """The where clause of some axes, each group written by a function."""
    clauses = [_unit_text([axes[number] for number in unit], text_of) for unit in units]
    return f" where {', '.join(clauses)}" if clauses else ""


def _unit_text(axes: list[Axis], text_of: Callable[[Group], str]) -> str:
    texts = [text_of(axis.group) for axis in axes]
    if len(axes) == 1:
        return f"{axes[0].name} = {texts[0]}"
    groups = " & ".join(f"Group({text})" if text.startswith("(") else text for text in texts)
    return f"{' & '.join(axis.name for axis in axes)} = {groups}"
