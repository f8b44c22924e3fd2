"""An output folder while layouts are being made in it: whose it is, what it holds, and how it becomes complete."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from warpdata.config import ExportOptions
from warpdata.errors import OutputError
from warpdata.files.atomic import write_atomic
from warpdata.files.bounded_json import dump_json, fingerprint
from warpdata.formats.manifest import DATASET, MANIFEST, read_manifest, write_manifest
from warpdata.plugins import OwnOptions
from warpdata.writers.layouts.layout import Place, Samples
from warpdata.writers.layouts.table import chosen_rows, options_of
from warpdata.writers.layouts.write import describe_layout, write_layout
from warpdata.writers.output.existing import Export, all_paths, find_exports, layout_roots, remove_export, remove_files
from warpdata.writers.output.journal import Journal
from warpdata.writers.output.shards import note_path, pack

DIGESTS = {"prompts", "triplets"}
"""Options that are kept as a digest, which tells a person nothing."""


class OutputFolder:
    """A folder that this process writes layouts to, alone or with the other workers of the same run.

    Args:
        root: the folder; made where it is missing.
        options: JSON, all that the bytes of the export depend on.
        export: which layouts, and how.
        scene_formats: formats in which scenes are written beside the layouts.
        overwrite: whether exports made with other options, and files that are not ours, may be replaced. They are when
            the first file is about to be written, so that a run that makes nothing replaces nothing.
        own: options of single layouts.

    Attributes:
        journal: what has been done so far.
        exports: the complete exports that were there; made with the same options.
        intact: whether these are all that is asked for, with no file missing.
        roots: layout -> where it goes.
        commands: how to use what was written, for a person to read.

    Raises:
        OutputError: the folder holds an export made with other options and `overwrite` is not set, another run is
            writing there, or it cannot be written.
    """

    def __init__(
        self,
        root: Path,
        options: dict[str, Any],
        export: ExportOptions,
        *,
        overwrite: bool,
        scene_formats: Sequence[str] = (),
        own: OwnOptions | None = None,
    ):
        self.roots = layout_roots(root, export.layout, scene_formats)
        self.commands: list[str] = []
        self.intact = False
        self._layouts = [(row, options_of(row, export, own or OwnOptions())) for row in chosen_rows(export.layout)]
        self._replaced: list[Export] = []
        self._root, self._options, self._export, self._overwrite = root, options, export, overwrite
        self.journal = Journal(root, export.worker)
        try:
            self.exports = find_exports(root)
            self._take_up()
            self.journal.everyone.release()
        except BaseException:
            self.journal.close()
            raise

    def begin(self, root: Path, paths: Iterable[str]) -> None:
        """Note files below a root inside this folder that are about to be written; those of the state need no note.

        Raises:
            OutputError: one of them exists and is not ours.
        """
        if root.is_relative_to(self.journal.folder):
            return
        self._make_free()
        below = root.relative_to(self._root)
        paths = [(below / path).as_posix() for path in paths]
        if not self._overwrite:
            for path in paths:
                if path not in self.journal.begun and (self._root / path).exists():
                    raise OutputError(
                        f"{self._root / path} exists and is not of this export; "
                        "use `overwrite=True` to replace it, or choose another output folder"
                    )
        self.journal.begin(paths)

    def dissolve(self) -> None:
        """Declare the complete exports incomplete before anything in them is changed; their files stay ours."""
        self.journal.begin(all_paths(self._root, self.exports))
        for export in self.exports:
            for path, about in export.about["files"].items():
                if "key" in about:
                    write_atomic(note_path(self.state(export.layout), path), dump_json(about))
            for scene_id in export.about.get("scenes", ()):
                write_atomic(self.scene_note(export.layout, scene_id), dump_json(export.scene(scene_id)))
            remove_files(export.root, [DATASET])
        self.exports, self.intact = [], False

    def pack_share(self, samples: Samples) -> None:
        """Write this worker's share of the shards, so that `complete` finds them done."""
        number, count = self._export.worker
        for row, options in self._layouts:
            if row.plan is not None and count > 1:
                shards = row.plan(samples, options)
                pack(shards[number::count], self._place(row.name), self._export.shard_url)

    def complete(self, samples: Samples) -> None:
        """Write every layout, its `dataset.json` last; then remove what of ours no layout lists, and the state."""
        for row, options in self._layouts if samples.records else ():
            written = write_layout(row, samples, options, self._options, self._place(row.name))
            if written.commands:
                self.commands.append(written.commands)
        self._sweep()
        self.journal.remove()

    def tidy(self) -> None:
        """Remove what unfinished runs left beside exports that stay as they are."""
        if self.journal.alone:
            self._sweep()
            self.journal.forget()

    def complete_scenes(self, name: str, files: dict[str, Any], scenes: dict[str, Any]) -> None:
        """Say of a format of scenes that it is complete, `dataset.json` last."""
        self.begin(self.roots[name], [MANIFEST, DATASET])
        about = {**describe_layout(name, self._options), "scenes": scenes}
        write_manifest(self.roots[name], [], about, files)

    def once_complete(self) -> set[str]:
        """Ids of the samples of exports that are, or were before they began to be changed, complete here."""
        ids = set()
        for root in set(self.roots.values()) - {export.root for export in self._replaced}:
            with suppress(OutputError):  # none, or damaged
                ids.update(record.id for record in read_manifest(root))
        return ids

    def state(self, layout: str) -> Path:
        """Where the state keeps what is known of an unfinished layout."""
        return self.journal.folder / layout

    def scene_note(self, name: str, scene_id: str) -> Path:
        """Where the state keeps what is known of a finished scene."""
        return self.state(name) / "scenes" / f"{scene_id}.json"

    def _take_up(self) -> None:
        """See what the folder holds, and go on with it or make it free."""
        unfinished = self.journal.options
        found = [export.about["options"] for export in self.exports] + ([unfinished] if unfinished else [])
        others = [options for options in found if fingerprint(options) != fingerprint(self._options)]
        if others:
            if not self._overwrite:
                raise OutputError(
                    f"{self._root} holds an export made with other options ({_difference(others[0], self._options)}); "
                    "use `overwrite=True` to replace it, or choose another output folder"
                )
            if unfinished is not None and fingerprint(unfinished) != fingerprint(self._options):
                remove_files(self._root, self.journal.begun - set(all_paths(self._root, self.exports)))
                self.journal.clear()
            self._replaced, self.exports = self.exports, []
        complete = {export.layout for export in self.exports} == set(self.roots)
        self.intact = complete and not any(path for export in self.exports for path in export.missing())
        listed = {record.id for export in self.exports for record in export.records}
        if self.intact and self.journal.records.keys() <= listed:  # whatever a kill left to do is to tidy up
            self.tidy()
        self.journal.options = self._options
        self.journal.reopen()

    def _make_free(self) -> None:
        """Remove the exports that are to be replaced. Of several processes that share the output one does it."""
        if not self._replaced:
            return
        with self.journal.everyone:
            there = [export for export in self._replaced if (export.root / DATASET).exists()]
            self.journal.begin(all_paths(self._root, there))
            for export in there:
                remove_export(export)
        self._replaced = []

    def _sweep(self) -> None:
        """Remove files of ours that no layout lists."""
        current = set(all_paths(self._root, find_exports(self._root)))
        remove_files(self._root, self.journal.begun - current)

    def _place(self, layout: str) -> Place:
        root = self.roots[layout]
        return Place(root=root, state=self.state(layout), begin=partial(self.begin, root))


def _difference(found: dict[str, Any], wanted: dict[str, Any], prefix: str = "") -> str:
    """The first option, by name, in which two sets differ."""
    for key in sorted(found.keys() | wanted.keys()):
        one, other = found.get(key), wanted.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            if difference := _difference(one, other, f"{prefix}{key}."):
                return difference
        elif dump_json(one) != dump_json(other):
            if key in DIGESTS:
                return f"{key} are others"
            return f"{prefix}{key} is {dump_json(one)} there and {dump_json(other)} here"
    return ""
