"""The one way to write any layout: its files, its manifest, and `dataset.json` last."""

from __future__ import annotations

from typing import Any

from warpdata.files.bounded_json import fingerprint
from warpdata.formats.manifest import DATASET, MANIFEST, write_manifest
from warpdata.writers.layouts.layout import LayoutOptions, LayoutRow, Place, Samples, Written
from warpdata.writers.output.remote import Remote


def describe_layout(name: str, run_options: dict[str, Any]) -> dict[str, Any]:
    """What `dataset.json` says about an export besides what it consists of."""
    return {"layout": name, "options": run_options, "fingerprint": fingerprint(run_options)}


def write_layout(
    row: LayoutRow, samples: Samples, options: LayoutOptions, run_options: dict[str, Any], place: Place
) -> Written:
    """Write a layout with its manifest, `dataset.json` last.

    Args:
        run_options: JSON, what the export depends on; kept in `dataset.json` with its fingerprint.

    Raises:
        OutputError: a file cannot be written; names it.
    """
    written = row.write(samples, options, place)
    place.begin([MANIFEST, DATASET])
    write_manifest(place.root, written.records, describe_layout(row.name, run_options), written.files)
    if row.takes_url and options.shared.shard_url is not None:
        remote = Remote(options.shared.shard_url)
        for path in [*(path for path, file in written.files.items() if "key" not in file), MANIFEST, DATASET]:
            remote.upload(place.root / path, path)
    return written
