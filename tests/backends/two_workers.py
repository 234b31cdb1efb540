"""One of two workers that train together on loopback; run by test_distribution.py with TF_CONFIG set.

Keras 3 and `fit` do not go together under MultiWorkerMirroredStrategy: the step is written with `strategy.run`, and the data
comes from `experimental_distribute_dataset`, which gives each worker its part of every batch.
"""

from __future__ import annotations

import sys

import tensorflow as tf

strategy = tf.distribute.MultiWorkerMirroredStrategy()

import keras
import numpy as np

import eqgen as eq

BATCH = 8


def main(place: str) -> None:
    random = np.random.default_rng(0)
    features, answers = random.normal(size=(32, 6, 1)).astype("float32"), random.normal(size=(32, 1)).astype("float32")
    with strategy.scope():
        keras.utils.set_random_seed(0)
        model = eq.network("p -> p where p = C(6)", [8, 8], head="invariant")
    data = tf.data.Dataset.from_tensor_slices((features, answers)).batch(BATCH)
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    batches = strategy.experimental_distribute_dataset(data.with_options(options))

    def step(inputs, targets):
        with tf.GradientTape() as tape:
            # The mean over the whole batch, of which this worker has a part.
            loss = tf.reduce_sum((model(inputs, training=True) - targets) ** 2) / BATCH
        gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
        total = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        for variable, gradient in zip(model.trainable_variables, total, strict=True):
            variable.value.assign_sub(0.1 * gradient)

    @tf.function
    def train(inputs, targets):
        strategy.run(step, args=(inputs, targets))

    for _ in range(3):
        for inputs, targets in batches:
            train(inputs, targets)
    np.savez(place, *model.get_weights())


if __name__ == "__main__":
    main(sys.argv[1])
