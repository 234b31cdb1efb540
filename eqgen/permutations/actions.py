"""The same generators acting on other points: cosets, group elements, blocks, and a user's own objects.

Each gives a Group with as many generators as it was given, in the same order: an axis by itself, or through `eq.joint`
beside the natural points.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from eqgen.common.arrays import Permutation
from eqgen.common.errors import DeclarationError, is_whole
from eqgen.permutations.group import Group, make_group
from eqgen.permutations.group_expression import group as as_group
from eqgen.permutations.signed_permutation import SignedPermutation

MOST_COMPARED = 100
"""Of so many objects it is looked at whether a function moves them by g and h as by both at once."""

LARGEST_LISTING = 2_000_000
"""Cosets are listed element by element; more images of points than this are refused."""


def action(
    objects: Iterable[Hashable], moves: Sequence[Callable[[Any], Any]] | Callable[[Any, Any], Any], group: Any = None
) -> Group:
    """The group that functions generate on a list of objects.

    Args:
        objects: distinct hashable objects, in the order in which they are numbered.
        moves: for each generator a function that moves one object; or, with `group`, one function of an object and a
            generator (a 0-based array of the group's points).
        group: a group in any form that `eq.group` takes.

    Raises:
        DeclarationError: an object stands twice, or is moved to something that is not in the list, or two are moved to the
            same one.

    >>> pairs = [frozenset(pair) for pair in ((0, 1), (0, 2), (1, 2))]
    >>> print(action(pairs, lambda pair, g: frozenset(g[point] for point in pair), "S(3)"))
    (1 3 2), (2 3)  # order 6, one orbit of 3 points
    """
    try:
        listed = list(objects)
        numbers = {found: number for number, found in enumerate(listed)}
    except TypeError as error:
        raise DeclarationError(f"objects is a list of hashable objects, like tuples or frozensets: {error}") from None
    if len(numbers) != len(listed):
        twice = next(found for number, found in enumerate(listed) if numbers[found] != number)
        raise DeclarationError(f"{str(twice)[:60]} stands twice in the list of objects: each is named once")
    if not listed:
        raise DeclarationError("the list of objects is empty: a group needs at least one point")
    functions = _functions(moves, group)
    elements = [_moved(listed, numbers, function, place) for place, function in enumerate(functions, start=1)]
    written = None
    if group is not None and callable(moves):
        moving = as_group(group)
        written = "function" if _composes_backwards(listed, moves, moving.generators) else moving.written
    return make_group(elements, point_names=[_object_name(found) for found in listed], written=written)


def regular(group: Any) -> Group:
    """A group acting on its own elements by multiplication from the left: as many points as its order.

    >>> regular("S(3)").degree
    6
    """
    found = _unsigned("regular", group)
    return cosets(found, make_group([SignedPermutation(np.arange(found.degree))]))


def cosets(group: Any, subgroup: Any) -> Group:
    """A group acting on the left cosets g H of a subgroup H: every transitive action is one of these.

    Args:
        group: in any form that `eq.group` takes.
        subgroup: likewise, on the same points.

    Raises:
        DeclarationError: the subgroup has another number of points or an element outside the group, or the cosets are too
            many to list.

    >>> cosets("S(4)", "(1 2 3)(4), (1 2)").degree
    4
    """
    whole, part = (_unsigned("cosets", side) for side in (group, subgroup))
    if whole.degree != part.degree:
        raise DeclarationError(
            f"a subgroup moves the same points: the group has {whole.degree} points, the subgroup {part.degree}"
        )
    if not all(whole.sympy.contains(generator) for generator in part.sympy.generators):
        raise DeclarationError(
            f"{part.text[:60]} is no subgroup of {whole.text[:60]}: one of its generators lies outside"
        )
    index = whole.order // part.order
    if index * part.order * whole.degree * len(whole.generators) > LARGEST_LISTING:
        raise DeclarationError(
            f"{index} cosets of a subgroup of order {part.order} are too many to list: declare the action on points, blocks or "
            "your own objects (eq.action) instead"
        )
    members = np.array(list(part.sympy.generate_schreier_sims(af=True)), dtype=np.intp)

    def coset(element: Permutation) -> bytes:
        """The same bytes for every element of a coset: its smallest member."""
        elements = element[members]
        return bytes(elements[np.lexsort(elements.T[::-1])[0]].tobytes())

    numbers = {coset(np.arange(whole.degree)): 0}
    representatives = [np.arange(whole.degree)]
    images: list[list[int]] = [[] for _ in whole.generators]
    for element in representatives:
        for place, generator in enumerate(whole.generators):
            moved = generator[element]
            number = numbers.setdefault(coset(moved), len(representatives))
            if number == len(representatives):
                representatives.append(moved)
            images[place].append(number)
    return make_group([SignedPermutation(np.array(row)) for row in images], written=whole.written)


def blocks(group: Any, block: Iterable[int]) -> Group:
    """A group acting on the blocks that it makes of one block of points, 0-based.

    Raises:
        DeclarationError: the images of the block overlap, so it is no block; the message names the generator.

    >>> print(blocks("C(6)", [0, 3]))
    (1 2 3)  # order 3, one orbit of 3 points
    """
    found = _unsigned("blocks", group)
    points = list(block) if isinstance(block, Iterable) else []
    if not points or not all(_is_point(point, found) for point in points):
        raise DeclarationError(f"a block is a list of points from 0 to {found.degree - 1}, got {str(block)[:60]}")
    listed, owner = [np.unique(np.array(points, dtype=np.intp))], np.full(found.degree, -1)
    owner[listed[0]] = 0
    for current in listed:
        for place, generator in enumerate(found.generators, start=1):
            moved = np.sort(generator[current])
            owners = np.unique(owner[moved]).tolist()
            if owners == [-1]:
                owner[moved] = len(listed)
                listed.append(moved)
            elif len(owners) > 1:
                raise DeclarationError(
                    f"{listed[0].tolist()} is no block: generator {place} moves {current.tolist()} to {moved.tolist()}, which "
                    "meets another image in some points only"
                )
    images = owner[found.generators[:, [members[0] for members in listed]]]
    names = ["{" + ",".join(map(str, (members + 1).tolist())) + "}" for members in listed]
    return make_group([*map(SignedPermutation, images)], point_names=names, written=found.written)


def product_action(inner: Any, outer: Any) -> Group:
    """The wreath product of two groups in its product action: on words of one inner point for each outer point.

    Its generators are those of `wreath(inner, outer)`, in the same order.

    >>> product_action("S(3)", "S(2)").degree
    9
    """
    within, between = (_unsigned("product_action", side) for side in (inner, outer))
    if within.degree**between.degree > 1_000_000:
        raise DeclarationError(
            f"the product action has {within.degree}^{between.degree} points: more than 1000000 are not listed"
        )
    shape = (within.degree,) * between.degree
    # The letters of all words, (places, words), and their letters when they have been moved.
    letters = np.indices(shape).reshape(between.degree, -1)
    moved = [letters[np.argsort(row)] for row in between.generators]
    for place in np.unique(between.orbits, return_index=True)[1].tolist():
        changed = np.arange(between.degree)[:, None] == place
        moved += [np.where(changed, row[letters], letters) for row in within.generators]
    elements = [SignedPermutation(np.ravel_multi_index(tuple(rows), shape)) for rows in moved]
    written = within.written or between.written
    return make_group(elements, point_names=[str(tuple(word)) for word in letters.T.tolist()], written=written)


def stabilizer(group: Any, *points: int) -> Group:
    """The elements of a group that leave each of these 0-based points where it is, by sympy (exact).

    >>> stabilizer("S(4)", 0).order
    6
    """
    found = _unsigned("stabilizer", group)
    inside = found.sympy
    for point in points:
        if not _is_point(point, found):
            raise DeclarationError(f"{str(point)[:60]} is no point: points are numbered from 0 to {found.degree - 1}")
        inside = inside.stabilizer(int(point))
    return make_group([SignedPermutation(np.array(row.array_form, dtype=np.intp)) for row in inside.generators])


def subgroup(group: Any, generators: Any) -> Group:
    """The subgroup that some elements of a group generate.

    Raises:
        DeclarationError: one of them lies outside the group.

    >>> subgroup("S(4)", "(1 2 3 4)").order
    4
    """
    whole, part = as_group(group), as_group(generators)
    if whole.degree != part.degree:
        raise DeclarationError(
            f"a subgroup moves the same points: the group has {whole.degree}, the generators {part.degree}"
        )
    if (whole.signs is None) != (part.signs is None):
        raise DeclarationError("one of the group and its subgroup flips signs and the other does not: write both alike")
    for place, row in enumerate(part.faithful_generators, start=1):
        # Not by the position in sympy's list, which leaves out the identity and repetitions.
        if not whole.sympy.contains(type(part.sympy.identity)(row.tolist())):
            raise DeclarationError(
                f"generator {place}, {part.generator_text(place - 1)}, lies outside {whole.text[:60]}"
            )
    return part


def _unsigned(what: str, value: Any) -> Group:
    """A group in any form, without signs."""
    group = as_group(value)
    if group.signs is not None:
        raise DeclarationError(
            f"{what} moves points without signs, and {group.text[:60]} flips some: drop the signs first"
        )
    return group


def _is_point(point: Any, group: Group) -> bool:
    return is_whole(point, 0) and point < group.degree


def _functions(moves: Any, group: Any) -> list[Callable[[Any], Any]]:
    if group is None:
        if callable(moves):
            raise DeclarationError(
                "one function for all generators needs to know them: pass the group too, as in eq.action(objects, move, eq.S(6))"
            )
        functions = list(moves) if isinstance(moves, Iterable) and not isinstance(moves, (str, bytes)) else []
        if not functions or not all(map(callable, functions)):
            raise DeclarationError(
                f"moves is a list of functions, one for each generator, got {str(moves)[:60]!r}; each moves one object"
            )
        return functions
    if not callable(moves):
        raise DeclarationError("with a group, moves is one function of an object and a generator")
    generators = _unsigned("action", group).generators
    return [partial(lambda generator, listed: moves(listed, generator), row) for row in generators]


def _composes_backwards(listed: list[Hashable], move: Callable[[Any, Any], Any], generators: Permutation) -> bool:
    """Whether moving by g and then by h is moving by what does h first: a move that pulls, as `word[g[i]]` does."""
    backwards = False
    for first, second in pairwise(generators):
        for found in listed[:MOST_COMPARED]:
            try:
                in_turn = move(move(found, first), second)
                forwards, reverse = move(found, second[first]), move(found, first[second])
            except Exception:
                return False
            if forwards != reverse and in_turn in (forwards, reverse):
                if in_turn == forwards:
                    return False
                backwards = True
    return backwards


def _moved(
    listed: list[Hashable], numbers: dict[Hashable, int], function: Callable[[Any], Any], place: int
) -> SignedPermutation:
    image = np.empty(len(listed), dtype=np.intp)
    reached: dict[int, Hashable] = {}
    for number, found in enumerate(listed):
        try:
            moved = function(found)
        except Exception as error:
            raise DeclarationError(
                f"generator {place} fails on {str(found)[:60]}: {type(error).__name__}: {str(error)[:80]}"
            ) from error
        try:
            target = numbers.get(moved)
        except TypeError:  # a tuple that holds a list is no key
            target = None
        if target is None:
            raise DeclarationError(
                f"generator {place} moves {str(found)[:60]} to {str(moved)[:60]}, which is not in the list of objects"
            )
        if target in reached:
            raise DeclarationError(
                f"generator {place} moves both {str(reached[target])[:60]} and {str(found)[:60]} to {str(moved)[:60]}"
            )
        reached[target] = found
        image[number] = target
    return SignedPermutation(image)


def _object_name(found: Hashable) -> str:
    if isinstance(found, (frozenset, set)):
        try:
            # Sets are compared by inclusion, which orders nothing.
            in_order = not any(isinstance(part, (frozenset, set)) for part in found)
            names = [_object_name(part) for part in (sorted(found) if in_order else found)]
        except TypeError:
            in_order, names = False, [_object_name(part) for part in found]
        return "{" + ", ".join(names if in_order else sorted(names)) + "}"
    return str(found)
