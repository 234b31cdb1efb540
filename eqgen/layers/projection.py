"""Means over orbits: from any weight of a Dense layer to the nearest one that has the form, as a constraint and a penalty too."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
from keras import ops

from eqgen.common.arrays import Integers
from eqgen.common.errors import DeclarationError, count
from eqgen.layers.execution.tensors import constant, widest_dtype
from eqgen.layers.inputs.arguments import not_negative, read_declaration
from eqgen.orbitals.orbits import Orbits, bias_pattern
from eqgen.orbitals.pattern import Pattern
from eqgen.spaces.mapping import Mapping


@dataclass(frozen=True, eq=False)
class Form:
    """The form that a declaration gives to a matrix: every entry is one of a few numbers, its negative, or zero.

    Attributes:
        text: the declaration, which parses back to an equal form.
        name: the same for messages.
        pattern: which entries are one number, (m, n).
        bias: the form of a bias, (m, 1); None for a typed pattern, which does not say which outputs share one.
    """

    text: str
    name: str
    pattern: Pattern
    bias: "Form | None" = None

    @cached_property
    def numbers(self) -> Integers:
        """Which number each entry is, (m * n,), counted from 1; 0 for those that are zero."""
        return np.abs(self.pattern.signed_labels).astype(np.int32).ravel()

    @cached_property
    def counts(self) -> Integers:
        """How many entries zero and each number have, and 1 for those that have none, (rank + 1,)."""
        return np.maximum(1, np.bincount(self.numbers, minlength=self.pattern.rank + 1))

    @cached_property
    def firsts(self) -> Integers:
        """The first entry of zero and of each number, (rank + 1,)."""
        firsts = np.zeros(self.pattern.rank + 1, dtype=np.int32)
        firsts[self.numbers[::-1]] = np.arange(self.numbers.size, dtype=np.int32)[::-1]
        return firsts

    def channels(self, kernel: tuple[int, ...]) -> tuple[int, int]:
        """(channels_in, channels_out) of a Dense kernel of this shape, whose rows are points times channels.

        Raises:
            DeclarationError: its shape does not fit.
        """
        m, n = self.pattern.shape
        if len(kernel) != 2 or kernel[0] % n or kernel[1] % m or 0 in kernel:
            shape = " x ".join(map(str, kernel))
            raise DeclarationError(
                f"the kernel is {shape}, and {self.name} has {count(n, 'input point')} and {count(m, 'output point')}: its rows "
                f"should be {n} times the input channels, its columns {m} times the output channels"
            )
        return kernel[0] // n, kernel[1] // m


def form_of(declaration: Mapping | Orbits | Pattern | str) -> Form:
    """The form of a mapping, of its orbits or of a pattern, or of their text.

    Raises:
        DeclarationError: it cannot be read, or a table of its pairs does not fit in memory.
    """
    declared = read_declaration(declaration)
    text, name = declared.text, f"the {declared.kind} {declared.short_title}"
    bias = None if declared.fixed is None else Form(text, name, bias_pattern(declared.fixed))
    return Form(text, name, declared.pattern, bias)


def nearest_weight(form: Form, weight: Any) -> Any:
    """The weight of a Dense layer nearest to a given one: of a kernel (2 axes) or of a bias (1 axis).

    Raises:
        DeclarationError: its shape does not fit, or it is a bias and the form that of a typed pattern.
    """
    if len(weight.shape) != 1:
        return nearest(form, weight)
    (size,), (m, _) = weight.shape, form.pattern.shape
    if form.bias is None:
        raise DeclarationError(
            f"{form.name} does not say which outputs share a bias: declare the symmetry, or take a Dense with use_bias=False"
        )
    if size % m:
        raise DeclarationError(
            f"the bias has {count(size, 'number')}, and {form.name} has {count(m, 'output point')}: expected {m} times the output "
            "channels"
        )
    return nearest(form.bias, weight[None])[0]


def nearest(form: Form, kernel: Any) -> Any:
    """The kernel of a Dense layer nearest to a given one, (n * channels_in, m * channels_out), among those that have the form.

    Of the same shape and float dtype; means accumulate in float64 where the backend has it.
    """
    (m, n), (channels_in, channels_out) = form.pattern.shape, form.channels(tuple(kernel.shape))
    apart = ops.transpose(ops.reshape(kernel, (n, channels_in, m, channels_out)), (2, 0, 1, 3))
    rows = ops.cast(ops.reshape(apart, (m * n, channels_in * channels_out)), widest_dtype())
    signs = np.sign(form.pattern.signed_labels).reshape(-1, 1)
    flips = (signs < 0).any()
    rows = rows * constant(signs, rows) if flips else rows
    # Beside the first entry of each orbit: where all are equal, not a bit changes.
    base = ops.take(rows, form.firsts, axis=0)
    sums = ops.segment_sum(rows - ops.take(base, form.numbers, axis=0), form.numbers, num_segments=len(form.firsts))
    means = ops.pad((base + sums / constant(form.counts[:, None], rows))[1:], [(1, 0), (0, 0)])
    back = ops.take(ops.cast(means, kernel.dtype), form.numbers, axis=0)
    back = back * constant(np.where(signs < 0, -1, 1), back) if flips else back
    back = ops.transpose(ops.reshape(back, (m, n, channels_in, channels_out)), (1, 2, 0, 3))
    return ops.reshape(back, (n * channels_in, m * channels_out))


@keras.saving.register_keras_serializable(package="eqgen")
class OrbitConstraint(keras.constraints.Constraint):
    """Keeps the kernel or the bias of a Dense layer in the form that a symmetry, or a typed pattern, gives it.

    After every step each orbit of entries is replaced by its mean: the nearest weight of the form. Keras does so after steps
    only; `layer.kernel.assign(layer.kernel_constraint(layer.kernel))` begins in form. For layers that exist already;
    `EquivariantDense` trains only the few numbers that there are, and is faster.

    Args:
        declaration: a Mapping, its Orbits, a Pattern, or the text of a mapping or pattern.

    Raises:
        DeclarationError: the declaration cannot be read; when called, the weight does not fit it, or is a bias and a typed
            pattern does not say which outputs share one.

    Input shape:
        A kernel, (n * channels_in, m * channels_out), or a bias, (m * channels_out,): points and channels flattened.

    >>> import keras, numpy as np
    >>> hold = OrbitConstraint("a b; b a")
    >>> np.asarray(hold(np.array([[1.0, 2.0], [4.0, 3.0]], dtype="float32")))
    array([[2., 3.],
           [3., 2.]], dtype=float32)
    """

    def __init__(self, declaration: Mapping | Orbits | Pattern | str) -> None:
        self.form = form_of(declaration)

    def __call__(self, w: Any) -> Any:
        """The nearest weight of the form, in the shape and dtype of this one."""
        return nearest_weight(self.form, ops.convert_to_tensor(w))

    def get_config(self) -> dict[str, Any]:
        return {"declaration": self.form.text}


@keras.saving.register_keras_serializable(package="eqgen")
class OrbitRegularizer(keras.regularizers.Regularizer):
    """A penalty for leaving the form: `strength` times the squared distance to the nearest kernel that has it.

    For symmetries that hold approximately.

    Args:
        declaration: as for `OrbitConstraint`.
        strength: a number that is not negative.

    Raises:
        DeclarationError: the declaration cannot be read, the strength is negative; when called, the kernel does not fit.

    >>> import numpy as np
    >>> float(OrbitRegularizer("a b; b a", strength=0.5)(np.array([[1.0, 2.0], [4.0, 3.0]], dtype="float32")))
    2.0
    """

    def __init__(self, declaration: Mapping | Orbits | Pattern | str, strength: float = 0.01) -> None:
        self.form = form_of(declaration)
        self.strength = not_negative("strength", strength)

    def __call__(self, x: Any) -> Any:
        """The penalty of a kernel (n * channels_in, m * channels_out) or a bias (m * channels_out,), a scalar of its dtype."""
        kernel = ops.convert_to_tensor(x)
        return self.strength * ops.sum(ops.square(kernel - nearest_weight(self.form, kernel)))

    def get_config(self) -> dict[str, Any]:
        return {"declaration": self.form.text, "strength": self.strength}
