"""Training: a layer of three numbers, and three networks, which one loop of Keras trains for a fixed number of steps."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from eqgen.cli.demo.graphs import EDGES, NODES, Floats, Integers, as_inputs, renumbered, trees_through_edges
from eqgen.layers import EquivariantDense
from eqgen.orbitals.pattern import Pattern

LAYER = f"{{p p}} -> {{p p}} where p = S({NODES})"
"""The a/b/c layer: edges to edges."""

WHOLE = f"{{p p}} -> 1 where p = S({NODES})"
"""The read-out, and the network as a whole: edges to one number that no renumbering changes."""


@dataclass(frozen=True)
class Plan:
    """The sizes of the experiment; every contestant gets the same. As it stands, about two minutes on two cores.

    Attributes:
        sizes: on how many graphs to train.
        seeds: how many times, each with a split, numberings and initial weights of its own.
        steps: training steps of each network, a multiple of `steps_per_call`.
        steps_per_call: steps without a look at the held-out graphs; the curves have a point after each call.
        batch: graphs in one step.
        learning_rate: at the start; it falls to zero along a cosine.
        weight_decay: of AdamW.
        scalar_steps: of the scalar layer that answers the seed question.

    The rates and the number of steps were chosen once, for all contestants alike, on splits that the demo does not use: with
    a learning rate of 0.01 the equivariant network does better from 200 graphs or more and worse from 50.
    """

    sizes: tuple[int, ...] = (50, 200)
    seeds: int = 2
    steps: int = 2000
    steps_per_call: int = 100
    batch: int = 50
    learning_rate: float = 3e-3
    weight_decay: float = 0.1
    scalar_steps: int = 200


FULL_PLAN = Plan(sizes=(50, 100, 200, 400), seeds=5)


@dataclass(frozen=True, eq=False)
class Run:
    """One trained network.

    Attributes:
        curve: R2 on the held-out graphs, before training and after each call: 1 is perfect, 0 is no better than their mean.
        largest_gap: between the answers for one held-out graph under two numberings.
        mean_gap: the same, on average.
        initial: the weights before training.
        weights: the weights after training, of a network that answers log(1 + trees).
    """

    curve: tuple[float, ...]
    largest_gap: float
    mean_gap: float
    initial: list[npt.NDArray[Any]]
    weights: list[npt.NDArray[Any]]

    @property
    def r2(self) -> float:
        """The last point of the curve."""
        return self.curve[-1]


def equivariant_network() -> Any:
    """Three a/b/c layers, an invariant read-out and a small head: 5,033 numbers."""
    edges = [EquivariantDense(24, LAYER, activation="relu", use_bias=True, name=f"edges_{k}") for k in (1, 2, 3)]
    read_out = EquivariantDense(24, WHOLE, use_bias=True, name="read_out")
    head = [keras.layers.Dense(32, activation="relu", name="head"), keras.layers.Dense(1, name="answer")]
    start = [keras.Input((EDGES,)), keras.layers.Reshape((EDGES, 1))]
    return keras.Sequential([*start, *edges, read_out, keras.layers.Flatten(), *head], name="equivariant")


def dense_network() -> Any:
    """Three ordinary Dense layers and an answer: 4,973 numbers.

    Two hidden layers of 60 were tried as well, with and without renumbering: this one is the stronger rival.
    """
    hidden = [keras.layers.Dense(44, activation="relu", name=f"dense_{k}") for k in (1, 2, 3)]
    return keras.Sequential([keras.Input((EDGES,)), *hidden, keras.layers.Dense(1, name="answer")], name="dense")


CONTESTANTS: dict[str, tuple[Callable[[], Any], bool]] = {
    "equivariant": (equivariant_network, False),
    "Dense": (dense_network, False),
    "Dense, renumbered": (dense_network, True),
}
"""The rows of the table: a network, and whether each training step sees its graphs under fresh numberings."""


def split(graphs: Integers, seed: int) -> tuple[Integers, Integers, Integers]:
    """All graphs under numberings drawn at random, again under other ones, and an order to take training graphs from."""
    random = np.random.default_rng([seed, 1])
    order = random.permutation(len(graphs))
    return renumbered(graphs, random), renumbered(graphs, random), order


class Trainer:
    """Trains one contestant again and again, from new initial weights each time, with a loop that is compiled once."""

    def __init__(self, contestant: str, plan: Plan) -> None:
        self.plan = plan
        self.build, self.renumber = CONTESTANTS[contestant]
        self.network = self.build()
        schedule = keras.optimizers.schedules.CosineDecay(plan.learning_rate, plan.steps)
        optimizer = keras.optimizers.AdamW(schedule, weight_decay=plan.weight_decay)
        optimizer.build(self.network.trainable_variables)
        # On PyTorch Keras makes one step at a time, and compiles it with a C++ compiler that may not be there.
        compiled = keras.backend.backend() != "torch"
        steps = plan.steps_per_call if compiled else 1
        self.network.compile(optimizer, "mse", steps_per_execution=steps, jit_compile=compiled)

    def train(self, graphs: Integers, targets: Floats, size: int, seed: int, advance: Callable[[int], None]) -> Run:
        """Train on `size` of the graphs and test on all others; `advance` is told how many steps were made."""
        numbered, again, order = split(graphs, seed)
        training, held_out = order[:size], order[size:]
        mean, spread = float(targets[training].mean()), float(targets[training].std()) or 1.0
        standardised = (targets[training] - mean) / spread
        # New initial weights, and an optimizer that remembers nothing.
        keras.utils.set_random_seed(seed)
        initial = copied(self.build().weights)
        self.network.set_weights(initial)
        for variable in self.network.optimizer.variables:
            variable.assign(keras.ops.zeros(variable.shape, variable.dtype))

        def answers(adjacency: Integers) -> Floats:
            # All graphs go in, whatever the split, so that one compiled function serves every size.
            answered: Floats = self.network.predict_on_batch(as_inputs(adjacency))[held_out, 0]
            return answered * spread + mean

        def look(*_: Any) -> None:
            advance(self.plan.steps_per_call if curve else 0)
            curve.append(r_squared(answers(numbered), targets[held_out]))

        curve: list[float] = []
        inputs, wanted = self.batches(numbered[training], standardised, np.random.default_rng([seed, 2]))
        self.network.fit(
            inputs.reshape(-1, EDGES),
            wanted.reshape(-1, 1),
            batch_size=inputs.shape[1],
            steps_per_epoch=self.plan.steps_per_call,
            epochs=self.plan.steps // self.plan.steps_per_call,
            shuffle=False,
            verbose=0,
            callbacks=[keras.callbacks.LambdaCallback(on_train_begin=look, on_epoch_end=look)],
        )
        gaps = np.abs(answers(numbered) - answers(again))
        weights = in_original_units(copied(self.network.weights), mean, spread)
        return Run(tuple(curve), float(gaps.max()), float(gaps.mean()), initial, weights)

    def batches(self, graphs: Integers, targets: Floats, random: np.random.Generator) -> tuple[Floats, Floats]:
        """The data of all steps, (steps, batch, 21) and (steps, batch); no graph comes twice in one step."""
        inputs, wanted = [], []
        numbers = np.tile(np.arange(len(graphs)), (self.plan.steps_per_call, 1))
        for _ in range(0, self.plan.steps, self.plan.steps_per_call):
            chosen = random.permuted(numbers, axis=1)[:, : self.plan.batch]
            inputs.append(as_inputs(renumbered(graphs[chosen], random) if self.renumber else graphs[chosen]))
            wanted.append(targets[chosen])
        return np.concatenate(inputs), np.concatenate(wanted)


def copied(variables: Sequence[Any]) -> list[npt.NDArray[Any]]:
    """The values of variables as they are now."""
    # On PyTorch the array of a variable is the variable's own memory, which training goes on to change.
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def in_original_units(weights: list[npt.NDArray[Any]], mean: float, spread: float) -> list[npt.NDArray[Any]]:
    """The weights with the standardisation of the target put into the last layer, which then answers log(1 + trees) itself."""
    *others, kernel, bias = weights
    return [*others, kernel * spread, bias * spread + mean]


def r_squared(answers: Floats, truth: Floats) -> float:
    """The share of the variance of `truth` that `answers` explain: 1 is perfect, 0 no better than its mean.

    >>> r_squared(np.array([1.0, 2.0]), np.array([1.0, 3.0]))
    0.5
    """
    wanted = truth.astype(np.float64)
    missed = np.square(answers - wanted).sum()
    return float(1.0 - missed / np.square(wanted - wanted.mean()).sum())


@dataclass(frozen=True, eq=False)
class Answer:
    """What became of a, b and c, asked to stay equal while they are trained.

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


def answer_question(graphs: Integers, steps: int) -> Answer:
    """Train a layer of three numbers: from the edges of a graph to log(1 + spanning trees through each edge).

    All graphs are used: three numbers cannot memorise 21,924 targets, and their best values can be computed directly.
    """
    keras.utils.set_random_seed(0)
    inputs, targets = as_inputs(graphs), np.log1p(trees_through_edges(graphs)).astype(np.float32)
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
