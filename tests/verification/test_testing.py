"""eq.testing in a test suite of somebody else: the strategies, the fixture, the traceback, the entry point."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

import eqgen as eq

ROOT = Path(__file__).resolve().parents[2]

SIGNED = "{p p} -> [p p] where p = S(4)"


def test_elements_are_elements_of_the_group_and_reach_all_of_them():
    ring = eq.mapping("p -> p where p = C(6)")
    reached = set()

    @given(eq.testing.elements(ring))
    @settings(max_examples=200)
    def moves(g):
        # Of the 720 permutations the six turns.
        shift = int(g.input.image[0])
        assert g.input.image.tolist() == [(point + shift) % 6 for point in range(6)]
        reached.add(shift)

    moves()
    assert reached == set(range(6))


@given(eq.testing.elements(SIGNED), eq.testing.elements(SIGNED))
def test_both_sides_of_an_element_are_moved_by_the_same_permutation(g, h):
    mapping = eq.mapping(SIGNED)
    for element in (g, g.then(h)):
        images = [mapping.input.points[image] for image in element.input.image]
        nodes = {
            node: set.intersection(*(set(image) for edge, image in zip(mapping.input.points, images, strict=True) if node in edge)).pop()
            for node in range(4)
        }  # fmt: skip
        for (first, second), image, sign in zip(
            mapping.output.points, element.output.image, element.output.all_signs(), strict=True
        ):
            ends = (nodes[first], nodes[second])
            assert mapping.output.points[image] == tuple(sorted(ends))
            assert sign == (1 if ends[0] < ends[1] else -1)


def test_elements_shrink_to_one_generator_and_inputs_to_whole_numbers():
    mapping = eq.mapping("p -> p where p = S(5)")
    moving = find(eq.testing.elements(mapping), lambda g: g.input.image[0] != 0)
    assert moving.name == "generator 1 of p, (1 2 3 4 5)"
    assert find(eq.testing.elements(mapping), lambda g: True).name == "the identity"
    assert find(eq.testing.inputs(mapping), lambda x: x[1] > 2.5).tolist() == [0, 3, 0, 0, 0]


@given(eq.testing.elements("p -> p where p = (1)(2)"))
def test_where_nothing_moves_there_is_the_identity_alone(g):
    assert g.input.image.tolist() == [0, 1]


@given(st.data())
def test_inputs_are_finite_and_have_the_shape_of_the_input_space(data):
    x = data.draw(eq.testing.inputs("{p p} -> p where p = S(4)", channels=3))
    assert x.shape == (6, 3)
    assert x.dtype == np.float64
    assert np.isfinite(x).all()


def test_without_hypothesis_the_strategies_say_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(eq.DeclarationError) as raised:
        eq.testing.elements("p -> p where p = S(3)")
    assert str(raised.value) == (
        'the strategies of eqgen.testing need hypothesis: pip install hypothesis, or pip install "eqgen[test]"'
    )


def test_the_fixture_fails_a_test_of_somebody_else_at_his_own_line(pytester, monkeypatch):
    # Where eqgen is installed its entry point would load the plugin a second time.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makepyfile(
        """
        import numpy as np

        def test_right(assert_equivariant):
            assert_equivariant(np.tanh, "p -> p where p = S(5)")

        def test_wrong(assert_equivariant):
            assert_equivariant(np.cumsum, "p -> p where p = S(5)")
        """
    )
    ran = pytester.runpytest_subprocess("-p", "eqgen.verification.pytest_plugin")
    ran.assert_outcomes(passed=1, failed=1)
    ran.stdout.fnmatch_lines(
        [
            '>       assert_equivariant(np.cumsum, "p -> p where p = S(5)")',
            "E       AssertionError: cumsum: p -> p where p = S(5)",
            "E       with g = generator 1 of p, (1 2 3 4 5):",
            "E         x      = [[]3. 2. 2. 1. 1.[]]",
            "E         first at point 1 (index 0): f(g x) is 1 and g f(x) is 9",
        ]
    )
    ran.stdout.no_fnmatch_line("*assertion.py*raise AssertionError*")


def test_the_plugin_is_an_entry_point_and_imports_neither_keras_nor_numpy(pytester):
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    assert points == {"eqgen": "eqgen.verification.pytest_plugin"}
    code = (
        "import sys, eqgen.verification.pytest_plugin\nassert not {'numpy', 'keras', 'hypothesis'} & set(sys.modules)"
    )
    assert pytester.run(sys.executable, "-c", code).ret == 0
