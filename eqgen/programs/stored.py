"""Programs as arrays, to be kept on disk: dataclasses become a tree of plain values, what is shared stays shared."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from importlib import import_module
from typing import Any

import numpy as np

from eqgen.common.cache import Arrays
from eqgen.programs.program import Program

PACKAGE = "eqgen.programs"
"""Whose dataclasses a program is made of; nothing else is ever made of what a file says."""

TREE = "tree"


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
    found = _decoded(json.loads(arrays[TREE].tobytes()), [], arrays)
    assert isinstance(found, Program)
    return found


def _encoded(found: Any, numbers: dict[int, int], arrays: Arrays) -> Any:
    if found is None or isinstance(found, (bool, int, str)):
        return found
    if isinstance(found, tuple):
        return [_encoded(part, numbers, arrays) for part in found]
    # Operators are told apart by identity: two stages that share a pool do its work once.
    if id(found) in numbers:
        return {"again": numbers[id(found)]}
    if isinstance(found, np.ndarray):
        name = f"array {len(arrays)}"
        arrays[name] = found
        tree: dict[str, Any] = {"array": name}
    else:
        assert is_dataclass(found), f"{found!r} has no stored form"
        module = type(found).__module__.removeprefix(PACKAGE)
        tree = {
            "kind": [module, type(found).__name__],
            "fields": [_encoded(getattr(found, field.name), numbers, arrays) for field in fields(found)],
        }
    numbers[id(found)] = len(numbers)
    return tree


def _decoded(tree: Any, known: list[Any], arrays: Arrays) -> Any:
    if isinstance(tree, list):
        return tuple(_decoded(part, known, arrays) for part in tree)
    if not isinstance(tree, dict):
        return tree
    if "again" in tree:
        return known[tree["again"]]
    found: Any
    if "array" in tree:
        found = arrays[tree["array"]]
    else:
        module, name = tree["kind"]
        kind: Any = getattr(import_module(PACKAGE + module), name)
        values = [_decoded(part, known, arrays) for part in tree["fields"]]
        found = kind(**{field.name: value for field, value in zip(fields(kind), values, strict=True)})
    known.append(found)
    return found
