"""`warpdata export`: an existing triplet folder in another layout."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from warpdata.config import ExportOptions
from warpdata.programs.main import DONE, run_program


@dataclass(frozen=True, kw_only=True)
class ExportProgramOptions:
    """Bring a triplet folder into the layout of a trainer."""

    export: ExportOptions = field(default_factory=ExportOptions)
    output_dir: Path = Path("output")
    """The triplet folder to read, as materialize wrote it."""
    export_dir: Path | None = None
    """Where to write; several layouts go into a sub-folder each. By default <layout>-dataset."""
    modelscope_dir: Path = Path("modelscope-dataset")
    """Where to write --layout modelscope, without --export-dir."""
    aitoolkit_dir: Path = Path("aitoolkit-dataset")
    """Where to write --layout aitoolkit, without --export-dir."""
    link: bool = False
    """Share files with the triplet folder through hard links instead of copying them."""
    overwrite: bool = False
    """Replace an export that was made from other triplets or with other options."""
    quiet: bool = False
    """Show nothing but errors."""

    def targets(self) -> list[tuple[Path, ExportOptions]]:
        """Folders to write, and the layouts that go into each."""
        if self.export_dir is not None:
            return [(self.export_dir, self.export)]
        named = {"modelscope": self.modelscope_dir, "aitoolkit": self.aitoolkit_dir}
        return [
            (named.get(layout, Path(f"{layout}-dataset")), replace(self.export, layout=(layout,)))
            for layout in self.export.layout
        ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit code."""
    return run_program("export", ExportProgramOptions, _run, arguments)


def _run(options: ExportProgramOptions) -> int:
    from warpdata.run.export import export_folder

    for root, layouts in options.targets():
        commands = export_folder(options.output_dir, root, layouts, link=options.link, overwrite=options.overwrite)
        if not options.quiet:
            told = (
                [f"wrote {' '.join(layouts.layout)} to {root}", *commands]
                if commands
                else [f"{root} is complete already"]
            )
            print("\n".join(told), file=sys.stderr)
    return DONE
