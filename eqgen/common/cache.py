"""Results on disk, under the user's cache folder: found again by a hash of what they are computed from.

A file is a digest, of the key and of what follows, and arrays in numpy's own format. It is written whole or not at all. A file is
as good as none whose digest does not fit, or that others can write to, or that is none: a pipe, a link, a device. What a
sound file says is for its reader to look at: the digest is no secret.
"""

import hashlib
import io
import os
import re
import sys
import time
import warnings
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG, S_IWGRP, S_IWOTH
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
    """The arrays that were stored under a key, None when there are none or the file is damaged or may be somebody else's."""
    place = folder()
    if place is None or not place.is_dir() or not _is_private(place):
        return None
    try:
        data = _contents(place / name)
        if data[:32] != _digest(name, data[32:]):
            return None
        with np.load(io.BytesIO(data[32:]), allow_pickle=False) as held:
            # Arrays are stored as they are: what says that it is larger than its file is not looked at.
            if sum(member.file_size for member in held.zip.infolist()) > len(data):
                return None
            return {field: held[field] for field in held.files}
    except Exception:
        return None


def store(name: str, arrays: Arrays, largest_folder: int = LARGEST_FOLDER) -> None:
    """Keep arrays under a key, unless they would fill more than a quarter of the folder.

    A folder that cannot be written to, or that others can write to, is told once, as a warning, and changes nothing else.
    """
    place = folder()
    if place is None or sum(array.nbytes for array in arrays.values()) > largest_folder // 4:
        return
    buffer = io.BytesIO()
    np.savez(buffer, **cast(Any, arrays))
    data = buffer.getvalue()
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_private(place):
            return
        with whole_file(place / name) as unfinished:
            unfinished.write_bytes(_digest(name, data) + data)
            unfinished.chmod(0o600)
        _prune(place, largest_folder)
    except OSError as error:
        _warn(place, "cannot be kept", error.strerror or str(error), "that can be written to")


def _is_private(place: Path) -> bool:
    """Whether only this user writes to a folder; one that others can write to is told of.

    The folder that nobody chose is made private: older releases made it as the umask says. Of what lies in it files that
    others wrote, or could write to, are not read in any case.
    """
    private = _is_own(place.stat())
    if (
        not private
        and not os.environ.get("EQGEN_CACHE")
        and not place.is_symlink()
        and place.stat().st_uid == os.geteuid()
    ):
        with suppress(OSError):
            place.chmod(0o700)
        private = _is_own(place.stat())
    if not private:
        _warn(place, "are neither kept nor read", "others can write there", "of your own, with chmod go-w")
    return private


def _is_own(status: os.stat_result) -> bool:
    """Whether a file or folder belongs to this user, or to the system, and nobody else can write to it."""
    if not hasattr(os, "geteuid"):
        return True
    return status.st_uid in (0, os.geteuid()) and not status.st_mode & (S_IWGRP | S_IWOTH)


def _contents(path: Path) -> bytes:
    """What a file holds; raises an OSError at what is no plain file of one's own, or too large for one."""
    # A pipe is opened without waiting for its other end, a link not at all.
    flags = (getattr(os, flag, 0) for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))
    with os.fdopen(os.open(path, sum(flags, os.O_RDONLY)), "rb") as file:
        status = os.fstat(file.fileno())
        if not (S_ISREG(status.st_mode) and _is_own(status) and status.st_size <= LARGEST_FOLDER):
            raise PermissionError(path)
        return file.read(status.st_size)


def _digest(name: str, data: bytes) -> bytes:
    # The key is part of it: a file that was renamed to another key is refused like any other damage.
    return hashlib.sha256(name.encode() + data).digest()


def _prune(place: Path, largest_folder: int) -> None:
    found = []
    for file in place.iterdir():
        try:
            status = file.lstat()
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


def _warn(place: Path, what: str, reason: str, right: str) -> None:
    global _warned  # noqa: PLW0603 (one warning a process)
    if _warned:
        return
    _warned = True
    # How far up the stack the code stands that asked eqgen for something.
    package, frame, depth = str(Path(__file__).parents[1]), sys._getframe(), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(package):
        frame, depth = frame.f_back, depth + 1
    warnings.warn(
        f"results {what} in {place} ({reason}): they are computed anew each time; set EQGEN_CACHE to a folder {right}, or to off",
        stacklevel=depth,
    )
