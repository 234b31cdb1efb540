"""Supports: which (output, input) pairs a local kernel may use, named by a graph, by a distance, or by some of the pairs."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import chain, product
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from eqgen.common.arrays import Integers
from eqgen.common.errors import DeclarationError, is_whole, shortened
from eqgen.common.memory import refuse_many_pairs
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
    """The pairs of cells of a grid that lie no further apart than a radius."""

    radius: float
    shape: tuple[int, ...] | None
    metric: str
    wrap: bool


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
    radius: float = 1, shape: tuple[int, ...] | None = None, *, metric: str = "square", wrap: bool = False
) -> Stencil:
    """A support for `eq.mapping(..., support=...)`: the cells of a grid around each cell.

    Args:
        radius: how far; 1 is 3 x 3 in two dimensions.
        shape: the grid; for a mapping like `h w -> h w` it is known.
        metric: "square" (the largest difference of coordinates counts), "diamond" (their sum), "disc" (the straight line).
        wrap: whether the grid closes at its ends, as on a ring or a torus.

    >>> import eqgen as eq
    >>> m = eq.mapping("h w -> h w where h = C(8), w = C(8)", support=eq.stencil(1, wrap=True))
    >>> eq.orbits(m).rank
    9
    """
    if isinstance(radius, bool) or not isinstance(radius, Real) or not 0 <= radius < math.inf:
        raise DeclarationError(f"the radius of a stencil is a number from 0 on, got {shortened(radius)}")
    if metric not in tuple(METRICS):
        raise DeclarationError(f'metric is {shortened(metric)}: expected "square", "diamond" or "disc"')
    if shape is not None:
        if not isinstance(shape, (tuple, list)) or not shape or not all(is_whole(side, 1) for side in shape):
            got = shortened(shape)
            raise DeclarationError(f"the shape of a grid is a tuple of positive sizes, like (8, 8), got {got}")
        shape = tuple(map(int, shape))
    return Stencil(float(radius), shape, metric, bool(wrap))


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


def support_pairs(support: Any, output: Space, input_: Space) -> Pairs:
    """The pairs that a support names, for the spaces of a mapping.

    Raises:
        DeclarationError: it is no support, or does not fit the spaces.
    """
    if isinstance(support, Closed):
        return replace(support_pairs(support.support, output, input_), close=True)
    if isinstance(support, Stencil):
        return _stencil_pairs(support, output, input_)
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


def _stencil_pairs(support: Stencil, output: Space, input_: Space) -> Pairs:
    shape = output.shape if support.shape is None else support.shape
    if support.shape is None and (output.shape != input_.shape or len(output.terms) > 1):
        raise DeclarationError(
            f"a stencil needs a grid: the outputs have the shape {output.shape}, the inputs {input_.shape}; give one, as in "
            "eq.stencil(1, (8, 8))"
        )
    if (math.prod(shape), math.prod(shape)) != (output.size, input_.size):
        raise DeclarationError(
            f"the grid of the stencil, {shape}, has {math.prod(shape)} cells, the mapping {output.size} outputs and "
            f"{input_.size} inputs: the cells have to be the points of both"
        )
    # On a ring nothing is further away than half way round.
    reach = [min(math.floor(support.radius), side // 2 if support.wrap else side - 1) for side in shape]
    refuse_many_pairs(math.prod(2 * most + 1 for most in reach))
    box = product(*(range(-most, most + 1) for most in reach))
    offsets = [offset for offset in box if METRICS[support.metric](offset) <= support.radius]
    # Along each side so many cells have a partner at that offset.
    overlaps = (math.prod(max(side - abs(by), 0) for side, by in zip(shape, offset, strict=True)) for offset in offsets)
    refuse_many_pairs(output.size * len(offsets) if support.wrap else sum(overlaps))
    cells = np.indices(shape).reshape(len(shape), -1)
    sides = np.array(shape)[:, None]
    rows, columns = [], []
    for offset in offsets:
        reached = cells + np.array(offset)[:, None]
        if support.wrap:
            reached %= sides
        inside = ((reached >= 0) & (reached < sides)).all(axis=0)
        # No space has as many points as 32 bits count.
        rows.append(np.flatnonzero(inside).astype(np.int32))
        columns.append(np.ravel_multi_index(tuple(reached[:, inside]), shape).astype(np.int32))
    wrap = "" if support.wrap else "; on a ring or a torus write eq.stencil(..., wrap=True)"
    hint = f" (the grid was taken to be {shape}{wrap})"
    return Pairs(np.concatenate(rows), np.concatenate(columns), False, hint)
