"""What a layer does for features of some shape: of one size always the same, of any size the program of the sizes at hand.

The kernel for every size is in the order of the stable orbits.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from math import prod
from typing import Any

import keras
import numpy as np
from keras import ops

from eqgen.common.arrays import Integers, SignedLabels, labels_of, signs_of
from eqgen.common.errors import DeclarationError, shortened
from eqgen.layers.execution.run import Execution
from eqgen.layers.execution.weight_table import WeightTable, gathered, weight_table
from eqgen.layers.inputs.shape import Reading, Shape, Sides, of_points, points_of, read_shape, shown
from eqgen.layers.inputs.sizes import read_sizes
from eqgen.layers.linear import LinearMap
from eqgen.layers.masks.means import MeansOfPresent
from eqgen.layers.masks.reading import Present, mask_of_outputs, read_masks
from eqgen.layers.open_sizes import MaskOfOutputs, OpenMaps, OpenPlan
from eqgen.orbitals.orbit_family import OrbitFamily, grown
from eqgen.orbitals.orbits import Orbits, bias_pattern, orbits
from eqgen.orbitals.pattern import Pattern
from eqgen.programs.program import Program
from eqgen.spaces.family import MappingFamily, Sizes
from eqgen.spaces.mapping import Mapping

MOST_PLANS = 256
"""Of more sizes than this those that came first are planned again when they come back."""

Linear = Callable[[Any, Any, Any, str], Any]
"""From features (batch, n, channels_in), kernel, bias and dtype to (batch, m, channels_out)."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """A linear map whose parameters are chosen among those for every size.

    Attributes:
        linear: the map.
        means: the same where some features are missing; None where too few points are there for it.
        table: where each of its parameters is found; None where they are the same, in the same order.
    """

    linear: LinearMap
    means: MeansOfPresent | None
    table: WeightTable | None

    def __call__(self, features: Any, kernel: Any, bias: Any, dtype: str) -> Any:
        return self.linear(features, self._chosen(kernel), bias, dtype)

    def of_present(self, there: Present, features: Any, kernel: Any, bias: Any, dtype: str) -> Any:
        """The same where some features are missing."""
        if self.means is None:
            raise DeclarationError(
                f"{self.linear.program.title} has more orbits than larger sizes have, and no means of what is there: give no masks"
            )
        return self.means(there, features, self._chosen(kernel), bias, dtype)

    def _chosen(self, kernel: Any) -> Any:
        return kernel if self.table is None else gathered(self.table, ops.convert_to_tensor(kernel), 0)


@dataclass(frozen=True, eq=False)
class Nothing:
    """A linear map between spaces of which one has no points: it answers with biases alone.

    Attributes:
        outputs: how many output points there are.
        bias: the map of the biases, or None.
    """

    outputs: int
    bias: LinearMap | None

    def __call__(self, features: Any, kernel: Any, bias: Any, dtype: str) -> Any:
        channels = ops.shape(kernel)[2] if len(kernel.shape) == 3 else 1
        outputs = ops.zeros((ops.shape(features)[0], self.outputs, channels), dtype=dtype)
        return (
            outputs if self.bias is None or bias is None else outputs + ops.cast(self.bias.bias_on_points(bias), dtype)
        )

    def of_present(self, there: Present, features: Any, kernel: Any, bias: Any, dtype: str) -> Any:
        """The same."""
        return self(features, kernel, bias, dtype)


@dataclass(frozen=True, eq=False)
class Plan:
    """What is done with features of one shape.

    Attributes:
        reading: of the shape.
        mapping: of the sizes at hand; None for a typed pattern.
        points: how many points the input has.
        linear: what is applied to them, ...
        of_present: ... and what where some are missing.
    """

    reading: Reading
    mapping: Mapping | None
    points: int
    linear: Linear
    of_present: Callable[[Present, Any, Any, Any, str], Any]

    def there(self, mask: Any, known: Any, shape: Any, *, scalar: bool) -> Present | None:
        """What is there of features of a shape; None if they are whole."""
        return read_masks(mask, known, shape, shape[: self.reading.lead], self.points, self.mapping, scalar=scalar)

    def apply(self, inputs: Any, there: Present | None, kernel: Any, bias: Any, dtype: str) -> Any:
        """Outputs (lead ..., points ..., channels) for features of the compute dtype."""
        lead = ops.shape(inputs)[: self.reading.lead]
        # Without points a size that is left open could be any.
        flat = ops.reshape(inputs, (-1 if self.points else prod(lead), self.points, self.reading.channels))
        linear = self.linear if there is None else partial(self.of_present, there)
        return ops.reshape(linear(flat, kernel, bias, dtype), (*lead, *self.reading.output))


@dataclass(frozen=True)
class RowCounts:
    """What initial values depend on.

    Attributes:
        orbitals_per_row: (rank,), how many orbits stand in a row.
        subdegrees: (rank,), how many entries of each do.
    """

    orbitals_per_row: Integers
    subdegrees: Integers


class OneSize:
    """What a layer of one size does.

    Args:
        layer: an EquivariantDense.
        sides: how features are read.
    """

    def __init__(self, layer: Any, sides: Sides) -> None:
        self.layer, self.sides = layer, sides
        self.points = points_of(sides.input) or 0

    @cached_property
    def _means(self) -> MeansOfPresent:
        return MeansOfPresent(self.layer.linear, self.layer.declared.source)

    def reading(self, shape: Shape) -> tuple[Reading, Mapping | None]:
        """A shape, understood, and the mapping."""
        return read_shape(shape, self.sides), self.layer.mapping

    def mask_of_outputs(self, mask: Any, shape: Shape) -> Any:
        """The mask that a layer hands on."""
        reading, mapping = self.reading(shape)
        return mask_of_outputs(mask, shape, mapping, reading, scalar=self.sides.units is None)

    def plan(self, shape: Shape, sizes: Any = None) -> Plan:
        """What is done with features of a shape."""
        if sizes is not None:
            checked_sizes(self.layer.mapping, sizes)
        reading, mapping = self.reading(shape)
        return Plan(reading, mapping, self.points, self.layer.linear, self._means)

    def built_for(self, shape: Shape) -> tuple[int, Orbits | Pattern]:
        """How many input channels there are, and what initial values depend on."""
        return self.reading(shape)[0].channels, self.layer.declared.numbered


class AnySize:
    """What a layer for every size does; each shape is planned once.

    Args:
        layer: an EquivariantDense.
        sides: of the stable mapping: the layout that the user chose, and the output channels.
    """

    def __init__(self, layer: Any, sides: Sides) -> None:
        self.layer, self.sides = layer, sides
        self.found: OrbitFamily = layer.orbits
        self.family = self.found.family
        self.maps = OpenMaps(self.found, layer.aggregation, layer.bias_pattern)
        self._plans: dict[Any, Plan] = {}

    def reading(self, shape: Shape) -> tuple[Reading, Mapping | None]:
        """A shape, understood, with None for what is not known yet, and the mapping of its sizes, if they are known.

        Raises:
            DeclarationError: the shape fits no sizes, or does not tell them.
        """
        told = read_sizes(shape, self.family, self.sides, self.layer.sizes)
        known = len(told.sizes) == len(self.family.letters)
        return read_shape(shape, told.sides), self.family.member(told.sizes) if known else None

    def mask_of_outputs(self, mask: Any, shape: Shape) -> Any:
        """The mask that a layer hands on; of another space only where the sizes are known."""
        if self.family.stable.input == self.family.stable.output and not isinstance(mask, dict):
            return mask
        reading, mapping = self.reading(shape)
        plan = None if mapping is not None or isinstance(mask, dict) else self.plan(shape)
        if not isinstance(plan, OpenPlan) or of_points(mask, shape) is None:
            return mask_of_outputs(mask, shape, mapping, reading, scalar=self.sides.units is None)
        if isinstance(mask, keras.KerasTensor):
            answer = (*shape[: reading.lead], *reading.output[:-1])
            return MaskOfOutputs(self.family.without_catalogue(), plan.layout, plan.sizes, tuple(shape), answer)(mask)
        return plan.outputs_there(mask, shape)

    def plan(self, shape: Shape, sizes: Any = None) -> Plan | OpenPlan:
        """What is done with features of a shape.

        Raises:
            DeclarationError: the shape fits no sizes, or does not tell them.
        """
        given = {**self.layer.sizes, **checked_sizes(self.family, sizes)}
        # Batches of any size are one plan; without a batch the first dimension counts points.
        has_batch = len(shape) > 1 + (self.sides.units is not None)
        key = (has_batch or shape[0], *shape[1:], *given.items())
        if key not in self._plans:
            told = read_sizes(shape, self.family, self.sides, given)
            reading = read_shape(shape, told.sides)
            if len(told.sizes) < len(self.family.letters):
                return OpenPlan(self.maps, reading, told.sides.layout, told.sizes)
            mapping = self.family.member(told.sizes)
            linear = self._linear(mapping, told.sizes, reading.channels)
            masked = mapping if isinstance(linear, Chosen) else None
            if len(self._plans) == MOST_PLANS:
                del self._plans[next(iter(self._plans))]
            self._plans[key] = Plan(reading, masked, mapping.input.size, linear, linear.of_present)
        return self._plans[key]

    def built_for(self, shape: Shape) -> tuple[int, RowCounts]:
        """How many input channels there are, and what initial values depend on: row sizes of this shape, or of few points."""
        # What is not told here is told when features come.
        told = read_sizes(shape, self.family, self.sides, self.layer.sizes, all_letters=False)
        sizes = {**self.family.stable_sizes, **told.sizes}
        row_sizes = np.array([max(1, growth.at(sizes)) for growth in self.found.row_growths])
        channels = 1 if self.sides.units is None else shape[-1]
        if channels is None:
            raise DeclarationError(f"the number of channels is unknown: expected a known last axis, got {shown(shape)}")
        return channels, RowCounts(self.found.orbitals_per_row, row_sizes)

    def _linear(self, mapping: Mapping, sizes: Sizes, channels: int) -> Chosen | Nothing:
        """The program for some sizes, with the parameters that it has of those for every size."""
        table = self._bias_table(mapping, sizes)
        if not (mapping.input.terms and mapping.output.terms):
            m = mapping.output.size
            empty = Program(self.family.in_short(), (m, mapping.input.size), 0, ())
            biases = None if table is None or not m else LinearMap(empty, None, Execution((), m), table)
            return Nothing(m, biases)
        found = orbits(mapping)
        labels = self.found.stable_labels(found, sizes)
        program, scale = self.layer.planned(found, channels), self._scale(labels, sizes)
        linear = LinearMap(program, scale, Execution(program.blocks, program.shape[0], scale), table)
        same = np.array_equal(labels, np.arange(1, self.found.rank + 1))
        # Where orbits of few points are parts of one, its mean is over what is there of all of them.
        apart = scale is None or np.unique(np.abs(labels)).size == labels.size
        means = MeansOfPresent(linear, found) if apart else None
        return Chosen(linear, means, None if same else weight_table(labels, self.found.rank))

    def _scale(self, labels: SignedLabels, sizes: Sizes) -> np.ndarray | None:
        """What each parameter for some sizes is multiplied by: its mean is over the rows of the stable orbit."""
        if self.layer.aggregation == "sum":
            return None
        growths = self.found.row_growths
        return np.array([1.0 / growths[abs(label) - 1].at(sizes) if label else 1.0 for label in labels.tolist()])

    def _bias_table(self, mapping: Mapping, sizes: Sizes) -> WeightTable | None:
        """Where each output point finds its bias among those for every size."""
        stable = self.layer.bias_pattern
        if stable is None or not mapping.output.terms:
            return None
        return weight_table(bias_labels(self.family, stable, mapping, sizes), stable.rank)


def sized(layer: Any, layout: str) -> OneSize | AnySize:
    """What a layer does with features, of the layout that the user chose."""
    fixed, (m, n) = layer.declared.fixed, layer.declared.numbered.shape
    input_, output = ((n,), (m,)) if fixed is None else (fixed.input.shape, fixed.output.shape)
    sides = Sides(input_, output, layer.units, layout)
    return AnySize(layer, sides) if isinstance(layer.mapping, MappingFamily) else OneSize(layer, sides)


def bias_labels(family: MappingFamily, stable: Pattern, mapping: Mapping, sizes: Sizes) -> SignedLabels:
    """Which bias for every size each output point has for some sizes, signed, (m, 1)."""
    own = bias_pattern(replace(mapping, input=mapping.output))
    rows = np.unique(own.labels[:, 0], return_index=True)[1]
    rows = rows[own.labels[rows, 0] >= 0]
    # The first point of each orbit meets few points, so that it is one of the stable space too.
    few = grown(family, rows, mapping.output, family.stable.output, sizes)
    chosen = np.append(stable.signed_labels[few, 0], 0)
    return chosen[labels_of(own.signed_labels)] * signs_of(own.signed_labels)


def checked_sizes(mapping: Any, sizes: Any) -> dict[str, int]:
    """Sizes of some letters of a mapping, as a user gives them.

    Raises:
        DeclarationError: they are no dict of whole numbers, or there are no letters of that name.
    """
    if sizes is None:
        return {}
    if not isinstance(mapping, MappingFamily):
        raise DeclarationError(
            "sizes belong to a declaration with letters, like p -> p where p = S(n): here drop sizes=..."
        )
    if not isinstance(sizes, dict):
        wanted = f'sizes={{"{mapping.letters[0]}": 7}}'
        raise DeclarationError(f"sizes are whole numbers, one for each letter, as in {wanted}, got {shortened(sizes)}")
    return mapping.checked(sizes, all_letters=False)


def no_single_size(family: MappingFamily) -> DeclarationError:
    """What is said where a layer for every size is asked for what only one of a fixed size has."""
    sizes = ", ".join(f"{letter}=7" for letter in family.letters)
    return DeclarationError(
        f"a layer of {family.in_short()} has a program and a matrix for each size: take that of one size, layer.at({sizes})"
    )
