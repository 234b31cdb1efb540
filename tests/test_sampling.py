"""Which tests run when: all that are not slow, and of the slow ones a fixed sample, all, or none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from helpers import sampling

SUITE = """
import pytest
from helpers.sampling import examples

def test_quick():
    pass

@pytest.mark.slow
@pytest.mark.parametrize("case", range(9))
def test_long(case):
    pass

@pytest.mark.slow(sample=2)
@pytest.mark.parametrize("case", range(10))
def test_longer(case):
    pass

@pytest.mark.slow(sample=0)
def test_left_to_ci():
    pass

@pytest.mark.slow
def test_drawn():
    print(examples(100), "examples")
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """Run the suite in this process, with these tests' own hooks."""
    monkeypatch.setattr(sampling, "everything", sampling.everything)
    pytester.makeconftest((Path(__file__).parent / "conftest.py").read_text())
    pytester.makepyfile(test_suite=SUITE)

    def names(*arguments: str) -> tuple[list[str], str]:
        output = pytester.runpytest_inprocess("-p", "no:xdist", "-vs", "--strict-markers", *arguments).stdout.str()
        return sorted(re.findall(r"^test_suite\.py::(\S+)", output, re.MULTILINE)), output

    return names


def test_by_default_a_fixed_sample_of_the_slow_tests_runs(run):
    names, output = run()
    long, longer = [f"test_long[{case}]" for case in (0, 3, 6)], [f"test_longer[{case}]" for case in (0, 5)]
    assert names == sorted(["test_quick", *long, *longer, "test_drawn"])
    assert "25 examples" in output
    assert run("-k", "long and not longer")[0] == long


def test_all_or_none_of_the_slow_tests_run_when_asked_for(run):
    assert run("-m", "not slow")[0] == ["test_quick"]
    names, output = run("-m", "slow")
    assert len(names) == 9 + 10 + 2
    assert "100 examples" in output
    assert len(run("test_suite.py::test_long")[0]) == 9
    assert run("test_suite.py::test_longer[7]")[0] == ["test_longer[7]"]
