"""A foreign estimator's process: started with the first job, kept for the next ones, ended when it oversteps."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from warpdata.files.bounded_json import dump_json
from warpdata.files.child_process import LINES_SHOWN, ChildError, ChildTimeout
from warpdata.geometry.external.protocol import LINE
from warpdata.geometry.types import Progress, no_progress

POLL_S = 0.5
"""Seconds between looks at the clock and at the memory it takes."""

LONGEST_LINE = 10_000
"""Characters of a line that are kept."""


class EstimatorProcess:
    """A program that carries out jobs one after the other.

    Args:
        command: program and arguments; no shell is involved.
        time_limit_s: seconds a job may take.
        memory_limit_bytes: resident memory at most, of the process itself; watched on Linux alone. None sets no limit.
        environment: variables added to this process's own.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        time_limit_s: float,
        memory_limit_bytes: int | None = None,
        environment: Mapping[str, str] | None = None,
    ):
        self.command = tuple(command)
        self._time_limit_s = time_limit_s
        self._memory_limit_bytes = memory_limit_bytes
        self._environment = {**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})}
        self._running: list[subprocess.Popen[str]] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._last: deque[str] = deque(maxlen=LINES_SHOWN)
        # Ended with the last reference to this, and with this program at the latest.
        weakref.finalize(self, end, self._running)

    def run(self, job: Mapping[str, Any], path: Path, progress: Progress = no_progress) -> None:
        """Carry out a job, whose JSON is written to `path`.

        Raises:
            ChildTimeout: it took longer than it may; the program was ended, and is started again with the next job.
            ChildError: it cannot be started, took too much memory, ended, or said why it failed.
        """
        path.write_text(dump_json(job), encoding="utf-8")
        self._last.clear()
        process = self._started()
        try:
            process.stdin.write(f"{path}\n")
            process.stdin.flush()
        except OSError as error:
            raise self._ended() from error
        deadline = time.monotonic() + self._time_limit_s
        while True:
            try:
                line = self._lines.get(timeout=POLL_S)
            except queue.Empty:
                line = ""
            if line is None:
                raise self._ended()
            if line.startswith(LINE):
                word, _, rest = line.removeprefix(LINE).strip().partition(" ")
                if word == "done":
                    return
                if word == "failed":
                    raise ChildError(f"failed: {rest}")
                if word == "progress" and (numbers := rest.split())[:2] and all(n.isdigit() for n in numbers[:2]):
                    progress("estimating depth and cameras", int(numbers[0]), int(numbers[1]))
            elif line.strip():
                self._last.append(line.strip())
            if time.monotonic() > deadline:
                self.close()
                raise ChildTimeout(f"was given up after {self._time_limit_s:g} s{self._last_words()}")
            taken = resident_bytes(process.pid)
            if self._memory_limit_bytes is not None and taken is not None and taken > self._memory_limit_bytes:
                self.close()
                raise ChildError(
                    f"took {taken / 1e9:.1f} GB of memory, {self._memory_limit_bytes / 1e9:.1f} GB are allowed"
                    f"{self._last_words()}"
                )

    def close(self) -> None:
        """End the program and what it started."""
        end(self._running)

    def _started(self) -> subprocess.Popen[str]:
        if self._running and self._running[0].poll() is None:
            return self._running[0]
        self.close()
        self._lines = queue.Queue()
        try:
            process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                env=self._environment,
                start_new_session=os.name == "posix",  # so that all it starts can be ended with it
            )
        except OSError as error:
            raise ChildError(f"cannot be started ({self.command[0]}: {error.strerror})") from error
        self._words = threading.Thread(target=listen, args=(process.stderr, self._last), daemon=True)
        self._words.start()
        threading.Thread(target=read, args=(process.stdout, self._lines), daemon=True).start()
        self._running.append(process)
        return process

    def _ended(self) -> ChildError:
        """Why there are no more answers."""
        process = self._running.pop()
        code = process.wait()
        self._words.join(timeout=1)  # its last words may still be on their way
        close_pipes(process)
        how = f"exit code {code}" if code >= 0 else f"signal {-code}"
        return ChildError(f"ended with {how}{self._last_words()}")

    def _last_words(self) -> str:
        return "; its last lines: " + " | ".join(self._last) if self._last else ""


def read(answers: TextIOWrapper, lines: queue.Queue[str | None]) -> None:
    """Hand on what a program answers, and None at its end."""
    with contextlib.suppress(ValueError, OSError):  # closed while it was read
        while line := answers.readline(LONGEST_LINE):
            lines.put(line.rstrip("\n"))
    lines.put(None)


def listen(words: TextIOWrapper, last: deque[str]) -> None:
    """Keep the last of what a program and its packages say; none of it is an answer."""
    with contextlib.suppress(ValueError, OSError):
        while line := words.readline(LONGEST_LINE):
            if line.strip():
                last.append(line.strip())


def end(running: list[subprocess.Popen[str]]) -> None:
    """End a program, if there is one, and what it started."""
    while running:
        process = running.pop()
        if os.name == "posix":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()
        close_pipes(process)


def close_pipes(process: subprocess.Popen[str]) -> None:
    """Of a program that has ended: what was written to it last may have reached nobody."""
    for pipe in (process.stdin, process.stdout, process.stderr):
        with contextlib.suppress(OSError, ValueError):
            pipe.close()


def resident_bytes(pid: int) -> int | None:
    """Memory that a process holds, where the system tells."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmRSS")), None)
