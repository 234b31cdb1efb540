"""Layers on the JAX backend, as they compute where products of single precision are rounded to 10 bits, as on a GPU (TF32).

    KERAS_BACKEND=jax python tests/backends/rounded_products.py

Each layer is traced; operands of products and convolutions that do not ask for the highest precision are rounded when the trace
is evaluated. What a layer answers to moved inputs is held against its moved answer.
"""

import os
import sys

os.environ["EQGEN_CACHE"] = "off"

import jax
import jax.numpy as jnp
import keras
import numpy as np
from jax.extend import core

import eqgen as eq

DECLARED = [
    ("p -> p where p = C(100)", "auto"),
    ("p -> p where p = C(300)", "auto"),
    ("h w -> h w where h = C(8), w = C(12)", "auto"),
    ("p -> p where p = D(64)", "auto"),
    ("p -> p where p = D(8)", "spectral"),
    ('p -> p where p = catalogue("rubiks-cube")', "auto"),
    ('p -> p where p = catalogue("rubiks-cube")', "spectral"),
    ('p -> p where p = catalogue("rubiks-cube")', "pooled"),
    ("{p p} -> {p p} where p = S(20)", "auto"),
    ("{p p} -> {p p} where p = S(6)", "gather"),
    ("p -> ~p where p = (1 2 -1 -2)(3 4 5 6)", "auto"),
    ("s q -> s q where s = S(5), q = C(30)", "auto"),
    ("r c -> r c where r = S(6), c = D(30)", "auto"),
    ("b -> b where b = C(30) support 1 <- 1, 1 <- 2, 1 <- 30", "auto"),
]


def rounded(operand):
    """To 10 bits after the leading one, to the nearest: what a tensor core reads of single precision."""
    if operand.dtype != jnp.float32:
        return operand
    bits = jax.lax.bitcast_convert_type(operand, jnp.uint32)
    nearest = (bits + jnp.uint32(0x1000)) & jnp.uint32(0xFFFFE000)
    return jax.lax.bitcast_convert_type(nearest, jnp.float32)


def evaluated(traced, constants, *arguments):
    """A trace evaluated equation by equation."""
    values = dict(zip([*traced.constvars, *traced.invars], [*constants, *arguments], strict=True))

    def read(name):
        return name.val if isinstance(name, core.Literal) else values[name]

    for equation in traced.eqns:
        given = [read(name) for name in equation.invars]
        inner = next((part for part in equation.params.values() if isinstance(part, core.ClosedJaxpr)), None)
        if inner is not None:
            outcome = evaluated(inner.jaxpr, inner.consts, *given)
        else:
            product = equation.primitive.name in ("dot_general", "conv_general_dilated")
            asked = equation.params.get("precision")
            if product and (asked is None or jax.lax.Precision.HIGHEST not in asked):
                given = list(map(rounded, given))
            outcome = equation.primitive.bind(*given, **equation.params)
            outcome = outcome if equation.primitive.multiple_results else [outcome]
        values.update(zip(equation.outvars, outcome, strict=True))
    return [read(name) for name in traced.outvars]


def layers():
    """Each with the mapping that it is held to."""
    for declaration, lowering in DECLARED:
        yield eq.EquivariantDense(16, declaration, lowering=lowering), eq.mapping(declaration)
    board = eq.mapping("b -> b", b=eq.trace((4, 4), np.rot90, np.fliplr))
    yield eq.EquivariantAttention(2, 8, board), board
    for mapping in (board, eq.mapping("p + {p p} -> p + {p p} where p = S(5)")):
        yield eq.EquivariantNormalization(mapping), mapping


def error(layer, mapping):
    """The largest difference between moving before and after, beside the largest answer; and what rounding changes at all."""
    features = np.random.default_rng(0).normal(size=(8, mapping.input.size, 16)).astype(np.float32)
    layer.build(features.shape)
    traced = jax.make_jaxpr(layer)(features)

    def answers(inputs):
        return np.asarray(evaluated(traced.jaxpr, traced.consts, jnp.asarray(inputs))[0])

    plain = answers(features)
    differences = [
        np.abs(answers(move.input.applied(features, 1)) - move.output.applied(plain, 1)).max()
        for move in mapping.generators
    ]
    exact = np.asarray(layer(features))
    return max(differences) / np.abs(plain).max(), np.abs(plain - exact).max() / np.abs(exact).max()


keras.utils.set_random_seed(0)
worst = 0.0
for layer, mapping in layers():
    moved, changed = error(layer, mapping)
    worst = max(worst, moved)
    kind = layer.program.lowering if isinstance(layer, eq.EquivariantDense) else type(layer).__name__
    print(f"{kind:25} moved {moved:.1e}  rounded {changed:.1e}  {mapping.in_short()}", flush=True)
print(f"worst {worst:.1e}")
sys.exit(0 if worst < 1e-6 else 1)
