"""Plans that take long to make are kept on disk, beside the labels of large tables.

Dataclasses become a tree of plain values and arrays, and what is shared stays shared.
"""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache
from importlib import import_module
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from eqgen.common.arrays import signed_values
from eqgen.common.cache import Arrays, folder, key, load, store
from eqgen.orbitals.orbits import Orbits
from eqgen.programs.program import Program

LONG = 0.1
"""Seconds: a plan that takes no longer is made anew, which is about as fast as to read it."""

PLANNED_BY = ("common", "language", "permutations", "spaces", "orbitals", "programs")
"""The packages that plans depend on."""

PACKAGE = "eqgen.programs"
"""Whose dataclasses a program is made of; nothing else is ever made of what a file says."""

TREE = "tree"

MOST_ENTRIES = 1 << 22
"""A program that was kept is run in numpy, and looked at in so many entries of its matrix; one that mixes more is not run."""

Options = tuple[str, int, int, int]
"""The lowering, the channels in and out, and the batch."""


def kept(declared: Orbits, options: Options, make: Callable[[], Program]) -> Program:
    """The program for orbits and options, from disk if it is there, else made, and stored if that took long."""
    if folder() is None:
        return make()
    name = key(f"plan {declared.mapping.without_catalogue()} {options} {_code()}", [])
    found = _read_again(load(name), declared, options)
    if found is not None:
        return found
    start = time.perf_counter()
    program = make()
    if time.perf_counter() - start > LONG:
        store(name, as_arrays(program))
    return program


def _read_again(stored: Arrays | None, declared: Orbits, options: Options) -> Program | None:
    """The program that a file holds, None where it holds none, or one of something else."""
    if stored is None:
        return None
    try:
        program = from_arrays(stored)
        told = (program.title, program.shape, program.rank, *program.channels, program.batch)
        right = (declared.mapping.in_short(), declared.shape, declared.rank, *options[1:])
        return program if told == right and str(program) and _computes(program, declared) else None
    except Exception:
        return None


def _computes(program: Program, declared: Orbits) -> bool:
    """Whether a program gives what the labels do, for parameters and features at random, at the outputs that time allows."""
    parts = [part for block in program.blocks for part in block.factors]
    mixed = sum(
        prod(sum(section.entries for stage in part.stages for section in stage.sections) for part in block.factors)
        for block in program.blocks
    )
    (m, n), rank = declared.shape, declared.rank
    if max([mixed, n, rank, *(prod(part.shape) for part in parts)]) > MOST_ENTRIES:
        return True
    random = np.random.default_rng()
    features, kernel = random.normal(size=n), random.normal(size=rank)
    rows = np.sort(random.permutation(m)[: MOST_ENTRIES // n])
    weights = signed_values(kernel, declared.form.at(rows, np.arange(n)))
    answers = program.run(features[None, :, None], kernel[:, None, None])[0, rows, 0]
    furthest = 1e-8 * (np.abs(weights) @ np.abs(features) + 1)
    return bool((np.abs(answers - weights @ features) <= furthest).all())


@cache
def _code() -> str:
    """A digest of the code that plans: what another version planned is not found."""
    digest = hashlib.sha256()
    package = Path(__file__).parents[2]
    for part in PLANNED_BY:
        for file in sorted((package / part).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def as_arrays(program: Program) -> Arrays:
    """What `from_arrays` makes an equal program of."""
    arrays: Arrays = {}
    numbers: dict[int, int] = {}
    tree = json.dumps(_encoded(program, numbers, arrays))
    return {**arrays, TREE: np.frombuffer(tree.encode(), dtype=np.uint8)}


def from_arrays(arrays: Arrays) -> Program:
    """The program that `as_arrays` was given.

    >>> import eqgen as eq
    >>> program = eq.program("p -> p where p = S(5)")
    >>> str(from_arrays(as_arrays(program))) == str(program)
    True
    """
    program = _decoded(json.loads(arrays[TREE].tobytes()), [], arrays)
    assert isinstance(program, Program)
    return program


def _encoded(value: Any, numbers: dict[int, int], arrays: Arrays) -> Any:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, tuple):
        return [_encoded(part, numbers, arrays) for part in value]
    # Operators are told apart by identity: two stages that share a pool do its work once.
    if id(value) in numbers:
        return {"again": numbers[id(value)]}
    if isinstance(value, np.ndarray):
        name = f"array {len(arrays)}"
        arrays[name] = value
        tree: dict[str, Any] = {"array": name}
    else:
        assert is_dataclass(value), f"{value!r} has no stored form"
        module = type(value).__module__.removeprefix(PACKAGE)
        tree = {
            "kind": [module, type(value).__name__],
            "fields": [_encoded(getattr(value, field.name), numbers, arrays) for field in fields(value)],
        }
    numbers[id(value)] = len(numbers)
    return tree


def _decoded(tree: Any, decoded: list[Any], arrays: Arrays) -> Any:
    if isinstance(tree, list):
        return tuple(_decoded(part, decoded, arrays) for part in tree)
    if not isinstance(tree, dict):
        return tree
    if "again" in tree:
        return decoded[tree["again"]]
    value: Any
    if "array" in tree:
        value = arrays[tree["array"]]
    else:
        module, name = tree["kind"]
        kind = getattr(import_module(PACKAGE + module), name)
        # A file is no reason to make anything else.
        if not (isinstance(kind, type) and is_dataclass(kind)) or kind.__module__ != PACKAGE + module:
            raise KeyError(name)
        values = [_decoded(part, decoded, arrays) for part in tree["fields"]]
        value = kind(**{field.name: each for field, each in zip(fields(kind), values, strict=True)})
    decoded.append(value)
    return value
