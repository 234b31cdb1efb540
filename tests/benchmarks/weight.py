"""How to build the weight from its parameters: gather, one-hot matmul or segment sum, forward and backward.

Run `python tests/benchmarks/weight.py`; it writes docs/benchmarks/weight.md.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import datetime
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

import eqgen as eq

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks" / "weight.md"

ROUNDS = 15
MOST_ONE_HOT_ROWS = 300

# Declaration and channels in x channels out.
CASES = [
    ("{p p} -> {p p} where p = S(7)", 1),
    ("{p p} -> {p p} where p = S(7)", 32 * 32),
    ("p -> p where p = S(100)", 16 * 16),
    ("p -> p where p = S(300)", 8 * 8),
    ("r c -> r c where r = S(10), c = S(10)", 16 * 16),
    ("p -> p where p = C(6)", 64 * 64),
    ("p -> p where p = D(16)", 32 * 32),
    ("p p -> p p where p = S(8)", 16 * 16),
    ("p -> p where p = C(16)", 64 * 64),
    ("p -> p where p = C(24)", 32 * 32),
    ("p -> p where p = C(32)", 32 * 32),
    ("p -> p where p = C(64)", 16 * 16),
    ("p -> p where p = C(300)", 8 * 8),
    ('f -> f where f = catalogue("chess-board")', 8 * 8),
]

Build = Callable[[Any], Any]
"""theta (rank, channels) -> entries (n * m, channels)."""


def gather(labels: np.ndarray, rank: int) -> Build:
    return lambda theta: ops.take(theta, labels, axis=0)


def one_hot_matmul(labels: np.ndarray, rank: int) -> Build:
    chosen = np.eye(rank, dtype="float32")[labels]
    return lambda theta: ops.matmul(chosen, theta)


def gather_with_one_hot_gradient(labels: np.ndarray, rank: int) -> Build:
    chosen = np.ascontiguousarray(np.eye(rank, dtype="float32")[labels].T)
    return with_gradient(labels, lambda arriving: ops.matmul(chosen, arriving))


def gather_with_segment_sum(labels: np.ndarray, rank: int) -> Build:
    order = np.argsort(labels, kind="stable")
    return with_gradient(
        labels, lambda arriving: ops.segment_sum(ops.take(arriving, order, axis=0), labels[order], num_segments=rank)
    )


def with_gradient(labels: np.ndarray, backward: Build) -> Build:
    @ops.custom_gradient
    def taken(theta: Any) -> Any:
        def gradient(*arguments: Any, upstream: Any = None) -> Any:
            return backward(arguments[0] if upstream is None else upstream)

        return ops.take(theta, labels, axis=0), gradient

    return taken


CONTESTANTS = {
    "gather": gather,
    "one-hot matmul": one_hot_matmul,
    "gather, gradient by one-hot matmul": gather_with_one_hot_gradient,
    "gather, gradient by sorted segment sum": gather_with_segment_sum,
}


def step(build: Build, theta: tf.Tensor, arriving: tf.Tensor, jit: bool) -> Callable[[], Any]:
    """Forward and backward: the entries, and the gradient of theta for a given gradient of the entries."""

    @tf.function(jit_compile=jit, autograph=False, reduce_retracing=True)
    def run() -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(theta)
            entries = build(theta)
        return entries, tf.convert_to_tensor(tape.gradient(entries, theta, arriving))

    return run


def measured(declaration: str, channels: int) -> tuple[int, dict[str, dict[bool, float]]]:
    """Rank, and the median seconds of each contestant without and with XLA, taken in turn."""
    orbits = eq.orbits(declaration)
    labels = np.ascontiguousarray(orbits.labels.T).ravel().astype("int32")
    random = np.random.default_rng(0)
    theta = tf.constant(random.normal(size=(orbits.rank, channels)).astype("float32"))
    arriving = tf.constant(random.normal(size=(labels.size, channels)).astype("float32"))
    steps = {}
    for name, contestant in CONTESTANTS.items():
        if "one-hot" in name and orbits.rank > MOST_ONE_HOT_ROWS:
            continue
        for jit in (False, True):
            steps[name, jit] = step(contestant(labels, orbits.rank), theta, arriving, jit)
    expected = steps["gather", False]()[1].numpy()
    for run in steps.values():
        assert np.allclose(run()[1], expected, rtol=1e-3, atol=1e-2), "the contestants disagree"
    seconds: dict[tuple[str, bool], list[float]] = {key: [] for key in steps}
    for _ in range(ROUNDS):
        for key, run in steps.items():
            start = time.perf_counter()
            run()[1].numpy()
            seconds[key].append(time.perf_counter() - start)
    medians: dict[str, dict[bool, float]] = {}
    for (name, jit), values in seconds.items():
        medians.setdefault(name, {})[jit] = statistics.median(values)
    return orbits.rank, medians


def table(jit: bool, results: list[tuple[str, int, int, dict[str, dict[bool, float]]]]) -> list[str]:
    lines = [
        "| declaration | rank | channels | " + " | ".join(CONTESTANTS) + " |",
        "| --- " * (3 + len(CONTESTANTS)) + "|",
    ]
    for declaration, channels, rank, medians in results:
        plain = medians["gather"][jit]
        cells = [
            f"{medians[name][jit] / plain:.2f}" + (f" ({1e3 * plain:.2f} ms)" if name == "gather" else "")
            if name in medians
            else "-"
            for name in CONTESTANTS
        ]
        lines.append(f"| `{declaration}` | {rank} | {channels} | " + " | ".join(cells) + " |")
    return lines


CONCLUSION = """\
Forward, the plain gather copies numbers and is exact; a one-hot matmul would round them on hardware that multiplies in
TF32. Backward, autodiff turns the gather into a scatter-add, which without XLA is slow where many entries share few
parameters, and on a GPU adds in no fixed order. So `EquivariantDense` gathers forward, and up to 8 table rows (parameters,
their negatives and zero) its gradient is a product with the one-hot matrix: without XLA up to three times as fast as the
scatter and never slower, with XLA between level and a fifth slower, and the same bits every time. Beyond 8 rows the plain
gradient is kept: with XLA, which Keras' `fit` uses by default, it is the fastest, and from some thirty parameters on it is
so without XLA too. The sorted segment sum is never the fastest.
"""


def main() -> None:
    results = []
    for declaration, channels in CASES:
        rank, medians = measured(declaration, channels)
        results.append((declaration, channels, rank, medians))
        print(
            declaration,
            channels,
            rank,
            {name: {jit: round(1e3 * s, 2) for jit, s in m.items()} for name, m in medians.items()},
        )
    lines = [
        "# Building the weight from its parameters",
        "",
        "`W = theta[labels]` has many entries and few distinct numbers. Forward and backward time of four ways to build it,",
        f"in multiples of the plain gather (its milliseconds in brackets), median of {ROUNDS} interleaved rounds, float32.",
        "",
        f"Measured {datetime.date.today().isoformat()} on {os.cpu_count()} cores ({platform.machine()}), Python "
        f"{platform.python_version()}, TensorFlow {tf.__version__}, Keras {keras.__version__}.",
        "Repeat it with `python tests/benchmarks/weight.py`.",
        "",
        "Without XLA:",
        "",
        *table(False, results),
        "",
        "With XLA (`jit_compile=True`):",
        "",
        *table(True, results),
        "",
        CONCLUSION,
    ]
    PAGE.write_text("\n".join(lines))


if __name__ == "__main__":
    main()
