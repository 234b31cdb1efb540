"""Pictures: a coloured weight matrix, and curves of what was learned. They know matplotlib, no Keras."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from eqgen.common.errors import DeclarationError, count
from eqgen.orbitals.pattern import Pattern, colour

MOST_NAMED = 64
"""Up to this many rows or columns each one gets its name; more would not be readable."""

MOST_LETTERED = 32
"""Up to this many rows and columns the letter stands in each cell."""

MOST_IN_LEGEND = 12
"""Beyond this many parameters the legend says how many more there are."""

GREY = "#555555"
FORCED_ZERO = "#f2f2f2"


def weight_picture(
    subject: Any,
    row_names: Sequence[str] | None = None,
    column_names: Sequence[str] | None = None,
    *,
    title: str | None = None,
) -> Figure:
    """The weight matrix, one colour for each parameter, the same as on a terminal.

    Args:
        subject: a Pattern, Orbits, or an EquivariantDense; of a trained layer without channels the legend tells the values.
        row_names: the names of the outputs; left out, those of the declared space, or numbers from 1.
        column_names: the names of the inputs, likewise.
        title: above the picture.

    Returns:
        A Figure, to be saved with `figure.savefig("weights.png")`.

    >>> import eqgen as eq
    >>> weight_picture(eq.orbits("{p p} -> {p p} where p = S(5)")).axes[0].get_xticklabels()[0].get_text()
    '{1,2}'
    """
    pattern: Pattern = subject if isinstance(subject, Pattern) else subject.pattern
    m, n = pattern.shape
    rows, columns = _names(subject, "output", m, row_names), _names(subject, "input", n, column_names)
    # Cells stay square and large enough for their letters; the rest is room for names and the legend.
    cell = min(0.3 if max(m, n) > 8 else 0.5, 10 / max(m, n))
    figure = Figure(
        figsize=(n * cell + 2.6, max(m * cell + (1.1 if title else 0.8), 1.8)), dpi=150, layout="constrained"
    )
    axes = figure.add_subplot()
    pixels = _colours(pattern)
    axes.imshow(pixels, interpolation="nearest", aspect="equal")
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("input", fontsize=9, color=GREY)
    axes.set_ylabel("output", fontsize=9, color=GREY)
    upright = all(len(name) <= 2 for name in columns)
    # A name with dollar signs is a name, no formula.
    axes.set_xticks(range(len(columns)), columns, rotation=0 if upright else 90, fontsize=8, parse_math=False)
    axes.set_yticks(range(len(rows)), rows, fontsize=8, parse_math=False)
    axes.tick_params(length=0)
    if max(m, n) <= MOST_LETTERED:
        _write_letters(axes, pattern, pixels)
    axes.spines[:].set_visible(False)
    if title is not None:
        figure.suptitle(title, fontsize=11, fontweight="bold")
    # Of a built layer without channels each parameter has one value, which the legend tells.
    single = getattr(subject, "units", 1) is None and getattr(subject, "built", False)
    _add_legend(figure, pattern, subject.get_weights()[0] if single else None)
    return figure


def draw_scores(
    axes: Axes,
    title: str,
    x_label: str,
    x: Sequence[float],
    scores: Mapping[str, npt.ArrayLike],
    *,
    marks: bool = False,
) -> None:
    """Lines of scores between 0 and 1 on one pair of axes.

    Args:
        axes: where to draw.
        title: above them.
        x_label: below them.
        x: where the scores were measured.
        scores: one line for each name, of shape (measurements, len(x)): their mean, and where there are several, their range.
        marks: whether each x gets a number, and each line a mark there, on a logarithmic axis.
    """
    several = len(scores)
    for number, (name, measured) in enumerate(scores.items()):
        lines = np.asarray(measured)
        mean, low, high = lines.mean(axis=0), lines.min(axis=0), lines.max(axis=0)
        # The first line stays visible where others run through it.
        zorder = 3 + several - number
        style: dict[str, Any] = {"color": colour(number), "linewidth": 1.8, "label": name, "zorder": zorder}
        if marks:
            style.update(marker="os^Dv"[number % 5], markersize=6, markeredgecolor="white", capsize=3, elinewidth=1.2)
            # A step to the side, so that the bars of lines that agree do not cover each other.
            shifted = np.array(x) * 1.03 ** (number - (several - 1) / 2)
            axes.errorbar(shifted, mean, yerr=(mean - low, high - mean) if len(lines) > 1 else None, **style)
            continue
        axes.plot(x, mean, **style)
        if len(lines) > 1:
            axes.fill_between(x, low, high, color=colour(number), alpha=0.15, linewidth=0)
    if marks:
        axes.set_xscale("log")
        axes.minorticks_off()
        axes.set_xticks(x, [f"{place:g}" for place in x])
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.margins(x=0.08 if marks else 0.02)
    axes.set_title(title, fontsize=10, loc="left", color=GREY)
    axes.set_xlabel(x_label, fontsize=9)
    axes.set_ylim(0.0, 1.0)
    axes.tick_params(labelsize=8, colors=GREY, length=3)
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#bbbbbb")


def _names(subject: Any, side: str, size: int, given: Sequence[str] | None) -> list[str]:
    """The names along one side, none where there are too many to be read."""
    if given is not None and len(given) != size:
        raise DeclarationError(
            f"the picture has {count(size, side)}, got {count(len(given), 'name')}: give one name for each"
        )
    if size > MOST_NAMED:
        return []
    if given is None and (mapping := getattr(subject, "mapping", None)) is not None:
        return [getattr(mapping, side).name(number) for number in range(size)]
    return list(given or map(str, range(1, size + 1)))


def _colours(pattern: Pattern) -> npt.NDArray[np.float64]:
    """The picture's pixels, (m, n, 3): each parameter's colour, paler where the sign is flipped, light grey for a forced zero."""
    # The last row is what label -1 finds.
    table = np.array([*(to_rgb(colour(label)) for label in range(pattern.rank)), to_rgb(FORCED_ZERO)])
    pixels = table[pattern.labels]
    negative = pattern.signs < 0
    pixels[negative] = 0.5 + 0.5 * pixels[negative]
    return pixels


def _write_letters(axes: Axes, pattern: Pattern, pixels: npt.NDArray[np.float64]) -> None:
    """The letter of each cell, and white lines between the cells."""
    for i, row in enumerate(pattern.entries()):
        for j, entry in enumerate(row):
            # Dark letters on light cells and light letters on dark ones.
            light = float(pixels[i, j] @ np.array([0.299, 0.587, 0.114])) > 0.6
            axes.text(j, i, entry, ha="center", va="center", fontsize=7.5, color="#222222" if light else "white")
    m, n = pattern.shape
    axes.set_xticks(np.arange(n + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(m + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=0.9)
    axes.tick_params(which="minor", length=0)


def _add_legend(figure: Figure, pattern: Pattern, values: npt.NDArray[Any] | None) -> None:
    names = pattern.names[:MOST_IN_LEGEND]
    if values is not None:
        names = tuple(f"{name} = {value:.4f}" for name, value in zip(names, values, strict=False))
    patches = [Patch(color=colour(number), label=name) for number, name in enumerate(names)]
    if pattern.rank > MOST_IN_LEGEND:
        patches.append(Patch(color="white", label=f"and {pattern.rank - MOST_IN_LEGEND} more"))
    if (pattern.labels < 0).any():
        patches.append(Patch(color=FORCED_ZERO, label="0, forced"))
    m, n = pattern.shape
    figure.legend(
        handles=patches,
        title=f"{count(pattern.rank, 'number')} in {m * n:,} places",
        title_fontsize=9,
        fontsize=9,
        alignment="left",
        frameon=False,
        loc="outside right upper",
        handlelength=1.0,
        handleheight=1.0,
    )
