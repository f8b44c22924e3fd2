"""The dataset card: `README.md` as the Hugging Face hub reads it, with licences and the geometry's origin."""

from __future__ import annotations

from collections.abc import Sequence

from warpdata import __version__
from warpdata.formats.manifest import Record


def dataset_card(records: Sequence[Record], *, data_files: str | None = None) -> str:
    """The card of an export.

    Args:
        data_files: pattern of the shards; None where the hub finds the files without it.
    """
    sources = _stated(records, "source_license")
    lines = [
        "---",
        f"license: {'other' if sources else 'unknown'}",
        "task_categories:",
        "- image-to-image",
        "tags:",
        "- novel-view-synthesis",
        "- warpdata",
    ]
    if data_files is not None:
        lines += [
            "configs:",
            "- config_name: default",
            "  data_files:",
            "  - split: train",
            f'    path: "{data_files}"',
        ]
    scenes = len({record.scene for record in records})
    models = _stated(records, "model")
    lines += [
        "---",
        "",
        "# Triplets for novel-view synthesis",
        "",
        f"{len(records)} triplets from {scenes} scenes, made by warpdata {__version__}. Each holds a",
        "reference picture, the same picture warped into a target camera with holes (splats), and the target picture.",
        "",
        f"- Geometry: {', '.join(models) or 'not stated'}",
        f"- Licence of the geometry model's weights: {', '.join(_stated(records, 'weights_license')) or 'none needed'}",
        f"- Licence of the source pictures: {', '.join(sources) or 'not stated by the source'}",
        "",
        "`manifest.jsonl` lists every sample with both cameras (OpenCV axes, world to camera; the first pixel's centre",
        "is at (0.5, 0.5)), its scores and the SHA-256 of its files.",
    ]
    return "\n".join(lines) + "\n"


def _stated(records: Sequence[Record], key: str) -> list[str]:
    return sorted({str(record.geometry[key]) for record in records if record.geometry.get(key)})
