"""What the tests draw at random, and the slow way to say what each drawn thing means.

Nothing here asks eqgen: points are moved by hand, as Python sets and tuples.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, permutations, product

from hypothesis import strategies as st

MOST_POINTS = 40
"""A side of a drawn mapping has at most this many points, so that all pairs can be looked at one by one."""


@dataclass(frozen=True)
class Part:
    """One factor as a test writes it: opening and closing bracket around `size` times the axis; `1` has no axis."""

    brackets: str
    axis: str
    size: int

    @property
    def text(self) -> str:
        if not self.axis:
            return "1"
        inside = " ".join([self.axis] * self.size)
        return f"{self.brackets[0]}{inside}{self.brackets[1]}" if self.brackets else inside

    def points(self, degree: dict[str, int]) -> list[object]:
        """The points in the order that the documentation promises; a set of points is a frozenset."""
        if not self.axis:
            return ["the fixed point"]
        numbers = range(degree[self.axis])
        if self.brackets == "{}":
            return [frozenset(chosen) for chosen in combinations(numbers, self.size)]
        if self.brackets == "<>":
            return sorted(permutations(numbers, self.size))
        return list(numbers)

    def moved(self, point: object, images: dict[str, list[int]]) -> object:
        """Where a point goes when some axes are permuted."""
        if self.axis not in images:
            return point
        image = images[self.axis]
        if self.brackets == "{}":
            return frozenset(image[member] for member in point)
        if self.brackets == "<>":
            return tuple(image[member] for member in point)
        return image[point]


Side = tuple[tuple[Part, ...], ...]


@dataclass(frozen=True)
class Declared:
    """A mapping as a test writes it: both sides, and the generators of each axis as lists."""

    input: Side
    output: Side
    axes: dict[str, list[list[int]]]

    @property
    def text(self) -> str:
        return f"{side_text(self.input)} -> {side_text(self.output)}"

    @property
    def degree(self) -> dict[str, int]:
        return {name: len(generators[0]) for name, generators in self.axes.items()}

    def points(self, side: Side) -> list[tuple[int, tuple[object, ...]]]:
        """All points of a side in order, each as (number of its term, its parts)."""
        return [
            (number, parts)
            for number, term in enumerate(side)
            for parts in product(*(part.points(self.degree) for part in term))
        ]

    def moves(self) -> list[dict[str, list[int]]]:
        """One generator after the other, as the images of the one axis that it moves."""
        return [{name: image} for name, generators in self.axes.items() for image in generators]


def side_text(side: Side) -> str:
    return " + ".join(" ".join(part.text for part in term) for term in side)


def moved(side: Side, point: tuple[int, tuple[object, ...]], images: dict[str, list[int]]) -> tuple[int, tuple]:
    """Where a point of a side goes when some axes are permuted."""
    number, parts = point
    return number, tuple(part.moved(inner, images) for part, inner in zip(side[number], parts, strict=True))


def action(declared: Declared, side: Side, images: dict[str, list[int]]) -> list[int]:
    """The same as a list: point i goes to the i-th number."""
    points = declared.points(side)
    number = {point: i for i, point in enumerate(points)}
    return [number[moved(side, point, images)] for point in points]


def generator_sets(min_degree: int = 1, max_degree: int = 7, most: int = 3) -> st.SearchStrategy[list[list[int]]]:
    """One to `most` permutations of the same points, as 0-based lists."""
    return st.integers(min_degree, max_degree).flatmap(
        lambda degree: st.lists(st.permutations(range(degree)).map(list), min_size=1, max_size=most)
    )


def _parts(names: list[str], degree: dict[str, int]) -> st.SearchStrategy[Part]:
    """Any factor; the fixed point seldom, and of several axes each as often as the other."""
    possible = [Part("", name, 1) for name in names]
    for size, name in product(range(1, 4), names):
        if size <= degree[name]:
            possible += [Part("{}", name, size), Part("<>", name, size), Part("", name, 1)]
    return st.sampled_from([*possible, Part("", "", 0)])


def _small_enough(terms: list[list[Part]], degree: dict[str, int]) -> Side:
    """The first factors of each term that stay within its share of MOST_POINTS points."""
    kept = []
    for term in terms:
        parts: list[Part] = []
        size = 1
        for part in term:
            grown = size * len(part.points(degree))
            if grown * len(terms) <= MOST_POINTS:
                size = grown
                parts.append(part)
        kept.append(tuple(parts or [Part("", term[0].axis, 1)]))
    return tuple(kept)


@st.composite
def declared_mappings(draw: st.DrawFn, max_axes: int = 2, max_degree: int = 6) -> Declared:
    """A random mapping: sums of products of points, sets and tuples over one axis or two."""
    count = draw(st.sampled_from([1, 2, 2] if max_axes == 2 else [1]))
    drawn = {name: draw(generator_sets(1, max_degree if count == 1 else 4)) for name in "pq"[:count]}
    degree = {name: len(generators[0]) for name, generators in drawn.items()}
    term = st.lists(_parts(list(drawn), degree), min_size=1, max_size=3)
    sides = [_small_enough(draw(st.lists(term, min_size=1, max_size=2)), degree) for _ in range(2)]
    # The axes in the order in which the mapping mentions them; one that it does not mention cannot be declared.
    mentioned = list(dict.fromkeys(part.axis for side in sides for term in side for part in term if part.axis))
    return Declared(sides[0], sides[1], {name: drawn[name] for name in mentioned})


@st.composite
def typed_patterns(draw: st.DrawFn) -> list[list[str]]:
    """The entries of a random pattern: names, negated names and zeros."""
    rows, columns = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    names = st.sampled_from(["a", "b", "c", "z", "aa", "x1", "_t", "Theta_2", "where"])
    entry = st.one_of(names, names.map(lambda name: "-" + name), st.just("0"))
    return draw(st.lists(st.lists(entry, min_size=columns, max_size=columns), min_size=rows, max_size=rows))


def nested_lists() -> st.SearchStrategy[object]:
    """What somebody might pass by mistake where a matrix or a list of generators belongs."""
    leaves = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 9),
        st.integers(),
        st.floats(),
        st.text(alphabet="ab-0 ;\n#(1 2)S", max_size=6),
    )
    return st.recursive(leaves, lambda inner: st.lists(inner, max_size=4), max_leaves=12)


ALPHABET = "pqabSACDGrouphwe0123456789 (){}<>[]~+-*,=;#\"_\n\t'"
WORDS = [
    "p", "q", "a", "-b", "0", "1", "2", "3", "7", "12", "->", "where", "=", "+", "*", ",", ";", "\n", " ", "#", "{", "}",
    "<", ">", "(", ")", "S(3)", "C(2)", "A", "D", "S(", "(1 2)", "(1 2 3)", "Group(", "wreath(", 'catalogue("set")',
    'generators("', '"', "p = ", " where p = S(3)", "{p p}", "<p p>", "p -> p", "~p", "[p p]", "()", "(0)",
]  # fmt: skip


def texts() -> st.SearchStrategy[str]:
    """Texts of up to 60 characters made of the declaration language's characters or of its words."""
    return st.one_of(
        st.text(alphabet=ALPHABET, max_size=60),
        st.lists(st.sampled_from(WORDS), max_size=20).map(lambda words: " ".join(words)[:60]),
        st.lists(st.sampled_from(WORDS), max_size=20).map(lambda words: "".join(words)[:60]),
    )
