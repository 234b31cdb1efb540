"""The demo, start to end on a tiny plan, and the exact counts that it learns from."""

from __future__ import annotations

import io
from itertools import combinations
from pathlib import Path

import keras
import networkx
import numpy as np
import pytest
from matplotlib.colors import to_hex
from rich.console import Console

import eqgen as eq
from eqgen.cli.demo.graphs import as_inputs, atlas, renumbered, spanning_trees, trees_through_edges
from eqgen.cli.demo.story import Outcome, gap, in_words, learning_curves, prepare, run, score, written_whole
from eqgen.cli.demo.training import (
    CONTESTANTS,
    WHOLE,
    Plan,
    Run,
    Trainer,
    dense_network,
    distinct_values,
    equivariant_network,
    in_original_units,
    least_squares,
    r_squared,
    split,
)
from eqgen.orbitals.pattern import colour

TINY = Plan(sizes=(20, 30), seeds=2, steps=8, steps_per_call=4, batch=10, scalar_steps=15)

FILES = {"weights.png", "learning.png", "results.txt", "network.keras", "verification.txt"}


@pytest.fixture(scope="module")
def graphs() -> np.ndarray:
    return atlas()


@pytest.fixture(scope="module")
def targets(graphs: np.ndarray) -> np.ndarray:
    return np.log1p(spanning_trees(graphs)).astype(np.float32)


def adjacency_of(graph: networkx.Graph) -> np.ndarray:
    return networkx.to_numpy_array(graph, dtype=np.int64)


def trees_by_trying(adjacency: np.ndarray) -> int:
    """Every choice of n - 1 edges that connects all nodes, one by one."""
    n = len(adjacency)
    edges = [(i, j) for i, j in combinations(range(n), 2) if adjacency[i, j]]
    found = 0
    for chosen in combinations(edges, n - 1):
        graph = networkx.Graph(chosen)
        found += len(graph) == n and networkx.is_connected(graph)
    return found


# The data.


def test_the_atlas_has_every_graph_with_seven_nodes_once(graphs: np.ndarray) -> None:
    assert graphs.shape == (1044, 7, 7)
    assert np.array_equal(graphs, graphs.transpose(0, 2, 1))
    # 853 of the 1,044 graphs with seven nodes are connected (OEIS A001349).
    assert np.count_nonzero(spanning_trees(graphs)) == 853


@pytest.mark.parametrize(
    ("graph", "trees"),
    [
        pytest.param(networkx.complete_graph(7), 7**5, id="Cayley"),
        pytest.param(networkx.cycle_graph(7), 7, id="cycle"),
        pytest.param(networkx.path_graph(7), 1, id="path"),
        pytest.param(networkx.complete_bipartite_graph(3, 4), 3**3 * 4**2, id="bipartite"),
        pytest.param(networkx.wheel_graph(7), 320, id="wheel"),
        pytest.param(networkx.petersen_graph(), 2000, id="petersen"),
        pytest.param(networkx.empty_graph(7), 0, id="no edges"),
        pytest.param(networkx.empty_graph(1), 1, id="one node"),
        pytest.param(networkx.complete_graph(2), 1, id="one edge"),
        pytest.param(networkx.complete_graph(14), 14**12, id="beyond 2 ** 45"),
    ],
)
def test_spanning_trees_of_known_graphs(graph: networkx.Graph, trees: int) -> None:
    assert spanning_trees(adjacency_of(graph)).item() == trees


def test_spanning_trees_counted_one_by_one(graphs: np.ndarray) -> None:
    for graph in graphs[::97]:
        assert spanning_trees(graph) == trees_by_trying(graph)


def test_every_tree_has_six_edges(graphs: np.ndarray) -> None:
    assert np.array_equal(trees_through_edges(graphs).sum(axis=1), 6 * spanning_trees(graphs))


def test_trees_through_an_edge_counted_one_by_one(graphs: np.ndarray) -> None:
    adjacency = graphs[700]
    through = trees_through_edges(adjacency)
    for number, (i, j) in enumerate(combinations(range(7), 2)):
        without = adjacency.copy()
        without[i, j] = without[j, i] = 0
        lost = trees_by_trying(adjacency) - trees_by_trying(without)
        assert through[number] == lost


def test_no_tree_goes_through_an_edge_that_is_not_there(graphs: np.ndarray) -> None:
    assert not trees_through_edges(graphs)[as_inputs(graphs) == 0].any()


def test_renumbering_moves_the_trees_with_the_edges(graphs: np.ndarray, random: np.random.Generator) -> None:
    moved = renumbered(graphs[::50], random)
    for before, after in zip(trees_through_edges(graphs[::50]), trees_through_edges(moved), strict=True):
        assert sorted(before) == sorted(after)


def test_renumbering_changes_the_numbers_and_not_the_graph(graphs: np.ndarray, random: np.random.Generator) -> None:
    chosen = graphs[200::97]
    first, second = renumbered(chosen, random), renumbered(chosen, random)
    for before, after in zip(chosen, first, strict=True):
        assert networkx.is_isomorphic(networkx.from_numpy_array(before), networkx.from_numpy_array(after))
    assert (first != chosen).any(axis=(1, 2)).mean() > 0.5
    assert (first != second).any(axis=(1, 2)).mean() > 0.5


def test_renumbering_reaches_every_numbering_alike(random: np.random.Generator) -> None:
    # One edge among three nodes can lie in three places.
    one_edge = np.zeros((3000, 3, 3), dtype=np.int64)
    one_edge[:, 0, 1] = one_edge[:, 1, 0] = 1
    counts = as_inputs(renumbered(one_edge, random)).sum(axis=0)
    assert counts.sum() == 3000
    assert (np.abs(counts - 1000) < 150).all()


# The experiment.


def test_a_split_numbers_and_orders_all_graphs(graphs: np.ndarray) -> None:
    numbered, again, order = split(graphs, 3)
    assert sorted(order) == list(range(1044))
    first, second = as_inputs(numbered), as_inputs(again)
    assert np.array_equal(first.sum(axis=1), as_inputs(graphs).sum(axis=1))
    assert np.array_equal(first.sum(axis=1), second.sum(axis=1))
    assert (first != second).any(axis=1).mean() > 0.9
    assert not np.array_equal(split(graphs, 4)[2], order)
    assert all(np.array_equal(one, two) for one, two in zip(split(graphs, 3), (numbered, again, order), strict=True))


@pytest.mark.slow
def test_training_sees_the_first_graphs_of_the_order_and_no_others(
    graphs: np.ndarray, targets: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    trainer = Trainer("Dense", TINY)
    batches = trainer.batches
    monkeypatch.setattr(trainer, "batches", lambda graphs, *others: (seen.append(graphs), batches(graphs, *others))[1])
    numbered, _, order = split(graphs, 3)
    for size in (20, 30):
        run = trainer.train(graphs, targets, size, 3, lambda steps: None)
        assert np.array_equal(seen.pop(), numbered[order[:size]])
        network = dense_network()
        network.set_weights(run.weights)
        answers = keras.ops.convert_to_numpy(network(as_inputs(numbered)))[order[size:], 0]
        assert r_squared(answers, targets[order[size:]]) == pytest.approx(run.r2, abs=1e-4)


def test_r_squared_of_perfect_and_of_constant_answers() -> None:
    truth = np.array([1.0, 2.0, 6.0])
    assert r_squared(truth, truth) == 1.0
    assert r_squared(np.full(3, 3.0), truth) == 0.0
    assert r_squared(truth[::-1], truth) < 0.0


def test_the_contestants_have_about_as_many_parameters() -> None:
    counts = [build().count_params() for build, _ in CONTESTANTS.values()]
    assert max(counts) < 1.05 * min(counts)


def test_only_the_third_contestant_sees_fresh_numberings(graphs: np.ndarray) -> None:
    for name in ("Dense", "Dense, renumbered"):
        plan = Plan(steps=6, steps_per_call=3, batch=1)
        inputs, wanted = Trainer(name, plan).batches(graphs[[700]], np.ones(1, np.float32), np.random.default_rng(1))
        assert inputs.shape == (6, 1, 21)
        assert wanted.shape == (6, 1)
        assert (len(np.unique(inputs[:, 0], axis=0)) > 1) == (name == "Dense, renumbered")


@pytest.mark.slow
def test_training_again_from_the_same_seed_gives_the_same_network(graphs: np.ndarray, targets: np.ndarray) -> None:
    trainer = Trainer("Dense, renumbered", TINY)
    first, other, again = (trainer.train(graphs, targets, 20, seed, lambda steps: None) for seed in (0, 1, 0))
    assert first.curve == again.curve
    assert first.curve != other.curve
    for one, two in zip(first.weights, again.weights, strict=True):
        assert np.array_equal(one, two)


@pytest.mark.slow
def test_training_lowers_the_loss_on_the_training_graphs(graphs: np.ndarray, targets: np.ndarray) -> None:
    run = Trainer("Dense", Plan(steps=300, batch=20)).train(graphs, targets, 20, 0, lambda steps: None)
    network = dense_network()
    network.set_weights(run.weights)
    numbered, _, order = split(graphs, 0)
    answers = keras.ops.convert_to_numpy(network(as_inputs(numbered[order[:20]])))[:, 0]
    assert r_squared(answers, targets[order[:20]]) > 0.99


def test_in_original_units_only_rescales() -> None:
    network = equivariant_network()
    kernel, _ = network.layers[-1].get_weights()
    network.layers[-1].set_weights([kernel, np.array([0.7], np.float32)])
    inputs = np.eye(21, dtype=np.float32)
    before = keras.ops.convert_to_numpy(network(inputs))
    network.set_weights(in_original_units(network.get_weights(), 3.0, 2.0))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(network(inputs)), 2.0 * before + 3.0, rtol=1e-5, atol=1e-5)


# The seed question.


def test_distinct_values_tells_neighbouring_floats_apart() -> None:
    one = np.float32(1.0)
    assert distinct_values(np.array([[one, one], [one, np.nextafter(one, np.float32(2.0))]])) == 2


def test_least_squares_finds_the_numbers_that_made_the_data(random: np.random.Generator) -> None:
    pattern = eq.orbits("{p p} -> {p p} where p = S(7)").pattern
    inputs = random.normal(size=(50, 21))
    matrix = np.array([2.0, -3.0, 0.5])[pattern.labels]
    np.testing.assert_allclose(least_squares(pattern, inputs, inputs @ matrix.T), [2.0, -3.0, 0.5])


# The words.


def row(r2: tuple[float, ...], largest_gap: float) -> list[Run]:
    return [Run((0.0, score), largest_gap, 0.1, [], []) for score in r2]


def test_the_words_follow_the_numbers() -> None:
    runs = {
        (50, "equivariant"): row((0.8, 0.9), 2e-6),
        (50, "Dense"): row((0.85, 0.95), 2.0),
        (100, "equivariant"): row((0.1, 0.1), 2e-6),
        (100, "Dense"): row((0.2, 0.2), 3.0),
        (200, "equivariant"): row((0.9, 1.0), 1e-6),
        (200, "Dense"): row((0.7, 0.8), 2.5),
    }
    assert in_words(runs) == [
        "From 50 graphs: Dense (0.900), then equivariant (0.850); over 2 seeds the ranges of the first two overlap.",
        "From 200 graphs: equivariant (0.950), then Dense (0.750); over 2 seeds the ranges of the first two do not overlap.",
        "Equivariant: two numberings, one answer, up to rounding (2e-06).",
        "Dense: two numberings, two answers, up to 3.00 apart (factor 20).",
    ]


def test_the_words_of_one_size_and_one_seed() -> None:
    assert in_words({(50, "equivariant"): row((0.9,), 0.5), (50, "Dense"): row((0.4,), 2.0)}) == [
        "From 50 graphs: equivariant (0.900), then Dense (0.400); one seed does not say how sure that is.",
        "Equivariant: two numberings, two answers, up to 0.50 apart (factor 1.6).",
        "Dense: two numberings, two answers, up to 2.00 apart (factor 7.4).",
    ]


def test_scores_and_gaps_as_text() -> None:
    assert score(row((0.5,), 1.0)) == "0.500"
    assert score(row((0.5, 0.7), 1.0)) == "0.600 (0.50..0.70)"
    assert gap(0.0123) == "0.01"
    assert gap(0.0012) == "1e-03"


# The curves.


def test_learning_curves_draw_every_line_in_its_colour() -> None:
    plan = Plan(sizes=(50, 200), steps=20, steps_per_call=10)
    runs = {}
    for number, name in enumerate(CONTESTANTS):
        low, high = ((0.0, 0.4, 0.7 + number / 20), (0.2, 0.6, 0.9 + number / 20))
        runs[50, name] = [Run(curve, 0.0, 0.0, [], []) for curve in (low, high)]
        runs[200, name] = [Run(low, 0.0, 0.0, [], [])] * 2
    figure = learning_curves(runs, plan)
    left, right = figure.axes
    names, colours = list(CONTESTANTS), [colour(number) for number in range(3)]
    assert [line.get_label() for line in left.get_lines()] == names
    assert [to_hex(line.get_color()) for line in left.get_lines()] == colours
    np.testing.assert_allclose(left.get_lines()[0].get_xydata(), [(0, 0.1), (10, 0.5), (20, 0.8)])
    assert [to_hex(bars.lines[0].get_color()) for bars in right.containers] == colours
    np.testing.assert_allclose(right.containers[1].lines[0].get_ydata(), [0.85, 0.75])
    assert [tick.get_text() for tick in right.get_xticklabels()] == ["50", "200"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == names
    assert figure.get_suptitle() == "log(1 + spanning trees) of graphs with seven nodes"
    assert left.get_title(loc="left") == "during training on 50 graphs"
    assert (left.get_ylabel(), left.get_xlabel(), right.get_xlabel()) == (
        "R2 on the held-out graphs",
        "step",
        "training graphs",
    )


# The whole story.


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, str, Path]:
    folder = tmp_path_factory.mktemp("demo") / "results"
    folder.mkdir()
    (folder / "results.txt").write_text("of an earlier run")
    screen = io.StringIO()
    outcome = run(folder, console=Console(width=80, markup=False, highlight=False, file=screen), plan=TINY)
    return outcome, screen.getvalue(), folder


@pytest.mark.slow
def test_the_story_holds(story: tuple[Outcome, str, Path]) -> None:
    outcome, _, _ = story
    assert outcome
    assert outcome.same_bits
    assert list(outcome.stages) == ["before training", "after training", "after loading the file"]
    for _, *layers in outcome.stages.values():
        assert len(layers) == 4
        assert all(report.certificate is not None for report in layers)


@pytest.mark.slow
def test_the_matrix_holds_three_numbers_at_every_step(story: tuple[Outcome, str, Path]) -> None:
    answer = story[0].answer
    assert answer.distinct == [3] * (TINY.scalar_steps + 1)
    assert answer.distinct_dense > 3
    after = keras.ops.convert_to_numpy(answer.layer.kernel)
    assert not np.array_equal(answer.before, after)
    assert np.array_equal(answer.layer.weight_matrix(), after[answer.layer.pattern.labels])


@pytest.mark.slow
def test_all_files_are_there_and_nothing_else(story: tuple[Outcome, str, Path]) -> None:
    folder = story[2]
    assert {path.name for path in folder.iterdir()} == FILES
    for name in ("weights.png", "learning.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_saved_network_loads_and_verifies(story: tuple[Outcome, str, Path]) -> None:
    network = keras.models.load_model(story[2] / "network.keras")
    assert eq.verify(network, WHOLE)


@pytest.mark.slow
def test_the_saved_network_answers_in_original_units(
    story: tuple[Outcome, str, Path], graphs: np.ndarray, targets: np.ndarray
) -> None:
    network = keras.models.load_model(story[2] / "network.keras")
    numbered, _, order = split(graphs, 1)
    answers = keras.ops.convert_to_numpy(network(as_inputs(numbered)))[order[30:], 0]
    saved = story[0].runs[30, "equivariant"][1]
    assert r_squared(answers, targets[order[30:]]) == pytest.approx(saved.r2, abs=1e-4)


@pytest.mark.slow
def test_what_the_files_say(story: tuple[Outcome, str, Path]) -> None:
    results = (story[2] / "results.txt").read_text()
    assert f"keras {keras.__version__}" in results
    assert results.count("Dense, renumbered  ") == len(TINY.sizes)
    verification = (story[2] / "verification.txt").read_text()
    assert verification.count("=> verified") == 3 * 5
    assert "NOT VERIFIED" not in verification


@pytest.mark.slow
def test_what_is_printed(story: tuple[Outcome, str, Path]) -> None:
    outcome, printed, folder = story
    lines = [line.rstrip() for line in printed.splitlines()]
    assert "{1,2}  a b b b b b b b b b b c c c c c c c c c c" in lines
    assert "a the edge itself   b edges that share a node with it   c edges apart from it" in lines
    assert any(line.startswith("before training") and line.endswith("  3") for line in lines)
    assert any(line.startswith("after training") and line.endswith("  3 after each of 15 steps") for line in lines)
    assert any(line.startswith("Done in ") and line.endswith(f"In {folder}:") for line in lines)
    # What is not a terminal gets no progress bar, and nothing but the path is wider than a screen.
    assert "\x1b" not in printed
    assert all(len(line) <= 80 for line in lines if str(folder) not in line)
    assert list(outcome.runs) == [(size, name) for size in TINY.sizes for name in CONTESTANTS]
    for size, name in outcome.runs:
        assert any(line.split()[:1] == [str(size)] for line in lines)
        assert any(name in line for line in lines)


# The folder.


def test_a_folder_that_cannot_be_made_is_told_before_any_work(tmp_path: Path) -> None:
    file = tmp_path / "results"
    file.write_text("a file")
    with pytest.raises(eq.DeclarationError) as caught:
        run(file, plan=TINY)
    assert str(caught.value) == f"{file} cannot be written (File exists): give a folder of your own with --output"
    assert file.read_text() == "a file"


def test_prepare_makes_nested_folders_and_leaves_nothing_in_them(tmp_path: Path) -> None:
    prepare(tmp_path / "a" / "b")
    prepare(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def interrupted(path: Path, error: BaseException) -> None:
    with written_whole(path) as temporary:
        temporary.write_text("ha")
        raise error


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "results.txt"
    path.write_text("old")

    with pytest.raises(eq.DeclarationError) as caught:
        interrupted(path, OSError(28, "No space left on device"))
    assert (
        str(caught.value)
        == f"{path} cannot be written (No space left on device): give a folder of your own with --output"
    )
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_no_file_behind(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path / "results.txt", KeyboardInterrupt())
    assert list(tmp_path.iterdir()) == []
