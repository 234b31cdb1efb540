"""Damaged and hostile .keras files: one sentence and exit status 2, or what was saved, bit for bit."""

from __future__ import annotations

import io
import json
import sys
import time
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

import eqgen as eq
from eqgen.cli import commands
from eqgen.cli.model_file import check_model_file
from eqgen.common.errors import DeclarationError
from helpers import sampling

SAVED = Path(__file__).parents[1] / "saved_models"

NETWORK = (SAVED / "network.keras").read_bytes()


def run(capsys, monkeypatch, path: Path) -> tuple[int, str]:
    """Exit status and standard error of `eqgen verify`."""
    monkeypatch.setattr(sys, "argv", ["eqgen", "verify", str(path)])
    try:
        commands.main()
    except SystemExit as end:
        return end.code or 0, capsys.readouterr().err
    return 0, capsys.readouterr().err


def parts(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(contents: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", how) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def with_config(change) -> bytes:
    """The network with a config that was changed, under right checksums."""
    contents = parts(NETWORK)
    config = json.loads(contents["config.json"])
    changed = change(config)
    return packed({**contents, "config.json": json.dumps(config if changed is None else changed).encode()})


def first_layer(**arguments) -> bytes:
    """The first layer of eqgen in the network with other arguments."""
    return with_config(lambda config: config["config"]["layers"][1]["config"].update(arguments))


def damaged(random: np.random.Generator, data: bytes) -> bytes:
    """One of the things that happen to files: bits and bytes change, parts are lost, doubled, or written elsewhere."""
    changed, size = bytearray(data), len(data)
    # The directory of the archive stands at its end, and few bytes of the whole are names and lengths.
    at = int(random.integers(size) if random.random() < 0.6 else random.integers(max(0, size - 400), size))
    length = int(random.integers(1, 64))
    kind = random.integers(7)
    if kind < 2:
        changed[at] ^= 1 << int(random.integers(8))
    elif kind == 2:
        changed[at] = int(random.integers(256))
    elif kind == 3:
        del changed[at : at + length]
    elif kind == 4:
        changed[at:at] = random.bytes(length)
    elif kind == 5:
        changed[at : at + length] = bytes(min(length, size - at))
    else:
        del changed[at:]
    return bytes(changed)


@pytest.fixture(scope="module")
def whole():
    return keras.models.load_model(SAVED / "network.keras").get_weights()


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_a_damaged_file_is_refused_in_one_sentence_or_read_bit_for_bit(part, tmp_path, whole):
    random = np.random.default_rng(part)
    path = tmp_path / "model.keras"
    told: list[str] = []
    for _ in range(sampling.examples(100)):
        data = damaged(random, NETWORK)
        path.write_bytes(data)
        try:
            check_model_file(path)
        except DeclarationError as error:
            told.append(str(error))
            continue
        assert parts(data) | {"metadata.json": b""} == parts(NETWORK) | {"metadata.json": b""}
        weights = keras.models.load_model(path, compile=False).get_weights()
        assert all(one.tobytes() == other.tobytes() for one, other in zip(weights, whole, strict=True))
    assert told
    assert all("\n" not in message for message in told)


def test_a_damaged_file_is_refused_before_keras_is_imported(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(commands, "_import_keras", lambda: pytest.fail("Keras was imported"))
    data = bytearray(NETWORK)
    data[len(data) // 2] ^= 1
    path = tmp_path / "model.keras"
    path.write_bytes(data)
    status, err = run(capsys, monkeypatch, path)
    assert (status, err) == (
        2,
        f"error: {path} cannot be loaded as a Keras model: it is damaged: the checksum of model.weights.h5 does not fit\n",
    )


@pytest.mark.slow(sample=2)
@pytest.mark.parametrize("part", range(10))
def test_a_damaged_config_under_right_checksums_is_refused_or_read(part, tmp_path, capsys, monkeypatch):
    random = np.random.default_rng(100 + part)
    path, contents, told = tmp_path / "model.keras", parts(NETWORK), []
    for _ in range(sampling.examples(20)):
        config = bytearray(contents["config.json"])
        config[int(random.integers(len(config)))] = int(random.integers(32, 127))
        path.write_bytes(packed({**contents, "config.json": bytes(config)}))
        try:
            commands._loaded(path)
        except DeclarationError as error:
            told.append(str(error))
    assert all("\n" not in message for message in told)


def layers_of(config) -> list:
    return config["config"]["layers"]


def deep(depth: int) -> bytes:
    return packed({**parts(NETWORK), "config.json": b"[" * depth + b"]" * depth})


def big_input(config) -> None:
    layers_of(config)[0]["config"]["batch_shape"] = [None, 10**6, 10**6]


def evil(config) -> None:
    layers_of(config)[1].update(module="os", class_name="system", registered_name=None, config={"command": "touch x"})


def code(config) -> None:
    function = {"class_name": "__lambda__", "config": {"value": "4wEAAA==\n"}}
    layers_of(config)[1].update(
        module="keras.layers", class_name="Lambda", registered_name=None, config={"function": function}
    )


def keras_dense(config) -> None:
    layers_of(config)[1] = {
        "module": "keras.layers",
        "class_name": "Dense",
        "registered_name": None,
        "config": {"name": "d", "units": 40_000},
        "build_config": {"input_shape": [None, 40_000]},
    }


HUGE = "declares more than 200000 points of an axis, the most in a file"

HOSTILE = {
    "a billion units": (first_layer(units=10**9), "has units 1000000000, and the file holds 43076 bytes of weights"),
    "units of a thousand digits": (first_layer(units=10**1000), "has units 1000000000"),
    "S of 10^12": (first_layer(declaration="p -> p where p = S(1000000000000)"), HUGE),
    "S of 10^7": (first_layer(declaration="p -> p where p = S(10000000)"), HUGE),
    "a wreath product": (first_layer(declaration="p -> p where p = wreath(S(3000), S(1000))"), HUGE),
    "a far point": (first_layer(declaration="p -> p where p = (1 2)(99999999)"), HUGE),
    "a million generators": (
        first_layer(declaration="p -> p where p = " + ", ".join(["(1 2)"] * 10**6)),
        "more than 10000 generators, the most that eqgen takes",
    ),
    "5,000 factors": (
        first_layer(declaration="p -> p where p = " + " * ".join(["S(2)"] * 5000)),
        "groups are multiplied, more than eqgen takes: declare axes that move independently",
    ),
    "no declaration": (first_layer(declaration="p -> where"), "the declaration of EquivariantDense 'equivariant_dense_7' cannot be read"),
    "a kernel beyond the file": (with_config(keras_dense), "numbers or more in its kernel, and the file holds 43076 bytes of weights"),
    "an input of 10^12 numbers": (with_config(big_input), "has the batch_shape [None, 1000000, 1000000], and 200000000 numbers are the most"),
    "code of the system": (with_config(evil), "it names os.system, which is neither of Keras nor of eqgen"),
    "a lambda": (with_config(code), "it holds code of its own, a Lambda, and no code of a file is run"),
    "a list": (with_config(lambda config: [1, 2]), "its config is that of no model"),
    "a deep list": (deep(10**6), "it is damaged: "),
    "no json": (packed({**parts(NETWORK), "config.json": b"{"}), "it is damaged: Expecting property name"),
    "no config": (packed({"model.weights.h5": b""}), "it is damaged: it has no config.json"),
    "no weights": (packed({"config.json": b"{}"}), "it is damaged: it has no model.weights.h5"),
    "a bomb": (
        packed({**parts(NETWORK), "assets/zeros": bytes(10**8)}, zipfile.ZIP_DEFLATED),
        "it says that it holds 100048101 bytes, in a file of ",
    ),
    "nothing": (b"", "it is damaged: File is not a zip file"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_is_refused_before_keras_is_imported(case, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(commands, "_import_keras", lambda: pytest.fail("Keras was imported"))
    monkeypatch.chdir(tmp_path)
    data, message = HOSTILE[case]
    path = tmp_path / "model.keras"
    path.write_bytes(data)
    start = time.perf_counter()
    status, err = run(capsys, monkeypatch, path)
    assert time.perf_counter() - start < 20
    assert status == 2
    assert err.startswith(f"error: {path} cannot be loaded as a Keras model: ")
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("name", sorted(path.stem for path in SAVED.glob("*.keras")))
def test_a_whole_file_passes(name):
    check_model_file(SAVED / f"{name}.keras")


def test_a_file_of_a_layer_for_every_size_passes(tmp_path, capsys, monkeypatch):
    layers = [
        eq.EquivariantDense(4, text) for text in ("p -> p where p = S(n)", "p -> p where p = C(n) support stencil(1)")
    ]
    keras.Sequential([keras.Input((None, 3)), *layers]).save(tmp_path / "any.keras")
    assert run(capsys, monkeypatch, tmp_path / "any.keras")[0] == 0


def test_what_keras_refuses_is_one_sentence(tmp_path, capsys, monkeypatch):
    """Weights of another shape: the file is whole, and its sizes are possible."""
    path = tmp_path / "model.keras"
    path.write_bytes(first_layer(units=5))
    status, err = run(capsys, monkeypatch, path)
    assert status == 2
    assert err.startswith(f"error: {path} cannot be loaded as a Keras model: ")
    assert err.count("\n") == 1


def test_a_layer_whose_kernel_does_not_fit_in_memory_is_refused_when_it_is_built():
    dense = eq.EquivariantDense(10**9, "p -> p where p = S(5)", name="large")
    attention = eq.EquivariantAttention(10**9, 10, "p where p = S(5)", name="large")
    numbers = {
        dense: "the kernel of 'large' has 2 x 1000 x 1000000000",
        attention: "a projection of 'large' has 1000 x 10000000000",
    }
    for layer, told in numbers.items():
        with pytest.raises(
            DeclarationError,
            match=rf"^{told} numbers: they need \d+,000\.0 GB, and this machine has .* GB; take fewer channels$",
        ):
            layer.build((None, 5, 1000))
