"""Whole networks: speed in `fit` beside hand-written layers, what importing costs, and whether depth trains as it comes.

Run `python tests/benchmarks/networks.py`; it writes docs/benchmarks/networks.md.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("EQGEN_CACHE", "off")

import datetime
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import eqgen as eq

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks" / "networks.md"
ROUNDS = 9
DEPTHS = (2, 4, 8, 16)
PROCESSES = 5
"""Speed varies more from process to process than within one."""

IMPORTS = 7

LARGE = [
    "p -> p where p = S(1000)",
    "p -> p where p = D(1000)",
    "p p -> p p where p = S(32)",
    "p p p -> p p p where p = S(10)",
    "p -> p where p = wreath(C(10), S(100))",
    "~p -> ~p where p = S(1000)",
]
"""About a thousand points each."""


class DeepSet(keras.layers.Layer):
    """Two products: of every point, and of the mean of all (Zaheer et al., 2017)."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.own = keras.layers.Dense(units, use_bias=False)
        self.whole = keras.layers.Dense(units, use_bias=False)

    def call(self, inputs: Any) -> Any:
        return self.own(inputs) + self.whole(keras.ops.mean(inputs, axis=1, keepdims=True))


def stack(make: Any, jit: bool) -> keras.Model:
    model = keras.Sequential([keras.Input((100, 64))])
    for _ in range(8):
        model.add(make())
        model.add(keras.layers.Activation("relu"))
    model.compile("adam", "mse", jit_compile=jit)
    return model


def speed(jit: bool) -> tuple[float, float]:
    """Seconds an epoch of `fit`, without or with XLA: eqgen, by hand."""
    features = np.random.default_rng(0).normal(size=(32 * 30, 100, 64)).astype("float32")
    models = [
        stack(lambda: eq.EquivariantDense(64, "p -> p where p = S(100)"), jit),
        stack(lambda: DeepSet(64), jit),
    ]
    seconds: list[list[float]] = [[], []]
    for round_ in range(ROUNDS + 1):
        for model, found in zip(models, seconds, strict=True):
            start = time.perf_counter()
            model.fit(features, features, batch_size=32, epochs=1, verbose=0)
            if round_:
                found.append(time.perf_counter() - start)
    return statistics.median(seconds[0]), statistics.median(seconds[1])


def alone(*arguments: str, cache: str = "off") -> list[float]:
    """The numbers that this script prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, *arguments],
        env={**os.environ, "EQGEN_CACHE": cache},
        capture_output=True,
        text=True,
        check=True,
    )
    return [float(number) for number in done.stdout.split()]


def ratios(jit: bool) -> list[float]:
    """How many times as fast as by hand, process by process."""
    found = []
    for _ in range(PROCESSES):
        ours, theirs = alone("speed", "xla" if jit else "plain")
        found.append(theirs / ours)
        print(f"speed {found[-1]:.2f}", flush=True)
    return sorted(found)


def building(declaration: str) -> float:
    """Seconds to make and build a layer with 8 channels, after one of another kind."""
    eq.EquivariantDense(8, "p -> p where p = S(3)").build((None, 3, 8))
    start = time.perf_counter()
    layer = eq.EquivariantDense(8, declaration, layout="flat")
    layer.build((None, layer.mapping.input.size, 8))
    return time.perf_counter() - start


def buildings() -> list[str]:
    lines = ["| declaration | points | first time | found on disk |", "| --- | --- | --- | --- |"]
    with tempfile.TemporaryDirectory() as folder:
        for declaration in LARGE:
            first, again = (alone("building", declaration, cache=folder)[0] for _ in range(2))
            lines.append(f"| `{declaration}` | {eq.mapping(declaration).input.size} | {first:.2f} | {again:.2f} |")
            print(lines[-1], flush=True)
    return lines


def importing() -> dict[str, float]:
    """Seconds to import, in a process of its own: the least of several, for what else the machine does only adds."""
    codes = {
        "keras": "import keras",
        "keras and eqgen": "import keras, eqgen",
        "keras, sympy and networkx": "import keras, sympy, networkx",
    }
    runs: dict[str, list[float]] = {name: [] for name in codes}
    for _ in range(IMPORTS):
        for name, code in codes.items():
            script = f"import time; start = time.perf_counter(); {code}; print(time.perf_counter() - start)"
            done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
            runs[name].append(float(done.stdout))
    return {name: min(found) for name, found in runs.items()}


S10 = "p -> p where p = S(10)"
TASKS = {
    "spread of a set of 10 (S(10), invariant)": (S10, {"head": "invariant"}, lambda x: x.var(axis=1)),
    "products of neighbours on a ring of 10 (C(10))": (
        "p -> p where p = C(10)",
        {},
        lambda x: np.roll(x, 1, axis=1) * np.roll(x, -1, axis=1),
    ),
    "triangles through each edge of a graph of 7 (S(7))": (
        "{p p} -> {p p} where p = S(7)",
        {},
        lambda x: triangles(x),
    ),
}


def triangles(weights: np.ndarray) -> np.ndarray:
    """For each edge the sum over third nodes of the product of the two other edges."""
    rows, columns = np.triu_indices(7, 1)
    matrix = np.zeros((len(weights), 7, 7), dtype="float32")
    matrix[:, rows, columns] = matrix[:, columns, rows] = weights[:, :, 0]
    return (matrix @ matrix)[:, rows, columns, None]


def depths() -> list[str]:
    lines = ["| task | " + " | ".join(f"depth {depth}" for depth in DEPTHS) + " |", "| --- " * (1 + len(DEPTHS)) + "|"]
    for title, (mapping, options, answer) in TASKS.items():
        shares = []
        for depth in DEPTHS:
            keras.utils.set_random_seed(0)
            random = np.random.default_rng(0)
            shape = (3072, eq.mapping(mapping).input.size, 1)
            features = random.normal(size=shape).astype("float32")
            answers = answer(features)
            model = eq.network(mapping, [32] * depth, **options)
            model.compile(keras.optimizers.Adam(), "mse")
            model.fit(features[:2048], answers[:2048], batch_size=64, epochs=20, verbose=0)
            shares.append(model.evaluate(features[2048:], answers[2048:], verbose=0) / answers[2048:].var())
        lines.append(f"| {title} | " + " | ".join(f"{share:.3f}" for share in shares) + " |")
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    fast, plain = ratios(True), ratios(False)
    imports = importing()
    print(imports, flush=True)
    PAGE.write_text(
        "\n".join(
            [
                "# Whole networks",
                "",
                f"Measured {datetime.date.today().isoformat()} on {os.cpu_count()} cores ({platform.machine()}), Python "
                f"{platform.python_version()}, TensorFlow {tf.__version__}, Keras {keras.__version__}.",
                "Repeat it with `python tests/benchmarks/networks.py`.",
                "",
                "**Speed.** Eight layers of S(100) with 64 channels, batch 32, epochs of 30 steps in `fit`, beside layers written by",
                f"hand, each the median of {ROUNDS} interleaved rounds. Times the speed by hand (at least 0.9), in {PROCESSES} processes:",
                f"with XLA {', '.join(f'{ratio:.2f}' for ratio in fast)}, median **{statistics.median(fast):.2f}**; without",
                f"{', '.join(f'{ratio:.2f}' for ratio in plain)}, median **{statistics.median(plain):.2f}**.",
                "",
                "**Building** a layer of about a thousand points takes, in seconds, in a process of its own (under 1 when it is found on",
                "disk):",
                "",
                *buildings(),
                "",
                "**Importing** takes, in seconds: "
                + "; ".join(f"{name} {seconds:.2f}" for name, seconds in imports.items())
                + f". eqgen adds {imports['keras and eqgen'] - imports['keras']:.2f} (to stay under 0.6).",
                "",
                "**Depth.** `eq.network(mapping, [32] * depth)` with Adam as it comes (learning rate 0.001), 2,048 examples, 20 epochs,",
                "batch 64: the mean squared error on 1,024 others, divided by their variance (1: nothing learned).",
                "",
                *depths(),
                "",
            ]
        )
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["speed"]:
        print(*speed(sys.argv[2] == "xla"))
    elif sys.argv[1:2] == ["building"]:
        print(building(sys.argv[2]))
    else:
        main()
