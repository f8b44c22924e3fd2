"""The layouts by name, and the one way to write any of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from warpdata.config import ExportOptions
from warpdata.writers.layout import Begin, LayoutWriter, Samples, Written
from warpdata.writers.manifest import DATASET, MANIFEST, fingerprint, write_manifest


def write_folder(samples: Samples, root: Path, options: ExportOptions, begin: Begin) -> Written:
    """The triplet folder, which needs nothing more than its manifest."""
    return Written(records=samples.records, files={})


LAYOUTS: dict[str, LayoutWriter] = {"folder": write_folder}


def write_layout(
    name: str, samples: Samples, root: Path, options: ExportOptions, run_options: dict[str, Any], begin: Begin
) -> Written:
    """Write a layout with its manifest, `dataset.json` last.

    Args:
        run_options: JSON, what the export depends on; kept in `dataset.json` with its fingerprint.
        begin: called with paths below `root` before files are written there.

    Raises:
        OutputError: a file cannot be written; names it.
    """
    written = LAYOUTS[name](samples, root, options, begin)
    begin([MANIFEST, DATASET])
    about = {"layout": name, "options": run_options, "fingerprint": fingerprint(run_options)}
    write_manifest(root, written.records, about, written.files)
    return written
