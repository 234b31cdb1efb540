"""Orbits and layers of two trees of eqgen against each other: is what was rebuilt as fast as it was?

Run `python tests/benchmarks/before_and_after.py OLD`, with the path of another checkout (`git worktree add OLD REVISION`). Two
processes, one on each tree, take turns on every row; printed is the median of the ratios, this tree to the old one, of
paired runs. Some rows alone: `... OLD orbits set edges`.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
TREE = HERE.parents[2]

PAIRS = 21
SHORTEST = 0.03
"""Seconds: shorter runs are repeated until they have taken so long."""
LIMIT = 1.05
"""A row above it is measured again."""

ORBITS: dict[str, str] = {
    "S(1000)": 'eq.orbits(eq.mapping("p -> p", p=plain(eq.S(1000))))',
    "C(3000)": 'eq.orbits("p -> p where p = C(3000)")',
    "D4 on 64 x 64": 'eq.orbits(eq.mapping("b -> b", b=square))',
    "C(64) x C(64), one group": 'eq.orbits(eq.mapping("b -> b", b=torus))',
    "two random permutations of 1000": 'eq.orbits(eq.mapping("p -> p", p=random_pair))',
    "signed, 600 points": 'eq.orbits(eq.mapping("j -> j", j=signed))',
    "oriented edges of 30": 'eq.orbits("[p p] -> [p p] where p = S(30)")',
    "C(512) x C(512), factors": 'eq.orbits("h w -> h w where h = C(512), w = C(512)").rank',
    "edges of 1000, formula": 'eq.orbits("{p p} -> {p p} where p = S(1000)").sizes',
    "stencil on 64 x 64": 'eq.orbits(eq.mapping("b -> b", b=square, support=stencil))',
    "S(5) on edges": 'eq.orbits("{p p} -> {p p} where p = S(5)")',
    "Rubik's facelets": "eq.orbits('f -> f where f = catalogue(\"rubiks-cube\")')",
    "certificate, D4 on 32 x 32": 'eq.orbits(eq.mapping("b -> b", b=small_square)).certificate()',
    "labels of S(1000)": 'eq.orbits(eq.mapping("p -> p", p=plain(eq.S(1000)))).labels',
    "declaring and planning edges of 20": 'eq.program("{p p} -> {p p} where p = S(20)").matrix()',
}


def orbit_runs() -> dict[str, Callable[[], Any]]:
    import numpy as np

    import eqgen as eq

    random = np.random.default_rng(0)
    names: dict[str, Any] = {
        "eq": eq,
        # Generators alone: no family is known of it.
        "plain": lambda group: eq.group([np.asarray(image) for image in group.generators]),
        "square": eq.trace((64, 64), np.rot90, np.fliplr),
        "small_square": eq.trace((32, 32), np.rot90, np.fliplr),
        "torus": eq.trace((64, 64), lambda a: np.roll(a, 1, 0), lambda a: np.roll(a, 1, 1)),
        "random_pair": eq.group([random.permutation(1000), random.permutation(1000)]),
        "signed": eq.group([(np.roll(np.arange(600), 1), np.where(np.arange(600) % 7, 1, -1))]),
        "stencil": eq.stencil(1, (64, 64)),
    }
    return {row: eval(f"lambda: {code}", names) for row, code in ORBITS.items()}


def layer_runs(wanted: list[str]) -> dict[str, Callable[[], Any]]:
    import layers
    import numpy as np

    found = {}
    for case in layers.CASES:
        if wanted and case.group not in wanted:
            continue
        mapping = case.mapping()
        apply, weights, _ = layers.generated(mapping, case.channels)
        features = layers.drawn(layers.BATCH, mapping.input.size, case.channels)
        for (backward, compiled), run in layers.runs(apply, features, weights).items():
            direction = "with gradients" if backward else "forward"
            found[f"{case.title}, {direction}{', XLA' * compiled}"] = run
        layer = layers.eq.EquivariantDense(case.channels, mapping, layout="flat")
        layer.build(features.shape)
        found[f"{case.title}, eager"] = lambda layer=layer, features=features: np.asarray(layer(features))
    return found


def work(wanted: list[str]) -> None:
    """In a process of its own: names of rows come in, seconds of one run go out."""
    runs = orbit_runs() if not wanted or "orbits" in wanted else {}
    if wanted != ["orbits"]:
        runs |= layer_runs([group for group in wanted if group != "orbits"])
    import eqgen

    print(json.dumps([eqgen.__file__, list(runs)]), flush=True)
    for line in sys.stdin:
        run = runs[line.rstrip("\n")]
        began, times = time.perf_counter(), 0
        while (elapsed := time.perf_counter() - began) < SHORTEST or not times:
            run()
            times += 1
        print(elapsed / times, flush=True)


def started(tree: Path, wanted: list[str]) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": f"{tree}:{HERE.parent}",
        "EQGEN_CACHE": "off",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    return subprocess.Popen(
        [sys.executable, str(HERE), "--work", *wanted],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def ask(process: subprocess.Popen[str], row: str) -> float:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{row}\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def ratio(old: subprocess.Popen[str], new: subprocess.Popen[str], row: str) -> tuple[float, float]:
    """The median ratio of paired runs, and the new tree's median seconds."""
    pairs = []
    for turn in range(PAIRS + 2):
        first, second = (old, new) if turn % 2 else (new, old)
        seconds = {first.pid: ask(first, row), second.pid: ask(second, row)}
        pairs.append((seconds[new.pid] / seconds[old.pid], seconds[new.pid]))
    # The first two runs trace, compile and fill caches.
    ratios, times = zip(*pairs[2:], strict=True)
    return statistics.median(ratios), statistics.median(times)


def main() -> None:
    if sys.argv[1] == "--work":
        work(sys.argv[2:])
        return
    wanted = sys.argv[2:]
    old, new = (started(tree, wanted) for tree in (Path(sys.argv[1]).resolve(), TREE))
    assert old.stdout is not None
    assert new.stdout is not None
    (old_file, rows), (new_file, _) = (json.loads(process.stdout.readline()) for process in (old, new))
    print(f"old: {old_file}\nnew: {new_file}")
    ratios = []
    for row in rows:
        measured, seconds = ratio(old, new, row)
        again = []
        while measured > LIMIT and len(again) < 2:
            again.append(f"{measured:.2f}")
            measured, seconds = ratio(old, new, row)
        ratios.append(measured)
        print(f"{measured:.2f}  {1e3 * seconds:9.3f} ms  {row}{f'  (before: {again})' if again else ''}", flush=True)
    print(
        f"{statistics.geometric_mean(ratios):.2f}  geometric mean of {len(ratios)} rows; the largest is {max(ratios):.2f}"
    )
    for process in (old, new):
        process.kill()


if __name__ == "__main__":
    main()
