"""The story: in which order the demo computes, prints and saves."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from eqgen.cli.demo import proof, results, seed_question
from eqgen.cli.demo.folder import prepare, write_whole
from eqgen.cli.demo.graphs import NODES, Graphs, as_inputs, atlas
from eqgen.cli.demo.networks import CONTESTANTS, EDGES, LAYER, equivariant_network, in_original_units
from eqgen.cli.demo.plan import Plan
from eqgen.cli.demo.proof import Stage
from eqgen.cli.demo.results import Row
from eqgen.cli.demo.training import Run, Trainer, split
from eqgen.cli.plot import Line, Panel, learning_curve, weight_picture
from eqgen.common.text import count
from eqgen.orbitals.orbits import Orbits, orbits

ROWS_SHOWN = 8
"""Rows of the pattern on the screen; the picture has them all."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What the demo found, for whoever calls it from Python.

    Attributes:
        answer: a, b and c before and after.
        rows: of the table.
        stages: the verification before training, after training and after loading the saved network.
        same_bits: whether the loaded network gives the very answers of the one that was saved.
        files: what was written.
    """

    answer: seed_question.Answer
    rows: tuple[Row, ...]
    stages: tuple[Stage, ...]
    same_bits: bool
    files: tuple[Path, ...]

    def __bool__(self) -> bool:
        return self.same_bits and all(self.stages)


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
    plan = plan or (Plan.full() if full else Plan.default())
    start = time.monotonic()
    prepare(output)

    graphs = atlas()
    _tell_data(console, graphs)
    found = orbits(LAYER)
    _tell_pattern(console, found)

    answer = seed_question.answer(graphs, plan)
    _tell_answer(console, answer, plan)
    weights = write_whole(output / "weights.png", partial(_save_picture, weight_picture(answer.layer, title=LAYER)))

    runs = _train_all(console, graphs, plan)
    rows = results.rows(runs)
    _tell_results(console, rows)
    curves = write_whole(output / "learning.png", partial(_save_picture, _curves(runs, rows, plan)))
    text = write_whole(output / "results.txt", partial(_save_text, _results_text(rows, plan)))

    chosen = next(run for run in reversed(runs) if run.contestant == CONTESTANTS[0].name)
    stages, same_bits, saved = _prove(chosen, graphs, output / "network.keras")
    verification = write_whole(output / "verification.txt", partial(_save_text, proof.full_text(stages)))
    _tell_proof(console, chosen, stages, same_bits)

    files = (weights, curves, text, saved, verification)
    _tell_files(console, output, files, time.monotonic() - start)
    return Outcome(answer, tuple(rows), stages, same_bits, files)


def _heading(console: Console, text: str) -> None:
    console.print()
    console.print(Text(text, style="bold"))


def _say(console: Console, text: str) -> None:
    console.print(Text(text))


def _tell_data(console: Console, graphs: Graphs) -> None:
    console.print(Text("How many spanning trees has a graph?", style="bold"))
    _say(
        console,
        f"The data: all {len(graphs.trees):,} graphs with seven nodes (the Atlas of Graphs in networkx), each as "
        f"{EDGES} numbers, a 1 for each edge. The target: log(1 + spanning trees), counted in integers (Kirchhoff): 0 to "
        f"{graphs.trees.max():,} trees. The symmetry: none of the {math.factorial(NODES):,} renumberings of the nodes "
        "changes the answer.",
    )


def _tell_pattern(console: Console, found: Orbits) -> None:
    _heading(console, f"The layer: {found.mapping}")
    space = found.mapping.output
    for number, line in enumerate(found.pattern.coloured(ROWS_SHOWN).split("\n")[:ROWS_SHOWN]):
        console.print(Text.assemble((f"{space.name(number)}  ", "dim"), line), no_wrap=True)
    _say(console, f"... {EDGES} rows, one for each edge; {count(found.rank, 'number')} in {EDGES * EDGES} places:")
    meanings = ("the edge itself", "edges that share a node with it", "edges apart from it")
    legend = found.pattern.coloured(1, 1)[:0]
    for number, (name, meaning) in enumerate(zip(found.names, meanings, strict=True)):
        row, column = found.representatives[number].tolist()
        letter = found.pattern.coloured(row + 1).split("\n")[row][2 * column : 2 * column + 1]
        legend += Text("   " if number else "") + letter + Text(f" {meaning}")
        assert letter.plain == name
    console.print(legend)


def _tell_answer(console: Console, answer: seed_question.Answer, plan: Plan) -> None:
    _heading(console, "The question")
    console.print(Text(f'"{seed_question.QUESTION}"', style="italic"))
    _say(console, f'layer = eqgen.EquivariantDense(None, "{LAYER}")')
    _say(
        console,
        f"trained for {plan.scalar_steps} steps to tell log(1 + spanning trees through each edge):",
    )
    shown = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    shown.add_column("")
    for name in answer.layer.pattern.names:
        shown.add_column(name, justify="right")
    shown.add_column(f"distinct numbers in {EDGES} x {EDGES}", justify="right")
    seen = sorted(set(answer.distinct[1:]))
    for title, values, distinct in (
        ("before training", answer.before, str(answer.distinct[0])),
        ("after training", answer.after, " or ".join(map(str, seen)) + f" after each of {plan.scalar_steps} steps"),
        ("least squares, computed", answer.optimum, ""),
        ("Dense from the same start", (), str(answer.distinct_dense)),
    ):
        cells = [f"{value:.4f}" for value in values] or [""] * len(answer.before)
        shown.add_row(title, *cells, distinct)
    console.print(shown)


def _train_all(console: Console, graphs: Graphs, plan: Plan) -> list[Run]:
    total = len(CONTESTANTS) * plan.runs
    _heading(console, "The network: three such layers, a read-out and a small head; and two rivals")
    _say(
        console,
        f"{count(total, 'network')}, {plan.steps:,} steps each, on {_listed(plan.sizes)} graphs, tested on all others, every "
        "graph under a numbering drawn at random; 'Dense, renumbered' draws new numberings for its training graphs at every "
        "step.",
    )
    runs: dict[tuple[int, int, int], Run] = {}
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # Piped output is for reading later: it gets no bar.
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("compiling", total=total * plan.steps)
        for place, contestant in enumerate(CONTESTANTS):
            trainer = Trainer(contestant, plan)
            for size in plan.sizes:
                for seed in range(plan.seeds):
                    progress.update(task, description=f"{contestant.name}, {size} graphs, seed {seed + 1}")
                    runs[size, place, seed] = trainer.train(split(graphs, size, seed), partial(progress.advance, task))
    return [runs[key] for key in sorted(runs)]


def _tell_results(console: Console, rows: Sequence[Row]) -> None:
    console.print()
    console.print(results.table(rows))
    _say(console, "R2: on the held-out graphs; gap: the answers for one graph under two numberings")
    for sentence in results.in_words(rows):
        _say(console, sentence)


def _prove(chosen: Run, graphs: Graphs, path: Path) -> tuple[tuple[Stage, ...], bool, Path]:
    """Verify the network before and after its training; save it, load it, and verify what was loaded."""
    network = equivariant_network()
    network.set_weights(chosen.initial)
    before = proof.check("before training", network)
    network.set_weights(chosen.weights)
    in_original_units(network, chosen.mean, chosen.spread)
    after = proof.check("after training", network)
    saved = write_whole(path, network.save)
    loaded = keras.models.load_model(saved)
    again = proof.check("after loading the file", loaded)
    return (before, after, again), np.array_equal(_answers(network, graphs), _answers(loaded, graphs)), saved


def _answers(network: Any, graphs: Graphs) -> Any:
    return keras.ops.convert_to_numpy(network(as_inputs(graphs.adjacency), training=False))


def _tell_proof(console: Console, chosen: Run, stages: Sequence[Stage], same_bits: bool) -> None:
    _heading(console, f"The proof, for the network that learned from {chosen.size} graphs (seed {chosen.seed + 1})")
    width = max(len(stage.name) for stage in stages)
    for stage in stages:
        console.print(Text(f"{stage.name.ljust(width)}  ") + Text(str(stage), style="green" if stage else "bold red"))
    agreement = "the same answers, bit for bit" if same_bits else "OTHER ANSWERS than before it was saved"
    _say(console, f"On all graphs the loaded network gives {agreement}.")


def _tell_files(console: Console, output: Path, files: Sequence[Path], seconds: float) -> None:
    console.print()
    # A path that is broken over two lines could not be copied.
    console.print(Text(f"Done in {seconds:.0f} s. In {output}:", style="bold"), soft_wrap=True)
    meanings = {
        "weights.png": "the weight matrix in colour, with edge names",
        "learning.png": "R2 during training, and by training size",
        "results.txt": "the table, with date and versions",
        "network.keras": "the trained network: edges to log(1 + trees)",
        "verification.txt": "all reports, before and after training and after loading",
    }
    for path in files:
        _say(console, f"  {path.name.ljust(16)}  {meanings[path.name]}")


def _curves(runs: Sequence[Run], rows: Sequence[Row], plan: Plan) -> Any:
    smallest = min(plan.sizes)
    during = []
    for contestant in CONTESTANTS:
        group = [run for run in runs if run.contestant == contestant.name and run.size == smallest]
        steps = [step for step, _ in group[0].curve]
        scores = np.array([[score for _, score in run.curve] for run in group])
        during.append(_line(contestant.name, steps, scores))
    after = []
    for contestant in CONTESTANTS:
        own = [row for row in rows if row.contestant == contestant.name]
        after.append(_line(contestant.name, [row.size for row in own], np.array([row.r2 for row in own]).T))
    return learning_curve(
        Panel(f"during training on {smallest} graphs", "step", tuple(during)),
        Panel("after training", "training graphs", tuple(after), tuple(plan.sizes)),
        y_label="R2 on the held-out graphs",
        title="log(1 + spanning trees) of graphs with seven nodes",
    )


def _line(name: str, x: Sequence[float], scores: Any) -> Line:
    """A line of means, with the range over the seeds where there are several; scores have shape (seeds, places)."""
    several = len(scores) > 1
    return Line(
        name,
        x,
        scores.mean(axis=0).tolist(),
        scores.min(axis=0).tolist() if several else None,
        scores.max(axis=0).tolist() if several else None,
    )


def _results_text(rows: Sequence[Row], plan: Plan) -> str:
    """The table as a file keeps it: with the plan, the date and the versions."""
    paper = Console(width=100, no_color=True, markup=False, highlight=False)
    with paper.capture() as captured:
        paper.print(results.table(rows))
    lines = [line.rstrip() for line in captured.get().splitlines()]
    versions = ", ".join(f"{name} {version(name)}" for name in ("eqgen", "keras", "tensorflow", "numpy", "networkx"))
    return "\n".join(
        [
            "log(1 + spanning trees) of all graphs with seven nodes: R2 on the held-out graphs",
            "",
            *lines,
            "",
            "gap: between the two answers for one graph under two numberings, in log(1 + trees)",
            *results.in_words(rows),
            "",
            f"{date.today().isoformat()}, Python {platform.python_version()}, {versions}",
            f"{count(plan.seeds, 'seed')}, {plan.steps} steps of AdamW, {plan.batch} graphs a step, learning rate "
            f"{plan.learning_rate:g} with cosine decay, weight decay {plan.weight_decay:g}",
            "",
        ]
    )


def _save_picture(figure: Any, path: Path) -> None:
    figure.savefig(path, bbox_inches="tight")


def _save_text(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")


def _listed(sizes: Sequence[int]) -> str:
    *most, last = [str(size) for size in sizes]
    return f"{', '.join(most)} and {last}" if most else last
