"""What other libraries take for one layer, run in an environment of its own: `layers.py` calls it where there is one.

`python rivals.py emlp S 100 64 32` times the linear layer of EMLP (PyPI emlp, with six and scipy): its projector, and
what its layer computes with it; `python rivals.py torch
labels.npy 64 32` times the dense gather that PyTorch libraries use, y = x W with W[i, j] = theta[labels[i, j]]. Both print the
seconds forward, and forward with the gradients of features and weights.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

ROUNDS = 9


def median(run: Callable[[], Any]) -> float:
    run()
    run()
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def drawn(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def emlp(group: str, size: int, power: int, channels: int, batch: int) -> list[float]:
    import jax
    import jax.numpy as jnp
    from emlp import groups
    from emlp.reps import V

    points = channels * V({"S": groups.S, "Z": groups.Z}[group](size)) ** power
    # What emlp.nn.objax.Linear computes in every call.
    kernel, bias = (points * points.T).equivariant_projector(), points.equivariant_projector()
    width = points.size()
    features = jnp.asarray(drawn(batch, width))
    weights = jnp.asarray(drawn(width, width)), jnp.asarray(drawn(width))

    def apply(features: Any, weights: Any) -> Any:
        matrix = (kernel @ weights[0].reshape(-1)).reshape(width, width)
        return features @ matrix.T + bias @ weights[1]

    forward = jax.jit(apply)
    both = jax.jit(jax.grad(lambda features, weights: jnp.sum(apply(features, weights) ** 2), argnums=(0, 1)))
    return [
        median(lambda: jax.block_until_ready(forward(features, weights))),
        median(lambda: jax.block_until_ready(both(features, weights))),
    ]


def torch(labels: np.ndarray, channels: int, batch: int) -> list[float]:
    import torch

    m, n = labels.shape
    index = torch.from_numpy(labels.astype("int64"))
    features = torch.from_numpy(drawn(batch, n * channels)).requires_grad_()
    theta = torch.from_numpy(drawn(int(labels.max()) + 1, channels, channels)).requires_grad_()

    def apply() -> Any:
        weight = theta[index].permute(1, 2, 0, 3).reshape(n * channels, m * channels)
        return features @ weight

    def both() -> None:
        features.grad = theta.grad = None
        apply().square().sum().backward()

    with torch.no_grad():
        forward = median(apply)
    return [forward, median(both)]


if __name__ == "__main__":
    which, *arguments = sys.argv[1:]
    if which == "emlp":
        print(json.dumps(emlp(arguments[0], *map(int, arguments[1:]))))
    else:
        print(json.dumps(torch(np.load(arguments[0]), *map(int, arguments[1:]))))
