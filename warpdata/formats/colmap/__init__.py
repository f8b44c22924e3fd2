"""COLMAP's sparse models, as text and binary, and its dense depth maps; a file each."""

from warpdata.formats.colmap.depth_maps import decode_depth_map, encode_depth_map
from warpdata.formats.colmap.model import (
    MODELS,
    BrokenImage,
    ColmapCamera,
    ColmapImage,
    ColmapModel,
    ColmapPoints,
    Kind,
    ModelFiles,
)
from warpdata.formats.colmap.quaternion import quaternion, rotation_matrix
from warpdata.formats.colmap.read import kinds_in, read_files, read_model, read_points
from warpdata.formats.colmap.write import write_model_binary, write_model_text

__all__ = [
    "MODELS",
    "BrokenImage",
    "ColmapCamera",
    "ColmapImage",
    "ColmapModel",
    "ColmapPoints",
    "Kind",
    "ModelFiles",
    "decode_depth_map",
    "encode_depth_map",
    "kinds_in",
    "quaternion",
    "read_files",
    "read_model",
    "read_points",
    "rotation_matrix",
    "write_model_binary",
    "write_model_text",
]
