"""Plans that take long to make are kept on disk, beside the labels of large tables."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from eqgen.common.cache import folder, key, load, store
from eqgen.programs.program import Program
from eqgen.programs.stored import as_arrays, from_arrays
from eqgen.spaces.mapping import Mapping

LONG = 0.1
"""Seconds: a plan that takes no longer is made anew, which is about as fast as to read it."""

PLANNED_BY = ("common", "permutations", "spaces", "orbitals", "programs")
"""The packages that plans depend on."""


def kept(mapping: Mapping, options: tuple[object, ...], make: Callable[[], Program]) -> Program:
    """The program for a mapping and options, from disk if it is there, else made, and stored if that took long."""
    if folder() is None:
        return make()
    name = key(f"plan {mapping.without_catalogue()} {options} {_code()}", [])
    stored = load(name)
    if stored is not None:
        return from_arrays(stored)
    start = time.perf_counter()
    program = make()
    if time.perf_counter() - start > LONG:
        store(name, as_arrays(program))
    return program


@cache
def _code() -> str:
    """A digest of the code that plans: what another version planned is not found."""
    digest = hashlib.sha256()
    package = Path(__file__).parents[2]
    for part in PLANNED_BY:
        for file in sorted((package / part).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()
