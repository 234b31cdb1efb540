"""Fingerprints: a hash of the orbits themselves, by which a saved layer knows that its weights still mean what they meant.

Equal labels have equal fingerprints, whatever form holds them: a small table is written out, and of a large one that is hashed
which decides all of it. Whether a whole symmetric group is held as a table or as a formula may depend on the memory that a
machine has, and its fingerprint does not.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from eqgen.common.arrays import BLOCK, Integers, SignedLabels, row_blocks, smallest_type
from eqgen.orbitals.matrix import OrbitalMatrix
from eqgen.orbitals.orbits import Orbits
from eqgen.orbitals.pattern import Pattern
from eqgen.orbitals.product import ProductLabels, Unit
from eqgen.orbitals.sparse import SparseLabels
from eqgen.orbitals.stable import StableLabels, stable_degree, stable_labels
from eqgen.permutations.families import A, S
from eqgen.permutations.signed_permutation import is_even
from eqgen.spaces.mapping import Mapping
from eqgen.spaces.space import Space, Term

if TYPE_CHECKING:
    from hashlib import _Hash

LARGEST_WRITTEN = 1 << 16
"""Labels of no more pairs are written out, whatever form holds them, and hashed as a table."""

LENGTH = 32
"""So many hexadecimal digits make a fingerprint; earlier versions wrote 16."""


def fingerprint(numbered: Orbits | Pattern, bias: Pattern | None = None) -> str:
    """What tells orbits apart: which pairs share a number, with which signs and under which label, and which outputs a bias.

    >>> from eqgen.orbitals.orbits import orbits
    >>> cyclic, backward, klein = (
    ...     fingerprint(orbits(f"p -> p where p = {group}")) for group in ("C(4)", "(1 4 3 2)", "(1 2)(3 4), (1 3)(2 4)")
    ... )
    >>> cyclic == backward, cyclic == klein
    (True, False)
    """
    digest = hashlib.sha256()
    if isinstance(numbered, Orbits):
        _add_form(digest, numbered.mapping, numbered.form)
    else:
        _add_labels(digest, numbered.shape, numbered.rank, [numbered.signed_labels])
    if bias is not None:
        _add_labels(digest, bias.shape, bias.rank, [bias.signed_labels])
    return digest.hexdigest()[:LENGTH]


def points_fingerprint(orbit_of: Integers, signed: bool) -> str:
    """The same of the orbits of points, (points,), and of whether a sign flips."""
    digest = hashlib.sha256(f"points {signed}".encode())
    _add_array(digest, orbit_of)
    return digest.hexdigest()[:LENGTH]


def earlier_fingerprint(numbered: Orbits) -> str:
    """What earlier versions saved: a hash of the first pairs and the row sizes, which other orbits may share."""
    m, n = numbered.shape
    digest = hashlib.sha256(f"{m} x {n}, {numbered.rank}".encode())
    for array in (numbered.representatives, numbered.row_sizes):
        digest.update(np.ascontiguousarray(array, dtype="<i8").tobytes())
    return digest.hexdigest()[:16]


def _add_form(digest: "_Hash", mapping: Mapping, form: OrbitalMatrix) -> None:
    """Add what decides all labels of a mapping."""
    m, n = form.shape
    is_large = m * n > LARGEST_WRITTEN
    formula = _formula(mapping, form) if is_large else None
    if formula is not None:
        sides = [_members(side, mapping.units[0]) for side in (mapping.output, mapping.input)]
        digest.update(f"formula for {formula.degrees[0]} points, {sides};".encode())
        few = formula.stable_table
        _add_labels(digest, few.shape, few.rank, [few.signed_labels])
    elif isinstance(form, ProductLabels) and is_large:
        digest.update(b"product;")
        for block in form.blocks:
            places = [_places(term, block.units) for term in (block.output, block.input)]
            digest.update(f"block {places};".encode())
            for unit, factor in zip(block.units, block.factors, strict=True):
                _add_form(digest, mapping.parts[unit, block.output, block.input], factor)
    elif isinstance(form, SparseLabels) and is_large:
        digest.update(f"support of {m} x {n};".encode())
        for array in (form.indptr, form.indices, form.signed_labels):
            _add_array(digest, array)
    else:
        columns = np.arange(n)
        rows = (form.at(np.arange(part.start, part.stop), columns) for part in row_blocks(m, n))
        _add_labels(digest, (m, n), form.rank, rows)


def _formula(mapping: Mapping, form: OrbitalMatrix) -> StableLabels | None:
    """The formula of a whole symmetric or alternating group, if it gives these labels, though they may be held as a table."""
    if isinstance(form, StableLabels):
        return form
    output, input_ = mapping.output, mapping.input
    if isinstance(form, (ProductLabels, SparseLabels)) or len(mapping.units) != 1 or len(mapping.units[0]) != 1:
        return None
    group = mapping.axes[mapping.units[0][0]].group
    if group.signs is not None or group.degree < stable_degree(output, input_):
        return None
    factors = (factor for side in (output, input_) for term in side.terms for factor in term)
    # Without a sign of the whole permutation both act alike.
    parity = any(factor.kind.form.sign == "parity" for factor in factors)
    family = A if parity and all(map(is_even, group.generators)) else S
    found = stable_labels(mapping, family)
    # Orbits of a subgroup are parts of those of the group: as many of them are the same ones.
    return found if found.rank == form.rank else None


def _members(side: Space, unit: Unit) -> list[list[tuple[int, bool]]]:
    """For each term how many points of the axis make each factor, and whether their order counts."""
    return [
        [
            (factor.kind.size, factor.kind.form.ordered and factor.kind.size > 1)
            for factor in term
            if factor.axis in unit
        ]
        for term in side.terms
    ]


def _places(term: Term, units: Sequence[Unit]) -> list[tuple[int, int]]:
    """How many points each factor that moves has, and the unit that moves it, by number."""
    unit_of = {axis: number for number, unit in enumerate(units) for axis in unit}
    return [(factor.kind.count, unit_of[factor.axis]) for factor in term if factor.axis is not None]


def _add_labels(digest: "_Hash", shape: tuple[int, int], rank: int, rows: Iterable[SignedLabels]) -> None:
    digest.update(f"labels {shape} {rank};".encode())
    kind = np.dtype(smallest_type(rank)).newbyteorder("<")
    for part in rows:
        digest.update(np.ascontiguousarray(part, dtype=kind).data)


def _add_array(digest: "_Hash", array: Integers) -> None:
    digest.update(f"{array.shape};".encode())
    for start in range(0, array.size, BLOCK):
        digest.update(np.ascontiguousarray(array[start : start + BLOCK], dtype="<i8").data)
