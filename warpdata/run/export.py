"""An existing triplet folder in another layout, without rendering anything again."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from warpdata.config import ExportOptions
from warpdata.config.saved import from_json
from warpdata.errors import OutputError
from warpdata.files.bounded_json import fingerprint
from warpdata.formats.manifest import Record
from warpdata.formats.marks import MARKS, marks_of_export
from warpdata.plugins import OwnOptions
from warpdata.writers.layouts.layout import Samples
from warpdata.writers.layouts.table import LAYOUTS, chosen_rows, what_bytes_depend_on
from warpdata.writers.output.existing import find_exports
from warpdata.writers.output.output_folder import OutputFolder
from warpdata.writers.output.prompts import Prompts
from warpdata.writers.output.refusals import refuse_roles, refuse_same_folder, refuse_unusable
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
    own: OwnOptions | None = None,
    rejected: frozenset[str] | None = None,
    cache_dir: Path | None = None,
) -> list[str]:
    """Write a triplet folder's samples in other layouts; a killed export goes on where it was.

    Args:
        folder: a triplet folder, with its manifest or without one, as other programs write it.
        root: where to.
        prompts: texts to take instead of those that `options` name.
        link: share files through hard links where the file system has them.
        overwrite: replace an export made from other triplets or with other options.
        own: options of single layouts.
        rejected: ids of triplets that are left out; None takes those of `rejected.json` beside the folder.
        cache_dir: the cache with the geometry of the triplets, for layouts that ask about it; the user's own by
            default.

    Returns:
        How to use what was written, a text a layout; empty when it was complete before, or other workers are not done.

    Raises:
        OutputError: `folder` holds no triplets, `root` holds something else, or a file cannot be written.
    """
    own = own or OwnOptions()
    refuse_unusable(root, options)
    for row in chosen_rows(options.layout):
        if row.is_triplet_folder:
            raise OutputError(
                f"{folder} has the layout {row.name} already; copy it, and leave {row.name} out of `layout`"
            )
    refuse_same_folder(root, folder, "the triplet folder")
    prompts = prompts or Prompts.of_options(options)
    rejected = marks_of_export(folder) if rejected is None else rejected
    records = read_samples(folder, prompts, rejected)
    samples = Samples(root=folder, records=records, link=link, cache_dir=cache_dir)
    refuse_roles(options, samples.common_roles, own)
    about = {"triplets": digest_of_samples(samples.records), **what_bytes_depend_on(options, prompts.digest, own)}
    output = OutputFolder(root, about, options, overwrite=overwrite, own=own)
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


def read_samples(folder: Path, prompts: Prompts, rejected: Collection[str] = ()) -> list[Record]:
    """The triplets of a folder that are not rejected, sorted by id and numbered, with their texts.

    Raises:
        OutputError: it holds none, it is unfinished, or one of its files is missing.
    """
    records = [record for record in read_triplet_folder(folder) if record.id not in rejected]
    if not records:
        raise OutputError(f"every triplet of {folder} is rejected in {MARKS}; use `ignore_marks=True` to export them")
    return [
        replace(record, prompt=prompts.of(record.id, record.prompt), index=index)
        for index, record in enumerate(records, 1)
    ]


def digest_of_samples(records: Sequence[Record]) -> str:
    """Equal for equal triplets, texts included."""
    return fingerprint([record.as_json() for record in records])


@dataclass(frozen=True, kw_only=True)
class PastExport:
    """How an export of a triplet folder was made.

    Attributes:
        root: where it is.
        triplets: digest of the triplets it was made from.
        ids: of its samples.
        options: of the export.
        own: options of single layouts.
        prompts: the texts of its samples.
    """

    root: Path
    triplets: str
    ids: frozenset[str]
    options: ExportOptions
    own: OwnOptions
    prompts: Prompts

    @classmethod
    def found_in(cls, root: Path) -> PastExport:
        """What an export says about how it was made.

        Raises:
            OutputError: `root` holds no export of a triplet folder.
        """
        exports = find_exports(root)
        if not exports or "triplets" not in exports[0].about["options"]:
            raise OutputError(f"{root} holds no export of a triplet folder; leave `triplets` out")
        saved = exports[0].about["options"]
        shards = {f"shard_{name}": value for name, value in saved.get("shards", {}).items()}
        own = [from_json(LAYOUTS[name].options, values) for name, values in saved.get("own", {}).items()]
        texts = {record.id: record.prompt for record in exports[0].records if record.prompt is not None}
        return cls(
            root=root,
            triplets=saved["triplets"],
            ids=frozenset(record.id for record in exports[0].records),
            options=from_json(ExportOptions, {"layout": saved["layout"], **shards}),
            own=OwnOptions(*own),
            prompts=Prompts(None, texts, digest=saved["prompts"]),
        )

    def refuse_other(self, folder: Path) -> None:
        """Refuse a triplet folder that it was not made from.

        Raises:
            OutputError: it is another one, or no triplet folder.
        """
        if digest_of_samples(read_samples(folder, self.prompts, self._rejected(folder))) != self.triplets:
            raise OutputError(f"{self.root} was made from other triplets than {folder} holds; give those as `triplets`")

    def make_again(self, folder: Path) -> None:
        """Remake what is missing in it from the triplet folder that it was made from.

        Raises:
            OutputError: `folder` is another one, or a file cannot be written.
        """
        rejected = self._rejected(folder)
        export_folder(folder, self.root, self.options, prompts=self.prompts, own=self.own, rejected=rejected)

    def _rejected(self, folder: Path) -> frozenset[str]:
        """What the folder's marks reject and the export does not hold: they may have changed since it was made."""
        return marks_of_export(folder) - self.ids
