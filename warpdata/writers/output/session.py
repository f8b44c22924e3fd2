"""A run's output: triplets go in one by one, finished layouts come out, and a killed run goes on where it was."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from warpdata.config import ExportOptions, OutputOptions
from warpdata.errors import OutputError
from warpdata.files.bounded_json import fingerprint
from warpdata.formats.manifest import Record, scene_of
from warpdata.formats.ply import PointCloud
from warpdata.plugins import OwnOptions
from warpdata.triplets.scene_pairs import ScenePairs
from warpdata.triplets.triplet import Triplet
from warpdata.writers.layouts.layout import Samples
from warpdata.writers.layouts.table import chosen_rows, what_bytes_depend_on
from warpdata.writers.output.encoder import Encoded, Encoder
from warpdata.writers.output.existing import has_length, restorable, restore
from warpdata.writers.output.journal import STATE_FOLDER
from warpdata.writers.output.output_folder import OutputFolder
from warpdata.writers.output.prompts import Prompts
from warpdata.writers.output.refusals import refuse_roles, refuse_unusable
from warpdata.writers.output.scene_exports import SceneExports
from warpdata.writers.output.triplet_files import FolderLayout, describe, store
from warpdata.writers.scenes.frames import SceneFrames
from warpdata.writers.scenes.table import SCENE_FORMATS

log = logging.getLogger(__name__)

STORE_THREADS = 8
"""Threads that wait for the disk; they cost no processor time."""


@dataclass(frozen=True, kw_only=True)
class RunInfo:
    """What a run's triplets depend on, besides how they are written.

    Attributes:
        options: JSON; of everything that changes a triplet's bytes. Where the input lies and which device renders it
            do not belong here.
        warp_version: version of the warp.
        has_references: whether its triplets have a reference.
        cache_dir: where their geometry is, for layouts that ask about it; None for the user's own.
    """

    options: dict[str, Any] = field(default_factory=dict)
    warp_version: int = 1
    has_references: bool = True
    cache_dir: Path | None = None


@contextmanager
def open_writers(
    export: ExportOptions,
    output: OutputOptions,
    run: RunInfo,
    *,
    scene_ids: Sequence[str] | None = None,
    own: OwnOptions | None = None,
    rejected: frozenset[str] = frozenset(),
) -> Iterator[Writers]:
    """Write triplets in one or several layouts.

    Leaving the block completes the output: layouts, manifests, and `dataset.json` last. Leaving it with an exception,
    or being killed in it, keeps what is done for the next run with the same options, which ends with the same bytes.
    A complete output to which triplets are added stays complete as it was until all of them are there.

    Args:
        scene_ids: all scenes of the input, whichever worker makes them; where they are given, an output that holds
            triplets of other scenes is refused at once, else when all triplets have been asked for.
        own: options of single layouts and scene formats.
        rejected: ids of triplets that are not to be in the output, and are removed where they are.

    Raises:
        OutputError: the output folder holds an export made with other options or inputs and `output.overwrite` is not
            set, another run is writing there, a package that is needed is missing, or a file cannot be written.
        ValueError: a name is unknown, options contradict each other, or the prompt file cannot be used.
    """
    writers = Writers(export, output, run, scene_ids, own or OwnOptions(), rejected)
    try:
        yield writers
        writers.finish()
    finally:
        writers.close()


class Writers:
    """Open output; made by `open_writers`.

    Attributes:
        rejected: ids of triplets that are not to be written.
    """

    def __init__(
        self,
        export: ExportOptions,
        output: OutputOptions,
        run: RunInfo,
        scene_ids: Sequence[str] | None,
        own: OwnOptions,
        rejected: frozenset[str],
    ):
        self.rejected = rejected
        refuse_unusable(output.output_dir, export, output.export_scenes)
        rows = chosen_rows(export.layout)
        formats = [SCENE_FORMATS[name] for name in output.export_scenes]
        masks = any(row.shows_masks for row in rows)
        self._output, self._run, self._worker_count = output, run, export.worker[1]
        self._prompts = Prompts.of_options(export)
        self._layout = FolderLayout(
            extension="png" if output.output_format == "png" else "jpg",
            coverage=output.coverage and masks,
            confidence=output.confidence and masks,
            ply=output.save_ply and any(row.shows_points for row in rows),
            reference=run.has_references,
        )
        refuse_roles(export, self._layout.picture_roles, own)
        options = {
            "run": run.options,
            "warp_version": run.warp_version,
            "files": self._layout.as_json(),
            **what_bytes_depend_on(export, self._prompts.digest, own, formats),
            "scenes": list(output.export_scenes),
        }
        self._folder = OutputFolder(
            output.output_dir,
            options,
            export,
            overwrite=output.overwrite,
            scene_formats=output.export_scenes,
            own=own,
        )
        self._scenes = SceneExports(self._folder, output.export_scenes, overwrite=output.overwrite, own=own)
        self._journal = self._folder.journal
        own_place = next((self._folder.roots[row.name] for row in rows if row.is_triplet_folder), None)
        self._store_root = own_place or output.output_dir / STATE_FOLDER / "triplets"
        self._asked: set[str] = set()
        self._scene_was_written = False
        self._complete: dict[str, Record] = {}
        self._pending: deque[Future[None]] = deque()
        self._encoder = Encoder(output.write_threads)
        self._storing = ThreadPoolExecutor(STORE_THREADS, thread_name_prefix="store")
        try:
            if self._folder.intact:
                self._complete = {record.id: record for export in self._folder.exports for record in export.records}
            if scene_ids is not None:
                self._refuse_unasked({one for one in self._protected() if scene_of(one) in set(scene_ids)})
            # A worker alone changes a complete output when it ends; of several, the first tells the others so.
            shared_and_changes = self._worker_count > 1 and bool(self._complete.keys() & self.rejected)
            if not self._folder.intact or shared_and_changes:
                self._unpack()
        except BaseException:
            self.close()
            raise

    @property
    def commands(self) -> list[str]:
        """After the block: how to use what was written, for a person to read."""
        return self._folder.commands

    def has(self, sample_id: str, geometry: dict[str, Any] | None = None) -> bool:
        """Whether a triplet is complete from an earlier run, all its files there.

        Args:
            geometry: what the triplet would be made from now.

        Raises:
            OutputError: it was made from other geometry, that is from another input, and `overwrite` is not set.
        """
        self._asked.add(sample_id)
        record = self._complete.get(sample_id) or self._journal.records.get(sample_id)
        if record is None:
            return False
        if geometry is not None and fingerprint(record.geometry) != fingerprint(geometry):
            if not self._output.overwrite:
                raise OutputError(
                    f"{self._output.output_dir} holds {sample_id} made {_difference(record.geometry, geometry)}; use "
                    "`overwrite=True`, or choose another output folder"
                )
            return False
        return sample_id in self._complete or all(
            has_length(self._store_root / path, record.bytes[role]) for role, path in record.files.items()
        )

    def scores(self, sample_id: str) -> dict[str, float]:
        """The scores of a triplet that is complete."""
        record = self._complete.get(sample_id) or self._journal.records[sample_id]
        return {name: value for name, value in record.warp.items() if name != "version"}

    def write(
        self,
        triplet: Triplet,
        points: PointCloud | None = None,
        *,
        geometry: dict[str, Any] | None = None,
        time_s: Mapping[str, float] | None = None,
    ) -> None:
        """Begin to write a triplet; returns before it is on the disk.

        The triplet's pictures must not change afterwards.

        Args:
            points: the reference's points that the renderer used; needed with `save_ply` alone.
            geometry: how its depth and cameras were made, and the licences; JSON, goes into the manifest.
            time_s: view name -> when it was taken, for the manifest, see `Record.time_s`.

        Raises:
            OutputError: this or an earlier triplet cannot be written; names the file.
        """
        if triplet.id in self._complete:
            self._unpack()
        elif self._folder.exports:
            self._refuse_unamendable(self._complete.keys() - self._restorable)
        files = self._layout.files(triplet.id)
        self._folder.begin(self._store_root, files.values())
        self._asked.add(triplet.id)
        record = describe(
            triplet,
            files,
            warp_version=self._run.warp_version,
            geometry=geometry or {},
            prompt=self._prompts.of(triplet.id, triplet.prompt or None),
            time_s=time_s,
        )
        encoded = self._layout.encode(triplet, points, self._encoder)
        self._pending.append(self._storing.submit(self._store, record, encoded))
        while len(self._pending) > STORE_THREADS + self._encoder.threads:
            self._pending.popleft().result()

    def write_scene(self, scene: ScenePairs) -> dict[str, str]:
        """Export a scene in the formats of `output.export_scenes`, where it is not there yet.

        Returns:
            What was left out, and why: a view by its name, or the whole scene by `scenes/<format>`.

        Raises:
            OutputError: a file cannot be written, or the scene was exported from another input.
        """
        frames = SceneFrames(scene)
        missing = self._scenes.missing(frames.scene_id, frames.key)
        if not missing:
            return {}
        if self._scenes.holds(frames.scene_id):
            self._unpack()
        self._scene_was_written = True
        return self._scenes.write(frames, missing)

    def finish(self) -> None:
        """Complete the output, unless other processes are still writing their share of it."""
        while self._pending:
            self._pending.popleft().result()
        alone = self._worker_count == 1
        if alone:
            self._refuse_unasked(self._asked)
        if self._folder.intact and not self._has_changes(alone):
            self._folder.tidy()
            log.info("%s is complete already", self._output.output_dir)
            return
        asked = self._journal.finish(self._asked)
        if asked is None:
            return
        self._refuse_unasked(asked)
        self._unpack()
        kept = sorted(self._journal.records.keys() & asked)
        records = [replace(self._journal.records[sample_id], index=k) for k, sample_id in enumerate(kept, 1)]
        self._scenes.complete()
        samples = Samples(root=self._store_root, records=records, link=True, cache_dir=self._run.cache_dir)
        self._folder.complete(samples)

    def close(self) -> None:
        """Stop writing; what is not complete stays for the next run."""
        self._encoder.close()
        self._storing.shutdown(cancel_futures=True)
        self._journal.close()

    def _protected(self) -> set[str]:
        """Ids of the triplets that this run may not drop without being told to.

        Those of a complete export. An output that is not complete, but was before a run began to change it, still has
        its manifest, and what that run added is not protected. Of an output that never was complete all triplets are.
        """
        listed = self._complete.keys() or self._folder.once_complete()
        return set(listed or self._journal.records.keys()) - self.rejected

    def _refuse_unasked(self, asked: set[str]) -> None:
        unasked = sorted(self._protected() - asked)
        if unasked and not self._output.overwrite:
            scenes = sorted({scene_of(sample_id) for sample_id in unasked})
            raise OutputError(
                f"{self._output.output_dir} holds {len(unasked)} triplets that this input does not give "
                f"({unasked[0]}, ...; of {' '.join(scenes[:3])}{' ...' if len(scenes) > 3 else ''}); none of them was "
                "changed: bring their scenes back as they were, under the names they had, use `overwrite=True` to drop "
                "them, or choose another output folder"
            )

    def _has_changes(self, alone: bool) -> bool:
        """Whether a complete output is to be made again with other triplets in it."""
        if alone:
            dropped = self._complete.keys() - self._asked
            added = (self._journal.records.keys() & self._asked) - self._complete.keys()
            return bool(self._scene_was_written or added or dropped)
        self._journal.read_others()
        return bool(self._scene_was_written or self._journal.records.keys() - self._complete.keys())

    @cached_property
    def _restorable(self) -> set[str]:
        return restorable(self._folder.exports)

    def _refuse_unamendable(self, lost: Iterable[str]) -> None:
        lost = sorted(lost)
        if lost:
            advice = "remove it" if self._output.overwrite else "use `overwrite=True`, or choose another output folder"
            raise OutputError(
                f"{self._output.output_dir} is a complete export that cannot be amended ({lost[0]} cannot be taken "
                f"out of it); {advice}"
            )

    def _unpack(self) -> None:
        """Before a complete output is changed, bring its triplets back into the folder that layouts are made from."""
        if not self._folder.exports:
            return
        for record in restore(self._folder.exports, self._store_root, self._layout):
            self._journal.add(record)
        self._refuse_unamendable((self._complete.keys() & self._asked) - self._journal.records.keys())
        self._folder.dissolve()
        self._complete = {}

    def _store(self, record: Record, encoded: dict[str, Future[Encoded]]) -> None:
        files = {role: future.result() for role, future in encoded.items()}
        store(self._store_root, record.files, files)
        self._journal.add(
            replace(
                record,
                sha256={role: file.sha256 for role, file in files.items()},
                bytes={role: len(file.data) for role, file in files.items()},
            )
        )


def _difference(there: dict[str, Any], here: dict[str, Any]) -> str:
    """What sets a triplet that was made apart from the one that is asked for, by their geometry."""
    then, now = (geometry.get("edge_threshold", "off") for geometry in (there, here))
    if then != now:
        return f"with other options (edge_threshold is {then} there and {now} here)"
    return "from another input: its geometry differs"
