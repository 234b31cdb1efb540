"""Complex numbers on each backend of Keras, which its own operations pass as pairs: eight functions, three times.

`spectrum_of(values, grid)` and `points_of(spectrum, grid)` are the fast transform of real numbers, (rows, grid ...) to (rows,
frequencies), and its inverse, (rows, points); `pair_of` and `complex_of` lead to pairs of real tensors and back; `arranged`
reshapes, transposes and reshapes; `product(one, other)` is one times the conjugate transpose of the other;
`double_precision()` is a context in which there is float64, and `widest_dtype()` the widest outside of it.
"""

from __future__ import annotations

from importlib import import_module

import keras

_chosen = import_module(f"eqgen.layers.execution.backend.with_{keras.backend.backend()}")

arranged = _chosen.arranged
complex_of = _chosen.complex_of
double_precision = _chosen.double_precision
pair_of = _chosen.pair_of
points_of = _chosen.points_of
product = _chosen.product
spectrum_of = _chosen.spectrum_of
widest_dtype = _chosen.widest_dtype
