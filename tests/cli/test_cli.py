"""The command line, as it is typed."""

from __future__ import annotations

import subprocess
import sys

import keras
import pytest

import eqgen as eq
from eqgen.cli import commands as cli


@pytest.fixture
def run(capsys, monkeypatch):
    """Run a command line in this process: exit status, standard output, standard error."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["eqgen", *arguments])
        monkeypatch.setenv("COLUMNS", "80")
        try:
            cli.main()
            status = 0
        except SystemExit as end:
            status = end.code or 0
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


SHOWN = """\
{p p} -> {p p} where p = S(4)
p: order 24, one orbit of 4 points

a b b b b c
b a b b c b
b b a c b b
b b c a b b
b c b b a b
c b b b b a

3 orbits of 6 x 6 (output, input) pairs
orbit  pairs  in a row  first pair
a          6         1  {1,2} <- {1,2}
b         24         4  {1,2} <- {1,3}
c          6         1  {1,2} <- {3,4}

parameters   3 instead of 36, each times channels in x channels out
program      pooled
  sum all points -> mix once -> add to every point
  sum to the 3 blocks of 2 points -> mix at 3 points -> add back from the 3 blocks of 2 points
  every point -> mix at 6 points -> add to every point
mixing       41 k multiply-adds an example with 64 -> 64 channels, 0.28 of Dense's 147 k
step         forward 1.35 M multiply-adds and 360 kB, backward 2.7 M multiply-adds and 360 kB, batch 32
runner-up    gather, 1.68 times the cost of pooled
"""


def test_show_prints_pattern_orbits_and_cost(run):
    status, out, err = run("show", "{p p} -> {p p} where p = S(4)")
    assert (status, err) == (0, "")
    assert "\n".join(line.rstrip() for line in out.splitlines()) + "\n" == SHOWN


def test_show_takes_a_pattern_that_begins_with_a_dash(run):
    status, out, _ = run("show", "-a b; b a")
    assert status == 0
    assert out.startswith("-a  b\n b  a\n")


def test_user_text_is_never_markup(run):
    status, _, err = run("show", "p [red] -> p where p = S(2)")
    assert status == 2
    assert "p [red] -> p where p = S(2)" in err


def test_show_as_latex(run):
    assert run("show", "--latex", "a b; b a")[1] == "\\begin{pmatrix}\na & b \\\\\nb & a\n\\end{pmatrix}\n"


def test_a_large_pattern_is_cut_and_says_so(run):
    _, out, _ = run("show", "p -> p where p = S(100)")
    assert "(60 of 100 rows, 25 of 100 columns)" in out


def test_a_mistake_is_told_without_a_traceback(run):
    status, out, err = run("show", "{p q} -> p where p = S(3)")
    assert (status, out) == (2, "")
    assert err == (
        "error: {p q} mixes the axes p and q: distinct points come from one axis; write {p p}, or p q for pairs over two "
        "axes (character 4)\n  {p q} -> p where p = S(3)\n     ^\n"
    )


def test_show_imports_only_what_it_uses():
    code = (
        "import runpy, sys\n"
        "sys.argv = ['eqgen', 'show', '{p p} -> {p p} where p = S(5)']\n"
        "try: runpy.run_module('eqgen', run_name='__main__')\nexcept SystemExit: pass\n"
        "slow = {'tensorflow', 'keras', 'sympy', 'matplotlib', 'networkx', 'igraph', 'scipy'} & set(sys.modules)\n"
        "assert not slow, slow\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "3 orbits" in done.stdout


def test_catalogue_lists_every_file(run):
    status, out, _ = run("catalogue")
    assert status == 0
    lines = out.splitlines()
    assert lines[0].split() == ["name", "title", "order", "rank"]
    assert len(lines) >= 43
    assert lines[-1] == '`eqgen catalogue NAME` shows the declaration of one; its group alone is catalogue("NAME")'
    cube = next(line for line in lines if line.startswith("rubiks-cube "))
    assert cube.split()[-2:] == ["43252003274489856000", "9"]


def test_catalogue_shows_one_entry(run):
    status, out, _ = run("catalogue", "cube-faces")
    assert status == 0
    assert out.startswith("Faces of a cube under its rotations\n")
    assert " where " in out
    assert "3 orbits of 6 x 6 (output, input) pairs" in out
    status, _, err = run("catalogue", "cube-face")
    assert (status, err) == (2, 'error: the catalogue has no "cube-face": did you mean "cube-faces"?\n')


def test_one_bad_file_does_not_hide_the_others(run, monkeypatch, tmp_path):
    from eqgen.permutations import catalogue

    good = (catalogue.folder() / "set.toml").read_text()
    (tmp_path / "good.toml").write_text(good)
    (tmp_path / "bad.toml").write_text('title = "x"')
    monkeypatch.setattr(catalogue, "folder", lambda: tmp_path)
    status, out, err = run("catalogue")
    assert status == 2
    assert "\ngood " in out
    assert err == (
        "error: groups/bad.toml has no 'expected': a catalogue file needs title, declaration, source, and order and rank under "
        "[expected]\n"
    )


def test_a_catalogue_name_without_quotes(run):
    for text in ("p -> p where p = catalogue(cube-faces)", "p -> p where p = catalogue('cube-faces')"):
        assert 'the name stands in double quotes, as in catalogue("rubiks-cube")' in run("show", text)[2]


def test_version(run):
    assert run("--version")[1] == "eqgen 0.1.0\n"


@pytest.fixture
def saved(tmp_path):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((10, 1)),
            eq.EquivariantDense(4, "{p p} -> {p p} where p = S(5)", name="first"),
            eq.EquivariantDense(4, "{p p} -> 1 where p = S(5)", name="second"),
            keras.layers.Flatten(),
            keras.layers.Dense(1),
        ]
    )
    model.save(tmp_path / "model.keras")
    return str(tmp_path / "model.keras")


def test_verify_checks_a_network_of_named_arrays_as_a_whole_too(run, tmp_path):
    declared = {"inputs": {"atoms": ("p", 2)}, "outputs": {"charges": ("p", 1), "energy": ("1", 1)}}
    eq.network(**declared, hidden={"p": 4}, depth=1, where="p = S(3)", name="molecule").save(tmp_path / "model.keras")
    status, out, _ = run("verify", str(tmp_path / "model.keras"))
    assert status == 0
    assert "EquivariantNetwork 'molecule': charges: p -> p where p = S(3); energy: p -> 1 where p = S(3)" in out
    assert out.endswith("3 eqgen layers checked, and the model as a whole\n")


def test_verify_checks_each_layer(run, saved):
    status, out, _ = run("verify", saved)
    assert status == 0
    assert out.count("=> verified") == 2
    assert out.endswith(
        '2 eqgen layers checked; what stands between them is not: --as "..." checks the model as a whole\n'
    )


def test_verify_one_layer(run, saved):
    status, out, _ = run("verify", saved, "--layer", "second")
    assert status == 0
    assert out.startswith("EquivariantDense 'second': {p p} -> 1 where p = S(5)\n")
    assert out.count("=>") == 1


def test_verify_the_whole_model(run, saved):
    status, out, _ = run("verify", saved, "--as", "{p p} -> 1 where p = S(5)")
    assert status == 0
    assert "=> verified" in out


def test_verify_a_model_that_is_trained(run, tmp_path):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, kernel_initializer="ones", name="all")])
    model.save(tmp_path / "dense.keras")
    arguments = ("verify", str(tmp_path / "dense.keras"), "--as", "p -> p where p = S(4)")
    status, out, _ = run(*arguments)
    assert status == 1
    assert "; what breaks it is 'all' (Dense)\n" in out
    status, out, _ = run(*arguments, "--trained")
    assert (status, "=> verified" in out) == (0, True)


def test_show_the_program_that_is_asked_for(run):
    status, out, _ = run("show", "p -> p where p = S(30)", "--lowering", "gather")
    assert status == 0
    assert "\nprogram      gather\n  all points at once -> mix 30 x 30 -> every point\n" in out
    status, _, err = run("show", "p -> p where p = S(30)", "--lowering", "local")
    assert (status, err) == (
        2,
        "error: p -> p where p = S(30) has no local program (it names no support, so every input is everybody's neighbour): use "
        'lowering="auto"\n',
    )
    status, _, err = run("show", "p -> p where p = S(30)", "--lowering", "fast")
    assert (status, err) == (
        2,
        'error: lowering is \'fast\': expected "auto", "gather", "pooled", "spectral" or "local"\n',
    )


def test_verify_exits_with_1_when_it_does_not_hold(run, tmp_path):
    model = keras.Sequential([keras.Input((10,)), keras.layers.Dense(10)])
    model.save(tmp_path / "dense.keras")
    status, out, _ = run("verify", str(tmp_path / "dense.keras"), "--as", "p -> p where p = S(10)")
    assert status == 1
    assert "=> NOT VERIFIED" in out


def test_verify_exits_with_3_where_it_is_undecided(run, tmp_path):
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(5, kernel_initializer="zeros")])
    model.save(tmp_path / "zero.keras")
    arguments = ("verify", str(tmp_path / "zero.keras"), "--as", "p -> p where p = S(5)", "--trained")
    status, out, _ = run(*arguments)
    assert status == 3
    assert "nothing is shown" in out
    assert out.strip().endswith("=> UNDECIDED")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{saved}", "--layer", "third"], "error: the model has no eqgen layer named 'third': it has first, second\n"),
        (["{saved}", "--layer", "first", "--as", "p -> p where p = S(3)"], "error: --layer checks one layer and --as the whole model: give one of the two\n"),
        (["{saved}", "--trained"], "error: --trained goes with --as: an eqgen layer keeps its form whatever its weights are\n"),
        (["missing.keras"], "error: missing.keras is no file: give a model saved with model.save(...), like model.keras\n"),
    ],
)  # fmt: skip
def test_verify_mistakes(run, saved, arguments, message):
    status, _, err = run("verify", *[argument.format(saved=saved) for argument in arguments])
    assert (status, err) == (2, message)


def test_verify_a_file_that_is_no_model(run, tmp_path):
    (tmp_path / "broken.keras").write_bytes(b"not a model")
    status, _, err = run("verify", str(tmp_path / "broken.keras"))
    assert status == 2
    assert err.startswith(f"error: {tmp_path}/broken.keras cannot be loaded as a Keras model: ")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("name", ["model.h5", "model.hdf5", "model"])
def test_only_keras_files_are_read(name, tmp_path, run):
    path = tmp_path / name
    path.write_bytes(b"\x89HDF\r\n")
    status, out, err = run("verify", str(path))
    assert (status, out) == (2, "")
    assert err == (
        f"error: {path} is no .keras file, and no other is read, for it may hold code: save the model with "
        'model.save("model.keras")\n'
    )


def test_verify_a_model_without_eqgen_layers(run, tmp_path):
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)]).save(tmp_path / "dense.keras")
    status, _, err = run("verify", str(tmp_path / "dense.keras"))
    assert (status, err) == (
        2,
        'error: the model has no eqgen layer: say what it should be with --as "p -> p where p = S(5)"\n',
    )


@pytest.mark.parametrize("proved", [True, False])
def test_the_demo_exits_with_1_when_its_proof_fails(run, monkeypatch, tmp_path, proved):
    from eqgen.cli.demo import story

    monkeypatch.setattr(story, "run", lambda *arguments, **options: proved)
    assert run("demo", "--output", str(tmp_path))[0] == (0 if proved else 1)


def test_show_says_that_axes_move_together_by_more_than_any_needs(run):
    status, out, _ = run(
        "show", "p w -> w where p & w = Group((1 2 3), (1 2)) & Group((1 2 3)(4 5 6), (1 4)(2 5)(3 6))"
    )
    assert status == 0
    assert out.splitlines()[:5] == [
        "p w -> w where p & w = Group((1 2 3), (1 2)) & Group((1 2 3)(4 5 6), (1 4)(2 5)(3 6))",
        "p: order 6, one orbit of 3 points",
        "w: order 6, one orbit of 6 points",
        "p & w have order 18 together, and alone p has 6, w has 6: more than any of them needs; does generator k of each axis "
        "belong to the same element?",
        "",
    ]
