"""What every layer owes on any backend of Keras; run with KERAS_BACKEND set, in a process of its own, by test_backends.py.

Writes models, weights and answers of every layer to a folder, or reads those that another backend wrote there: each layer
gives the same answers and learns, and is verified (`verify`). JAX compiles every operation of every shape that it meets, so a
quick run (`read`) leaves out the longest and verifies one layer of each kind.
"""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np

import eqgen as eq

LAYERS = {
    "pooled": lambda: eq.EquivariantDense(3, "{p p} -> {p p} where p = S(5)", use_bias=True, activation="tanh"),
    "pooled pairs": lambda: eq.EquivariantDense(3, "p p -> p p where p = S(4)", layout="flat", lowering="pooled"),
    "gather": lambda: eq.EquivariantDense(3, "p -> p where p = C(6)", lowering="gather"),
    "many numbers": lambda: eq.EquivariantDense(3, "p -> p where p = C(12)", lowering="gather"),
    "fourier": lambda: eq.EquivariantDense(3, "p -> p where p = C(9)", lowering="spectral"),
    "long fourier": lambda: eq.EquivariantDense(3, "p -> p where p = C(150)", lowering="spectral"),
    "long fourier beside sums": lambda: eq.EquivariantDense(3, "h p -> h p where h = C(130), p = S(3)", layout="flat"),
    "fourier in two": lambda: eq.EquivariantDense(3, "h w -> h w where h = C(12), w = C(13)", layout="flat"),
    "isotypic": lambda: eq.EquivariantDense(3, "p -> p where p = D(6)", lowering="spectral"),
    "quaternions": lambda: eq.EquivariantDense(3, "p -> p where p = (1 2 3 4)(5 6 7 8), (1 5 3 7)(2 8 4 6)"),
    "convolution": lambda: eq.EquivariantDense(
        3,
        eq.mapping("h w -> h w where h = C(5), w = C(7)", support=eq.stencil(1, (5, 7), wrap=True)),
        layout="flat",
        lowering="local",
    ),
    "neighbours": lambda: eq.EquivariantDense(
        3, eq.mapping("b -> b", b=eq.trace((5, 5), np.rot90), support=eq.stencil(1, (5, 5)))
    ),
    "signs": lambda: eq.EquivariantDense(3, "~p -> ~p where p = S(4)"),
    "scalar": lambda: eq.EquivariantDense(None, "a b b; b a b; b b a"),
    "pool": lambda: eq.InvariantPool("p + 1 where p = S(5)", "max"),
    "normalization": lambda: eq.EquivariantNormalization("p + 1 where p = S(5)"),
    "embedding": lambda: eq.OrbitEmbedding("p + 1 where p = S(5)"),
    "attention": lambda: eq.EquivariantAttention(2, 4, "p where p = C(6)"),
    "terms": lambda: eq.EquivariantTerms("p + 1", ("p", 3), "p = S(5)", use_bias=True, activation="tanh"),
    "recurrent": lambda: eq.EquivariantRNN(
        eq.EquivariantRNNCell(3, "[p p] -> ~p + p where p = S(4)", kind="lstm"), return_sequences=True
    ),
}


VERIFIED_WHEN_READ = ("pooled", "gather", "isotypic", "scalar")
LEFT_OUT_WHEN_READ = ("pooled pairs", "long fourier beside sums", "fourier in two")


def points(layer: keras.layers.Layer) -> int:
    if isinstance(layer, eq.EquivariantTerms):
        return layer.features_in.each[0].space.size
    if isinstance(layer, eq.EquivariantRNN):
        return layer.mapping.input.size
    if not isinstance(layer, eq.EquivariantDense):
        return layer.size
    return layer.program.shape[1]


def model_of(make) -> keras.Model:
    layer = make()
    n = points(layer)
    scalar = isinstance(layer, eq.EquivariantDense) and layer.units is None
    steps = (5,) if isinstance(layer, eq.EquivariantRNN) else ()
    return keras.Sequential([keras.Input((n,) if scalar else (*steps, n, 2)), layer])


def answers(model: keras.Model, features: np.ndarray) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(model(features)))


def network() -> keras.Model:
    """Layers of all kinds, as one file."""
    inputs = keras.Input((6, 2))
    features = inputs
    for layer in (
        eq.EquivariantDense(8, "p -> p where p = C(6)", activation="gelu", name="first"),
        eq.EquivariantNormalization("p where p = C(6)"),
        eq.OrbitEmbedding("p where p = C(6)"),
        eq.EquivariantAttention(2, 4, "p where p = C(6)"),
        keras.layers.Dense(6),
        eq.EquivariantDense(4, "p -> p where p = D(6)", use_bias=True, lowering="spectral", name="last"),
        eq.InvariantPool("p where p = C(6)"),
    ):
        features = layer(features)
    return keras.Model(inputs, features)


def whole_files(folder: Path) -> None:
    """A file of each backend that was here before gives its own answers; this one adds its own."""
    features = np.random.default_rng(3).normal(size=(4, 6, 2)).astype("float32")
    for file in sorted(folder.glob("*.keras")):
        loaded = keras.saving.load_model(file)
        assert np.allclose(answers(loaded, features), np.load(folder / f"{file.stem}.answers.npy"), atol=1e-4), file
        print("file of", file.stem, "read on", keras.backend.backend(), flush=True)
    model = network()
    random = np.random.default_rng(4)
    model.set_weights([random.normal(size=weight.shape).astype("float32") for weight in model.get_weights()])
    model.save(folder / f"{keras.backend.backend()}.keras")
    np.save(folder / f"{keras.backend.backend()}.answers.npy", answers(model, features))


def masks() -> None:
    """Means over what is there, of points and of entries, in a model that is compiled."""
    random = np.random.default_rng(5)
    x, there = random.normal(size=(3, 50, 2)).astype("float32"), np.arange(50) < np.array([[50], [3], [0]])
    x[~there] = np.nan
    theta = random.normal(size=(2, 2, 4)).astype("float32")
    own, total = np.nan_to_num(x), np.nan_to_num(x).sum(axis=1, keepdims=True)
    for name in ("mask", "known"):
        features, which = keras.Input((50, 2)), keras.Input((50,), dtype="bool")
        layer = eq.EquivariantDense(4, "p -> p where p = S(50)")
        model = keras.Model([features, which], layer(features, **{name: which}))
        layer.set_weights([theta])
        others = np.maximum(there.sum(axis=1, keepdims=True) - there, 1)[..., None]
        expected = own @ theta[0] + (total - own) / others @ theta[1]
        expected = np.where(there[..., None], expected, 0) if name == "mask" else expected
        assert np.allclose(model.predict([x, there], verbose=0), expected, atol=1e-5), name
        model.compile("adam", "mse")
        model.fit([x, there], np.zeros(expected.shape), verbose=0)
        assert np.isfinite(layer.get_weights()[0]).all(), name


def sizes(folder: Path) -> None:
    """One model for sets of every size, trained on one and on another, which pads, and is read back."""
    random = np.random.default_rng(6)
    features = keras.layers.Masking()(inputs := keras.Input((None, 3)))
    features = eq.EquivariantDense(4, "p -> {p p} where p = S(n)", activation="tanh")(features)
    model = keras.Model(inputs, eq.EquivariantDense(2, "{p p} -> 1 where p = S(n)", use_bias=True)(features))
    model.compile("adam", "mse")
    for size in (3, 5):
        x = random.normal(size=(8, size, 3)).astype("float32")
        x[0, 2:] = 0
        assert np.isfinite(model.fit(x, np.zeros((8, 1, 2)), verbose=0).history["loss"]).all()
        alone = keras.ops.convert_to_numpy(model(x[:1, :2]))
        assert np.allclose(model.predict(x, verbose=0)[:1], alone, atol=1e-5), size
    model.save(folder / "sizes.keras")
    again = keras.saving.load_model(folder / "sizes.keras")
    (folder / "sizes.keras").unlink()
    assert np.allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-6)


def main(folder: Path, which: str) -> None:
    whole_files(folder)
    if which == "files":
        return
    masks()
    sizes(folder)
    for name, make in LAYERS.items():
        if which == "read" and name in LEFT_OUT_WHEN_READ:
            continue
        keras.utils.set_random_seed(1)
        model = model_of(make)
        features = np.random.default_rng(0).normal(size=(4, *model.input_shape[1:])).astype("float32")
        place = folder / f"{name}.weights.h5"
        if which == "write":
            random = np.random.default_rng(2)
            model.set_weights([random.normal(size=w.shape).astype("float32") for w in model.get_weights()])
            model.save_weights(place)
            np.save(folder / f"{name}.npy", answers(model, features))
            continue
        model.load_weights(place)
        expected = np.load(folder / f"{name}.npy")
        found = answers(model, features)
        assert np.allclose(found, expected, atol=1e-4 * max(1, np.abs(expected).max())), name
        if isinstance(model.layers[0], eq.EquivariantDense) and (which == "verify" or name in VERIFIED_WHEN_READ):
            report = eq.verify(model.layers[0])
            assert report, (name, str(report))
        model.compile("adam", "mse")
        model.fit(features, np.zeros(found.shape), epochs=2, verbose=0)
        assert all(np.isfinite(weight).all() for weight in model.get_weights()), name
        print(name, "holds on", keras.backend.backend(), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
