"""Modules of PyTorch: a copy in another precision, with other weights, and as it computes while it is trained."""

import copy
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from eqgen.layers.equivariance.weights import Draw, drawn_weights

RANDOM = ("Dropout", "MultiheadAttention", "RReLU", "RNNBase")
"""In the names of PyTorch's own modules that draw random numbers in training, and do nothing else then."""


def is_module(given: Any) -> bool:
    """Whether something is a module of PyTorch, which is not imported for that."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(given, torch.nn.Module)


def module_in(module: Any, dtype: str) -> Any:
    """A copy of a module in another dtype; one with complex numbers has none, for they would lose a part."""
    if any(tensor.is_complex() for tensor in (*module.parameters(), *module.buffers())):
        raise TypeError("it holds complex numbers")
    return copy.deepcopy(module).to(getattr(sys.modules["torch"], dtype))


@contextmanager
def evaluating(module: Any) -> Iterator[None]:
    """Inside, a module is in evaluation mode; each of its parts is in its own mode again afterwards."""
    with _modes(module):
        module.eval()
        yield


@contextmanager
def training(module: Any) -> Iterator[None]:
    """Inside, a module is in training mode, but for parts that draw random numbers; statistics are as they were afterwards."""
    with _modes(module), kept(module):
        module.train()
        for part in module.modules():
            names = [base.__name__ for base in type(part).__mro__]
            if type(part).__module__.startswith("torch.nn.") and any(word in name for name in names for word in RANDOM):
                part.training = False
        yield


@contextmanager
def kept(module: Any) -> Iterator[None]:
    """Afterwards parameters and statistics are as they were."""
    torch = sys.modules["torch"]
    tensors = [*module.parameters(), *module.buffers()]
    before = [tensor.detach().clone() for tensor in tensors]
    # A call may put another tensor in place of one that is kept.
    named = [(part, dict(part._buffers)) for part in module.modules()]
    try:
        yield
    finally:
        for part, buffers in named:
            part._buffers.update(buffers)
        with torch.no_grad():
            for tensor, values in zip(tensors, before, strict=True):
                if not torch.equal(tensor, values):
                    tensor.copy_(values)


def trained_tensors(module: Any, updated: Callable[[], Any]) -> list[Any]:
    """What training changes: parameters that ask for gradients, and what a call in training mode changes besides."""
    torch = sys.modules["torch"]
    before = {name: buffer.clone() for name, buffer in module.named_buffers() if buffer.is_floating_point()}
    with _modes(module), kept(module):
        module.train()
        with suppress(Exception):
            updated()
        after = dict(module.named_buffers())
        changed = [name for name, values in before.items() if not torch.equal(after[name], values)]
    buffers = dict(module.named_buffers())
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    return [
        *(parameter for parameter in parameters if not parameter.is_complex()),
        *(buffers[name] for name in changed),
    ]


def randomize(module: Any, tensors: list[Any], random: np.random.Generator, draw: Draw) -> None:
    """Draw what training changes of a module at random."""
    torch = sys.modules["torch"]
    parameters = {id(parameter) for parameter in module.parameters()}
    with torch.no_grad():
        for tensor in tensors:
            values = tensor.detach().cpu().double().numpy()
            tensor.copy_(torch.as_tensor(drawn_weights(values, id(tensor) in parameters, random, draw)))


@contextmanager
def _modes(module: Any) -> Iterator[None]:
    modes = [(part, part.training) for part in module.modules()]
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode
