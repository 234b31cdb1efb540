"""Results on disk, under the user's cache folder: found again by a hash of what they are computed from.

A file is a digest, of the key and of what follows, and arrays in numpy's own format. It is written whole or not at all; a file
whose digest does not fit is as good as none.
"""

import hashlib
import io
import os
import re
import sys
import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from stat import S_ISREG
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from eqgen.common.files import UNFINISHED, whole_file

Arrays = dict[str, npt.NDArray[Any]]

VERSION = 2
"""Part of every key: results of an older way to compute are not found."""

LARGEST_FOLDER = 10**9
"""Beyond so many bytes the files that were written longest ago are deleted."""

OWN_FILE = re.compile(r"[0-9a-f]{64}")
"""How files of results are named."""

_warned = False


def folder() -> Path | None:
    """Where results are kept; None when `EQGEN_CACHE=off`. `EQGEN_CACHE` may also name a folder."""
    chosen = os.environ.get("EQGEN_CACHE", "")
    if chosen.casefold() in ("off", "no", "false", "0"):
        return None
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_cache_path

    return Path(user_cache_path("eqgen"))


def key(what: str, arrays: Iterable[npt.NDArray[Any] | None]) -> str:
    """The name of a result: a hash of the kind of result and of all that it is computed from."""
    found = hashlib.sha256(f"{what} {VERSION}".encode())
    for array in arrays:
        if array is None:
            found.update(b"none;")
            continue
        found.update(f"{array.dtype.str} {array.shape};".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def load(name: str) -> Arrays | None:
    """The arrays that were stored under a key, None when there are none or the file is damaged."""
    place = folder()
    if place is None:
        return None
    try:
        data = (place / name).read_bytes()
    except OSError:
        return None
    if data[:32] != _digest(name, data[32:]):
        return None
    with np.load(io.BytesIO(data[32:]), allow_pickle=False) as held:
        return {field: held[field] for field in held.files}


def store(name: str, arrays: Arrays, largest_folder: int = LARGEST_FOLDER) -> None:
    """Keep arrays under a key, unless they would fill more than a quarter of the folder.

    A folder that cannot be written to is told once, as a warning, and changes nothing else.
    """
    place = folder()
    if place is None or sum(array.nbytes for array in arrays.values()) > largest_folder // 4:
        return
    buffer = io.BytesIO()
    np.savez(buffer, **cast(Any, arrays))
    data = buffer.getvalue()
    try:
        place.mkdir(parents=True, exist_ok=True)
        with whole_file(place / name) as unfinished:
            unfinished.write_bytes(_digest(name, data) + data)
        _prune(place, largest_folder)
    except OSError as error:
        _warn(place, error)


def _digest(name: str, data: bytes) -> bytes:
    # The key is part of it: a file that was renamed to another key is refused like any other damage.
    return hashlib.sha256(name.encode() + data).digest()


def _prune(place: Path, largest_folder: int) -> None:
    found = []
    for file in place.iterdir():
        try:
            status = file.stat()
        except OSError:  # another process was faster
            continue
        # The folder may be one that other things are kept in.
        if OWN_FILE.fullmatch(file.name) and S_ISREG(status.st_mode):
            found.append((status.st_mtime, status.st_size, file))
        elif file.name.startswith(UNFINISHED) and time.time() - status.st_mtime > 24 * 60 * 60:
            # A process that was killed a day ago could not take it away.
            file.unlink(missing_ok=True)
    total = sum(size for _, size, _ in found)
    for _, size, file in sorted(found):
        if total <= largest_folder:
            break
        file.unlink(missing_ok=True)
        total -= size


def _warn(place: Path, error: OSError) -> None:
    global _warned  # noqa: PLW0603 (one warning a process)
    if _warned:
        return
    _warned = True
    # How far up the stack the code stands that asked eqgen for something.
    package, frame, depth = str(Path(__file__).parents[1]), sys._getframe(), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(package):
        frame, depth = frame.f_back, depth + 1
    warnings.warn(
        f"results cannot be kept in {place} ({error.strerror or error}): they are computed anew each time; set EQGEN_CACHE "
        "to a folder that can be written to, or to off",
        stacklevel=depth,
    )
