"""`python -m warpdata.export`: an existing triplet folder in another layout, without rendering anything again."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import tyro

from warpdata.config import ExportOptions
from warpdata.errors import OutputError, WarpdataError
from warpdata.saved_options import from_json
from warpdata.writers.existing import find_exports
from warpdata.writers.layout import Samples, layout_options
from warpdata.writers.manifest import fingerprint
from warpdata.writers.output import OutputFolder
from warpdata.writers.prompts import Prompts
from warpdata.writers.triplet_folder import read_triplet_folder

log = logging.getLogger(__name__)

DONE, UNUSABLE = 0, 2


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


def export_folder(
    folder: Path,
    root: Path,
    options: ExportOptions,
    *,
    prompts: Prompts | None = None,
    link: bool = False,
    overwrite: bool = False,
) -> list[str]:
    """Write a triplet folder's samples in other layouts; a killed export goes on where it was.

    Args:
        folder: a triplet folder, with its manifest or without one, as other programs write it.
        root: where to.
        prompts: texts to take instead of those that `options` name.
        link: share files through hard links where the file system has them.
        overwrite: replace an export made from other triplets or with other options.

    Returns:
        How to use what was written, a text a layout; empty when it was complete before, or other workers are not done.

    Raises:
        OutputError: `folder` holds no triplets, `root` holds something else, or a file cannot be written.
    """
    if root.resolve() == folder.resolve():
        raise OutputError(f"{root} is the triplet folder itself; choose another folder for the export")
    prompts = prompts or Prompts.of_options(options)
    records = [
        replace(record, prompt=prompts.of(record.id, record.prompt), index=index)
        for index, record in enumerate(read_triplet_folder(folder), 1)
    ]
    triplets = fingerprint([record.as_json() for record in records])
    samples = Samples(root=folder, records=records, link=link)
    output = OutputFolder(
        root, {"triplets": triplets, **layout_options(options, prompts.digest)}, options, overwrite=overwrite
    )
    try:
        if output.intact:
            log.info("%s is complete already", root)
            return []
        output.dissolve()
        output.pack_share(samples)
        if output.journal.finish([]) is not None:
            output.complete(samples)
        return output.commands
    finally:
        output.journal.close()


def export_again(folder: Path, root: Path) -> None:
    """Remake what is missing in an export that was made from a triplet folder, with the options it was made with.

    Raises:
        OutputError: `root` holds no such export, or `folder` is not what it was made from.
    """
    exports = find_exports(root)
    if not exports or "triplets" not in exports[0].about["options"]:
        raise OutputError(f"{root} holds no export of a triplet folder; leave --triplets out")
    saved = exports[0].about["options"]
    shards = {f"shard_{name}": value for name, value in saved.get("shards", {}).items()}
    options = from_json(ExportOptions, {"layout": saved["layout"], **shards})
    texts = {record.id: record.prompt for record in exports[0].records if record.prompt is not None}
    export_folder(folder, root, options, prompts=Prompts(None, texts, digest=saved["prompts"]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    options = tyro.cli(
        ExportProgramOptions, args=arguments, prog="python -m warpdata.export", config=(tyro.conf.OmitArgPrefixes,)
    )
    logging.basicConfig(level=logging.WARNING if options.quiet else logging.INFO, format="%(message)s")
    try:
        for root, layouts in options.targets():
            commands = export_folder(options.output_dir, root, layouts, link=options.link, overwrite=options.overwrite)
            if commands:
                log.info("\n".join([f"wrote {' '.join(layouts.layout)} to {root}", *commands]))
    except (WarpdataError, ValueError) as error:
        log.error("%s", error)
        return UNUSABLE
    return DONE


if __name__ == "__main__":
    sys.exit(main())
