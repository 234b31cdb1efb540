"""A model of several inputs or outputs, or of sequences, as one from features to features, made of the very layers."""

from collections.abc import Mapping as Dictionary
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from typing import Any

import keras
from keras import ops

from eqgen.common.errors import DeclarationError, count, is_whole, shortened
from eqgen.layers.equivariance.shapes import Shape, fitting, is_on, with_batch
from eqgen.spaces.mapping import Mapping
from eqgen.spaces.space import Space

MOMENTS = (3, 4, 5, 6, 7)
"""Where a model takes sequences of any length it is tried on the first of these that is no other size."""


@dataclass(frozen=True)
class Port:
    """One input: its key in a list or dict (None where it is the only one), its points, and its shape without time.

    Attributes:
        key: of the input.
        term: what its points are, as the language writes it.
        points: where they stand among all points.
        shape: of one example at one moment.
        channels: None where the shape has no axis for them.
    """

    key: Any
    term: str
    points: slice
    shape: tuple[int, ...]
    channels: int | None


class _Whole(keras.layers.Layer):
    """A model within another: it is called as ever, and learns nothing of where it stands, which its own graph would hold."""

    def __init__(self, model: Any) -> None:
        super().__init__(name=model.name)
        self.model = model

    def call(self, inputs: Any) -> Any:
        return self.model(inputs)


def view(
    model: Any,
    mapping: Mapping,
    output: Any,
    input_shape: Any,
    time_axis: int | None,
    terms: Dictionary[Any, int] | None = None,
) -> tuple[Any, str]:
    """A model from (batch, n, channels) to one output, (batch, m, channels); moments are channels.

    Args:
        model: a Keras layer or model.
        mapping: what its output is held to.
        output: the number or key of the output, None where there is one.
        input_shape: a shape without the batch; a list or dict of shapes for several inputs; None where the model knows.
        time_axis: of the inputs, the batch being axis 0; None where there is no time.
        terms: how many terms each of several inputs is, by its key and in their order; None for one each.

    Returns:
        The model, and which input is which term, in words, where there are several.

    Raises:
        DeclarationError: inputs do not match the terms of the input space, or shapes do not fit.
    """
    is_plain = input_shape is None and time_axis is None and isinstance(output, int | None)
    if is_plain and len(getattr(model, "inputs", None) or ()) == 1:
        return keras.Model(model.inputs[0], model.outputs[output or 0], name=model.name), ""
    shapes, moments = _without_time(model, _shapes(model, input_shape), time_axis, mapping)
    ports = ports_of(repr(model.name), shapes, mapping, terms)
    most = max(port.channels or 1 for port in ports)
    features = keras.Input((mapping.input.size, most * moments), dtype=_input_dtype(model))
    parts = [_part(features, port, most, moments, time_axis) for port in ports]
    if isinstance(shapes, Dictionary):
        given: Any = {port.key: part for port, part in zip(ports, parts, strict=True)}
    else:
        given = parts if isinstance(shapes, list) else parts[0]
    answer = _Whole(model)(given)
    answer = answer if output is None else answer[output]
    if time_axis is not None:
        answer = _moments_last(model, answer, mapping, time_axis, moments)
    names = [f"input {port.key + 1}" if isinstance(port.key, int) else port.key for port in ports]
    pairs = [f"{name} is {port.term}" for name, port in zip(names, ports, strict=True)]
    words = ", ".join(pairs) if len(ports) > 1 else ""
    return keras.Model(features, answer, name=model.name), words


def output_keys(model: Any, declarations: Any) -> dict[str, Any]:
    """The key of each declared output by its name: in a dict by key, in a list by the names of a functional model.

    Raises:
        DeclarationError: there are more or fewer declarations than outputs, or others.
    """
    outputs = getattr(model, "output", None) if getattr(model, "outputs", None) else None
    is_dict = isinstance(declarations, Dictionary)
    keys = list(declarations) if is_dict else list(range(len(declarations)))
    if isinstance(outputs, Dictionary):
        there = list(outputs)
        # In the order in which the model was made.
        keys = keys if is_dict else there
        names = list(map(str, keys))
    elif outputs is None:
        return {str(key) if is_dict else f"output {key + 1}": key for key in keys}
    else:
        names = [str(name) for name in model.output_names]
        if len(set(names)) < len(names):
            # One layer made several.
            names = [f"output {number}" for number in range(1, len(names) + 1)]
        there = list(range(len(model.outputs))) if isinstance(outputs, (list, tuple)) else [None]
        if is_dict:
            # A list of outputs is named by the layers that make them.
            keys = [there[names.index(key)] if key in names else key for key in keys]
            names = list(map(str, declarations))
    if len(declarations) != len(there) or not set(keys) <= set(there):
        known = ", ".join(map(str, outputs if isinstance(outputs, Dictionary) else model.output_names))
        got = ", ".join(map(str, declarations)) if is_dict else len(declarations)
        raise DeclarationError(
            f"{model.name!r} has {count(len(there), 'output')}, {known}: give a declaration for each, got {got}"
        )
    return dict(zip(names, keys, strict=True))


def several_shapes(input_shape: Any) -> bool:
    """Whether shapes are given of several inputs, in a list or dict."""
    return isinstance(input_shape, Dictionary) or (
        isinstance(input_shape, (list, tuple)) and any(isinstance(shape, (list, tuple)) for shape in input_shape)
    )


def _shapes(model: Any, given: Any) -> Any:
    """The shapes of the inputs without the batch: one, or a list or dict of them."""
    if given is not None:
        if several_shapes(given):
            return given if isinstance(given, Dictionary) else list(given)
        return tuple(given)
    if not getattr(model, "inputs", None):
        shape = getattr(model, "input_shape", None) or (getattr(model, "_build_shapes_dict", None) or {}).get(
            "input_shape"
        )
        if shape is None:
            raise DeclarationError(
                f"{model.name!r} does not know the shape of its input: pass it without the batch, as in input_shape=(5, 1), and of "
                "several inputs a list or dict of shapes"
            )
        return tuple(shape[1:])
    struct = model.input
    for tensor in model.inputs:
        if str(tensor.dtype).startswith(("int", "uint", "bool")):
            raise DeclarationError(
                f"{model.name!r} takes {tensor.dtype} inputs: verify moves real features; check the part of the model after its "
                "embedding"
            )
    if isinstance(struct, Dictionary):
        return {key: tuple(tensor.shape[1:]) for key, tensor in struct.items()}
    if isinstance(struct, (list, tuple)) and len(struct) > 1:
        return [tuple(tensor.shape[1:]) for tensor in struct]
    return tuple(model.inputs[0].shape[1:])


def _without_time(model: Any, shapes: Any, time_axis: int | None, mapping: Mapping) -> tuple[Any, int]:
    """The shapes at one moment, and how many moments there are."""
    if time_axis is None:
        return shapes, 1
    each = shapes.values() if isinstance(shapes, Dictionary) else shapes if isinstance(shapes, list) else [shapes]
    if not is_whole(time_axis, 1) or any(time_axis > len(shape) for shape in each):
        shown = ", ".join(with_batch(shape) for shape in each)
        raise DeclarationError(
            f"time_axis={shortened(time_axis)} is no axis of {model.name!r}, which takes {shown}: the batch is axis 0, so that "
            "time_axis=1 is (batch, time, points, channels)"
        )
    lengths = {shape[time_axis - 1] for shape in each} - {None}
    if len(lengths) > 1:
        raise DeclarationError(f"the inputs of {model.name!r} have {' and '.join(map(str, sorted(lengths)))} moments")
    taken = {mapping.input.size, mapping.output.size, *(size for shape in each for size in shape)}
    moments = lengths.pop() if lengths else next(length for length in MOMENTS if length not in taken or length == 7)

    def cut(shape: Shape) -> Shape:
        return (*shape[: time_axis - 1], *shape[time_axis:])

    if isinstance(shapes, Dictionary):
        return {key: cut(shape) for key, shape in shapes.items()}, moments
    return ([cut(shape) for shape in shapes] if isinstance(shapes, list) else cut(shapes)), moments


def ports_of(name: str, shapes: Any, mapping: Mapping, terms: Dictionary[Any, int] | None = None) -> list[Port]:
    """The inputs, each with its terms of the input space: by name where all names are those of terms, else in order.

    Args:
        name: of the model, for messages.
        shapes: of the inputs without the batch, one or several.
        mapping: whose input they are.
        terms: how many terms each input is, in order; None for one each.
    """
    if not isinstance(shapes, (list, Dictionary)):
        shape, channels = _fitting(name, shapes, mapping.input, str(mapping))
        return [Port(None, "", slice(0, mapping.input.size), shape, channels)]
    keys: list[Any] = list(shapes) if isinstance(shapes, Dictionary) else list(range(len(shapes)))
    if terms is not None:
        if set(keys) != set(terms):
            wanted, got = (", ".join(map(str, names)) for names in (terms, keys))
            raise DeclarationError(f"{name} takes {wanted}: give a shape for each, got {got}")
        keys, counts = list(terms), list(terms.values())
    elif len(keys) == len(mapping.input.terms):
        counts = [1] * len(keys)
    else:
        raise DeclarationError(
            f"{name} has {count(len(keys), 'input')}, and the input of {mapping} is a sum of "
            f"{count(len(mapping.input.terms), 'term')}: declare one term for each input"
        )
    stops = list(accumulate(counts))
    spaces = [Space(mapping.input.terms[stop - own : stop]) for stop, own in zip(stops, counts, strict=True)]
    texts = list(map(mapping.space_text, spaces))
    by_name = terms is None and len(set(texts)) == len(texts) and set(map(str, keys)) == set(texts)
    order: list[Any] = list(texts) if by_name else keys
    ports, start = [], 0
    for key, space, text in zip(order, spaces, texts, strict=True):
        shape, channels = _fitting(name, shapes[key], space, f"{text} in {mapping}")
        ports.append(Port(key, text, slice(start, start + space.size), shape, channels))
        start += space.size
    return ports


def _fitting(name: str, shape: Shape, space: Space, needed: str) -> tuple[tuple[int, ...], int | None]:
    """The shape of features on a space that a shape with unknown sizes is, and its channels."""
    found = fitting(shape, space)
    if found is not None:
        return found
    raise DeclarationError(
        f"{name} takes inputs of shape {with_batch(shape)}, {needed} needs (batch, {space.size}) or (batch, "
        f"{space.size}, channels)"
    )


def _part(features: Any, port: Port, most: int, moments: int, time_axis: int | None) -> Any:
    """What one input gets of all features: its points, its channels, its moments."""
    size = port.points.stop - port.points.start
    part = ops.reshape(features[:, port.points.start : port.points.stop], (-1, size, moments, most))
    part = part[..., : port.channels or 1]
    if time_axis is None:
        return ops.reshape(part, (-1, *port.shape))
    without_channels = port.shape if port.channels is None else port.shape[:-1]
    part = ops.reshape(part, (-1, *without_channels, moments, port.channels or 1))
    part = part[..., 0] if port.channels is None else part
    return ops.moveaxis(part, len(without_channels) + 1, time_axis)


def _moments_last(model: Any, answer: Any, mapping: Mapping, time_axis: int, moments: int) -> Any:
    """An answer with its moments among its channels; one that has no time as it is."""
    shape, space = tuple(answer.shape[1:]), mapping.output
    rest = (*shape[: time_axis - 1], *shape[time_axis:])
    timed = shape[time_axis - 1 : time_axis] == (moments,) and is_on(rest, space)
    if not timed:
        return answer
    # Behind the points time is read alike either way.
    if time_axis == 1 and is_on(shape, space) and space.size != 1:
        raise DeclarationError(
            f"{model.name!r} answers in shape {with_batch(shape)}, where {moments} may be the moments or the points of {mapping}: "
            f"give sequences of another length, as in input_shape with {moments + 1} on the time axis"
        )
    moved = ops.moveaxis(answer, time_axis, -1)
    points = space.size if space.size != 1 else 1
    return ops.reshape(moved, (-1, points, prod(rest) // points * moments))


def _input_dtype(model: Any) -> str:
    inputs = getattr(model, "inputs", None)
    return str(inputs[0].dtype if inputs else getattr(model, "compute_dtype", "float32"))
