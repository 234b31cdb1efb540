"""The seed question, answered in front of the reader: a weight matrix that keeps the form a, b, c while it is trained."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from eqgen.cli.demo.graphs import EDGES, Floats, Integers, as_inputs, log_of_one_more, trees_through_edges
from eqgen.cli.demo.training import LAYER, copied
from eqgen.layers import EquivariantDense
from eqgen.orbitals.pattern import Pattern

QUESTION = (
    "How do I constrain the weight matrix of a hidden layer to the structure a, b, c in TensorFlow, so that these "
    "elements stay equal as training progresses?"
)


@dataclass(frozen=True, eq=False)
class Answer:
    """What became of a, b and c.

    Attributes:
        layer: the trained scalar layer, whose kernel is a, b and c.
        before: (3,), a, b and c before training.
        optimum: (3,), the numbers with the least squared error, computed directly.
        distinct: how many different numbers stood in the matrix before training and after each step.
        distinct_dense: the same count, after training, for an ordinary Dense layer that started from the same matrix.
    """

    layer: EquivariantDense
    before: npt.NDArray[Any]
    optimum: npt.NDArray[Any]
    distinct: list[int]
    distinct_dense: int


def answer(graphs: Integers, steps: int, seed: int = 0) -> Answer:
    """Train a layer of three numbers: from the edges of a graph to log(1 + spanning trees through each edge).

    All graphs are used: three numbers cannot memorise 21,924 targets, and their best values can be computed directly.
    """
    keras.utils.set_random_seed(seed)
    inputs, targets = as_inputs(graphs), log_of_one_more(trees_through_edges(graphs))
    layer = EquivariantDense(None, LAYER, name="a_b_c")
    layer.build((None, EDGES))
    dense = keras.layers.Dense(EDGES, use_bias=False, name="dense")
    dense.build((None, EDGES))
    (before,) = copied([layer.kernel])
    dense.set_weights([before[layer.pattern.labels].T])
    distinct = [distinct_values(layer.weight_matrix()) for _ in _training(layer, inputs, targets, steps)]
    *_, distinct_dense = (distinct_values(dense.get_weights()[0]) for _ in _training(dense, inputs, targets, steps))
    return Answer(layer, before, least_squares(layer.pattern, inputs, targets), distinct, distinct_dense)


def distinct_values(matrix: npt.NDArray[Any]) -> int:
    """How many different numbers stand in a float32 matrix, told apart by their bits.

    >>> distinct_values(np.array([[0.1, 0.2], [0.2, 0.1]], dtype=np.float32))
    2
    """
    return np.unique(np.ascontiguousarray(matrix, dtype=np.float32).view(np.uint32)).size


def least_squares(pattern: Pattern, inputs: Floats, targets: Floats) -> npt.NDArray[np.float64]:
    """The parameters of an unsigned pattern with the least squared error in `targets = W inputs`, without any training.

    Of a pattern (m, n), inputs (samples, n) and targets (samples, m) they are (rank,).
    """
    # Column k of the regression holds, for each sample and output, the sum of the inputs that parameter k multiplies.
    columns = [(inputs @ (pattern.labels == k).T.astype(np.float64)).ravel() for k in range(pattern.rank)]
    solution, *_ = np.linalg.lstsq(np.stack(columns, axis=1), targets.ravel().astype(np.float64), rcond=None)
    return np.asarray(solution)


def _training(layer: Any, inputs: Floats, targets: Floats, steps: int) -> Iterator[None]:
    """Ordinary Keras training of one layer, nothing about it special, with a halt before it and after each step on all graphs."""
    network = keras.Sequential([keras.Input((EDGES,)), layer])
    schedule = keras.optimizers.schedules.CosineDecay(0.1, steps)
    network.compile(optimizer=keras.optimizers.Adam(schedule), loss="mse")
    yield
    for _ in range(steps):
        network.train_on_batch(inputs, targets)
        yield
