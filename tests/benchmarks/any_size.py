"""Sets of any size: four tasks of Zaheer et al., "Deep sets" (2017), as Levin, Ma, Diaz and Villar (2025) put them.

Each set is drawn from a normal distribution, and the answer is a number that the distribution has, whatever the size of the set:
trained on sets of 500, tried on sets of 500 and of 4,500, once with means and once with sums. Writes a table; give the number of
training steps, and the sizes, as arguments: `any_size.py 1000 500 4500`.
"""

from __future__ import annotations

import sys

import keras
import numpy as np

import eqgen as eq


def normal(random, covariance, size):
    return random.multivariate_normal(np.zeros(len(covariance)), covariance, size=size)


def rotation(random):
    """The entropy of the first coordinate of a rotated ellipse."""
    angle = random.uniform(0, np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    covariance = turn @ np.diag([4.0, 0.25]) @ turn.T
    return covariance, 0.5 * np.log(2 * np.pi * np.e * covariance[0, 0])


def correlation(random):
    """The mutual information of two halves that are correlated."""
    strength = random.uniform(-0.9, 0.9)
    half = np.array([[1.0, 0.3], [0.3, 1.0]])
    return np.block([[half, strength * half], [strength * half, half]]), -np.log(1 - strength**2)


def rank_one(random):
    """The mutual information of the first coordinate and the others, of a covariance with one long axis."""
    along = np.array([0.6, 0.5, 0.4, 0.48])
    covariance = np.eye(4) + random.uniform(0, 5) * np.outer(along, along)
    return covariance, information(covariance, 1)


def any_covariance(random):
    """The same for a covariance at random."""
    root = random.normal(size=(4, 4)) / 2
    covariance = root @ root.T + 0.3 * np.eye(4)
    return covariance, information(covariance, 1)


def information(covariance, first):
    parts = np.linalg.det(covariance[:first, :first]) * np.linalg.det(covariance[first:, first:])
    return 0.5 * np.log(parts / np.linalg.det(covariance))


TASKS = {"rotation": rotation, "correlation": correlation, "rank one": rank_one, "any covariance": any_covariance}


def examples(task, random, count, size):
    drawn = [TASKS[task](random) for _ in range(count)]
    sets = np.stack([normal(random, covariance, size) for covariance, _ in drawn])
    return sets.astype("float32"), np.array([[answer] for _, answer in drawn], dtype="float32")


def model_of(aggregation, features):
    options = {"aggregation": aggregation, "activation": "relu", "use_bias": True}
    layers = [eq.EquivariantDense(48, f"p -> {side} where p = S(n)", **options) for side in ("p", "p", "1")]
    # Sums begin with values that fit the sets that they are trained on.
    for layer in layers:
        features = layer(features)
    head = [keras.layers.Reshape((48,)), keras.layers.Dense(48, "relu"), keras.layers.Dense(1)]
    return keras.Sequential([keras.Input((None, layers[0].kernel.shape[1])), *layers, *head])


def main(steps: int, size: int, larger: int) -> None:
    print(f"| task | aggregation | error at {size} | error at {larger} |\n| --- | --- | --- | --- |")
    for task in TASKS:
        for aggregation in ("mean", "sum"):
            keras.utils.set_random_seed(0)
            random = np.random.default_rng(0)
            x, y = examples(task, random, 512, size)
            model = model_of(aggregation, x[:1])
            # A parameter that stands in every entry of a row moves a sum as many times as far.
            rate = 3e-3 if aggregation == "mean" else 3e-3 / size
            model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps)), "mse")
            model.fit(x, y, batch_size=16, epochs=max(1, steps * 16 // len(x)), verbose=0)
            errors = []
            for tried in (size, larger):
                x, y = examples(task, random, 64, tried)
                errors.append(float(np.mean((model.predict(x, verbose=0, batch_size=8) - y) ** 2)))
            print(f"| {task} | {aggregation} | {errors[0]:.2g} | {errors[1]:.2g} |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:] or (1000, 500, 4500)))
