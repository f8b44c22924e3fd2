"""Runs the pycolmap worker as a child process, and reads what it found."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from warpdata.errors import GeometryError
from warpdata.files.atomic import write_atomic
from warpdata.files.bounded_json import dump_json
from warpdata.files.child_process import ChildError, ChildTimeout, run_child

WORKER = Path(__file__).parent / "worker.py"


def run_worker(request: Mapping[str, Any], folder: Path, *, time_limit_s: float, worker: Path = WORKER) -> None:
    """Carry out a request of `worker.py`; it is written to `folder`, and so is what the child says.

    Raises:
        GeometryError: the child ended with an error, was ended by a signal, or took longer than the limit.
    """
    task = request["task"]
    request_path = folder / f"{task}.request.json"
    write_atomic(request_path, dump_json(request))
    try:
        # -I: neither the current folder nor the worker's own is searched for modules.
        run_child(
            [sys.executable, "-I", str(worker), str(request_path)], folder / f"{task}.log", time_limit_s=time_limit_s
        )
    except ChildTimeout as error:
        raise GeometryError(
            f"structure from motion ({task}) {error}; use fewer views, or raise `time_limit_s`"
        ) from error
    except ChildError as error:
        raise GeometryError(f"structure from motion ({task}) {error}") from error


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an `.npz` file, none of them pickled."""
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
