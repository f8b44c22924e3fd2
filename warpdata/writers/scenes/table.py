"""The scene formats by name."""

from __future__ import annotations

from warpdata.plugins import Table
from warpdata.writers.scenes.format_row import SceneFormatRow

SCENE_FORMATS: Table[SceneFormatRow] = Table(
    "scene format",
    "warpdata.scene_formats",
    SceneFormatRow,
    {
        "colmap": "warpdata.writers.scenes.rows:COLMAP",
        "nerfstudio": "warpdata.writers.scenes.rows:NERFSTUDIO",
        "wai": "warpdata.writers.scenes.rows:WAI",
        "nsvf": "warpdata.writers.scenes.rows:NSVF",
        "idr": "warpdata.writers.scenes.rows:IDR",
        "shards": "warpdata.writers.scenes.rows:SHARDS",
    },
)
