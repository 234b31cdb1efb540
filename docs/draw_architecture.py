"""Draws the staircase of packages from the imports: docs/images/architecture.svg.

Run `python docs/draw_architecture.py` after an import between packages came or went; with `--check`, as CI runs it, it writes
nothing and fails where the picture is not that of the code. Needs import-linter (`pip install -e ".[dev]"`).
"""

from __future__ import annotations

import ast
import sys
import tomllib
from html import escape
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "images" / "architecture.svg"

HEIGHT, RISE = 46, 60
WIDTH = 790
LEFT = 16
COLOURS = ("#e8f1fb", "#dcebf9", "#d0e4f7", "#c4def5", "#b8d7f2", "#a9cdee", "#9ac4ea", "#8bbae6", "#7cb1e2")


def staircase() -> list[str]:
    """The packages, the lowest first, in the order of the contract that import-linter holds."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    return [name for name in reversed(layers) if (ROOT / "eqgen" / name).is_dir()]


def purpose(package: str) -> str:
    """The first sentence of a package's docstring."""
    docstring = ast.get_docstring(ast.parse((ROOT / "eqgen" / package / "__init__.py").read_text())) or ""
    return docstring.split("\n\n")[0].replace("\n", " ").rstrip(".")


def arrows(packages: list[str]) -> list[tuple[str, str]]:
    """(importing, imported) for every two packages of which one imports the other."""
    graph = grimp.build_graph("eqgen")
    found = set()
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            ends = tuple(([*name.split("."), ""])[1] for name in (module, imported))
            if ends[0] != ends[1] and set(ends) <= set(packages):
                found.add(ends)
    return sorted(found, key=lambda ends: (packages.index(ends[0]), packages.index(ends[1])))


def drawn(packages: list[str]) -> str:
    """The picture: one step for each package, and on its right a line down to each that it imports."""
    pairs = arrows(packages)
    top = 14
    height = top + RISE * len(packages)
    rows = {name: top + RISE * (len(packages) - 1 - number) for number, name in enumerate(packages)}
    edge = LEFT + WIDTH + 30
    lines = []
    columns: dict[str, int] = {}
    for importing, imported in pairs:
        column = columns.setdefault(importing, len(columns))
        x = edge + 24 * column
        y_from, y_to = rows[importing] + HEIGHT // 2, rows[imported] + 10 + 4 * column
        lines.append(
            f'<path d="M{LEFT + WIDTH} {y_from} H{x} V{y_to} H{LEFT + WIDTH + 7}" class="a" '
            f'marker-end="url(#head)"><title>{importing} imports {imported}</title></path>'
        )
    boxes = []
    for number, name in enumerate(packages):
        y = rows[name]
        boxes.append(
            f'<rect x="{LEFT}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="5" fill="{COLOURS[number]}"/>'
            f'<text x="{LEFT + 12}" y="{y + 20}" class="n">{number + 1}. {name}</text>'
            f'<text x="{LEFT + 12}" y="{y + 37}" class="p">{escape(purpose(name))}</text>'
        )
    right = edge + 24 * len(columns) + 10
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {right} {height}" width="{right}" height="{height}">',
            "<title>The packages of eqgen; a line leads from each to those that it imports, all of them below it</title>",
            "<style>text{font-family:sans-serif;fill:#123}.n{font-size:15px;font-weight:bold}.p{font-size:12px}"
            ".a{fill:none;stroke:#567;stroke-width:1.2}</style>",
            '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            '<path d="M0 0L8 4L0 8z" fill="#567"/></marker></defs>',
            f'<rect width="{right}" height="{height}" fill="#fff"/>',
            *lines,
            *boxes,
            "</svg>",
            "",
        ]
    )


def main() -> None:
    """Write the picture, or hold the one that is there to the imports."""
    picture = drawn(staircase())
    if "--check" not in sys.argv[1:]:
        PICTURE.write_text(picture)
    elif not PICTURE.exists() or PICTURE.read_text() != picture:
        sys.exit(f"{PICTURE.relative_to(ROOT)} is not what the imports are: run python docs/draw_architecture.py")


if __name__ == "__main__":
    main()
