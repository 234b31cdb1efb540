"""assert_equivariant: a failing test shows the element, the input and the first point that differ."""

from collections.abc import Callable
from typing import Any

from eqgen.verification.outputs import Declarations
from eqgen.verification.verify import verify


def assert_equivariant(
    function: Callable[[Any], Any],
    declaration: Declarations | None = None,
    *,
    input_shape: Any = None,
    time_axis: int | None = None,
    words: int = 8,
    seed: int = 0,
    training: bool = True,
) -> None:
    """Stop where `eq.verify` does not verify a function, a layer or a model; for tests.

    Args:
        function: a function of one array, of numpy, JAX, TensorFlow or PyTorch, a module of PyTorch, or a Keras layer or model.
        declaration: a Mapping or its text, or one for each of several outputs; not needed for an eqgen layer.
        input_shape: of what a function takes, where that is not one number for each point: one example, (5, 3), or with None in
            front, (None, 5, 3), a batch; of several arrays a list or dict of shapes, one for each term of the input. A Keras layer
            always takes a batch, which stands not in its shape.
        time_axis: for a Keras model of sequences, the axis of the moments, where the batch is axis 0.
        words: how many random products of generators to try beside the generators.
        seed: of the random inputs, words and weights.
        training: False for a model or module that is not trained any further: the weights that it has decide.

    Raises:
        AssertionError: it is not equivariant, or that cannot be told; with the report, and where a difference is seen, the
            element, the input, both answers and the first point where they differ.
        DeclarationError: the declaration cannot be read, or the shapes do not fit.

    >>> import numpy as np, eqgen as eq
    >>> eq.testing.assert_equivariant(lambda x: x - x.mean(), "p -> p where p = S(5)")
    >>> eq.testing.assert_equivariant(lambda x: x.max(axis=0), "p -> 1 where p = S(5)", input_shape=(5, 3))
    """
    __tracebackhide__ = True
    options = {"input_shape": input_shape, "time_axis": time_axis, "words": words, "seed": seed, "training": training}
    report = verify(function, declaration, **options)
    if not report:
        raise AssertionError("\n".join(filter(None, [str(report), report.difference])))
