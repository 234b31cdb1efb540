"""Files that are written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

UNFINISHED = "eqgen-unfinished-"
"""How the names of files begin that are still written, or that a killed process left."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Within it, a path to write to, with the ending of `path`; what stands there afterwards is renamed to `path`.

    Writers cannot disturb each other or a reader of `path`. An error or an interrupt leaves `path` as it was, and nothing else.
    """
    unfinished = path.with_name(f"{UNFINISHED}{os.urandom(8).hex()}{path.suffix}")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
