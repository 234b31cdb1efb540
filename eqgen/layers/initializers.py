"""Initial values that keep the size of features, whatever the sizes of the orbits."""

from typing import Any, Self

import keras
import numpy as np

from eqgen.layers.execution.tensors import constant


@keras.saving.register_keras_serializable(package="eqgen")
class OrbitInitializer(keras.initializers.Initializer):
    """Normal values whose spread fits each orbit: the default `kernel_initializer="orbit"`.

    With `aggregation="mean"` parameter k is drawn from N(0, 1 / (c_k * channels_in)), where c_k is the most orbits in any
    row that k meets; with `"sum"` that is divided by the row size. A constant input then keeps its variance, and
    independent inputs never exceed it (docs/aggregation.md).

    Args:
        seed: an integer or a `keras.random.SeedGenerator`, for values that can be drawn again.
    """

    def __init__(self, seed: Any = None) -> None:
        self.seed = seed if seed is not None else keras.random.SeedGenerator()
        self._config_seed = seed
        self._spread: np.ndarray | None = None

    def for_orbits(self, sizes: Any, aggregation: str, channels_in: int) -> Self:
        """The initializer of one layer's kernel, of what knows `orbitals_per_row` and `subdegrees`; a bound one stays as it is."""
        return (
            self if self._spread is not None else self.bound(sizes, aggregation, sizes.orbitals_per_row * channels_in)
        )

    def bound(self, sizes: Any, aggregation: str, seen: Any) -> Self:
        """The initializer of one kernel, with how many numbers a row sees in all that each orbit meets, (rank,)."""
        bound = type(self)(self._config_seed)
        spread = 1.0 / np.sqrt(seen)
        bound._spread = spread if aggregation == "mean" else spread / sizes.subdegrees
        return bound

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """Values of shape (rank, ...)."""
        values = keras.random.normal(shape, dtype=dtype, seed=self.seed)
        if self._spread is None:
            raise ValueError("OrbitInitializer belongs to an EquivariantDense, which tells it the orbits")
        spread = self._spread.reshape(-1, *[1] * (len(shape) - 1))
        return values * constant(spread, values)

    def get_config(self) -> dict[str, Any]:
        return {"seed": keras.saving.serialize_keras_object(self._config_seed)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The initializer of a saved layer."""
        return cls(keras.saving.deserialize_keras_object(config["seed"]))


def serialized(value: Any) -> Any:
    """What a config holds of an initializer, regularizer or constraint; "orbit" where no seed was asked for."""
    if isinstance(value, OrbitInitializer) and value.get_config()["seed"] is None:
        return "orbit"
    return keras.saving.serialize_keras_object(value)
