"""A run's output: triplets go in one by one, finished layouts come out, and a killed run goes on where it was."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from warpdata.config import ExportOptions, OutputOptions
from warpdata.errors import OutputError
from warpdata.files.bounded_json import fingerprint
from warpdata.formats.manifest import Record
from warpdata.formats.ply import PointCloud
from warpdata.triplets.scene_pairs import ScenePairs
from warpdata.triplets.triplet import Triplet
from warpdata.writers.layouts.layout import Samples, layout_options
from warpdata.writers.output.encoder import Encoded, Encoder
from warpdata.writers.output.existing import has_length, restore
from warpdata.writers.output.journal import STATE_FOLDER
from warpdata.writers.output.output_folder import OutputFolder
from warpdata.writers.output.prompts import Prompts
from warpdata.writers.output.scene_exports import SceneExports
from warpdata.writers.output.triplet_files import FolderLayout, describe, store
from warpdata.writers.scenes import SceneFrames

log = logging.getLogger(__name__)

STORE_THREADS = 8
"""Threads that wait for the disk; they cost no processor time."""

MASK_LAYOUTS = {"folder", "webdataset", "hf-parquet", "litdata"}
"""Layouts that show masks; without one of them masks are not made."""


@dataclass(frozen=True, kw_only=True)
class RunInfo:
    """What a run's triplets depend on, besides how they are written.

    Attributes:
        options: JSON; of everything that changes a triplet's bytes. Where the input lies and which device renders it
            do not belong here.
        warp_version: version of the warp.
    """

    options: dict[str, Any] = field(default_factory=dict)
    warp_version: int = 1


@contextmanager
def open_writers(export: ExportOptions, output: OutputOptions, run: RunInfo) -> Iterator[Writers]:
    """Write triplets in one or several layouts.

    Leaving the block completes the output: layouts, manifests, and `dataset.json` last. Leaving it with an exception,
    or being killed in it, keeps what is done for the next run with the same options, which ends with the same bytes.

    Raises:
        OutputError: the output folder holds an export made with other options or inputs and `output.overwrite` is not
            set, another run is writing there, or a file cannot be written.
        ValueError: the prompt file cannot be used.
    """
    writers = Writers(export, output, run)
    try:
        yield writers
        writers.finish()
    finally:
        writers.close()


class Writers:
    """Open output; made by `open_writers`."""

    def __init__(self, export: ExportOptions, output: OutputOptions, run: RunInfo):
        self._output, self._run, self._worker_count = output, run, export.worker[1]
        self._prompts = Prompts.of_options(export)
        masks = bool(MASK_LAYOUTS & set(export.layout))
        self._layout = FolderLayout(
            extension="png" if output.output_format == "png" else "jpg",
            coverage=output.coverage and masks,
            confidence=output.confidence and masks,
            ply=output.save_ply and "folder" in export.layout,
        )
        options = {
            "run": run.options,
            "warp_version": run.warp_version,
            "files": asdict(self._layout),
            **layout_options(export, self._prompts.digest),
            "scenes": list(output.export_scenes),
        }
        self._folder = OutputFolder(
            output.output_dir, options, export, overwrite=output.overwrite, scene_formats=output.export_scenes
        )
        self._scenes = SceneExports(self._folder, output.export_scenes, overwrite=output.overwrite)
        self._journal = self._folder.journal
        self._store_root = self._folder.roots.get("folder", output.output_dir / STATE_FOLDER / "triplets")
        self._asked: set[str] = set()
        self._pending: deque[Future[None]] = deque()
        self._encoder = Encoder(output.write_threads)
        self._storing = ThreadPoolExecutor(STORE_THREADS, thread_name_prefix="store")
        try:
            self._complete: dict[str, Record] = {}
            if self._folder.intact:
                self._complete = {record.id: record for export in self._folder.exports for record in export.records}
            else:
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
                    f"{self._output.output_dir} holds {sample_id} made from another input: its geometry differs; "
                    "use --overwrite, or choose another output folder"
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
        self, triplet: Triplet, points: PointCloud | None = None, *, geometry: dict[str, Any] | None = None
    ) -> None:
        """Begin to write a triplet; returns before it is on the disk.

        The triplet's pictures must not change afterwards.

        Args:
            points: the reference's points that the renderer used; needed with `save_ply` alone.
            geometry: how its depth and cameras were made, and the licences; JSON, goes into the manifest.

        Raises:
            OutputError: this or an earlier triplet cannot be written; names the file.
        """
        self._unpack()
        files = self._layout.files(triplet.id)
        self._folder.begin(self._store_root, files.values())
        self._asked.add(triplet.id)
        record = describe(
            triplet,
            files,
            warp_version=self._run.warp_version,
            geometry=geometry or {},
            prompt=self._prompts.of(triplet.id, triplet.prompt or None),
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
        self._unpack()
        return self._scenes.write(frames, missing)

    def finish(self) -> None:
        """Complete the output, unless other processes are still writing their share of it."""
        while self._pending:
            self._pending.popleft().result()
        alone = self._worker_count == 1
        if self._folder.intact and not (alone and self._unasked(self._asked)):
            log.info("%s is complete already", self._output.output_dir)
            return
        if alone:
            self._refuse_unasked(self._asked)
        asked = self._journal.finish(self._asked)
        if asked is None:
            return
        self._refuse_unasked(asked)
        self._unpack()
        kept = sorted(self._journal.records.keys() & asked)
        records = [replace(self._journal.records[sample_id], index=k) for k, sample_id in enumerate(kept, 1)]
        self._scenes.complete()
        self._folder.complete(Samples(root=self._store_root, records=records, link=True))

    def close(self) -> None:
        """Stop writing; what is not complete stays for the next run."""
        self._encoder.close()
        self._storing.shutdown(cancel_futures=True)
        self._journal.close()

    def _unasked(self, asked: set[str]) -> list[str]:
        """Triplets of an earlier run that none of this run's inputs gives."""
        return sorted((self._complete.keys() | self._journal.records.keys()) - asked)

    def _refuse_unasked(self, asked: set[str]) -> None:
        unasked = self._unasked(asked)
        if unasked and not self._output.overwrite:
            raise OutputError(
                f"{self._output.output_dir} holds {len(unasked)} triplets that this input does not give "
                f"({unasked[0]}, ...); nothing was changed: use --overwrite to drop them, or another output folder"
            )

    def _unpack(self) -> None:
        """Before a complete output is changed, bring its triplets back into the folder that layouts are made from."""
        if not self._folder.exports:
            return
        for record in restore(self._folder.exports, self._store_root, self._layout):
            self._journal.add(record)
        lost = sorted((self._complete.keys() & self._asked) - self._journal.records.keys())
        if lost:
            raise OutputError(
                f"{self._output.output_dir} is a complete export that cannot be amended ({lost[0]} cannot be taken "
                "out of it); use --overwrite, or choose another output folder"
            )
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
