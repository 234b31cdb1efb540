"""Mappings whose programs use every kind of operator and of entries, and the weight matrix that a program stands for."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

import networkx
import numpy as np

import eqgen as eq
from eqgen.common.errors import DeclarationError

LOWERINGS = ("gather", "pooled", "spectral", "local", "auto")

GROUPS = [
    "p -> p where p = (1 2 3 4)(5 6 7 8), (1 5 3 7)(2 8 4 6)",  # quaternionic
    "p -> p where p = C(7)",  # complex
    "p -> p where p = (1 2 3 4 5)(6 7 8), (1 2 3)",
    "p p -> p p where p = C(4)",
    "p p p -> p p where p = S(4)",
    "h w -> w h where h = C(6), w = C(5)",
    "h p k -> k p h where h = C(4), p = S(3), k = C(3)",
    "h w + 1 -> h + w where h = C(3), w = D(4)",
    "h w -> h w where h = C(3), w = C(130)",
    "p -> p where p = C(200)",
    "[p p] -> [p p] + p where p = S(5)",
    "p -> p where p = wreath(S(3), C(4))",
    "p -> p where p = (1 2)(3 4), (1 2)(5 6)",
    "p -> p where p = (1 2 3 4)(5 6 7 8 9 10), (1 3)(2 4)",
    "1 -> 1 + 1",
    "p -> p where p = D(30)",  # a Fourier transform of the rotations
    "p -> p where p = D(131)",
    "p p -> p p where p = D(5)",
    "p + p -> p where p = D(26)",
    # A factor without orbits among others with some: its block has no program, and its outputs are zeros.
    "[u u] v -> u [u u] + v where u = S(3), v = C(4)",
    "[u u] v + 1 -> v u + [u u] where u = S(3), v = S(4)",
    "[u u] v + 1 -> v u where u = S(3), v = S(4)",
]


def torus() -> eq.Mapping:
    shifts = (lambda a: np.roll(a, 1, 0), lambda a: np.roll(a, 1, 1))
    return eq.mapping("b -> b", b=eq.trace((6, 6), *shifts, np.rot90, np.fliplr))


SUPPORTED = {
    "torus": lambda: eq.mapping(
        "b -> b",
        b=eq.trace((6, 6), lambda a: np.roll(a, 1, 0), lambda a: np.roll(a, 1, 1), np.rot90, np.fliplr),
        support=eq.stencil(1, (6, 6), wrap=True),
    ),
    "board": lambda: eq.mapping("b -> b", b=eq.trace((5, 5), np.rot90), support=eq.stencil(1, (5, 5))),
    "axes": lambda: eq.mapping("h w -> h w where h = C(5), w = C(7)", support=eq.stencil(1, (5, 7), wrap=True)),
    "graph": lambda: eq.mapping(
        "n -> n", n=eq.automorphisms(networkx.petersen_graph()), support=networkx.petersen_graph()
    ),
    "signs": lambda: eq.mapping("j -> j", j=[([1, 0, 2], [1, 1, -1])], support=[(2, 2), (0, 1), (1, 0)]),
    "ring": lambda: eq.mapping("p -> p where p = C(9)", support=eq.neighbours(networkx.cycle_graph(9), 2)),
    "one side": lambda: eq.mapping("p -> p where p = C(9)", support=[(0, 3), (0, 4)]),
    "holes": lambda: eq.mapping("p -> p where p = C(30)", support=[(0, 3), (0, 4), (0, 20)]),
    "even": lambda: eq.mapping("p -> p where p = C(4)", support=[(0, 1), (0, 2), (0, 3)]),
    "flat torus": lambda: eq.mapping(
        "b -> b",
        b=eq.trace((4, 6), lambda a: np.roll(a, 1, 0), lambda a: np.roll(a, 1, 1)),
        support=[(0, 1), (0, 6), (0, 7), (0, 5)],
    ),
    "three axes": lambda: eq.mapping(
        "x y z -> x y z where x = C(3), y = C(4), z = C(5)", support=eq.stencil(1, (3, 4, 5), wrap=True)
    ),
    "outputs without inputs": lambda: eq.mapping("p -> p where p = (1 2)(3 4), (5 6)", support=[(0, 4), (4, 4)]),
    "two sides": lambda: eq.mapping("p + p -> p + 1 where p = C(5)", support=[(0, 0), (0, 6), (5, 1)]),
}

MAPPINGS = {**{text: (lambda text=text: eq.mapping(text)) for text in GROUPS}, "torus that turns": torus, **SUPPORTED}


def lowered(orbits: eq.Orbits, channels: tuple[int, int] = (2, 3)) -> dict[str, eq.Program]:
    """Every program that there is, by its lowering."""
    programs = {}
    for name in LOWERINGS:
        try:
            programs[name] = eq.program(orbits, name, channels_in=channels[0], channels_out=channels[1])
        except DeclarationError:
            if name == "auto":
                raise
    return programs


@cache
def programs_of(name: str) -> tuple[eq.Orbits, dict[str, eq.Program]]:
    """The orbits and all programs of one of MAPPINGS."""
    orbits = eq.orbits(MAPPINGS[name]())
    return orbits, lowered(orbits)


def dense(orbits: eq.Orbits, theta: np.ndarray) -> np.ndarray:
    """The weight matrix, (m, n, channels_in, channels_out)."""
    padded = np.concatenate([theta, np.zeros((1, *theta.shape[1:]))])
    return padded[orbits.labels] * orbits.signs[:, :, None, None]


KINDS = ("eqgen.programs.operators", "eqgen.programs.entries")
"""The package and the module of all kinds."""


def every_kind() -> set[str]:
    """The names of all kinds of operators and of entries."""
    operators, entries = map(import_module, KINDS)
    modules = [
        entries,
        *(import_module(found.name) for found in iter_modules(operators.__path__, f"{operators.__name__}.")),
    ]
    return {
        name
        for module in modules
        for name, value in vars(module).items()
        if is_dataclass(value) and value.__module__ == module.__name__
    }


def kinds(value: object) -> set[str]:
    """The names of the kinds of operators and of entries that a program, or a part of it, is made of."""
    if isinstance(value, list | tuple):
        return set().union(*map(kinds, value))
    if not is_dataclass(value):
        return set()
    own = {type(value).__name__} if type(value).__module__.startswith(KINDS) else set()
    return own.union(*(kinds(getattr(value, field.name)) for field in fields(value)))
