"""The layers that live on one space, against a few lines of numpy with weights set by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import eqgen as eq

# Two point orbits, points 1 to 3 and 4 to 5, which a board or a molecule may have.
TWO = "p where p = (1 2 3)(4 5)"
ORBITS = [[0, 1, 2], [3, 4]]


def with_weights(layer, shape, random) -> tuple[keras.layers.Layer, dict[str, np.ndarray]]:
    """A built layer with random weights, and those by their names."""
    layer.build((None, *shape))
    for weight in layer.weights:
        weight.assign(random.normal(size=weight.shape))
    return layer, {weight.name: np.asarray(weight) for weight in layer.weights}


def softmax(scores: np.ndarray) -> np.ndarray:
    found = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return found / found.sum(axis=-1, keepdims=True)


def attended(x, weights, heads, size, labels, left_out=None):
    """Attention of one example, pair by pair."""
    n = len(x)
    answer = np.zeros((n, heads * size))
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        query = x @ weights["query"][:, part] + weights["query_bias"][part]
        key, value = x @ weights["key"][:, part], x @ weights["value"][:, part] + weights["value_bias"][part]
        scores = np.zeros((n, n))
        for i in range(n):
            for j in range(n):
                scores[i, j] = query[i] @ key[j] / np.sqrt(size) + weights["pair_bias"][labels[i][j], head]
        if left_out is not None:
            scores[left_out] = -np.inf
        answer[:, part] = softmax(scores) @ value
    return answer @ weights["output"] + weights["output_bias"]


def test_attention_on_a_ring(random):
    layer, weights = with_weights(eq.EquivariantAttention(2, 3, "p where p = C(5)"), (5, 4), random)
    # On a ring the orbit of a pair is its offset, numbered as the first row meets them: not the same from i to j as from j to i.
    labels = [[(j - i) % 5 for j in range(5)] for i in range(5)]
    x = random.normal(size=(2, 5, 4))
    for given, found in zip(x, layer(x).numpy(), strict=True):
        np.testing.assert_allclose(found, attended(given, weights, 2, 3, labels), atol=1e-5)


def test_attention_within_a_support(random):
    mapping = eq.mapping("p -> p where p = C(5)", support=[(0, 0), (0, 2)])
    layer, weights = with_weights(eq.EquivariantAttention(1, 3, mapping), (5, 4), random)
    reached = np.array([[(j - i) % 5 in (0, 2) for j in range(5)] for i in range(5)])
    labels = [[int((j - i) % 5 == 2) for j in range(5)] for i in range(5)]
    x = random.normal(size=(1, 5, 4))
    np.testing.assert_allclose(layer(x)[0], attended(x[0], weights, 1, 3, labels, ~reached), atol=1e-5)


def test_a_mask_never_leads_out_of_the_support(random):
    mapping = eq.mapping("p -> p where p = C(6)", support=[(0, 0), (0, 1)])
    layer, _ = with_weights(eq.EquivariantAttention(1, 3, mapping), (6, 2), random)
    x, mask = random.normal(size=(1, 6, 2)), np.array([[False, False, True, True, False, False]])
    other = x.copy()
    other[0, 3:] += 10
    # Point 1 has nobody left: neither of the two that its support names is there.
    np.testing.assert_allclose(layer(x, mask=mask)[:, 0], layer(other, mask=mask)[:, 0], atol=1e-6)


def test_an_embedding_adds_the_vector_of_the_orbit(random):
    layer, weights = with_weights(eq.OrbitEmbedding(TWO), (5, 3), random)
    x = random.normal(size=(2, 5, 3))
    expected = x + weights["embeddings"][[0, 0, 0, 1, 1]]
    np.testing.assert_allclose(layer(x), expected, rtol=1e-6)


@pytest.mark.parametrize("mode", ["mean", "sum", "max"])
def test_a_pool_for_each_orbit(mode, random):
    x = random.normal(size=(2, 5, 3))
    expected = np.concatenate([getattr(x[:, points], mode)(axis=1) for points in ORBITS], axis=-1)
    np.testing.assert_allclose(eq.InvariantPool(TWO, mode)(x), expected, rtol=1e-5)
    np.testing.assert_allclose(
        eq.InvariantPool("p where p = S(5)", mode)(x), getattr(x, mode)(axis=1), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("scale", [1, 1e-2])
def test_normalization_of_each_orbit_over_its_points_and_channels(scale, random):
    layer, weights = with_weights(eq.EquivariantNormalization(TWO, epsilon=1e-3), (5, 3), random)
    x = scale * random.normal(size=(2, 5, 3)) + 4
    expected = np.empty_like(x)
    for number, points in enumerate(ORBITS):
        mean = x[:, points].mean(axis=(1, 2), keepdims=True)
        variance = x[:, points].var(axis=(1, 2), keepdims=True)
        expected[:, points] = (x[:, points] - mean) / np.sqrt(variance + 1e-3) * weights["gamma"][number]
        expected[:, points] += weights["beta"][number]
    np.testing.assert_allclose(layer(x), expected, rtol=1e-3, atol=1e-4)


def test_where_signs_flip_normalization_divides_by_the_root_mean_square(random):
    layer, weights = with_weights(eq.EquivariantNormalization("~p where p = S(4)", epsilon=1e-3), (4, 3), random)
    assert list(weights) == ["gamma"]
    x = random.normal(size=(2, 4, 3)) + 1
    expected = x / np.sqrt((x**2).mean(axis=(1, 2), keepdims=True) + 1e-3) * weights["gamma"][0]
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5)


def test_an_orbit_of_one_point_with_one_channel_has_nothing_to_normalize():
    with pytest.raises(eq.DeclarationError) as refused:
        eq.EquivariantNormalization("p + 1 where p = C(2)").build((None, 3, 1))
    assert str(refused.value) == (
        "an orbit of one point with one channel has no variance, so normalization of p + 1 where p = C(2) would answer 0 there "
        "whatever comes: use more channels, or no normalization"
    )
    eq.EquivariantNormalization("p + 1 where p = C(2)").build((None, 3, 2))


H, W = 3, 4
GRID = "h w where h = C(3), w = C(4)"
ON_GRIDS = {
    "dense": lambda: eq.EquivariantDense(3, "h w -> h w where h = C(3), w = C(4)", layout="auto"),
    "pool": lambda: eq.InvariantPool(GRID, "max"),
    "normalization": lambda: eq.EquivariantNormalization(GRID),
    "embedding": lambda: eq.OrbitEmbedding(GRID),
    "attention": lambda: eq.EquivariantAttention(2, 3, GRID),
}


@pytest.mark.parametrize("name", ON_GRIDS)
@pytest.mark.parametrize("lead", [(2,), (2, 5)])
def test_a_grid_stands_for_its_points(name, lead, random):
    layer = ON_GRIDS[name]()
    layer.build((None, H * W, 2))
    x = random.normal(size=(*lead, H, W, 2)).astype("float32")
    flat = layer(x.reshape(*lead, H * W, 2)).numpy()
    found = layer(x)
    np.testing.assert_allclose(np.reshape(found, flat.shape), flat, atol=1e-6)
    assert found.shape == layer.compute_output_shape(x.shape)
    mask = (random.random((*lead, H, 1)) < 0.7) & (random.random((*lead, 1, W)) < 0.7)
    masked = layer(x, mask=mask) if name != "embedding" else layer(x)
    if name != "embedding":
        apart = layer(x.reshape(*lead, H * W, 2), mask=mask.reshape(*lead, H * W)).numpy()
        np.testing.assert_allclose(np.reshape(masked, apart.shape), apart, atol=1e-5)


ALL = {
    **ON_GRIDS,
    "pooled": lambda: eq.EquivariantDense(3, "p -> p where p = S(12)"),
    "gather": lambda: eq.EquivariantDense(3, "p -> p where p = C(12)", lowering="gather"),
    "fourier": lambda: eq.EquivariantDense(3, "p -> p where p = C(12)", lowering="spectral"),
    "isotypic": lambda: eq.EquivariantDense(3, "p -> p where p = D(12)", lowering="spectral"),
    "convolution": lambda: eq.EquivariantDense(
        3,
        eq.mapping("h w -> h w where h = C(3), w = C(4)", support=eq.stencil(1, (3, 4), wrap=True)),
        lowering="local",
    ),
}


@pytest.mark.parametrize("kind", ["int32", "int64", "uint8", "bool"])
@pytest.mark.parametrize("name", ALL)
def test_whole_numbers_are_features_like_any(name, kind, random):
    layer = ALL[name]()
    layer.build((None, 12, 2))
    for weight in layer.weights:
        weight.assign(random.normal(size=weight.shape))
    x = random.integers(0, 2 if kind == "bool" else 9, size=(2, 12, 2)).astype(kind)
    found = layer(keras.ops.convert_to_tensor(x))
    assert found.dtype == "float32"
    np.testing.assert_array_equal(found, layer(x.astype("float32")))


@pytest.mark.parametrize("name", [*ALL, "long fourier"])
def test_no_example_at_all(name):
    long = name == "long fourier"
    layer = eq.EquivariantDense(3, "p -> p where p = C(150)", lowering="spectral") if long else ALL[name]()
    shape = (0, 150 if long else 12, 2)
    assert layer(np.zeros(shape)).shape == layer.compute_output_shape(shape)


@pytest.mark.parametrize("name", [name for name in ALL if name != "pool"])
def test_other_channels_than_it_was_built_for(name):
    layer = ALL[name]()
    layer.build((None, 12, 2))
    with pytest.raises(eq.DeclarationError) as refused:
        layer.call(keras.ops.zeros((1, 12, 1)))
    assert str(refused.value) == "this layer was built for 2 input channels, got 1 in the last axis"
