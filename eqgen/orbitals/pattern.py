"""Pattern: the symbolic weight matrix, typed in or computed; it knows no groups and no orbits."""

import colorsys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from eqgen.common.arrays import Integers, Labels, SignedLabels, Signs, labels_of, read_only, signs_of, smallest_type
from eqgen.common.connected import Classes
from eqgen.common.errors import DeclarationError, count, is_whole, shortened
from eqgen.language.grammar import is_entry, parse_pattern

if TYPE_CHECKING:
    from rich.text import Text
    from sympy import Matrix

# Okabe and Ito's palette, told apart by colour-blind readers too (black left out: it is the background of a terminal).
FIRST_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442")


@dataclass(frozen=True, eq=False, repr=False)
class Pattern:
    """Which entries of an (m, n) weight matrix share a parameter, and with which sign.

    Attributes:
        signed_labels: (m, n), the smallest signed integer type that fits: k + 1 or -(k + 1) for parameter k, 0 where zero is
            forced; made read-only.
        letters: the typed names, one a parameter; None for a computed pattern, whose names are a, b, c, ...
        row_representatives: rows of which every other row is a rearrangement; None when nothing is known of the rows.

    Patterns are equal when labels and signs are. `str` is the text that parses back; rich prints it in colour.

    >>> import eqgen as eq
    >>> print(eq.pattern("a -b; b a"))
    a -b
    b  a
    """

    signed_labels: SignedLabels
    letters: tuple[str, ...] | None = None
    row_representatives: Integers | None = None

    def __post_init__(self) -> None:
        read_only(self.signed_labels)

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n): outputs, inputs."""
        return int(self.signed_labels.shape[0]), int(self.signed_labels.shape[1])

    @cached_property
    def labels(self) -> Labels:
        """(m, n), the number of the parameter, -1 where zero is forced."""
        return read_only(labels_of(self.signed_labels))

    @cached_property
    def signs(self) -> Signs:
        """(m, n) int8: +1, -1, or 0 where zero is forced."""
        return read_only(signs_of(self.signed_labels))

    @cached_property
    def rank(self) -> int:
        """How many parameters there are."""
        return int(np.abs(self.signed_labels).max(initial=0))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The name of each parameter: a..z, aa, ab, ... or as typed."""
        return self.letters if self.letters is not None else tuple(map(letter_name, range(self.rank)))

    @cached_property
    def subdegrees(self) -> Integers:
        """For each parameter how often it stands in one row that it meets, shape (rank,).

        In a typed pattern, where rows may differ, the largest such number.
        """
        sizes = np.zeros(self.rank, dtype=np.intp)
        for present, counts in self._row_counts():
            sizes[present] = np.maximum(sizes[present], counts)
        return sizes

    @property
    def row_sizes(self) -> Integers:
        """Another name of `subdegrees`."""
        return self.subdegrees

    @cached_property
    def orbitals_per_row(self) -> Integers:
        """For each parameter the most parameters that stand in any row that it meets, shape (rank,)."""
        ranks = np.zeros(self.rank, dtype=np.intp)
        for present, _ in self._row_counts():
            ranks[present] = np.maximum(ranks[present], present.size)
        return ranks

    @property
    def matrix(self) -> "Matrix":
        """The pattern as a sympy Matrix of symbols.

        >>> import eqgen as eq
        >>> eq.pattern("a -b; b a").matrix.det()
        a**2 + b**2
        """
        from sympy import Integer, Matrix, Symbol

        symbols = [Integer(0), *map(Symbol, self.names)]
        # Negative labels are counted from the end.
        symbols += [-symbol for symbol in symbols[:0:-1]]
        return Matrix(*self.shape, [symbols[label] for label in self.signed_labels.ravel().tolist()])

    def latex(self) -> str:
        """The pattern as a LaTeX matrix.

        >>> import eqgen as eq
        >>> print(eq.pattern("a 0; b -a").latex())
        \\begin{pmatrix}
        a & 0 \\\\
        b & -a
        \\end{pmatrix}
        """
        rows = [" & ".join(_latex_entry(entry) for entry in row) for row in self.entries()]
        return "\\begin{pmatrix}\n" + " \\\\\n".join(rows) + "\n\\end{pmatrix}"

    def entries(self, rows: int | None = None, columns: int | None = None) -> Iterator[list[str]]:
        """The entries as text, row by row: all of them, or the first `rows` and `columns`."""
        # Negative labels are counted from the end.
        texts = ["0", *self.names, *(f"-{name}" for name in reversed(self.names))]
        for row in self.signed_labels[:rows, :columns].tolist():
            yield [texts[label] for label in row]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Pattern):
            return NotImplemented
        if self.shape != other.shape or self.rank != other.rank or not np.array_equal(self.signs, other.signs):
            return False
        # Equal up to the order of the parameters: a text numbers them as they appear, a product of axes by its axes.
        numbers = np.full(self.rank + 1, -1, dtype=np.int64)
        numbers[self.labels] = other.labels
        return np.array_equal(numbers[self.labels], other.labels) and np.unique(numbers[:-1]).size == self.rank

    def __hash__(self) -> int:
        return hash((self.shape, self.rank, self.signs.tobytes()))

    def __str__(self) -> str:
        rows = list(self.entries())
        width = max(len(entry) for row in rows for entry in row)
        return "\n".join(" ".join(entry.rjust(width) for entry in row) for row in rows)

    def __repr__(self) -> str:
        m, n = self.shape
        return str(self) if m <= 40 and n <= 40 else f"<Pattern of {m} x {n} entries, {self.rank} parameters>"

    def in_order_of_appearance(self) -> "Pattern":
        """The same pattern with its parameters numbered as its text would be read: by first appearance, row by row."""
        labels = np.abs(self.signed_labels)
        present, first = np.unique(labels[labels > 0], return_index=True)
        order = present[np.argsort(first)]
        numbers = np.zeros(self.rank + 1, dtype=smallest_type(order.size))
        numbers[order] = np.arange(1, order.size + 1)
        letters = tuple(self.names[label - 1] for label in order.tolist())
        return Pattern(numbers[labels] * self.signs, letters, self.row_representatives)

    def in_one_line(self) -> str:
        """The text with rows separated by `;`, for messages; a large pattern by its size."""
        m, n = self.shape
        if m * n > 64:
            return f"of {m} x {n} entries and {count(self.rank, 'parameter')}"
        return "; ".join(" ".join(row) for row in self.entries())

    def __rich__(self) -> "Text":
        return self.coloured()

    def coloured(self, rows: int | None = None, columns: int | None = None) -> "Text":
        """The pattern as rich Text, each parameter in its own colour; cut to the first `rows` and `columns` if given."""
        from rich.text import Text

        m, n = self.shape
        shown = list(self.entries(rows, columns))
        width = max(len(entry) for row in shown for entry in row)
        text = Text(no_wrap=True)
        for number, row in enumerate(shown):
            for column, entry in enumerate(row):
                label = int(self.labels[number, column])
                text.append(" " if column else "")
                text.append(entry.rjust(width), style=colour(label) if label >= 0 else "dim")
            text.append(" ..." if columns is not None and columns < n else "")
            text.append("\n" if number + 1 < len(shown) else "")
        if rows is not None and rows < m:
            text.append("\n...")
        return text

    def _row_counts(self) -> Iterator[tuple[Integers, Integers]]:
        rows = range(self.shape[0]) if self.row_representatives is None else self.row_representatives
        for row in rows:
            present, counts = np.unique(np.abs(self.signed_labels[row]), return_counts=True)
            yield present[present > 0] - 1, counts[present > 0]


LARGEST_LISTED = 10_000_000
"""A pattern of more entries is not made of a list of equalities, where most of them would be parameters of their own."""


def pattern(value: Any, *, shape: tuple[int, int] | None = None) -> Pattern:
    """A Pattern typed in by someone who has only the matrix.

    Args:
        value: text, rows separated by `;` or new lines and entries by spaces (`"a -b; b a"`, `"a 0; 0 b"`); rows of
            strings (`["a b", "b a"]` or `[["a", "b"], ["b", "a"]]`); an integer array, where k stands for the k-th
            letter, -k for its negative and 0 for zero; an array of letters; a sympy Matrix of symbols, negated symbols and
            zeros; or a list of equalities, each of two entries (row, column) or more, from 0: all others stand alone.
        shape: (m, n) of a list of equalities; by default as many rows and columns as it names.

    Raises:
        DeclarationError: a ragged matrix, an empty one, or an entry that is no name, negated name or zero; an equality of less
            than two entries, or outside the shape; a shape beside anything else.

    >>> pattern([[1, 2], [2, 1]]) == pattern("a b; b a") == pattern(["x y", "y x"])
    True
    >>> print(pattern([((0, 0), (1, 1))]))
    a b
    c a
    """
    if _are_equalities(value):
        return _from_equalities(value, shape)
    if shape is not None:
        raise DeclarationError(
            "shape belongs to a list of equalities, as in eq.pattern([((0, 0), (1, 1))], shape=(2, 3)): others have their own"
        )
    if isinstance(value, Pattern):
        return value
    if type(value).__module__.startswith("sympy."):
        return _from_sympy(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "UO":
        value = value.tolist()
    text = _text_of_letters(value)
    return _from_integers(value) if text is None else _from_rows(parse_pattern(text))


def _text_of_letters(value: Any) -> str | None:
    """The text of a pattern of strings, None where it is none."""
    if isinstance(value, str):
        return value
    if _are_strings(value):
        return "\n".join(value)
    if not isinstance(value, (list, tuple)) or not value or not all(map(_are_strings, value)):
        return None
    for i, row in enumerate(value, start=1):
        for j, entry in enumerate(row, start=1):
            if not is_entry(entry.strip()):
                where = f"entry ({i}, {j}) of the pattern is {entry[:60]!r}"
                raise DeclarationError(f"{where}: entries are names, -names or 0, one in each string")
    return "\n".join(" ".join(row) for row in value)


def letter_name(number: int) -> str:
    """The name of parameter `number` (from 0): a..z, aa, ab, ...

    >>> letter_name(0), letter_name(25), letter_name(26), letter_name(702)
    ('a', 'z', 'aa', 'aaa')
    """
    name = ""
    number += 1
    while number:
        number, letter = divmod(number - 1, 26)
        name = chr(ord("a") + letter) + name
    return name


def colour(number: int) -> str:
    """The colour of parameter `number` as `#rrggbb`, the same on a terminal and in pictures.

    >>> colour(0)
    '#0072b2'
    """
    if number < len(FIRST_COLOURS):
        return FIRST_COLOURS[number]
    # Steps of the golden ratio around the hue circle never come close to a hue used shortly before.
    hue = (number * 0.6180339887498949) % 1.0
    red, green, blue = colorsys.hls_to_rgb(hue, 0.45 + 0.2 * (number % 3) / 2, 0.65)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def _from_rows(rows: Sequence[Sequence[tuple[int, str]]]) -> Pattern:
    numbers: dict[str, int] = {}
    labels = [[sign * numbers.setdefault(name, len(numbers) + 1) if sign else 0 for sign, name in row] for row in rows]
    return Pattern(np.array(labels, dtype=smallest_type(len(numbers))), tuple(numbers))


def _from_sympy(value: Any) -> Pattern:
    from sympy import Symbol

    shape: tuple[Any, ...] = getattr(value, "shape", ())
    # The shape of a MatrixSymbol may itself hold symbols.
    if len(shape) != 2 or any(isinstance(size, Symbol) or size == 0 for size in shape):
        raise DeclarationError(f"expected a sympy Matrix with rows and columns, got {type(value).__name__}")
    return _from_rows([[_sympy_entry(value[i, j], i, j) for j in range(shape[1])] for i in range(shape[0])])


def _sympy_entry(entry: Any, i: int, j: int) -> tuple[int, str]:
    """The sign and name of an entry of a sympy matrix."""
    from sympy import Symbol

    if entry == 0:
        return 0, ""
    sign, symbol = (1, entry) if isinstance(entry, Symbol) else (-1, -entry)
    where = f"entry ({i + 1}, {j + 1}) of the matrix is {str(entry)[:60]}"
    if not isinstance(symbol, Symbol):
        raise DeclarationError(f"{where}: a pattern holds symbols, negated symbols and zeros")
    if symbol.name == "0" or symbol.name.startswith("-") or not is_entry(symbol.name):
        raise DeclarationError(
            f"{where}: names in a pattern are made of the letters a to z and A to Z, digits and _, and do not start with a digit"
        )
    return sign, symbol.name


def _from_integers(value: Any) -> Pattern:
    try:
        array = np.asarray(value)
    except ValueError:
        raise DeclarationError(
            "the rows of the pattern have different lengths: every row needs the same number of entries"
        ) from None
    if array.ndim != 2 or array.size == 0 or array.dtype.kind not in "iu":
        raise DeclarationError(
            f"a pattern cannot be read from {type(value).__name__}"
            + (f" of shape {array.shape} and type {array.dtype}" if array.ndim else "")
            + ': give text like "a b; b a", rows of strings, a 2-D integer array, or a sympy Matrix'
        )
    if max(array.max(), -int(array.min())) >= 2**53:
        raise DeclarationError("an integer of the pattern is too large: k stands for the k-th letter")
    return _from_rows(
        [[(int(np.sign(k)), letter_name(abs(k) - 1) if k else "") for k in row] for row in array.tolist()]
    )


def _are_equalities(value: Any) -> bool:
    """Whether a value is a list of lists of pairs of whole numbers."""
    if not isinstance(value, (list, tuple)) or not value:
        return False
    entries = [entry for equality in value for entry in (equality if isinstance(equality, (list, tuple)) else [None])]
    return bool(entries) and all(
        isinstance(entry, (list, tuple)) and len(entry) == 2 and all(map(is_whole, entry)) for entry in entries
    )


def _from_equalities(value: Sequence[Sequence[tuple[int, int]]], shape: Any) -> Pattern:
    alone = next((number for number, equality in enumerate(value) if len(equality) < 2), None)
    if alone is not None:
        raise DeclarationError(
            f"equality {alone + 1} is {shortened(value[alone])}: it names two entries (row, column) or more, like ((0, 0), (1, 1))"
        )
    entries = [entry for equality in value for entry in equality]
    if shape is None:
        shape = tuple(max(numbers) + 1 for numbers in zip(*entries, strict=True))
    if not isinstance(shape, (list, tuple)) or len(shape) != 2 or not all(is_whole(size, 1) for size in shape):
        raise DeclarationError(f"shape is the number of outputs and of inputs, like (3, 4), got {shortened(shape)}")
    m, n = map(int, shape)
    outside = next(((i, j) for i, j in entries if not (0 <= i < m and 0 <= j < n)), None)
    if outside is not None:
        raise DeclarationError(
            f"the equalities name the entry {outside}, and the pattern has the rows 0 to {m - 1} and the columns 0 to {n - 1}"
        )
    if m * n > LARGEST_LISTED:
        raise DeclarationError(
            f"the equalities make a pattern of {m} x {n} entries: at most {LARGEST_LISTED} are listed; declare the symmetry, as in "
            '"p -> p where p = S(5)"'
        )
    classes = Classes(m * n)
    left, right = (
        np.array([i * n + j for equality in value for i, j in part(equality)], dtype=np.intp)
        for part in (itemgetter(slice(None, -1)), itemgetter(slice(1, None)))
    )
    classes.merge(left, right)
    firsts, labels = np.unique(classes.all_names(), return_inverse=True)
    signed_labels = (labels.reshape(m, n) + 1).astype(smallest_type(firsts.size))
    return Pattern(signed_labels, tuple(map(letter_name, range(firsts.size))))


def _are_strings(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and len(value) > 0 and all(isinstance(part, str) for part in value)


def _latex_entry(entry: str) -> str:
    sign, name = ("-", entry[1:]) if entry.startswith("-") else ("", entry)
    shown = name.replace("_", r"\_")
    return sign + (shown if len(name) == 1 else r"\mathit{" + shown + "}")
