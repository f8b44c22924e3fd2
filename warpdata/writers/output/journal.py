"""The state of an unfinished output: a hidden folder with a lock and a journal a process, removed when it is complete.

A journal is a file of JSON lines that only grows, so a killed run loses at most the line it was writing:

* `{"begin": [paths]}`: these files are about to be written, and are ours to remove;
* `{"record": {...}}`: a sample's files are all on the disk;
* `{"done": [ids], "of": N}`: the process, one of N, has been through all samples of its share, these;
  `{"done": null}` takes it back.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from warpdata.errors import OutputError
from warpdata.files.atomic import output_errors, write_atomic
from warpdata.files.bounded_json import dump_json, read_json, read_lines
from warpdata.formats.manifest import STATE_FOLDER, Record, check_relative


class Journal:
    """What has been written so far; safe to share between threads.

    Args:
        root: the output folder.
        worker: this process's number and how many processes share the output.

    A new journal holds the lock `everyone`: release it when what the folder holds has been looked at.

    Attributes:
        records: the samples that are complete, of all processes, by id.
        begun: paths below the output folder that were, or were about to be, written.
        everyone: a lock that only one of the processes that share the output can hold.

    Raises:
        OutputError: another process writes there, or the folder cannot be written.
    """

    def __init__(self, root: Path, worker: tuple[int, int] = (0, 1)):
        self.folder = root / STATE_FOLDER
        self.records: dict[str, Record] = {}
        self.begun: set[str] = set()
        self._worker, self._count = worker
        self._done: dict[int, list[str] | None] = {}
        self._writing = threading.Lock()
        self.everyone = FileLock(self.folder / "lock-all")
        self._lock = FileLock(self.folder / f"lock-{self._worker}-of-{self._count}")
        with output_errors(self.folder):
            while not self._lock_state():
                pass
            try:
                self._refuse_others(all_counts=False)
                self._read_all()
                self._open()
            except BaseException:
                self._release()
                raise

    @property
    def options(self) -> dict[str, Any] | None:
        """What the unfinished output is being made with, None when it is new."""
        try:
            return read_json(self.folder / "options.json")
        except FileNotFoundError:
            return None
        except (ValueError, OSError) as error:
            raise OutputError(
                f"{self.folder / 'options.json'} cannot be read ({error}); use `overwrite=True`"
            ) from error

    @options.setter
    def options(self, options: dict[str, Any]) -> None:
        write_atomic(self.folder / "options.json", dump_json(options, indent=1))

    def begin(self, paths: Iterable[str]) -> None:
        """Note which files, by their path below the output folder, are about to be written."""
        paths = [path for path in paths if path not in self.begun]
        if paths:
            self._append({"begin": paths})
            self.begun.update(paths)

    def add(self, record: Record) -> None:
        """Note that a sample's files are complete."""
        self._append({"record": record.as_json()})
        self.records[record.id] = record

    def finish(self, ids: Iterable[str]) -> set[str] | None:
        """Note that this process has been through its share of the samples.

        Returns:
            The ids of all processes' shares when this one is the last to finish; then only this process goes on, until
            `close` or `remove`. None when others are still at work.
        """
        self.everyone.acquire()
        self._append({"done": sorted(ids), "of": self._count})
        self._read_all()
        shares = [self._done.get(worker) for worker in range(self._count)]
        return None if any(share is None for share in shares) else set().union(*shares)

    def read_others(self) -> None:
        """Take in what other processes have written since."""
        with output_errors(self.folder):
            self._read_all()

    def reopen(self) -> None:
        """Take back an earlier `finish` of this process: it has begun again."""
        if self._done.get(self._worker) is not None:
            self._append({"done": None})

    def close(self) -> None:
        """Stop writing; the state stays for the next run, unless nothing was begun."""
        if self._file.closed:
            return
        if self._file.tell() or len(list(self.folder.glob("journal-*.jsonl"))) > 1:
            self._file.close()
            self._release()
        else:
            self.remove()

    def clear(self) -> None:
        """Forget everything: another export begins.

        Raises:
            OutputError: another process is writing what would be forgotten.
        """
        self._refuse_others(all_counts=True)
        self.forget()

    def forget(self) -> None:
        """Forget everything: what it says is complete."""
        self._file.close()
        self._remove_contents()
        self.records.clear()
        self.begun.clear()
        self._done.clear()
        self._open()

    def remove(self) -> None:
        """Stop writing and remove the state: the output is complete, or empty."""
        self._file.close()
        self._remove_contents()
        self._release()
        with suppress(OSError):  # another run may just have begun; then the folder is its own
            for lock in self.folder.glob("lock-*"):
                lock.unlink()
            self.folder.rmdir()

    def _release(self) -> None:
        self.everyone.release(force=True)
        self._lock.release()

    @property
    def _own_path(self) -> Path:
        return self.folder / f"journal-{self._worker}.jsonl"

    def _lock_state(self) -> bool:
        """Take this process's lock and everyone's; False when another process removed the state meanwhile."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise self._busy() from None
        except FileNotFoundError:
            return False
        with suppress(FileNotFoundError):
            self.everyone.acquire()
        if all(lock.is_locked and Path(lock.lock_file).exists() for lock in (self._lock, self.everyone)):
            return True
        self._release()
        return False

    def _open(self) -> None:
        self._file = self._own_path.open("ab", buffering=0)
        self._torn = self._file.tell() > 0 and not self._own_path.read_bytes().endswith(b"\n")

    def _remove_contents(self) -> None:
        for entry in list(self.folder.glob("*")):
            if entry.is_dir():
                shutil.rmtree(entry)
            elif not entry.name.startswith("lock-"):
                entry.unlink()

    @property
    def alone(self) -> bool:
        """Whether no other process is at work on the output."""
        return not self._others_at_work(all_counts=True)

    def _refuse_others(self, *, all_counts: bool) -> None:
        """Refuse to go on beside a process that shares the output among another number, or (all) beside any."""
        if self._others_at_work(all_counts=all_counts):
            raise self._busy()

    def _others_at_work(self, *, all_counts: bool) -> bool:
        for path in self.folder.glob("lock-*-of-*"):
            shares_with_us = path.name.endswith(f"-of-{self._count}") and not all_counts
            if path == Path(self._lock.lock_file) or shares_with_us:
                continue
            try:
                with FileLock(path, timeout=0):
                    pass
            except Timeout:
                return True
        return False

    def _busy(self) -> OutputError:
        return OutputError(
            f"another run is writing to {self.folder.parent}; wait for it to end, or choose another output folder"
        )

    def _append(self, line: dict[str, Any]) -> None:
        data = dump_json(line).encode() + b"\n"
        with self._writing, output_errors(self._own_path):
            if self._torn:
                data = b"\n" + data
            self._torn = True
            if self._file.write(data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._torn = False

    def _read_all(self) -> None:
        for path in sorted(self.folder.glob("journal-*.jsonl")):
            worker = int(path.stem.split("-")[1])
            for line in read_lines(path):
                try:
                    entry = json.loads(line)
                except ValueError:  # torn by a kill
                    continue
                begun = entry.get("begin", ())
                check_relative(begun)
                self.begun.update(begun)
                if "record" in entry:
                    record = Record.from_json(entry["record"])
                    self.records[record.id] = record
                if "done" in entry:  # shares of another number of processes are other samples
                    self._done[worker] = entry["done"] if entry.get("of", self._count) == self._count else None
