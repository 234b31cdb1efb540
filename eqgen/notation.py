"""How generators are written: as 1-based cycles, or compressed into one token when they move many points."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import numpy.typing as npt

Permutation = npt.NDArray[np.intp]

LARGEST_TEXT_DEGREE = 1_000
"""Generators of more points than this are written compressed, as one token."""

LARGEST_UNPACKED_SIZE = 1 << 30
"""Compressed generators that unpack to more bytes than this are refused before they are unpacked."""


def generators_text(generators: Permutation) -> str:
    """Generators, shape (count, degree), as the group expression that gives them back."""
    if generators.shape[1] > LARGEST_TEXT_DEGREE:
        return f'generators("{compressed(generators)}")'
    texts = [cycle_text(row) for row in generators]
    degree = generators.shape[1]
    # A last point that nothing moves must be named once, or the text would be read on fewer points.
    if all(row[-1] == degree - 1 for row in generators):
        texts[0] += f"({degree})"
    return ", ".join(text or "()" for text in texts)


def cycle_text(permutation: Permutation) -> str:
    """One permutation as disjoint 1-based cycles, without its fixed points: `(1 2 3)(4 5)`."""
    seen = np.zeros(permutation.size, dtype=bool)
    seen[permutation == np.arange(permutation.size)] = True
    cycles = []
    for start in np.flatnonzero(~seen).tolist():
        if seen[start]:
            continue
        cycle, point = [], start
        while not seen[point]:
            seen[point] = True
            cycle.append(str(point + 1))
            point = int(permutation[point])
        cycles.append(f"({' '.join(cycle)})")
    return "".join(cycles)


def compressed(generators: Permutation) -> str:
    """Generators as one token of text: base64 of zlib of little-endian 32-bit images, after their count and degree."""
    header = np.asarray(generators.shape, dtype="<u4").tobytes()
    return base64.b64encode(header + zlib.compress(generators.astype("<u4").tobytes(), 9)).decode("ascii")


def unpacked(text: str) -> Permutation:
    """What `compressed` wrote, as rows of images that are not yet known to be permutations.

    Raises:
        ValueError: the text is damaged or forged.
    """
    try:
        packed = base64.b64decode(text, validate=True)
        count, degree = np.frombuffer(packed[:8], dtype="<u4").astype(int).tolist()
        expected = count * degree * 4
        if not 0 < expected <= LARGEST_UNPACKED_SIZE:
            raise ValueError("no generators of a possible size")
        # The size is known before anything is unpacked, so that a forged text cannot fill the memory.
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(packed[8:], expected + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    # Only a stream read to its end has had its checksum compared.
    if len(data) != expected or not unpacker.eof or unpacker.unused_data:
        raise ValueError("the length does not fit the header")
    return np.frombuffer(data, dtype="<u4").reshape(count, degree).astype(np.intp)
