"""Where some modules still look for what messages are made of."""

from eqgen.common.errors import count, is_whole

__all__ = ["count", "is_whole"]
