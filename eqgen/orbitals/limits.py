"""Limits: how much of something makes one way to find or to check orbits better than another."""

from dataclasses import dataclass

from eqgen.common.arrays import BLOCK
from eqgen.common.connected import MANY_EQUALITIES


@dataclass(frozen=True)
class Limits:
    """What changes how long orbits take, and never which they are.

    Attributes:
        small: so many pairs, times generators, are merged as they are, without a tree.
        block: about how many entries of a table are looked at in one numpy call: they stay in the processor's cache.
        sampled_columns: so many columns of a root's row show whether a random element moves any.
        quiet: the search for equal entries of the roots' rows ends when so many random elements in turn have moved
            nothing, or one has moved things to no news.
        quiet_support: pairs are added to a support until so many random elements in turn have added none.
        worth_keeping: the labels of so many pairs, times generators, are kept on disk.
        confirming: so many random elements look at labels that were kept; where they do not say the same, four times as many.
        many_equalities: from so many on, classes may be merged by scipy.
        chained_generators, sweeps: a Schreier tree follows chains along so many generators, so many times in turn; what is
            not reached then is reached one generator or random element at a time, ...
        random_elements: ... and so many random elements keep that short too.
        largest_plain_table: beyond so many pairs the orbits of a whole symmetric or alternating group are a formula.
        largest_order: groups up to this order are enumerated to count their orbits a second time, ...
        largest_enumeration: ... when their elements hold no more images of points than this, ...
        largest_work: ... and all of them together move no more points of the spaces than this.
        largest_expanded: up to so many pairs a product or a formula is also written out and certified as a table; beyond,
            it is looked at in places: ...
        spots, spot_orbits: ... so many rows and columns, and so many orbits, are drawn for that.
    """

    small: int = 1 << 12
    block: int = BLOCK
    sampled_columns: int = 16
    quiet: int = 6
    quiet_support: int = 4
    worth_keeping: int = 1 << 20
    confirming: int = 12
    many_equalities: int = MANY_EQUALITIES
    chained_generators: int = 8
    sweeps: int = 2
    random_elements: int = 4
    largest_plain_table: int = 1 << 20
    largest_order: int = 10_000
    largest_enumeration: int = 4_000_000
    largest_work: int = 50_000_000
    largest_expanded: int = 1 << 22
    spots: int = 64
    spot_orbits: int = 1000


LIMITS = Limits()
"""The usual ones."""
