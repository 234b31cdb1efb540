"""The output folder: files are written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from eqgen.common.errors import DeclarationError


def prepare(folder: Path) -> None:
    """Make the folder if it is not there, and see that files can be written, before anyone waits for a training.

    Raises:
        DeclarationError: it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial = folder / f".trial-{os.getpid()}"
        trial.touch()
        trial.unlink()
    except OSError as error:
        raise _unwritable(folder, error) from None


def write_whole(path: Path, write: Callable[[Path], object]) -> Path:
    """Write a file under a temporary name and rename it, so that whoever reads `path` never finds half a file.

    Args:
        path: where the file shall be; one that is there is replaced.
        write: writes the file at the path it is given, which has the same ending.

    Raises:
        DeclarationError: the file cannot be written.
    """
    temporary = path.with_name(f".{path.stem}-{os.getpid()}{path.suffix}")
    try:
        write(temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise _unwritable(path, error) from None
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _unwritable(path: Path, error: OSError) -> DeclarationError:
    return DeclarationError(
        f"{path} cannot be written ({error.strerror or error}): give a folder of your own with --output"
    )
