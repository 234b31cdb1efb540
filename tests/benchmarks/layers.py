"""Generated layers against layers written by hand for one symmetry, forward and with the gradients.

Run `python tests/benchmarks/layers.py`; it writes docs/benchmarks/layers.md. Some cases alone: `... layers.py set edges`,
which prints and writes nothing.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["EQGEN_CACHE"] = "off"

import datetime
import json
import math
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import handwritten as hand
import keras
import networkx
import numpy as np
import tensorflow as tf

import eqgen as eq

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks" / "layers.md"

BATCH = 32
ROUNDS = 15
LONGEST = 4.0
"""Short rounds are repeated for so many seconds, up to ten times as often."""
LARGEST_MATRIX = 45_000_000
"""Dense matrices and gathered weights of more entries are measured with fewer channels."""

SHIFTS = (lambda a: np.roll(a, 1, 0), lambda a: np.roll(a, 1, 1))
QUARTERS = (lambda a: np.rot90(a, 1, (0, 1)), lambda a: np.rot90(a, 1, (1, 2)))


@dataclass(frozen=True)
class Case:
    """One row: a declaration, its rivals, and what the ratio is to stay under."""

    group: str
    title: str
    mapping: Callable[[], eq.Mapping]
    most: float
    channels: int = 64
    rivals: list[tuple[hand.Layer, list[tuple[int, ...]]]] = field(default_factory=list)
    """Layers by hand, with the shapes of their weights; c stands for the channels. The fastest counts. None: the gather."""


def text(declaration: str) -> Callable[[], eq.Mapping]:
    return lambda: eq.mapping(declaration)


CC = (-1, -1)
CASES = [
    *(
        Case("set", f"S({n}) on points", text(f"p -> p where p = S({n})"), 1.15, 64, [(hand.deep_set, [CC, CC])])
        for n in (100, 1000)
    ),
    Case(
        "edges", "S(20) on edges", text("{p p} -> {p p} where p = S(20)"), 1.2, 64,
        [(hand.edges(20, by_gather), [CC] * 3) for by_gather in (False, True)],
    ),
    Case(
        "pairs", "S(12) on pairs, rank 15", text("p p -> p p where p = S(12)"), 1.2, 64,
        [(hand.order_two(12, by_slices), [(15, -1, -1)]) for by_slices in (False, True)],
    ),
    Case(
        "matrix", "S(30) x S(40) matrices", text("r c -> r c where r = S(30), c = S(40)"), 1.2, 64,
        [(hand.exchangeable(30, 40), [CC] * 4)],
    ),
    Case(
        "blocks", "S(10) wr S(10)", text("p -> p where p = wreath(S(10), S(10))"), 1.2, 64,
        [(hand.two_levels(10, 10), [CC] * 3)],
    ),
    *(
        Case(
            "circle", f"C({n}), full kernels", text(f"p -> p where p = C({n})"), 1.2, 64,
            [(hand.circular(n, by_einsum), [(n, -1, -1)]) for by_einsum in (False, True)],
        )
        for n in (100, 1000)
    ),
    Case(
        "torus", "C(32) x C(32), full kernels", text("h w -> h w where h = C(32), w = C(32)"), 1.2, 64,
        [(hand.circular_in_two(32), [(1024, -1, -1)])],
    ),
    Case(
        "stencil", "p4m, 3 x 3, on a torus of 32 x 32",
        lambda: eq.mapping(
            "b -> b", b=eq.trace((32, 32), *SHIFTS, np.rot90, np.fliplr), support=eq.stencil(1, (32, 32), wrap=True)
        ), 1.5, 64, [(hand.wrapped_convolution(32), [(3, 3, -1, -1)])],
    ),
    Case("board", "D4 on 28 x 28", lambda: eq.mapping("b -> b", b=eq.trace((28, 28), np.rot90, np.fliplr)), 0.25, 8),
    Case("cube", "Rubik's 48 facelets", text('p -> p where p = catalogue("rubiks-cube")'), 1.0, 16),
    Case("m24", "M24 on 24 points", text('p -> p where p = catalogue("mathieu-24")'), 1.0, 16),
    Case(
        "petersen", "the edges of the Petersen graph",
        lambda: eq.mapping("e -> e", e=eq.automorphisms(networkx.line_graph(networkx.petersen_graph()))), 1.0, 16,
    ),
    Case("voxels", "cube rotations on 4 x 4 x 4", lambda: eq.mapping("v -> v", v=eq.trace((4, 4, 4), *QUARTERS)), 1.0, 16),
]  # fmt: skip
GEOMETRIC = ("set", "edges", "pairs", "matrix", "blocks", "circle", "torus")
"""The first four rows of the table of targets."""

Run = Callable[[], Any]


def drawn(*shape: int) -> tf.Tensor:
    size = max(1, math.prod(shape[:-1]))
    return tf.constant(np.random.default_rng(0).normal(size=shape).astype("float32") / math.sqrt(size))


def runs(apply: Callable[..., Any], features: Any, weights: list[Any]) -> dict[tuple[bool, bool], Run]:
    """Forward alone and with all gradients, without and with XLA."""
    found: dict[tuple[bool, bool], Run] = {}
    for jit in (False, True):

        @tf.function(jit_compile=jit, autograph=False)
        def forward() -> Any:
            return apply(features, *weights)

        @tf.function(jit_compile=jit, autograph=False)
        def both() -> Any:
            with tf.GradientTape() as tape:
                tape.watch([features, *weights])
                loss = tf.reduce_sum(tf.square(apply(features, *weights)))
            return [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, [features, *weights])]

        found[False, jit] = lambda forward=forward: forward().numpy()
        found[True, jit] = lambda both=both: both()[0].numpy()
    return found


def generated(mapping: eq.Mapping, channels: int, lowering: str = "auto") -> tuple[Callable[..., Any], list[Any], Any]:
    """An eqgen layer as a function of features and its kernel."""
    layer = eq.EquivariantDense(channels, mapping, lowering=lowering, layout="flat")
    layer.build((BATCH, mapping.input.size, channels))
    return lambda features, _: layer(features), [layer.kernel.value], layer


def timed(contestants: dict[str, dict[tuple[bool, bool], Run]]) -> dict[str, dict[bool, float]]:
    """The best of XLA on and off, in seconds: medians of interleaved rounds."""
    seconds: dict[tuple[str, tuple[bool, bool]], list[float]] = {}
    for name, variants in contestants.items():
        for key, run in variants.items():
            run()
            run()
            seconds[name, key] = []
    began, done = time.perf_counter(), 0
    while done < ROUNDS or (done < 10 * ROUNDS and time.perf_counter() - began < LONGEST):
        for name, key in seconds:
            start = time.perf_counter()
            contestants[name][key]()
            seconds[name, key].append(time.perf_counter() - start)
        done += 1
    return {
        name: {
            backward: min(statistics.median(seconds[name, (backward, jit)]) for jit in (False, True))
            for backward in (False, True)
        }
        for name in contestants
    }


@dataclass(frozen=True)
class Row:
    case: Case
    lowering: str
    planning: float
    seconds: dict[str, dict[bool, float]]
    rival: str
    dense_channels: int
    dense: dict[str, dict[bool, float]]

    def ratio(self, backward: bool) -> float:
        return self.seconds["eqgen"][backward] / self.seconds[self.rival][backward]


def measured(case: Case) -> Row:
    mapping = case.mapping()
    orbits = eq.orbits(mapping)
    start = time.perf_counter()
    eq.program(orbits, channels_in=case.channels, channels_out=case.channels)
    planning = time.perf_counter() - start
    n, c = mapping.input.size, case.channels
    features = drawn(BATCH, n, c)
    apply, weights, layer = generated(mapping, c)
    contestants = {"eqgen": runs(apply, features, weights)}
    for number, (rival, shapes) in enumerate(case.rivals):
        sized = [drawn(*(c if size == -1 else size for size in shape)) for shape in shapes]
        contestants[f"by hand {number}"] = runs(rival, features, sized)
    if not case.rivals:
        contestants["gather"] = runs(*_first_two(generated(mapping, c, "gather"), features))
    contestants["each point alone"] = runs(hand.pointwise, features, [drawn(c, c)])
    seconds = timed(contestants)
    rivals = [name for name in seconds if name.startswith(("by hand", "gather"))]
    rival = min(rivals, key=lambda name: seconds[name][True])
    best = {backward: min(seconds[name][backward] for name in rivals) for backward in (False, True)}
    seconds[rival] = best
    few = min(c, max(1, math.isqrt(LARGEST_MATRIX) // n))
    dense = {}
    if n >= 30:
        features = drawn(BATCH, n, few)
        dense = timed(
            {
                "eqgen": runs(*_first_two(generated(mapping, few), features)),
                "Dense": runs(hand.dense, features, [drawn(n * few, n * few)]),
            }
        )
    row = Row(case, layer.program.lowering, planning, seconds, rival, few, dense)
    print(case.title, row.lowering, f"{row.ratio(False):.2f} {row.ratio(True):.2f}", flush=True)
    return row


def _first_two(found: tuple[Callable[..., Any], list[Any], Any], features: Any) -> tuple[Any, Any, Any]:
    apply, weights, _ = found
    return apply, features, weights


def line(row: Row) -> str:
    ours, rival, floor = row.seconds["eqgen"], row.seconds[row.rival], row.seconds["each point alone"]
    against = "by hand" if row.case.rivals else "gather"
    dense = "-"
    if row.dense:
        times = [row.dense["Dense"][backward] / row.dense["eqgen"][backward] for backward in (False, True)]
        dense = f"{times[0]:.1f}, {times[1]:.1f} ({row.dense_channels})"
    met = "yes" if max(row.ratio(False), row.ratio(True)) <= row.case.most else "no"
    return (
        f"| {row.case.title} | {row.lowering} | {1e3 * ours[False]:.2f}, {1e3 * ours[True]:.2f} "
        f"| {1e3 * rival[False]:.2f}, {1e3 * rival[True]:.2f} ({against}) | **{row.ratio(False):.2f}, {row.ratio(True):.2f}** "
        f"| {row.case.most} | {met} | {ours[False] / floor[False]:.1f}, {ours[True] / floor[True]:.1f} | {dense} "
        f"| {row.planning:.3f} |"
    )


GROWTH = [
    ("p -> p where p = S({})", (64, 128, 256, 512, 1024), lambda n: n),
    ("p -> p where p = C({})", (64, 128, 256, 512, 1024), lambda n: n),
    ("{{p p}} -> {{p p}} where p = S({})", (16, 32, 64, 128), lambda n: n * (n - 1) // 2),
]


def growth() -> list[str]:
    lines = ["| declaration | points | ms forward and backward | microseconds a point |", "| --- | --- | --- | --- |"]
    for declaration, sizes, points in GROWTH:
        times = []
        for n in sizes:
            mapping = eq.mapping(declaration.format(n))
            features = drawn(BATCH, mapping.input.size, 64)
            times.append(timed({"eqgen": runs(*_first_two(generated(mapping, 64), features))})["eqgen"][True])
        counts = [points(n) for n in sizes]
        name = declaration.format("n")
        each = ", ".join(f"{1e6 * t / count:.1f}" for t, count in zip(times, counts, strict=True))
        lines.append(
            f"| `{name}` | {', '.join(map(str, counts))} | {', '.join(f'{1e3 * t:.1f}' for t in times)} | {each} |"
        )
        print(lines[-1], flush=True)
    return lines


def peak(which: str) -> None:
    """In a process of its own: how far training steps of S(1000) raise its memory at their peak, in MB (Linux)."""
    features = drawn(BATCH, 1000, 64)
    if which == "eqgen":
        apply, weights, _ = generated(eq.mapping("p -> p where p = S(1000)"), 64)
    else:
        apply, weights = hand.deep_set, [drawn(64, 64), drawn(64, 64)]
    # The first step on one example brings in what TensorFlow needs in any case.
    runs(apply, features[:1], weights)[True, False]()
    both = runs(apply, features, weights)[True, False]
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    for _ in range(10):
        both()
    print(resident("VmHWM") - before)


def resident(which: str) -> float:
    """Memory of this process now or at its peak, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(which)) / 1024


def memory() -> str:
    found = {}
    for which in ("eqgen", "hand"):
        values = []
        for _ in range(3):
            done = subprocess.run(
                [sys.executable, __file__, "--peak", which], capture_output=True, text=True, check=True
            )
            values.append(float(done.stdout.split()[-1]))
        found[which] = statistics.median(values)
    ratio = found["eqgen"] / found["hand"]
    return (
        f"Training steps of S(1000), 64 channels, batch {BATCH}, raise the peak memory of a process by {found['eqgen']:.0f} MB; "
        f"with the layer by hand by {found['hand']:.0f} MB: {ratio:.2f} times (to stay under 1.5)."
    )


RIVALS = [
    ("S(30) on points", "p -> p where p = S(30)", "emlp", ("S", 30, 1), 64),
    ("S(5) on pairs", "p p -> p p where p = S(5)", "emlp", ("S", 5, 2), 16),
    ("C(20), full kernels", "p -> p where p = C(20)", "emlp", ("Z", 20, 1), 16),
    ("S(100) on points", "p -> p where p = S(100)", "torch", (), 64),
    ("S(20) on edges", "{p p} -> {p p} where p = S(20)", "torch", (), 16),
    ("C(100), full kernels", "p -> p where p = C(100)", "torch", (), 64),
    ("Rubik's 48 facelets", 'p -> p where p = catalogue("rubiks-cube")', "torch", (), 16),
]
LIBRARIES = {"emlp": "EMLP (JAX)", "torch": "dense gather (PyTorch)"}


def rivals() -> list[str]:
    """What other libraries take, each in an environment of its own, named by EMLP_PYTHON and TORCH_PYTHON."""
    known = {which: os.environ.get(f"{which.upper()}_PYTHON") for which in LIBRARIES}
    lines = [
        "| work | channels | library | its ms | eqgen, ms | times as fast |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    script = str(Path(__file__).with_name("rivals.py"))
    for title, declaration, which, arguments, channels in RIVALS:
        python = known[which]
        if python is None:
            continue
        mapping = eq.mapping(declaration)
        with tempfile.TemporaryDirectory() as folder:
            if which == "torch":
                np.save(f"{folder}/labels.npy", eq.orbits(mapping).labels)
                arguments = (f"{folder}/labels.npy",)
            command = [python, script, which, *map(str, arguments), str(channels), str(BATCH)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        theirs = json.loads(done.stdout.splitlines()[-1])
        features = drawn(BATCH, mapping.input.size, channels)
        found = timed({"eqgen": runs(*_first_two(generated(mapping, channels), features))})["eqgen"]
        ours = [found[False], found[True]]
        shown = [", ".join(f"{1e3 * seconds:.2f}" for seconds in pair) for pair in (theirs, ours)]
        times = ", ".join(f"{their / our:.1f}" for their, our in zip(theirs, ours, strict=True))
        lines.append(f"| {title} | {channels} | {LIBRARIES[which]} | {shown[0]} | {shown[1]} | {times} |")
        print(lines[-1], flush=True)
    missing = [LIBRARIES[which] for which, python in known.items() if python is None]
    return [*lines, *(["", f"Not installed, and so not measured: {', '.join(missing)}."] if missing else [])]


CONCLUSION = """\
The machine is shared, and single ratios vary by a tenth and more from run to run: of four whole runs the geometric mean was 0.95
to 1.07 forward and 0.89 to 0.98 with gradients. Where the plan is the gather (the Petersen graph), two copies of one program are
compared, so what differs from 1 is noise.

On sets and matrices both sides do the same products, within two thirds of the floor, Dense on every point alone. S(12) pairs,
1.17 and 1.20 forward in two runs, lose their tenth in many small steps: no stage by itself takes longer than its share.

D4 on 28 x 28 comes near 0.25 forward (0.27 to 0.28 in three runs) and is below it with gradients. Of its 19 ms forward, 6 to 10
bring 77,028 parameters of 8 x 8 channels into the order of the isotypic blocks, a gather of rows of 8 numbers, 4 transform them
and 5 multiply by them: each moves 20 MB through memory about once. They are paid once a batch, as is the gather's own matrix.

Rubik's facelets with 16 channels take as long as Dense forward: 0.9 ms, of which half is the time to call any function. With gradients all
rows beat Dense.

Layers of some 25 points with 16 channels take about 1 ms here, mostly to start operations, and EMLP's in JAX 0.9 times as long as ours
forward, the gather of Rubik's facelets in PyTorch 0.8 times. What makes the whole matrix falls behind as it grows: 24 to 213 times
at 30 to 100 points and 64 channels.

Not measured: a GPU.
"""


def main() -> None:
    wanted = sys.argv[1:]
    if wanted[:1] == ["--peak"]:
        peak(wanted[1])
        return
    held = "" if wanted else memory()
    rows = [measured(case) for case in CASES if not wanted or case.group in wanted]
    if wanted:
        print("\n".join(map(line, rows)))
        return
    mean = {
        backward: statistics.geometric_mean([row.ratio(backward) for row in rows if row.case.group in GEOMETRIC])
        for backward in (False, True)
    }
    PAGE.write_text(
        "\n".join(
            [
                "# Generated layers against layers written by hand",
                "",
                f"Milliseconds forward, and forward with all gradients; float32, batch {BATCH}, 64 channels unless said, the best of",
                f"XLA on and off for each contestant, medians of {ROUNDS} to {10 * ROUNDS} interleaved rounds. By hand: `tests/benchmarks/handwritten.py`,",
                "the fastest of its variants; where nobody has written such a layer, eqgen's own gather. Dense: how many times",
                "faster eqgen is than an ordinary Dense layer on all points and channels (with so many channels that its matrix fits).",
                "",
                f"Measured {datetime.date.today().isoformat()} on {os.cpu_count()} cores ({platform.machine()}), Python "
                f"{platform.python_version()}, TensorFlow {tf.__version__}, Keras {keras.__version__}.",
                "Repeat it with `python tests/benchmarks/layers.py`.",
                "",
                "| work | lowering | eqgen | against | times it | at most | met | times each point alone | times faster than Dense (channels) | planning, s |",
                "| --- " * 10 + "|",
                *map(line, rows),
                "",
                f"Geometric mean of the rows down to the tori: {mean[False]:.2f} forward, {mean[True]:.2f} with gradients (aim: 1.0).",
                "",
                held,
                "",
                "How time grows:",
                "",
                *growth(),
                "",
                "Other libraries, forward and with all gradients; in environments of their own, whose interpreters the variables",
                "`EMLP_PYTHON` (with the packages emlp, six and scipy) and `TORCH_PYTHON` (torch) name:",
                "",
                *rivals(),
                "",
                CONCLUSION,
            ]
        )
    )


if __name__ == "__main__":
    main()
