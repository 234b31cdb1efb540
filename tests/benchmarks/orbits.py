"""How long the orbits take, and how much memory, beside what a user would run instead.

    python tests/benchmarks/orbits.py

writes docs/benchmarks/orbits.md. GAP takes part where it is installed; eqgen does not need it.
"""

from __future__ import annotations

import datetime
import gc
import importlib.util
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ["EQGEN_CACHE"] = "off"

import networkx
import numpy as np

import eqgen as eq
from eqgen.orbitals.label_table import pair_labels
from eqgen.spaces.pair_action import paired

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks" / "orbits.md"

ROUNDS = 9

BUDGET = 3
"""The aim: at most so many gathers of an int32 table for each generator, and as many again."""

MOST_FOR_SCIPY = 30_000_000
MOST_FOR_NETWORKX = 100_000
MOST_FOR_SYMPY = 30
MOST_FOR_GAP = 100


def torus(n: int) -> eq.Group:
    """C(n) x C(n) on n * n points, as one group."""
    return eq.trace((n, n), lambda a: np.roll(a, 1, 0), lambda a: np.roll(a, 1, 1))


def random_pair(n: int) -> eq.Group:
    random = np.random.default_rng(0)
    return eq.group([random.permutation(n), random.permutation(n)])


LARGE: dict[str, Callable[[], eq.Group]] = {
    "S(1000)": lambda: eq.S(1000),
    "S(3000)": lambda: eq.S(3000),
    "C(5000)": lambda: eq.C(5000),
    "D4 on 64 x 64": lambda: eq.trace((64, 64), np.rot90, np.fliplr),
    "C(64) x C(64)": lambda: torus(64),
    "two random permutations of 1000": lambda: random_pair(1000),
}

SMALL: dict[str, Callable[[], eq.Group]] = {
    "S(5)": lambda: eq.S(5),
    "S(20)": lambda: eq.S(20),
    "C(20)": lambda: eq.C(20),
    "A(20)": lambda: eq.A(20),
    "M24": lambda: eq.group('catalogue("mathieu-24")'),
    "S(30)": lambda: eq.S(30),
    "C(100)": lambda: eq.C(100),
    "S(300)": lambda: eq.S(300),
}


@dataclass(frozen=True)
class Action:
    """A group on n points, as the contestants take it."""

    name: str
    images: np.ndarray
    group: eq.Group

    @property
    def points(self) -> int:
        return int(self.images.shape[1])


def eqgen_labels(action: Action) -> int:
    elements = action.group.elements
    return pair_labels(paired(elements, elements)).rank


def scipy_components(action: Action) -> int:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    n = action.points
    pairs = np.arange(n * n, dtype=np.int64)
    images = np.concatenate([(image[:, None] * n + image).ravel() for image in action.images])
    start = np.tile(pairs, len(action.images))
    graph = coo_matrix((np.ones(start.size, dtype=np.int8), (start, images)), shape=(n * n, n * n))
    return int(connected_components(graph, directed=False)[0])


def networkx_components(action: Action) -> int:
    n = action.points
    graph: networkx.Graph = networkx.Graph()
    graph.add_nodes_from(range(n * n))
    for image in action.images:
        graph.add_edges_from(zip(range(n * n), (image[:, None] * n + image).ravel().tolist(), strict=True))
    return networkx.number_connected_components(graph)


def sympy_stabilizers(action: Action) -> int:
    from sympy.combinatorics import Permutation, PermutationGroup

    # Made anew, for sympy remembers what it has found out about a group.
    group = PermutationGroup([Permutation(image.tolist(), size=action.points) for image in action.images])
    return sum(len(group.stabilizer(min(orbit)).orbits()) for orbit in group.orbits())


def gap_stabilizers(action: Action) -> tuple[int, float]:
    """The rank and the seconds, measured within GAP: its start takes longer than many a case."""
    rows = ", ".join(f"PermList({(image + 1).tolist()})" for image in action.images)
    script = f"""
    g := Group({rows});; n := {action.points};;
    start := NanosecondsSinceEpoch();;
    rank := Sum(Orbits(g, [1..n]), o -> Length(Orbits(Stabilizer(g, Minimum(o)), [1..n])));;
    Print(rank, " ", NanosecondsSinceEpoch() - start, "\\n");
    quit;
    """
    found = subprocess.run(["gap", "-q"], input=script, capture_output=True, text=True, check=True, timeout=600)
    rank, nanoseconds = found.stdout.split()[-2:]
    return int(rank), int(nanoseconds) / 1e9


def seconds(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def peak(run: Callable[[], Any]) -> int:
    """The most bytes held at once by what Python and numpy allocate, the result among them."""
    gc.collect()
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def action_of(name: str, group: eq.Group) -> Action:
    return Action(name, np.asarray(group.generators), group)


def large_row(action: Action) -> dict[str, Any]:
    n, generators = action.points, len(action.images)
    table = np.zeros((n, n), dtype=np.int32) + np.arange(n, dtype=np.int32)
    order = np.random.default_rng(1).permutation(n)
    contestants: dict[str, Callable[[], Any]] = {
        "gather": lambda: np.take(table, order, axis=0),
        "fill": lambda: np.full((n, n), 1, dtype=np.int32),
        "eqgen": lambda: eqgen_labels(action),
    }
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        for name, run in contestants.items():
            times[name].append(seconds(run))
    found = pair_labels(paired(action.group.elements, action.group.elements))
    result = found.signed_labels.nbytes
    row: dict[str, Any] = {name: statistics.median(values) for name, values in times.items()}
    row.update(
        name=action.name,
        points=n,
        generators=generators,
        rank=found.rank,
        kind=found.signed_labels.dtype.name,
        budget=BUDGET * (1 + generators),
    )
    del found
    row["beside"] = (peak(contestants["eqgen"]) - result) / table.nbytes
    if importlib.util.find_spec("scipy") and n * n * generators <= 2 * MOST_FOR_SCIPY:
        row["scipy"] = seconds(lambda: check(scipy_components(action), row["rank"]))
        row["scipy peak"] = peak(lambda: scipy_components(action)) / table.nbytes
    return row


def check(found: int, rank: int) -> None:
    assert found == rank, f"the contestants disagree: {found} and {rank}"


def small_row(action: Action) -> dict[str, Any]:
    row: dict[str, Any] = {"name": action.name, "points": action.points, "rank": eqgen_labels(action)}
    row["eqgen"] = statistics.median(seconds(lambda: eqgen_labels(action)) for _ in range(51))
    rivals: dict[str, tuple[bool, Callable[[Action], int]]] = {
        "scipy": (importlib.util.find_spec("scipy") is not None, scipy_components),
        "networkx": (action.points**2 <= MOST_FOR_NETWORKX, networkx_components),
        "sympy": (action.points <= MOST_FOR_SYMPY, sympy_stabilizers),
    }
    for name, (takes_part, rival) in rivals.items():
        if takes_part:
            check(rival(action), row["rank"])
            row[name] = statistics.median(seconds(lambda rival=rival: rival(action)) for _ in range(3))
    if shutil.which("gap") and action.points <= MOST_FOR_GAP:
        rank, row["GAP"] = gap_stabilizers(action)
        check(rank, row["rank"])
    return row


SMALL_REMARK = """\
Small tables are a matter of a millisecond whoever makes them, and scipy's compiled search is often as fast or faster there;
it labels no signs. From some ten thousand pairs on, the rows of a few representatives decide.
"""

FORMS: dict[str, str] = {
    "a product: `h w -> h w`, C(512) each": 'o = eq.orbits("h w -> h w where h = C(512), w = C(512)"); o.sizes',
    "a product: `u v -> u v`, S(1000) and S(2000)": 'o = eq.orbits("u v -> u v where u = S(1000), v = S(2000)"); o.sizes',
    "powers: `p p -> p p`, S(1000)": 'o = eq.orbits("p p -> p p where p = S(1000)"); o.sizes',
    "powers: `{p p} -> {p p}`, S(1000)": 'o = eq.orbits("{p p} -> {p p} where p = S(1000)"); o.sizes',
    "a support: 3 x 3, p4m, 1024 x 1024 torus": (
        "t = eq.trace((1024, 1024), lambda a: np.roll(a, 1, 0), lambda a: np.roll(a, 1, 1), np.rot90, np.fliplr); "
        'o = eq.orbits(eq.mapping("b -> b", b=t, support=eq.stencil(1, (1024, 1024), wrap=True)))'
    ),
}

ALONE = """
import os, resource, time
os.environ["EQGEN_CACHE"] = "off"
import numpy as np
import eqgen as eq
start = time.perf_counter()
{work}
print(o.rank, time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, end=" ")
start = time.perf_counter()
assert o.certificate()
print(time.perf_counter() - start)
"""


def form_row(name: str, work: str) -> tuple[str, int, float, float, float]:
    """In a process of its own: rank, seconds, gigabytes of the whole process, seconds of the certificate."""
    found = subprocess.run([sys.executable, "-c", ALONE.format(work=work)], capture_output=True, text=True, check=True)
    rank, time_taken, kilobytes, certificate = found.stdout.split()
    return name, int(rank), float(time_taken), float(kilobytes) / 1e6, float(certificate)


def milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{1e3 * value:.3g}"


def in_gathers(row: dict[str, Any], name: str) -> str:
    return f"{row[name] / row['gather']:.2f}" if name in row else "-"


def page(
    large: list[dict[str, Any]], small: list[dict[str, Any]], forms: list[tuple[str, int, float, float, float]]
) -> str:
    versions = [f"Python {platform.python_version()}", f"numpy {np.__version__}", f"networkx {networkx.__version__}"]
    if importlib.util.find_spec("scipy"):
        import scipy

        versions.append(f"scipy {scipy.__version__}")
    lines = [
        "# Orbits",
        "",
        "Time and memory of the orbits of index pairs, `p -> p`, beside what one would run instead. Everything on this page is from",
        f"one run on one machine: {os.cpu_count()} cores ({platform.machine()}), {', '.join(versions)}, "
        f"{datetime.date.today().isoformat()}. Repeat it with `python tests/benchmarks/orbits.py`.",
        "",
        "## Large tables",
        "",
        "In multiples of one numpy gather, `np.take` along the rows of an int32 table of the same shape (its milliseconds in",
        f"brackets); medians of {ROUNDS} interleaved rounds. The aim is {BUDGET} gathers for each generator and {BUDGET} more. `fill` allocates",
        "such a table and fills it. scipy labels the connected components of the graph of all pairs, building it included, once.",
        "Memory is the peak beside the result, in int32 tables; scipy's includes its result.",
        "",
        "| group | generators | rank | labels | gather (ms) | fill | eqgen | at most | scipy | memory | scipy's |",
        "| --- " * 11 + "|",
    ]
    lines += [
        f"| {row['name']} | {row['generators']} | {row['rank']} | {row['kind']} | 1 ({milliseconds(row['gather'])}) | {in_gathers(row, 'fill')} "
        f"| **{in_gathers(row, 'eqgen')}** | {row['budget']} | {in_gathers(row, 'scipy')} | {row['beside']:.2f} "
        f"| {row.get('scipy peak', float('nan')):.1f} |"
        for row in large
    ]
    lines += [
        "",
        "## Small ones",
        "",
        "In milliseconds. networkx: connected components of the graph of all pairs. sympy and GAP: the orbits of the stabilizer of",
        "a representative of each orbit of points, which gives the rank but no table (GAP timed within GAP).",
        "",
        "| group | points | rank | eqgen | scipy | networkx | sympy | GAP |",
        "| --- " * 8 + "|",
    ]
    lines += [
        f"| {row['name']} | {row['points']} | {row['rank']} | **{milliseconds(row['eqgen'])}** | "
        + " | ".join(milliseconds(row.get(name)) for name in ("scipy", "networkx", "sympy", "GAP"))
        + " |"
        for row in small
    ]
    lines += ["", *SMALL_REMARK.splitlines()]
    lines += [
        "",
        "## Without a table",
        "",
        "Each in a process of its own, from the declaration to the sizes of the orbits; memory is that of the whole process, Python",
        "and numpy among it. The certificate checks the result again.",
        "",
        "| orbits | rank | seconds | memory | certificate, seconds |",
        "| --- " * 5 + "|",
    ]
    lines += [
        f"| {name} | {rank} | {taken:.3g} | {gigabytes:.2f} GB | {certificate:.3g} |"
        for name, rank, taken, gigabytes, certificate in forms
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    forms = []
    for name, work in FORMS.items():
        forms.append(form_row(name, work))
        print(forms[-1], flush=True)
    small = []
    for name, make in SMALL.items():
        small.append(small_row(action_of(name, make())))
        print(small[-1], flush=True)
    large = []
    for name, make in LARGE.items():
        large.append(large_row(action_of(name, make())))
        print(large[-1], flush=True)
    PAGE.write_text(page(large, small, forms))
    print(f"peak of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")


if __name__ == "__main__":
    main()
