"""Hugging Face `datasets`: pictures with a metadata file (imagefolder), or embedded in Parquet files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from io import RawIOBase
from pathlib import Path
from typing import Any

from warpdata.config import ExportOptions
from warpdata.errors import OutputError
from warpdata.files.bounded_json import dump_json
from warpdata.formats.manifest import Record
from warpdata.writers.layouts.card import dataset_card
from warpdata.writers.layouts.layout import Place, Samples, Tree, Written, image_paths, write_text, write_tree
from warpdata.writers.output.shards import Shard, in_shard, pack, plan_shards, shard_key

ROW_GROUP = 64
"""Rows of a Parquet file that are in memory at once, and that a reader must take together."""


def plain_columns(record: Record) -> dict[str, Any]:
    """What is said about a sample besides its pictures; the same columns for every sample."""
    return {
        "id": record.id,
        "scene": record.scene,
        "prompt": record.prompt or "",
        "hole_fraction": record.warp.get("hole_fraction"),
    }


def write_imagefolder(samples: Samples, options: ExportOptions, place: Place) -> Written:
    """Write `train/metadata.jsonl` and a folder of pictures a role; see `LayoutWriter`."""
    files = image_paths(samples, "train/{role}/{index:06d}{ext}")
    lines = [
        {f"{role}_file_name": path.removeprefix("train/") for role, path in paths.items()} | plain_columns(record)
        for paths, record in zip(files, samples.records, strict=True)
    ]
    tree = Tree(
        files=files,
        prompts=[None] * len(files),
        texts={
            "README.md": dataset_card(samples.records),
            "train/metadata.jsonl": "".join(dump_json(line) + "\n" for line in lines),
        },
        commands=(
            f'datasets: load_dataset("imagefolder", data_dir="{place.root}")\n'
            f"diffusers, Kontext LoRA: --dataset_name {place.root} --image_column target "
            "--cond_image_column splats --caption_column prompt\n"
            f"diffusers, instruct-pix2pix: --dataset_name {place.root} --original_image_column splats "
            "--edit_prompt_column prompt --edited_image_column target"
        ),
    )
    return write_tree(samples, tree, place)


def plan_parquet(samples: Samples, options: ExportOptions) -> list[Shard]:
    """The Parquet files, in order.

    Raises:
        OutputError: the package `datasets`, which writes them, is not installed.
    """
    try:
        import pyarrow.parquet
        from datasets import Features, Image, Value
    except ImportError as error:
        raise OutputError("--layout hf-parquet needs the package datasets: pip install datasets") from error
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
        samples.records, options.shard_samples, options.shard_bytes, lambda record: sum(record.bytes.values())
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


def write_parquet(samples: Samples, options: ExportOptions, place: Place) -> Written:
    """Write `data/train-*.parquet` with the pictures inside; see `LayoutWriter`.

    Raises:
        OutputError: the package `datasets`, which writes them, is not installed.
    """
    shards = plan_parquet(samples, options)
    files: dict[str, Any] = pack(shards, place, options.shard_url)
    place.begin(["README.md"])
    files["README.md"] = write_text(place.root / "README.md", dataset_card(samples.records))
    return Written(
        records=[in_shard(record, shard.path, samples.common_roles) for shard in shards for record in shard.records],
        files=files,
        commands=f'datasets: load_dataset("{options.shard_url or place.root}")',
    )
