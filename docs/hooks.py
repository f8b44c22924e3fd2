"""What the site of the documentation has besides the files of `docs/`: the README as its first page, the changelog, the
options of every program, made from the programs themselves, and the Python pages, made from docstrings.

mkdocs calls `on_files` and `on_page_markdown` (`hooks` in mkdocs.yml).
"""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mkdocs.structure.files import File, Files

REPOSITORY = Path(__file__).resolve().parents[1]

API = {
    "Cameras": ["warpdata.camera"],
    "The warp": ["warpdata.render.warp", "warpdata.render.Rendering", "warpdata.render.estimate_s0"],
    "Options": ["warpdata.config"],
    "Runs": ["warpdata.run.materialize", "warpdata.run.options", "warpdata.run.export", "warpdata.run.splat_options"],
    "Training": ["warpdata.training.datamodule", "warpdata.training.options", "warpdata.training.triplet_shards"],
    "Triplets": ["warpdata.triplets.triplet"],
    "Scenes": ["warpdata.sources.scene", "warpdata.sources.table"],
    "Geometry": ["warpdata.geometry.types", "warpdata.geometry.estimators"],
    "Layouts": ["warpdata.writers.layouts.layout"],
    "Files": ["warpdata.formats.manifest", "warpdata.formats.marks"],
    "Errors": ["warpdata.errors"],
}
"""Heading -> modules and names whose docstrings stand below it."""

WIDTH = 100
"""Columns of the help of programs."""

LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def on_files(files: Files, config) -> Files:
    """Add the pages that are made here."""
    made = {
        "index.md": (REPOSITORY / "README.md").read_text(encoding="utf-8"),
        "changes.md": (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8"),
        "options.md": options_page(),
        "api.md": api_page(),
    }
    for name, text in made.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page, config, files: Files) -> str:
    """Lead links of the README and of pages to what they name in the site; files that are not in it become words."""
    at_root = page.file.src_uri in ("index.md", "changes.md")

    def lead(match: re.Match[str]) -> str:
        bang, words, target = match.groups()
        if re.match(r"[a-z]+:|#", target):
            return match.group()
        path, _, anchor = target.partition("#")
        place = os.path.normpath(path if at_root else os.path.join("docs", path)).replace(os.sep, "/")
        place = {"README.md": "docs/index.md", "CHANGELOG.md": "docs/changes.md"}.get(place, place)
        if place.startswith("docs/"):
            return f"{bang}[{words}]({place.removeprefix('docs/')}{'#' + anchor if anchor else ''})"
        if not (REPOSITORY / place).exists():
            return match.group()  # mkdocs says that it leads nowhere
        return words if words.startswith("`") else f"{words} (`{place}`)" if words != place else f"`{place}`"

    return LINK.sub(lead, markdown)


def options_page() -> str:
    """The help of every program."""
    os.environ["COLUMNS"] = str(WIDTH)
    parts = ["# Options of every program", "", "As `--help` shows them.", ""]
    for words, text in programs():
        parts += [f"## {' '.join(words)}", "", "```text", text.rstrip(), "```", ""]
    return "\n".join(parts)


def programs() -> Iterator[tuple[Sequence[str], str]]:
    """Words of every program's command, and its help; of programs of programs those in them."""
    from warpdata.programs.main import PROGRAMS, main

    def below(words: list[str], run: Callable[[list[str]], int]) -> Iterator[tuple[Sequence[str], str]]:
        text = help_of(lambda: run([*words[1:], "--help"]))
        if " PROGRAM [OPTIONS]" not in text:
            yield words, text
            return
        for name in re.findall(r"^  (\S+)  ", text, re.MULTILINE):
            yield from below([*words, name], run)

    for name in PROGRAMS:
        yield from below(["warpdata", name], main)


def help_of(run: Callable[[], object]) -> str:
    """What a program prints when it is asked for help."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        run()
    return printed.getvalue()


def api_page() -> str:
    """The Python pages: what mkdocstrings fills from docstrings."""
    parts = ["# Python", ""]
    for heading, names in API.items():
        parts += [f"## {heading}", ""]
        for name in names:
            parts += [f"::: {name}", "    options: {heading_level: 3}", ""]
    return "\n".join(parts)
