"""A Dense layer that is there already, held in form: exactly after every step, or softly by a penalty."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from eqgen.layers.inputs.arguments import not_negative
from eqgen.layers.projection import form_of, nearest_weight
from eqgen.orbitals.orbits import Orbits
from eqgen.orbitals.pattern import Pattern
from eqgen.spaces.mapping import Mapping


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
        """What makes it again."""
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
        """What makes it again."""
        return {"declaration": self.form.text, "strength": self.strength}
