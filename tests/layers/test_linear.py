"""The map that a layer calls, and that verify calls with other weights in other dtypes."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import eqgen as eq
from eqgen.layers.execution.tensors import double_precision


@pytest.mark.parametrize("units", [None, 3])
@pytest.mark.parametrize(
    ("declaration", "options"),
    [
        ("{p p} -> p where p = S(4)", {"use_bias": True}),
        ("[p p] -> [p p] where p = S(4)", {}),
        ("h w -> h w where h = C(4), w = D(4)", {"use_bias": True}),
        ("a -b 0; 0 a b", {"bias": "u -u"}),
        ("a b; b a", {"bias": "0 v"}),
    ],
)
def test_it_multiplies_by_the_matrix_and_adds_the_bias_in_the_dtype_that_is_asked_for(
    declaration, options, units, random
):
    layer = eq.EquivariantDense(units, declaration, **options)
    n = layer.pattern.shape[1]
    layer.build((None, n) if units is None else (None, n, 2))
    kernel = random.normal(size=tuple(layer.kernel.shape))
    bias = None if layer.bias is None else random.normal(size=tuple(layer.bias.shape))
    features = random.normal(size=(5, n, 1 if units is None else 2))
    with double_precision():
        arguments = [
            None if array is None else keras.ops.convert_to_tensor(array, "float64")
            for array in (features, kernel, bias)
        ]
        found = keras.ops.convert_to_numpy(layer.linear(*arguments, "float64"))
    theta = kernel.reshape(layer.rank, *features.shape[2:], -1)
    if layer.aggregation == "mean":
        sizes = [max((row == label).sum() for row in layer.pattern.labels) for label in range(layer.rank)]
        theta = theta / np.reshape(sizes, (-1, 1, 1))
    weights = theta[layer.pattern.labels] * layer.pattern.signs[:, :, None, None]
    expected = np.einsum("mnio,bni->bmo", weights, features)
    if bias is not None:
        shared = layer.bias_pattern
        padded = np.concatenate([bias.reshape(shared.rank, -1), np.zeros((1, units or 1))])
        expected = expected + padded[shared.labels[:, 0]] * shared.signs
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(layer.linear.matrix(layer.pattern, kernel), weights, rtol=1e-15)
