"""The slow, obvious ways to say what eqgen computes: graphs of all pairs, null spaces, recurrences."""

from __future__ import annotations

from itertools import product

import networkx
import numpy as np

import eqgen as eq
from eqgen.orbitals.limits import LIMITS, Limits
from helpers.strategies import Declared, Part, Side, action


def components(m: int, n: int, generators: list[tuple[list[int], list[int]]]) -> list[list[int]]:
    """The orbit of every pair, numbered by first appearance, from the graph of all pairs (what each generator does to
    outputs and to inputs)."""
    graph = networkx.Graph()
    graph.add_nodes_from(product(range(m), range(n)))
    for output, input_ in generators:
        graph.add_edges_from(((i, j), (output[i], input_[j])) for i, j in product(range(m), range(n)))
    orbit_of = {}
    for number, orbit in enumerate(sorted(networkx.connected_components(graph), key=min)):
        orbit_of.update(dict.fromkeys(orbit, number))
    return [[orbit_of[i, j] for j in range(n)] for i in range(m)]


def expected_labels(declared: Declared) -> list[list[int]]:
    """The documented labels: by first appearance for one axis, for several lexicographically by the axes' own orbits."""
    if len(declared.axes) < 2:
        return components(
            len(declared.points(declared.output)),
            len(declared.points(declared.input)),
            [
                (action(declared, declared.output, move), action(declared, declared.input, move))
                for move in declared.moves()
            ],
        )
    outputs, inputs = declared.points(declared.output), declared.points(declared.input)
    labels = {}
    offset = 0
    for t, out_term in enumerate(declared.output):
        for s, in_term in enumerate(declared.input):
            tables = [axis_labels(declared, name, out_term, in_term) for name in declared.axes]
            ranks = [len(set(table.values())) for table in tables]
            for i, (out_number, out_parts) in enumerate(outputs):
                for j, (in_number, in_parts) in enumerate(inputs):
                    if (out_number, in_number) != (t, s):
                        continue
                    number = 0
                    for name, table, count in zip(declared.axes, tables, ranks, strict=True):
                        pair = (own_parts(out_term, out_parts, name), own_parts(in_term, in_parts, name))
                        number = number * count + table[pair]
                    labels[i, j] = offset + number
            offset += int(np.prod(ranks))
    return [[labels[i, j] for j in range(len(inputs))] for i in range(len(outputs))]


def own_parts(term: tuple[Part, ...], parts: tuple, name: str) -> tuple:
    return tuple(inner for part, inner in zip(term, parts, strict=True) if part.axis == name)


def axis_labels(declared: Declared, name: str, out_term: tuple[Part, ...], in_term: tuple[Part, ...]) -> dict:
    """The orbits of the parts that one axis moves, numbered by first appearance."""
    own: list[Side] = [(tuple(part for part in term if part.axis == name),) for term in (out_term, in_term)]
    alone = Declared(own[1], own[0], {name: declared.axes[name]})
    outputs, inputs = alone.points(alone.output), alone.points(alone.input)
    moves = [(action(alone, alone.output, move), action(alone, alone.input, move)) for move in alone.moves()]
    table = components(len(outputs), len(inputs), moves)
    return {(outputs[i][1], inputs[j][1]): table[i][j] for i in range(len(outputs)) for j in range(len(inputs))}


def partition(labels) -> set[frozenset[tuple[int, int]]]:
    """The classes of pairs, whatever their numbers."""
    classes: dict[int, set[tuple[int, int]]] = {}
    for (i, j), label in np.ndenumerate(np.asarray(labels)):
        classes.setdefault(int(label), set()).add((i, j))
    return {frozenset(members) for members in classes.values()}


def brute_partition(declared: Declared) -> set[frozenset[tuple[int, int]]]:
    moves = [
        (action(declared, declared.output, move), action(declared, declared.input, move)) for move in declared.moves()
    ]
    return partition(components(len(declared.points(declared.output)), len(declared.points(declared.input)), moves))


def computed(declared: Declared, limits: Limits = LIMITS) -> eq.Orbits:
    return eq.orbits(eq.mapping(declared.text, **declared.axes), limits=limits)


def partitions_into_at_most(points: int, blocks: int) -> int:
    """How many set partitions there are, as sums of Stirling numbers by their recurrence."""
    stirling = {(0, 0): 1}
    for total in range(1, points + 1):
        for k in range(total + 1):
            stirling[total, k] = stirling.get((total - 1, k - 1), 0) + k * stirling.get((total - 1, k), 0)
    return sum(stirling.get((points, k), 0) for k in range(blocks + 1))


def smallest_equal(size: int, equalities) -> list[int]:
    """For each code the smallest one that it equals, by networkx."""
    graph = networkx.Graph()
    graph.add_nodes_from(range(size))
    graph.add_edges_from(equalities)
    found = [0] * size
    for component in networkx.connected_components(graph):
        for code in component:
            found[code] = min(component)
    return found


def signed_orbits(m: int, n: int, generators) -> tuple[list[list[int]], list[list[int]]]:
    """Labels and signs by first appearance, from the graph of all pairs with both signs."""
    graph = networkx.Graph()
    graph.add_nodes_from(product(range(m), range(n), (1, -1)))
    for move in generators:
        for i, j in product(range(m), range(n)):
            flip = int(move.output.all_signs()[i]) * int(move.input.all_signs()[j])
            there = int(move.output.image[i]), int(move.input.image[j])
            graph.add_edges_from(((i, j, sign), (*there, sign * flip)) for sign in (1, -1))
    labels, signs = [[-1] * n for _ in range(m)], [[0] * n for _ in range(m)]
    number = 0
    component_of = {}
    for component in networkx.connected_components(graph):
        component_of.update(dict.fromkeys(component, component))
    done = set()
    for i, j in product(range(m), range(n)):
        own = component_of[i, j, 1]
        if (i, j, -1) in own or (i, j) in done:
            continue
        for row, column, sign in own:
            labels[row][column], signs[row][column] = number, sign
            done.add((row, column))
        number += 1
    return labels, signs


def renumbered(labels) -> np.ndarray:
    """The same classes, numbered by first appearance; -1 stays."""
    flat = np.asarray(labels).ravel().tolist()
    order = {label: number for number, label in enumerate(dict.fromkeys(label for label in flat if label >= 0))}
    return np.array([order.get(label, -1) for label in flat]).reshape(np.shape(labels))


def matrix_of(element):
    """A signed permutation as a matrix: column i holds the sign of i in row image[i]."""
    matrix = np.zeros((element.size, element.size))
    matrix[element.image, np.arange(element.size)] = element.all_signs()
    return matrix


def dimension(mapping):
    """How many linear maps commute with every generator: the null space of W P_in - P_out W, by singular values."""
    m, n = mapping.output.size, mapping.input.size
    rows = [
        np.kron(np.eye(m), matrix_of(generator.input).T) - np.kron(matrix_of(generator.output), np.eye(n))
        for generator in mapping.generators
    ]
    return m * n - np.linalg.matrix_rank(np.concatenate(rows))


def cut(labels, signs, mask) -> tuple[np.ndarray, np.ndarray]:
    """The labels and signs of those orbits that meet a mask, numbered by first appearance; -1 and 0 elsewhere."""
    labels, signs = np.asarray(labels), np.asarray(signs)
    kept = np.isin(labels, labels[mask]) & (labels >= 0)
    return renumbered(np.where(kept, labels, -1)), np.where(kept, signs, 0)


def mask_of(shape, pairs) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    for row, column in pairs:
        mask[row, column] = True
    return mask
