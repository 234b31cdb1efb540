"""Means over what is there: how a linear map whose parameters multiply means is applied where points or entries are missing.

`y[i] = sum_k theta_k * (signed mean of those entries of orbit k in row i that are there, 0 if none)`. Where a whole symmetric
group moves the points, how many entries are there depends on the number of points alone: parameters are scaled for each
example. Else entries are counted for each row and orbit, and what each orbit pools is divided before it is mixed.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from keras import ops

from eqgen.common.arrays import Integers, Permutation, Reals
from eqgen.layers.execution.kinds.gather import gather_weight
from eqgen.layers.execution.run import Execution, mixes_alone
from eqgen.layers.execution.tensors import constant, matmul, reshaped, taken
from eqgen.layers.execution.weight_table import weight_table
from eqgen.layers.inputs.shape import present
from eqgen.layers.linear import LinearMap
from eqgen.layers.masks.points import AxisMasks
from eqgen.layers.masks.reading import Present
from eqgen.orbitals.orbits import Orbits, orbits
from eqgen.orbitals.pattern import Pattern
from eqgen.orbitals.stable import stable_degree
from eqgen.permutations.families import A, S, whole_family
from eqgen.programs.entries import GatherEntries
from eqgen.programs.lowering.gather import gathered
from eqgen.programs.steps import one_block
from eqgen.spaces.mapping import Mapping
from eqgen.spaces.space import Space, part_numbers, term_members

POINTS_A_MATRIX = 20
"""To make a matrix of parameters for every example, and to multiply by it, costs about as much as to mix so many points."""


@dataclass(frozen=True, eq=False)
class SharedCounts:
    """How many entries are there, where only the numbers of points decide it.

    An entry of orbit k names some points of an axis that its row does not name: of n points of which u stand in the row there are
    `(n - u) (n - u - 1) ...` choices for f others, times what does not depend on n.

    Attributes:
        axes: the axes, with how many points each has.
        kinds: (kinds, axes, 2), u and f of each axis.
        kind_of: (rank,), the kind of each orbit.
    """

    axes: tuple[tuple[int, int], ...]
    kinds: Integers
    kind_of: Integers

    def ratios(self, masks: AxisMasks) -> Any:
        """How many times fewer entries of each kind are there than are declared, (batch, kinds) float32; 0 where none is."""
        ratio = None
        for place, (axis, degree) in enumerate(self.axes):
            if axis not in masks:
                continue
            present = ops.sum(ops.cast(masks[axis], "float32"), axis=1)[:, None]
            for step in range(int(self.kinds[:, place, 1].max())):
                named, chosen = self.kinds[:, place].T
                has_step = chosen > step
                # What is declared is at least 1 wherever there is an orbit.
                declared = constant(np.where(has_step, degree - named - step, 1), present)
                left = ops.where(ops.convert_to_tensor(has_step), present - constant(named + step, present), declared)
                factor = _divided(declared, left)
                ratio = factor if ratio is None else ratio * factor
        return ratio


def shared_counts(found: Orbits) -> SharedCounts | None:
    """What decides how many entries of each orbit are there when points of the axes are missing; None if rows differ.

    They do not where every part of an orbit that a unit moves has one entry in a row, or the unit is all of S(n).
    """
    mapping, counted = found.mapping, found.subdegrees > 1
    pairs = found.representatives[counted]
    sizes = [_part_sizes(found, unit, pairs) for unit in mapping.units]
    axes: list[tuple[int, int]] = []
    columns = []
    for unit, size in zip(mapping.units, sizes, strict=True):
        if (size == 1).all():
            continue
        if len(unit) > 1 or not _is_whole(mapping, unit[0]):
            return None
        outputs, inputs = (
            _members(space, unit[0], side) for space, side in zip((mapping.output, mapping.input), pairs.T, strict=True)
        )
        named = [(len(row), len(column - row)) for row, column in zip(outputs, inputs, strict=True)]
        axes.append((unit[0], mapping.axes[unit[0]].group.degree))
        columns.append(named)
    each = np.zeros((found.rank, len(axes), 2), dtype=np.int64)
    each[counted] = np.array(columns, dtype=np.int64).reshape(len(axes), -1, 2).transpose(1, 0, 2)
    # What is never chosen does not matter.
    each[each[..., 1] == 0] = 0
    kinds, kind_of = np.unique(each.reshape(found.rank, -1), axis=0, return_inverse=True)
    return SharedCounts(tuple(axes), kinds.reshape(-1, len(axes), 2), kind_of.ravel())


def _is_whole(mapping: Mapping, axis: int) -> bool:
    """Whether which points of an axis coincide is all that its group can tell."""
    group = mapping.axes[axis].group
    family = whole_family(group)
    return family is S or (family is A and group.degree >= stable_degree(mapping.output, mapping.input))


def _part_sizes(found: Orbits, unit: tuple[int, ...], pairs: Permutation) -> Integers:
    """How many entries in one row that part of the orbit of each pair has that a unit moves."""
    mapping, sizes = found.mapping, np.ones(len(pairs), dtype=np.int64)
    rows, columns = pairs.T
    for output, (of_output, own_rows) in zip(mapping.output.terms, mapping.output.by_term(rows), strict=True):
        for input_, (of_input, own_columns) in zip(mapping.input.terms, mapping.input.by_term(columns), strict=True):
            _, firsts, seconds = np.intersect1d(of_output, of_input, return_indices=True)
            form = orbits(mapping.parts[unit, output, input_]).form
            parts = [
                np.unique(part_numbers(term, unit, own), return_inverse=True)
                for term, own in ((output, own_rows[firsts]), (input_, own_columns[seconds]))
            ]
            labels = np.abs(form.at(parts[0][0], parts[1][0]))[parts[0][1], parts[1][1]] - 1
            sizes[of_output[firsts]] = form.subdegrees[labels]
    return sizes


def _members(space: Space, axis: int, numbers: Permutation) -> list[set[int]]:
    """The points of one axis that make each of some points of a space."""
    found: list[set[int]] = [set()] * len(numbers)
    for term, (chosen, own) in zip(space.terms, space.by_term(numbers), strict=True):
        of_axis = np.repeat([factor.axis == axis for factor in term], [factor.kind.size for factor in term])
        for place, members in zip(chosen, term_members(term, own)[:, of_axis], strict=True):
            found[place] = set(members.tolist())
    return found


@dataclass(frozen=True, eq=False)
class MeansOfPresent:
    """A linear map whose parameters multiply means, where some of what it takes is missing.

    Attributes:
        linear: the map where nothing is missing.
        source: what it is declared by.
    """

    linear: LinearMap
    source: Orbits | Pattern

    def __call__(self, there: Present, features: Any, kernel: Any, bias: Any, dtype: str) -> Any:
        """Apply the map to those features (batch, n, channels_in) that are there: (batch, m, channels_out)."""
        features = present(features, there.inputs)
        if self.linear.scale is None or there.inputs is None or (self.source.subdegrees == 1).all():
            return self.linear(features, kernel, bias, dtype)
        shared = None if there.axes is None else self.shared
        if shared is not None and there.axes is not None:
            return self._by_kinds(shared, shared.ratios(there.axes), features, kernel, bias, dtype)
        rank, n = self.source.rank, self.linear.program.shape[1]
        apply = self._by_orbits if rank <= n else self._by_entries
        outputs = apply(features, there.inputs, ops.cast(kernel, dtype), dtype)
        return outputs if bias is None else outputs + ops.cast(self.linear.bias_on_points(bias), dtype)

    @cached_property
    def shared(self) -> SharedCounts | None:
        """What decides how many entries are there, where that are the numbers of points."""
        return shared_counts(self.source) if isinstance(self.source, Orbits) else None

    @cached_property
    def _mixes_alone(self) -> bool:
        """Whether other parameters for each example cost less than to take features once for each kind."""
        found = mixes_alone(self.linear.program.blocks)
        if found is None or self.shared is None:
            return False
        matrices, points = found
        return (len(self.shared.kinds) - 1) * points > POINTS_A_MATRIX * matrices

    def _by_kinds(self, shared: SharedCounts, ratios: Any, features: Any, kernel: Any, bias: Any, dtype: str) -> Any:
        """Orbits of one kind have one scale in each example: parameters are scaled, or features stand side by side as channels."""
        if ratios is None:
            return self.linear(features, kernel, bias, dtype)
        kernel = ops.convert_to_tensor(kernel)
        (rank, into, out), kinds = kernel.shape, len(shared.kinds)
        if self._mixes_alone:
            own = taken(ops.cast(ratios, kernel.dtype), shared.kind_of.astype(np.int32), 1)
            return self.linear(features, own[:, :, None, None] * kernel, bias, dtype)
        scaled = ops.expand_dims(features, 2) * ops.cast(ratios, dtype)[:, None, :, None]
        scaled = reshaped(scaled, (-1, features.shape[1], kinds * into))
        own = (shared.kind_of[:, None] == np.arange(kinds))[:, :, None, None]
        wide = ops.where(own, ops.expand_dims(kernel, 1), ops.zeros((), dtype=kernel.dtype))
        return self.linear(scaled, ops.reshape(wide, (rank, kinds * into, out)), bias, dtype)

    def _by_orbits(self, features: Any, there: Any, kernel: Any, dtype: str) -> Any:
        """What each orbit pools, and how many entries that are, row by row: divided, and mixed by one product."""
        (m, n), rank, (into, out) = self.linear.program.shape, self.source.rank, kernel.shape[1:]
        one_hot = np.eye(rank, dtype=np.float32)[:, None]
        alone = reshaped(ops.transpose(features, (0, 2, 1)), (-1, n, 1))
        pooled = self.linear.execution(alone, constant(one_hot, features), dtype)
        counts = self._counts(there)
        scale = _divided(constant(self._declared, counts), counts)
        means = reshaped(pooled, (-1, into, m, rank)) * ops.cast(scale, dtype)[:, None]
        rows = reshaped(ops.transpose(means, (0, 2, 3, 1)), (-1, rank * into))
        mixed = matmul(rows, ops.reshape(kernel, (rank * into, out)))
        return reshaped(mixed, (-1, m, out))

    def _counts(self, there: Any) -> Any:
        """How many entries of each orbit are there in each row, (batch, m, rank) float32."""
        one_hot = np.eye(self.source.rank, dtype=np.float32)[:, None]
        entries = ops.cast(there, "float32")[..., None]
        means = self._unsigned(entries, constant(one_hot, entries), "float32")
        return ops.round(means * constant(self.source.subdegrees, means))

    @cached_property
    def _unsigned(self) -> Execution:
        """What takes the mean over each orbit of what has no sign."""
        shape, blocks = self.linear.program.shape, self.linear.program.blocks
        if self._has_signs:
            entries = GatherEntries(np.abs(self._table.signed_labels).ravel(), self.source.rank)
            blocks = (one_block(shape, gathered(shape, entries)),)
        return Execution(blocks, shape[0], 1.0 / self.source.subdegrees)

    @property
    def _has_signs(self) -> bool:
        if isinstance(self.source, Pattern):
            return bool((self.source.signed_labels < 0).any())
        sides = (side for element in self.source.mapping.elements for side in (element.input, element.output))
        return any(side.signs is not None for side in sides)

    @cached_property
    def _table(self) -> Pattern:
        return self.source.pattern if isinstance(self.source, Orbits) else self.source

    @cached_property
    def _declared(self) -> Reals:
        """How many entries each orbit has in each row where nothing is missing, (rank,), or (m, rank) where rows differ."""
        if isinstance(self.source, Orbits):
            return self.source.subdegrees.astype(np.float32)
        counts: Reals = (self.source.labels[:, None] == np.arange(self.source.rank)[:, None]).sum(axis=2)
        return counts.astype(np.float32)

    @cached_property
    def _alike(self) -> Integers:
        """(m * n,) int32, a number for each orbit in each row, where its entries stand."""
        labels = self._table.labels.astype(np.int64)
        rows = np.arange(len(labels))[:, None] * (self.source.rank + 1)
        alike: Integers = np.unique(rows + labels + 1, return_inverse=True)[1]
        return alike.ravel().astype(np.int32)

    def _by_entries(self, features: Any, there: Any, kernel: Any, dtype: str) -> Any:
        """Every entry by its own weight, divided by how many of its orbit and row are there."""
        (m, n), (into, out), alike = self.linear.program.shape, kernel.shape[1:], self._alike
        # One column for each entry of the matrix, summed over those of one orbit in one row.
        entries = taken(ops.transpose(ops.cast(there, "float32")), np.tile(np.arange(n, dtype=np.int32), m), 0)
        sums = ops.segment_sum(entries, ops.convert_to_tensor(alike), num_segments=int(alike.max()) + 1)
        counts = taken(sums, alike, 0)
        scale = _divided(constant(np.bincount(alike)[alike][:, None], counts), counts)
        scale = ops.cast(reshaped(ops.transpose(scale), (-1, m, n, 1)), dtype)
        terms = reshaped(ops.transpose(ops.expand_dims(features, 1) * scale, (1, 0, 2, 3)), (m, -1, n * into))
        table = weight_table(self._table.signed_labels, self.source.rank)
        if self.linear.scale is not None:
            kernel = kernel * constant(self.linear.scale[:, None, None], kernel)
        weight = ops.transpose(gather_weight(table, kernel), (2, 1, 0, 3))
        mixed = matmul(terms, ops.reshape(weight, (m, n * into, out)))
        return ops.transpose(mixed, (1, 0, 2))


def _divided(declared: Any, counts: Any) -> Any:
    """How many times fewer there are than are declared; 0 where none is, whose gradient is finite."""
    some = counts > 0
    return ops.where(some, declared / ops.where(some, counts, ops.ones_like(counts)), ops.zeros_like(counts))
