"""The graphs: all 1,044 with seven nodes, and what is to be learned of them, counted in integers."""

from typing import Any

import numpy as np
import numpy.typing as npt

from eqgen.spaces.edges import to_adjacency, to_edges

NODES = 7

EDGES = NODES * (NODES - 1) // 2

Integers = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]


def atlas() -> Integers:
    """The adjacency matrix, 7 x 7, of every graph with seven nodes, up to isomorphism.

    (Read and Wilson, "An Atlas of Graphs", Oxford 1998; it ships with networkx.)
    """
    import networkx

    graphs = (graph for graph in networkx.graph_atlas_g() if len(graph) == NODES)
    return np.array([networkx.to_numpy_array(graph, range(NODES), dtype=np.int64) for graph in graphs])


def spanning_trees(adjacency: npt.ArrayLike) -> Integers:
    """The number of spanning trees of each graph, exact: the determinant of the Laplacian without its first row and column.

    (Kirchhoff's theorem, with the fraction-free elimination of Bareiss: every division below leaves no remainder.)

    Args:
        adjacency: (..., n, n), symmetric integers; an entry above 1 counts parallel edges.

    Returns:
        (...,), integers.

    >>> spanning_trees(1 - np.eye(7, dtype=int)).item()  # Cayley: n ** (n - 2)
    16807
    """
    # Python's integers do not overflow, whatever the number of nodes.
    matrix = np.asarray(adjacency).astype(object)
    n = matrix.shape[-1]
    laplacian = np.eye(n, dtype=int).astype(object) * matrix.sum(axis=-1)[..., None] - matrix
    minor: Integers = laplacian[..., 1:, 1:]
    divisor: Any = 1
    while minor.shape[-1] > 1:
        pivot = minor[..., :1, :1]
        cross = minor[..., 1:, :1] * minor[..., :1, 1:]
        minor = (pivot * minor[..., 1:, 1:] - cross) // divisor
        # The matrix is positive semidefinite: with a pivot of zero its row and column are zero, so that all that follows
        # is zero, as the determinant then is, whatever divides it.
        divisor = np.where(pivot == 0, 1, pivot)
    # The determinant of a matrix without rows is 1.
    trees = minor[..., 0, 0] if n > 1 else np.ones(matrix.shape[:-2])
    return np.asarray(trees).astype(np.int64)


def trees_through_edges(adjacency: npt.ArrayLike) -> Integers:
    """The number of spanning trees through each possible edge, exact: those that are lost when the edge is taken away.

    Args:
        adjacency: (..., n, n), symmetric, 0 and 1.

    Returns:
        (..., n * (n - 1) / 2), integers, in the order of `{p p}`; 0 where there is no edge.
    """
    matrix = np.asarray(adjacency)
    edges: Integers = to_edges(matrix)
    # Along the new axis the k-th graph is the one without its k-th edge.
    without = edges[..., None, :] * (1 - np.eye(edges.shape[-1], dtype=np.int64))
    return spanning_trees(matrix)[..., None] - spanning_trees(to_adjacency(without))


def renumbered(adjacency: Integers, random: np.random.Generator) -> Integers:
    """Each graph under a numbering of its nodes of its own, drawn at random from all of them.

    Args:
        adjacency: (..., n, n).
    """
    numberings = random.permuted(np.broadcast_to(np.arange(adjacency.shape[-1]), adjacency.shape[:-1]), axis=-1)
    rows = np.take_along_axis(adjacency, numberings[..., :, None], axis=-2)
    return np.take_along_axis(rows, numberings[..., None, :], axis=-1)


def as_inputs(adjacency: Integers) -> Floats:
    """What the networks see of each graph: (..., 21), a 1 for each edge and a 0 where there is none."""
    return to_edges(adjacency).astype(np.float32)
