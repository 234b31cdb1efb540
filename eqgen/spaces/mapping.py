"""Mapping: an input space and an output space that one group moves together."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from operator import attrgetter
from typing import Protocol, TypeVar

from eqgen.common.arrays import Permutation
from eqgen.language.syntax import Factor as FactorSyntax
from eqgen.language.syntax import sum_text, support_text, where_text
from eqgen.permutations.families import S
from eqgen.permutations.group import Group, diagonal, direct_product, order_text
from eqgen.permutations.signed_permutation import identity
from eqgen.spaces.pair_action import PairAction
from eqgen.spaces.space import Factor, Space, Term, part_of

Name = TypeVar("Name")

MOST_PAIRS_SHOWN = 10
"""So many pairs of a support are shown where nobody reads them back."""


@dataclass(frozen=True)
class Axis:
    """One declared group under a name. Equal groups make equal axes, whatever their names."""

    name: str = field(compare=False)
    group: Group


class Support(Protocol):
    """The pairs that a local kernel may use, with their orbits, as a mapping knows them."""

    @property
    def representatives(self) -> Permutation:
        """The first (output, input) pair of each orbit, shape (rank, 2)."""

    @property
    def indices(self) -> Permutation:
        """The input of each pair, row by row, shape (pairs,)."""

    def row_numbers(self) -> Permutation:
        """The output of each pair, shape (pairs,)."""


@dataclass(frozen=True, repr=False)
class Mapping:
    """Input space -> output space under a group; `declaration` is the text that makes it, `str` the same cut short.

    Attributes:
        input: the space that columns of the weight matrix are indexed by.
        output: the space that its rows are indexed by.
        axes: the declared groups, in the order in which the declaration first mentions them.
        units: the numbers of the axes that move together: one number each, several for axes declared jointly.
        support: the pairs that a local kernel may use, with their orbits; None for all pairs.
        whole: the mapping that this one is a part of; None for most.

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
    support: Support | None = None
    whole: "Mapping | None" = field(default=None, compare=False)

    @cached_property
    def declaration(self) -> str:
        """The text of the mapping, which parses back to an equal value; of a part that of the whole."""
        return self.whole.declaration if self.whole is not None else self.sides + self.clauses()

    @property
    def sides(self) -> str:
        """The declaration without its clauses: `{p p} -> p`."""
        return f"{self.space_text(self.input)} -> {self.space_text(self.output)}"

    def space_text(self, space: Space) -> str:
        """A space of these axes as the language writes it."""
        return sum_text(tuple(tuple(map(self._syntax_of, term)) for term in space.terms))

    def _syntax_of(self, factor: Factor) -> FactorSyntax:
        name = "" if factor.axis is None else self.axes[factor.axis].name
        return FactorSyntax(factor.kind.form, name, factor.kind.size)

    def clauses(self, group_text: Callable[[Group], str] = attrgetter("text"), most_pairs: int | None = None) -> str:
        """What follows the sides of the declaration: the groups, each written by a function, and the pairs of the support.

        Args:
            group_text: writes a group.
            most_pairs: of a longer support only so many pairs are written, and how many orbits there are.
        """
        units = [[self.axes[number] for number in unit] for unit in self.units]
        text = where_text(([axis.name for axis in unit], [group_text(axis.group) for axis in unit]) for unit in units)
        if self.support is None:
            return text
        representatives = self.support.representatives
        text += support_text((representatives[:most_pairs] + 1).tolist())
        is_cut = most_pairs is not None and len(representatives) > most_pairs
        return f"{text}, ... ({len(representatives)} orbits)" if is_cut else text

    def __str__(self) -> str:
        return "  # ".join([self.in_short(), *self.larger_than_meant])

    def __repr__(self) -> str:
        described = [f"{self.unit_name(unit)}: {self.unit_group(unit).describe()}" for unit in self.units]
        return "  # ".join([self.in_short(), *filter(None, ["; ".join(described)]), *self.larger_than_meant])

    @cached_property
    def larger_than_meant(self) -> tuple[str, ...]:
        """What is to be said of axes that move together by a group larger than any of them has: a slip in one table does that.

        Nothing where an order would take long.
        """
        said = []
        for unit in self.units:
            orders = [self.axes[number].group.quick_order() for number in unit] if len(unit) > 1 else []
            together = self.unit_group(unit).quick_order() if orders and None not in orders else None
            if together is None or together in orders:
                continue
            alone = [
                f"{self.axes[number].name} has {order_text(order or 0)}"
                for number, order in zip(unit, orders, strict=True)
            ]
            said.append(
                f"{self.unit_name(unit)} have order {order_text(together)} together, and alone {', '.join(alone)}: more than any "
                "of them needs; does generator k of each axis belong to the same element?"
            )
        return tuple(said)

    def in_short(self) -> str:
        """The declaration, with the beginning of long groups and the first few pairs of a long support: for people."""
        return self.sides + self.clauses(Group.in_short, MOST_PAIRS_SHOWN)

    def without_catalogue(self) -> str:
        """The declaration with generators in place of catalogue names, so that it means the same whatever the files say."""
        return self.sides + self.clauses(Group.without_catalogue)

    @cached_property
    def group(self) -> Group:
        """The group that moves both sides: the axis' own, or the direct product of several independent ones."""
        groups = [self.unit_group(unit) for unit in self.units] or [S(1)]
        return groups[0] if len(groups) == 1 else direct_product(*groups)

    def unit_group(self, unit: tuple[int, ...]) -> Group:
        """The group of axes that move together, on their points laid one after the other."""
        return diagonal([self.axes[number].group for number in unit])

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
        return tuple(
            tuple(self._generator(unit, row) for row in range(len(self.axes[unit[0]].group.generators)))
            for unit in self.units
        )

    def _generator(self, unit: tuple[int, ...], row: int) -> PairAction:
        elements = {number: self.axes[number].group.elements[row] for number in unit}
        output = self.output.act(elements)
        # What is said of one space is held once.
        input_ = output if self.input == self.output else self.input.act(elements)
        text = " & ".join(self.axes[number].group.generator_text(row) for number in unit)
        return PairAction(output, input_, f"generator {row + 1} of {self.unit_name(unit)}, {text}")

    @property
    def elements(self) -> tuple[PairAction, ...]:
        """The generators, or the identity where nothing moves: always one at least."""
        return self.generators or (PairAction(identity(self.output.size), identity(self.input.size)),)

    @cached_property
    def parts(self) -> dict[tuple[tuple[int, ...], Term, Term], "Mapping"]:
        """For each unit, output term and input term, what the axes of that unit do to their factors of the two.

        A part is a mapping of its own, which keeps the numbers of the axes.
        """
        return {
            (unit, output, input_): replace(
                self, output=part_of(output, unit), input=part_of(input_, unit), units=(unit,), support=None, whole=self
            )
            for unit in self.units
            for output in self.output.terms
            for input_ in self.input.terms
        }


def identity_mapping(space: Space, declared: Mapping) -> Mapping:
    """The mapping of a space to itself under the axes that it uses, which are those of another mapping."""
    return mapping_between(space, space, declared)


def mapping_between(input_: Space, output: Space, declared: Mapping) -> Mapping:
    """The mapping of one space to another under the axes that they use, which are those of another mapping."""
    used = tuple(dict.fromkeys([*input_.axis_numbers, *output.axis_numbers]))
    numbers: dict[int | None, int] = {axis: number for number, axis in enumerate(used)}

    def renumbered(space: Space) -> Space:
        return Space(
            tuple(tuple(replace(factor, axis=numbers.get(factor.axis)) for factor in term) for term in space.terms)
        )

    own = renumbered(input_)
    groups = tuple(declared.axes[axis] for axis in used)
    return Mapping(own, own if output == input_ else renumbered(output), groups, units_of(numbers, declared.units))


def units_of(numbers: dict[Name, int], together: Iterable[Sequence[Name]]) -> tuple[tuple[int, ...], ...]:
    """The numbers of axes that move together, in the order in which they first appear.

    Args:
        numbers: the number of each axis, in order.
        together: axes that move together; those that have no number are left out, all others move alone.
    """
    unit_of: dict[Name, tuple[int, ...]] = {}
    for names in together:
        unit = tuple(sorted(numbers[name] for name in names if name in numbers))
        unit_of.update(dict.fromkeys(names, unit))
    return tuple(dict.fromkeys(unit_of.get(name, (number,)) for name, number in numbers.items()))
