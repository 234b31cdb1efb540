"""The layers that the literature has for single symmetries, each written for that symmetry as well as we can.

All take features of shape (batch, points, channels) and their weights, and are applied to flat matrices where a product of
flat matrices is faster (`linear`).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import tensorflow as tf

Layer = Callable[..., Any]


def linear(features: Any, weight: Any) -> Any:
    """The same matrix for every point: what Keras' Dense does, as one flat product."""
    flat = tf.reshape(features, (-1, features.shape[-1]))
    return tf.reshape(tf.matmul(flat, weight), (-1, *features.shape[1:-1], weight.shape[-1]))


def pointwise(features: Any, weight: Any) -> Any:
    """Every point alone: no equivariant layer can do less."""
    return linear(features, weight)


def dense(features: Any, weight: Any) -> Any:
    """An ordinary Dense layer of the same size, on all points and channels at once."""
    n, channels = features.shape[1:]
    return tf.reshape(tf.matmul(tf.reshape(features, (-1, n * channels)), weight), (-1, n, channels))


def deep_set(features: Any, own: Any, total: Any) -> Any:
    """Sum pooling (Zaheer et al., 2017): every item, and the mean of all."""
    return linear(features, own) + tf.matmul(tf.reduce_mean(features, 1), total)[:, None, :]


def edges(nodes: int, by_gather: bool) -> Layer:
    """Edges of a graph by sums over nodes: the same edge, those that share a node, all."""
    first, second = np.array(list(combinations(range(nodes), 2)), dtype=np.int32).T
    incidence = np.zeros((nodes, first.size), dtype="float32")
    incidence[first, np.arange(first.size)] = incidence[second, np.arange(first.size)] = 1

    def layer(features: Any, own: Any, sharing: Any, every: Any) -> Any:
        sums = tf.matmul(incidence, features)
        spread = linear(sums, sharing) + tf.matmul(tf.reduce_sum(sums, 1), every)[:, None]
        if by_gather:
            return linear(features, own) + tf.gather(spread, first, axis=1) + tf.gather(spread, second, axis=1)
        return linear(features, own) + tf.matmul(incidence, spread, transpose_a=True)

    return layer


def order_two(nodes: int, by_slices: bool) -> Layer:
    """All 15 operations on the entries of a matrix (Maron et al., 2019), those of one kind in one product."""

    def layer(features: Any, weights: Any) -> Any:
        channels = features.shape[-1]

        def square(start: int, side: int) -> Any:
            block = tf.reshape(weights[start : start + side**2], (side, side, channels, channels))
            return tf.reshape(tf.transpose(block, (0, 2, 1, 3)), (side * channels, side * channels))

        grid = tf.reshape(features, (-1, nodes, nodes, channels))
        if by_slices:
            diagonal = features[:, :: nodes + 1]
        else:
            diagonal = tf.transpose(tf.linalg.diag_part(tf.transpose(grid, (0, 3, 1, 2))), (0, 2, 1))
        rows, columns = tf.reduce_mean(grid, 2), tf.reduce_mean(grid, 1)
        on_nodes = linear(tf.concat([diagonal, rows, columns], -1), square(0, 3))
        whole = tf.matmul(tf.concat([tf.reduce_mean(diagonal, 1), tf.reduce_mean(rows, 1)], -1), square(9, 2))
        found = linear(grid, weights[13]) + tf.transpose(linear(grid, weights[14]), (0, 2, 1, 3))
        found += (on_nodes[..., channels : 2 * channels] + whole[:, None, channels:])[:, :, None]
        found += on_nodes[..., 2 * channels :][:, None]
        on_diagonal = on_nodes[..., :channels] + whole[:, None, :channels]
        found += tf.eye(nodes)[None, :, :, None] * on_diagonal[:, :, None]
        return tf.reshape(found, (-1, nodes**2, channels))

    return layer


def exchangeable(rows: int, columns: int) -> Layer:
    """The four terms of the exchangeable matrix layer (Hartford et al., 2018)."""

    def layer(features: Any, own: Any, by_column: Any, by_row: Any, every: Any) -> Any:
        channels = features.shape[-1]
        grid = tf.reshape(features, (-1, rows, columns, channels))
        of_rows = tf.reduce_mean(grid, 2)
        spread = linear(of_rows, by_row) + tf.matmul(tf.reduce_mean(of_rows, 1), every)[:, None]
        found = linear(grid, own) + linear(tf.reduce_mean(grid, 1), by_column)[:, None] + spread[:, :, None]
        return tf.reshape(found, (-1, rows * columns, channels))

    return layer


def two_levels(blocks: int, size: int) -> Layer:
    """A set of sets: every item, the mean of its block, the mean of all."""

    def layer(features: Any, own: Any, block: Any, every: Any) -> Any:
        channels = features.shape[-1]
        grid = tf.reshape(features, (-1, blocks, size, channels))
        sums = tf.reduce_mean(grid, 2)
        spread = linear(sums, block) + tf.matmul(tf.reduce_mean(sums, 1), every)[:, None]
        return tf.reshape(linear(grid, own) + spread[:, :, None], (-1, blocks * size, channels))

    return layer


def circular(size: int, by_einsum: bool) -> Layer:
    """Circular convolution by the fast Fourier transform."""

    def layer(features: Any, kernel: Any) -> Any:
        spectrum = tf.signal.rfft(tf.transpose(features, (0, 2, 1)))
        weights = tf.signal.rfft(tf.transpose(kernel, (1, 2, 0)))
        if by_einsum:
            mixed = tf.einsum("bcf,cof->bof", spectrum, weights)
        else:
            mixed = tf.matmul(tf.transpose(spectrum, (2, 0, 1)), tf.transpose(weights, (2, 0, 1)))
            mixed = tf.transpose(mixed, (1, 2, 0))
        return tf.transpose(tf.signal.irfft(mixed, [size]), (0, 2, 1))

    return layer


def circular_in_two(side: int) -> Layer:
    """Circular convolution on a torus by the two-dimensional transform."""

    def layer(features: Any, kernel: Any) -> Any:
        channels = features.shape[-1]
        frequencies = side * (side // 2 + 1)
        grid = tf.transpose(tf.reshape(features, (-1, side, side, channels)), (0, 3, 1, 2))
        spectrum = tf.reshape(tf.signal.rfft2d(grid), (-1, channels, frequencies))
        turned = tf.transpose(tf.reshape(kernel, (side, side, channels, channels)), (2, 3, 0, 1))
        weights = tf.reshape(tf.signal.rfft2d(turned), (channels, channels, frequencies))
        mixed = tf.matmul(tf.transpose(spectrum, (2, 0, 1)), tf.transpose(weights, (2, 0, 1)))
        mixed = tf.reshape(tf.transpose(mixed, (1, 2, 0)), (-1, channels, side, side // 2 + 1))
        found = tf.transpose(tf.signal.irfft2d(mixed, [side, side]), (0, 2, 3, 1))
        return tf.reshape(found, (-1, side**2, channels))

    return layer


def wrapped_convolution(side: int) -> Layer:
    """Conv2D, 3 x 3, on an input that is wrapped around."""

    def layer(features: Any, kernel: Any) -> Any:
        channels = features.shape[-1]
        grid = tf.reshape(features, (-1, side, side, channels))
        grid = tf.concat([grid[:, -1:], grid, grid[:, :1]], 1)
        grid = tf.concat([grid[:, :, -1:], grid, grid[:, :, :1]], 2)
        return tf.reshape(tf.nn.conv2d(grid, kernel, 1, "VALID"), (-1, side**2, channels))

    return layer
