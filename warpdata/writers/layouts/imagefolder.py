"""Hugging Face `datasets`: pictures with a metadata file (imagefolder)."""

from __future__ import annotations

from typing import Any

from warpdata.files.bounded_json import dump_json
from warpdata.formats.manifest import Record
from warpdata.plugins import deferred
from warpdata.writers.layouts.card import dataset_card
from warpdata.writers.layouts.layout import LayoutOptions, LayoutRow, Place, Samples, Written
from warpdata.writers.layouts.tree import Tree, image_paths, write_tree


def plain_columns(record: Record) -> dict[str, Any]:
    """What is said about a sample besides its pictures; the same columns for every sample."""
    return {
        "id": record.id,
        "scene": record.scene,
        "prompt": record.prompt or "",
        "hole_fraction": record.warp.get("hole_fraction"),
    }


def write_imagefolder(samples: Samples, options: LayoutOptions, place: Place) -> Written:
    """Write `train/metadata.jsonl` and a folder of pictures a role; see `LayoutRow`."""
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


ROW = LayoutRow(
    name="hf",
    about="Hugging Face imagefolder: pictures with metadata.jsonl, also for diffusers' scripts",
    write=write_imagefolder,
    needs_reference=False,
    mark="*/metadata.jsonl",
    check=deferred("warpdata.checks.metadata:check_imagefolder"),
    trainers=("diffusers",),
)
