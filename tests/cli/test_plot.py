"""Pictures: what is really drawn."""

from __future__ import annotations

import matplotlib.pyplot
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

import eqgen as eq
from eqgen.cli.plot import draw_scores, weight_picture
from eqgen.orbitals.pattern import colour

EDGES = "{p p} -> {p p} where p = S(5)"


def pixels(figure: Figure) -> np.ndarray:
    return np.asarray(figure.axes[0].get_images()[0].get_array())


def tick_labels(figure: Figure) -> tuple[list[str], list[str]]:
    axes = figure.axes[0]
    return [tick.get_text() for tick in axes.get_yticklabels()], [tick.get_text() for tick in axes.get_xticklabels()]


def legend(figure: Figure) -> dict[str, str]:
    found = figure.legends[0]
    return {
        text.get_text(): to_hex(patch.get_facecolor())
        for text, patch in zip(found.get_texts(), found.get_patches(), strict=True)
    }


def test_one_colour_for_each_parameter() -> None:
    found = eq.orbits(EDGES)
    drawn = pixels(weight_picture(found))
    assert drawn.shape == (10, 10, 3)
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) == 3
    for label in range(3):
        assert {to_hex(pixel) for pixel in drawn[found.labels == label]} == {colour(label)}


def test_the_sides_carry_the_names_of_the_edges() -> None:
    space = eq.mapping(EDGES).input
    names = [space.name(number) for number in range(10)]
    assert names[:2] == ["{1,2}", "{1,3}"]
    assert tick_labels(weight_picture(eq.orbits(EDGES))) == (names, names)


def test_rows_are_outputs_and_columns_are_inputs() -> None:
    rows, columns = tick_labels(weight_picture(eq.orbits("{p p} -> p where p = S(3)")))
    assert rows == ["1", "2", "3"]
    assert columns == ["{1,2}", "{1,3}", "{2,3}"]


def test_each_cell_carries_its_letter() -> None:
    figure = weight_picture(eq.pattern("a -b 0; b a c"))
    cells = {text.get_position(): text.get_text() for text in figure.axes[0].texts}
    assert cells == {(0, 0): "a", (1, 0): "-b", (2, 0): "0", (0, 1): "b", (1, 1): "a", (2, 1): "c"}


def test_a_flipped_sign_is_paler_and_a_forced_zero_grey() -> None:
    figure = weight_picture(eq.pattern("a -b 0; b a c"))
    drawn = pixels(figure)
    np.testing.assert_allclose(drawn[0, 1], 0.5 + 0.5 * drawn[1, 0])
    assert to_hex(drawn[0, 2]) == "#f2f2f2"
    assert legend(figure) == {"a": colour(0), "b": colour(1), "c": colour(2), "0, forced": "#f2f2f2"}


def test_the_legend_of_a_scalar_layer_tells_its_values() -> None:
    layer = eq.EquivariantDense(None, EDGES)
    assert list(legend(weight_picture(layer))) == ["a", "b", "c"]
    layer.build((None, 10))
    layer.kernel.assign([1.5, -0.25, 0.125])
    assert legend(weight_picture(layer)) == {"a = 1.5000": colour(0), "b = -0.2500": colour(1), "c = 0.1250": colour(2)}


def test_the_value_of_a_parameter_has_the_sign_of_the_parameter() -> None:
    layer = eq.EquivariantDense(None, "-a b; b -a")
    layer.build((None, 2))
    layer.kernel.assign([2.0, 3.0])
    assert list(legend(weight_picture(layer))) == ["a = 2.0000", "b = 3.0000"]


def test_a_layer_with_channels_has_no_single_values() -> None:
    layer = eq.EquivariantDense(4, EDGES)
    layer.build((None, 10, 2))
    assert list(legend(weight_picture(layer))) == ["a", "b", "c"]


def test_the_legend_of_many_parameters_is_cut() -> None:
    figure = weight_picture(eq.orbits("p -> p where p = C(20)"))
    texts = list(legend(figure))
    assert texts == [*"abcdefghijkl", "and 8 more"]
    assert figure.legends[0].get_title().get_text() == "20 numbers in 400 places"


def test_a_large_matrix_has_neither_names_nor_letters() -> None:
    figure = weight_picture(eq.orbits("p q -> p q where p = S(10), q = S(8)"))
    assert tick_labels(figure) == ([], [])
    assert len(figure.axes[0].texts) == 0
    assert pixels(figure).shape == (80, 80, 3)


def test_names_may_be_given() -> None:
    figure = weight_picture(eq.pattern("a b; b a"), ["up", "down"], ["left", "right"], title="Two by two")
    assert tick_labels(figure) == (["up", "down"], ["left", "right"])
    assert figure.get_suptitle() == "Two by two"


def test_as_many_names_as_rows() -> None:
    with pytest.raises(eq.DeclarationError) as caught:
        weight_picture(eq.pattern("a b; b a"), ["up"])
    assert str(caught.value) == "the picture has 2 outputs, got 1 name: give one name for each"


def test_a_name_is_never_read_as_mathematics() -> None:
    figure = weight_picture(eq.pattern("a b; b a"), ["$x^2$", "b_1"])
    figure.canvas.draw()
    assert tick_labels(figure)[0] == ["$x^2$", "b_1"]
    assert not any(tick.get_parse_math() for tick in figure.axes[0].get_yticklabels())


def test_several_measurements_are_a_line_with_a_range_and_one_is_a_line_alone() -> None:
    scores = {"equivariant": [(0.0, 0.4, 0.8), (0.2, 0.6, 1.0)], "Dense": [(0.0, 0.2, 0.4)]}
    left, right = Figure().subplots(1, 2)
    draw_scores(left, "during", "step", (0, 10, 20), scores)
    draw_scores(right, "after", "graphs", (50, 100, 200), scores, marks=True)
    assert [line.get_label() for line in left.get_lines()] == ["equivariant", "Dense"]
    assert [to_hex(line.get_color()) for line in left.get_lines()] == [colour(0), colour(1)]
    np.testing.assert_allclose(left.get_lines()[0].get_ydata(), [0.1, 0.5, 0.9])
    # The range is drawn as a band; with marks it is drawn as bars.
    assert len(left.collections) == 1
    assert [to_hex(bars.lines[0].get_color()) for bars in right.containers] == [colour(0), colour(1)]
    assert [bars.has_yerr for bars in right.containers] == [True, False]
    assert [tick.get_text() for tick in right.get_xticklabels()] == ["50", "100", "200"]
    assert (left.get_title(loc="left"), left.get_xlabel(), right.get_xlabel()) == ("during", "step", "graphs")


def test_pictures_leave_pyplot_alone() -> None:
    weight_picture(eq.pattern("a b; b a"))
    draw_scores(Figure().subplots(), "during", "step", (0, 1), {"equivariant": [(0.0, 1.0)]})
    assert matplotlib.pyplot.get_fignums() == []
