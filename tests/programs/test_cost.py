"""What a training step costs, counted by hand."""

from __future__ import annotations

import pytest

import eqgen as eq
from eqgen.programs.prices import CPU, Machine, Work

# What is done for an example, both ways; and what the kernel takes once, forward and backward.
COUNTED = {
    # 2 x 2 blocks of 3 x 5 channels. Features are read and products written; 4 x 15 entries are gathered, and their gradients
    # added from anywhere.
    ("p -> p where p = S(2)", "gather"): (
        Work(moved=2 * 3 + 2 * 5, started=2),
        4 * 15,
        Work(moved=60, started=1),
        Work(out_of_place=60, started=1),
    ),
    # The sum of five points, read by the other pool; mixed once and at each point; added to each point. Two entries, each of
    # two parameters.
    ("p -> p where p = S(5)", "pooled"): (
        Work(moved=(1 + 5) * (3 + 5) + 5 * 3 + 5 * 5, started=2 + 2 + 1 + 1),
        (1 + 5) * 15,
        Work(multiply_adds=2 * 2 * 15, moved=2 * 15, started=1),
        Work(multiply_adds=2 * 2 * 2 * 15, moved=2 * 15, started=1),
    ),
    # Eight real numbers to ten of five frequencies: nine multiply-adds a number. Frequencies lie in front of the batch for
    # their mixes, and go back.
    ("p -> p where p = C(8)", "spectral"): (
        Work(
            multiply_adds=8 * 9 * (3 + 5),
            transformed=8 * 9 * (3 + 5),
            moved=2 * 10 * (3 + 5),
            started=2 + 1 + 1,
        ),
        5 * 4 * 15,
        Work(multiply_adds=8 * 9 * 15, moved=5 * 4 * 15, started=1),
        Work(multiply_adds=2 * 8 * 9 * 15, moved=5 * 4 * 15, started=1),
    ),
    # A convolution reads every point once, though each output has three neighbours.
    ("p -> p where p = C(50) support 1 <- 1, 1 <- 2, 1 <- 50", "local"): (
        Work(moved=50 * 3 + 50 * 5, started=2),
        50 * 3 * 15,
        Work(moved=3 * 15, started=1),
        Work(out_of_place=3 * 15, started=1),
    ),
    # Two axes, each summed or not. The sum of the rows is there for both of the columns: 2 x 5 points, and then 5 for their sum;
    # without it 2 x 5 for the sum of each row. The kernel is combined axis by axis.
    ("h w -> h w where h = S(2), w = S(5)", "pooled"): (
        Work(moved=(1 + 5 + 2 + 10) * (3 + 5) + (10 + 5 + 10) * (3 + 5), started=4 * 2 + 3 + 3),
        (1 + 5 + 2 + 10) * 15,
        Work(multiply_adds=2 * (4 * 2 * 15), moved=2 * (2 * 2 * 15), started=2),
        Work(multiply_adds=2 * 2 * (4 * 2 * 15), moved=2 * (2 * 2 * 15), started=2),
    ),
}


@pytest.mark.parametrize(("declaration", "lowering"), COUNTED)
def test_a_step_is_what_is_done_for_each_example_and_for_the_kernel_once(declaration, lowering):
    example, mixes, kernel, kernel_back = COUNTED[declaration, lowering]
    cost = eq.program(declaration, lowering, channels_in=3, channels_out=5, batch=7).cost()
    assert cost.mixing == mixes
    assert cost.forward == (example + Work(mixes)).times(7) + kernel
    assert cost.backward == (example + Work(2 * mixes)).times(7) + kernel_back
    assert cost.total == CPU.price(cost.forward) + CPU.price(cost.backward)


def test_a_price_is_a_sum_over_what_there_is_to_do():
    work = Work(multiply_adds=1000, moved=10, started=3, transformed=100, out_of_place=20)
    machine = Machine(moved=2, out_of_place=5, started=70, transformed=4)
    # 100 of the multiply-adds take 4 times as long.
    assert machine.price(work) == 900 + 400 + 20 + 100 + 210
    assert machine.price(work, work) == 2 * machine.price(work)
    assert machine.price() == 0
    assert work.bytes == 4 * 30
    assert work.times(3) == Work(3000, 30, 3, 300, 60)
    assert work + Work(1, 2, 3, 4, 5) == Work(1001, 12, 6, 104, 25)
