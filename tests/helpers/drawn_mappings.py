"""Random generators with signs, moves of pairs, and mappings of several axes, as eqgen holds them."""

from __future__ import annotations

from math import comb, perm

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

import eqgen as eq
from eqgen.permutations.signed_permutation import SignedPermutation
from eqgen.spaces.pair_action import paired


@st.composite
def signed_generators(draw, size, count):
    found = []
    for _ in range(count):
        permutation = draw(st.permutations(range(size)))
        signs = draw(st.lists(st.sampled_from([1, -1]), min_size=size, max_size=size))
        found.append((list(permutation), signs))
    return found


def as_signed(generators, signed: bool = True) -> list[SignedPermutation]:
    return [
        SignedPermutation(np.array(image), np.array(signs, dtype=np.int8) if signed and min(signs) < 0 else None)
        for image, signs in generators
    ]


@st.composite
def sparse_generators(draw, size: int, count: int):
    """Generators of which each moves few points and flips few signs, so that not everything is one orbit, or zero."""
    found = []
    for _ in range(count):
        image, signs = list(range(size)), [1] * size
        for _ in range(draw(st.integers(0, 2))):
            i, j = draw(st.integers(0, size - 1)), draw(st.integers(0, size - 1))
            image[i], image[j] = image[j], image[i]
        for place in draw(st.lists(st.integers(0, size - 1), max_size=1)):
            signs[place] = -1
        found.append((image, signs))
    return found


@st.composite
def drawn_moves(draw, largest: int = 8, most: int = 3):
    """Moves of outputs and of inputs that have nothing to do with each other, of either or both with signs."""
    m, n, count = draw(st.integers(1, largest)), draw(st.integers(1, largest)), draw(st.integers(1, most))
    sides = []
    for size in (m, n):
        generators = draw(st.one_of(signed_generators(size, count), sparse_generators(size, count)))
        sides.append(as_signed(generators, draw(st.booleans())))
    return paired(*sides)


TOKENS = ["{0}", "{0}", "~{0}", "{{{0} {0}}}", "<{0} {0}>", "[{0} {0}]", "1"]


@st.composite
def mappings_of_several_axes(draw) -> eq.Mapping:
    """A random mapping of two or three axes, with signs, twists and directions."""
    names = "abc"[: draw(st.integers(2, 3))]
    groups, degree = {}, {}
    for name in names:
        degree[name] = draw(st.integers(2, 3))
        generators = draw(signed_generators(degree[name], draw(st.integers(1, 2))))
        groups[name] = generators if draw(st.booleans()) else [image for image, _ in generators]
    sides = []
    for _ in range(2):
        terms = []
        for _ in range(draw(st.integers(1, 2))):
            tokens, size = [], 1
            for _ in range(draw(st.integers(1, 3))):
                name, token = draw(st.sampled_from(names)), draw(st.sampled_from(TOKENS))
                grown = size * {"{0}": degree[name], "~{0}": degree[name], "<{0} {0}>": perm(degree[name], 2)}.get(
                    token, 1 if token == "1" else comb(degree[name], 2)
                )
                if grown <= 18:
                    tokens, size = [*tokens, token.format(name)], grown
            terms.append(" ".join(tokens))
        sides.append(" + ".join(terms))
    text = " -> ".join(sides)
    mentioned = {name: group for name, group in groups.items() if name in text}
    assume(len(mentioned) > 1)
    return eq.mapping(text, **mentioned)


def drawn_pairs(data, shape, most=4) -> list[tuple[int, int]]:
    pair = st.tuples(st.integers(0, shape[0] - 1), st.integers(0, shape[1] - 1))
    return data.draw(st.lists(pair, min_size=1, max_size=most), label="pairs")


def p4m(shape: tuple[int, int]) -> eq.Group:
    """All rigid motions of a square torus."""
    return eq.trace(shape, np.rot90, np.fliplr, lambda a: np.roll(a, 1, 0), lambda a: np.roll(a, 1, 1))
