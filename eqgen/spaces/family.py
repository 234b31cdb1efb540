"""MappingFamily: one mapping for every size, where letters stand in place of numbers of points."""

from collections.abc import Callable, Iterable
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, replace
from math import prod
from operator import attrgetter

from eqgen.common.errors import DeclarationError, is_whole, shortened
from eqgen.language.syntax import where_text
from eqgen.permutations.group import Group
from eqgen.permutations.group_expression import wreath
from eqgen.spaces.factors import FactorKind
from eqgen.spaces.mapping import Axis, Mapping
from eqgen.spaces.space import Factor, Space, Term

Sizes = Dictionary[str, int]
"""A number of points for each letter."""


@dataclass(frozen=True)
class AnySize:
    """The group of an axis for every number of points: `S(n)`."""

    family: Callable[[int], Group]
    letter: str

    @property
    def letters(self) -> tuple[str, ...]:
        """The letter."""
        return (self.letter,)

    def degree(self, sizes: Sizes) -> int:
        """How many points the axis has."""
        return sizes[self.letter]

    def group(self, sizes: Sizes) -> Group:
        """The group; of a letter that is 0, no point of which is left in any term, that of one."""
        return self.family(max(1, self.degree(sizes)))

    def few(self, degree: int) -> dict[str, int]:
        """The sizes for which the stable axis has so many points."""
        return {self.letter: degree}

    def sizes_of(self, degree: int) -> list[dict[str, int]]:
        """All sizes for which the axis has so many points."""
        return [{self.letter: degree}]

    def __str__(self) -> str:
        return f"{self.family.__name__}({self.letter})"


@dataclass(frozen=True)
class AnyBlocks:
    """A wreath product, blocks of points, for every size: `wreath(S(n), S(m))`, m blocks of n points.

    Attributes:
        inner, outer: the family of the points in a block, and that of the blocks, ...
        sizes: ... with a letter or a number for each, ...
        stable: ... and as many as are enough.
    """

    inner: Callable[[int], Group]
    outer: Callable[[int], Group]
    sizes: tuple[str | int, str | int]
    stable: tuple[int, int]

    @property
    def letters(self) -> tuple[str, ...]:
        """Its letters."""
        return tuple(dict.fromkeys(size for size in self.sizes if isinstance(size, str)))

    def both(self, sizes: Sizes) -> tuple[int, int]:
        """How many points a block has, and how many blocks there are."""
        inner, outer = (sizes[size] if isinstance(size, str) else size for size in self.sizes)
        return inner, outer

    def degree(self, sizes: Sizes) -> int:
        """How many points the axis has."""
        return prod(self.both(sizes))

    def group(self, sizes: Sizes) -> Group:
        """The group; of a letter that is 0, no point of which is left in any term, that of one."""
        inner, outer = self.both(sizes)
        return wreath(self.inner(max(1, inner)), self.outer(max(1, outer)))

    def few(self, degree: int) -> dict[str, int]:
        """The sizes for which the stable axis has so many points."""
        sizes: dict[str, int] = {}
        for letter, size in zip(self.sizes, self.stable, strict=True):
            if isinstance(letter, str):
                sizes[letter] = max(size, sizes.get(letter, 0))
        return sizes

    def sizes_of(self, degree: int) -> list[dict[str, int]]:
        """All sizes for which the axis has so many points."""
        found = []
        for inner in (inner for inner in range(1, degree + 1) if degree % inner == 0):
            pairs = list(zip(self.sizes, (inner, degree // inner), strict=True))
            sizes = {letter: size for letter, size in pairs if isinstance(letter, str)}
            found += [sizes] if self.both(sizes) == (inner, degree // inner) else []
        return found

    def __str__(self) -> str:
        inner, outer = (
            f"{family.__name__}({size})" for family, size in zip((self.inner, self.outer), self.sizes, strict=True)
        )
        return f"wreath({inner}, {outer})"


AnyGroup = AnySize | AnyBlocks


@dataclass(frozen=True, repr=False)
class MappingFamily:
    """A mapping for each size, under the whole symmetric or alternating groups of some axes.

    Attributes:
        stable: the mapping for so few points of these axes that its orbits are those for all larger numbers too.
        groups: what the axes have in place of a group, by the number of the axis.

    >>> import eqgen as eq
    >>> family = eq.mapping("{p p} -> p where p = S(n)")
    >>> family.letters, family.at(n=7).input.size
    (('n',), 21)
    """

    stable: Mapping
    groups: tuple[AnyGroup | None, ...]

    @property
    def letters(self) -> tuple[str, ...]:
        """The letters, in the order in which their axes are first mentioned."""
        return tuple(dict.fromkeys(letter for group in self.groups if group is not None for letter in group.letters))

    @property
    def stable_sizes(self) -> dict[str, int]:
        """For each letter the smallest size from which on the orbits stay the same."""
        sizes: dict[str, int] = {}
        for axis, group in zip(self.stable.axes, self.groups, strict=True):
            for letter, size in ({} if group is None else group.few(axis.group.degree)).items():
                sizes[letter] = max(size, sizes.get(letter, 0))
        return sizes

    @property
    def sides(self) -> str:
        """The declaration without its groups: `{p p} -> p`."""
        return self.stable.sides

    @property
    def declaration(self) -> str:
        """The text of the family, which parses back to an equal value."""
        return self._text(attrgetter("text"))

    def without_catalogue(self) -> str:
        """The declaration with generators in place of catalogue names, so that it means the same whatever the files say."""
        return self._text(Group.without_catalogue)

    def in_short(self) -> str:
        """The declaration with the beginning of long groups: for people."""
        return self._text(Group.in_short)

    __str__ = __repr__ = in_short

    def _text(self, group_text: Callable[[Group], str]) -> str:
        clauses = []
        for unit in self.stable.units:
            axes = [(self.stable.axes[number], self.groups[number]) for number in unit]
            names = [axis.name for axis, _ in axes]
            clauses.append((names, [group_text(axis.group) if size is None else str(size) for axis, size in axes]))
        return self.sides + where_text(clauses)

    def at(self, **sizes: int) -> Mapping:
        """The mapping for a size of each letter.

        Raises:
            DeclarationError: a letter is missing or unknown, a size is no positive whole number, or a space is empty.
        """
        checked = self.checked(sizes)
        for side in (self.stable.input, self.stable.output):
            empty = next((term for term in side.terms if not terms_count(self, [term], checked)), None)
            if empty is not None:
                raise DeclarationError(
                    f"{self.stable.space_text(Space((empty,)))} is empty for {sizes_text(checked)}: a fixed mapping needs points "
                    "in every term; a layer for any size takes features without points"
                )
        return self.member(checked)

    def checked(self, sizes: Sizes, *, all_letters: bool = True) -> dict[str, int]:
        """The sizes as whole numbers, one for each letter in their order, or of some of them.

        Raises:
            DeclarationError: a letter is missing or unknown, or a size is no whole number.
        """
        wanted = ", ".join(f"{letter}=7" for letter in self.letters)
        for letter, size in sizes.items():
            if letter not in self.letters:
                raise DeclarationError(f"{letter} is no letter of {self.in_short()}: give {wanted}")
            if not is_whole(size, 0):
                raise DeclarationError(
                    f"the size {letter} is {shortened(size)}: give a whole number that is not negative"
                )
        missing = next((letter for letter in self.letters if letter not in sizes), None)
        if all_letters and missing is not None:
            raise DeclarationError(f"the size {missing} of {self.in_short()} is missing: give {wanted}")
        return {letter: int(sizes[letter]) for letter in self.letters if letter in sizes}

    def member(self, sizes: Sizes) -> Mapping:
        """The mapping for a size of each letter, without those terms that are empty then; sides may be left without any."""
        axes = tuple(
            axis if group is None else Axis(axis.name, group.group(sizes))
            for axis, group in zip(self.stable.axes, self.groups, strict=True)
        )
        input_, output = (self._filled(side, sizes) for side in (self.stable.input, self.stable.output))
        return replace(self.stable, input=input_, output=output, axes=axes)

    def _filled(self, side: Space, sizes: Sizes) -> Space:
        return Space(tuple(self._sized(term, sizes) for term in side.terms if terms_count(self, [term], sizes)))

    def _sized(self, term: Term, sizes: Sizes) -> Term:
        return tuple(replace(factor, kind=sized_kind(self, factor, sizes)) for factor in term)


def sized_kind(family: MappingFamily, factor: Factor, sizes: Sizes) -> FactorKind:
    """The kind of a factor of the stable mapping for other numbers of points of the axes."""
    group = None if factor.axis is None else family.groups[factor.axis]
    return factor.kind if group is None else factor.kind.on(group.degree(sizes))


def terms_count(family: MappingFamily, terms: Iterable[Term], sizes: Sizes) -> int:
    """How many points terms of the stable mapping have together for other numbers of points of the axes."""
    return sum(prod(sized_kind(family, factor, sizes).count for factor in term) for term in terms)


def letters_of(family: MappingFamily, terms: Iterable[Term]) -> list[str]:
    """The letters that count the points of some terms."""
    groups = [family.groups[factor.axis] for term in terms for factor in term if factor.axis is not None]
    return list(dict.fromkeys(letter for group in groups if group is not None for letter in group.letters))


def sizes_text(sizes: Sizes) -> str:
    """Sizes as people write them: `n = 7, m = 3`."""
    return ", ".join(f"{letter} = {size}" for letter, size in sizes.items())
