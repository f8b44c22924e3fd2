"""`warpdata export`: an existing triplet folder in another layout."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, make_dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro

from warpdata.config import ExportOptions
from warpdata.plugins import OwnOptions
from warpdata.programs.main import DONE, run_program
from warpdata.writers.layouts.table import LAYOUTS


def default_folder(layout: str) -> Path:
    """Where a layout is written when nobody says where."""
    return Path(f"{layout}-dataset")


def _folder_field(layout: str) -> str:
    return f"{layout.replace('-', '_')}_dir"


LayoutFolders = make_dataclass(
    "LayoutFolders",
    [
        (
            _folder_field(row.name),
            Annotated[Path, tyro.conf.arg(help=f"Where to write --layout {row.name}, without --export-dir.")],
            field(default=default_folder(row.name)),
        )
        for row in LAYOUTS
        if row.has_own_folder_flag
    ],
    frozen=True,
    kw_only=True,
)
"""A folder for each layout that has a flag of its own for it."""


@dataclass(frozen=True, kw_only=True)
class ExportProgramOptions:
    """Bring a triplet folder into the layout of a trainer."""

    export: ExportOptions = field(default_factory=ExportOptions)
    output_dir: Path = Path("output")
    """The triplet folder to read, as materialize wrote it."""
    export_dir: Path | None = None
    """Where to write; several layouts go into a sub-folder each. By default <layout>-dataset."""
    folders: LayoutFolders = field(default_factory=LayoutFolders)
    link: bool = False
    """Share files with the triplet folder through hard links instead of copying them."""
    overwrite: bool = False
    """Replace an export that was made from other triplets or with other options."""
    ignore_marks: bool = False
    """Also export triplets that a person has rejected in the viewer, in rejected.json beside the triplets."""
    cache_dir: Path | None = None
    """The cache with the geometry of the triplets, for layouts that ask about depth. By default the user's own."""
    quiet: bool = False
    """Show nothing but errors."""
    own: OwnOptions = field(default_factory=OwnOptions)
    """Options of single layouts."""

    def targets(self) -> list[tuple[Path, ExportOptions]]:
        """Folders to write, and the layouts that go into each."""
        if self.export_dir is not None:
            return [(self.export_dir, self.export)]
        return [
            (
                getattr(self.folders, _folder_field(layout), default_folder(layout)),
                replace(self.export, layout=(layout,)),
            )
            for layout in self.export.layout
        ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit code."""
    return run_program(
        "export", ExportProgramOptions, _run, arguments, tables=(LAYOUTS,), choices={"layout": LAYOUTS.names}
    )


def _run(options: ExportProgramOptions) -> int:
    from warpdata.run.export import export_folder
    from warpdata.writers.output.refusals import refuse_unusable

    targets = options.targets()
    for root, layouts in targets:
        refuse_unusable(root, layouts)
    for root, layouts in targets:
        commands = export_folder(
            options.output_dir,
            root,
            layouts,
            link=options.link,
            overwrite=options.overwrite,
            own=options.own,
            rejected=frozenset() if options.ignore_marks else None,
            cache_dir=options.cache_dir,
        )
        if not options.quiet:
            done = f"wrote {' '.join(layouts.layout)} to {root}" if commands else f"{root} is complete already"
            print("\n".join([done, *commands]), file=sys.stderr)
    return DONE
