"""Complex numbers on each backend of Keras, which its own operations pass as pairs: seven functions, three times.

`spectrum_of(values, grid)` and `points_of(spectrum, grid)` are the fast transform of real numbers, (rows, grid ...) to (rows,
frequencies), and its inverse, (rows, points); `pair_of` and `complex_of` lead to pairs of real tensors and back; `arranged`
reshapes, transposes and reshapes; `double_precision()` is a
context in which there is float64; `product(one, other)` is one times the conjugate transpose of the other.
"""

from __future__ import annotations

import keras

if keras.backend.backend() == "jax":
    from eqgen.layers.backend.with_jax import (
        arranged,
        complex_of,
        double_precision,
        pair_of,
        points_of,
        product,
        spectrum_of,
    )
elif keras.backend.backend() == "torch":
    from eqgen.layers.backend.with_torch import (
        arranged,
        complex_of,
        double_precision,
        pair_of,
        points_of,
        product,
        spectrum_of,
    )
else:
    from eqgen.layers.backend.with_tensorflow import (
        arranged,
        complex_of,
        double_precision,
        pair_of,
        points_of,
        product,
        spectrum_of,
    )

__all__ = ["arranged", "complex_of", "double_precision", "pair_of", "points_of", "product", "spectrum_of"]
