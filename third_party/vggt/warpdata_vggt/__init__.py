"""VGGT and VGGT-Omega, inference of depth and cameras only: an independent implementation of both networks.

from warpdata_vggt import load_network, preprocess

    network = load_network("model.safetensors", device="cuda")
    images, boxes = preprocess(pictures)
    output = network(images.to(network.device))
"""

from .config import (
    AggregatorConfig,
    CameraHeadConfig,
    DenseHeadConfig,
    EncoderConfig,
    OmegaAggregatorConfig,
    OmegaCameraHeadConfig,
    OmegaEncoderConfig,
    VGGTConfig,
    VGGTOmegaConfig,
)
from .memory import MemoryPlan
from .network import VGGT, GeometryNetwork, VGGTOmega, VGGTOutput
from .pose import (
    decode_pose,
    encode_pose,
    invert_pose,
    quaternion_from_rotation,
    rotation_from_quaternion,
    unproject_depth,
)
from .position import position_map, resample_position_embedding
from .preprocess import ContentBox, Preprocessed, input_size, input_size_omega, preprocess, preprocess_omega
from .rope import RopeTable, grid_positions, omega_rope_table, rope_table, rotate
from .weights import (
    UNUSED_PREFIXES,
    CheckpointError,
    checkpoint_config,
    default_dtype,
    load_checkpoint,
    load_network,
    save_checkpoint,
)

__all__ = [
    "UNUSED_PREFIXES",
    "VGGT",
    "AggregatorConfig",
    "CameraHeadConfig",
    "CheckpointError",
    "ContentBox",
    "DenseHeadConfig",
    "EncoderConfig",
    "GeometryNetwork",
    "MemoryPlan",
    "OmegaAggregatorConfig",
    "OmegaCameraHeadConfig",
    "OmegaEncoderConfig",
    "Preprocessed",
    "RopeTable",
    "VGGTConfig",
    "VGGTOmega",
    "VGGTOmegaConfig",
    "VGGTOutput",
    "checkpoint_config",
    "decode_pose",
    "default_dtype",
    "encode_pose",
    "grid_positions",
    "input_size",
    "input_size_omega",
    "invert_pose",
    "load_checkpoint",
    "load_network",
    "omega_rope_table",
    "position_map",
    "preprocess",
    "preprocess_omega",
    "quaternion_from_rotation",
    "resample_position_embedding",
    "rope_table",
    "rotate",
    "rotation_from_quaternion",
    "save_checkpoint",
    "unproject_depth",
]
