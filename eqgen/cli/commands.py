"""The command line: `eqgen show`, `verify`, `catalogue`, `demo`."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Column, Table

from eqgen.cli.model_file import check_model_file, in_one_line
from eqgen.common.errors import DeclarationError, count
from eqgen.language.grammar import is_mapping
from eqgen.orbitals.orbit_family import OrbitFamily, orbits
from eqgen.orbitals.orbits import Orbits
from eqgen.orbitals.pattern import Pattern, letter_name
from eqgen.orbitals.pattern import pattern as as_pattern
from eqgen.permutations import catalogue as catalogue_files
from eqgen.programs.cost import BATCH, CHANNELS
from eqgen.programs.lowering import NAMES, program, refuse_unknown

MOST_ORBITS_LISTED = 12

MOST_ROWS = 60

MOST_PLANNED = 2_000_000
"""Of one group that moves more points than this a program is not planned for being shown: it takes ten seconds and more."""

# User text is never read as markup: a declaration like "[p p]" would vanish.
plain_console = partial(Console, markup=False, highlight=False, emoji=False)

console = plain_console()

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)

# A declaration may begin with a dash ("-a b; b a"), which is no option.
DECLARATION = {"ignore_unknown_options": True}


@app.command(context_settings=DECLARATION)
def show(
    declaration: Annotated[
        str, typer.Argument(help='a mapping, "{p p} -> p where p = S(5)", or a pattern, "a b; b a"')
    ],
    latex: Annotated[bool, typer.Option("--latex", help="print the pattern as LaTeX and nothing else")] = False,
    channels: Annotated[int, typer.Option(min=1, help="plan for so many channels, in and out")] = CHANNELS,
    batch: Annotated[int, typer.Option(min=1, help="plan for so many examples at once")] = BATCH,
    lowering: Annotated[
        str, typer.Option(help=f'the program to show: "auto" for the cheapest, or {", ".join(NAMES[1:])}')
    ] = "auto",
) -> None:
    """The pattern of a declaration, its orbits, and what they save."""
    refuse_unknown(lowering)
    shown = orbits(declaration) if is_mapping(declaration) else as_pattern(declaration)
    if latex:
        console.print((shown.pattern if isinstance(shown, Orbits) else shown).latex(), soft_wrap=True)
        return
    if isinstance(shown, OrbitFamily):
        console.print(str(shown), soft_wrap=True)
        console.print(f"\nthe pattern of {shown.stable.mapping.in_short()}:", soft_wrap=True)
        _show_pattern(shown.stable)
        return
    if isinstance(shown, Orbits):
        console.print(shown.mapping.in_short(), style="bold", soft_wrap=True)
        for axis in shown.mapping.axes:
            console.print(f"{axis.name}: {axis.group.describe()}", soft_wrap=True)
        for larger in shown.mapping.larger_than_meant:
            console.print(larger, soft_wrap=True)
        console.print()
    _show_pattern(shown)
    if isinstance(shown, Orbits):
        _show_orbits(shown)
    _show_cost(shown, lowering, channels, batch)


@app.command(context_settings=DECLARATION)
def verify(
    model: Annotated[Path, typer.Argument(help="a saved model, as model.keras")],
    layer: Annotated[str | None, typer.Option(help="check only the eqgen layer of this name")] = None,
    as_declaration: Annotated[
        str | None, typer.Option("--as", help="check the whole model against this mapping")
    ] = None,
    trained: Annotated[
        bool,
        typer.Option("--trained", help="with --as: training is over, so only the weights that the model has count"),
    ] = False,
) -> None:
    """Check each eqgen layer of a saved model, or the whole model against a mapping.

    Exit status: 0 where all is verified, 1 where something is not, 3 where something is undecided and nothing fails, 2 where
    nothing could be checked.
    """
    if not model.is_file():
        raise DeclarationError(f"{model} is no file: give a model saved with model.save(...), like model.keras")
    loaded = _loaded(model)
    try:
        reports = _reports(loaded, layer, as_declaration, trained)
        carries = layer is None and _carries_declaration(loaded)
    except DeclarationError:
        raise
    except Exception as error:
        told = f"{type(error).__name__}: {in_one_line(error)}"
        raise DeclarationError(f"{model} was loaded, and cannot be checked: {told}") from None
    for report in reports:
        console.print(str(report), soft_wrap=True)
    if as_declaration is None and carries:
        console.print(f"{count(len(reports) - 1, 'eqgen layer')} checked, and the model as a whole", soft_wrap=True)
    elif as_declaration is None:
        layers = count(len(reports), "eqgen layer")
        console.print(
            f'{layers} checked; what stands between them is not: --as "..." checks the model as a whole', soft_wrap=True
        )
    verdicts = [report.verdict for report in reports]
    if "NOT VERIFIED" in verdicts:
        raise typer.Exit(1)
    if "UNDECIDED" in verdicts:
        raise typer.Exit(3)


@app.command()
def catalogue(
    name: Annotated[str | None, typer.Argument(help="show this entry: its declaration, source and pattern")] = None,
) -> None:
    """What groups/ declares, or one entry of it; catalogue("name") in a declaration is the group of an entry."""
    if name is not None:
        entry = catalogue_files.entry(name)
        console.print(entry.title, style="bold", soft_wrap=True)
        console.print(" ".join(entry.source.split()))
        console.print()
        show(entry.declaration)
        return
    table, mistakes = _table("name", "title", "order", "rank", no_wrap=True), []
    for each in catalogue_files.names():
        try:
            entry = catalogue_files.entry(each)
            table.add_row(entry.name, entry.title, str(entry.order), str(entry.rank))
        except DeclarationError as error:
            mistakes.append(str(error))
    # Piped output is for other programs, which a table cut to 80 columns does not serve.
    wide = console if console.is_terminal else plain_console(width=200)
    wide.print(table)
    wide.print('\n`eqgen catalogue NAME` shows the declaration of one; its group alone is catalogue("NAME")')
    if mistakes:  # one bad file does not hide the others
        raise DeclarationError("\n".join(mistakes))


@app.command()
def demo(
    full: Annotated[
        bool, typer.Option("--full", help="all four training sizes and five seeds (about ten minutes)")
    ] = False,
    output: Annotated[Path, typer.Option(help="the folder for the results")] = Path("eqgen-demo"),
) -> None:
    """The main job on real input: the a/b/c layer on all graphs of seven nodes, start to end."""
    _import_keras()
    from eqgen.cli.demo.story import run
    from eqgen.cli.demo.training import FULL_PLAN, Plan

    if not run(output, FULL_PLAN if full else Plan(), console):
        raise typer.Exit(1)


@app.callback(invoke_without_command=True)
def version(show_version: Annotated[bool, typer.Option("--version", help="show the version and end")] = False) -> None:
    """Declare a symmetry; get the Keras layer, and the proof."""
    if show_version:
        from importlib.metadata import version as installed_version

        console.print(f"eqgen {installed_version('eqgen')}")
        raise typer.Exit


def main() -> None:
    """Run the command line; a user's mistake is told on a few lines, without a traceback, with exit status 2."""
    try:
        app()
    except DeclarationError as error:
        plain_console(stderr=True).print(f"error: {error}", soft_wrap=True)
        sys.exit(2)


def _table(*headings: str, no_wrap: bool = False) -> Table:
    numbers = ("order", "rank", "pairs", "in a row")
    columns = (Column(name, justify="right" if name in numbers else "left", no_wrap=no_wrap) for name in headings)
    return Table(*columns, box=None, pad_edge=False, header_style="bold")


def _show_pattern(shown: Orbits | Pattern) -> None:
    m, n = shown.shape
    names = shown.names if isinstance(shown, Pattern) else [letter_name(max(shown.rank - 1, 0))]
    columns = max(1, (console.width - 4) // (max(map(len, names), default=0) + 2))
    # Of a table that may not fit, one row and one column more than are printed: they tell that something is left out.
    if isinstance(shown, Orbits):
        corner = Pattern(shown.form.at(np.arange(min(m, MOST_ROWS + 1)), np.arange(min(n, columns + 1))))
    else:
        corner = Pattern(shown.signed_labels[: MOST_ROWS + 1, : columns + 1], shown.names)
    console.print(corner.coloured(MOST_ROWS, columns))
    if m > MOST_ROWS or n > columns:
        console.print(f"({min(m, MOST_ROWS)} of {m} rows, {min(n, columns)} of {n} columns)")
    console.print()


def _show_orbits(found: Orbits) -> None:
    m, n = found.shape
    support = found.mapping.support
    some = f"{support.indices.size} of " if support is not None else ""
    console.print(f"{count(found.rank, 'orbit')} of {some}{m} x {n} (output, input) pairs")
    table = _table("orbit", "pairs", "in a row", "first pair")
    for number, (row, column) in enumerate(found.representatives[:MOST_ORBITS_LISTED].tolist()):
        pair = f"{found.mapping.output.name(row)} <- {found.mapping.input.name(column)}"
        table.add_row(letter_name(number), str(found.sizes[number]), str(found.row_sizes[number]), pair)
    console.print(table)
    if found.rank > MOST_ORBITS_LISTED:
        console.print(f"... and {found.rank - MOST_ORBITS_LISTED} more")
    console.print()


def _show_cost(shown: Orbits | Pattern, lowering: str, channels: int, batch: int) -> None:
    m, n = shown.shape
    console.print(f"parameters   {shown.rank} instead of {m * n}, each times channels in x channels out")
    if lowering == "auto" and m + n > MOST_PLANNED and isinstance(shown, Orbits) and len(shown.mapping.units) < 2:
        why = f"of {m} x {n} pairs that takes long; eq.program(...) does it"
        console.print(f"program      not planned here: {why}", soft_wrap=True)
        return
    try:
        found = program(shown, lowering, channels_in=channels, channels_out=channels, batch=batch)
    except DeclarationError as error:
        if lowering != "auto":
            raise
        console.print(f"program      none: {error}", soft_wrap=True)
        return
    # The declaration stands above.
    console.print(f"program      {str(found).removeprefix(f'{found.title}: ')}", soft_wrap=True)


def _import_keras() -> Any:
    """The keras module; what TensorFlow's C++ code writes to standard error while it starts is dropped.

    TensorFlow reports missing GPU drivers before any of its settings is read, so the file descriptor itself is turned
    away for that moment. An exception of the import is not hidden: Python raises it after the descriptor is back.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        import keras

        # The first operation starts the devices, which has notes of its own.
        keras.ops.zeros(1)
    except ModuleNotFoundError as error:
        backend = os.environ.get("KERAS_BACKEND", "tensorflow")
        if error.name != backend:
            raise
        raise DeclarationError(
            f"the backend of Keras is {backend}, which is not installed: set KERAS_BACKEND to one that is, jax or torch, or pip "
            f"install {backend}"
        ) from None
    finally:
        os.dup2(kept, 2)
        os.close(kept)
    return keras


def _loaded(path: Path) -> Any:
    """The model that a file holds, bit for bit; nothing of it is compiled, and no code of it is run."""
    if path.suffix != ".keras":
        raise DeclarationError(
            f"{path} is no .keras file, and no other is read, for it may hold code: save the model with "
            f'model.save("{path.stem}.keras")'
        )
    with _told_of(path):
        check_model_file(path)
    # What is wrong with the backend is no fault of the file.
    keras = _import_keras()
    with _told_of(path):
        return keras.models.load_model(path, compile=False)


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise DeclarationError(f"{path} cannot be loaded as a Keras model: {in_one_line(error)}") from None


def _reports(model: Any, layer: str | None, declaration: str | None, trained: bool) -> list[Any]:
    from eqgen.verification.outputs import equivariant_layers
    from eqgen.verification.verify import verify as verified

    if declaration is not None:
        if layer is not None:
            raise DeclarationError("--layer checks one layer and --as the whole model: give one of the two")
        return [verified(model, declaration, training=not trained)]
    if trained:
        raise DeclarationError("--trained goes with --as: an eqgen layer keeps its form whatever its weights are")
    layers = equivariant_layers(model)
    checked = [each for each in layers if layer in (None, each.name)]
    if not checked and layer is not None:
        names = ", ".join(each.name for each in layers) or "none"
        raise DeclarationError(f"the model has no eqgen layer named {layer!r}: it has {names}")
    if not checked:
        raise DeclarationError('the model has no eqgen layer: say what it should be with --as "p -> p where p = S(5)"')
    if layer is None and _carries_declaration(model):
        # Its arrays say what the whole of it is.
        return [*map(verified, checked), verified(model)]
    return list(map(verified, checked))


def _carries_declaration(model: Any) -> bool:
    """Whether a model is one of named arrays, which say what the whole of it is."""
    from eqgen.verification.declared import named_declaration

    return named_declaration(model) is not None
