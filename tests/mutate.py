"""Break the code in one place, run its tests, and list the breaks that no test notices.

    python tests/mutate.py --count 200 --output mutants.md
    python tests/mutate.py --only eqgen/orbitals/sparse.py --count 20

Mutants of the packages in FOLDERS are drawn with a fixed seed, evenly over their files. One is a comparison that is turned
or gets or loses its equality, `and` for `or`, a condition negated, a number one more or one less, another arithmetic
operator, two arguments exchanged, or nothing returned. Each is applied in a copy of the tree; the tests of its package run
first, with their sample of slow ones, and, if they all pass, those of every package that are not slow. Two run at a time.

What is left out, because a change there is no mistake:

- text: docstrings, messages (everything inside `raise`, f-strings and the functions in FOR_PEOPLE), annotations, decorators;
- thresholds, which decide how something is computed and not what: numbers given to names in capitals, defaults and
  comparisons in which such a name, or a field of a value of `Limits` or `Machine`, stands;
- prices, by which a program is chosen among those that compute the same: PRICES, as functions, fields and arguments;
- arguments that guard what cannot happen in a correct program, or that make arrays read-only: GUARDS; `assert`.

A survivor is a missing test or changes nothing that can be seen; those looked at are listed in EQUIVALENT with the reason.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("orbitals", "programs", "permutations")
WIDER = ("orbitals", "programs", "permutations", "spaces", "common", "language", "layers", "verification")

FOR_PEOPLE = {
    "__str__",
    "__repr__",
    "__rich__",
    "_repr_html_",
    "latex",
    "described",
    "words",
    "explanation",
    "describe",
}
"""Functions whose answer only people read; their texts have tests of their own."""

PRICES = {"work", "transform_cost", "price", "lower_bound", "Work"}
"""Functions, and the value that they make, which only say which of several programs is the faster."""

SEEDS = {"default_rng"}
"""Functions whose argument is arbitrary."""

GUARDS = {"strict", "write", "copy", "maxsize", "stacklevel", "casting", "memo", "usedforsecurity", "compress"}
"""Keyword arguments whose value changes no result."""

EQUIVALENT: dict[str, str] = {
    "eqgen/permutations/signed_permutation.py: element.all_signs() < 0 -> (element.all_signs() <= 0)": "signs are not 0",
    "eqgen/permutations/relations.py: element.all_signs()[point] < 0 -> (element.all_signs()[point] <= 0)": "signs are not 0",
    "eqgen/programs/lowering/fourier.py: len(generated) < size == len(elements) -> (len(generated) <= size == len(elements))": (
        "where all are generated, none is independent of them, and the search ends"
    ),
    "eqgen/permutations/array_functions.py: 4 -> 5 in values =": "how large the values of a trial are is arbitrary",
    "eqgen/permutations/graph_automorphisms.py: 1 -> 2 in vertex_colours, edges, first": "a colour is only to be a new one",
    'eqgen/programs/lowering/local.py: f"{labels.indices.size} supported': "so many pairs are more than a test makes",
    "eqgen/orbitals/product.py: few < 1 -> (few <= 1)": "signs that are all + are multiplied, too",
    "eqgen/programs/lowering/block_systems.py: 1 -> 2 in constant =": "any number beyond all unknowns serves",
    "eqgen/orbitals/orbits.py: 8 -> 9 in family =": "bytes: about where a table stops to fit",
    "eqgen/permutations/notation.py: 9 -> 8 in return": "how hard a text is compressed",
    "eqgen/permutations/convert.py: 0 -> 1 in row =": "any array of three axes is refused",
    "eqgen/programs/lowering/pooled.py: row == column == 0 -> (row != column == 0)": "a price: the table is made in any case",
    "eqgen/orbitals/certificate/generation.py: random.integers(2) -> (not random.integers(2))": "which products are made is arbitrary",
    "eqgen/orbitals/composition.py: set(after.output.axis_numbers) <= numbers.keys() -> (set(after.output.axis_numbers) < ": (
        "None is among the numbers, and no axis"
    ),
    "eqgen/programs/lowering/plan_cache.py: np.abs(weights) @ np.abs(features) + 1 -> ": "a plan that is refused is made anew",
    "eqgen/programs/lowering/spectral.py: np.where(np.abs(transform) < SMALL, 0, transform) -> ": (
        "entries of 1e-17 are as good as none, which multiply faster"
    ),
    "eqgen/programs/operators/isotypic.py: signs > 0 -> ": "signs are not 0, and the first orbit of a class has none that flip",
    "eqgen/permutations/array_functions.py: 4 -> 3 in values =": "how large the values of a trial are is arbitrary",
}
"""Mutants that change no result, by how their names begin, with the reason; they are not drawn."""

SYMMETRIC = {
    "array_equal",
    "maximum",
    "minimum",
    "max",
    "min",
    "gcd",
    "lcm",
    "merge",
    "intersect1d",
    "zip",
    "isinstance",
    "getattr",
    "result_type",
}
"""Functions whose first two arguments may be exchanged, or cannot be."""

OPERATORS: dict[type, list[type]] = {
    ast.Lt: [ast.LtE, ast.Gt],
    ast.LtE: [ast.Lt, ast.GtE],
    ast.Gt: [ast.GtE, ast.Lt],
    ast.GtE: [ast.Gt, ast.LtE],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
    ast.And: [ast.Or],
    ast.Or: [ast.And],
    ast.Add: [ast.Sub],
    ast.Sub: [ast.Add],
    ast.Mult: [ast.Add],
    ast.Div: [ast.Mult],
    ast.FloorDiv: [ast.Mult],
    ast.Mod: [ast.FloorDiv],
    ast.Pow: [ast.Mult],
    ast.BitAnd: [ast.BitOr],
    ast.BitOr: [ast.BitAnd],
    ast.BitXor: [ast.BitOr],
    ast.LShift: [ast.RShift],
    ast.RShift: [ast.LShift],
}


@dataclass(frozen=True)
class Mutant:
    """One place of one file, as it is and as it becomes."""

    file: str
    line: int
    function: str
    start: int
    end: int
    before: str
    after: str
    context: str

    @property
    def name(self) -> str:
        return f"{self.file}: {self.before} -> {self.after} in {self.context}"


def short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 70 else f"{text[:67]}..."


def is_threshold(node: ast.AST) -> bool:
    """Whether a number that only decides how something is computed stands in an expression."""
    return any(
        (isinstance(inner, ast.Name) and inner.id.isupper() and len(inner.id) > 1)
        or (isinstance(inner, ast.Attribute) and (inner.attr.isupper() or ast.unparse(inner.value).endswith(LIMITS)))
        for inner in ast.walk(node)
    )


LIMITS = ("limits", "machine", "Limits", "Machine")


class Finder(ast.NodeVisitor):
    """Every mutant of a file."""

    def __init__(self, file: str, source: str) -> None:
        self.file, self.source, self.mutants = file, source, []
        self.functions: list[str] = []
        self.starts = [0]
        for line in source.encode().splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.visit(ast.parse(source))

    def add(self, node: ast.AST, after: ast.AST | str) -> None:
        start = self.starts[node.lineno - 1] + node.col_offset
        end = self.starts[node.end_lineno - 1] + node.end_col_offset
        before = self.source.encode()[start:end].decode()
        text = after if isinstance(after, str) else f"({ast.unparse(after)})"
        context = self.source.splitlines()[node.lineno - 1].strip()
        self.mutants.append(Mutant(self.file, node.lineno, ".".join(self.functions), start, end, before, text, context))

    def changed(self, node: ast.AST, **fields: object) -> None:
        self.add(node, type(node)(**{**dict(ast.iter_fields(node)), **fields}))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if {node.name, node.name.lstrip("_")} & (FOR_PEOPLE | PRICES) or node.name.startswith("_repr"):
            return
        self.functions.append(node.name)
        for default in [*node.args.defaults, *node.args.kw_defaults]:
            if default is not None and not isinstance(default, ast.Constant):
                self.visit(default)
        for statement in node.body:
            self.visit(statement)
        self.functions.pop()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        if node.name.endswith(LIMITS):
            return
        self.functions.append(node.name)
        for statement in node.body:
            self.visit(statement)
        self.functions.pop()

    def visit_nothing(self, node: ast.AST) -> None:
        """Text, and what holds in every correct program."""

    visit_Raise = visit_JoinedStr = visit_Assert = visit_Import = visit_ImportFrom = visit_nothing  # noqa: N815

    def visit_Assign(self, node: ast.Assign) -> None:
        target = node.targets[0]
        if not (isinstance(target, ast.Name) and target.id.isupper()):
            self.visit(node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if (
            node.value is not None
            and self.functions
            and not (isinstance(node.target, ast.Name) and (node.target.id.isupper() or node.target.id in PRICES))
        ):
            self.visit(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        for other in OPERATORS.get(type(node.op), []):
            self.add(node, ast.unparse(ast.AugAssign(node.target, other(), node.value)))
        self.visit(node.value)

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test) == "TYPE_CHECKING":
            return
        # What is refused, or told, is a message: its own tests quote it, and its condition is mutated as any other.
        if not is_threshold(node.test):
            self.add(node.test, ast.UnaryOp(ast.Not(), node.test))
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        if not is_threshold(node.test):
            self.changed(node, body=node.orelse, orelse=node.body)
        self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None:
            if not isinstance(node.value, ast.Constant) or node.value.value is not None:
                self.add(node.value, "None")
            self.visit(node.value)

    def visit_Compare(self, node: ast.Compare) -> None:
        if is_threshold(node):
            return
        for place, operator in enumerate(node.ops):
            for other in OPERATORS[type(operator)]:
                self.changed(node, ops=[*node.ops[:place], other(), *node.ops[place + 1 :]])
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        if not is_threshold(node):
            self.changed(node, op=OPERATORS[type(node.op)][0]())
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not | ast.USub) and not isinstance(node.operand, ast.Constant):
            self.add(node, node.operand)
        if isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
            self.add(node, f"({-node.operand.value + 1})")
        else:
            self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if not any(
            isinstance(side, ast.Constant | ast.JoinedStr) and not isinstance(getattr(side, "value", 0), int)
            for side in (node.left, node.right)
        ) and not is_threshold(node):
            for other in OPERATORS.get(type(node.op), []):
                self.changed(node, op=other())
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self.add(node, str(not node.value))
        elif isinstance(node.value, int):
            self.add(node, str(node.value + 1))
            if node.value > 0:
                self.add(node, str(node.value - 1))

    def visit_keyword(self, node: ast.keyword) -> None:
        if node.arg not in GUARDS | PRICES:
            self.visit(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        name = ast.unparse(node.func).rpartition(".")[2]
        if (
            name.endswith(("Error", "warn", "counted", "listed", "join", "format", "report", "advance"))
            or name in FOR_PEOPLE | PRICES | SEEDS
        ):
            return
        first, second = [*node.args[:2], None, None][:2]
        movable = second is not None and not isinstance(first, ast.Starred) and not isinstance(second, ast.Starred)
        if movable and ast.dump(first) != ast.dump(second) and name not in SYMMETRIC:
            self.changed(node, args=[second, first, *node.args[2:]])
        self.generic_visit(node)


def drawn(files: list[Path], count: int, seed: int) -> list[Mutant]:
    """As many mutants as asked for: each file gives as many as the root of its own number of mutants has a share in."""
    source = random.Random(seed)
    found = []
    for file in files:
        name = file.relative_to(ROOT).as_posix()
        mutants = [
            mutant for mutant in Finder(name, file.read_text()).mutants if not mutant.name.startswith(tuple(EQUIVALENT))
        ]
        source.shuffle(mutants)
        found.append(mutants)
    whole = sum(len(mutants) ** 0.5 for mutants in found) or 1
    picked = [mutant for mutants in found for mutant in mutants[: max(1, round(count * len(mutants) ** 0.5 / whole))]]
    source.shuffle(picked)
    return picked


def copied(folder: Path) -> Path:
    """A copy of what git knows of the tree, and of what it does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


MEMORY = 12 << 30
"""Bytes of address space for tests without Keras: a broken bound must not take the machine's memory."""


def tests(folder: Path, places: list[str], seconds: float, bounded: bool) -> tuple[str, str]:
    """Whether tests pass in a copy, fail, or do not come to an end; and the first that fails."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-n",
        "0",
        "-p",
        "no:cacheprovider",
        "--tb=no",
        *places,
    ]
    environment = {**os.environ, "PYTHONPATH": str(folder), "EQGEN_CACHE": "off", "PYTHONDONTWRITEBYTECODE": "1"}

    def limited() -> None:
        os.setsid()
        if bounded:
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=limited,  # noqa: PLW1509 (it sets a limit and takes no lock)
    )
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return "no end", ""
    failed = [line.split(" ")[1] for line in output.splitlines() if line.startswith(("FAILED", "ERROR "))]
    if process.returncode == 0:
        return "passed", ""
    return "failed", failed[0].partition("::")[2] or failed[0] if failed else f"exit {process.returncode}"


def places(mutant: Mutant) -> tuple[list[str], list[str]]:
    """The tests of a mutant's package, those of a file of the same name first, and then those of all packages."""
    package, name = mutant.file.split("/")[1], Path(mutant.file).stem
    own = sorted((ROOT / "tests" / package).glob("test_*.py"), key=lambda file: (name[:5] not in file.stem, file.stem))
    own_names = [file.relative_to(ROOT).as_posix() for file in own]
    return [*own_names, f"eqgen/{package}"], [f"tests/{folder}" for folder in WIDER if folder != package] + [
        "tests/test_bounds.py",
        "tests/test_extending.py",
    ]


def tried(mutant: Mutant, folder: Path, seconds: list[float], own: bool) -> tuple[Mutant, str, str, float]:
    began = time.monotonic()
    path = folder / mutant.file
    source = path.read_bytes()
    path.write_bytes(source[: mutant.start] + mutant.after.encode() + source[mutant.end :])
    first, second = places(mutant)
    try:
        verdict, test = tests(folder, first, seconds[0], bounded=True)
        if verdict == "passed" and not own:
            verdict, test = tests(folder, ["-m", "not slow", *second], seconds[1], bounded=False)
    finally:
        path.write_bytes(source)
    return (
        mutant,
        {"passed": "SURVIVED", "failed": "killed", "no end": "killed: no end"}[verdict],
        test,
        time.monotonic() - began,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=[f"eqgen/{folder}" for folder in FOLDERS])
    parser.add_argument("--timeout", type=float, nargs=2, default=[600, 1800], help="seconds for each of the two runs")
    parser.add_argument("--own", action="store_true", help="only the tests of a mutant's own package")
    parser.add_argument("--output", type=Path, default=Path("mutants.md"))
    options = parser.parse_args()
    files = [
        file
        for place in options.only
        for file in (sorted((ROOT / place).rglob("*.py")) if (ROOT / place).is_dir() else [ROOT / place])
    ]
    mutants = drawn(files, options.count, options.seed)
    print(f"{len(mutants)} mutants in {len(files)} files", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        whole = copied(Path(scratch) / "unchanged")
        as_it_is = [f"tests/{folder}" for folder in (FOLDERS if options.own else WIDER)]
        verdict, test = tests(whole, ["-m", "not slow", *as_it_is], 3600, bounded=False)
        if verdict != "passed":
            sys.exit(f"the tests do not pass as the code is: {verdict}, {test}")
        folders: Queue[Path] = Queue()
        for number in range(options.workers):
            folders.put(copied(Path(scratch) / str(number)))

        def work(mutant: Mutant) -> tuple[Mutant, str, str, float]:
            folder = folders.get()
            try:
                return tried(mutant, folder, options.timeout, options.own)
            finally:
                folders.put(folder)

        rows = []
        with ThreadPoolExecutor(options.workers) as pool:
            for mutant, verdict, test, seconds in pool.map(work, mutants):
                rows.append((mutant, verdict, test))
                print(
                    f"{len(rows):4} {verdict:14} {seconds:5.0f} s  {mutant.file}:{mutant.line}  {short(mutant.before)} -> {short(mutant.after)}  {test}",
                    flush=True,
                )
                written(options.output, rows)


def written(path: Path, rows: list[tuple[Mutant, str, str]]) -> None:
    survived = sum(verdict == "SURVIVED" for _, verdict, _ in rows)
    lines = [
        f"{len(rows)} mutants, {len(rows) - survived} killed, {survived} survived.",
        "",
        "| mutant | function | result | by |",
        "| --- | --- | --- | --- |",
    ]
    for mutant, verdict, test in sorted(rows, key=lambda row: (row[1] != "SURVIVED", row[0].file, row[0].line)):
        cell = f"{mutant.file}:{mutant.line} `{short(mutant.before)}` -> `{short(mutant.after)}`".replace("|", "\\|")
        lines.append(f"| {cell} | {mutant.function} | {verdict} | {test.replace('|', '/')} |")
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
