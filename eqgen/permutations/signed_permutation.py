"""Signed permutations: points move, and a feature may change its sign on the way."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eqgen.common.arrays import Permutation, Signs


@dataclass(frozen=True, eq=False)
class SignedPermutation:
    """What one group element does to features: the feature of point i goes to point `image[i]`, times `signs[i]`.

    Attributes:
        image: (size,).
        signs: (size,) int8, or None where no sign changes.
    """

    image: Permutation
    signs: Signs | None = None

    @property
    def size(self) -> int:
        """How many points there are."""
        return int(self.image.size)

    def all_signs(self) -> Signs:
        """The signs as an array, whether or not any changes."""
        return np.ones(self.size, dtype=np.int8) if self.signs is None else self.signs

    def then(self, later: "SignedPermutation") -> "SignedPermutation":
        """This element first, and then a later one."""
        image = later.image[self.image]
        if self.signs is None and later.signs is None:
            return SignedPermutation(image)
        return SignedPermutation(image, self.all_signs() * later.all_signs()[self.image])

    def inverse(self) -> "SignedPermutation":
        """The element that undoes this one."""
        image = inverse(self.image)
        return SignedPermutation(image, None if self.signs is None else self.signs[image])

    def applied(self, features: npt.NDArray[Any], axis: int) -> npt.NDArray[Any]:
        """Features with this axis moved."""
        moved = np.empty_like(features)
        if self.signs is not None:
            features = features * self.signs.reshape(-1, *[1] * (features.ndim - axis - 1)).astype(features.dtype)
        np.moveaxis(moved, axis, 0)[self.image] = np.moveaxis(features, axis, 0)
        return moved

    def trace(self) -> int:
        """The sum of the signs of the points that stay: the character of the action at this element."""
        fixed = self.image == np.arange(self.size)
        return int(fixed.sum() if self.signs is None else self.signs[fixed].sum(dtype=np.int64))


def identity(size: int) -> SignedPermutation:
    """The element that moves nothing."""
    return SignedPermutation(np.arange(size))


def doubled(element: SignedPermutation) -> Permutation:
    """The same element as a plain permutation of the points +0, ..., +(n-1), -0, ..., -(n-1), shape (2 n,)."""
    size = element.size
    negative = (element.all_signs() < 0).astype(np.intp) * size
    return np.concatenate([element.image + negative, element.image + size - negative])


def plain(element: SignedPermutation) -> Permutation:
    """An element as a plain permutation: of the points, or of the points and their negatives where signs change."""
    return element.image if element.signs is None else doubled(element)


def halved(permutation: Permutation) -> SignedPermutation:
    """The signed permutation that `doubled` made this of."""
    size = permutation.size // 2
    first = permutation[:size]
    if (first < size).all():
        return SignedPermutation(first)
    return SignedPermutation(first % size, np.where(first < size, 1, -1).astype(np.int8))


def inverse(permutation: Permutation) -> Permutation:
    """The permutation that undoes another."""
    undone = np.empty_like(permutation)
    undone[permutation] = np.arange(permutation.size)
    return undone


def is_even(permutation: Permutation) -> bool:
    """Whether a permutation is even: its size and its number of cycles differ by an even number."""
    cycles = int(point_orbits(permutation[None]).max()) + 1
    return (permutation.size - cycles) % 2 == 0


def point_orbits(permutations: Permutation) -> Permutation:
    """The orbit of each point under permutations of shape (count, size), numbered by first appearance."""
    points = np.arange(permutations.shape[1])
    smallest = points
    while True:
        before = smallest
        for image in permutations:
            lower = np.minimum(smallest, smallest[image])
            carried = np.empty_like(lower)
            carried[image] = lower
            smallest = np.minimum(lower, carried)
        # Every label names a point of the same orbit, so following it twice only shortens the way.
        smallest = smallest[smallest]
        if np.array_equal(smallest, before):
            return (np.cumsum(smallest == points) - 1)[smallest]
