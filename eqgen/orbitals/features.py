"""Named features: several arrays, each indexed by a space of its own, all moved by one group."""

from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np

from eqgen.common.arrays import Permutation
from eqgen.common.errors import DeclarationError, count, in_short, is_whole, pointing, shortened
from eqgen.language.grammar import parse_space
from eqgen.language.meant import nearest
from eqgen.language.syntax import sum_text
from eqgen.orbitals.declare import declared_axes, space_of
from eqgen.permutations.group import Group
from eqgen.spaces.mapping import Axis, Mapping, units_of
from eqgen.spaces.space import Space

FORMS = '"p", ("p", 5) with its channels, or eq.parts(...) for a flat vector'


@dataclass(frozen=True)
class Parts:
    """The parts of a flat vector, in order; `parts` makes it.

    Attributes:
        terms: for each part its name, its space, and how many vectors of it stand one after the other.
    """

    terms: tuple[tuple[str, str, int], ...]


def parts(**terms: str | tuple[str, int]) -> Parts:
    """A flat vector of mixed meaning, (..., numbers), by its parts in order.

    Args:
        **terms: the space of each part, `joints="j"`; `history=("j", 3)` is three vectors of joints, one after the other.

    Returns:
        What `eq.network` and `eq.EquivariantTerms` take in place of a space: the vector is cut, and put together, by the layer.

    Raises:
        DeclarationError: there is no part, or one is neither.

    >>> import eqgen as eq
    >>> eq.parts(velocity="v", joints="j", history=("j", 3)).terms
    (('velocity', 'v', 1), ('joints', 'j', 1), ('history', 'j', 3))
    """
    if not terms:
        raise DeclarationError('parts of a vector are named in order, as in eq.parts(velocity="v", joints="j")')
    read = []
    for name, term in terms.items():
        text, copies = (term, 1) if isinstance(term, str) else _pair(f"part {name!r}", term, '"j" or ("j", 3)')
        read.append((name, text, 1 if copies is None else copies))
    return Parts(tuple(read))


@dataclass(frozen=True, eq=False)
class Slot:
    """Points with channels: what a layer works on.

    Attributes:
        space: the points, whose axes have the numbers that they have in the group's declaration.
        channels: None where they are not declared.
        numbers: (points, channels), where each number stands in the flat vector that holds it; None for an array of its own.
    """

    space: Space
    channels: int | None
    numbers: Permutation | None = None


@dataclass(frozen=True, eq=False)
class Feature:
    """One array of several.

    Attributes:
        key: in a dict its name, in a list its number, None where it is the only one.
        declared: as it was given.
        slots: one for an array of points and channels; for a flat vector one for each space that its parts have.
        space: the points of a slot, or all numbers of a vector.
        text: the space as the language writes it.
        sizes: of a vector, how many numbers each part has.
    """

    key: Any
    declared: str | tuple[str, int | None] | Parts
    slots: tuple[Slot, ...]
    space: Space
    text: str
    sizes: tuple[int, ...] = ()

    @property
    def is_vector(self) -> bool:
        """Whether it is a flat vector of parts."""
        return isinstance(self.declared, Parts)

    @property
    def is_fixed(self) -> bool:
        """Whether it is the fixed point `1`, whose array has channels and no axis of points."""
        return not self.is_vector and len(self.space.terms) == 1 and not self.space.axis_numbers

    @property
    def name(self) -> str:
        """For messages."""
        return f"array {self.key + 1}" if isinstance(self.key, int) else "the array" if self.key is None else self.key

    @cached_property
    def back(self) -> Permutation:
        """Of a vector: for each of its numbers, where it stands among those of its slots, one slot after the other."""
        order = np.concatenate([slot.numbers.ravel() for slot in self.slots if slot.numbers is not None])
        return np.argsort(order)


@dataclass(frozen=True, eq=False)
class Features:
    """Several arrays, in a dict or a list, or one.

    Attributes:
        each: the arrays, in the order in which they are declared.
        container: dict, list, or None for one.
    """

    each: tuple[Feature, ...]
    container: type | None

    @property
    def declared(self) -> Any:
        """As it was given."""
        return self.packed([feature.declared for feature in self.each])

    def packed(self, values: Sequence[Any]) -> Any:
        """Values, one for each array, as arrays are given."""
        if self.container is None:
            return values[0]
        if self.container is list:
            return list(values)
        return {feature.key: value for feature, value in zip(self.each, values, strict=True)}

    def unpacked(self, values: Any) -> list[Any]:
        """What undoes `packed`.

        Raises:
            DeclarationError: an array is missing, or there is one that is not declared.
        """
        # A shape is a tuple, too, and has its channels at the end.
        is_shape = isinstance(values, (list, tuple)) and len(values) > 0 and is_whole(values[-1])
        several = isinstance(values, (list, tuple, Dictionary)) and not is_shape
        if self.container is None:
            if several:
                raise DeclarationError(f"this layer takes one array, got a {type(values).__name__}")
            return [values]
        if self.container is list:
            if not several or isinstance(values, Dictionary) or len(values) != len(self.each):
                got = count(len(values), "array") if several else "one array"
                got = f"a dict of {got}" if isinstance(values, Dictionary) else got
                raise DeclarationError(f"this layer takes a list of {count(len(self.each), 'array')}, got {got}")
            return list(values)
        names = [feature.key for feature in self.each]
        if not isinstance(values, Dictionary):
            got = f"a {type(values).__name__}" if several else "one array"
            raise DeclarationError(f"this layer takes a dict of arrays, {', '.join(names)}, got {got}")
        missing = [name for name in names if name not in values]
        unknown = [str(name) for name in values if name not in names]
        if missing and not unknown:
            raise DeclarationError(
                f"{missing[0]!r} is missing: this layer takes {', '.join(names)}, got {', '.join(map(str, values))}"
            )
        if unknown:
            raise DeclarationError(
                f"{unknown[0]!r} is not declared: this layer takes {', '.join(names)}{nearest(unknown[0], missing)}"
            )
        return [values[name] for name in names]

    def some(self, values: Any) -> list[Any]:
        """The same of some arrays, in a dict by name; None for the others.

        Raises:
            DeclarationError: there is one that is not declared.
        """
        if values is None:
            return [None] * len(self.each)
        if isinstance(values, Dictionary) and self.container is dict:
            values = {**{feature.key: None for feature in self.each if feature.key not in values}, **values}
        return self.unpacked(values)


def group_axes(where: str | dict[str, Any] | None) -> Mapping:
    """The axes that a text, or a dict as `eq.joint` makes it, declares: a mapping that carries them, of one fixed point.

    Raises:
        DeclarationError: it cannot be read.

    >>> group_axes("p = S(5), q = C(3)").clauses()
    ' where p = S(5), q = C(3)'
    """
    if where is not None and not isinstance(where, (str, dict)):
        raise DeclarationError(
            f'where is a text, as in "p = S(5)", or a dict of axes, as eq.joint makes it, got {shortened(where)}'
        )
    text = f"1 where {where}" if isinstance(where, str) else "1"
    syntax = parse_space(text)
    declared, together = declared_axes(syntax, text, where if isinstance(where, dict) else {})
    numbers = {name: number for number, name in enumerate(declared)}
    point = space_of(syntax.input, text, numbers, declared)
    axes = tuple(Axis(name, group) for name, group in declared.items())
    return Mapping(point, point, axes, units_of(numbers, together))


def read_features(declared: Any, axes: Mapping, what: str) -> Features:
    """Several arrays, of the axes that a mapping carries.

    Args:
        declared: a dict by name, or a list, of spaces: `"p"`, `("p", channels)`, or Parts; or one of these.
        axes: see `group_axes`.
        what: "inputs" or "outputs", for messages.

    Raises:
        DeclarationError: a space cannot be read, has an axis that is not declared, or channels are no number.
    """
    container: type | None = None
    one: dict[Any, Any] = {None: declared}
    if isinstance(declared, Dictionary):
        container, one = dict, dict(declared)
    elif isinstance(declared, list):
        container, one = list, dict(enumerate(declared))
    if not one:
        raise DeclarationError(f"{what} are empty: name at least one, as in {what}={{'atoms': ('p', 5)}}")
    wrong = next((key for key in one if container is dict and not (isinstance(key, str) and key)), None)
    if wrong is not None:
        raise DeclarationError(f"{what} are named by texts, got {shortened(wrong)}")
    return Features(tuple(_feature(key, value, axes, what) for key, value in one.items()), container)


def _feature(key: Any, declared: Any, axes: Mapping, what: str) -> Feature:
    title = what if key is None else f"{what}[{key!r}]"
    if isinstance(declared, Parts):
        read = [
            (name, *_space(text, axes, f"part {name!r} of {title}"), copies) for name, text, copies in declared.terms
        ]
        sizes = [space.size * copies for _, _, space, copies in read]
        where = {space: [] for _, _, space, _ in read}  # type: dict[Space, list[Permutation]]
        for (_, _, space, copies), stop, size in zip(read, accumulate(sizes), sizes, strict=True):
            # One vector after the other: their number is the channel.
            where[space].append(np.arange(stop - size, stop).reshape(copies, space.size).T)
        slots = [Slot(space, sum(n.shape[1] for n in found), np.hstack(found)) for space, found in where.items()]
        terms = [term for _, _, space, copies in read for _ in range(copies) for term in space.terms]
        text = " + ".join(text for _, text, _, copies in read for _ in range(copies))
        return Feature(key, declared, tuple(slots), Space(tuple(terms)), text, tuple(sizes))
    text, channels = (declared, None) if isinstance(declared, str) else _pair(title, declared, FORMS)
    text, space = _space(text, axes, title)
    return Feature(key, (text, channels), (Slot(space, channels),), space, text)


def _pair(title: str, declared: Any, expected: str) -> tuple[str, int | None]:
    if not (isinstance(declared, (tuple, list)) and len(declared) == 2 and isinstance(declared[0], str)):
        raise DeclarationError(f"{title} is {shortened(declared)}: expected {expected}")
    text, channels = declared
    if channels is not None and not is_whole(channels, 1):
        raise DeclarationError(f"the channels of {title} are a positive whole number, got {shortened(channels)}")
    return text, channels


def _space(text: str, axes: Mapping, title: str) -> tuple[str, Space]:
    """A space and its text."""
    syntax = parse_space(text)
    if syntax.where or syntax.support is not None:
        raise DeclarationError(
            f"{title} is {in_short(text)!r}: write the space alone, as in '{{p p}}', and its group once, in where="
        )
    groups = {axis.name: axis.group for axis in axes.axes}
    for factor in (factor for term in syntax.input for factor in term if factor.size):
        if factor.axis not in groups:
            known = f"{axes.clauses(Group.in_short)}".strip() or "no where= was given"
            message = f"{title} has the axis {factor.axis}, which is not declared ({known})"
            raise pointing(message, text, factor.position)
    numbers = {axis.name: number for number, axis in enumerate(axes.axes)}
    return sum_text(syntax.input), space_of(syntax.input, text, numbers, groups)


def written(declared: Any) -> Any:
    """A declaration of arrays in plain lists and texts, for a file.

    >>> written({"state": parts(joints="j"), "atoms": ("p", 5)})
    {'named': [['state', {'parts': [['joints', 'j', 1]]}], ['atoms', ['p', 5]]]}
    """
    if isinstance(declared, dict):
        return {"named": [[name, written(value)] for name, value in declared.items()]}
    if isinstance(declared, list):
        return {"listed": [written(value) for value in declared]}
    return {"parts": [list(term) for term in declared.terms]} if isinstance(declared, Parts) else list(declared)


def read_back(plain: Any) -> Any:
    """What undoes `written`."""
    if isinstance(plain, list):
        return tuple(plain)
    if "parts" in plain:
        return Parts(tuple((name, text, copies) for name, text, copies in plain["parts"]))
    if "listed" in plain:
        return [read_back(value) for value in plain["listed"]]
    return {name: read_back(value) for name, value in plain["named"]}
