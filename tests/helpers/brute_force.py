"""Orbits of pairs by brute force: spaces over one axis p are listed and permuted as tuples, pair by pair, without the code under test."""

from __future__ import annotations

from itertools import combinations, permutations, product

import numpy as np


def sign_of(order):
    return (-1) ** sum(a > b for a, b in combinations(order, 2))


def factor_points(text, size):
    kind, count = text[0], max(1, text.count("p"))
    if text == "1":
        return [()]
    if kind == "<":
        return list(permutations(range(size), count))
    return list(combinations(range(size), count))


def moved(text, point, permutation):
    image = tuple(int(permutation[member]) for member in point)
    sign = sign_of(permutation) if text[0] == "~" else 1
    if text[0] in "{[":
        sign = sign_of(image) if text[0] == "[" else 1
        image = tuple(sorted(image))
    return image, sign


def factors_of(term):
    found, text = [], term.strip()
    while text:
        end = text.index({"{": "}", "<": ">", "[": "]"}[text[0]]) + 1 if text[0] in "{<[" else 1 + (text[0] == "~")
        found.append(text[:end])
        text = text[end:].strip()
    return found


def space(side, size):
    terms = [factors_of(term) for term in side.split("+")]
    return [
        (number, point)
        for number, term in enumerate(terms)
        for point in product(*(factor_points(f, size) for f in term))
    ]


def move(side, place, permutation):
    number, point = place
    parts = [moved(f, part, permutation) for f, part in zip(factors_of(side.split("+")[number]), point, strict=True)]
    return (number, tuple(part for part, _ in parts)), int(np.prod([sign for _, sign in parts]))


def brute_force(sides, size, family):
    """(output, input) -> (orbit by first appearance, sign), without those that are forced to zero; all row by row."""
    left, right = (side.strip() for side in sides.split("->"))
    inputs, outputs = space(left, size), space(right, size)
    gens = [list(g) for g in ([*range(1, size), 0], [1, 0, *range(2, size)]) if size > 1]
    if family == "A":
        gens = [[*range(k), k + 1, k + 2, k, *range(k + 3, size)] for k in range(size - 2)]
    tables = [({o: move(right, o, g) for o in outputs}, {i: move(left, i, g) for i in inputs}) for g in gens]
    found, orbit = {}, 0
    for start in product(outputs, inputs):
        if start in found:
            continue
        signs, waiting, dead = {start: 1}, [start], False
        while waiting:
            pair = waiting.pop()
            for out_table, in_table in tables:
                (o, so), (i, si) = out_table[pair[0]], in_table[pair[1]]
                if (o, i) not in signs:
                    signs[o, i] = signs[pair] * so * si
                    waiting.append((o, i))
                dead |= signs[o, i] != signs[pair] * so * si
        found.update({pair: (None, 0) if dead else (orbit, sign) for pair, sign in signs.items()})
        orbit += not dead
    return found, len(outputs), len(inputs)
