"""An existing triplet folder in another layout, without rendering anything again."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from warpdata.config import ExportOptions
from warpdata.config.saved import from_json
from warpdata.errors import OutputError
from warpdata.files.bounded_json import fingerprint
from warpdata.writers.layouts.layout import Samples, layout_options
from warpdata.writers.output.existing import find_exports
from warpdata.writers.output.output_folder import OutputFolder
from warpdata.writers.output.prompts import Prompts
from warpdata.writers.output.triplet_folder import read_triplet_folder

log = logging.getLogger(__name__)


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
