"""Layers for every size: one kernel, and the answers of brute force for each."""

from __future__ import annotations

import warnings
from fractions import Fraction

import keras
import numpy as np
import pytest

import eqgen as eq
from eqgen.orbitals.orbit_family import Growth
from helpers.brute_force import brute_force, space
from helpers.mistakes import mistake

DECLARED = ["p -> p", "p -> 1", "{p p} -> {p p}", "{p p} -> p", "p -> <p p>", "p p -> p p", "p p + p + 1 -> p", "[p p] -> [p p]", "[p p] -> p", "~p -> ~p", "{p p} + 1 -> {p p} + 1"]  # fmt: skip


def numbers(*shape):
    return np.random.default_rng(len(shape)).normal(size=shape).astype("float32")


def expected(sides, size, features, kernel, aggregation, stable_size=6):
    """The answer by its definition: each parameter times the signed mean, or sum, of the entries of its orbit in the row."""
    stable = brute_force(sides, stable_size, "S")[0]
    left, right = (side.strip() for side in sides.split("->"))
    inputs, outputs = space(left, size), space(right, size)
    answers = np.zeros((len(features), len(outputs), kernel.shape[2]))
    for row, output in enumerate(outputs):
        for orbit in range(len(kernel)):
            entries = [
                (column, stable[output, input_][1])
                for column, input_ in enumerate(inputs)
                if stable[output, input_] in ((orbit, 1), (orbit, -1))
            ]
            total = sum(
                (sign * features[:, column] for column, sign in entries), np.zeros((len(features), features.shape[2]))
            )
            answers[:, row] += total @ kernel[orbit] / (max(1, len(entries)) if aggregation == "mean" else 1)
    return answers


@pytest.mark.parametrize("aggregation", ["mean", "sum"])
@pytest.mark.parametrize("sides", DECLARED)
def test_one_kernel_gives_the_answers_of_brute_force_for_every_size(sides, aggregation):
    layer = eq.EquivariantDense(2, f"{sides} where p = S(n)", aggregation=aggregation)
    layer.build((None, None, 3))
    kernel = np.asarray(layer.kernel)
    for size in range(1, 6):
        points = len(space(sides.split("->")[0], size))
        features = numbers(2, points, 3)
        sizes = {"n": size} if points < 2 else None
        answers = np.asarray(layer(features, sizes=sizes))
        assert answers.shape == (2, len(space(sides.split("->")[1], size)), 2)
        assert np.allclose(answers, expected(sides, size, features, kernel, aggregation), atol=1e-5)


def test_a_set_of_any_size_with_biases_and_without_points():
    layer = eq.EquivariantDense(4, "p -> p where p = S(n)", use_bias=True, bias_initializer="ones")
    for size in (5, 1, 9):
        x = numbers(2, size, 3)
        answers = np.asarray(layer(x))
        a, b = np.asarray(layer.kernel)
        others = (x.sum(1, keepdims=True) - x) / max(1, size - 1)
        assert np.allclose(answers, x @ a + others @ b + 1, atol=1e-5)
    assert layer(numbers(2, 0, 3)).shape == (2, 0, 4)
    pooled = eq.EquivariantDense(4, "p -> 1 where p = S(n)", use_bias=True, bias_initializer="ones")
    assert np.array_equal(pooled(numbers(2, 0, 3)), np.ones((2, 1, 4)))
    edges = eq.EquivariantDense(4, "{p p} + p -> p where p = S(n)")
    x = numbers(2, 1, 3)
    assert np.allclose(edges(x), x @ np.asarray(edges.kernel)[2], atol=1e-5)


def test_each_size_is_planned_once_whatever_the_batch(monkeypatch):
    layer = eq.EquivariantDense(4, "p -> p where p = S(n)")
    planned = []
    monkeypatch.setattr(layer, "planned", lambda found, channels: planned.append(found.shape) or eq.program(found))
    for batch, size in ((2, 5), (7, 5), (2, 6), (1, 5), (3, 6)):
        assert layer(numbers(batch, size, 3)).shape == (batch, size, 4)
    assert layer(numbers(5, 3)).shape == (5, 4)
    assert planned == [(5, 5), (6, 6), (5, 5)]
    monkeypatch.setattr("eqgen.layers.sized.MOST_PLANS", 3)
    layer(numbers(1, 7, 3))
    layer(numbers(1, 5, 3))
    assert planned[3:] == [(7, 7), (5, 5)]


def test_tables_of_any_size_come_as_grids_or_with_their_sizes():
    layer = eq.EquivariantDense(2, "r c -> r c where r = S(n), c = S(m)")
    x = numbers(2, 3, 4, 5)
    answers = np.asarray(layer(x))
    assert answers.shape == (2, 3, 4, 2)
    flat = layer(x.reshape(2, 12, 5), sizes={"n": 3, "m": 4})
    assert np.allclose(flat, answers.reshape(2, 12, 2), atol=1e-6)
    assert np.allclose(layer(x.reshape(2, 12, 5), sizes={"n": 3}), flat, atol=1e-6)
    fixed = eq.EquivariantDense(2, "r c -> r c where r = S(3), c = S(4)")
    fixed.build((None, 12, 5))
    fixed.kernel.assign(layer.kernel)
    assert np.allclose(fixed(x), answers, atol=1e-6)
    told = eq.EquivariantDense(2, "1 -> p where p = S(n)", sizes={"n": 4})
    assert told(numbers(2, 1, 3)).shape == (2, 4, 2)
    assert told.compute_output_shape((None, 1, 3)) == (None, 4, 2)
    square = eq.EquivariantDense(2, "p p -> p p where p = S(n)")
    assert square.compute_output_shape((None, None, None, 1)) == (None, None, None, 2)
    assert square(numbers(2, 9, 1)).shape == (2, 9, 2)
    assert square(numbers(2, 9, 9, 1)).shape == (2, 9, 9, 2)
    with_column = eq.EquivariantDense(None, "p q -> p where p = S(n), q = C(3)")
    assert with_column(numbers(2, 12)).shape == (2, 4)
    assert with_column(numbers(2, 4, 3)).shape == (2, 4)


@pytest.mark.slow(sample=4)
@pytest.mark.parametrize("aggregation", ["mean", "sum"])
@pytest.mark.parametrize("sides", DECLARED)
def test_a_fixed_layer_takes_the_weights_of_one_for_every_size_and_back(sides, aggregation):
    signed = "~" in sides or "[" in sides
    layer = eq.EquivariantDense(
        2, f"{sides} where p = S(n)", aggregation=aggregation, use_bias=not signed, bias_initializer="normal"
    )
    layer.build((None, None, 3))
    for size in (2, 3, 6):
        if signed and size == 2:
            continue
        fixed = layer.at(n=size)
        assert type(fixed) is eq.EquivariantDense
        assert fixed.mapping == eq.mapping(f"{sides} where p = S({size})")
        x = numbers(2, fixed.mapping.input.size, 3)
        given = {"n": size}
        assert np.allclose(layer(x, sizes=given), fixed(x), atol=1e-6)
        other = eq.EquivariantDense(2, f"{sides} where p = S(n)", aggregation=aggregation, use_bias=not signed)
        other.build((None, None, 3))
        kept = np.asarray(other.kernel)
        other.take(fixed)
        assert np.allclose(other(x, sizes=given), fixed(x), atol=1e-6)
        labels = abs(eq.orbits(layer.mapping).stable_labels(fixed.orbits, given)) - 1
        empty = np.setdiff1d(np.arange(layer.rank), labels)
        assert np.array_equal(np.asarray(other.kernel)[empty], kept[empty])
        fixed.kernel.assign(np.zeros(fixed.kernel.shape))
        fixed.take(layer)
        assert np.allclose(layer(x, sizes=given), fixed(x), atol=1e-6)


def test_few_points_with_signs_have_more_orbits_and_at_says_so():
    layer = eq.EquivariantDense(2, "~p -> ~p where p = A(n)")
    layer.build((None, None, 1))
    fixed = layer.at(n=3)  # three orbits, of which two are one for more points
    assert (layer.rank, fixed.rank) == (2, 3)
    x = numbers(2, 3, 1)
    assert np.allclose(layer(x), fixed(x), atol=1e-6)
    plan = layer.sized.plan((2, 3, 1))
    assert mistake(lambda: plan.of_present(None, x, layer.kernel, None, "float32")) == (
        "~p -> ~p where p = A(3) has more orbits than larger sizes have, and no means of what is there: give no masks"
    )
    fixed.kernel.assign(np.arange(6.0).reshape(3, 1, 2))
    assert mistake(lambda: layer.take(fixed)) == (
        f"{fixed.name!r} gives no weights for every size: these weights tell apart what is alike for every size, or use what is not there"
    )
    twisted = eq.EquivariantDense(2, "p + ~p -> p where p = S(n)")
    twisted.build((None, None, 1))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        fixed = twisted.at(n=2)
    message = "p + ~p -> p where p = S(n) has for n = 2 2 orbits that larger sizes have not: their weights are 0"
    assert message in [str(warning.message) for warning in told]
    x = numbers(2, 4, 1)
    assert np.allclose(np.asarray(twisted(x)), np.asarray(fixed(x)), atol=1e-6)


def test_it_is_verified_and_a_wrong_one_is_not(monkeypatch):
    report = eq.verify(eq.EquivariantDense(2, "r c -> r where r = S(n), c = S(m)", use_bias=True))
    assert report
    assert [check.name for check in report.checks] == [
        "invariant",
        "complete",
        "n = 1, m = 1",
        "n = 2, m = 2",
        "n = 4, m = 4",
    ]
    scalar = eq.EquivariantDense(None, "{p p} -> p where p = S(n)")
    scalar.build((None, 10))
    assert eq.verify(scalar)
    assert eq.verify(eq.EquivariantDense(2, "p p -> p p where p = S(n)", layout="grid"))
    # It adds up other rows than it says.
    growths = list(scalar.orbits.row_growths)
    broken = eq.EquivariantDense(2, "{p p} -> p where p = S(n)")
    object.__setattr__(broken.orbits, "row_growths", [Growth(Fraction(2), ())] * len(growths))
    assert eq.verify(broken).verdict == "NOT VERIFIED"
    assert eq.verify(scalar, "{p p} -> p where p = S(6)")


@pytest.mark.slow(sample=0)
def test_a_model_of_any_size_is_held_to_a_declaration_with_letters():
    layers = [
        eq.EquivariantDense(3, "p -> p where p = S(n)", activation="tanh"),
        eq.EquivariantDense(1, "p -> 1 where p = S(n)"),
    ]
    model = keras.Sequential([keras.Input((None, 2)), *layers])
    report = eq.verify(model, "p -> 1 where p = S(n)")
    assert report, str(report)
    assert report.declaration == "p -> 1 where p = S(n), at 3 sizes"
    wrong = eq.verify(
        keras.Sequential([keras.Input((None, 2)), keras.layers.Conv1D(2, 2, padding="same")]), "p -> p where p = S(n)"
    )
    assert wrong.verdict == "NOT VERIFIED"


def test_teams_of_any_size():
    layer = eq.EquivariantDense(2, "p -> p where p = wreath(S(n), S(m))", use_bias=True, bias_initializer="ones")
    layer.build((None, 12, 3))
    assert eq.verify(layer)
    own, mates, others = np.asarray(layer.kernel)
    for inner, outer in ((3, 4), (2, 2), (5, 1), (1, 3)):
        x = numbers(2, inner * outer, 3)
        teams = x.reshape(2, outer, inner, 3)
        team, everyone = teams.sum(2, keepdims=True), teams.sum((1, 2), keepdims=True)
        wanted = (
            teams @ own
            + (team - teams) @ mates / max(1, inner - 1)
            + (everyone - team) @ others / max(1, inner * (outer - 1))
            + 1
        )
        sizes = {"n": inner, "m": outer}
        assert np.allclose(layer(x, sizes={"n": inner}), wanted.reshape(2, inner * outer, 2), atol=1e-5)
        fixed = layer.at(**sizes)
        assert np.allclose(layer(x, sizes=sizes), fixed(x), atol=1e-6)
    other = eq.EquivariantDense(2, "p -> p where p = wreath(S(n), S(m))", use_bias=True)
    other.build((None, 12, 3))
    other.take(layer.at(n=3, m=4))
    assert np.allclose(other.kernel, layer.kernel, atol=1e-6)
    assert mistake(lambda: layer.compute_output_shape((None, 12, 3))) == (
        'features of shape (batch, 12, 3) do not tell the size n of p -> p where p = wreath(S(n), S(m)): give sizes={"n": ...}'
    )
    assert mistake(layer.sized.maps.refuse_blocks) == (
        "p -> p where p = wreath(S(n), S(m)) needs features of known shapes, and they are traced without: give batches of one size"
    )


def test_it_is_saved_and_loaded(tmp_path):
    model = keras.Sequential(
        [
            keras.Input((None, 3)),
            eq.EquivariantDense(4, "p -> p where p = S(n)", activation="relu"),
            eq.EquivariantDense(1, "p -> 1 where p = S(n)", use_bias=True),
        ]
    )
    assert model.output_shape == (None, 1, 1)
    model.save(tmp_path / "any.keras")
    again = keras.models.load_model(tmp_path / "any.keras")
    for size in (2, 7):
        x = numbers(2, size, 3)
        assert np.array_equal(model(x), again(x))
    layer = again.layers[0]
    assert layer.get_config() == model.layers[0].get_config()
    assert layer.get_config()["declaration"] == "p -> p where p = S(n)"
    told = eq.EquivariantDense(2, "r c -> r where r = S(n), c = S(m)", sizes={"m": 5})
    assert eq.EquivariantDense.from_config(told.get_config()).sizes == {"m": 5}
    tampered = {**layer.get_config(), "declaration": "p -> 1 where p = S(n)"}
    assert "was saved with the orbits" in mistake(lambda: eq.EquivariantDense.from_config(tampered))


@pytest.mark.parametrize(("sides", "theirs"), [("p p -> 1", lambda x: np.trace(x, axis1=1, axis2=2)[:, None]), ("p p -> p", lambda x: np.diagonal(x, axis1=1, axis2=2)), ("p p -> p p", lambda x: (x + x.transpose(0, 2, 1)) / 2)])  # fmt: skip
def test_what_is_fitted_at_four_is_exact_at_fifteen(sides, theirs):
    """Levin and Diaz, "Any-dimensional equivariant neural networks", 2023: trace, diagonal and symmetric part of matrices."""
    random = np.random.default_rng(0)
    layer = eq.EquivariantDense(None, f"{sides} where p = S(n)", layout="grid", dtype="float64")
    layer.build((None, None, None))

    def answers(kernel, x):
        layer.kernel.assign(kernel)
        return np.asarray(layer(x)).ravel()

    x = random.normal(size=(64, 4, 4))
    columns = np.stack([answers(unit, x) for unit in np.eye(layer.rank)], axis=1)
    kernel = np.linalg.lstsq(columns, theirs(x).ravel(), rcond=None)[0]
    x = random.normal(size=(8, 15, 15))
    assert np.mean((answers(kernel, x) - theirs(x).ravel()) ** 2) < 1e-24


def test_gradients_are_finite_where_orbits_are_empty():
    import tensorflow as tf

    layer = eq.EquivariantDense(2, "{p p} + p -> p where p = S(n)", use_bias=True)
    layer.build((None, None, 3))
    for size in (0, 1, 2):
        x = tf.constant(numbers(2, size + size * (size - 1) // 2, 3))
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(layer(x) ** 2)
        for gradient in tape.gradient(
            loss, [x, *(each.value for each in layer.trainable_variables)], unconnected_gradients="zero"
        ):
            assert np.isfinite(gradient).all()


@pytest.mark.parametrize("sides", ["p -> p", "p -> 1", "{p p} -> p", "p p -> p p", "{p p} + p -> {p p} + p"])
def test_an_example_padded_to_any_size_answers_as_alone(sides):
    layer = eq.EquivariantDense(2, f"{sides} where p = S(n)", layout="flat")
    for size, padded in ((2, 5), (3, 4)):
        small, large = (eq.mapping(f"{sides} where p = S({number})") for number in (size, padded))
        x = numbers(1, small.input.size, 3)
        wide, mask = eq.pad([x[0]], large)
        alone = np.asarray(layer(x, sizes={"n": size}))[0]
        answers = np.asarray(layer(wide, mask=mask, sizes={"n": padded}))[0]
        kept = [large.output.index(point) for point in small.output.points]
        assert np.allclose(answers[kept], alone, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: eq.EquivariantDense(2, "p p -> p where p = S(n)")(numbers(2, 2, 9, 9, 3)), 'features of shape (2, 2, 9, 9, 3) of p p -> p where p = S(n) may be flat or a grid, behind several batch axes: say layout="flat" or layout="grid"'),
        (lambda: eq.EquivariantDense(2, "p p -> p where p = S(n)")(numbers(2, 8, 3)), "features of p p -> p where p = S(n) have the shape (..., p p, channels) or (..., p, p, channels), and (2, 8, 3) is that for no n"),
        (lambda: eq.EquivariantDense(2, "p p -> p where p = S(n)", layout="grid")(numbers(2, 3, 4, 1)), "features of p p -> p where p = S(n) have the shape (..., p, p, channels), and (2, 3, 4, 1) is that for no n"),
        (lambda: eq.EquivariantDense(2, "{p p} -> p where p = S(n)")(numbers(2, 5, 3)), "features of {p p} -> p where p = S(n) have the shape (..., {p p}, channels), and (2, 5, 3) is that for no n"),
        (lambda: eq.EquivariantDense(2, "{p p} -> p where p = S(n)").compute_output_shape((2, 0, 3)), 'features of shape (2, 0, 3) do not tell the size n of {p p} -> p where p = S(n): give sizes={"n": ...}'),
        (lambda: eq.EquivariantDense(2, "r c -> r where r = S(n), c = S(m)").compute_output_shape((2, 12, 3)), 'features of shape (2, 12, 3) do not tell the size n of r c -> r where r = S(n), c = S(m): give sizes={"n": ...}, or features on a grid'),
        (lambda: eq.EquivariantDense(2, "1 -> p where p = S(n)").compute_output_shape((2, 1, 3)), 'features of shape (2, 1, 3) do not tell the size n of 1 -> p where p = S(n): give sizes={"n": ...}'),
        (lambda: eq.EquivariantDense(2, "p -> p where p = S(n)", sizes={"n": 4})(numbers(2, 5, 3)), "features of p -> p where p = S(n) have the shape (..., p, channels), and (2, 5, 3) is that for no n"),
        (lambda: eq.EquivariantDense(2, "p -> p where p = S(n)", sizes={"m": 4}), "m is no letter of p -> p where p = S(n): give n=7"),
        (lambda: eq.EquivariantDense(2, "p -> p where p = S(n)", sizes=4), 'sizes are whole numbers, one for each letter, as in sizes={"n": 7}, got 4'),
        (lambda: eq.EquivariantDense(2, "p -> p where p = S(4)", sizes={"n": 4}), "sizes belong to a declaration with letters, like p -> p where p = S(n): here drop sizes=..."),
        (lambda: eq.EquivariantDense(2, "p -> p where p = S(n)").program, "a layer of p -> p where p = S(n) has a program and a matrix for each size: take that of one size, layer.at(n=7)"),
        (lambda: eq.EquivariantDense(2, "p -> p where p = S(4)").at(n=4), "p -> p where p = S(4) has no letters: at(...) belongs to a layer for every size"),
        (lambda: eq.EquivariantDense(2, "~p -> p where p = S(n)"), "the symmetry of ~p -> p where p = S(n) forces every weight to zero, so the layer would answer 0 to everything: use another output space, or a bias"),
        (lambda: eq.InvariantPool("p where p = S(n)"), "the size n is a letter, and a number is needed here: write S(5) (character 13)\n  p where p = S(n)\n              ^"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_in_one_sentence(make, message):
    assert mistake(make) == message
