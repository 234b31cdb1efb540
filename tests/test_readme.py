"""What the README and the docs say is what happens."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import keras
import networkx
import numpy as np
import pytest
from rich.console import Console

import eqgen as eq

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
PYTHON = re.compile(r"```python\n(.*?)```", re.S)
ROWS = re.findall(r"^\| (.*?) \| `((?:eq|keras)\..*)` \|$", README, re.M)
K = np.arange(50)


def blocks(path):
    return "\n".join(PYTHON.findall(path.read_text()))


@pytest.mark.slow(sample=99)
@pytest.mark.parametrize("page", sorted(["README.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]))
def test_the_code_of_every_page_runs(page, capsys):
    exec(compile(blocks(ROOT / page), page, "exec"), {"__name__": page})


@pytest.mark.slow
def test_the_answer_to_the_question_is_what_the_readme_prints(capsys):
    exec(compile(PYTHON.findall(README)[0], "README.md", "exec"), {})
    out = capsys.readouterr().out
    assert "pattern a b c; c a b; b c a" in out
    assert "=> verified" in out


def test_the_pattern_is_the_one_that_is_printed():
    command = re.search(r'^\$ eqgen show "(.*)"$', README, re.M).group(1)
    done = subprocess.run(
        [sys.executable, "-m", "eqgen", "show", command], capture_output=True, text=True, check=True, cwd=ROOT
    )
    shown = "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())
    assert f"```\n{shown}\n```" in README


def circulant(matrix):
    return all(np.array_equal(np.roll(matrix[0], i), matrix[i]) for i in range(len(matrix)))


def toeplitz(matrix):
    return np.array_equal(matrix[1:, 1:], matrix[:-1, :-1]) and len(np.unique(matrix)) == 99


def distinct(matrix):
    """How many different blocks a matrix of blocks has."""
    return len({entry.tobytes() for row in matrix for entry in row})


def on_boards(matrix, move):
    """Whether a layer on an 8 x 8 board commutes with an array function."""
    order = move(np.arange(64).reshape(8, 8)).ravel()
    return np.array_equal(matrix[order][:, order], matrix)


CELLS = np.stack(np.unravel_index(np.arange(64), (8, 8)))

NEAR = np.abs(CELLS[:, :, None] - CELLS[:, None, :]).max(axis=0) <= 1

PETERSEN = networkx.to_numpy_array(networkx.petersen_graph()) + np.eye(10) > 0

MIRROR = np.array([[0, 1, 0], [1, 0, 0], [0, 0, -1]])


# The oracle of each row: what its matrix must look like, said without eqgen.
FORMS = {
    "all rows equal (all outputs the same)": lambda w: (w == w[0]).all() and len(np.unique(w)) == 3,
    "a diagonal matrix": lambda w: np.array_equal(w, np.diag(np.diag(w))) and len(np.unique(np.diag(w))) == 50,
    "`a -b; b a`, a complex number as a matrix": lambda w: w[0, 0] == w[1, 1] and w[0, 1] == -w[1, 0],
    "blocks `A B; B A`, each a matrix of its own": lambda w: (w[0, 0] == w[1, 1]).all() and (w[0, 1] == w[1, 0]).all() and not (w[0, 0] == w[0, 1]).any(),
    "a symmetric matrix": lambda w: np.array_equal(w, w.T) and len(np.unique(w)) == 3,
    "a symmetric matrix, 50 x 50": lambda w: np.array_equal(w, w.T) and len(np.unique(w)) == 50 * 51 // 2,
    "a circulant matrix": lambda w: circulant(w) and len(np.unique(w)) == 50,
    "a Toeplitz matrix": toeplitz,
    "equal rows in pairs, with a bias repeated likewise": lambda w: (w[0] == w[1]).all() and (w[2] == w[3]).all() and len(np.unique(w)) == 4,
    "a set: the order of 100 items means nothing": lambda w: all((w[i, j] == w[0, int(i != j)]).all() for i in range(100) for j in range(100)),
    "six sensors on the faces of a cube": lambda w: len({entry.tobytes() for row in w for entry in row}) == 3,
    "a sequence that reads the same backwards": lambda w: np.array_equal(w, w[::-1, ::-1]),
    "a table whose rows and columns are exchangeable": lambda w: len({entry.tobytes() for row in w for entry in row}) == 4,
    "my own permutations, as arrays counted from 0": lambda w: len({entry.tobytes() for row in w for entry in row}) == 3,
    "a board that may be turned and mirrored": lambda w: on_boards(w, np.rot90) and on_boards(w, np.fliplr) and distinct(w) == 528,
    "the symmetries of my graph": lambda w: distinct(w) == 3,
    "a mirror with signs, `new[i] = sign[i] * old[perm[i]]`": lambda w: np.array_equal(w @ MIRROR, MIRROR @ w) and w[0, 2] == -w[1, 2] != 0,
    "flows on the edges of a graph: turning an edge flips the sign": lambda w: distinct(np.abs(w)) == 3,
    "both strands of DNA: place and letter move together": lambda w: np.array_equal(w, w[::-1, ::-1]) and distinct(w) == 24 * 24 // 2,
    "a local kernel: 3 x 3 on a board that may be turned": lambda w: on_boards(w, np.rot90) and np.array_equal(w.any(axis=(2, 3)), NEAR),
    "messages between neighbours in my graph": lambda w: np.array_equal(w.any(axis=(2, 3)), PETERSEN) and distinct(w) == 3,
}  # fmt: skip


@pytest.mark.slow(sample=7)
@pytest.mark.parametrize(("question", "line"), [row for row in ROWS if row[0] in FORMS])
def test_each_line_keeps_its_form_through_training(question, line, random):
    keras.utils.set_random_seed(1)  # of a thousand random numbers two are sometimes equal
    layer = eval(line, {"eq": eq, "np": np, "keras": keras, "networkx": networkx, "k": K})
    n = layer.pattern.shape[1]
    features = random.normal(size=(32, n) if layer.units is None else (32, n, 2)).astype("float32")
    model = keras.Sequential([keras.Input(features.shape[1:]), layer])
    model.compile("adam", "mse")
    target = random.normal(size=model(features).shape)
    before = layer.weight_matrix()
    model.fit(features, target, epochs=2, verbose=0)
    after = layer.weight_matrix()
    assert not np.array_equal(before, after)
    assert FORMS[question](after)


def test_the_other_lines_of_the_table(random):
    others = dict(row for row in ROWS if row[0] not in FORMS)
    network, molecule, any_size, constraint, attention, sets = (
        "a whole network whose answer ignores the order",
        "node and edge features in, energy and charges out",
        "sets of any size, with one set of weights",
        "keep the Dense layer that I have in form",
        "attention that knows distances on a ring",
        "sets of different sizes, padded to 100",
    )
    assert set(others) == {
        "f(x, y) = f(y, x)",
        "is my own model still equivariant?",
        network,
        constraint,
        attention,
        sets,
        molecule,
        any_size,
    }
    names = {"eq": eq, "np": np, "keras": keras, "networkx": networkx, "k": K}
    model = eval(others["f(x, y) = f(y, x)"], names)
    pairs = random.normal(size=(16, 2, 3)).astype("float32")
    assert np.allclose(model(pairs), model(pairs[:, ::-1]), atol=1e-6)
    assert np.std(model(pairs)) > 0
    assert eval(others["is my own model still equivariant?"], names)
    items = random.normal(size=(4, 100, 3)).astype("float32")
    answers = eval(others[network], names)
    assert np.allclose(answers(items), answers(items[:, random.permutation(100)]), atol=1e-4)
    ring = eval(others[attention], names)
    signal = random.normal(size=(4, 12, 3)).astype("float32")
    assert np.allclose(np.roll(ring(signal), 5, axis=1), ring(np.roll(signal, 5, axis=1)), atol=1e-5)
    dense = eval(others[constraint], names)
    held = keras.Sequential([keras.Input((50,)), dense])
    held.compile("sgd", "mse")
    held.fit(random.normal(size=(8, 50)), random.normal(size=(8, 50)), verbose=0)
    kernel = np.asarray(dense.kernel)
    assert all(len(np.unique(np.diag(np.roll(kernel, step, axis=0)))) == 1 for step in range(50))
    assert eq.verify(held, "p -> p where p = C(50)")
    named = eval(others[molecule], names)
    atoms, bonds = random.normal(size=(2, 7, 5)), random.normal(size=(2, 21, 3))
    assert {name: answer.shape for name, answer in named({"atoms": atoms, "bonds": bonds}).items()} == {
        "energy": (2, 1),
        "charges": (2, 7, 1),
    }
    every = eval(others[any_size], names)
    for size in (3, 8):
        order = random.permutation(size)
        assert np.allclose(every(items[:, :size])[:, order[0]], every(items[:, :size][:, order])[:, 0], atol=1e-5)
    padded = eval(others[sets], names)
    some = np.zeros((2, 100, 3), dtype="float32")
    some[:, 10:14] = random.normal(size=(2, 4, 3))
    moved = some[:, random.permutation(100)]
    assert np.allclose(padded(some), padded(moved), atol=1e-5)


def test_the_table_is_there():
    assert len(ROWS) == len(FORMS) + 8


def test_adding_a_symmetry_is_adding_a_file(tmp_path, monkeypatch):
    from eqgen.permutations import catalogue

    name, text = re.search(r"`groups/(\w+)\.toml`.*?```toml\n(.*?)```", README, re.S).groups()
    (tmp_path / f"{name}.toml").write_text(text)
    monkeypatch.setattr(catalogue, "folder", lambda: tmp_path)
    entry = catalogue.entry(name)
    orbits = eq.orbits(entry.declaration)
    assert (orbits.mapping.group.order, orbits.rank) == (entry.order, entry.rank)
    assert " ".join(next(orbits.pattern.entries())) == entry.first_row
    assert eq.group(f'catalogue("{name}")').order == 8


def test_the_pattern_has_colours_on_a_terminal():
    terminal = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=80)
    terminal.print(eq.pattern("a -b; b 0"))
    assert "\x1b[38;2;0;114;178m a" in terminal.file.getvalue()
    assert re.sub(r"\x1b\[[0-9;]*m", "", terminal.file.getvalue()) == " a -b\n b  0\n"


def test_without_tensorflow_the_readme_installs_all_other_dependencies():
    command = re.search(r"--no-deps -e \. && \S+/pip install jax \\\n(.*)\n", README).group(1)
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert ["tensorflow", *command.split()] == [re.match(r"[\w-]+", dependency).group() for dependency in dependencies]


def test_ci_runs_the_test_command_of_the_readme():
    script = (ROOT / ".ci" / "run").read_text()
    finder = re.search(r'test_command="\$\((.*)\)"', script).group(1)
    found = subprocess.run(["bash", "-c", finder], capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()
    assert found == re.search(r"<!-- test command -->\n```\n(.*)\n```", README).group(1)
