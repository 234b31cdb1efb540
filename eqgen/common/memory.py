"""How much memory there is, and refusals before anything is allocated that would not fit."""

import contextlib
import os
import sys
from math import prod
from pathlib import Path

from eqgen.common.errors import DeclarationError, in_short

LARGEST_SHARE = 2
"""A result may take one part in so many of the memory; the rest is for working copies and for what uses it."""


def machine_memory() -> int:
    """How many bytes this process can hold: the machine's, or what limits are set below that."""
    limits = []
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    if sys.platform != "win32":
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        if soft != resource.RLIM_INFINITY:
            limits.append(soft)
    # What a container may use, where it says so (control groups, versions 2 and 1).
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            limits.append(int(Path(file).read_text()))
    # Where nothing can be asked, what a small laptop has.
    return min(limits, default=8 * 10**9)


def fits(needed: int) -> bool:
    """Whether so many bytes leave room for working copies."""
    return needed <= machine_memory() // LARGEST_SHARE


def refuse_large_table(what: str, m: int, n: int, hint: str) -> None:
    """Raise before a table of m x n labels is allocated that this machine cannot hold beside its working copies."""
    _refuse(
        m * n * 8, f"{in_short(what)} has {m} x {n} index pairs: their label table needs", " while it is made", hint
    )


def refuse_many_pairs(count: int) -> None:
    """Raise before so many supported pairs are labelled, when this machine cannot hold them beside working copies."""
    reason = f"the support has at least {count} pairs with all that the group moves them to: they need"
    _refuse(count * 40, reason, " while they are labelled", "name fewer pairs")


def refuse_many_orbits(rank: int) -> None:
    """Raise before a number for each of so many orbits is written down."""
    reason = f"there are {rank} orbits: a list with a number for each needs"
    _refuse(rank * 16, reason, "", "labels_at(rows, columns) looks at a part")


def refuse_large_weight(what: str, shape: tuple[int, ...]) -> None:
    """Raise before a weight of this shape is made, in single precision, that this machine cannot hold beside its gradient."""
    _refuse(4 * prod(shape), f"{what} has {' x '.join(map(str, shape))} numbers: they need", "", "take fewer channels")


def _refuse(needed: int, reason: str, how_long: str, hint: str) -> None:
    if not fits(needed):
        raise DeclarationError(
            f"{reason} {needed / 1e9:,.1f} GB{how_long}, and this machine has {machine_memory() / 1e9:,.1f} GB; {hint}"
        )
