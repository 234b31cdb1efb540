"""Declarations far larger than anybody needs are answered or refused at once, in Python and on the command line."""

from __future__ import annotations

import time
from functools import reduce
from operator import mul

import pytest
from typer.testing import CliRunner

import eqgen as eq
from eqgen.cli.commands import app
from helpers.mistakes import mistake

FACTORS = "a term of 200 factors is more than the 32 that eqgen takes: leave out those of a single point, and declare others that "
PRODUCT = (
    "a direct product of {} groups is more than the 128 that eqgen takes: declare axes that move independently, as in "
)

REFUSED = {
    "factors": (f"{' '.join(['p'] * 200)} -> p where p = S(1)", FACTORS),
    "factors of one point": (f"{' '.join(['1'] * 200)} -> 1", FACTORS),
    "axes": (
        f"{' + '.join(f'p{i}' for i in range(65))} -> 1 where {', '.join(f'p{i} = S(2)' for i in range(65))}",
        "65 axes that move on their own are more than the 64 that eqgen takes: declare some together (eq.joint), or cut the mapping "
        "into several",
    ),
    "generators": (
        f"p -> p where p = {', '.join(['(1 2)'] * 20_000)}",
        "more than 10000 generators, the most that eqgen takes: leave out those that others generate (a group on n points never "
        "needs more than n) (character ",
    ),
    "product": (f"p -> p where p = {' * '.join(['S(2)'] * 200)}", PRODUCT.format(200)),
    "long product": (
        f"p -> p where p = {' * '.join(['S(2)'] * 5000)}",
        "more than 1000 groups are multiplied, more than eqgen takes: declare axes that move independently, as in p q -> p q where p = "
        "S(2), q = S(3) (character ",
    ),
}


@pytest.mark.parametrize(("declaration", "message"), REFUSED.values(), ids=REFUSED)
def test_a_declaration_that_is_far_too_large_is_refused_at_once(declaration, message):
    start = time.perf_counter()
    assert mistake(lambda: eq.mapping(declaration)).startswith(message)
    with pytest.raises(eq.DeclarationError) as told:
        CliRunner().invoke(app, ["show", declaration], catch_exceptions=False)
    assert str(told.value).startswith(message)
    # Twice within 5 s, with room for a machine that does other things.
    assert time.perf_counter() - start < 10


def test_generators_and_products_in_python_are_counted_too():
    assert mistake(lambda: eq.group([[1, 0]] * 20_000)) == (
        "20000 generators are more than the 10000 that eqgen takes: leave out those that others generate (a group on n points never "
        "needs more than n)"
    )
    assert mistake(lambda: reduce(mul, [eq.S(2)] * 5000)).startswith(PRODUCT.format(129))


@pytest.mark.slow
def test_what_is_just_small_enough_is_answered():
    start = time.perf_counter()
    pairs = eq.orbits(f"p -> p where p = {' * '.join(['S(2)'] * 128)}")
    assert pairs.rank == 2 * 128 + 128 * 127
    assert eq.program(pairs).rank == pairs.rank
    again = eq.mapping("p -> p", p=[[1, 0]] * 10_000)
    assert eq.program(again).lowering == eq.program("p -> p where p = (1 2)").lowering
    assert eq.orbits(f"{' '.join(['p'] * 32)} -> p where p = S(1)").rank == 1
    assert time.perf_counter() - start < 30
