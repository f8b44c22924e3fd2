"""A run's output: triplets go in one by one, finished layouts come out, and a killed run goes on where it was."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from warpdata.config import ExportOptions, OutputOptions
from warpdata.data.triplet import Triplet
from warpdata.errors import OutputError
from warpdata.writers.encode import Encoded, Encoder
from warpdata.writers.existing import all_paths, find_exports, has_length, layout_roots, remove_files, restore
from warpdata.writers.folder import FolderLayout, describe, store
from warpdata.writers.journal import STATE_FOLDER, Journal
from warpdata.writers.layout import Place, Samples
from warpdata.writers.layouts import write_layout
from warpdata.writers.manifest import DATASET, Record, dump_json, fingerprint
from warpdata.writers.ply import PointCloud
from warpdata.writers.prompts import Prompts

log = logging.getLogger(__name__)

STORE_THREADS = 4
"""Threads that wait for the disk; they cost no processor time."""


SHARD_LAYOUTS = {"webdataset", "hf-parquet", "litdata"}
"""Layouts whose bytes depend on the size of shards."""


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
    """Open output; made by `open_writers`.

    Attributes:
        commands: after the block, how to use what was written, for a person to read.
    """

    def __init__(self, export: ExportOptions, output: OutputOptions, run: RunInfo):
        self.commands: list[str] = []
        self._export, self._output, self._run = export, output, run
        self._prompts = Prompts(export)
        self._files = FolderLayout(
            extension="png" if output.output_format == "png" else "jpg",
            coverage=output.coverage,
            confidence=output.confidence,
            ply=output.save_ply,
        )
        self._root = output.output_dir
        self._roots = layout_roots(self._root, export.layout)
        self._store_root = self._roots.get("folder", self._root / STATE_FOLDER / "triplets")
        self._asked: set[str] = set()
        self._pending: deque[Future[None]] = deque()
        self._options = {
            "run": run.options,
            "warp_version": run.warp_version,
            "files": asdict(self._files),
            "layout": list(export.layout),
            "prompts": self._prompts.digest,
            "shards": [export.shard_samples, export.shard_bytes, export.shard_url, list(export.shard_alias)]
            if SHARD_LAYOUTS & set(export.layout)
            else None,
        }
        self._journal = Journal(self._root, export.worker)
        self._encoder = Encoder(export.write_threads)
        self._storing = ThreadPoolExecutor(STORE_THREADS, thread_name_prefix="store")
        self._intact = False
        try:
            with self._journal.everyone:
                self._exports = find_exports(self._root)
                self._take_up()
        except BaseException:
            self.close()
            raise

    def has(self, sample_id: str, geometry: dict[str, Any] | None = None) -> bool:
        """Whether a triplet is complete from an earlier run, all its files there.

        Args:
            geometry: what the triplet would be made from now.

        Raises:
            OutputError: it was made from other geometry, that is from another input, and `overwrite` is not set.
        """
        self._asked.add(sample_id)
        record = self._journal.records.get(sample_id)
        if record is None:
            return False
        if geometry is not None and fingerprint(record.geometry) != fingerprint(geometry):
            if not self._output.overwrite:
                raise OutputError(
                    f"{self._root} holds {sample_id} made from another input: its geometry differs; "
                    "use --overwrite, or choose another output folder"
                )
            return False
        return self._intact or all(
            has_length(self._store_root / path, record.bytes[role]) for role, path in record.files.items()
        )

    def scores(self, sample_id: str) -> dict[str, float]:
        """The scores of a triplet that is complete."""
        return {name: value for name, value in self._journal.records[sample_id].warp.items() if name != "version"}

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
        files = self._files.files(triplet.id)
        self._begin(self._store_root, files.values())
        self._asked.add(triplet.id)
        record = describe(
            triplet,
            files,
            warp_version=self._run.warp_version,
            geometry=geometry or {},
            prompt=self._prompts.of(triplet.id, triplet.prompt),
        )
        encoded = self._files.encode(triplet, points, self._encoder)
        self._pending.append(self._storing.submit(self._store, record, encoded))
        while len(self._pending) > STORE_THREADS + self._encoder.threads:
            self._pending.popleft().result()

    def finish(self) -> None:
        """Complete the output, unless other processes are still writing their share of it."""
        while self._pending:
            self._pending.popleft().result()
        asked = self._journal.finish(self._asked)
        if asked is None:
            return
        unasked = sorted(self._journal.records.keys() - asked)
        if unasked and not self._output.overwrite:
            raise OutputError(
                f"{self._root} holds {len(unasked)} triplets that this input does not give ({unasked[0]}, ...); "
                "nothing was completed: use --overwrite to drop them, or choose another output folder"
            )
        if self._intact and not unasked:
            log.info("%s is complete already", self._root)
            self._journal.remove()
            return
        self._unpack()
        for sample_id in unasked:
            del self._journal.records[sample_id]
        records = [replace(self._journal.records[id], index=k) for k, id in enumerate(sorted(self._journal.records), 1)]
        self._write_layouts(records)
        self._journal.remove()

    def close(self) -> None:
        """Stop writing; what is not complete stays for the next run."""
        self._encoder.close()
        self._storing.shutdown(cancel_futures=True)
        self._journal.close()

    def _take_up(self) -> None:
        """See what the output folder holds, and go on with it or make it free."""
        unfinished = self._journal.options
        found = [export.about["options"] for export in self._exports] + ([unfinished] if unfinished else [])
        others = [options for options in found if fingerprint(options) != fingerprint(self._options)]
        if others:
            if not self._output.overwrite:
                raise OutputError(
                    f"{self._root} holds an export made with other options ({_difference(others[0], self._options)}); "
                    "use --overwrite to replace it, or choose another output folder"
                )
            remove_files(self._root, [*self._journal.begun, *all_paths(self._root, self._exports)])
            self._journal.clear()
            self._exports = []
        self._journal.options = self._options
        self._journal.reopen()
        complete = {export.layout for export in self._exports} == set(self._export.layout)
        self._intact = complete and not any(path for export in self._exports for path in export.missing())
        if self._intact:
            self._journal.records |= {record.id: record for record in self._exports[0].records}
        else:
            self._unpack()

    def _unpack(self) -> None:
        """Before a complete output is changed, bring its triplets back into the folder that layouts are made from."""
        if not self._exports:
            return
        self._journal.begin(all_paths(self._root, self._exports))
        kept = self._journal.records if self._intact else {}
        self._journal.records = {id: record for id, record in self._journal.records.items() if id not in kept}
        for record in restore(self._exports, self._store_root, self._files):
            self._journal.add(record)
        lost = sorted((kept.keys() & self._asked) - self._journal.records.keys())
        if lost:
            raise OutputError(
                f"{self._root} is a complete export that cannot be amended ({lost[0]} cannot be taken out of it); "
                "use --overwrite, or choose another output folder"
            )
        for export in self._exports:  # from here on the layouts are incomplete
            remove_files(export.root, [DATASET])
        self._exports, self._intact = [], False

    def _begin(self, root: Path, paths: Iterable[str]) -> None:
        """Note what is about to be written, and refuse to replace files that are not ours."""
        below = root.relative_to(self._root)
        paths = [(below / path).as_posix() for path in paths]
        if not self._output.overwrite:
            for path in paths:
                if path not in self._journal.begun and (self._root / path).exists():
                    raise OutputError(
                        f"{self._root / path} exists and is not of this export; "
                        "use --overwrite to replace it, or choose another output folder"
                    )
        self._journal.begin(paths)

    def _write_layouts(self, records: list[Record]) -> None:
        """All layouts from the triplet folder; then whatever of ours no layout lists is removed."""
        samples = Samples(root=self._store_root, records=records, link=True)
        for name, root in self._roots.items() if records else ():
            place = Place(root=root, state=self._journal.folder / name, begin=partial(self._begin, root))
            written = write_layout(name, samples, self._export, self._options, place)
            if written.commands:
                self.commands.append(written.commands)
        current = set(all_paths(self._root, find_exports(self._root)))
        remove_files(self._root, self._journal.begun - current)

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


def _difference(found: dict[str, Any], wanted: dict[str, Any], prefix: str = "") -> str:
    """The first option, by name, in which two sets differ."""
    for key in sorted(found.keys() | wanted.keys()):
        one, other = found.get(key), wanted.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            if difference := _difference(one, other, f"{prefix}{key}."):
                return difference
        elif dump_json(one) != dump_json(other):
            return f"{prefix}{key} is {dump_json(one)} there and {dump_json(other)} here"
    return ""
