"""LitData: chunks and an index, written by the library itself, whose binary layout has no other specification."""

from __future__ import annotations

import json
import shutil
from typing import Any

from warpdata.files.atomic import output_errors, place_file, sync_folder, write_atomic
from warpdata.files.bounded_json import dump_json, fingerprint
from warpdata.files.digests import file_sha256
from warpdata.plugins import deferred
from warpdata.writers.layouts.layout import LayoutOptions, LayoutRow, Place, Samples, Written
from warpdata.writers.output.shards import in_shard

INDEX = "index.json"


def write_litdata(samples: Samples, options: LayoutOptions, place: Place) -> Written:
    """Write `index.json` and `chunk-0-<n>.bin`; see `LayoutRow`.

    Items are dictionaries of id, splats, reference, target and masks (compressed pictures as bytes), prompt, and json,
    the sample's line of the manifest as text.
    """
    from litdata.streaming import Cache

    roles = samples.common_roles
    draft = place.state / "draft"
    with output_errors(draft):
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        cache = Cache(str(draft), chunk_bytes=options.shared.shard_bytes)
        for number, record in enumerate(samples.records):
            pictures = {role: samples.path(record, role).read_bytes() for role in roles}
            line = dump_json(record.as_json())
            cache[number] = {"id": record.id, **pictures, "prompt": record.prompt or "", "json": line}
        cache.done()
        cache.merge()
        index = json.loads((draft / INDEX).read_text(encoding="utf-8"))
    # Readers tell versions of a data set by this; the time of day would make every export another version.
    del index["updated_at"]
    index["updated_at"] = fingerprint(index)
    write_atomic(draft / INDEX, dump_json(index))

    names = [*sorted(path.name for path in draft.glob("chunk-*.bin")), INDEX]
    place.begin(names)
    files: dict[str, Any] = {}
    for name in names:
        place_file(draft / name, place.root / name, link=True)
        files[name] = {"sha256": file_sha256(draft / name), "bytes": (draft / name).stat().st_size}
    sync_folder(place.root)
    return Written(
        records=[in_shard(record, INDEX, roles) for record in samples.records],
        files=files,
        commands=f'litdata: StreamingDataset("{place.root}")',
    )


def litdata_unavailable() -> str | None:
    """Why the library cannot write here, or None."""
    try:
        import litdata.streaming  # noqa: F401
    except ImportError as error:
        return f"it needs the package litdata ({error}): pip install litdata"
    return None


ROW = LayoutRow(
    name="litdata",
    about="LitData: chunks and an index, written by the library itself",
    write=write_litdata,
    needs_reference=False,
    shows_masks=True,
    uses_shard_options=True,
    mark="chunk-*.bin",
    check=deferred("warpdata.checks.shards:check_litdata"),
    unavailable=litdata_unavailable,
)
