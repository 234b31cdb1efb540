"""A chain of mappings, each from the space where the one before ends, and the generators that move all of their spaces."""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from itertools import pairwise

from eqgen.common.errors import DeclarationError, count
from eqgen.orbitals.declare import in_words
from eqgen.orbitals.declare import mapping as as_mapping
from eqgen.permutations.signed_permutation import SignedPermutation, identity
from eqgen.spaces.mapping import Mapping, identity_mapping, mapping_between
from eqgen.spaces.pair_action import PairAction
from eqgen.spaces.space import Space


def chain_of(mappings: Mapping | str | Sequence[Mapping | str], length: int) -> list[Mapping]:
    """A mapping for each of so many layers.

    Args:
        mappings: one for each layer; or one for all, which leads to its output space first and stays there.
        length: how many there should be.

    Raises:
        DeclarationError: a mapping cannot be read, there are more or fewer, or one does not begin where the one before ends.

    >>> [str(mapping) for mapping in chain_of("{p p} -> p where p = S(3)", 2)]
    ['{p p} -> p where p = S(3)', 'p -> p where p = S(3)']
    """
    if isinstance(mappings, (Mapping, str)):
        first = as_mapping(mappings)
        rest = first if first.input == first.output else identity_mapping(first.output, first)
        return [first, *[rest] * (length - 1)]
    chain = [as_mapping(mapping) for mapping in mappings]
    if len(chain) != length:
        raise DeclarationError(
            f"there are {count(len(chain), 'mapping')} and {count(length, 'width')}: give one width for each layer"
        )
    for number, (before, after) in enumerate(pairwise(chain), start=1):
        answered, taken = identity_mapping(before.output, before), identity_mapping(after.input, after)
        if answered != taken:
            raise DeclarationError(
                f"layer {number} answers in {in_words(answered)}, layer {number + 1} takes {in_words(taken)}: the spaces of "
                "a network chain, the output of each layer is the input of the next"
            )
    return chain


def whole_of(chain: Sequence[Mapping]) -> Mapping | None:
    """The mapping from the first space of a chain to its last, without the axes that neither has.

    Returns:
        None where a mapping does not begin where the one before ends, or its output has an axis that its input has not: how that
        one moves together with those before is not told by the mappings.

    >>> print(whole_of([as_mapping("{p p} -> p q where p = S(3), q = C(2)"), as_mapping("a b -> a where a = S(3), b = C(2)")]))
    {p p} -> p where p = S(3)
    """
    whole = chain[0]
    for after in chain[1:]:
        if identity_mapping(whole.output, whole) != identity_mapping(after.input, after):
            return None
        axes = zip(dict.fromkeys(after.input.axis_numbers), dict.fromkeys(whole.output.axis_numbers), strict=True)
        numbers: dict[int | None, int | None] = {None: None, **dict(axes)}
        if not set(after.output.axis_numbers) <= numbers.keys():
            return None
        terms = tuple(
            tuple(replace(factor, axis=numbers[factor.axis]) for factor in term) for term in after.output.terms
        )
        whole = replace(whole, output=Space(terms), support=None)
    return mapping_between(whole.input, whole.output, whole)


def moves_of(chain: Sequence[Mapping]) -> list[list[SignedPermutation]]:
    """What every generator of every axis in a chain does to each space, the input of the first mapping first.

    Axes are followed through the spaces that two mappings share: each mapping names its own.
    """
    # For each mapping the unit that each of its axes belongs to, by where it comes first in the chain.
    units: list[dict[int, Hashable]] = []
    for place, mapping in enumerate(chain):
        shared: dict[int, Hashable] = {}
        if place:
            numbers = zip(mapping.input.axis_numbers, chain[place - 1].output.axis_numbers, strict=True)
            shared = {axis: units[-1][before] for axis, before in numbers}
        own: dict[int, Hashable] = {}
        for unit in mapping.units:
            met = [shared[axis] for axis in unit if axis in shared]
            own.update(dict.fromkeys(unit, met[0] if met else (place, unit)))
        units.append(own)
    actions: list[dict[tuple[Hashable, int], PairAction]] = []
    for mapping, own in zip(chain, units, strict=True):
        acting: dict[tuple[Hashable, int], PairAction] = {}
        for unit, generators in zip(mapping.units, mapping.unit_generators, strict=True):
            for row, generator in enumerate(generators):
                key = own[unit[0]], row
                # Axes that are declared together elsewhere in the chain move at once here too.
                acting[key] = acting[key].then(generator) if key in acting else generator
        actions.append(acting)
    keys = dict.fromkeys(key for acting in actions for key in acting)
    still = [PairAction(identity(mapping.output.size), identity(mapping.input.size)) for mapping in chain]
    moving = [[acting.get(key, rest) for key in keys] for acting, rest in zip(actions, still, strict=True)]
    return [[action.input for action in moving[0]], *([action.output for action in row] for row in moving)]
