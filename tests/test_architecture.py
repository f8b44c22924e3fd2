"""Imports point one way: a room may import from the rooms above it in docs/architecture.md, and from nothing below."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import warpdata

ROOMS = (
    ("camera", "lens", "lens_models", "kernel", "gpu_kernel", "errors", "display", "plugins"),
    ("files",),
    ("config",),
    ("formats",),
    ("sources",),
    ("geometry",),
    ("cache",),
    ("render",),
    ("triplets",),
    ("training",),
    ("checks",),
    ("writers",),
    ("run",),
    ("prepare",),
    ("view",),
    ("programs",),
    ("materialize", "export", "check", "verify", "report", "compare", "splat", "__main__"),
)
"""From the ground up; what stands together may import each other."""

LEVEL = {name: level for level, names in enumerate(ROOMS) for name in names}
PACKAGE = Path(warpdata.__file__).parent
FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def imported_modules(path: Path) -> Iterator[str]:
    """Every module of warpdata that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module


def room_of(module: str) -> str:
    return module.removeprefix("warpdata.").split(".")[0]


@pytest.mark.parametrize("file", FILES)
def test_no_import_runs_upwards(file):
    parts = Path(file).with_suffix("").parts
    room = "__main__" if parts[-1] == "__main__" else parts[0]
    if room == "__init__":
        return  # the package's own face imports nothing
    assert room in LEVEL, f"warpdata/{file}: the room {room} is not in ROOMS; where does it belong?"
    for module in imported_modules(PACKAGE / file):
        if module.startswith("warpdata."):
            assert LEVEL[room_of(module)] <= LEVEL[room], f"warpdata/{file} imports {module}, which lies above it"


def test_only_the_network_knows_the_package_of_the_network():
    users = {
        file for file in FILES if any(m.split(".")[0] == "warpdata_vggt" for m in imported_modules(PACKAGE / file))
    }
    assert users == {"geometry/network/network.py"}


def test_every_room_says_what_belongs_in_it():
    for folder in sorted(path for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"):
        first_line = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or ""
        assert len(first_line) > 20, f"{folder.name}/__init__.py says nothing"


@pytest.mark.parametrize("file", FILES)
def test_no_file_is_longer_than_a_reader_holds(file):
    length = len((PACKAGE / file).read_text(encoding="utf-8").splitlines())
    assert length <= 410, f"warpdata/{file} has {length} lines; near 400 it is two files"
