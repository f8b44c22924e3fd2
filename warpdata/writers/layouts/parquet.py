"""Hugging Face `datasets`: pictures embedded in Parquet files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from io import RawIOBase
from pathlib import Path
from typing import Any

from warpdata.errors import ViewError
from warpdata.formats.manifest import Record
from warpdata.plugins import deferred
from warpdata.writers.layouts.card import dataset_card
from warpdata.writers.layouts.imagefolder import plain_columns
from warpdata.writers.layouts.layout import LayoutOptions, LayoutRow, Place, Samples, Shard, Written
from warpdata.writers.layouts.tree import write_text
from warpdata.writers.output.shards import in_shard, pack, plan_shards, shard_key

ROW_GROUP = 64
"""Rows of a Parquet file that are in memory at once, and that a reader must take together."""


def plan_parquet(samples: Samples, options: LayoutOptions) -> list[Shard]:
    """The Parquet files, in order."""
    import pyarrow.parquet
    from datasets import Features, Image, Value

    roles = samples.common_roles
    features = Features(
        {role: Image() for role in roles}
        | {name: Value("string") for name in ("id", "scene", "prompt")}
        | {"hole_fraction": Value("float64")}
    )

    def write(records: Sequence[Record], file: RawIOBase) -> None:
        # The schema carries the features in its metadata, as `Dataset.to_parquet` writes them; that would take the
        # whole shard into memory.
        with pyarrow.parquet.ParquetWriter(file, features.arrow_schema) as writer:
            for start in range(0, len(records), ROW_GROUP):
                rows = [row(record) for record in records[start : start + ROW_GROUP]]
                writer.write_table(pyarrow.Table.from_pylist(rows, features.arrow_schema))

    def row(record: Record) -> dict[str, Any]:
        pictures = {
            role: {"bytes": samples.path(record, role).read_bytes(), "path": Path(record.files[role]).name}
            for role in roles
        }
        return pictures | plain_columns(record)

    plans = plan_shards(
        samples.records,
        options.shared.shard_samples,
        options.shared.shard_bytes,
        lambda record: sum(record.bytes.values()),
    )
    return [
        Shard(
            path=f"data/train-{number:05d}-of-{len(plans):05d}.parquet",
            records=records,
            key=shard_key(records, roles),
            write=partial(write, records),
        )
        for number, records in enumerate(plans)
    ]


def write_parquet(samples: Samples, options: LayoutOptions, place: Place) -> Written:
    """Write `data/train-*.parquet` with the pictures inside; see `LayoutRow`."""
    shards = plan_parquet(samples, options)
    files: dict[str, Any] = pack(shards, place, options.shared.shard_url)
    place.begin(["README.md"])
    files["README.md"] = write_text(place.root / "README.md", dataset_card(samples.records))
    return Written(
        records=[in_shard(record, shard.path, samples.common_roles) for shard in shards for record in shard.records],
        files=files,
        commands=f'datasets: load_dataset("{options.shared.shard_url or place.root}")',
    )


def picture_in_parquet(file: Path, record: Record, role: str) -> bytes:
    """The bytes of a sample's picture in a Parquet file.

    Raises:
        ViewError: the file cannot be read, or lacks the sample or the picture.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ViewError(f"Parquet files are read by the package datasets ({error}): pip install datasets") from error
    try:
        with pyarrow.parquet.ParquetFile(file) as table:
            for group in range(table.num_row_groups):
                ids = table.read_row_group(group, columns=["id"]).column("id").to_pylist()
                if record.id in ids:
                    column = table.read_row_group(group, columns=[role]).column(role)
                    return column[ids.index(record.id)].as_py()["bytes"]
    except (OSError, KeyError, TypeError, pyarrow.ArrowException) as error:
        raise ViewError(f"{file} cannot be read ({error}); run `warpdata verify`") from error
    raise ViewError(f"{file} has no sample {record.id}; run `warpdata verify`")


def parquet_unavailable() -> str | None:
    """Why `datasets` cannot write here, or None."""
    try:
        import datasets  # noqa: F401
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        return f"it needs the package datasets ({error}): pip install datasets"
    return None


ROW = LayoutRow(
    name="hf-parquet",
    about="Hugging Face Parquet files with the pictures inside",
    write=write_parquet,
    needs_reference=False,
    shows_masks=True,
    uses_shard_options=True,
    plan=plan_parquet,
    takes_url=True,
    picture=picture_in_parquet,
    mark="data/*.parquet",
    check=deferred("warpdata.checks.parquet:check_parquet"),
    unavailable=parquet_unavailable,
)
