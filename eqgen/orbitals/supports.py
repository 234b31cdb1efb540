"""Supports: which (output, input) pairs a local kernel may use, named by a graph, by a distance, or by some of the pairs."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, product
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from eqgen.common.arrays import Integers
from eqgen.common.errors import DeclarationError, checked_choice, count, is_whole, shortened
from eqgen.common.memory import refuse_many_pairs
from eqgen.spaces.mapping import Mapping
from eqgen.spaces.space import Space

if TYPE_CHECKING:
    import networkx

METRICS: dict[str, Callable[[tuple[int, ...]], float]] = {
    "square": lambda offset: max(map(abs, offset), default=0),
    "diamond": lambda offset: sum(map(abs, offset)),
    "disc": lambda offset: math.hypot(*offset),
}
"""How far an offset between two cells is."""


@dataclass(frozen=True)
class Stencil:
    """The pairs of cells of a grid that lie no further apart than a radius, along some axes or all."""

    radius: float
    shape: tuple[int, ...] | None
    metric: str
    wrap: bool | tuple[bool, ...]
    axes: tuple[str, ...] | None


@dataclass(frozen=True)
class Neighbours:
    """The pairs of nodes of a graph that lie no more steps apart than a radius; a node with itself is one."""

    graph: "networkx.Graph[Any]"
    radius: int


@dataclass(frozen=True)
class Closed:
    """A support with all pairs that the group moves its pairs to."""

    support: Any


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs by number, (any number,) each; `close` when they stand for all that the group moves them to.

    `hint` says what may be meant where the group moves some elsewhere.
    """

    rows: Integers
    columns: Integers
    close: bool
    hint: str = ""


def stencil(
    radius: float = 1,
    shape: tuple[int, ...] | None = None,
    *,
    metric: str = "square",
    wrap: bool | Sequence[bool] = False,
    axes: str | Sequence[str] | None = None,
) -> Stencil:
    """A support for `eq.mapping(..., support=...)`: the cells of a grid around each cell.

    Args:
        radius: how far; 1 is 3 x 3 in two dimensions.
        shape: the grid; for a mapping like `h w -> h w` it is known.
        metric: "square" (the largest difference of coordinates counts), "diamond" (their sum), "disc" (the straight line).
        wrap: whether the grid closes at its ends, as on a ring or a torus; or that of each of its sides, like (True, False).
        axes: the name of the axis whose points are the grid, or the names of several; all points of the other axes are
            reached. All axes unless told.

    Raises:
        DeclarationError: an argument is none of these.

    >>> import eqgen as eq
    >>> m = eq.mapping("h w -> h w where h = C(8), w = C(8)", support=eq.stencil(1, wrap=True))
    >>> eq.orbits(m).rank
    9
    >>> m = eq.mapping("h w -> h w where h = C(8), w = C(8)", support=eq.stencil(1, wrap=True, axes="h"))
    >>> eq.orbits(m).rank
    24
    """
    if isinstance(radius, bool) or not isinstance(radius, Real) or not 0 <= radius < math.inf:
        raise DeclarationError(f"the radius of a stencil is a number from 0 on, got {shortened(radius)}")
    metric = checked_choice("metric", metric, tuple(METRICS))
    if shape is not None:
        if not isinstance(shape, (tuple, list)) or not shape or not all(is_whole(side, 1) for side in shape):
            got = shortened(shape)
            raise DeclarationError(f"the shape of a grid is a tuple of positive sizes, like (8, 8), got {got}")
        shape = tuple(map(int, shape))
    names = (axes,) if isinstance(axes, str) else axes
    if names is not None:
        if not isinstance(names, (tuple, list)) or not names or not all(isinstance(name, str) for name in names):
            raise DeclarationError(f'axes is the name of an axis, like "h", or a list of names, got {shortened(axes)}')
        names = tuple(dict.fromkeys(names))
    return Stencil(float(radius), shape, metric, _checked_wrap(wrap), names)


def _checked_wrap(wrap: Any) -> bool | tuple[bool, ...]:
    several = isinstance(wrap, (tuple, list))
    each = wrap if several else (wrap,)
    if not each or not all(isinstance(side, (bool, np.bool_)) for side in each):
        raise DeclarationError(
            f"wrap is True or False, or one of the two for each side of the grid, like (True, False), got {shortened(wrap)}"
        )
    return tuple(map(bool, each)) if several else bool(wrap)


def neighbours(graph: "networkx.Graph[Any]", radius: int = 1) -> Neighbours:
    """A support for `eq.mapping(..., support=...)`: each node of a graph with the nodes at most `radius` steps away.

    The nodes are the points, in the graph's own order. In a directed graph an edge u -> v lets output v read input u. With
    radius 1 this is what `support=graph` says.

    >>> import eqgen as eq, networkx
    >>> ring = networkx.cycle_graph(6)
    >>> eq.orbits(eq.mapping("n -> n", n=eq.automorphisms(ring), support=eq.neighbours(ring, 2))).rank
    3
    """
    if not _is_graph(graph):
        raise DeclarationError(f"neighbours takes a networkx graph, got {type(graph).__name__}")
    if not is_whole(radius, 0):
        raise DeclarationError(f"the radius is a number of steps, 0 or more, got {shortened(radius)}")
    return Neighbours(graph, int(radius))


def closed(support: Any) -> Closed:
    """A support with all pairs that the group moves its pairs to; without it a support that lacks any is refused."""
    return Closed(support)


def support_pairs(support: Any, whole: Mapping) -> Pairs:
    """The pairs that a support names, for a mapping that has none yet.

    Raises:
        DeclarationError: it is no support, or does not fit the mapping.
    """
    output, input_ = whole.output, whole.input
    if isinstance(support, Closed):
        return replace(support_pairs(support.support, whole), close=True)
    if isinstance(support, Stencil):
        return _stencil_pairs(support, whole)
    if isinstance(support, Neighbours):
        return _graph_pairs(support.graph, support.radius, output, input_)
    if _is_graph(support):
        return _graph_pairs(support, 1, output, input_)
    return _listed_pairs(support, output, input_)


def _is_graph(value: Any) -> bool:
    # A class of the user's own may lie between; networkx itself need not be imported for a support without a graph.
    is_of_networkx = any(kind.__module__.split(".")[0] == "networkx" for kind in type(value).__mro__)
    return is_of_networkx and hasattr(value, "adjacency")


def _listed_pairs(support: Any, output: Space, input_: Space) -> Pairs:
    if isinstance(support, (str, bytes, dict)) or not isinstance(support, Iterable):
        raise DeclarationError(
            f"a support is a networkx graph, eq.stencil(...), eq.neighbours(...) or a list of (output, input) pairs, got "
            f"{shortened(support)}"
        )
    rows, columns = [], []
    for pair in support:
        try:
            row, column = pair
        except (TypeError, ValueError):
            raise DeclarationError(
                f"a support lists pairs (output, input), got {shortened(pair)}; of a matrix take np.argwhere(matrix)"
            ) from None
        rows.append(_number(row, output, "output"))
        columns.append(_number(column, input_, "input"))
    if not rows:
        raise DeclarationError(
            "the support names no pair, so every weight would be zero: list some (output, input) pairs"
        )
    return Pairs(np.array(rows, dtype=np.intp), np.array(columns, dtype=np.intp), True)


def _number(point: Any, space: Space, side: str) -> int:
    """The number of a point that is given by its number or written as the space lists it."""
    if is_whole(point):
        if not 0 <= point < space.size:
            raise DeclarationError(f"the support names {side} {point}: there are {space.size}, counted from 0")
        return int(point)
    return space.index(point)


def _graph_pairs(graph: "networkx.Graph[Any]", radius: int, output: Space, input_: Space) -> Pairs:
    nodes = graph.number_of_nodes()
    if (nodes, nodes) != (output.size, input_.size):
        raise DeclarationError(
            f"the graph of the support has {nodes} nodes, the mapping {output.size} outputs and {input_.size} inputs: the nodes "
            "have to be the points of both"
        )
    import igraph

    order = {node: number for number, node in enumerate(graph)}
    edges = [(order[start], order[end]) for start, end in graph.edges()]
    held = igraph.Graph(n=nodes, edges=edges, directed=graph.is_directed())
    counts = held.neighborhood_size(order=min(radius, nodes), mode="in")
    refuse_many_pairs(sum(counts))
    around = held.neighborhood(order=min(radius, nodes), mode="in")
    columns = np.fromiter(chain.from_iterable(around), dtype=np.intp, count=sum(counts))
    rows = np.repeat(np.arange(nodes), counts)
    hint = " (is it the graph whose symmetries these are?)"
    return Pairs(_points_of(list(graph), output)[rows], _points_of(list(graph), input_)[columns], False, hint)


def _points_of(nodes: list[Any], space: Space) -> Integers:
    """The point that each node of a graph is: by name, where the points have names; by number or as the space lists it, where
    the nodes are written so; else in the graph's own order."""
    kind = space.terms[0][0].kind
    names = kind.names if space.shape == (len(nodes),) and kind.size == 1 else None
    if names is not None:
        numbers = {names[number]: number for number in range(len(nodes))}
        found = [numbers.get(str(node), -1) for node in nodes]
    else:
        try:
            found = [_number(node, space, "") for node in nodes]
        except DeclarationError:
            found = []
    is_order = len(set(found)) == len(nodes) and min(found) >= 0
    return np.array(found if is_order else range(len(nodes)), dtype=np.intp)


def _stencil_pairs(support: Stencil, whole: Mapping) -> Pairs:
    shape, outputs, inputs = _cells(support, whole)
    if isinstance(support.wrap, tuple) and len(support.wrap) != len(shape):
        raise DeclarationError(
            f"wrap says of {count(len(support.wrap), 'side')} whether it closes, and the grid of the stencil is {shape}: write one "
            "True or False for each side, or one for all"
        )
    wraps = support.wrap if isinstance(support.wrap, tuple) else (support.wrap,) * len(shape)
    # On a ring nothing is further away than half way round.
    reach = [
        min(math.floor(support.radius), side // 2 if wrap else side - 1)
        for side, wrap in zip(shape, wraps, strict=True)
    ]
    refuse_many_pairs(math.prod(2 * most + 1 for most in reach))
    box = product(*(range(-most, most + 1) for most in reach))
    offsets = [offset for offset in box if METRICS[support.metric](offset) <= support.radius]
    # Along each side so many cells have a partner at that offset.
    overlaps = (
        math.prod(side if wrap else max(side - abs(by), 0) for side, by, wrap in zip(shape, offset, wraps, strict=True))
        for offset in offsets
    )
    others = outputs.shape[1] * inputs.shape[1]
    refuse_many_pairs(sum(overlaps) * others)
    coordinates = np.indices(shape).reshape(len(shape), -1)
    sides, closes = np.array(shape)[:, None], np.array(wraps)[:, None]
    rows, columns = [], []
    for offset in offsets:
        reached = coordinates + np.array(offset)[:, None]
        np.mod(reached, sides, out=reached, where=closes)
        inside = ((reached >= 0) & (reached < sides)).all(axis=0)
        to, from_ = np.flatnonzero(inside), np.ravel_multi_index(tuple(reached[:, inside]), shape)
        # Every output of a cell may read every input of the other.
        rows.append(np.repeat(outputs[to], inputs.shape[1], axis=1).ravel())
        columns.append(np.tile(inputs[from_], outputs.shape[1]).ravel())
    wrap = "" if all(wraps) else "; on a ring or a torus write eq.stencil(..., wrap=True)"
    hint = f" (the grid was taken to be {shape}{wrap})"
    return Pairs(np.concatenate(rows), np.concatenate(columns), False, hint)


def _cells(support: Stencil, whole: Mapping) -> tuple[tuple[int, ...], Integers, Integers]:
    """The grid of a stencil, and for each of its cells the outputs and the inputs there, (cells, points in each)."""
    (output, outputs), (input_, inputs) = (_along(support.axes, side, whole) for side in (whole.output, whole.input))
    shape = output if support.shape is None else support.shape
    if support.shape is None and (output != input_ or (support.axes is None and len(whole.output.terms) > 1)):
        raise DeclarationError(
            f"a stencil needs a grid: the outputs have the shape {output}, the inputs {input_}; give one, as in "
            "eq.stencil(1, (8, 8))"
        )
    cells = math.prod(shape)
    if (cells, cells) != (len(outputs), len(inputs)):
        where = "" if support.axes is None else f" along {' and '.join(support.axes)}"
        raise DeclarationError(
            f"the grid of the stencil, {shape}, has {cells} cells, the mapping {len(outputs)} outputs and {len(inputs)} inputs"
            f"{where}: the cells have to be the points of both"
        )
    return shape, outputs, inputs


def _along(names: tuple[str, ...] | None, space: Space, whole: Mapping) -> tuple[tuple[int, ...], Integers]:
    """The grid that some axes of a mapping make of a side, and for each of its cells the points there, (cells, points in each)."""
    numbers = np.arange(space.size, dtype=np.int32)
    if names is None:
        return space.shape, numbers[:, None]
    known = {axis.name: number for number, axis in enumerate(whole.axes)}
    unknown = next((name for name in names if name not in known), None)
    if unknown is not None:
        raise DeclarationError(
            f"the stencil names axis {unknown}, and {whole.sides} has {' and '.join(known) or 'none'}"
        )
    term = space.terms[0]
    # In the order of the names; of one name, in that of its factors.
    own = [place for name in names for place, factor in enumerate(term) if factor.axis == known[name]]
    is_grid = len(space.terms) == 1 and all(term[place].kind.size == 1 for place in own)
    if not is_grid or {term[place].axis for place in own} != {known[name] for name in names}:
        raise DeclarationError(
            f"a stencil along {' and '.join(names)} needs single points of these axes on both sides, and one term, as in "
            f"{' '.join(names)} q -> {' '.join(names)} q: the mapping is {whole.sides}"
        )
    others = [place for place in range(len(term)) if place not in own]
    shape = tuple(space.shape[place] for place in own)
    return shape, numbers.reshape(space.shape).transpose(*own, *others).reshape(math.prod(shape), -1)
