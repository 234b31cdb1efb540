"""The model that takes masks: what its layers hand on is not lost at its door."""

from typing import Any

import keras

from eqgen.common.errors import DeclarationError
from eqgen.language.meant import nearest


@keras.saving.register_keras_serializable(package="eqgen")
class EquivariantNetwork(keras.Model):
    """A functional model whose layers take masks and hand them on.

    Of a model inside another Keras believes that it loses every mask, and warns.
    """

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Apply the model; of several named arrays some may have a mask."""
        named = getattr(self, "_inputs_struct", None)
        if isinstance(mask, dict) and isinstance(named, dict):
            unknown = next((name for name in mask if name not in named), None)
            if unknown is not None:
                raise DeclarationError(
                    f"the masks name {unknown!r}, and {self.name!r} takes {', '.join(named)}{nearest(unknown, list(named))}"
                )
            # Keras would give the first array the first mask.
            mask = {name: mask.get(name) for name in named}
        return super().call(inputs, training=training, mask=mask)

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
