"""The three contestants: an equivariant network, a Dense one, and the Dense one with renumbered training graphs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

from eqgen.cli.demo.graphs import NODES
from eqgen.layers import EquivariantDense

EDGES = NODES * (NODES - 1) // 2

LAYER = f"{{p p}} -> {{p p}} where p = S({NODES})"
"""The a/b/c layer: edges to edges."""

WHOLE = f"{{p p}} -> 1 where p = S({NODES})"
"""The read-out, and the network as a whole: edges to one number that no renumbering changes."""


@dataclass(frozen=True)
class Contestant:
    """One row of the table: a network, and whether each training step sees its graphs under fresh numberings."""

    name: str
    build: Callable[[], Any]
    renumber: bool


def equivariant_network() -> Any:
    """Three a/b/c layers, an invariant read-out and a small head: 5,033 numbers."""
    return keras.Sequential(
        [
            keras.Input((EDGES,)),
            keras.layers.Reshape((EDGES, 1)),
            EquivariantDense(24, LAYER, activation="relu", use_bias=True, name="edges_1"),
            EquivariantDense(24, LAYER, activation="relu", use_bias=True, name="edges_2"),
            EquivariantDense(24, LAYER, activation="relu", use_bias=True, name="edges_3"),
            EquivariantDense(24, WHOLE, use_bias=True, name="read_out"),
            keras.layers.Flatten(),
            keras.layers.Dense(32, activation="relu", name="head"),
            keras.layers.Dense(1, name="answer"),
        ],
        name="equivariant",
    )


def dense_network() -> Any:
    """Three ordinary Dense layers and an answer: 4,973 numbers.

    Two hidden layers of 60 were tried as well, with and without renumbering: this one is the stronger rival.
    """
    return keras.Sequential(
        [
            keras.Input((EDGES,)),
            keras.layers.Dense(44, activation="relu", name="dense_1"),
            keras.layers.Dense(44, activation="relu", name="dense_2"),
            keras.layers.Dense(44, activation="relu", name="dense_3"),
            keras.layers.Dense(1, name="answer"),
        ],
        name="dense",
    )


CONTESTANTS = (
    Contestant("equivariant", equivariant_network, renumber=False),
    Contestant("Dense", dense_network, renumber=False),
    Contestant("Dense, renumbered", dense_network, renumber=True),
)


def in_original_units(network: Any, mean: float, spread: float) -> None:
    """Put the standardisation of the target into the last layer, so that the network answers log(1 + trees) itself."""
    answer = network.layers[-1]
    kernel, bias = answer.get_weights()
    answer.set_weights([kernel * spread, bias * spread + mean])
