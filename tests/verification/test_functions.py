"""verify of any callable of arrays, and what assert_equivariant says of one that fails."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import eqgen as eq
from eqgen.testing import assert_equivariant

S5 = "p -> p where p = S(5)"


def cumulative(x):
    return x.cumsum(0)


def centred(x):
    return x - x.mean(0)


MESSAGE = """\
cumulative: p -> p where p = S(5)
  numeric  FAILS    float64, 10 group elements, 46 inputs: largest relative difference 1.1e+00 (tolerance 2.2e-14), under generator 1 of p, (1 2 3 4 5), on inputs: mixed signs at 1e+06
  => NOT VERIFIED
with g = generator 1 of p, (1 2 3 4 5):
  x      = [3. 2. 2. 1. 1.]
  f(g x) = [1. 4. 6. 8. 9.]
  g f(x) = [9. 3. 5. 7. 8.]
  first at point 1 (index 0): f(g x) is 1 and g f(x) is 9"""


def test_the_message_shows_the_generator_the_input_and_the_first_point_that_differs():
    with pytest.raises(AssertionError) as raised:
        assert_equivariant(cumulative, S5)
    assert str(raised.value) == MESSAGE
    # The numbers are those of the function: g takes the feature of point i to point i + 1.
    x = np.array([3, 2, 2, 1, 1.0])
    assert np.array_equal(cumulative(np.roll(x, 1)), [1, 4, 6, 8, 9])
    assert np.array_equal(np.roll(cumulative(x), 1), [9, 3, 5, 7, 8])


def test_points_and_channels_are_named():
    def first(x):
        return np.stack([x, x * (np.arange(6) != 4)], axis=1)

    with pytest.raises(AssertionError) as raised:
        assert_equivariant(first, "{p p} -> {p p} where p = S(4)")
    # The edge {2,4} has index 4; the cycle (1 2 3 4) takes {1,3} to it and it to {1,3}.
    last = str(raised.value).splitlines()[-1]
    assert last == "  first at point {1,3} (index 1, channel 1): f(g x) is 1 and g f(x) is 0"


def test_a_keras_model_that_only_training_breaks_shows_the_difference_that_is_seen_then():
    model = keras.Sequential([keras.Input((5, 2)), keras.layers.BatchNormalization(axis=1)], name="m")
    with pytest.raises(AssertionError) as raised:
        assert_equivariant(model, S5)
    lines = str(raised.value).splitlines()
    assert lines[0] == f"Sequential 'm': {S5}"
    assert lines[-5] == "with g = generator 1 of p, (1 2 3 4 5):"
    assert lines[-4] == "  x      = [[3. 2.] [2. 1.] [1. 0.] [0. 0.] [0. 3.]]"
    assert lines[-1].startswith("  first at point 1 (index 0, channel 0): f(g x) is ")
    assert_equivariant(keras.Sequential([keras.Input((5, 2)), keras.layers.Dense(3)]), S5)


def numpys():
    weights = np.random.default_rng(0).normal(size=(3, 4))
    yield "numpy", centred, S5, None, "float64"
    yield "numpy, a scalar", lambda x: x.max(), "p -> 1 where p = S(5)", None, "float64"
    yield "numpy, channels", lambda x: x @ weights, S5, (5, 3), "float64"
    yield "numpy, a batch", lambda x: x - x.mean(axis=1, keepdims=True), S5, (None, 5, 3), "float64"
    yield "numpy, a grid", lambda x: x + np.roll(x, 1, 1), "h w -> h w where h = C(3), w = C(4)", (3, 4), "float64"
    yield "numpy, single", lambda x: x.astype("float32") - x.astype("float32").mean(), S5, None, "float32"
    yield "numpy, in place", lambda x: np.tanh(x, out=x), "p -> p where p = (1 -2), (2 3)", None, "float64"
    yield (
        "numpy, single within",
        lambda x: np.float64(np.sum(np.sqrt(np.abs(x)).astype("float32") / 3)) + x,
        S5,
        None,
        "float32",
    )
    yield (
        "numpy, a Python number",
        lambda x: float((x.astype("float32") / 3).sum()),
        "p -> 1 where p = S(5)",
        None,
        "float32",
    )
    yield "keras.ops", lambda x: x - keras.ops.max(x), S5, None, "float64"


def jaxes():
    numpy = pytest.importorskip("jax.numpy")
    yield "jax", lambda x: numpy.tanh(x) - numpy.max(x), S5, None, "float32"


def turned():
    """A module that exchanges the last two axes."""
    torch = pytest.importorskip("torch")

    class Turned(torch.nn.Module):
        def forward(self, x):
            return x.transpose(1, 2)

    return Turned()


def torches():
    torch = pytest.importorskip("torch")
    yield "torch", lambda x: torch.relu(x) - torch.max(x), S5, None, "float32"
    yield "torch, a module", torch.nn.Linear(3, 4), S5, (None, 5, 3), "float32"
    yield "torch, double", torch.nn.Linear(3, 4).double(), S5, (5, 3), "float64"
    yield "torch, half", torch.nn.Linear(3, 4).bfloat16(), S5, (None, 5, 3), "float32"
    yield (
        "torch, normalization",
        torch.nn.Sequential(turned(), torch.nn.BatchNorm1d(3), turned()),
        S5,
        (None, 5, 3),
        "float32",
    )
    attention = torch.nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    yield "torch, a transformer", attention, S5, (None, 5, 4), "float32"
    yield "torch, dropout", torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Dropout()), S5, (5, 3), "float32"


@pytest.mark.parametrize("library", [numpys, jaxes, torches])
def test_right_functions_of_every_library_are_verified(library):
    for name, function, declaration, shape, dtype in library():
        report = eq.verify(function, declaration, input_shape=shape)
        assert report, f"{name}: {report}"
        assert report.dtype == dtype, name
        assert not report.difference


def wrong_numpys():
    places = np.arange(5.0)
    yield "sorted", np.sort, S5, None
    yield "a place", lambda x: x + places, S5, None
    yield "a place, channels", lambda x: x + places[:, None], S5, (5, 3)
    yield "turned", lambda x: x[::-1], "p -> p where p = C(5)", None
    yield "turned, a batch", lambda x: x[:, ::-1], "p -> p where p = C(5)", (None, 5)
    yield "signs", np.abs, "p -> p where p = (1 -2)", None
    yield "the first", lambda x: x[0], "p -> 1 where p = S(5)", None
    yield "not a number", lambda x: np.where(np.arange(5) == 2, np.nan, x), S5, None
    yield "alone", lambda x: x + places if len(x) == 1 else x, S5, (None, 5)
    yield "by little", lambda x: x * (1 + 1e-12 * places), S5, None


def wrong_jaxes():
    numpy = pytest.importorskip("jax.numpy")
    yield "jax", numpy.cumsum, S5, None
    yield "jax, by little", lambda x: x * (1 + 1e-6 * numpy.arange(5)), S5, None


def wrong_torches():
    torch = pytest.importorskip("torch")

    class Placed(torch.nn.Module):
        """Adds a number for each point: a weight, or in training alone."""

        def __init__(self, size, training=False):
            super().__init__()
            places = size * torch.arange(5.0)
            self.places = torch.nn.Parameter(places, requires_grad=not training) if not training else None

        def forward(self, x):
            if self.places is None:
                return x + torch.arange(5) if self.training else x * 1
            return x * (1 + self.places)

    yield "torch", lambda x: torch.cumsum(x, 0), S5, None
    yield "a module", torch.nn.Linear(5, 5), S5, None
    yield "by little", lambda x: x * (1 + 1e-6 * torch.arange(5)), S5, None
    yield "half, by little", Placed(1e-4).half(), S5, (None, 5)
    yield "weights that are zero", Placed(0), S5, None
    yield "normalization of points", torch.nn.BatchNorm1d(5), S5, (None, 5, 3)
    yield "in training", Placed(0, training=True), S5, (None, 5)


@pytest.mark.parametrize("library", [wrong_numpys, wrong_jaxes, wrong_torches])
def test_wrong_functions_of_every_library_fail(library):
    for name, function, declaration, shape in library():
        report = eq.verify(function, declaration, input_shape=shape)
        assert not report, name
        assert "=> NOT VERIFIED" in str(report), name
        with pytest.raises(AssertionError):
            assert_equivariant(function, declaration, input_shape=shape)


GRAPH = "p + {p p} -> p where p = S(5)"


def degrees(nodes, edges):
    return nodes.sum(axis=1) + eq.to_adjacency(edges).sum(axis=0)


def test_several_arrays_are_terms_of_the_input_in_order_or_by_name():
    shapes = {"nodes": (5, 3), "edges": (10,)}
    assert eq.verify(degrees, GRAPH, input_shape=list(shapes.values()))
    assert eq.verify(degrees, GRAPH, input_shape=shapes)

    def wrong(nodes, edges):
        return degrees(nodes, edges[::-1])

    assert not eq.verify(wrong, GRAPH, input_shape=shapes)
    with pytest.raises(eq.DeclarationError) as raised:
        eq.verify(degrees, "p -> p where p = S(5)", input_shape=shapes)
    assert str(raised.value) == (
        "degrees has 2 inputs, and the input of p -> p where p = S(5) is a sum of 1 term: declare one term for each input"
    )


def test_several_answers_have_a_declaration_each():
    declared = [S5, "p -> 1 where p = S(5)"]
    assert eq.verify(lambda x: (np.tanh(x), x.max()), declared)
    assert eq.verify(lambda x: {"each": np.tanh(x), "all": x.max()}, {"all": declared[1], "each": S5})
    with pytest.raises(AssertionError) as raised:
        assert_equivariant(lambda x: (np.tanh(x), x[0]), declared)
    lines = str(raised.value).splitlines()
    assert lines[1].startswith("  numeric, output 1  holds ")
    assert lines[2].startswith("  numeric, output 2  FAILS ")
    assert lines[4] == "output 2, with g = generator 1 of p, (1 2 3 4 5):"
    with pytest.raises(eq.DeclarationError) as missing:
        eq.verify(lambda x: (x,), declared)
    assert str(missing.value) == (
        "<lambda> answers a tuple without output 1: give a declaration for each output, in a list, or by name in a dict"
    )


def test_time_is_an_axis_of_keras_models():
    with pytest.raises(eq.DeclarationError) as raised:
        eq.verify(np.tanh, S5, time_axis=1)
    assert (
        str(raised.value) == "time_axis is for Keras layers and models: a function is given arrays of its input_shape"
    )


def test_the_parts_of_a_module_are_in_their_own_modes_afterwards():
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.Dropout())
    module[1].eval()
    assert eq.verify(module, S5)
    assert [part.training for part in module.modules()] == [True, True, False]


def test_what_cannot_be_told_is_no_success():
    with pytest.raises(AssertionError, match=r"nothing is shown\n  => UNDECIDED$"):
        assert_equivariant(np.zeros_like, S5)


def test_a_function_that_takes_another_shape_is_told_how_to_say_so():
    with pytest.raises(IndexError) as raised:
        eq.verify(lambda x: x[0, 0], S5)
    assert raised.value.__notes__ == [
        "eqgen gave the function a numpy array of shape (5,); where it takes another one, say so, as in input_shape=(5, 3) for 5 "
        "points with 3 channels, or input_shape=(None, 5, 3) for a batch of such"
    ]


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (3, {}, "verify takes a Keras layer or model, or a function of arrays, got int"),
        (dict, {}, "verify takes a Keras layer or model, or a function of arrays, got the class dict: make one first"),
        (cumulative, {"declaration": None}, 'cumulative carries no declaration: say what it should be equivariant to, as in verify(f, "p -> p where p = S(5)")'),
        (cumulative, {"input_shape": (4, 3)}, "input_shape=(4, 3) is no shape of features of p -> p where p = S(5): write (5,) or (5, channels), with None in front, (None, 5), for a function that takes a batch"),
        (np.sum, {}, "sum answers one example in shape (), p -> p where p = S(5) needs (5,) or (5, channels)"),
        (lambda x: (x, x), {}, "<lambda> has several outputs: give a declaration for each, in a list, or by name in a dict"),
        (np.emath.sqrt, {}, "sqrt answers in complex128: verify compares real numbers"),
    ],
)  # fmt: skip
def test_mistakes_are_told_in_a_sentence(function, options, message):
    with pytest.raises(eq.DeclarationError) as raised:
        eq.verify(function, **{"declaration": S5, **options})
    assert str(raised.value) == message


def test_what_stands_beside_what_is_not_a_number_is_compared():
    declaration = "p -> p where p = S(5)"
    with np.errstate(invalid="ignore"):
        beside = eq.verify(lambda x: np.sqrt(x) + np.arange(5) * min(x.min(), 0), declaration)
        infinite = eq.verify(lambda x: np.stack([x, np.where(np.arange(5) > 2, np.inf, -np.inf)], axis=-1), declaration)
    assert (beside.verdict, infinite.verdict) == ("NOT VERIFIED", "NOT VERIFIED")


def test_half_precision_that_cannot_be_made_finer_is_left_open():
    report = eq.verify(lambda x: (x * (1 + 1e-4 * np.arange(5))).astype("float16"), S5)
    assert report.verdict == "UNDECIDED"
    assert report.checks[0].evidence.endswith(
        "float16 hides what is smaller, and it cannot be made again: let it compute in float32"
    )


def test_a_module_is_as_it_was_afterwards():
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch.nn.Linear(5, 5), torch.nn.BatchNorm1d(5)).train()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    eq.verify(module, S5, input_shape=(None, 5, 5))
    assert module.training
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())


def test_a_module_that_is_not_trained_any_further_is_judged_by_its_weights():
    torch = pytest.importorskip("torch")
    report = eq.verify(torch.nn.BatchNorm1d(5).eval(), S5, input_shape=(None, 5, 3), training=False)
    assert report
    assert [check.name for check in report.checks] == ["numeric"]


def test_a_failure_in_half_precision_shows_its_first_point():
    report = eq.verify(
        lambda features: (features * (1 + 0.05 * np.arange(5))).astype(np.float16), "p -> p where p = S(5)"
    )
    assert report.verdict == "NOT VERIFIED"
    assert report.difference.startswith("with g = generator 1 of p, (1 2 3 4 5):\n")
