"""Whatever is declared, memory and time stay bounded: a declaration that would need more is refused."""

from __future__ import annotations

import base64
import contextlib
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eqgen as eq
from helpers.sampling import examples

BOUND = 4_000_000_000
"""Bytes of address space for eqgen, numpy, sympy and networkx together; a declaration itself takes at most 1.5 GB."""

FORGED = base64.b64encode(np.array([1, 2**28], "<i4").tobytes() + zlib.compress(bytes(2**28), 9)).decode()

LARGE = [
    "p -> p where p = S(10000000)",
    "p -> p where p = S(10000001)",
    "p -> p where p = S(99999999999999999999999)",
    "p -> p where p = (1 10000000), " + ", ".join(["(1 2)"] * 50),
    "p -> p where p = wreath(S(2), Group((1)(1000000)))",
    "p -> p where p = wreath(wreath(wreath(S(99), S(99)), S(99)), S(99))",
    "p -> p where p = " + " * ".join(["S(5)"] * 5000),
    "p -> p where p = " + "(" * 5000 + "S(2)" + ")" * 5000,
    " ".join("pqrstuv") + " -> p where " + ", ".join(f"{name} = S(9999999)" for name in "pqrstuv"),
    " ".join(["p"] * 3000) + " -> p where p = S(1000)",
    "{" + " ".join(["p"] * 3000) + "} -> p where p = S(6000)",
    "<" + " ".join(["p"] * 3000) + "> -> p where p = S(6000)",
    "~p -> [p p] where p = A(4000)",
    "p -> p where p = (1 -1), (5000000 -5000000)",
    f'p -> p where p = generators("{FORGED}")',
]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(LARGE)))
def test_a_large_declaration_is_a_value_or_a_mistake_within_bounds(number):
    code = (
        "import resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_AS, ({BOUND}, {BOUND}))\n"
        "import eqgen as eq\n"
        "text = sys.stdin.read()\n"
        "try:\n    print(type(eq.mapping(text)).__name__)\n"
        "except eq.DeclarationError as error:\n    print('DeclarationError', str(error)[:100])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=LARGE[number], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout.split()[0] in ("Mapping", "DeclarationError")


WORDS = [
    "p", "q", "->", "+", "1", "2", "{", "}", "<", ">", "[", "]", "~", "where", "=", ",", "&", "(", ")", "-", "S(3)", "C(4)", "D(0)",
    "(1 2)", "(1 -2)", "(1 -1)", "()", "wreath(", "Group(", "Group([", "catalogue(\"set\")", "generators(\"AAAA\")", "*", "#", "\n", "joint",
]  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), max_size=14))
def test_any_words_of_the_language_are_a_value_or_a_mistake(words):
    text = " ".join(words)
    for read in (eq.mapping, eq.group, eq.pattern):
        with contextlib.suppress(eq.DeclarationError):
            read(text)


@pytest.mark.slow
@settings(max_examples=examples(60))
@given(st.text(max_size=40))
def test_any_text_is_a_value_or_a_mistake(text):
    for read in (
        eq.mapping,
        eq.group,
        eq.pattern,
        lambda found: eq.joint(s=found, b=found),
        lambda found: eq.joint(s="S(2)", b="S(2)", relations=found),
    ):
        with contextlib.suppress(eq.DeclarationError):
            read(text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 4) | st.floats() | st.text(max_size=5) | st.just(2**70),
    lambda inner: (
        st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=12,
)


@given(VALUES)
def test_any_value_is_a_group_an_axis_or_a_mistake(value):
    for read in (
        eq.group,
        lambda found: eq.mapping("p -> p", p=found),
        lambda found: eq.joint(s=found, b=found),
        lambda found: eq.cosets("S(3)", found),
        eq.regular,
        lambda found: eq.blocks("C(4)", found),
        lambda found: eq.stabilizer("S(3)", found),
        lambda found: eq.subgroup("S(3)", found),
        lambda found: eq.trace(found, lambda a: a[::-1]),
        lambda found: eq.trace((2, 2), lambda a: found),
        lambda found: eq.action(found, [lambda x: x]),
        lambda found: eq.action([0, 1], found),
        lambda found: eq.action([0, 1], [lambda x: found]),
        lambda found: eq.product_action(found, "S(2)"),
        lambda found: eq.wreath(found, eq.S(2)),
        eq.automorphisms,
        eq.pushed,
        eq.pulled,
        lambda found: eq.moved(found, [[-1]]),
        lambda found: eq.moved([[1.0], [-1.0]], found),
        lambda found: eq.moved([[1.0], [-1.0]], [[-1]], tolerance=found),
        eq.pattern,
        lambda found: eq.pattern([((0, 0), (1, 1))], shape=found),
        lambda found: eq.S(3).equals(found),
        lambda found: eq.joint(s="S(2)", b="S(2)", relations=found),
        eq.S,
        eq.D,
    ):
        with contextlib.suppress(eq.DeclarationError):
            read(value)
