"""How generators are written: as 1-based cycles, or compressed into one token when they move many points."""

import base64
import math
import zlib
from collections.abc import Callable, Sequence

import numpy as np

from eqgen.common.arrays import Permutation
from eqgen.permutations.signed_permutation import SignedPermutation, plain

LARGEST_TEXT_DEGREE = 1_000
"""Generators of more points than this are written compressed, as one token."""


def generators_text(generators: Sequence[SignedPermutation]) -> str:
    """Generators as the group expression that gives them back."""
    degree = generators[0].size
    if degree > LARGEST_TEXT_DEGREE:
        return f'generators("{compressed(generators)}")'
    texts = [cycle_text(generator) for generator in generators]
    # A last point that nothing moves must be named once, or the text would be read on fewer points.
    if all(plain(generator)[degree - 1] == degree - 1 for generator in generators):
        texts[0] += f"({degree})"
    return ", ".join(text or "()" for text in texts)


def cycle_text(element: SignedPermutation, longest: float = math.inf) -> str:
    """One generator as disjoint 1-based cycles, without its fixed points: `(1 2 3)(4 5)`.

    With signs the cycles are of the points and their negatives: `(1 -2)` sends 1 to -2 (and -1 to 2), `(1 -1)` turns the
    sign of point 1. Of a cycle and its mirror image only one is written. A text that grows longer than `longest` characters
    ends somewhere beyond: a message cuts it, and need not wait for a million points.
    """
    permutation = plain(element)
    size = element.size
    seen = permutation == np.arange(permutation.size)
    cycles: list[str] = []
    written = 0
    for start in np.flatnonzero(~seen).tolist():
        if seen[start]:
            continue
        if written > longest:
            break
        cycle, point = [], start
        while not seen[point] and written <= longest:
            seen[point] = True
            written += 2
            cycle.append(str(point + 1) if point < size else str(size - point - 1))
            point = int(permutation[point])
        if element.signs is not None:
            for entry in map(int, cycle):
                seen[size + entry - 1 if entry > 0 else -entry - 1] = True
        cycles.append(f"({' '.join(cycle)})")
    return "".join(cycles)


def compressed(generators: Sequence[SignedPermutation]) -> str:
    """Generators as one token of text: base64 of zlib of little-endian 32-bit numbers.

    After their count and degree come the images from 1, negative where the sign changes, each as the step from the one before
    it: what moves a grid is then the same few steps over and over, and a hundred times shorter.
    """
    signed = np.array([(generator.image + 1) * generator.all_signs() for generator in generators])
    header = np.asarray(signed.shape, dtype="<i4").tobytes()
    steps = np.diff(signed, axis=1, prepend=0).astype("<i4")
    return base64.b64encode(header + zlib.compress(steps.tobytes(), 9)).decode("ascii")


def unpacked(text: str, check: Callable[[int, int], object]) -> Permutation:
    """What `compressed` wrote, (count, degree), as images from 1 with signs; not yet known to be permutations.

    Args:
        text: what was written; a forged one cannot fill the memory, ...
        check: ... if this raises for a degree and a count of generators that are too large: it is called with what the text
            names before anything is unpacked.

    Raises:
        ValueError: the text is damaged or forged.
    """
    packed = base64.b64decode(text, validate=True)
    count, degree = np.frombuffer(packed[:8], dtype="<i4").astype(int).tolist()
    if min(count, degree) <= 0:
        raise ValueError("no generators of a possible size")
    check(degree, count)
    expected = count * degree * 4
    try:
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(packed[8:], expected + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    # Only a stream read to its end has had its checksum compared.
    if len(data) != expected or not unpacker.eof or unpacker.unused_data:
        raise ValueError("the length does not fit the header")
    return np.cumsum(np.frombuffer(data, dtype="<i4").reshape(count, degree), axis=1, dtype=np.intp)
