"""Every file of the catalogue against what it says of itself, and what makes a file unreadable."""

from __future__ import annotations

import subprocess
import sys

import pytest

import eqgen as eq
from eqgen.permutations import catalogue


@pytest.fixture(scope="module", params=catalogue.names())
def entry(request) -> catalogue.Entry:
    return catalogue.entry(request.param)


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Puts a file into a catalogue of its own."""
    monkeypatch.setattr(catalogue, "folder", lambda: tmp_path)

    def write(name: str, text: str) -> None:
        (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")

    return write


GOOD = """
title = "Three items"
declaration = "p -> p where p = S(3)"
source = "By hand."
[expected]
order = 6
rank = 2
"""


def mistake(call) -> str:
    with pytest.raises(eq.DeclarationError) as caught:
        call()
    return str(caught.value)


# The files that are there


def test_the_order_is_the_expected_one(entry):
    assert eq.mapping(entry.declaration).group.order == entry.order


def test_the_rank_is_the_expected_one(entry):
    assert eq.orbits(entry.declaration).rank == entry.rank


@pytest.mark.parametrize("name", [entry.name for entry in catalogue.entries() if entry.first_row is not None])
def test_the_first_row_is_the_one_worked_out_by_hand(name):
    entry = catalogue.entry(name)
    assert next(eq.orbits(entry.declaration).pattern.entries(rows=1)) == entry.first_row.split()


def test_each_generator_leaves_the_labels_as_they_are(entry):
    labels = eq.orbits(entry.declaration).labels
    for generator in eq.mapping(entry.declaration).generators:
        assert (labels[generator.output.image][:, generator.input.image] == labels).all()


def test_title_and_source_say_something(entry):
    assert entry.title.strip() == entry.title != ""
    assert "\n" not in entry.title
    assert len(entry.source.strip()) > 20


def test_the_name_can_stand_in_a_declaration(entry):
    text = f'p -> p where p = catalogue("{entry.name}")'
    mapping = eq.mapping(text)
    assert mapping.group == eq.mapping(entry.declaration).group
    assert str(mapping) == text
    assert eq.mapping(mapping.declaration) == mapping


def test_the_declaration_parses_back(entry):
    mapping = eq.mapping(entry.declaration)
    assert eq.mapping(mapping.declaration) == mapping


def test_the_list_of_entries_is_the_folder():
    files = sorted(path.stem for path in catalogue.folder().iterdir())
    assert [entry.name for entry in catalogue.entries()] == list(catalogue.names()) == files
    assert len(files) >= 20


def test_a_catalogue_group_can_stand_inside_an_expression():
    group = eq.group('catalogue("fano-points") * S(2)')
    assert (group.degree, group.order) == (9, 336)
    assert group.text == 'catalogue("fano-points") * S(2)'


# Files that cannot be right


def test_a_new_file_is_found_by_its_name(write):
    write("three", GOOD)
    assert catalogue.names() == ("three",)
    assert catalogue.entry("three") == catalogue.Entry(
        "three", "Three items", "p -> p where p = S(3)", "By hand.", 6, 2
    )
    assert eq.group('catalogue("three")') == eq.S(3)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ('title = "Three items"', "title"),
        ('declaration = "p -> p where p = S(3)"', "declaration"),
        ('source = "By hand."', "source"),
        ("order = 6", "order"),
        ("rank = 2", "rank"),
    ],
)
def test_a_file_without_a_field_is_refused(write, line, field):
    write("three", GOOD.replace(line, ""))
    assert mistake(lambda: catalogue.entry("three")) == (
        f"groups/three.toml has no '{field}': a catalogue file needs title, declaration, source, and order and rank under "
        "[expected]"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"Three items"', "3", "groups/three.toml cannot be read: expected a text in quotes, got 3"),
        ("rank = 2", 'rank = "2"', "groups/three.toml cannot be read: expected a whole number, got '2'"),
        ("rank = 2", "rank = true", "groups/three.toml cannot be read: expected a whole number, got True"),
        ("rank = 2", "rank = 2.0", "groups/three.toml cannot be read: expected a whole number, got 2.0"),
    ],
)
def test_a_field_of_the_wrong_kind_is_refused(write, old, new, message):
    write("three", GOOD.replace(old, new))
    assert mistake(lambda: catalogue.entry("three")) == message


@pytest.mark.parametrize("text", ["title = ", "not toml at all", GOOD.replace("[expected]", "expected = 5")])
def test_a_file_that_is_not_toml_is_refused(write, text):
    write("three", text)
    assert mistake(lambda: catalogue.entry("three")).startswith("groups/three.toml cannot be read: ")


def test_a_file_that_is_not_utf8_is_refused(write, tmp_path):
    (tmp_path / "three.toml").write_bytes(b"title = '\xff'")
    assert mistake(lambda: catalogue.entry("three")).startswith("groups/three.toml cannot be read: ")


def test_files_that_need_each_other_are_refused(write):
    for name, other in [("one", "two"), ("two", "one")]:
        write(name, GOOD.replace('"p -> p where p = S(3)"', f"'p -> p where p = catalogue(\"{other}\")'"))
    message = mistake(lambda: eq.group('catalogue("one")'))
    assert message == (
        'catalogue("one") is declared by itself: groups/one.toml needs a group of its own (character 18)\n'
        '  p -> p where p = catalogue("one")\n'
        "                   ^"
    )


def test_an_entry_without_an_axis_has_no_group(write):
    write("none", GOOD.replace("p -> p where p = S(3)", "1 -> 1"))
    assert mistake(lambda: eq.group('catalogue("none")')) == (
        'catalogue("none") declares no axis (character 1)\n  catalogue("none")\n  ^'
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("graph-edge", 'the catalogue has no "graph-edge": did you mean "graph-edges"?'),
        ("xyzzy", 'the catalogue has no "xyzzy": `eqgen catalogue` lists them'),
        ("../pyproject", 'the catalogue has no "../pyproject": `eqgen catalogue` lists them'),
        ("", 'the catalogue has no "": `eqgen catalogue` lists them'),
    ],
)
def test_an_unknown_name_gets_the_nearest_one(name, message):
    assert mistake(lambda: catalogue.entry(name)) == message


# What an import costs


def test_importing_eqgen_loads_no_large_package():
    large = ["tensorflow", "keras", "sympy", "networkx", "matplotlib"]
    code = (
        "import sys, eqgen as eq\n"
        f"first = sorted(set(sys.modules) & set({large}))\n"
        "eq.mapping('p q -> p where p = S(3), q = (1 2)')\n"
        "eq.pattern('a -b; b a')\n"
        f"print(first, sorted(set(sys.modules) & set({large})))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[] []"
    assert done.stderr == ""


@pytest.mark.parametrize("installed", [True, False])
def test_the_files_are_looked_for_in_the_package_and_then_beside_it(installed, tmp_path, monkeypatch):
    module = tmp_path / "eqgen" / "permutations" / "catalogue.py"
    beside, inside = tmp_path / "groups", tmp_path / "eqgen" / "groups"
    for folder in (module.parent, beside, inside) if installed else (module.parent, beside):
        folder.mkdir(parents=True)
    monkeypatch.setattr(catalogue, "__file__", str(module))
    assert catalogue.folder() == (inside if installed else beside)
