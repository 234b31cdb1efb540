"""`fit` under MirroredStrategy on two logical CPUs; run by test_distribution.py, with the number of devices."""

from __future__ import annotations

import sys

import tensorflow as tf

COUNT = int(sys.argv[2])
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * COUNT
)
strategy = tf.distribute.MirroredStrategy([f"CPU:{number}" for number in range(COUNT)])

import keras
import numpy as np

import eqgen as eq

random = np.random.default_rng(0)
features, answers = random.normal(size=(32, 6, 1)).astype("float32"), random.normal(size=(32, 1)).astype("float32")
with strategy.scope():
    keras.utils.set_random_seed(0)
    model = eq.network("p -> p where p = C(6)", [8, 8], head="invariant")
    model.compile(keras.optimizers.SGD(0.1), "mse")
model.fit(features, answers, batch_size=8, epochs=3, shuffle=False, verbose=0)
np.savez(sys.argv[1], *model.get_weights())
