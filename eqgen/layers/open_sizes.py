"""What a layer for every size does where sizes are known only in the graph, as TensorFlow traces it with None in a shape."""

from collections.abc import Callable
from functools import cached_property, reduce
from math import prod
from typing import Any

import keras
import numpy as np
from keras import ops

from eqgen.common.errors import DeclarationError
from eqgen.layers.execution.every_size import EverySize, Points, apart, count, dense, flat
from eqgen.layers.execution.rolled import Rolled, rolled
from eqgen.layers.inputs.shape import Reading, Shape, of_points, present, shown
from eqgen.layers.masks.reading import Present
from eqgen.orbitals.declare_family import StencilFamily
from eqgen.orbitals.orbit_family import OrbitFamily, orbits
from eqgen.orbitals.pattern import Pattern
from eqgen.programs.coincidences import places_of, term_pairs
from eqgen.spaces.factors import FIXED_POINT
from eqgen.spaces.family import AnyBlocks, AnySize
from eqgen.spaces.space import Factor, Space


class OpenMaps:
    """The linear maps of a layer for every size, made when they are first asked for.

    Args:
        found: the orbits.
        aggregation: "mean" or "sum".
        bias: which outputs share a bias, for few points; or None.
    """

    def __init__(self, found: OrbitFamily, aggregation: str, bias: Pattern | None) -> None:
        self.found, self.aggregation, self.shared = found, aggregation, bias
        self.family, self.stable = found.family, found.family.stable

    @property
    def groups(self) -> tuple[AnySize | None, ...]:
        """Of the axes, None where the size is a number."""
        return tuple(group if isinstance(group, AnySize) else None for group in self.family.groups)

    def refuse_blocks(self) -> None:
        """Stop at a wreath product, whose points this program does not tell apart."""
        if any(isinstance(group, AnyBlocks) for group in self.family.groups):
            raise DeclarationError(
                f"{self.family.in_short()} needs features of known shapes, and they are traced without: give batches of one size"
            )

    @cached_property
    def kernel(self) -> EverySize | Rolled:
        """From features to outputs."""
        self.refuse_blocks()
        if isinstance(self.family, StencilFamily):
            return rolled(self.found, self.aggregation == "mean")
        growths = self.found.row_growths if self.aggregation == "mean" else None
        return self._map(self.stable.input, self.found.stable.form.at, self.found.rank, growths)

    @cached_property
    def bias(self) -> EverySize | None:
        """From one point to outputs."""
        shared = self.shared
        if shared is None:
            return None
        one = Space(((Factor(FIXED_POINT, None),),))
        return self._map(one, lambda rows, columns: shared.signed_labels[np.ix_(rows, columns)], shared.rank, None)

    def _map(self, input_: Space, labels: Callable[..., Any], rank: int, growths: Any) -> EverySize:
        pairs = term_pairs(self.stable.output, input_, self.groups, labels, rank)
        return EverySize(self.stable.output, input_, self.groups, tuple(pairs), growths)


class OpenPlan:
    """What is done with features of one shape, some sizes of which are not known yet.

    Args:
        maps: of the layer.
        reading: of the shape.
        layout: "flat" or "grid".
        sizes: those that are known.
    """

    def __init__(self, maps: OpenMaps, reading: Reading, layout: str, sizes: dict[str, int]) -> None:
        self.maps, self.reading, self.layout, self.sizes = maps, reading, layout, sizes
        maps.refuse_blocks()
        self.stable = maps.stable
        self.groups = maps.groups

    def there(self, mask: Any, known: Any, shape: Any, *, scalar: bool) -> Present | None:
        """What is there of features of a shape, (lead ..., points ...)."""
        if known is not None:
            raise DeclarationError(
                f"known=... needs features of known shapes, and {shown(shape)} is traced: give batches of one size, or points that "
                "are there, mask=..."
            )
        if isinstance(mask, dict):
            raise DeclarationError(
                f"masks by the names of axes need features of known shapes, and {shown(shape)} is traced: give one of the points"
            )
        mask = None if scalar else of_points(mask, shape)
        if mask is None:
            return None
        if isinstance(self.maps.family, StencilFamily):
            raise DeclarationError(
                f"a mask on rings needs features of known shapes, and {shown(shape)} is traced: a part of a ring is no shorter ring"
            )
        dimensions = ops.shape(mask)
        lead, grid = dimensions[: self.reading.lead], dimensions[self.reading.lead :]
        points = self._points(grid)
        total = sum(count(term, self.groups, points) for term in self.stable.input.terms)
        inputs = ops.reshape(ops.cast(mask, "bool"), (prod(lead), total))
        axes = self._axes(inputs, points)
        return Present(inputs, self._outputs(axes, points, prod(lead)), axes)

    def apply(self, inputs: Any, there: Present | None, kernel: Any, bias: Any, dtype: str) -> Any:
        """Outputs (lead ..., points ..., channels) for features of the compute dtype."""
        dimensions = ops.shape(inputs)
        is_scalar = len(kernel.shape) == 1
        lead, grid = dimensions[: self.reading.lead], dimensions[self.reading.lead : len(dimensions) - (not is_scalar)]
        points = self._points(grid)
        total = sum(count(term, self.groups, points) for term in self.stable.input.terms)
        features = ops.reshape(inputs, (prod(lead), total, self.reading.channels))
        held = None
        if there is not None:
            features = present(features, there.inputs)
            held = {
                **points,
                **{axis: ops.sum(ops.cast(mask, "float32"), axis=1) for axis, mask in (there.axes or {}).items()},
            }
        theta = ops.convert_to_tensor(kernel)
        theta = ops.cast(theta, dtype) if dtype == "float64" else theta
        theta = ops.reshape(theta, (-1, 1, 1)) if is_scalar else theta
        outputs = self.maps.kernel(features, theta, points, held, dtype)
        if bias is not None and self.maps.bias is not None:
            shared = ops.convert_to_tensor(bias)
            shared = ops.reshape(shared, (shared.shape[0], 1, -1))
            ones = ops.ones((1, 1, 1), dtype=shared.dtype)
            outputs = outputs + ops.cast(self.maps.bias(ones, shared, points, None, shared.dtype), dtype)
        return ops.reshape(
            outputs, (*lead, *self._output_grid(points), *self.reading.output[len(self._output_grid(points)) :])
        )

    def outputs_there(self, mask: Any, shape: Shape) -> Any:
        """The mask of the outputs, of their shape without channels; None if all are there."""
        found = self.there(mask, None, shape, scalar=False)
        if found is None or found.outputs is None:
            return None
        dimensions = ops.shape(mask)
        lead, grid = dimensions[: self.reading.lead], dimensions[self.reading.lead :]
        return ops.reshape(found.outputs, (*lead, *self._output_grid(self._points(grid))))

    def _points(self, grid: Any) -> Points:
        """How many points the axes have, from the dimensions that the points of an input fill."""
        terms = self.stable.input.terms
        parts = [((factor,),) for factor in terms[0]] if self.layout == "grid" and len(terms) == 1 else [terms]
        sizes: dict[str, Any] = dict(self.sizes)
        for dimension, part in zip(grid, parts, strict=True):
            axes = [factor.axis for term in part for factor in term if factor.axis is not None]
            letters = {group.letter for group in (self.groups[axis] for axis in axes) if group is not None}
            unknown = [letter for letter in letters if letter not in sizes]
            if len(unknown) == 1:
                sizes[unknown[0]] = self._inverted(dimension, part, unknown[0], sizes)
        return {axis: sizes[group.letter] for axis, group in enumerate(self.groups) if group is not None}

    def _inverted(self, dimension: Any, terms: Any, letter: str, sizes: dict[str, Any]) -> Any:
        """The size at which some terms have so many points."""
        if len(terms) == 1 and len(terms[0]) == 1 and terms[0][0].kind.size == 1:
            return dimension
        # The largest that has no more; what does not fit is refused where features are given their shape.
        largest = max(factor.kind.size for term in terms for factor in term)
        is_known = isinstance(dimension, int)
        candidates = (
            np.arange(1, dimension + largest + 1) if is_known else ops.arange(1, dimension + largest + 1, dtype="int64")
        )
        points = {
            axis: candidates if group.letter == letter else sizes[group.letter]
            for axis, group in enumerate(self.groups)
            if group is not None and (group.letter == letter or group.letter in sizes)
        }
        counts = sum(count(term, self.groups, points) for term in terms)
        if is_known:
            return int((counts <= dimension).sum())
        return ops.sum(ops.cast(counts <= ops.cast(dimension, "int64"), "int32"))

    def _axes(self, inputs: Any, points: Points) -> dict[int, Any]:
        """Which points of each axis are there, (batch, n): those that make an input that is."""
        found: dict[int, Any] = {}
        terms = self.stable.input.terms
        parts = apart(inputs, [count(term, self.groups, points) for term in terms])
        for part, term in zip(parts, terms, strict=True):
            tuples = dense(ops.cast(part, "float32")[..., None], term, self.groups, points, signed=False)
            places = places_of(term, self.groups)
            for number, place in enumerate(places):
                others = [1 + other for other in range(len(places) + 1) if other != number]
                shown_ = ops.max(tuples, axis=others) > 0
                found[place.axis] = ops.logical_or(found[place.axis], shown_) if place.axis in found else shown_
        return found

    def _outputs(self, axes: dict[int, Any], points: Points, batch: Any) -> Any:
        """Which outputs are there, (batch, m); None if all are."""
        rows, is_masked = [], False
        for term in self.stable.output.terms:
            places = places_of(term, self.groups)
            own = []
            for number, place in enumerate(places):
                if place.axis in axes:
                    shape = [-1 if axis == number else 1 for axis in range(len(places) + 1)]
                    own.append(ops.reshape(ops.cast(axes[place.axis], "float32"), (batch, *shape)))
            is_masked = is_masked or bool(own)
            tuples = reduce(lambda one, other: one * other, own, ops.ones((1, *[1] * (len(places) + 1))))
            folded = prod(
                factor.kind.count for factor in term if factor.axis is None or self.groups[factor.axis] is None
            )
            tuples = ops.repeat(tuples, folded, axis=len(places) + 1) if folded > 1 else tuples
            rows.append(flat(tuples, term, self.groups, points, batch=batch, channels=1, dtype="float32")[..., 0])
        return ops.concatenate(rows, axis=1) > 0 if is_masked else None

    def _output_grid(self, points: Points) -> list[Any]:
        terms = self.stable.output.terms
        has_grid = self.layout == "grid" and len(terms) == 1
        if has_grid:
            return [count((factor,), self.groups, points) for factor in terms[0]]
        return [sum(count(term, self.groups, points) for term in terms)]


@keras.saving.register_keras_serializable(package="eqgen")
class MaskOfOutputs(keras.Operation):
    """The mask that a layer for every size hands on, in a model that is made before sizes are known.

    Args:
        declaration: of the layer.
        layout: of its features, ...
        sizes: ... the sizes that are known, ...
        shape: ... and their shape.
        answer: the shape of the mask.
    """

    def __init__(
        self, declaration: str, layout: str, sizes: dict[str, int], shape: Any, answer: Any, name: str | None = None
    ) -> None:
        super().__init__(name=name)
        self.shape, self.answer = tuple(shape), tuple(answer)
        found: OrbitFamily = orbits(declaration)  # type: ignore[assignment]
        terms = found.family.stable.input.terms
        axes = len(terms[0]) if layout == "grid" and len(terms) == 1 else 1
        reading = Reading(len(self.shape) - 1 - axes, 1, ())
        self.plan = OpenPlan(OpenMaps(found, "sum", None), reading, layout, dict(sizes))
        self.config = {"declaration": declaration, "layout": layout, "sizes": dict(sizes)}

    def call(self, mask: Any) -> Any:
        """The mask of the outputs."""
        return self.plan.outputs_there(mask, self.shape)

    def compute_output_spec(self, mask: Any) -> Any:
        """Its shape."""
        return keras.KerasTensor(self.answer, dtype="bool")

    def get_config(self) -> dict[str, Any]:
        return {**self.config, "shape": list(self.shape), "answer": list(self.answer), "name": self.name}
