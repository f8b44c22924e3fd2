"""musubi-tuner: targets with captions, and controls with a numbered suffix in a folder of their own."""

from __future__ import annotations

from warpdata.files.bounded_json import dump_json
from warpdata.plugins import deferred
from warpdata.writers.layouts.layout import LayoutOptions, LayoutRow, Place, Samples, Written
from warpdata.writers.layouts.tree import Tree, write_tree

CONFIG = """\
# Paths are relative to this folder: start the trainer here.
[general]
resolution = [1024, 1024]
caption_extension = ".txt"
batch_size = 1
enable_bucket = true

[[datasets]]
image_directory = "images"
control_directory = "control"
cache_directory = "cache"
control_resolution = [1024, 1024]
"""


def write_musubi(samples: Samples, options: LayoutOptions, place: Place) -> Written:
    """Write the layout; see `LayoutRow`. Stems are digits alone, so none is another's with a control's suffix."""
    files = [
        {
            "splats": f"control/{record.index:06d}_0{record.extension}",
            "reference": f"control/{record.index:06d}_1{record.extension}",
            "target": f"images/{record.index:06d}{record.extension}",
        }
        for record in samples.records
    ]
    lines = [
        {
            "image_path": paths["target"],
            "control_path_0": paths["splats"],
            "control_path_1": paths["reference"],
            "caption": record.prompt or "",
        }
        for paths, record in zip(files, samples.records, strict=True)
    ]
    tree = Tree(
        files=files,
        prompts=[None if record.prompt is None else f"images/{record.index:06d}.txt" for record in samples.records],
        texts={
            "dataset.toml": CONFIG,
            "metadata.jsonl": "".join(dump_json(line) + "\n" for line in lines),
        },
        commands=(
            f"musubi-tuner: cd {place.root}, and give --dataset_config dataset.toml; FLUX.2 with two controls and "
            "Qwen-Image-Edit take its control_resolution as it is, FLUX.1 Kontext takes one control only"
        ),
    )
    return write_tree(samples, tree, place)


ROW = LayoutRow(
    name="musubi",
    about="musubi-tuner: targets with captions, numbered controls, dataset.toml",
    write=write_musubi,
    mark="control",
    check=deferred("warpdata.checks.folders:check_musubi"),
)
