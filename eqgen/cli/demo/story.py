"""The story: in which order the demo computes, prints and saves."""

import math
import platform
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from importlib.metadata import version
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

import keras
import numpy as np
from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from eqgen.cli.demo.graphs import EDGES, NODES, Integers, as_inputs, atlas, spanning_trees
from eqgen.cli.demo.training import CONTESTANTS, LAYER, WHOLE, Answer, Plan, Run, Trainer, answer_question
from eqgen.cli.plot import draw_scores, weight_picture
from eqgen.common.errors import DeclarationError, count
from eqgen.common.files import whole_file
from eqgen.orbitals.orbits import orbits
from eqgen.verification.outputs import equivariant_layers
from eqgen.verification.report import Report
from eqgen.verification.verify import verify

Results = Mapping[tuple[int, str], Sequence[Run]]
"""For each row of the table, a number of training graphs and a contestant, the run of each seed."""

MEANINGS = {
    "weights.png": "the weight matrix in colour, with edge names",
    "learning.png": "R2 during training, and by training size",
    "results.txt": "the table, with date and versions",
    "network.keras": "the trained network: edges to log(1 + trees)",
    "verification.txt": "all reports, before and after training and after loading",
}
"""The files that the demo writes."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What the demo found, for whoever calls it from Python.

    Attributes:
        answer: a, b and c before and after.
        runs: all trained networks.
        stages: for each moment, like `after training`, the report on the network as a whole, and one on each of its layers.
        same_bits: whether the loaded network gives the very answers of the one that was saved.
    """

    answer: Answer
    runs: Results
    stages: dict[str, list[Report]]
    same_bits: bool

    def __bool__(self) -> bool:
        return self.same_bits and all(all(reports) for reports in self.stages.values())


def run(output: Path, plan: Plan, console: Console | None = None) -> Outcome:
    """The whole demo: data, pattern, seed question, training, table, proof.

    Args:
        output: the folder for the results; files of an earlier run are replaced.
        plan: how much to train.
        console: where to print.

    Raises:
        DeclarationError: the folder cannot be written.
    """
    console = console or Console(markup=False, highlight=False)
    start = time.monotonic()
    prepare(output)

    graphs = atlas()
    trees = spanning_trees(graphs)
    console.print("How many spanning trees has a graph?", style="bold")
    console.print(
        f"The data: all {len(trees):,} graphs with seven nodes (the Atlas of Graphs in networkx), each as "
        f"{EDGES} numbers, a 1 for each edge. The target: log(1 + spanning trees), counted in integers (Kirchhoff): 0 to "
        f"{trees.max():,} trees. The symmetry: none of the {math.factorial(NODES):,} renumberings of the nodes "
        "changes the answer."
    )
    _tell_pattern(console)

    answer = answer_question(graphs, plan.scalar_steps)
    _tell_answer(console, answer)
    with written_whole(output / "weights.png") as file:
        weight_picture(answer.layer, title=LAYER).savefig(file, bbox_inches="tight")

    runs = _train_all(console, graphs, np.log1p(trees).astype(np.float32), plan)
    console.print()
    console.print(_results_table(runs))
    console.print("R2: on the held-out graphs; gap: the answers for one graph under two numberings")
    console.print("\n".join(in_words(runs)))
    with written_whole(output / "learning.png") as file:
        learning_curves(runs, plan).savefig(file, bbox_inches="tight")
    with written_whole(output / "results.txt") as file:
        file.write_text(_results_text(runs, plan), encoding="utf-8")

    largest = max(plan.sizes)
    console.print(f"\nThe proof, for the network that learned from {largest} graphs (seed {plan.seeds})", style="bold")
    stages, same_bits = _prove(console, runs[largest, "equivariant"][-1], graphs, output)

    # A path that is broken over two lines could not be copied.
    done = f"\nDone in {time.monotonic() - start:.0f} s. In {output}:"
    console.print(Text(done, style="bold"), soft_wrap=True)
    for name, meaning in MEANINGS.items():
        console.print(f"  {name.ljust(16)}  {meaning}")
    return Outcome(answer, runs, stages, same_bits)


def prepare(folder: Path) -> None:
    """Make the folder if it is not there, and see that files can be written, before anyone waits for a training.

    Raises:
        DeclarationError: it cannot be made or written.
    """
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Within it, a path to write to; what stands there afterwards is the file, which is written whole or not at all.

    Raises:
        DeclarationError: the file cannot be written.
    """
    with _writing(path), whole_file(path) as unfinished:
        yield unfinished


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DeclarationError(
            f"{path} cannot be written ({error.strerror or error}): give a folder of your own with --output"
        ) from None


def _tell_pattern(console: Console) -> None:
    found = orbits(LAYER)
    console.print(f"\nThe layer: {found.mapping.declaration}", style="bold")
    coloured, letters = found.pattern.coloured().split("\n"), Text()
    # The picture has all rows.
    for number, line in enumerate(coloured[:8]):
        console.print(Text.assemble((f"{found.mapping.output.name(number)}  ", "dim"), line), no_wrap=True)
    console.print(f"... {EDGES} rows, one for each edge; {count(found.rank, 'number')} in {EDGES * EDGES} places:")
    meanings = ("the edge itself", "edges that share a node with it", "edges apart from it")
    for (row, column), meaning in zip(found.representatives.tolist(), meanings, strict=True):
        letters += coloured[row][2 * column] + Text(f" {meaning}   ")
    letters.rstrip()
    console.print(letters)


def _tell_answer(console: Console, answer: Answer) -> None:
    steps, after = len(answer.distinct) - 1, keras.ops.convert_to_numpy(answer.layer.kernel)
    console.print("\nThe question", style="bold")
    console.print(
        '"How do I constrain the weight matrix of a hidden layer to the structure a, b, c in TensorFlow, so that these '
        'elements stay equal as training progresses?"',
        style="italic",
    )
    console.print(f'layer = eqgen.EquivariantDense(None, "{LAYER}")')
    console.print(f"trained for {steps} steps to tell log(1 + spanning trees through each edge):")
    shown = _table("", *answer.layer.pattern.names, f"distinct numbers in {EDGES} x {EDGES}")
    seen = " or ".join(map(str, sorted(set(answer.distinct[1:]))))
    for title, values, distinct in (
        ("before training", answer.before, str(answer.distinct[0])),
        ("after training", after, f"{seen} after each of {steps} steps"),
        ("least squares, computed", answer.optimum, ""),
        ("Dense from the same start", None, str(answer.distinct_dense)),
    ):
        cells = [""] * len(after) if values is None else [f"{value:.4f}" for value in values]
        shown.add_row(title, *cells, distinct)
    console.print(shown)


def _train_all(console: Console, graphs: Integers, targets: Any, plan: Plan) -> Results:
    total = len(CONTESTANTS) * len(plan.sizes) * plan.seeds
    *most, last = map(str, plan.sizes)
    sizes = f"{', '.join(most)} and {last}" if most else last
    console.print("\nThe network: three such layers, a read-out and a small head; and two rivals", style="bold")
    console.print(
        f"{count(total, 'network')}, {plan.steps:,} steps each, on {sizes} graphs, tested on all others, every "
        "graph under a numbering drawn at random; 'Dense, renumbered' draws new numberings for its training graphs at every "
        "step."
    )
    runs: dict[tuple[int, str], list[Run]] = {}
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # Piped output is for reading later: it gets no bar.
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("compiling", total=total * plan.steps)
        trainers = {name: Trainer(name, plan) for name in CONTESTANTS}
        for size, (name, trainer), seed in product(sorted(plan.sizes), trainers.items(), range(plan.seeds)):
            progress.update(task, description=f"{name}, {size} graphs, seed {seed + 1}")
            trained = trainer.train(graphs, targets, size, seed, partial(progress.advance, task))
            runs.setdefault((size, name), []).append(trained)
    return runs


def _prove(console: Console, chosen: Run, graphs: Integers, output: Path) -> tuple[dict[str, list[Report]], bool]:
    """Verify the network before and after its training; save it, load it, and verify what was loaded."""

    def reports(network: Any) -> list[Report]:
        return [verify(network, WHOLE), *map(verify, equivariant_layers(network))]

    build, _ = CONTESTANTS["equivariant"]
    network, stages = build(), {}
    for moment, weights in (("before training", chosen.initial), ("after training", chosen.weights)):
        network.set_weights(weights)
        stages[moment] = reports(network)
    with written_whole(output / "network.keras") as file:
        network.save(file)
    loaded = keras.models.load_model(output / "network.keras")
    stages["after loading the file"] = reports(loaded)
    answers = [keras.ops.convert_to_numpy(each(as_inputs(graphs), training=False)) for each in (network, loaded)]
    same_bits = np.array_equal(*answers)
    with written_whole(output / "verification.txt") as file:
        texts = ("\n".join([name.upper(), *map(str, reports), ""]) for name, reports in stages.items())
        file.write_text("\n".join(texts), encoding="utf-8")

    for name, (whole, *layers) in stages.items():
        holds = bool(whole) and all(layers)
        proved = sum(report.certificate is not None and bool(report) for report in layers)
        verdict = (
            f"{'verified' if holds else 'NOT VERIFIED'}: {proved} of {count(len(layers), 'layer')} by certificate, "
            f"network to {whole.max_error:.0e}"
        )
        console.print(Text(f"{name.ljust(max(map(len, stages)))}  ").append(verdict, "green" if holds else "bold red"))
    agreement = "the same answers, bit for bit" if same_bits else "OTHER ANSWERS than before it was saved"
    console.print(f"On all graphs the loaded network gives {agreement}.")
    return stages, same_bits


def learning_curves(runs: Results, plan: Plan) -> Figure:
    """R2 during training on the smallest number of graphs, and after training on each."""
    smallest = min(plan.sizes)
    during = {name: [run.curve for run in runs[smallest, name]] for name in CONTESTANTS}
    after = {name: np.transpose([[run.r2 for run in runs[size, name]] for size in plan.sizes]) for name in CONTESTANTS}
    figure = Figure(figsize=(9.4, 4.2), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2)
    steps = range(0, plan.steps + 1, plan.steps_per_call)
    draw_scores(left, f"during training on {smallest} graphs", "step", steps, during)
    draw_scores(right, "after training", "training graphs", plan.sizes, after, marks=True)
    left.set_ylabel("R2 on the held-out graphs", fontsize=9)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize=9)
    figure.suptitle("log(1 + spanning trees) of graphs with seven nodes", fontsize=11, fontweight="bold")
    return figure


def _results_text(runs: Results, plan: Plan) -> str:
    """The table as a file keeps it: with the plan, the date and the versions."""
    paper = Console(width=100, no_color=True, markup=False, highlight=False)
    with paper.capture() as captured:
        paper.print(_results_table(runs))
    table = [line.rstrip() for line in captured.get().splitlines()]
    packages = ("eqgen", "keras", keras.backend.backend(), "numpy", "networkx")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return "\n".join(
        [
            "log(1 + spanning trees) of all graphs with seven nodes: R2 on the held-out graphs",
            "",
            *table,
            "",
            "gap: between the two answers for one graph under two numberings, in log(1 + trees)",
            *in_words(runs),
            "",
            f"{date.today().isoformat()}, Python {platform.python_version()}, {versions}",
            f"{count(plan.seeds, 'seed')}, {plan.steps} steps of AdamW, {plan.batch} graphs a step, learning rate "
            f"{plan.learning_rate:g} with cosine decay, weight decay {plan.weight_decay:g}",
            "",
        ]
    )


ROUNDING = 1e-4
"""Answers between 0 and 10 in float32 that differ by less than this differ by rounding."""


def _results_table(runs: Results) -> Table:
    """The rows for the screen, at most 80 columns."""
    shown = _table("graphs", "network", "parameters", "R2", "max gap", "mean gap")
    for (size, contestant), row in runs.items():
        shown.add_row(
            str(size) if contestant == next(iter(CONTESTANTS)) else "",
            contestant,
            f"{sum(weight.size for weight in row[0].weights):,}",
            score(row),
            gap(max(run.largest_gap for run in row)),
            gap(fmean(run.mean_gap for run in row)),
        )
    return shown


def _table(*headings: str) -> Table:
    words = ("network", "R2")
    columns = (
        Column(name, justify="left" if name in ("", *words) else "right", no_wrap=name in words) for name in headings
    )
    return Table(*columns, box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))


def score(row: Sequence[Run]) -> str:
    """R2: the mean, with the smallest and the largest where there are several seeds."""
    scores = [run.r2 for run in row]
    spread = f" ({min(scores):.2f}..{max(scores):.2f})" if len(row) > 1 else ""
    return f"{fmean(scores):.3f}{spread}"


def gap(value: float) -> str:
    """A difference of two answers; a tiny one by its size alone.

    >>> gap(1.23456), gap(0.0000026)
    ('1.23', '3e-06')
    """
    return f"{value:.2f}" if value >= 0.01 else f"{value:.0e}"


def factor(value: float) -> str:
    """How many times as large 1 + trees is when its logarithm is larger by `value`.

    >>> factor(0.5), factor(3.0), factor(7.0)
    ('1.6', '20', '1,097')
    """
    times = math.exp(value)
    return f"{times:.2g}" if times < 99.5 else f"{times:,.0f}"


def in_words(runs: Results) -> list[str]:
    """What the runs say: who is best on the smallest and on the largest size, and what a renumbering does to an answer."""
    sizes = [size for size, _ in runs]
    sentences = [_ranking(size, runs) for size in dict.fromkeys([min(sizes), max(sizes)])]
    for name in dict.fromkeys(name for _, name in runs):
        worst = max(run.largest_gap for (_, contestant), row in runs.items() if contestant == name for run in row)
        apart = f"two answers, up to {gap(worst)} apart (factor {factor(worst)})"
        if worst < ROUNDING:
            apart = f"one answer, up to rounding ({gap(worst)})"
        sentences.append(f"{name[0].upper()}{name[1:]}: two numberings, {apart}.")
    return sentences


def _ranking(size: int, runs: Results) -> str:
    """The order of the contestants on one size, and whether the seeds leave it open."""
    scores = {name: [run.r2 for run in row] for (row_size, name), row in runs.items() if row_size == size}
    ranked = sorted(scores.items(), key=lambda item: -fmean(item[1]))
    order = ", then ".join(f"{name} ({fmean(r2):.3f})" for name, r2 in ranked)
    (_, best), (_, second), *_ = ranked
    overlap = "overlap" if min(best) <= max(second) else "do not overlap"
    sure = f"over {len(best)} seeds the ranges of the first two {overlap}"
    return f"From {size} graphs: {order}; {sure if len(best) > 1 else 'one seed does not say how sure that is'}."
