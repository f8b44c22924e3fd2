"""Runs the pycolmap worker as a child process: with a time limit, and with its last words when it fails."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from warpdata.errors import GeometryError

WORKER = Path(__file__).parent / "child" / "worker.py"

LINES_SHOWN = 5
"""Of the child's error output, from the end, in the message of a failure."""


def run_worker(request: Mapping[str, Any], folder: Path, *, time_limit_s: float, worker: Path = WORKER) -> None:
    """Carry out a request of `child/worker.py`; it is written to `folder`, and so is what the child says.

    Raises:
        GeometryError: the child ended with an error, was ended by a signal, or took longer than the limit.
    """
    task = request["task"]
    request_path, log_path = folder / f"{task}.request.json", folder / f"{task}.log"
    request_path.write_text(json.dumps(request), encoding="utf-8")
    with log_path.open("wb") as log:
        try:
            # -I: neither the current folder nor the worker's own is searched for modules.
            finished = subprocess.run(
                [sys.executable, "-I", str(worker), str(request_path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                timeout=time_limit_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise GeometryError(
                f"structure from motion ({task}) was given up after {time_limit_s:g} s; use fewer views, or raise the "
                f"time limit{last_words(log_path)}"
            ) from error
    if finished.returncode != 0:
        how = f"exit code {finished.returncode}" if finished.returncode > 0 else f"signal {-finished.returncode}"
        raise GeometryError(f"structure from motion ({task}) ended with {how}{last_words(log_path)}")


def last_words(log_path: Path) -> str:
    """The last lines of a log, for the end of a message."""
    lines = [line for line in log_path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return "; its last lines: " + " | ".join(lines[-LINES_SHOWN:]) if lines else ""


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an `.npz` file, none of them pickled."""
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
