"""Certificate: what integers say of the labels of pairs."""

from __future__ import annotations

from dataclasses import dataclass

from eqgen.orbitals.certificate.burnside import counted_orbits
from eqgen.orbitals.limits import Limits
from eqgen.spaces.mapping import Mapping


@dataclass(frozen=True)
class Certificate:
    """What integers say of the labels of pairs, however these were made.

    Attributes:
        rank: how many distinct labels there are.
        violation: "" when every generator leaves the labels as they are, else the first generator and pair that show a
            difference.
        apart: "" when the generators carry the first pair of each label to all pairs of that label, else a pair that they
            do not reach.
        burnside: the number of orbits by Burnside's lemma, counted from the group's elements without looking at the
            labels; None where it was not counted.
        counted: how many elements were enumerated (over all axes), or the reason why none were.
        scope: what was looked at: "every pair", "every pair of the support", "the factors", ...
    """

    rank: int
    violation: str
    apart: str
    burnside: int | None
    counted: str
    scope: str = "every pair"

    @property
    def invariant(self) -> bool:
        """Whether the labels are unchanged by every generator: then each is a union of orbits."""
        return not self.violation

    @property
    def complete(self) -> bool:
        """Whether every label is exactly one orbit, by generation and, where it was counted, by Burnside's lemma."""
        return self.invariant and not self.apart and self.burnside in (None, self.rank)

    def __bool__(self) -> bool:
        return self.complete


def counted(
    mapping: Mapping, limits: Limits, rank: int, violation: str = "", apart: str = "", scope: str = "every pair"
) -> Certificate:
    """A certificate with Burnside's count of the pairs of a mapping."""
    return Certificate(rank, violation, apart, *counted_orbits(mapping, limits), scope)
