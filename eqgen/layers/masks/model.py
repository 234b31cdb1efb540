"""The model that takes masks: what its layers hand on is not lost at its door."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="eqgen")
class EquivariantNetwork(keras.Model):
    """A functional model whose layers take masks and hand them on.

    Of a model inside another Keras believes that it loses every mask, and warns.
    """

    @property
    def supports_masking(self) -> bool:
        """True, whatever Keras believes."""
        return True

    @supports_masking.setter
    def supports_masking(self, value: bool) -> None:
        """Keras sets this while a model is made."""

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """None: answers carry the masks that the last layers gave them."""
        return None
