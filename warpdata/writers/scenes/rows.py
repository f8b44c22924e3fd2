"""The rows of the scene formats, apart from what writes them: reading their names loads none of it."""

from __future__ import annotations

from warpdata.plugins import deferred
from warpdata.writers.scenes.format_row import SceneFormatRow

COLMAP = SceneFormatRow(
    name="colmap",
    about="COLMAP's sparse model as text and binary, dense depth maps, pictures",
    write=deferred("warpdata.writers.scenes.colmap:write_colmap"),
)
NERFSTUDIO = SceneFormatRow(
    name="nerfstudio",
    about="nerfstudio's transforms.json, pictures, depth, points",
    write=deferred("warpdata.writers.scenes.nerfstudio:write_nerfstudio"),
)
WAI = SceneFormatRow(
    name="wai",
    about="WAI's scene_meta.json, pictures, depth as OpenEXR",
    write=deferred("warpdata.writers.scenes.wai:write_wai"),
)
NSVF = SceneFormatRow(
    name="nsvf",
    about="NSVF's intrinsics, poses, bounding box and pictures",
    write=deferred("warpdata.writers.scenes.nsvf:write_nsvf"),
)
IDR = SceneFormatRow(
    name="idr",
    about="cameras.npz of IDR and NeuS, pictures, masks",
    write=deferred("warpdata.writers.scenes.idr:write_idr"),
)
SHARDS = SceneFormatRow(
    name="shards",
    about="pictures and geometry of a scene in one tar, to stream and render from",
    write=deferred("warpdata.writers.scenes.shards:write_scene_shard"),
)
