"""Declare a symmetry; get the Keras layer, and the proof."""

from typing import Any

import lazy_loader
import wrapt

# The names stand in __init__.pyi, for type checkers and for Python alike. Keras takes seconds to import: whoever only looks
# at patterns does not wait for it.
_public, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    try:
        return _public(name)
    except AttributeError:
        # What stands in a name that there is may lack another one.
        if name in __all__ or name.startswith("_"):
            raise
        from eqgen.language.meant import nearest_name

        raise AttributeError(f"eqgen has no {name}{nearest_name(name, __all__)}") from None


@wrapt.when_imported("keras")
def _register_layers(_: Any) -> None:
    # Keras looks a saved layer up among those registered, so ours must be there as soon as Keras is, in either order.
    import eqgen.layers  # noqa: F401
