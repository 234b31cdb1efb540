"""EquivariantDense as Keras users use it."""

from __future__ import annotations

import itertools
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import eqgen as eq

EDGES = "{p p} -> {p p} where p = S(5)"


def moved(features, images, axis=1):
    """The features after point j went to images[j]."""
    result = np.empty_like(features)
    index = [slice(None)] * features.ndim
    index[axis] = images
    result[tuple(index)] = features
    return result


def edge_images(nodes):
    """What renumbering the nodes does to the edges, worked out with sets."""
    edges = [frozenset(pair) for pair in itertools.combinations(range(len(nodes)), 2)]
    return np.array([edges.index(frozenset(nodes[end] for end in edge)) for edge in edges])


# --- the numbers


def test_hand_set_weights_give_the_hand_computed_answer():
    layer = eq.EquivariantDense(None, "{p p} -> {p p} where p = S(4)")
    layer.build((None, 6))
    layer.set_weights([np.array([1.0, 10.0, 100.0])])
    # Edge {1,2} itself once, its four neighbours ten times, the opposite edge {3,4} a hundred times.
    answer = layer(np.array([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]))
    first = 1 * 1 + 10 * (2 + 3 + 4 + 5) + 100 * 6
    assert answer[0, 0] == first
    assert np.array_equal(answer, np.array([[1.0, 2, 3, 4, 5, 6]]) @ layer.weight_matrix().T)


def test_mean_aggregation_divides_by_the_row_size():
    layer = eq.EquivariantDense(1, "p -> p where p = S(4)", kernel_initializer="ones")
    answer = layer(np.array([[[4.0], [1.0], [2.0], [3.0]]]))
    assert np.allclose(answer[0, :, 0], [4 + (1 + 2 + 3) / 3, 1 + 9 / 3, 2 + 8 / 3, 3 + 7 / 3])


def test_sum_aggregation_does_not():
    layer = eq.EquivariantDense(1, "p -> p where p = S(4)", kernel_initializer="ones", aggregation="sum")
    assert np.allclose(layer(np.array([[[4.0], [1.0], [2.0], [3.0]]])), 10)


def test_channels_mix_as_one_dense_matrix_per_parameter(random):
    layer = eq.EquivariantDense(3, "A B; B A", aggregation="sum")
    features = random.normal(size=(7, 2, 5)).astype("float32")
    answer = layer(features)
    a, b = layer.kernel.numpy()
    expected = np.stack([features[:, 0] @ a + features[:, 1] @ b, features[:, 0] @ b + features[:, 1] @ a], axis=1)
    assert layer.kernel.shape == (2, 5, 3)
    assert np.allclose(answer, expected, atol=1e-5)


def test_signs_and_zeros_stand_in_the_matrix(random):
    layer = eq.EquivariantDense(2, "a -b 0; b a -a", aggregation="sum")
    features = random.normal(size=(4, 3, 2)).astype("float32")
    answer = layer(features)
    a, b = layer.kernel.numpy()
    expected = np.stack(
        [features[:, 0] @ a - features[:, 1] @ b, features[:, 0] @ b + features[:, 1] @ a - features[:, 2] @ a], axis=1
    )
    assert np.allclose(answer, expected, atol=1e-5)


@pytest.mark.parametrize("units", [None, 3])
@pytest.mark.parametrize(
    "declaration", [EDGES, "p p + p + 1 -> p + 1 where p = S(3)", "h w -> w where h = C(3), w = D(4)"]
)
def test_the_layer_is_the_full_matrix(units, declaration, random):
    layer = eq.EquivariantDense(units, declaration, use_bias=True, bias_initializer="normal", layout="flat")
    n = layer.mapping.input.size
    features = random.normal(size=(6, n) if units is None else (6, n, 2)).astype("float32")
    answer = layer(features)
    matrix = layer.weight_matrix()
    bias = keras.ops.convert_to_numpy(layer.linear.bias_on_points(layer.bias))
    full = np.einsum("mn,bn->bm", matrix, features) if units is None else np.einsum("mnio,bni->bmo", matrix, features)
    assert np.allclose(answer, full + (bias[:, 0] if units is None else bias), atol=1e-5)


def test_the_gradient_is_that_of_the_plain_gather(random):
    # Rank 3 takes the one-hot gradient, rank 25 the plain one; both against autodiff through the full matrix.
    for declaration in (EDGES, "p -> p where p = C(25)"):
        layer = eq.EquivariantDense(2, declaration, dtype="float64")
        n = layer.mapping.input.size
        features = tf.constant(random.normal(size=(4, n, 3)))
        weights = random.normal(size=(4, n, 2))
        layer.build((None, n, 3))
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(features) * weights)
        found = tf.convert_to_tensor(tape.gradient(loss, layer.kernel.value)).numpy()
        expected = np.zeros_like(found)
        for i, j in itertools.product(range(n), repeat=2):
            k = layer.orbits.labels[i, j]
            expected[k] += features.numpy()[:, j].T @ weights[:, i] / layer.orbits.row_sizes[k]
        assert np.allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize(
    "declaration", ["p -> p where p = S(300)", "p p -> p p where p = S(8)", "p -> p where p = C(25)"]
)
def test_gradients_in_mixed_precision_sum_over_orbits_in_float32(policy, declaration):
    def gradient(dtype):
        layer = eq.EquivariantDense(1, declaration, kernel_initializer="ones", dtype=dtype, layout="flat")
        features = np.ones((8, layer.mapping.input.size, 1), dtype="float32")
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.cast(layer(features), "float32"))
        return tf.convert_to_tensor(tape.gradient(loss, layer.kernel.value)).numpy()

    assert np.allclose(gradient(policy), gradient("float32"), rtol=0.02)


# --- the form


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("declaration", ["a b c; c a b; b c a", EDGES, "a -b; b a"])
def test_after_training_every_entry_of_an_orbit_is_the_same_float(optimizer, declaration, random):
    layer = eq.EquivariantDense(None, declaration)
    n = layer.pattern.shape[1]
    model = keras.Sequential([keras.Input((n,)), layer])
    model.compile(optimizer, "mse")
    before = layer.kernel.numpy().copy()
    model.fit(random.normal(size=(64, n)), random.normal(size=(64, layer.pattern.shape[0])), epochs=3, verbose=0)
    assert not np.array_equal(before, layer.kernel.numpy())
    matrix = layer.weight_matrix()
    for k in range(layer.pattern.rank):
        entries = (matrix * layer.pattern.signs)[layer.pattern.labels == k]
        assert len({entry.tobytes() for entry in entries}) == 1
        assert entries[0] == layer.kernel.numpy()[k]


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("declaration", [EDGES, "{p p} -> p where p = S(5)", "p p -> {p p} where p = S(5)"])
def test_equivariance_against_sets_of_nodes(jit, declaration, random):
    layer = eq.EquivariantDense(
        4, declaration, activation="relu", use_bias=True, bias_initializer="normal", layout="flat"
    )
    nodes = random.permutation(5)
    images = {
        "{p p}": edge_images(nodes),
        "p": nodes,
        "p p": np.array([5 * nodes[i] + nodes[j] for i in range(5) for j in range(5)]),
    }
    left, right = declaration.split(" where")[0].split(" -> ")
    features = random.normal(size=(3, len(images[left]), 2)).astype("float32")
    apply = tf.function(layer, jit_compile=jit)
    layer(features)
    assert np.allclose(apply(moved(features, images[left])), moved(apply(features).numpy(), images[right]), atol=1e-5)


def test_a_circulant_layer_is_a_circular_convolution(random):
    layer = eq.EquivariantDense(None, "p -> p where p = C(8)")
    signal = random.normal(size=(1, 8)).astype("float32")
    answer = layer(signal)
    kernel = layer.weight_matrix()[:, 0]
    expected = np.fft.ifft(np.fft.fft(signal[0]) * np.fft.fft(kernel)).real
    assert np.allclose(answer[0], expected, atol=1e-5)


# --- kernels and initial values


def test_the_kernel_has_the_stated_shape():
    layer = eq.EquivariantDense(7, EDGES, use_bias=True)
    layer.build((None, 10, 5))
    assert layer.kernel.shape == (3, 5, 7)
    assert layer.bias.shape == (1, 7)
    scalar = eq.EquivariantDense(None, EDGES, use_bias=True)
    scalar.build((None, 10))
    assert scalar.kernel.shape == (3,)
    assert scalar.bias.shape == (1,)
    assert [weight.shape for weight in scalar.trainable_weights] == [(3,), (1,)]


@pytest.mark.parametrize("aggregation", ["mean", "sum"])
def test_orbit_initial_values_have_the_stated_spread(aggregation):
    keras.utils.set_random_seed(3)
    layer = eq.EquivariantDense(400, "p + p p -> p where p = S(6)", aggregation=aggregation)
    layer.build((None, 42, 30))
    # Every row meets all 2 + 5 orbits; the row sizes are worked out by hand for S(6).
    sizes = np.array([1, 5, 1, 5, 5, 5, 20])
    spread = 1 / np.sqrt(7 * 30) / (sizes if aggregation == "sum" else 1)
    assert layer.orbits.row_sizes.tolist() == sizes.tolist()
    assert np.allclose(layer.kernel.numpy().std(axis=(1, 2)), spread, rtol=0.05)
    assert np.allclose(layer.kernel.numpy().mean(axis=(1, 2)), 0, atol=0.003)


def test_a_constant_input_keeps_its_variance():
    keras.utils.set_random_seed(4)
    layer = eq.EquivariantDense(2000, "p p -> p p where p = S(6)", layout="flat")
    answers = layer(np.ones((1, 36, 10)))
    assert abs(float(np.var(answers)) - 1) < 0.1


def test_a_seeded_initializer_repeats_itself():
    first, second = (eq.EquivariantDense(4, EDGES, kernel_initializer=eq.OrbitInitializer(seed=5)) for _ in range(2))
    first.build((None, 10, 3))
    second.build((None, 10, 3))
    assert np.array_equal(first.kernel, second.kernel)


def test_two_layers_start_differently():
    first, second = (eq.EquivariantDense(4, EDGES) for _ in range(2))
    first.build((None, 10, 3))
    second.build((None, 10, 3))
    assert not np.array_equal(first.kernel, second.kernel)


def test_regularizers_and_constraints_act_on_theta():
    layer = eq.EquivariantDense(
        2, "p -> p where p = S(50)", kernel_initializer="ones", kernel_regularizer=keras.regularizers.L2(1.0),
        kernel_constraint="non_neg", bias_regularizer="l1", bias_initializer="ones", use_bias=True,
    )  # fmt: skip
    layer(np.zeros((1, 50, 3)))
    assert [float(loss) for loss in layer.losses] == pytest.approx([2 * 3 * 2, 0.01 * 2])
    assert layer.kernel.constraint is layer.kernel_constraint


def test_an_activity_regularizer_sees_the_outputs():
    layer = eq.EquivariantDense(
        1, EDGES, kernel_initializer="zeros", use_bias=True, bias_initializer="ones", activity_regularizer="l1"
    )
    layer(np.zeros((2, 10, 1)))
    assert float(layer.losses[0]) == pytest.approx(0.01 * 10 * 2 / 2)


# --- bias


def test_a_bias_is_one_number_per_point_orbit(random):
    layer = eq.EquivariantDense(None, "p -> p where p = (1 2)(3 4)(5)", use_bias=True)
    layer.build((None, 5))
    layer.set_weights([np.zeros(layer.kernel.shape), np.array([1.0, 2.0, 3.0])])
    assert np.array_equal(layer(np.zeros((1, 5)))[0], [1, 1, 2, 2, 3])


def test_a_typed_bias_is_shared_as_typed():
    layer = eq.EquivariantDense(None, "a b; b a; a a", bias="u u v")
    layer.build((None, 2))
    layer.set_weights([np.zeros(2), np.array([1.0, 2.0])])
    assert np.array_equal(layer(np.zeros((1, 2)))[0], [1, 1, 2])
    again = eq.EquivariantDense.from_config(layer.get_config())
    assert again.bias_pattern == layer.bias_pattern


# --- shapes


@pytest.mark.parametrize("lead", [(), (1,), (2, 3), (0,), (2, 0, 3)])
def test_any_leading_dimensions(lead, random):
    layer = eq.EquivariantDense(4, EDGES)
    features = random.normal(size=(*lead, 10, 3)).astype("float32")
    answer = layer(features)
    assert answer.shape == (*lead, 10, 4)
    assert layer.compute_output_shape(features.shape) == (*lead, 10, 4)
    flat = layer(features.reshape(-1, 10, 3))
    assert np.allclose(np.reshape(answer, (-1, 10, 4)), flat, atol=1e-6)


@pytest.mark.parametrize(
    ("declaration", "layout", "shape", "expected"),
    [
        ("h w -> h w where h = C(3), w = C(4)", "auto", (2, 3, 4, 5), (2, 3, 4, 7)),
        ("h w -> h w where h = C(3), w = C(4)", "auto", (2, 12, 5), (2, 12, 7)),
        ("h w -> h w where h = C(3), w = C(4)", "flat", (2, 3, 12, 5), (2, 3, 12, 7)),
        ("h w -> h w where h = C(3), w = C(4)", "grid", (3, 4, 5), (3, 4, 7)),
        ("p -> p p where p = S(4)", "auto", (2, 4, 5), (2, 16, 7)),
        ("p -> p p where p = S(4)", "grid", (2, 4, 5), (2, 4, 4, 7)),
        ("p p -> p where p = S(4)", "auto", (2, 4, 4, 5), (2, 4, 7)),
        ("h w -> 1 where h = C(3), w = C(4)", "auto", (2, 3, 4, 5), (2, 1, 7)),
        ("h w + 1 -> h w where h = C(3), w = C(4)", "auto", (2, 13, 5), (2, 12, 7)),
        ("h w + 1 -> h w where h = C(3), w = C(4)", "grid", (2, 13, 5), (2, 3, 4, 7)),
        ("1 w -> w where w = C(4)", "auto", (2, 1, 4, 5), (2, 1, 4, 7)),
    ],
)
def test_flat_and_grid_layouts(declaration, layout, shape, expected):
    layer = eq.EquivariantDense(7, declaration, layout=layout)
    assert layer(np.zeros(shape)).shape == expected
    assert layer.compute_output_shape(shape) == expected


def test_grid_and_flat_are_the_same_numbers(random):
    layer = eq.EquivariantDense(2, "h w -> h w where h = C(3), w = C(4)")
    features = random.normal(size=(2, 3, 4, 5)).astype("float32")
    assert np.array_equal(np.reshape(layer(features), (2, 12, 2)), layer(features.reshape(2, 12, 5)))


def test_a_scalar_layer_has_no_channel_axis():
    layer = eq.EquivariantDense(None, "h w -> h w where h = C(3), w = C(4)")
    assert layer(np.zeros((5, 12))).shape == (5, 12)
    assert layer(np.zeros((5, 3, 4))).shape == (5, 3, 4)


@pytest.mark.parametrize(
    ("units", "declaration", "layout", "shape", "message"),
    [
        (4, "{p p} -> p where p = S(7)", "auto", (None, 21), "expected (..., 21, channels), got (batch, 21); add an axis: x[..., None]"),
        (4, "{p p} -> p where p = S(7)", "auto", (None, 20, 3), "expected (..., 21, channels), got (batch, 20, 3): axis 1 has size 20, expected 21 points"),
        (4, "{p p} -> p where p = S(7)", "auto", (None, None, 3), "expected (..., 21, channels), got (batch, None, 3): axis 1 has an unknown size, expected 21 points"),
        (4, "{p p} -> p where p = S(7)", "auto", (3,), "expected (..., 21, channels), got (3,): 2 axes are needed after the batch"),
        (4, "{p p} -> p where p = S(7)", "auto", (None, 21, None), "the number of channels is unknown: expected (..., 21, channels) with a known last axis, got (batch, 21, None)"),
        (None, "{p p} -> p where p = S(7)", "auto", (None, 21, 1), "expected (..., 21), got (batch, 21, 1): a layer with units=None has no channel axis; drop it, x[..., 0], or give units"),
        (4, "h w -> h w where h = C(3), w = C(4)", "auto", (None, 3, 5, 2), "expected (..., 12, channels) or (..., 3, 4, channels), got (batch, 3, 5, 2): axis 2 has size 5, expected 4 points"),
        (4, "h w -> h w where h = C(3), w = C(4)", "grid", (None, 12, 2), "expected (..., 3, 4, channels), got (batch, 12, 2): axis 0 has an unknown size, expected 3 points"),
        (4, "h w -> h w where h = C(3), w = C(4)", "flat", (None, 3, 4, 2), "expected (..., 12, channels), got (batch, 3, 4, 2): axis 2 has size 4, expected 12 points"),
    ],
)  # fmt: skip
def test_a_wrong_shape_says_which_axis_and_what_was_expected(units, declaration, layout, shape, message):
    layer = eq.EquivariantDense(units, declaration, layout=layout)
    with pytest.raises(eq.DeclarationError, match=f"^{re.escape(message)}$"):
        layer.build(shape)
    with pytest.raises(eq.DeclarationError, match=f"^{re.escape(message)}$"):
        layer.compute_output_shape(shape)


def test_another_number_of_channels_later_is_refused():
    layer = eq.EquivariantDense(4, EDGES)
    layer(np.zeros((1, 10, 3)))
    with pytest.raises(eq.DeclarationError, match="this layer was built for 3 input channels, got 2 in the last axis"):
        layer(np.zeros((1, 10, 2)))


# --- models


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.first = eq.EquivariantDense(8, EDGES, activation="relu")
        self.second = eq.EquivariantDense(1, "{p p} -> 1 where p = S(5)", use_bias=True)

    def call(self, inputs):
        return self.second(self.first(inputs))[:, 0, 0]


def functional():
    inputs = keras.Input((10, 1))
    hidden = eq.EquivariantDense(8, EDGES, activation="relu")(inputs)
    return keras.Model(
        inputs, keras.layers.Flatten()(eq.EquivariantDense(1, "{p p} -> 1 where p = S(5)", use_bias=True)(hidden))
    )


def sequential():
    return keras.Sequential(
        [
            keras.Input((10, 1)),
            eq.EquivariantDense(8, EDGES, activation="relu"),
            eq.EquivariantDense(1, "{p p} -> 1 where p = S(5)", use_bias=True),
            keras.layers.Flatten(),
        ]
    )


@pytest.mark.slow(sample=2)
@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("make", [sequential, functional, Subclassed])
def test_every_kind_of_model_learns_inside_fit(make, jit, random):
    keras.utils.set_random_seed(1)
    model = make()
    features = random.normal(size=(128, 10, 1)).astype("float32")
    target = features.mean(axis=(1, 2)) * 3
    model.compile(keras.optimizers.Adam(0.03), "mse", jit_compile=jit)
    history = model.fit(features, target, epochs=12, batch_size=32, verbose=0).history["loss"]
    assert history[-1] < 0.2 * history[0]
    assert np.allclose(model.predict(features[:5], verbose=0), model(features[:5]), atol=1e-5)


@pytest.mark.parametrize("declaration", [EDGES, "a -b 0; b a c", "h w -> 1 where h = C(3), w = C(4)"])
def test_save_and_load_needs_nothing_extra(declaration, tmp_path, random):
    layer = eq.EquivariantDense(
        3, declaration, activation="gelu", kernel_regularizer="l2", kernel_constraint="max_norm", aggregation="sum",
        kernel_initializer="he_normal", name="form", layout="flat",
    )  # fmt: skip
    n = layer.pattern.shape[1]
    model = keras.Sequential([keras.Input((n, 2)), layer])
    features = random.normal(size=(4, n, 2)).astype("float32")
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert np.array_equal(again(features), model(features))
    assert again.layers[0].get_config() == layer.get_config()
    assert again.layers[0].pattern == layer.pattern
    assert (again.layers[0].mapping is None) == (layer.mapping is None)


def test_every_argument_is_in_the_config():
    arguments = {
        "units": 3, "activation": "gelu", "use_bias": True, "bias_initializer": "ones", "kernel_regularizer": keras.regularizers.L2(0.5),
        "bias_regularizer": keras.regularizers.L1(0.25), "activity_regularizer": keras.regularizers.L2(0.125),
        "kernel_constraint": keras.constraints.MaxNorm(3), "bias_constraint": keras.constraints.NonNeg(), "aggregation": "sum",
        "layout": "flat", "kernel_initializer": eq.OrbitInitializer(seed=7),
    }  # fmt: skip
    layer = eq.EquivariantDense(declaration=EDGES, **arguments)
    again = eq.EquivariantDense.from_config(layer.get_config())
    layer(np.zeros((1, 10, 2)))
    again(np.zeros((1, 10, 2)))
    assert np.array_equal(again.kernel, layer.kernel)  # the seed is kept
    assert (again.units, again.aggregation, again.layout, again.use_bias) == (3, "sum", "flat", True)
    assert again.activation is keras.activations.gelu
    assert again.kernel_regularizer.l2 == 0.5
    assert again.bias_regularizer.l1 == 0.25
    assert again.activity_regularizer.l2 == 0.125
    assert again.kernel_constraint.max_value == 3
    assert isinstance(again.bias.constraint, keras.constraints.NonNeg)
    assert isinstance(again.kernel.constraint, keras.constraints.MaxNorm)
    assert isinstance(again.bias_initializer, keras.initializers.Ones)


def test_a_computed_pattern_keeps_its_kernel_through_saving(tmp_path, random):
    # Two axes number their orbits lexicographically, a text by first appearance: the kernel must not notice.
    pattern = eq.orbits("h w -> h w where h = C(2), w = (2)").pattern
    model = keras.Sequential([keras.Input((4,)), eq.EquivariantDense(None, pattern)])
    features = random.normal(size=(5, 4)).astype("float32")
    model.save(tmp_path / "model.keras")
    assert np.array_equal(keras.models.load_model(tmp_path / "model.keras")(features), model(features))


def test_a_saved_layer_does_not_depend_on_the_catalogue(monkeypatch, tmp_path):
    from eqgen.permutations import catalogue

    layer = eq.EquivariantDense(2, 'f + 1 -> f where f = catalogue("cube-faces")')
    config = layer.get_config()
    assert "catalogue" not in config["declaration"]
    monkeypatch.setattr(catalogue, "folder", lambda: tmp_path)
    again = eq.EquivariantDense.from_config(config)
    assert again.mapping == layer.mapping
    assert np.array_equal(again.pattern.labels, layer.pattern.labels)


def test_clones_pickles_weights_and_freezing(tmp_path, random):
    import pickle

    model = keras.Sequential([keras.Input((10, 1)), eq.EquivariantDense(4, EDGES, use_bias=True, name="edges")])
    features = random.normal(size=(3, 10, 1)).astype("float32")
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    assert np.array_equal(clone(features), model(features))
    assert np.array_equal(pickle.loads(pickle.dumps(model))(features), model(features))
    model.save_weights(tmp_path / "model.weights.h5")
    clone.set_weights([0 * weight for weight in model.get_weights()])
    clone.load_weights(tmp_path / "model.weights.h5")
    assert np.array_equal(clone(features), model(features))
    model.layers[0].trainable = False
    more = keras.Sequential([model, keras.layers.Dense(1)])
    more.compile("sgd", "mse")
    before = model.get_weights()
    more.fit(features, np.zeros((3, 10, 1)), epochs=1, verbose=0)
    assert all(map(np.array_equal, before, model.get_weights()))


def test_a_large_typed_pattern_reads_back_soon(random):
    layer = eq.EquivariantDense(None, random.integers(-900, 900, size=(600, 600)))
    assert np.array_equal(eq.EquivariantDense.from_config(layer.get_config()).pattern.labels, layer.pattern.labels)


def test_the_config_of_a_large_typed_group_holds_its_generators(random):
    generator = random.permutation(1500).tolist()
    layer = eq.EquivariantDense(1, eq.mapping("p -> 1", p=[generator]))
    again = eq.EquivariantDense.from_config(layer.get_config())
    assert again.mapping == layer.mapping


@pytest.mark.parametrize("policy", ["float64", "float32", "mixed_float16", "mixed_bfloat16"])
def test_dtype_policies(policy, random):
    layer = eq.EquivariantDense(4, EDGES, use_bias=True, dtype=policy)
    answer = layer(random.normal(size=(2, 10, 3)))
    assert keras.backend.standardize_dtype(answer.dtype) == layer.compute_dtype
    assert keras.backend.standardize_dtype(layer.kernel.dtype) == layer.variable_dtype


def test_several_unknown_dimensions_in_a_traced_function(random):
    layer = eq.EquivariantDense(4, EDGES)
    layer.build((None, None, 10, 3))
    apply = tf.function(layer, input_signature=[tf.TensorSpec((None, None, 10, 3), tf.float32)])
    assert apply(random.normal(size=(2, 5, 10, 3)).astype("float32")).shape == (2, 5, 10, 4)


def test_a_symbolic_input_has_a_symbolic_output():
    assert eq.EquivariantDense(4, EDGES)(keras.Input((None, 10, 3))).shape == (None, None, 10, 4)


# --- mistakes


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((0, EDGES), {}, "units is the number of output channels, a positive whole number, or None for a layer without channels; got 0"),
        ((2.5, EDGES), {}, "units is the number of output channels, a positive whole number, or None for a layer without channels; got 2.5"),
        ((EDGES, 3), {}, f"units is the number of output channels, a positive whole number, or None for a layer without channels; got '{EDGES}': the declaration comes second"),
        ((None, EDGES), {"aggregation": "mean"}, 'a layer with units=None holds exactly the numbers a, b, c that stand in the matrix, so its aggregation is "sum": drop aggregation="mean"'),
        ((1, EDGES), {"aggregation": "max"}, "aggregation is 'max': expected \"mean\" or \"sum\""),
        ((1, EDGES), {"layout": "cube"}, 'layout is \'cube\': expected "auto", "flat" or "grid"'),
        ((1, EDGES), {"bias": "a"}, "the mapping decides which outputs share a bias: drop bias=... and say use_bias=True"),
        ((1, "a b; b a"), {"use_bias": True}, 'a typed pattern does not say which outputs share a bias: name them, one letter for each row, as in bias="a a"'),
        ((1, "a b; b a"), {"bias": "a a a"}, "bias has 3 entries, the pattern has 2 rows: write one row with one letter for each output"),
        ((1, "a b; b a"), {"bias": "a; b"}, "bias has 2 rows of 1 entries, the pattern has 2 rows: write one row with one letter for each output"),
        ((1, "0 0; 0 0"), {}, "the pattern 0 0; 0 0 forces every weight to zero, so the layer would answer 0 to everything: use another output space, or a bias"),
        ((1, 7), {}, 'a pattern cannot be read from int: give text like "a b; b a", rows of strings, a 2-D integer array, or a sympy Matrix'),
    ],
)  # fmt: skip
def test_mistakes_at_construction(arguments, options, message):
    with pytest.raises(eq.DeclarationError, match=f"^{re.escape(message)}$"):
        eq.EquivariantDense(*arguments, **options)


def test_a_pattern_of_zeros_is_allowed_with_a_bias():
    layer = eq.EquivariantDense(2, "0 0; 0 0", bias="a b", bias_initializer="ones")
    assert np.array_equal(layer(np.ones((3, 2, 4))), np.ones((3, 2, 2)))
    assert layer.kernel.shape == (0, 4, 2)


def test_a_matrix_before_the_weights_exist_is_refused():
    with pytest.raises(
        eq.DeclarationError, match="the layer has no weights yet: call it on an input, or build it with a shape"
    ):
        eq.EquivariantDense(2, EDGES).weight_matrix()
