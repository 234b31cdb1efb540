"""Training: one loop for all contestants, a fixed number of steps, compiled by XLA."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from eqgen.cli.demo.graphs import Floats, Graphs, Integers, as_inputs, log_of_one_more, renumbered
from eqgen.cli.demo.networks import Contestant
from eqgen.cli.demo.plan import Plan


@dataclass(frozen=True, eq=False)
class Split:
    """All graphs, each under a numbering drawn at random, and which of them a network may learn from.

    Attributes:
        seed: of everything that is drawn for this split.
        graphs: (graphs, 7, 7), the adjacency matrices under their numberings.
        inputs: (graphs, 21), the same as the networks see them.
        again: (graphs, 21), the same graphs under other numberings.
        targets: (graphs,), log(1 + trees).
        train: (size,), the numbers of the training graphs.
        held_out: the numbers of all others.
    """

    seed: int
    graphs: Integers
    inputs: Floats
    again: Floats
    targets: Floats
    train: Integers
    held_out: Integers


@dataclass(frozen=True, eq=False)
class Run:
    """One trained network.

    Attributes:
        contestant: its name.
        size: the number of training graphs.
        seed: of the split, the batches and the initial weights.
        parameters: how many numbers were trained.
        r2: on the held-out graphs: 1 is perfect, 0 is no better than always answering their mean.
        curve: R2 on the held-out graphs, a (steps, R2) pair after each call of the loop.
        largest_gap: between the answers for one held-out graph under two numberings.
        mean_gap: the same, on average.
        mean: of the training targets; the network answers in multiples of `spread` around it.
        spread: of the training targets.
        initial: the weights before training.
        weights: the weights after training.
    """

    contestant: str
    size: int
    seed: int
    parameters: int
    r2: float
    curve: tuple[tuple[int, float], ...]
    largest_gap: float
    mean_gap: float
    mean: float
    spread: float
    initial: list[npt.NDArray[Any]]
    weights: list[npt.NDArray[Any]]


def split(graphs: Graphs, size: int, seed: int) -> Split:
    """Draw `size` training graphs, and two numberings for every graph; a larger size contains the smaller ones."""
    random = np.random.default_rng([seed, 1])
    order = random.permutation(len(graphs.trees))
    numbered = renumbered(graphs.adjacency, random)
    return Split(
        seed=seed,
        graphs=numbered,
        inputs=as_inputs(numbered),
        again=as_inputs(renumbered(graphs.adjacency, random)),
        targets=log_of_one_more(graphs.trees),
        train=order[:size],
        held_out=order[size:],
    )


class Trainer:
    """Trains one contestant again and again, from new initial weights each time, with a loop that is compiled once.

    Args:
        contestant: whom to train.
        plan: how long and how.
    """

    def __init__(self, contestant: Contestant, plan: Plan) -> None:
        self.contestant = contestant
        self.plan = plan
        self.network = contestant.build()
        schedule = keras.optimizers.schedules.CosineDecay(plan.learning_rate, plan.steps)
        self.optimizer = keras.optimizers.AdamW(schedule, weight_decay=plan.weight_decay)
        self.optimizer.build(self.network.trainable_variables)
        self._fresh_optimizer = [keras.ops.convert_to_numpy(variable) for variable in self.optimizer.variables]
        self._loop = tf.function(self._steps, jit_compile=True)
        self._answer = tf.function(lambda inputs: self.network(inputs, training=False)[:, 0], jit_compile=True)

    def train(self, data: Split, advance: Callable[[int], None] = lambda steps: None) -> Run:
        """Train on one split.

        Args:
            data: the split.
            advance: told how many steps were made, after each call of the compiled loop.
        """
        random = np.random.default_rng([data.seed, 2])
        initial = self._restart(data.seed)
        known = data.targets[data.train]
        mean, spread = float(known.mean()), float(known.std()) or 1.0
        standardised = (known - np.float32(mean)) / np.float32(spread)

        def held_out_answers(inputs: Floats) -> Floats:
            # All graphs go in, whatever the split, so that one compiled function serves every size.
            answers = np.asarray(self._answer(tf.constant(inputs)))[data.held_out]
            return answers * np.float32(spread) + np.float32(mean)

        truth = data.targets[data.held_out]
        curve = [(0, r_squared(held_out_answers(data.inputs), truth))]
        done = 0
        while done < self.plan.steps:
            count = min(self.plan.steps_per_call, self.plan.steps - done)
            inputs, targets = self._batches(data.graphs[data.train], standardised, count, random)
            self._loop(tf.constant(inputs), tf.constant(targets))
            done += count
            curve.append((done, r_squared(held_out_answers(data.inputs), truth)))
            advance(count)
        gaps = np.abs(held_out_answers(data.inputs) - held_out_answers(data.again))
        return Run(
            contestant=self.contestant.name,
            size=len(data.train),
            seed=data.seed,
            parameters=self.network.count_params(),
            r2=curve[-1][1],
            curve=tuple(curve),
            largest_gap=float(gaps.max()),
            mean_gap=float(gaps.mean()),
            mean=mean,
            spread=spread,
            initial=initial,
            weights=self.network.get_weights(),
        )

    def _steps(self, inputs: Any, targets: Any) -> None:
        """Training steps: inputs (steps, batch, 21), targets (steps, batch)."""
        for step in tf.range(tf.shape(inputs)[0]):
            with tf.GradientTape() as tape:
                answers = self.network(inputs[step], training=True)[:, 0]
                loss = tf.reduce_mean(tf.square(answers - targets[step]))
            gradients = tape.gradient(loss, self.network.trainable_variables)
            self.optimizer.apply(gradients, self.network.trainable_variables)

    def _batches(
        self, graphs: Integers, targets: Floats, count: int, random: np.random.Generator
    ) -> tuple[Floats, Floats]:
        """The data of `count` steps; no graph comes twice in one step."""
        batch = min(self.plan.batch, len(graphs))
        chosen = random.permuted(np.tile(np.arange(len(graphs)), (count, 1)), axis=1)[:, :batch]
        drawn = graphs[chosen.ravel()]
        if self.contestant.renumber:
            drawn = renumbered(drawn, random)
        return as_inputs(drawn).reshape(count, batch, -1), targets[chosen]

    def _restart(self, seed: int) -> list[npt.NDArray[Any]]:
        """New initial weights, and an optimizer that remembers nothing."""
        keras.utils.set_random_seed(seed)
        initial: list[npt.NDArray[Any]] = self.contestant.build().get_weights()
        self.network.set_weights(initial)
        for variable, value in zip(self.optimizer.variables, self._fresh_optimizer, strict=True):
            variable.assign(value)
        return initial


def r_squared(answers: Floats, truth: Floats) -> float:
    """The share of the variance of `truth` that `answers` explain: 1 is perfect, 0 no better than its mean.

    >>> r_squared(np.array([1.0, 2.0]), np.array([1.0, 3.0]))
    0.5
    """
    wanted = truth.astype(np.float64)
    missed = np.square(answers.astype(np.float64) - wanted).sum()
    return float(1.0 - missed / np.square(wanted - wanted.mean()).sum())
