"""Plans on disk: what comes back is what went in, and nothing else is ever found."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import eqgen as eq
from eqgen.common.cache import store
from eqgen.programs.lowering import choose as choice
from eqgen.programs.lowering import plan_cache as kept
from eqgen.programs.lowering.plan_cache import TREE, as_arrays, from_arrays
from eqgen.programs.lowering.spectral import SPECTRAL

CASES = [
    ("p p -> p p where p = S(5)", "pooled"),
    ("{p p} + p -> <p p> + 1 where p = S(5)", "auto"),
    ("r c -> r c where r = C(6), c = S(4)", "auto"),
    ("p -> p where p = D(7)", "spectral"),
    ("p -> p where p = D(7)", "gather"),
    ("p -> p where p = C(40)", "spectral"),
    ("[p p] -> ~p where p = S(4)", "auto"),
    ('f -> f where f = catalogue("rubiks-cube")', "auto"),
]


def local() -> eq.Mapping:
    return eq.mapping("b -> b", b=eq.trace((6, 6), np.rot90), support=eq.stencil(1, (6, 6)))


def ring() -> eq.Mapping:
    return eq.mapping("h w -> h w where h = C(6), w = C(5)", support=eq.stencil(1, (6, 5), wrap=True))


@pytest.mark.parametrize(
    "kind",
    [
        [".lowering.choose", "Mapping"],
        [".steps", "dataclass"],
        [".lowering.choose", "program"],
        # Of their own module, but a class that is no dataclass, and a value of one.
        [".program", "NoCombinationError"],
        [".prices", "CPU"],
    ],
)
def test_a_file_makes_nothing_but_what_programs_are_made_of(kind):
    arrays = as_arrays(eq.program("p -> p where p = S(3)"))
    tree = json.loads(arrays[TREE].tobytes())
    arrays[TREE] = np.frombuffer(json.dumps({**tree, "kind": kind}).encode(), dtype=np.uint8)
    with pytest.raises(KeyError):
        from_arrays(arrays)


@pytest.mark.parametrize(
    ("declared", "lowering"),
    [*CASES, (local, "local"), (ring, "local"), (ring, "pooled")],
    ids=lambda part: part if isinstance(part, str) else part.__name__,
)
def test_a_stored_program_is_the_same_program(declared, lowering, random):
    found = eq.program(declared if isinstance(declared, str) else declared(), lowering)
    again = from_arrays(as_arrays(found))
    # The plan's cost counts shared pools once: it tells whether what was shared still is.
    assert str(again) == str(found)
    assert (again.title, again.shape, again.rank, again.channels) == (
        found.title,
        found.shape,
        found.rank,
        found.channels,
    )
    assert (again.matrix() == found.matrix()).all()
    features, kernel = random.normal(size=(2, found.shape[1], 3)), random.normal(size=(found.rank, 3, 2))
    assert (again.run(features, kernel) == found.run(features, kernel)).all()


@pytest.fixture
def planned(tmp_path, monkeypatch):
    """Plans made so far, with an empty folder for those that are kept; every plan counts as one that took long."""
    monkeypatch.setenv("EQGEN_CACHE", str(tmp_path / "kept"))
    monkeypatch.setattr(kept, "LONG", -1)
    made = []
    make = choice._chosen
    monkeypatch.setattr(choice, "_chosen", lambda *given: made.append(given[1:]) or make(*given))
    yield made
    choice._planned.cache_clear()


def forget() -> None:
    choice._planned.cache_clear()


def test_a_plan_that_took_long_is_found_again(planned):
    forget()
    text = "p -> p where p = wreath(S(3), S(4))"
    first = eq.program(text)
    forget()
    assert str(eq.program(text)) == str(first)
    assert len(planned) == 1


@pytest.mark.parametrize(
    "other",
    [
        lambda: eq.program("p -> p where p = D(6)"),
        lambda: eq.program("p -> p where p = C(6)", "gather"),
        lambda: eq.program("p -> p where p = C(6)", channels_in=3),
        lambda: eq.program("p -> p where p = C(6)", channels_out=3),
        lambda: eq.program("p -> p where p = C(6)", batch=5),
        lambda: eq.program("q -> q where q = C(6)"),
        lambda: eq.program(eq.mapping("p -> p where p = C(6)", support=[(0, 1)])),
    ],
)
def test_another_question_is_planned_anew(other, planned):
    forget()
    eq.program("p -> p where p = C(6)")
    forget()
    other()
    assert len(planned) == 2


def test_what_other_code_planned_is_not_found(planned, monkeypatch):
    forget()
    eq.program("p -> p where p = C(6)")
    forget()
    monkeypatch.setattr(kept, "_code", lambda: "an older version")
    eq.program("p -> p where p = C(6)")
    assert len(planned) == 2


def test_any_change_of_the_code_that_plans_is_other_code(tmp_path, monkeypatch):
    digest = kept._code.__wrapped__
    assert digest() == digest()
    monkeypatch.setattr(kept, "__file__", str(tmp_path / "programs" / "lowering" / "plan_cache.py"))
    digests = [digest()]
    for package in ("common", "programs/lowering", "layers"):
        (tmp_path / package).mkdir(parents=True)
        for text in ("one = 1\n", "one = 2\n"):
            (tmp_path / package / "module.py").write_text(text)
            digests.append(digest())
    # Layers plan nothing.
    assert len(set(digests)) == len(digests) - 2
    assert digests[-3] == digests[-2] == digests[-1]


def test_all_packages_that_planning_imports_are_among_those_that_plans_depend_on():
    code = "import sys, eqgen.programs.lowering.choose; print(*{name.split('.')[1] for name in sys.modules if name.startswith('eqgen.')})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert set(done.stdout.split()) == set(kept.PLANNED_BY)


def test_a_plan_that_is_made_at_once_is_not_kept(planned, monkeypatch, tmp_path):
    forget()
    monkeypatch.setattr(kept, "LONG", 1e9)
    eq.program("p -> p where p = C(6)")
    assert not (tmp_path / "kept").exists()


def test_a_damaged_file_is_planned_anew(planned, tmp_path):
    forget()
    text = "p -> p where p = C(6)"
    first = str(eq.program(text))
    (file,) = (tmp_path / "kept").iterdir()
    file.write_bytes(file.read_bytes()[:-7])
    forget()
    assert str(eq.program(text)) == first
    assert len(planned) == 2


def of_another(text):
    """A sound plan, of something else."""
    return lambda arrays: as_arrays(eq.program(text))


def gathered_otherwise(arrays):
    """Two labels of the plan have changed places."""
    (name,) = [name for name in arrays if arrays[name].dtype.kind == "i" and arrays[name].size == 36]
    labels = arrays[name].copy()
    labels[np.abs(labels) == 2], labels[np.abs(labels) == 3] = 3, 2
    return {**arrays, name: labels}


def tree_of(text):
    return lambda arrays: {**arrays, TREE: np.frombuffer(text.encode(), dtype=np.uint8)}


@pytest.mark.parametrize(
    "forge",
    [
        lambda arrays: {},
        lambda arrays: {TREE: arrays[TREE]},
        lambda arrays: {**arrays, TREE: arrays[TREE][:-5]},
        lambda arrays: {name: array.astype(float) for name, array in arrays.items()},
        tree_of("null"),
        tree_of('"p"'),
        tree_of("[1, 2]"),
        tree_of('{"again": 5}'),
        tree_of('{"array": "none"}'),
        tree_of('{"kind": ["os", "system"], "fields": ["true"]}'),
        tree_of('{"kind": [".steps", "Stage"], "fields": []}'),
        tree_of("[" * 100_000),
        of_another("p -> p where p = S(6)"),
        of_another("p -> p where p = (1 3 2 4 5 6)"),
        of_another("p -> p where p = C(7)"),
        gathered_otherwise,
    ],
)
def test_a_wrong_plan_under_a_right_digest_is_made_anew(forge, planned, tmp_path):
    forget()
    text = "p -> p where p = C(6)"
    first = eq.program(text, "gather")
    (file,) = (tmp_path / "kept").iterdir()
    whole = file.read_bytes()
    wrong = forge(as_arrays(first))
    file.unlink()
    for other in (tmp_path / "kept").iterdir():
        other.unlink()
    store(file.name, wrong)
    assert file.read_bytes() != whole
    forget()
    planned.clear()
    again = eq.program(text, "gather")
    assert len(planned) == 1
    assert (again.matrix() == first.matrix()).all()
    assert file.read_bytes() == whole


def test_isotypic_components_are_not_worked_out_where_their_transforms_alone_cost_more(monkeypatch):
    def make(problem):
        pytest.fail("a large orbit was taken apart")

    ways = [replace(way, make=make) if way is SPECTRAL else way for way in choice.LOWERINGS]
    monkeypatch.setattr(choice, "LOWERINGS", ways)
    plan = str(eq.program("p p -> p p where p = S(12)", channels_in=8, channels_out=8))
    assert "  isotypic components are not worked out: their transforms alone take " in plan
