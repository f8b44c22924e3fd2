"""Child processes: with a time limit, without input, and with their last words when they fail."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

LINES_SHOWN = 5
"""Of the child's output, from the end, in the message of a failure."""


class ChildError(Exception):
    """A child process did not do its work; the message says how it ended, with its last lines."""


class ChildTimeout(ChildError):
    """A child process took longer than it was given."""


def run_child(command: Sequence[str], log: Path, *, time_limit_s: float) -> None:
    """Run a program to its end; what it prints goes into a file.

    Args:
        command: program and arguments; no shell is involved.
        log: where its output goes.
        time_limit_s: after so many seconds it is killed.

    Raises:
        ChildTimeout: it took longer.
        ChildError: it ended with an error, or was ended by a signal.
        OSError: it could not be started.
    """
    with log.open("wb") as output:
        try:
            finished = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=time_limit_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ChildTimeout(f"was given up after {time_limit_s:g} s{last_words(log)}") from error
    if finished.returncode != 0:
        code = finished.returncode
        how = f"exit code {code}" if code > 0 else f"signal {-code}"
        raise ChildError(f"ended with {how}{last_words(log)}")


def last_words(log: Path) -> str:
    """The last lines of a log, for the end of a message."""
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return "; its last lines: " + " | ".join(lines[-LINES_SHOWN:]) if lines else ""
