"""A first look at a saved model, before Keras is imported: is it whole, and are its sizes those that its weights can have?

Keras believes what a file says: a flipped byte ends in one of a dozen exceptions, and a config that asks for a billion units in a
full memory. What is looked at here are the checksums, which a zip archive has of every part, and the numbers in the config.
"""

import json
import re
import zipfile
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

from eqgen.common.errors import DeclarationError, in_short, is_whole
from eqgen.language.grammar import is_mapping, parse_mapping, parse_space
from eqgen.orbitals.declare_family import has_letter
from eqgen.permutations.group_expression import from_expression

CONFIG = "config.json"

WEIGHTS = ("model.weights.h5", "model.weights.npz")

MOST_UNPACKED = 100
"""What unpacks to so many times its own size is no model: Keras does not even pack."""

LARGEST_CONFIG = 64_000_000
"""Bytes."""

MOST_POINTS = 200_000
"""An axis of a layer in a file has no more, so that it is planned in seconds."""

LARGEST_SHAPE = 200_000_000
"""So many numbers has one example at most."""

SIZES = (
    "units",
    "filters",
    "num_heads",
    "key_dim",
    "value_dim",
    "input_dim",
    "output_dim",
    "kernel_size",
    "output_shape",
)
"""Arguments that a weight has as a length, or as several."""

SHAPES = ("batch_shape", "batch_input_shape", "input_shape", "target_shape", "shape")
"""Arguments that are shapes of features."""

PACKAGES = ("builtins", "eqgen", "keras", "keras_hub", "keras_cv", "keras_nlp")
"""Where the objects of a model may come from."""


def check_model_file(path: Path) -> None:
    """Stop at a .keras file that is damaged, or that names code, or sizes that its weights cannot have. Nothing of it is run.

    Raises:
        DeclarationError: it says what is wrong.
    """
    try:
        config, weights = _config_and_size_of_weights(path)
    except DeclarationError:
        raise
    except Exception as error:
        raise DeclarationError(f"it is damaged: {in_one_line(error)}") from None
    for named in _objects(config):
        _check_code(named)
        arguments = {**_dictionary(named.get("build_config")), **_dictionary(named.get("config"))}
        name = f"{in_short(str(named['class_name']))} {in_short(str(arguments.get('name', '')))!r}"
        _check_sizes(name, arguments, weights)
        if str(named.get("registered_name")).startswith("eqgen>") and isinstance(arguments.get("declaration"), str):
            _check_declaration(name, arguments["declaration"])


def in_one_line(error: BaseException) -> str:
    """What an exception says, on one line, or its name where it says nothing."""
    text = str(error).strip()
    # A declaration is shown again below its message.
    text = text.split("\n")[0] if isinstance(error, DeclarationError) else " ".join(text.split())
    return in_short("".join(filter(str.isprintable, text)), 300) or type(error).__name__


def _config_and_size_of_weights(path: Path) -> tuple[Any, int]:
    """The config of a file whose checksums fit, and how many bytes of weights it has."""
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
        names = [part.filename for part in parts]
        if len(set(names)) < len(names):
            raise DeclarationError("it is damaged: two of its parts have one name")
        weights = next((archive.getinfo(name).file_size for name in WEIGHTS if name in names), None)
        if weights is None or CONFIG not in names:
            raise DeclarationError(f"it is damaged: it has no {CONFIG if weights is not None else WEIGHTS[0]}")
        unpacked, packed = sum(part.file_size for part in parts), path.stat().st_size
        if unpacked > MOST_UNPACKED * packed or sum(part.compress_size for part in parts) > packed:
            raise DeclarationError(f"it says that it holds {unpacked} bytes, in a file of {packed}")
        if archive.getinfo(CONFIG).file_size > LARGEST_CONFIG:
            raise DeclarationError(f"its config has more than {LARGEST_CONFIG} bytes, the most that is read")
        wrong = archive.testzip()
        if wrong is not None:
            raise DeclarationError(f"it is damaged: the checksum of {in_short(wrong)} does not fit")
        config = json.loads(archive.read(CONFIG))
    if not isinstance(config, dict) or "class_name" not in config:
        raise DeclarationError("its config is that of no model")
    return config, weights


def _objects(config: Any) -> Iterator[dict[str, Any]]:
    """Every object that a config describes, however deep."""
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "class_name" in value:
                yield value
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _dictionary(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _check_code(named: dict[str, Any]) -> None:
    module, name = named.get("module"), in_short(str(named["class_name"]))
    if name == "__lambda__":
        raise DeclarationError("it holds code of its own, a Lambda, and no code of a file is run")
    if module is not None and str(module).split(".")[0] not in PACKAGES:
        raise DeclarationError(f"it names {in_short(str(module))}.{name}, which is neither of Keras nor of eqgen")


def _check_sizes(name: str, arguments: dict[str, Any], weights: int) -> None:
    # Of the narrowest numbers two are in a byte.
    most = 2 * weights
    held = f"and the file holds {weights} bytes of weights"
    for argument in SIZES:
        size = arguments.get(argument)
        lengths = [length for length in (size if isinstance(size, list) else [size]) if is_whole(length)]
        if prod(lengths) > most:
            raise DeclarationError(f"{name} has {argument} {in_short(str(size), 30)}, {held}")
    for argument in SHAPES:
        shape = arguments.get(argument)
        lengths = [length for length in shape if is_whole(length)] if isinstance(shape, list) else []
        if prod(lengths) > LARGEST_SHAPE:
            raise DeclarationError(
                f"{name} has the {argument} {in_short(str(shape))}, and {LARGEST_SHAPE} numbers are the most"
            )
        if argument == "input_shape" and lengths and is_whole(arguments.get("units")):
            kernel = lengths[-1] * arguments["units"]
            if kernel > most:
                raise DeclarationError(f"{name} has {kernel} numbers or more in its kernel, {held}")


def _check_declaration(name: str, text: str) -> None:
    """Stop at a declaration that cannot be read, or that takes minutes."""
    points = f"{name} declares more than {MOST_POINTS} points of an axis, the most in a file: {in_short(text)}"
    unquoted = re.sub('"[^"]*"', "", text).partition("support")[0]
    if any(len(number) > 9 or int(number) > MOST_POINTS for number in re.findall("[1-9][0-9]*", unquoted)):
        raise DeclarationError(points)
    if not (is_mapping(text) or "where" in text):
        return
    try:
        syntax = (parse_mapping if is_mapping(text) else parse_space)(text)
        # Of a size that is left open there is no group yet.
        groups = [
            from_expression(group, text) for axis in syntax.where for group in axis.groups if not has_letter(group)
        ]
    except DeclarationError as error:
        raise DeclarationError(f"the declaration of {name} cannot be read: {in_one_line(error)}") from None
    if any(group.degree > MOST_POINTS for group in groups):
        raise DeclarationError(points)
