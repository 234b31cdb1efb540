"""The symmetries of a graph, found by BLISS through igraph: generators, not an enumeration."""

from collections.abc import Hashable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from eqgen.common.errors import DeclarationError
from eqgen.permutations.group import Group, make_group
from eqgen.permutations.signed_permutation import SignedPermutation

if TYPE_CHECKING:
    import networkx


def automorphisms(graph: "networkx.Graph[Any]", *, node: Hashable = None, edge: Hashable = None) -> Group:
    """The automorphism group of a networkx graph, directed or not; its points are the nodes, in the graph's own order.

    Args:
        graph: a networkx Graph, DiGraph, or a multigraph of either kind (parallel edges count).
        node: the name of a node attribute, a colour: only nodes of equal colour can be exchanged.
        edge: the name of an edge attribute, likewise; nodes and edges that lack the attribute have a colour of their own.

    Returns:
        A Group whose order is known from the search, and printed: a graph often has more symmetries than its owner meant,
        and colours narrow them.

    Raises:
        DeclarationError: the graph has no nodes, or igraph is not installed.

    References:
        Junttila and Kaski, "Engineering an efficient canonical labeling tool for large and sparse graphs", 2007 (BLISS).

    >>> import networkx
    >>> automorphisms(networkx.petersen_graph()).order
    120
    """
    if not hasattr(graph, "nodes") or not hasattr(graph, "is_directed"):
        raise DeclarationError(
            f"automorphisms takes a networkx graph, got {type(graph).__name__}: networkx.from_numpy_array(matrix) makes one"
        )
    nodes = list(graph.nodes)
    if not nodes:
        raise DeclarationError("the graph has no nodes: a group needs at least one point")
    colours = _colours("node", node, [data for _, data in graph.nodes(data=True)])
    edge_colours = _colours("edge", edge, [data for *_, data in graph.edges(data=True)])
    number = {name: place for place, name in enumerate(nodes)}
    edges = [(number[tail], number[head]) for tail, head in graph.edges()]
    arcs = _merged(edges, edge_colours, graph.is_directed())
    rows, order = _search(arcs, colours, graph.is_directed())
    elements = [SignedPermutation(np.asarray(row, dtype=np.intp)[: len(nodes)]) for row in rows]
    names = tuple(str(name) for name in nodes)
    return make_group(elements or [SignedPermutation(np.arange(len(nodes)))], None, partial(int, order), names)


_MISSING = object()

Arc = tuple[int, int, tuple[int, ...]]
"""Tail, head, and the colours of all the parallel edges between them."""


def _merged(edges: list[tuple[int, int]], colours: list[int], directed: bool) -> list[Arc]:
    """Parallel edges as one with all their colours: exchanging two of them moves no node."""
    bundles: dict[tuple[int, int], list[int]] = {}
    for (tail, head), colour in zip(edges, colours, strict=True):
        pair = (tail, head) if directed else (min(tail, head), max(tail, head))
        bundles.setdefault(pair, []).append(colour)
    return [(tail, head, tuple(sorted(found))) for (tail, head), found in bundles.items()]


def _search(arcs: Sequence[Arc], colours: list[int], directed: bool) -> tuple[list[list[int]], int]:
    """Generators and order of the coloured graph, BLISS knowing only plain undirected graphs with coloured vertices.

    An arc that is more than an uncoloured undirected edge becomes a path of extra vertices: one in the middle that holds
    its colour, or two when it has a direction. Whoever moves a node moves these along, so the order stays.
    """
    try:
        import igraph
    except ImportError:
        raise DeclarationError("automorphisms needs igraph: pip install igraph") from None
    kinds = _numbered((tail == head, colour) for tail, head, colour in arcs)
    plain = not directed and len(set(kinds)) <= 1 and not any(tail == head for tail, head, _ in arcs)
    vertex_colours, edges, first = list(colours), [], max(colours) + 1
    for (tail, head, _), kind in zip(arcs, kinds, strict=True):
        start = len(vertex_colours)
        if plain:
            edges.append((tail, head))
        elif directed:
            vertex_colours += [first + 2 * kind, first + 2 * kind + 1]
            edges += [(tail, start), (start, start + 1), (start + 1, head)]
        else:
            vertex_colours.append(first + kind)
            edges += [(tail, start)] if tail == head else [(tail, start), (start, head)]
    graph = igraph.Graph(n=len(vertex_colours), edges=edges)
    generators = graph.automorphism_group(color=vertex_colours)
    return generators, int(graph.count_automorphisms(color=vertex_colours))


def _colours(kind: str, attribute: Hashable, held: list[dict[Any, Any]]) -> list[int]:
    """The colour of each node or edge by what it holds, one for all without an attribute."""
    # A misspelt attribute would colour nothing, and give a larger group than was meant.
    if attribute is not None and held and not any(attribute in data for data in held):
        known = sorted({str(key) for data in held for key in data})
        has = f"they have {', '.join(known[:8])}" if known else "they have no attributes"
        raise DeclarationError(f"no {kind} of the graph has the attribute {str(attribute)[:40]!r}: {has}")
    return _numbered(_MISSING if attribute is None else data.get(attribute, _MISSING) for data in held)


def _numbered(values: Iterable[Hashable]) -> list[int]:
    numbers: dict[Hashable, int] = {}
    try:
        return [numbers.setdefault(value, len(numbers)) for value in values]
    except TypeError as error:
        raise DeclarationError(f"a colour cannot be compared: {error}; colours are numbers, texts or tuples") from None
