"""Orbits: which (output, input) index pairs share a weight; exact, in the form that fits the space.

One axis: a table of labels. A whole symmetric or alternating group on many points: a formula. Several independent axes:
their factors. A support: the supported pairs alone. The files beside this one make these; here one is chosen.
"""

from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np

from eqgen.common.arrays import Integers, Labels, Permutation, Signs, labels_of, places, read_only, signs_of
from eqgen.common.memory import fits, refuse_large_table
from eqgen.orbitals.certificate import Certificate, certify_form
from eqgen.orbitals.declare import mapping as as_mapping
from eqgen.orbitals.label_table import pair_labels
from eqgen.orbitals.limits import LIMITS, Limits
from eqgen.orbitals.matrix import OrbitalMatrix, orbit_sizes, orbitals_per_row
from eqgen.orbitals.pattern import Pattern, letter_name
from eqgen.orbitals.product import product_labels
from eqgen.orbitals.sparse import SparseLabels
from eqgen.orbitals.stable import stable_degree, stable_labels
from eqgen.permutations.families import whole_family
from eqgen.permutations.signed_permutation import identity
from eqgen.spaces.mapping import Mapping
from eqgen.spaces.pair_action import PairAction


@dataclass(frozen=True, repr=False)
class Orbits:
    """The orbits of index pairs of a mapping; each is one shared parameter.

    Attributes:
        mapping: what the orbits are of.
        form: the labels as they are held: a table, a formula, factors, or the supported pairs alone.

    >>> import eqgen as eq
    >>> o = eq.orbits("{p p} -> {p p} where p = S(5)")
    >>> o.rank, o.names, o.sizes.tolist(), o.row_sizes.tolist()
    (3, ('a', 'b', 'c'), [10, 60, 30], [1, 6, 3])
    """

    mapping: Mapping
    form: OrbitalMatrix = field(compare=False)

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n): outputs, inputs."""
        return self.form.shape

    @property
    def labels(self) -> Labels:
        """(m, n), the orbit of each (output, input) pair; -1 where zero is forced or a support leaves the pair out.

        Raises:
            DeclarationError: the table would not fit in memory; `labels_at` looks at a part of it.
        """
        return self.pattern.labels

    @property
    def signs(self) -> Signs:
        """(m, n) int8, +1 where nothing flips a sign, 0 where the label is -1."""
        return self.pattern.signs

    @property
    def rank(self) -> int:
        """How many orbits there are."""
        return self.form.rank

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The name of each orbit: a..z, aa, ab, ..."""
        return tuple(map(letter_name, range(self.rank)))

    @cached_property
    def pattern(self) -> Pattern:
        """The symbolic weight matrix: it needs the whole table, which is made when it is first asked for."""
        ways = "take rank, sizes, representatives, or labels_at(rows, columns)"
        refuse_large_table(self.mapping.in_short(), *self.shape, f"its {self.rank} orbits are known without it: {ways}")
        table = self.form.table()
        return Pattern(table.signed_labels, None, table.row_representatives)

    @cached_property
    def sizes(self) -> Integers:
        """How many pairs each orbit has, shape (rank,)."""
        return read_only(orbit_sizes(self.form))

    @property
    def subdegrees(self) -> Integers:
        """How many entries of each orbit stand in one row that it meets, shape (rank,)."""
        return read_only(self.form.subdegrees)

    @property
    def row_sizes(self) -> Integers:
        """Another name of `subdegrees`."""
        return self.subdegrees

    @property
    def orbitals_per_row(self) -> Integers:
        """How many orbits stand in a row that each meets, shape (rank,)."""
        return orbitals_per_row(self.form)

    @property
    def representatives(self) -> Permutation:
        """The first (output, input) pair of each orbit in row-major order, shape (rank, 2)."""
        return read_only(self.form.representatives)

    def labels_at(self, rows: Any, columns: Any) -> tuple[Labels, Signs]:
        """Labels and signs where some rows and columns cross, (rows, columns) each; no table is made.

        Args:
            rows, columns: 1-D lists of numbers, negative ones counted from the end, or masks.

        Raises:
            IndexError: a number beyond the table.
            DeclarationError: something else than numbers.

        >>> import eqgen as eq
        >>> o = eq.orbits("h w -> h w where h = C(512), w = C(512)")
        >>> o.rank, o.labels_at(np.array([0, 1]), np.array([0, 1, 512]))[0].tolist()
        (262144, [[0, 1, 512], [511, 0, 1023]])
        """
        chosen = places(rows, self.shape[0], "rows"), places(columns, self.shape[1], "columns")
        hint = "ask for fewer rows or columns at a time"
        refuse_large_table("what is asked for", chosen[0].size, chosen[1].size, hint)
        signed_labels = self.form.at(*chosen)
        return labels_of(signed_labels), signs_of(signed_labels)

    def certificate(self) -> Certificate:
        """Check again, in integers, that these are exactly the orbits, independently of how they were made.

        Every generator leaves every label as it is, and the generators carry the first pair of each label to all others of it;
        where the group is small its elements are counted besides (Burnside). `scope` says what was looked at: factors of a
        product, or the supported pairs, where these are what is held.

        >>> import eqgen as eq
        >>> certificate = eq.orbits("h w -> h w where h = C(512), w = C(512)").certificate()
        >>> bool(certificate), certificate.scope
        (True, 'the 2 factors; the orbits of independent axes are tuples of theirs; pairs drawn at random')
        """
        return certify_form(self.mapping, self.form)

    def __str__(self) -> str:
        m, n = self.shape
        some = "" if self.mapping.support is None else f"{self.mapping.support.indices.size} of "
        return f"{self.mapping.in_short()}: {self.rank} orbits of {some}{m} x {n} pairs"

    __repr__ = __str__


def orbits(declaration: Mapping | str, *, limits: Limits = LIMITS) -> Orbits:
    """The orbits of index pairs of a mapping.

    Args:
        declaration: a Mapping, or the text of one.
        limits: what decides between ways to find them that all give the same.

    Raises:
        DeclarationError: the declaration is wrong, or the table of labels would not fit in memory.
    """
    mapping = as_mapping(declaration)
    if isinstance(mapping.support, SparseLabels):
        return Orbits(mapping, mapping.support)
    if len(mapping.units) <= 1:
        return Orbits(mapping, _unit_labels(mapping, limits))
    return Orbits(mapping, product_labels(mapping, partial(_unit_labels, limits=limits)))


def bias_pattern(mapping: Mapping) -> Pattern:
    """Which output points share a bias, as a pattern of shape (m, 1): an equivariant bias is a map from one fixed point."""
    table = pair_labels([PairAction(element.output, identity(1)) for element in mapping.elements])
    return Pattern(table.signed_labels, None, np.arange(mapping.output.size))


def linear_invariants(mapping: Mapping) -> int:
    """How many numbers the group leaves of a channel of the input, as far as they are linear: maps to one fixed point.

    >>> linear_invariants(as_mapping("p + 1 -> p where p = S(5)")), linear_invariants(as_mapping("~p -> p where p = S(5)"))
    (2, 0)
    """
    return pair_labels([PairAction(element.input, identity(1)) for element in mapping.elements]).rank


def _unit_labels(mapping: Mapping, limits: Limits) -> OrbitalMatrix:
    """The orbits under axes that move together: those of a mapping with no other axes."""
    output, input_ = mapping.output, mapping.input
    unit = mapping.units[0] if mapping.units else ()
    if len(unit) == 1 and output.size * input_.size > limits.largest_plain_table:
        group = mapping.axes[unit[0]].group
        # Where no table would fit, it is worth a second to find out whether a list of generators gives all of S(n).
        family = whole_family(group, search=not fits(8 * output.size * input_.size))
        if family is not None and group.degree >= stable_degree(output, input_):
            return stable_labels(mapping, family, limits)
    hint = "name the pairs that matter with support=..., or declare independent axes, which are held as factors"
    refuse_large_table(mapping.in_short(), output.size, input_.size, hint)
    return pair_labels(mapping.elements, limits)
