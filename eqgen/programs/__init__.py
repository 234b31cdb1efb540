"""How a layer is applied, as data: operators, entries, their sums, what they cost and how they read; no TensorFlow."""
