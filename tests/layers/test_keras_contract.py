"""What Keras asks of its own layers: config, shapes, precision, freezing, cloning, pickling, exports, the same bits twice."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import eqgen as eq
from eqgen.common.errors import DeclarationError

LAYERS = {
    "pooled": lambda **o: eq.EquivariantDense(3, "p -> p where p = S(6)", use_bias=True, activation="relu", **o),
    "gather": lambda **o: eq.EquivariantDense(3, "p -> p where p = C(6)", lowering="gather", **o),
    "spectral": lambda **o: eq.EquivariantDense(3, "p -> p where p = C(6)", lowering="spectral", **o),
    "local": lambda **o: eq.EquivariantDense(
        3, eq.mapping("p -> p where p = C(6) support 1 <- 1, 1 <- 2"), lowering="local", **o
    ),
    "pool": lambda **o: eq.InvariantPool("p where p = C(6)", "max", **o),
    "normalization": lambda **o: eq.EquivariantNormalization("p where p = (1 2 3)(4 5 6)", **o),
    "embedding": lambda **o: eq.OrbitEmbedding("p where p = (1 2 3)(4 5 6)", **o),
    "attention": lambda **o: eq.EquivariantAttention(2, 4, "p where p = C(6)", **o),
}
SHAPE = (6, 2)

every_layer = pytest.mark.parametrize("name", LAYERS)


def features(count: int = 4) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, *SHAPE)).astype("float32")


def model_of(name: str, **options) -> keras.Model:
    model = keras.Sequential([keras.Input(SHAPE), LAYERS[name](**options)])
    random = np.random.default_rng(1)
    model.set_weights([random.normal(size=w.shape).astype(w.dtype) for w in model.get_weights()])
    return model


@every_layer
def test_config_and_shapes(name):
    layer = LAYERS[name](name="kept")
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert again.name == "kept"
    model = model_of(name)
    answer = model(features())
    assert model.output_shape == (None, *answer.shape[1:])
    assert layer.compute_output_shape((None, *SHAPE)) == model.output_shape
    assert layer.compute_output_shape((7, *SHAPE)) == (7, *answer.shape[1:])
    assert keras.ops.shape(LAYERS[name]()(keras.Input(SHAPE))) == model.output_shape


@pytest.mark.slow
@every_layer
@pytest.mark.parametrize("policy", ["float16", "bfloat16", "mixed_float16", "mixed_bfloat16", "float64"])
def test_every_precision(name, policy):
    model, exact = model_of(name, dtype=policy), model_of(name, dtype="float64")
    answer = model(features())
    policy_ = keras.DTypePolicy(policy)
    assert answer.dtype == policy_.compute_dtype
    assert {weight.dtype for weight in model.weights} <= {policy_.variable_dtype}
    eps = {"float64": 2**-52, "float16": 2**-10, "bfloat16": 2**-7}[policy_.compute_dtype]
    expected = exact(features().astype("float64")).numpy()
    assert np.allclose(tf.cast(answer, "float64"), expected, rtol=0, atol=40 * eps * max(1, np.abs(expected).max()))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")
@every_layer
@pytest.mark.parametrize("jit", [False, True])
def test_training_inference_and_freezing(name, jit):
    model = model_of(name)
    assert np.array_equal(model(features(), training=True), model(features(), training=False))
    model.compile("sgd", "mse", jit_compile=jit)
    target = np.zeros(model.compute_output_shape((8, *SHAPE)))
    before = model.get_weights()
    model.trainable = False
    model.compile("sgd", "mse", jit_compile=jit)
    model.fit(features(8), target, verbose=0)
    assert all(np.array_equal(one, other) for one, other in zip(before, model.get_weights(), strict=True))
    assert not model.trainable_variables
    model.trainable = True
    model.compile("sgd", "mse", jit_compile=jit)
    model.fit(features(8), target, verbose=0)
    assert len(before) == 0 or any(
        not np.array_equal(one, other) for one, other in zip(before, model.get_weights(), strict=True)
    )


@every_layer
def test_cloning_pickling_and_files(name, tmp_path):
    model = model_of(name)
    answer = model(features()).numpy()
    cloned = keras.models.clone_model(model)
    cloned.set_weights(model.get_weights())
    assert np.array_equal(cloned(features()), answer)
    assert np.array_equal(pickle.loads(pickle.dumps(model))(features()), answer)
    model.save(tmp_path / "model.keras")
    assert np.array_equal(keras.models.load_model(tmp_path / "model.keras")(features()), answer)
    model.save_weights(tmp_path / "model.weights.h5")
    fresh = keras.Sequential([keras.Input(SHAPE), LAYERS[name]()])
    fresh.load_weights(tmp_path / "model.weights.h5")
    assert np.array_equal(fresh(features()), answer)


def whole() -> keras.Model:
    """All kinds of layers, one after the other."""
    inputs = keras.Input(SHAPE)
    found = inputs
    for name in ("pooled", "gather", "spectral", "local", "normalization", "embedding", "attention", "pool"):
        found = LAYERS[name]()(found)
    return keras.Model(inputs, found)


@pytest.mark.slow
def test_a_saved_model_is_served_without_eqgen(tmp_path):
    model = whole()
    model.export(tmp_path / "served", verbose=False)
    np.save(tmp_path / "features.npy", features())
    code = (
        "import sys, numpy, tensorflow as tf\n"
        "served = tf.saved_model.load('served')\n"
        "numpy.save('answers.npy', served.serve(numpy.load('features.npy')))\n"
        "assert 'eqgen' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    assert np.allclose(np.load(tmp_path / "answers.npy"), model(features()), atol=1e-6)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
def test_tflite_runs_the_gather(tmp_path):
    model = keras.Sequential(
        [
            keras.Input(SHAPE),
            eq.EquivariantDense(3, "p -> p where p = C(6)", lowering="gather"),
            eq.EquivariantNormalization("p where p = C(6)"),
            eq.EquivariantDense(3, "p -> p where p = S(6)"),
            eq.EquivariantAttention(2, 4, "p where p = C(6)"),
            eq.InvariantPool("p where p = S(6)"),
        ]
    )
    model.export(tmp_path / "served", verbose=False)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "served"))
    interpreter = tf.lite.Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    into, out = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    for example in features():
        interpreter.set_tensor(into, example[None])
        interpreter.invoke()
        assert np.allclose(interpreter.get_tensor(out), model(example[None]), atol=1e-5)


def test_gradient_checkpointing_gives_the_same_gradient():
    model = model_of("pooled")

    def gradient(function):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(function(tf.constant(features())) ** 2)
        return tape.gradient(loss, [weight.value for weight in model.trainable_weights])

    plain, again = gradient(model), gradient(tf.recompute_grad(model))
    for one, other in zip(plain, again, strict=True):
        assert np.allclose(one, other)


@pytest.mark.slow(sample=0)
def test_the_same_bits_twice():
    code = (
        "import keras, numpy, tensorflow as tf, eqgen as eq, hashlib\n"
        "keras.utils.set_random_seed(3)\n"
        "tf.config.experimental.enable_op_determinism()\n"
        "model = eq.network('p p -> p p where p = S(5)', [8, 8], head='invariant')\n"
        "model.compile('adam', 'mse')\n"
        "random = numpy.random.default_rng(0)\n"
        "model.fit(random.normal(size=(32, 25, 1)), random.normal(size=(32, 2)), epochs=2, verbose=0)\n"
        "print(hashlib.sha256(b''.join(w.tobytes() for w in model.get_weights())).hexdigest())\n"
    )
    found = {
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    }
    assert len(found) == 1


def test_a_file_whose_orbits_differ_is_refused():
    config = LAYERS["gather"]().get_config()
    config["declaration"] = "p -> p where p = S(6)"
    with pytest.raises(DeclarationError) as refused:
        eq.EquivariantDense.from_config({**config, "name": "old"})
    saved, now = config["fingerprint"], eq.EquivariantDense(3, "p -> p where p = S(6)").get_config()["fingerprint"]
    assert str(refused.value) == (
        f"layer 'old' was saved with the orbits {saved}, and p -> p where p = S(6) now has the orbits {now}: its weights would go "
        "to other entries; load it with the eqgen that saved it, or put back its declaration, if that was changed"
    )


POINT_LAYERS = {
    "dense": lambda text: eq.EquivariantDense(3, f"p -> p where p = {text}", name="old"),
    "attention": lambda text: eq.EquivariantAttention(2, 3, f"p where p = {text}", name="old"),
    "normalization": lambda text: eq.EquivariantNormalization(f"p where p = {text}", name="old"),
    "embedding": lambda text: eq.OrbitEmbedding(f"p where p = {text}", name="old"),
    "pool": lambda text: eq.InvariantPool(f"p where p = {text}", name="old"),
}


@pytest.mark.parametrize("kind", POINT_LAYERS)
def test_every_saved_layer_carries_a_fingerprint_and_is_refused_with_other_orbits(kind):
    make = POINT_LAYERS[kind]
    saved, other = make("(1 2 3)(4)").get_config(), make("(1 2 4)(3)").get_config()
    layer = type(make("S(4)")).from_config(saved)
    assert layer.get_config() == saved
    with pytest.raises(DeclarationError) as refused:
        type(layer).from_config({**saved, "declaration": other["declaration"]})
    arrow = "p -> p" if kind == "dense" else "p"
    assert str(refused.value) == (
        f"layer 'old' was saved with the orbits {saved['fingerprint']}, and {arrow} where p = (1 2 4) now has the orbits "
        f"{other['fingerprint']}: its weights would go to other entries; load it with the eqgen that saved it, or put back its "
        "declaration, if that was changed"
    )
    # Layers of earlier versions have none.
    type(layer).from_config({name: value for name, value in saved.items() if name != "fingerprint"})


@pytest.mark.parametrize("kind", ["dense", "attention"])
@pytest.mark.parametrize("other", ["(1 2)(3 4), (1 3)(2 4)", "(1 3 2 4)", "(1 2 -3 4)"])
def test_orbits_of_one_shape_and_rank_are_told_apart(kind, other):
    make = POINT_LAYERS[kind]
    if kind == "attention" and "-" in other:
        return
    with pytest.raises(DeclarationError, match="was saved with the orbits"):
        type(make("C(4)")).from_config(
            {**make("C(4)").get_config(), "declaration": make(other).get_config()["declaration"]}
        )


def test_a_bias_on_other_outputs_is_told_apart():
    """Signs force all pairs to zero in both, so that the bias alone is left."""
    one, other = (
        eq.EquivariantDense(1, f"q p -> p where p = {text}, q = (1 -1)", use_bias=True)
        for text in ("C(4)", "S(2) * S(2)")
    )
    assert one.rank == other.rank == 0
    with pytest.raises(DeclarationError, match="was saved with the orbits"):
        type(one).from_config({**one.get_config(), "declaration": other.get_config()["declaration"]})


def test_the_fingerprint_of_an_earlier_version_is_read():
    # As version 0.1 wrote it for p -> p where p = C(4): first pairs and row sizes, which say nothing of the other rows.
    pairs, sizes = np.array([[0, 0], [0, 1], [0, 2], [0, 3]], dtype="<i8"), np.ones(4, dtype="<i8")
    written = hashlib.sha256(b"4 x 4, 4" + pairs.tobytes() + sizes.tobytes()).hexdigest()[:16]
    config = POINT_LAYERS["dense"]("C(4)").get_config()
    assert len(config["fingerprint"]) == 32
    eq.EquivariantDense.from_config({**config, "fingerprint": written})
    with pytest.raises(DeclarationError, match=f"was saved with the orbits {written}, and "):
        eq.EquivariantDense.from_config({**config, "fingerprint": written, "declaration": "p -> p where p = S(4)"})


@pytest.mark.parametrize("saved", ["", 5, [], {}, True, "0" * 10**6, ["a"] * 10**6])
def test_what_is_no_fingerprint_is_refused_on_one_line(saved):
    config = POINT_LAYERS["dense"]("C(4)").get_config()
    with pytest.raises(DeclarationError, match="was saved with the orbits ") as refused:
        eq.EquivariantDense.from_config({**config, "fingerprint": saved})
    assert len(str(refused.value)) < 500
