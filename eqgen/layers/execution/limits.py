"""Sizes at which an execution goes another way, one value that is given when it is made."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Where the ways of doing one thing cross.

    Attributes:
        product: tables and transforms of up to so many rows times points are multiplied as matrices, which starts faster than
            many copies.
        transform: parameters are transformed by one matrix of up to so many entries, pair by pair of classes where it would
            have more.
        block: blocks of fewer numbers are put together and multiplied at once.
        one_hot: up to so many rows the gradient of a gather is a product with a one-hot matrix: without XLA up to three times
            as fast as the scatter that autodiff makes of it, and the same bits on a GPU every time
            (docs/benchmarks/weight.md).
    """

    product: int = 1 << 12
    transform: int = 1 << 14
    block: int = 1 << 16
    one_hot: int = 8


LIMITS = Limits()
