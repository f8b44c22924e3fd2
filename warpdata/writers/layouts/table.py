"""The layouts by name, and the one way to write any of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from warpdata.config import ExportOptions
from warpdata.files.bounded_json import fingerprint
from warpdata.formats.manifest import DATASET, MANIFEST, write_manifest
from warpdata.writers.layouts.aitoolkit import write_aitoolkit
from warpdata.writers.layouts.diffsynth import write_diffsynth
from warpdata.writers.layouts.huggingface import plan_parquet, write_imagefolder, write_parquet
from warpdata.writers.layouts.layout import LayoutWriter, Place, Samples, Written
from warpdata.writers.layouts.litdata import write_litdata
from warpdata.writers.layouts.modelscope import write_modelscope
from warpdata.writers.layouts.musubi import write_musubi
from warpdata.writers.layouts.sharegpt import write_sharegpt
from warpdata.writers.layouts.webdataset import plan_webdataset, write_webdataset
from warpdata.writers.output.remote import Remote
from warpdata.writers.output.shards import Shard


def write_folder(samples: Samples, options: ExportOptions, place: Place) -> Written:
    """The triplet folder, which needs nothing more than its manifest."""
    return Written(records=samples.records, files={})


LAYOUTS: dict[str, LayoutWriter] = {
    "folder": write_folder,
    "webdataset": write_webdataset,
    "modelscope": write_modelscope,
    "diffsynth": write_diffsynth,
    "aitoolkit": write_aitoolkit,
    "musubi": write_musubi,
    "hf": write_imagefolder,
    "hf-parquet": write_parquet,
    "litdata": write_litdata,
    "sharegpt": write_sharegpt,
}

SHARD_PLANS: dict[str, Callable[[Samples, ExportOptions], list[Shard]]] = {
    "webdataset": plan_webdataset,
    "hf-parquet": plan_parquet,
}
"""Layouts whose files several processes can share out among them."""


def describe_layout(name: str, run_options: dict[str, Any]) -> dict[str, Any]:
    """What `dataset.json` says about an export besides what it consists of."""
    return {"layout": name, "options": run_options, "fingerprint": fingerprint(run_options)}


def write_layout(
    name: str, samples: Samples, options: ExportOptions, run_options: dict[str, Any], place: Place
) -> Written:
    """Write a layout with its manifest, `dataset.json` last.

    Args:
        run_options: JSON, what the export depends on; kept in `dataset.json` with its fingerprint.

    Raises:
        OutputError: a file cannot be written; names it.
    """
    written = LAYOUTS[name](samples, options, place)
    place.begin([MANIFEST, DATASET])
    write_manifest(place.root, written.records, describe_layout(name, run_options), written.files)
    if name in SHARD_PLANS and options.shard_url is not None:
        remote = Remote(options.shard_url)
        for path in [*(path for path, file in written.files.items() if "key" not in file), MANIFEST, DATASET]:
            remote.upload(place.root / path, path)
    return written
