"""The pages that lead through the code name files that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PATHS = re.compile(r"`((?:eqgen|groups|tests|docs|\.ci)/[\w./-]*)`")


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md", "docs/orbits.md"])
def test_every_path_that_a_page_names_exists(page):
    named = PATHS.findall((ROOT / page).read_text())
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []
