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
        kind: Any = getattr(import_module(PACKAGE + module), name)
        values = [_decoded(part, decoded, arrays) for part in tree["fields"]]
        value = kind(**{field.name: each for field, each in zip(fields(kind), values, strict=True)})
    decoded.append(value)
    return value
