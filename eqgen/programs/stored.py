"""Programs as arrays, to be kept on disk: dataclasses become a tree of plain values, what is shared stays shared."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import numpy as np

from eqgen.common.cache import Arrays
from eqgen.programs.entries.fourier import FourierEntries
from eqgen.programs.entries.gather import GatherEntries
from eqgen.programs.entries.linear_combination import LinearCombination
from eqgen.programs.entries.spectral import OrbitPairs, SpectralEntries
from eqgen.programs.operators.composite import Composition, Stack
from eqgen.programs.operators.cyclic_stencil import CyclicStencil, Unfold
from eqgen.programs.operators.fourier import Fourier
from eqgen.programs.operators.identity import Identity
from eqgen.programs.operators.index_table import IndexTable
from eqgen.programs.operators.orbit_transforms import OrbitTransforms
from eqgen.programs.program import Program
from eqgen.programs.steps import KroneckerFactor, KroneckerProduct, MixShape, Side, Stage

OPERATORS = (Identity, IndexTable, CyclicStencil, Unfold, Composition, Stack, Fourier, OrbitTransforms)
ENTRIES = (GatherEntries, LinearCombination, FourierEntries, SpectralEntries, OrbitPairs)
STEPS = (Program, KroneckerProduct, Side, KroneckerFactor, Stage, MixShape)

KINDS: dict[str, Any] = {kind.__name__: kind for kind in (*STEPS, *ENTRIES, *OPERATORS)}
"""Everything that a program is made of."""

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
        kind = type(found).__name__
        assert KINDS.get(kind) is type(found), f"{kind} has no stored form"
        tree = {"kind": kind, "fields": [_encoded(getattr(found, f.name), numbers, arrays) for f in fields(found)]}
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
        found = KINDS[tree["kind"]](*(_decoded(part, known, arrays) for part in tree["fields"]))
    known.append(found)
    return found
