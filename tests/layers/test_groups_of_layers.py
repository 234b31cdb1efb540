"""Layers of groups that come from objects, joint axes and array functions."""

from __future__ import annotations

from itertools import combinations

import keras
import numpy as np
import pytest

import eqgen as eq

DNA = {"s": [[1, 2, 3, 4, 5, 0], [0, 5, 4, 3, 2, 1]], "b": [[0, 1, 2, 3], [3, 2, 1, 0]]}


def matchings() -> eq.Mapping:
    """The fifteen ways to pair six points, together with the points."""
    pairs = [frozenset(pair) for pair in combinations(range(6), 2)]
    objects = [frozenset(three) for three in combinations(pairs, 3) if len(frozenset.union(*three)) == 6]
    axis = eq.action(
        objects, lambda pairs, g: frozenset(frozenset(g[point] for point in pair) for pair in pairs), eq.S(6)
    )
    return eq.mapping("m + {p p} -> m", **eq.joint(m=axis, p=eq.S(6)))


@pytest.mark.parametrize(
    "make",
    [
        matchings,
        lambda: eq.mapping("s b -> s b", **eq.joint(**DNA)),
        lambda: eq.mapping("s b c -> s c", c=eq.S(3), **eq.joint(**DNA)),
    ],
    ids=["matchings", "DNA", "DNA and another axis"],
)
def test_layers_of_joint_axes_verify(make):
    assert eq.verify(eq.EquivariantDense(2, make()))


def test_a_layer_of_a_vector_field_takes_odd_activations():
    """Cells are turned and mirrored, and the two components of the field with them, one with a sign."""
    field = eq.trace(
        (2, 3, 3),
        lambda field: np.stack([-np.rot90(field[1]), np.rot90(field[0])]),
        lambda field: np.stack([np.fliplr(field[0]), -np.fliplr(field[1])]),
    )
    mapping = eq.mapping("v -> v", v=field)
    assert eq.verify(eq.EquivariantDense(2, mapping, activation="tanh"))
    with pytest.raises(eq.DeclarationError, match="is not odd"):
        eq.EquivariantDense(2, mapping, activation="relu")


def test_a_lowering_that_a_typed_pattern_does_not_have_is_refused():
    with pytest.raises(
        eq.DeclarationError, match=r"^the pattern a -b; b a has no spectral program, because it names no group"
    ):
        eq.EquivariantDense(3, "a -b; b a", lowering="spectral")


@pytest.mark.parametrize(
    "declaration",
    ["[p p] -> [p p] where p = S(4)", "s b -> s where s & b = C(3) & Group((1 -2))", "~p -> ~p where p = S(3)"],
)
def test_a_saved_layer_reads_back(declaration, tmp_path):
    layer = eq.EquivariantDense(2, declaration, activation="tanh")
    model = keras.Sequential([keras.Input((layer.mapping.input.size, 3)), layer])
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras").layers[0]
    assert again.mapping == layer.mapping
    assert again.pattern == layer.pattern
    assert eq.verify(again)


def test_pairs_on_both_axes_are_one_convention():
    perm, signs = [1, 2, 3, 0], [1, -1, 1, -1]
    layer = eq.EquivariantDense(None, eq.mapping("l -> j", **eq.joint(l=[(perm, [1] * 4)], j=[(perm, signs)])))
    features = np.random.default_rng(0).normal(size=(1, 4))
    assert np.allclose(layer(features[:, perm]), np.array(signs) * np.asarray(layer(features))[:, perm], atol=1e-6)
