"""The orbits of every catalogue file against GAP, which knows nothing of eqgen but the generators.

Run by `.ci/slow`, which installs GAP: `pytest tests/external/check_gap.py`. It fails, never skips, where GAP is missing.
"""

from __future__ import annotations

import subprocess

import numpy as np
import pytest

import eqgen as eq
from eqgen.permutations import catalogue


def answers_of(script: str) -> str:
    done = subprocess.run(
        ["gap", "-q", "--quitonbreak"], input=script, capture_output=True, text=True, check=True, timeout=600
    )
    return done.stdout


def on_signed_pairs(generator) -> np.ndarray:
    """What a generator does to (output, input, sign), each pair first with + and then with -, counted from 0."""
    output, input_ = generator.output, generator.input
    image = output.image[:, None] * input_.size + input_.image
    turned = np.multiply.outer(output.all_signs(), input_.all_signs()) < 0
    return np.stack([2 * image + turned, 2 * image + ~turned], axis=-1).ravel()


@pytest.mark.parametrize("name", catalogue.names())
def test_the_orbits_of_signed_pairs_are_those_of_gap(name):
    orbits = eq.orbits(catalogue.entry(name).declaration)
    m, n = orbits.shape
    generators = [on_signed_pairs(generator) for generator in orbits.mapping.generators]
    images = ", ".join(f"PermList({(generator + 1).tolist()})" for generator in generators) or "()"
    listed = answers_of(f'for o in Orbits(Group({images}), [1..{2 * m * n}]) do Print(o, "\\n"); od; quit;')
    expected = np.zeros((m, n), dtype=int)
    blocks = listed.replace(" ", "").replace("\n", "").strip("[]").split("][")
    for number, block in enumerate(blocks, start=1):
        points = np.array([int(point) - 1 for point in block.split(",")])
        # An orbit that holds a pair with both signs is forced to zero; of two opposite orbits one is the other's negative.
        if np.unique(points // 2).size == points.size:
            rows, columns = np.divmod(points // 2, n)
            expected[rows, columns] = np.where(points % 2, -number, number)
    ours = np.asarray(orbits.labels, dtype=int) + 1
    ours *= orbits.signs
    # The same classes and the same relative signs: numbered anew by first appearance with the sign +.
    assert np.array_equal(numbered_anew(ours), numbered_anew(expected))


def numbered_anew(matrix: np.ndarray) -> np.ndarray:
    names: dict[int, int] = {0: 0}
    for value in matrix.ravel().tolist():
        if value not in names:
            names[value] = (max(map(abs, names.values())) + 1) if -value not in names else -names[-value]
            names.setdefault(-value, -names[value])
    return np.vectorize(names.__getitem__)(matrix)
