"""The catalogue: one declared symmetry per file of groups/, read as plain records. It knows no groups."""

import difflib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from eqgen.common.errors import DeclarationError, is_whole


@dataclass(frozen=True)
class Entry:
    """One file of the catalogue.

    Attributes:
        name: the file's name without `.toml`, which `catalogue("...")` takes.
        title: what it is, in a few words.
        declaration: the mapping, in the declaration language.
        source: where the expected numbers come from.
        order: the expected order of the group.
        rank: the expected number of orbits of index pairs.
        first_row: the first row of the pattern as worked out by hand, or None.
    """

    name: str
    title: str
    declaration: str
    source: str
    order: int
    rank: int
    first_row: str | None = None


def folder() -> Path:
    """Where the files are: inside the package when installed from a wheel, at the top of the repository else."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "groups"
    return inside if inside.is_dir() else package.parent / "groups"


def names() -> tuple[str, ...]:
    """The names of all entries, sorted.

    >>> "rubiks-cube" in names()
    True
    """
    found = tuple(sorted(path.stem for path in folder().glob("*.toml")))
    if not found:
        raise DeclarationError(
            f"no catalogue file is found in {folder()}: the installation is incomplete, install eqgen again"
        )
    return found


def entry(name: str) -> Entry:
    """The entry of that name.

    Raises:
        DeclarationError: there is no such file, or the file lacks a field.

    >>> entry("graph-edges").rank
    3
    """
    known = names()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f'did you mean "{near[0]}"?' if near else "`eqgen catalogue` lists them"
        raise DeclarationError(f'the catalogue has no "{name[:60]}": {hint}')
    path = folder() / f"{name}.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        expected = data["expected"]
        texts = {field: _text(data[field]) for field in ("title", "declaration", "source")}
        row = _text(expected["first_row"]) if "first_row" in expected else None
        return Entry(name, **texts, order=_whole(expected["order"]), rank=_whole(expected["rank"]), first_row=row)
    except KeyError as error:
        raise DeclarationError(
            f"groups/{name}.toml has no {error}: a catalogue file needs title, declaration, source, and order and rank "
            "under [expected]"
        ) from None
    except (TypeError, ValueError) as error:
        raise DeclarationError(f"groups/{name}.toml cannot be read: {error}") from None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a text in quotes, got {value!r}")
    return value


def _whole(value: object) -> int:
    if not is_whole(value):
        raise TypeError(f"expected a whole number, got {value!r}")
    return value


def entries() -> tuple[Entry, ...]:
    """Every entry, sorted by name."""
    return tuple(entry(name) for name in names())
