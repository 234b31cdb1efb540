"""The story: in which order the demo computes, prints and saves."""

import math
import platform
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from statistics import fmean
from typing import Any

import keras
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from eqgen.cli.demo import seed_question
from eqgen.cli.demo.graphs import EDGES, NODES, Integers, as_inputs, atlas, log_of_one_more, spanning_trees
from eqgen.cli.demo.training import CONTESTANTS, FULL_PLAN, LAYER, WHOLE, Plan, Run, Trainer, equivariant_network
from eqgen.cli.plot import Panel, learning_curve, weight_picture
from eqgen.common.errors import DeclarationError, count
from eqgen.common.files import whole_file
from eqgen.orbitals.orbits import orbits
from eqgen.verification.report import Report
from eqgen.verification.verify import equivariant_layers, verify

ROWS_SHOWN = 8
"""Rows of the pattern on the screen; the picture has them all."""

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
        runs: all trained networks, in the order of the table.
        stages: for each moment, like `after training`, the report on the network as a whole, and one on each of its layers.
        same_bits: whether the loaded network gives the very answers of the one that was saved.
    """

    answer: seed_question.Answer
    runs: list[Run]
    stages: dict[str, list[Report]]
    same_bits: bool

    def __bool__(self) -> bool:
        return self.same_bits and all(all(reports) for reports in self.stages.values())


def run(output: Path, *, full: bool = False, console: Console | None = None, plan: Plan | None = None) -> Outcome:
    """The whole demo: data, pattern, seed question, training, table, proof.

    Args:
        output: the folder for the results; files of an earlier run are replaced.
        full: all four training sizes and five seeds.
        console: where to print.
        plan: how much to train, in place of the two usual plans.

    Raises:
        DeclarationError: the folder cannot be written.
    """
    console = console or Console(markup=False, highlight=False)
    plan = plan or (FULL_PLAN if full else Plan())
    start = time.monotonic()
    prepare(output)

    graphs = atlas()
    trees = spanning_trees(graphs)
    _tell_data(console, trees)
    _tell_pattern(console)

    answer = seed_question.answer(graphs, plan.scalar_steps)
    _tell_answer(console, answer)
    with written_whole(output / "weights.png") as file:
        weight_picture(answer.layer, title=LAYER).savefig(file, bbox_inches="tight")

    runs = _train_all(console, graphs, log_of_one_more(trees), plan)
    console.print()
    console.print(_results_table(runs))
    console.print("R2: on the held-out graphs; gap: the answers for one graph under two numberings")
    console.print("\n".join(in_words(runs)))
    with written_whole(output / "learning.png") as file:
        _curves(runs, plan).savefig(file, bbox_inches="tight")
    with written_whole(output / "results.txt") as file:
        file.write_text(_results_text(runs, plan), encoding="utf-8")

    chosen = [run for run in runs if run.contestant == "equivariant"][-1]
    stages, same_bits = _prove(console, chosen, graphs, output)

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


def _tell_data(console: Console, trees: Integers) -> None:
    console.print("How many spanning trees has a graph?", style="bold")
    console.print(
        f"The data: all {len(trees):,} graphs with seven nodes (the Atlas of Graphs in networkx), each as "
        f"{EDGES} numbers, a 1 for each edge. The target: log(1 + spanning trees), counted in integers (Kirchhoff): 0 to "
        f"{trees.max():,} trees. The symmetry: none of the {math.factorial(NODES):,} renumberings of the nodes "
        "changes the answer."
    )


def _tell_pattern(console: Console) -> None:
    found = orbits(LAYER)
    console.print(f"\nThe layer: {found.mapping}", style="bold")
    coloured, letters = found.pattern.coloured().split("\n"), Text()
    for number, line in enumerate(coloured[:ROWS_SHOWN]):
        console.print(Text.assemble((f"{found.mapping.output.name(number)}  ", "dim"), line), no_wrap=True)
    console.print(f"... {EDGES} rows, one for each edge; {count(found.rank, 'number')} in {EDGES * EDGES} places:")
    meanings = ("the edge itself", "edges that share a node with it", "edges apart from it")
    for (row, column), meaning in zip(found.representatives.tolist(), meanings, strict=True):
        letters += coloured[row][2 * column] + Text(f" {meaning}   ")
    letters.rstrip()
    console.print(letters)


def _tell_answer(console: Console, answer: seed_question.Answer) -> None:
    steps, after = len(answer.distinct) - 1, keras.ops.convert_to_numpy(answer.layer.kernel)
    console.print("\nThe question", style="bold")
    console.print(f'"{seed_question.QUESTION}"', style="italic")
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


def _train_all(console: Console, graphs: Integers, targets: Any, plan: Plan) -> list[Run]:
    total = len(CONTESTANTS) * len(plan.sizes) * plan.seeds
    *most, last = map(str, plan.sizes)
    sizes = f"{', '.join(most)} and {last}" if most else last
    console.print("\nThe network: three such layers, a read-out and a small head; and two rivals", style="bold")
    console.print(
        f"{count(total, 'network')}, {plan.steps:,} steps each, on {sizes} graphs, tested on all others, every "
        "graph under a numbering drawn at random; 'Dense, renumbered' draws new numberings for its training graphs at every "
        "step."
    )
    runs = []
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # Piped output is for reading later: it gets no bar.
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("compiling", total=total * plan.steps)
        for name in CONTESTANTS:
            trainer = Trainer(name, plan)
            for size in plan.sizes:
                for seed in range(plan.seeds):
                    progress.update(task, description=f"{name}, {size} graphs, seed {seed + 1}")
                    runs.append(trainer.train(graphs, targets, size, seed, partial(progress.advance, task)))
    # Contestants and seeds stay in order.
    return sorted(runs, key=lambda run: run.size)


def _prove(console: Console, chosen: Run, graphs: Integers, output: Path) -> tuple[dict[str, list[Report]], bool]:
    """Verify the network before and after its training; save it, load it, and verify what was loaded."""

    def reports(network: Any) -> list[Report]:
        return [verify(network, WHOLE), *map(verify, equivariant_layers(network))]

    network, stages = equivariant_network(), {}
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

    console.print(
        f"\nThe proof, for the network that learned from {chosen.size} graphs (seed {chosen.seed + 1})", style="bold"
    )
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


def _curves(runs: Sequence[Run], plan: Plan) -> Any:
    smallest = min(plan.sizes)
    table = rows(runs)
    during = {name: [run.curve for run in table[smallest, name]] for name in CONTESTANTS}
    after = {name: np.transpose([[run.r2 for run in table[size, name]] for size in plan.sizes]) for name in CONTESTANTS}
    steps = range(0, plan.steps + 1, plan.steps_per_call)
    return learning_curve(
        Panel(f"during training on {smallest} graphs", "step", steps, during),
        Panel("after training", "training graphs", plan.sizes, after, marks=True),
        y_label="R2 on the held-out graphs",
        title="log(1 + spanning trees) of graphs with seven nodes",
    )


def _results_text(runs: Sequence[Run], plan: Plan) -> str:
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


def rows(runs: Sequence[Run]) -> dict[tuple[int, str], list[Run]]:
    """For each row of the table, a size and a contestant, its runs."""
    return {key: list(row) for key, row in groupby(runs, lambda run: (run.size, run.contestant))}


def _results_table(runs: Sequence[Run]) -> Table:
    """The rows for the screen, at most 80 columns."""
    shown = _table("graphs", "network", "parameters", "R2", "max gap", "mean gap")
    for (size, contestant), row in rows(runs).items():
        shown.add_row(
            str(size) if contestant == runs[0].contestant else "",
            contestant,
            f"{sum(weight.size for weight in row[0].weights):,}",
            score(row),
            gap(max(run.largest_gap for run in row)),
            gap(fmean(run.mean_gap for run in row)),
        )
    return shown


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in headings:
        words = heading in ("network", "R2")
        table.add_column(heading, justify="left" if words or not heading else "right", no_wrap=words)
    return table


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


def in_words(runs: Sequence[Run]) -> list[str]:
    """What the runs say: who is best on the smallest and on the largest size, and what a renumbering does to an answer."""
    sizes = sorted({run.size for run in runs})
    sentences = [_ranking(size, runs) for size in dict.fromkeys([sizes[0], sizes[-1]])]
    for name in dict.fromkeys(run.contestant for run in runs):
        worst = max(run.largest_gap for run in runs if run.contestant == name)
        apart = (
            f"one answer, up to rounding ({gap(worst)})"
            if worst < ROUNDING
            else f"two answers, up to {gap(worst)} apart (factor {factor(worst)})"
        )
        sentences.append(f"{name[0].upper()}{name[1:]}: two numberings, {apart}.")
    return sentences


def _ranking(size: int, runs: Sequence[Run]) -> str:
    """The order of the contestants on one size, and whether the seeds leave it open."""
    scores = {name: [run.r2 for run in row] for (row_size, name), row in rows(runs).items() if row_size == size}
    ranked = sorted(scores.items(), key=lambda item: -fmean(item[1]))
    order = ", then ".join(f"{name} ({fmean(r2):.3f})" for name, r2 in ranked)
    (_, best), (_, second), *_ = ranked
    overlap = "overlap" if min(best) <= max(second) else "do not overlap"
    sure = f"over {len(best)} seeds the ranges of the first two {overlap}"
    return f"From {size} graphs: {order}; {sure if len(best) > 1 else 'one seed does not say how sure that is'}."
