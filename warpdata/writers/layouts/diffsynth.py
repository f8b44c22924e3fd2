"""DiffSynth-Studio: a folder of pictures and `metadata.json`, which lists the target, its controls and the prompt."""

from __future__ import annotations

from warpdata.files.bounded_json import dump_json
from warpdata.plugins import deferred
from warpdata.writers.layouts.layout import LayoutOptions, LayoutRow, Place, Samples, Written
from warpdata.writers.layouts.tree import Tree, controls, image_paths, write_tree

MAX_PIXELS = 1_048_576
"""What DiffSynth's examples reduce larger pictures to."""


def write_diffsynth(samples: Samples, options: LayoutOptions, place: Place) -> Written:
    """Write the layout; see `LayoutRow`."""
    files = image_paths(samples, "images/{index:06d}_{role}{ext}")
    metadata = [
        {"image": paths["target"], "edit_image": controls(paths), "prompt": record.prompt or ""}
        for paths, record in zip(files, samples.records, strict=True)
    ]
    pixels = max(MAX_PIXELS, *(width * height for width, height in (record.size for record in samples.records)))
    tree = Tree(
        files=files,
        prompts=[None] * len(files),
        texts={"metadata.json": dump_json(metadata, indent=1) + "\n"},
        commands=(
            f"DiffSynth-Studio: --dataset_base_path {place.root} "
            f"--dataset_metadata_path {place.root / 'metadata.json'} "
            f'--data_file_keys "image,edit_image" --extra_inputs "edit_image" --max_pixels {pixels}'
        ),
    )
    return write_tree(samples, tree, place)


ROW = LayoutRow(
    name="diffsynth",
    about="DiffSynth-Studio: a folder of pictures and metadata.json",
    write=write_diffsynth,
    needs_reference=False,
    mark="metadata.json*",
    check=deferred("warpdata.checks.metadata:check_diffsynth"),
)
