"""Any callable of arrays as a function of features: numpy, JAX, TensorFlow, a PyTorch function or module."""

import sys
from collections.abc import Callable, Sequence
from collections.abc import Mapping as Dictionary
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

from eqgen.common.errors import DeclarationError, shortened
from eqgen.layers.equivariance.rounding import EPS
from eqgen.layers.equivariance.shapes import fitting, is_on, or_grid
from eqgen.layers.equivariance.trial import Array, Function
from eqgen.spaces.mapping import Mapping
from eqgen.verification.torch_module import evaluating, is_module
from eqgen.verification.views import Port, ports_of, several_shapes


@dataclass(frozen=True)
class ArrayFunction:
    """A callable as a function of features.

    Attributes:
        function: from (batch, n, channels) to (batch, m, channels).
        channels: of the input.
        dtype: the coarser one of what the callable is given and of what it answers.
        name: for messages.
        batched: whether it takes several examples at once.
    """

    function: Function
    channels: int
    dtype: str
    name: str
    batched: bool


def array_function(
    given: Callable[..., Any],
    mapping: Mapping,
    input_shape: Any = None,
    output: Any = None,
    *,
    dtype: str | None = None,
    mode: Callable[[Any], AbstractContextManager[None]] = evaluating,
) -> ArrayFunction:
    """A callable of arrays, held to the spaces of a mapping.

    It is given numpy arrays of float64, or of float32 where it does not take those; a module of PyTorch, or a function that takes
    no numpy arrays where PyTorch is imported, is given tensors, in evaluation mode and without gradients.

    Args:
        given: the callable.
        mapping: whose spaces it goes from and to.
        input_shape: of what it takes: of one example, `(5,)` or `(5, 3)`, by default the points alone; with None in front,
            `(None, 5, 3)`, of a batch of examples. Of several arrays a list of shapes, or by name a dict: one for each term.
        output: the number or key of the answer that is meant, None where there is one.
        dtype: of the tensors that a function of PyTorch is given; by default its own.
        mode: that a module of PyTorch is called in.

    Raises:
        DeclarationError: the shape is none of the input space, or the answers are none of the output space.
    """
    name = name_of(given)
    batched, ports = _read_ports(input_shape, mapping, name)
    channels = max(port.channels or 1 for port in ports)

    def passed(arrays: Sequence[Any]) -> Any:
        if isinstance(input_shape, Dictionary):
            return given(**{port.key: array for port, array in zip(ports, arrays, strict=True)})
        return given(*arrays)

    random = np.random.default_rng(0)
    probes = [random.normal(size=(2, *port.shape) if batched else port.shape) for port in ports]
    convert, answers = _caller(given, passed, probes, dtype, mode)

    def called(arrays: Sequence[Array]) -> Any:
        answer = answers([convert(array) for array in arrays])
        return answer if output is None else _one_of(answer, output, name)

    def function(features: Array) -> Array:
        batch = len(features)
        parts = [features[:, port.points, : port.channels or 1].reshape(batch, *port.shape) for port in ports]
        if batched:
            outputs = _as_array(called(parts), name)
        else:
            outputs = np.stack([_as_array(called(example), name) for example in zip(*parts, strict=True)])
        _check_answer(outputs, batch, mapping, name)
        return outputs.reshape(batch, mapping.output.size, -1)

    seen = (convert(probes[0]), called(probes))
    dtypes = {_dtype_name(array) for array in seen if hasattr(array, "dtype")} & EPS.keys()
    return ArrayFunction(function, channels, max(dtypes, key=EPS.__getitem__, default="float64"), name, batched)


def name_of(given: Any) -> str:
    """What a callable is called in messages."""
    return str(getattr(given, "__name__", type(given).__name__))


def _read_ports(input_shape: Any, mapping: Mapping, name: str) -> tuple[bool, list[Port]]:
    """Whether batches are taken, and the arrays that make up one example."""
    if several_shapes(input_shape):
        shapes = list(input_shape.values() if isinstance(input_shape, Dictionary) else input_shape)
        batched = any(tuple(shape)[:1] == (None,) for shape in shapes)
        cut = [tuple(shape)[tuple(shape)[:1] == (None,) :] for shape in shapes]
        is_dict = isinstance(input_shape, Dictionary)
        return batched, ports_of(name, dict(zip(input_shape, cut, strict=True)) if is_dict else cut, mapping)
    space = mapping.input
    batched = input_shape is not None and tuple(input_shape)[:1] == (None,)
    shape = (space.size,) if input_shape is None else tuple(input_shape[batched:])
    found = None if None in shape else fitting(shape, space)
    if found is not None:
        return batched, [Port(None, "", slice(0, space.size), *found)]
    raise DeclarationError(
        f"input_shape={shortened(input_shape)} is no shape of features of {mapping.in_short()}: write ({space.size},) or "
        f"({space.size}, channels){or_grid(space)}, with None in front, (None, {space.size}), for a function that takes a batch"
    )


def _caller(
    given: Any,
    passed: Callable[[Sequence[Any]], Any],
    probes: Sequence[Array],
    dtype: str | None,
    mode: Callable[[Any], AbstractContextManager[None]],
) -> tuple[Callable[[Array], Any], Callable[[Sequence[Any]], Any]]:
    """What makes of a numpy array that which a callable takes, and the callable of several of them."""
    if is_module(given):
        like = next(given.parameters(), None)

        def called(tensors: Sequence[Any]) -> Any:
            with mode(given):
                return passed(tensors)

        return _tensors({} if like is None else {"dtype": like.dtype, "device": like.device}), called
    torch = sys.modules.get("torch")
    shapes = " and ".join(str(probe.shape) for probe in probes)
    ways: list[tuple[Callable[[Array], Any], str]] = [(np.copy, "numpy array"), (_single, "numpy array")]
    if torch is not None:
        ways.append((_tensors({} if dtype is None else {"dtype": getattr(torch, dtype)}), "tensor"))
    raised: Exception | None = None
    for convert, what in ways:
        try:
            passed(list(map(convert, probes)))
        except Exception as error:
            _tell(error, f"a {what} of shape {shapes}")
            # What a tensor is wrong for says more where a function takes no numpy arrays.
            raised = error if raised is None or isinstance(raised, (TypeError, AttributeError)) else raised
        else:
            return convert, passed
    assert raised is not None
    raise raised


def _single(array: Array) -> Array:
    return array.astype(np.float32)


def _one_of(answer: Any, output: Any, name: str) -> Any:
    try:
        return answer[output]
    except (KeyError, IndexError, TypeError):
        raise DeclarationError(
            f"{name} answers a {type(answer).__name__} without output {output!r}: give a declaration for each output, in a list, "
            "or by name in a dict"
        ) from None


def _tell(error: Exception, what: str) -> None:
    error.add_note(
        f"eqgen gave the function {what}; where it takes another one, say so, as in input_shape=(5, 3) for 5 points with 3 "
        "channels, or input_shape=(None, 5, 3) for a batch of such"
    )


def _tensors(own: dict[str, Any]) -> Callable[[Array], Any]:
    """Tensors of PyTorch, of the dtype that it takes without being told another."""
    torch = sys.modules["torch"]
    options = {"dtype": torch.get_default_dtype(), **own}
    return lambda array: torch.tensor(array, **options)


def _as_array(answer: Any, name: str) -> Array:
    if isinstance(answer, (list, tuple, dict)):
        raise DeclarationError(
            f"{name} has several outputs: give a declaration for each, in a list, or by name in a dict"
        )
    if hasattr(answer, "detach"):
        answer = answer.detach().cpu()
        # numpy has no bfloat16, which numbers of single precision hold exactly.
        answer = answer.float() if _dtype_name(answer) == "bfloat16" else answer
    return np.asarray(answer)


def _dtype_name(array: Any) -> str:
    """Of numpy, JAX, TensorFlow and PyTorch."""
    return str(getattr(array.dtype, "name", array.dtype)).removeprefix("torch.")


def _check_answer(outputs: Array, batch: int, mapping: Mapping, name: str) -> None:
    space, answer = mapping.output, outputs.shape[1:]
    kind = outputs.dtype.kind
    if kind not in "fiub" and outputs.dtype.name != "bfloat16":
        raise DeclarationError(f"{name} answers in {outputs.dtype}: verify compares real numbers")
    if not is_on(answer, space) or outputs.shape[:1] != (batch,):
        raise DeclarationError(
            f"{name} answers one example in shape {answer}, {mapping.in_short()} needs ({space.size},) or ({space.size}, channels)"
            f"{or_grid(space)}"
        )
