"""Orbits for every size: against brute force over pairs of points, written down here without the code under test."""

from __future__ import annotations

from itertools import product

import pytest
import sympy

import eqgen as eq
from helpers.brute_force import brute_force, space
from helpers.mistakes import mistake

n, m = sympy.symbols("n m")

DECLARED = [
    "p -> p", "p -> 1", "1 -> p", "{p p} -> {p p}", "{p p} -> p", "p -> {p p}", "<p p> -> <p p>", "<p p> -> {p p}", "p p -> p p",
    "p p -> p", "p p + p + 1 -> p", "{p p} + p -> {p p} + 1", "[p p] -> [p p]", "[p p] -> p", "p -> [p p]", "<p p> -> [p p]",
    "~p -> ~p", "~p -> p", "~p + p -> ~p", "{p p p} -> p", "{p} p -> <p p>", "p p p -> p",
]  # fmt: skip


@pytest.mark.slow(sample=10)
@pytest.mark.parametrize("family", ["S", "A"])
@pytest.mark.parametrize("sides", DECLARED)
def test_the_orbits_of_every_size_are_those_of_brute_force(sides, family):
    letter = eq.mapping(f"{sides} where p = {family}(n)")
    found = eq.orbits(letter)
    stable = brute_force(sides, 7 if sides.count("p") < 5 else 6, family)[0]
    assert found.rank == len({orbit for orbit, sign in stable.values() if sign})
    for size in range(1, 7):
        pairs, rows, columns = brute_force(sides, size, family)
        left_terms = [
            1 if "p" not in term else len(space(term, size)) for side in sides.split("->") for term in side.split("+")
        ]
        if not all(left_terms):
            assert "is empty for n = " in mistake(lambda size=size: letter.at(n=size))
            continue
        fixed = found.at(n=size)
        assert (fixed.rank, fixed.shape) == (len({orbit for orbit, sign in pairs.values() if sign}), (rows, columns))
        firsts = {}
        for pair, (orbit, sign) in pairs.items():
            firsts.setdefault(orbit if sign else None, pair)
        firsts.pop(None, None)
        expected = [stable[pair] for _, pair in sorted(firsts.items())]
        labels = found.stable_labels(fixed, {"n": size})
        assert labels.tolist() == [
            (orbit or 0) + 1 if sign == 1 else -(orbit or 0) - 1 if sign else 0 for orbit, sign in expected
        ]
        for number in range(found.rank):
            own = [pair for pair in pairs if stable[pair][0] == number and stable[pair][1]]
            assert found.sizes[number].subs(n, size) == len(own)
            if own:
                in_a_row = sum(pair[0] == own[0][0] for pair in own)
                assert found.row_sizes[number].subs(n, size) == found.row_growths[number].at({"n": size}) == in_a_row


def test_sizes_grow_as_polynomials():
    edges = eq.orbits("{p p} -> {p p} where p = S(n)")
    assert [
        sympy.expand(size - wanted)
        for size, wanted in zip(edges.row_sizes, [1, 2 * (n - 2), (n - 2) * (n - 3) / 2], strict=True)
    ] == [0, 0, 0]
    table = eq.orbits("r c -> r c where r = S(n), c = S(m)")
    assert table.row_sizes == (1, m - 1, n - 1, sympy.factor((m - 1) * (n - 1)))
    assert table.certificate()
    mixed = eq.orbits("p q -> p where p = S(n), q = C(3)")
    assert mixed.sizes == (3 * n, 3 * n * (n - 1))
    assert mixed.family.letters == ("n",)
    assert mixed.at(n=6).row_sizes.tolist() == [3, 15]


def test_a_family_prints_and_reads_back():
    for text in (
        "{p p} -> p where p = S(n)",
        "r c -> r where r = S(n), c = A(m)",
        "r c -> r c where r = S(n), c = S(n)",
        "p q -> q where p = S(k), q = (1 2 3)",
    ):
        family = eq.mapping(text)
        assert str(family) == family.declaration == text
        assert eq.mapping(text) == family
        assert hash(eq.mapping(text)) == hash(family)
        assert eq.mapping(family) is family
    assert eq.mapping("p -> p", p="S(n)") == eq.mapping("p -> p where p = S(n)")
    assert str(eq.mapping("p -> p where p = Sym(n)")) == "p -> p where p = S(n)"
    assert eq.mapping("p q -> p where p = S(n)", q=eq.C(3)) == eq.mapping("p q -> p where p = S(n), q = C(3)")
    assert eq.orbits("p -> p where p = S(n)").latex().splitlines() == [
        "\\begin{pmatrix}", "a & b & \\cdots \\\\", "b & a & \\cdots \\\\", "\\vdots & \\vdots & \\ddots", "\\end{pmatrix}"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: eq.mapping("p -> p where p = C(n)"), "the number of orbits under C(n) grows with n: write a number, as in C(5), or a local kernel on a ring of any size, support=eq.stencil(1, wrap=True) (character 18)\n  p -> p where p = C(n)\n                   ^"),
        (lambda: eq.mapping("p -> p where p = S(n) * S(2)"), "the size n is a letter, and a number is needed here: write S(5) (character 18)\n  p -> p where p = S(n) * S(2)\n                   ^"),
        (lambda: eq.group("S(n)"), "the size n is a letter, and a number is needed here: write S(5) (character 1)\n  S(n)\n  ^"),
        (lambda: eq.mapping("p -> p where p = catalogue(n)"), "a letter stands for the size of S(n) or A(n) alone, directly after the name of an axis: write a number (character 18)\n  p -> p where p = catalogue(n)\n                   ^"),
        (lambda: eq.mapping("p q -> p where p & q = S(n) & S(n)"), "axes declared together have a size each that is a number: p & q have a letter; an axis that moves alone may have one (character 16)\n  p q -> p where p & q = S(n) & S(n)\n                 ^"),
        (lambda: eq.mapping("p -> p where p = S(n) support 1 <- 1"), "a support names pairs of points, and how many there are is left open: give sizes as numbers, or a stencil on rings of any size, support=eq.stencil(1, wrap=True)"),
        (lambda: eq.mapping("p -> p where p = C(n)", support=eq.stencil(1)), "a support names pairs of points, and how many there are is left open: give sizes as numbers, or a stencil on rings of any size, support=eq.stencil(1, wrap=True)"),
        (lambda: eq.mapping("p -> p where p = S(n) support stencil(1)"), "a stencil reaches along rings, and points under S(n) have no neighbours: write C(n) (character 18)\n  p -> p where p = S(n) support stencil(1)\n                   ^"),
        (lambda: eq.mapping("h -> 1 where h = C(n)", support=eq.stencil(0, wrap=True)), "a ring of any size leads to itself, as in h w -> h w where h = C(n), w = C(m): the mapping is h -> 1"),
        (lambda: eq.mapping("p -> p where p = C(n) support stencil(1)").at(n=2), "a ring of n = 2 points is shorter than the stencil of p -> p where p = C(n) support stencil(1), which reaches 3: give a size of 3 or more"),
        (lambda: eq.mapping("p -> p where p = S(n)").at(), "the size n of p -> p where p = S(n) is missing: give n=7"),
        (lambda: eq.mapping("p -> p where p = S(n)").at(n=2, m=3), "m is no letter of p -> p where p = S(n): give n=7"),
        (lambda: eq.mapping("p -> p where p = S(n)").at(n=2.0), "the size n is 2.0: give a whole number that is not negative"),
        (lambda: eq.mapping("{p p} -> p where p = S(n)").at(n=1), "{p p} is empty for n = 1: a fixed mapping needs points in every term; a layer for any size takes features without points"),
        (lambda: eq.program(eq.mapping("p -> p where p = S(n)")), "p -> p where p = S(n) leaves open how many points there are, and here a number is needed: give it as in mapping.at(n=5)"),
        (lambda: eq.mapping(eq.mapping("p -> p where p = S(n)"), p="S(3)"), "p: a finished mapping takes no more axes and no support; declare them with its text"),
    ],
)  # fmt: skip
def test_letters_where_none_can_stand_are_refused_in_one_sentence(make, message):
    assert mistake(make) == message


def test_an_empty_space_of_a_fixed_size_stays_an_error():
    assert mistake(lambda: eq.mapping("{p p} -> p where p = S(1)")).startswith(
        "{p p} is empty: p = S(1) has only 1 point"
    )


def test_rings_of_any_size_with_a_stencil():
    ring = eq.mapping("p -> p where p = C(n)", support=eq.stencil(1, wrap=True))
    assert str(ring) == ring.declaration == "p -> p where p = C(n) support stencil(1)"
    assert eq.mapping(ring.declaration) == ring
    assert (
        ring.at(n=8)
        == eq.mapping("p -> p where p = C(8)", support=eq.stencil(1, wrap=True))
        == eq.mapping("p -> p where p = C(8) support stencil(1)")
    )
    assert eq.orbits(ring).sizes == (n, n, n)
    assert eq.orbits(ring).certificate()
    torus = eq.orbits(eq.mapping("h w -> h w where h = C(n), w = D(m) support stencil(1.5, disc)"))
    assert (torus.rank, torus.row_sizes) == (6, (1, 2, 1, 2, 1, 2))
    for size in range(3, 8):
        sizes = {"n": size, "m": 10 - size}
        fixed = torus.at(**sizes)
        assert torus.stable_labels(fixed, sizes).tolist() == [1, 2, 3, 4, 5, 6]
        assert fixed.row_sizes.tolist() == [1, 2, 1, 2, 1, 2]
    assert eq.mapping("p -> p where p = C(4) support stencil(9)") == eq.mapping(
        "p -> p where p = C(4)", support=eq.stencil(9, wrap=True)
    )


def blocks_by_brute_force(inner, outer):
    """Orbits of (p p -> p) under a wreath product, whose generators are written down: the sizes of the pair orbits, and of their rows."""
    degree = inner * outer
    moves = [[k + 1 if i == k else k if i == k + 1 else i for i in range(degree)] for k in range(inner - 1)]
    for k in range(outer - 1):
        swap = {k: k + 1, k + 1: k}
        moves.append([swap.get(i // inner, i // inner) * inner + i % inner for i in range(degree)])
    left, found = set(product(range(degree), repeat=3)), []
    while left:
        orbit = waiting = {left.pop()}
        while waiting:
            waiting = {tuple(move[i] for i in pair) for pair in waiting for move in moves} - orbit
            orbit = orbit | waiting
        left -= orbit
        found.append((len(orbit), len(orbit) // len({pair[0] for pair in orbit})))
    return sorted(found)


def test_wreath_products_of_any_size():
    teams = eq.orbits("p p -> p where p = wreath(S(n), S(m))")
    assert teams.rank == 12
    for inner, outer in product(range(1, 4), repeat=2):
        sizes = {"n": inner, "m": outer}
        fixed, labels = teams.at(**sizes), teams.stable_labels(teams.at(**sizes), sizes)
        rows = [teams.row_growths[label - 1].at(sizes) for label in labels]
        pairs = [int(size.subs(sizes)) for size in teams.sizes]
        assert sorted(zip((pairs[label - 1] for label in labels), rows, strict=True)) == blocks_by_brute_force(
            inner, outer
        )
        assert sum(pairs) == (inner * outer) ** 3
        assert (fixed.rank, len(set(labels.tolist()))) == (len(labels), len(labels))
    assert eq.orbits("p -> p where p = wreath(S(n), S(3))").row_sizes == (1, n - 1, 2 * n)
    for text in (
        "p -> p where p = wreath(S(n), S(m))",
        "p -> p where p = wreath(A(n), S(4))",
        "p -> p where p = wreath(S(n), S(n))",
    ):
        assert str(eq.mapping(text)) == text
        assert eq.mapping(eq.mapping(text).declaration) == eq.mapping(text)
    assert eq.mapping("p -> p where p = wreath(S(n), S(m))").at(n=2, m=3) == eq.mapping(
        "p -> p where p = wreath(S(2), S(3))"
    )
    assert mistake(lambda: eq.mapping("p -> p where p = wreath(S(n), C(3))")).startswith(
        "a wreath product of any size is made of S(n) and A(n), each with a letter or a number: wreath(S(n), S(m)) (character 18)"
    )
