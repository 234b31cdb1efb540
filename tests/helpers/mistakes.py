"""How a test asks for a mistake, and what stands in for a function that must not be called."""

from __future__ import annotations

import pytest

import eqgen as eq


def mistake(call) -> str:
    with pytest.raises(eq.DeclarationError) as caught:
        call()
    return str(caught.value)


def refuse(*_: object, **__: object) -> None:
    raise AssertionError("this table must not be made")
