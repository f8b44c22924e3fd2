"""Checkpoints: reading them strictly, and never running anything they hold."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from .config import VGGTConfig, VGGTOmegaConfig
from .network import VGGT, GeometryNetwork, VGGTOmega

Config = VGGTConfig | VGGTOmegaConfig

NETWORKS: dict[str, type[GeometryNetwork]] = {"vggt": VGGT, "omega": VGGTOmega}

# Parts of the published checkpoints that depth and cameras do not need. Nothing else may be left over.
UNUSED_PREFIXES = {"vggt": ("point_head.", "track_head."), "omega": ("text_alignment_head.",)}

# The depth head's name tells the families apart.
_FAMILY_MARKS = {"depth_head.": "vggt", "dense_head.": "omega"}
_CONFIGS: dict[str, type] = {"vggt": VGGTConfig, "omega": VGGTOmegaConfig}
_METADATA_KEY = "config"


class CheckpointError(ValueError):
    """A file is not a checkpoint of the network it was taken for; the message says what differs."""


def load_checkpoint(path: str | Path, config: Config | None = None) -> dict[str, Tensor]:
    """The tensors of a checkpoint that fit a network exactly, memory-mapped where the format allows.

    The parts of published checkpoints that depth and cameras do not need (`UNUSED_PREFIXES`) are dropped; anything
    else missing, unexpected or of another shape is an error.

    Args:
        path: a safetensors file, or a `.pt` file, plain or wrapped under `model` or `state_dict`. The latter is read
            weights-only: a file that would run code is refused.
        config: the network; None takes the one stored in the file, or else the published network of its family.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: the file cannot be read, or does not fit the network.
    """
    return _fitting(Path(path), config)[0]


def load_network(
    path: str | Path,
    config: Config | None = None,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
) -> GeometryNetwork:
    """A network with the weights of a checkpoint, on `device`; see `load_checkpoint`.

    Each weight is converted as it is copied, so the network is never held twice.

    Args:
        path: the checkpoint.
        config: the network; None as for `load_checkpoint`.
        device: where it goes.
        dtype: what matrix weights are held in; None is `default_dtype(device)`.
    """
    device = torch.device(device)
    tensors, config = _fitting(Path(path), config)
    with torch.device("meta"):
        network = NETWORKS[config.family](config, dtype=dtype or default_dtype(device))
    network.to_empty(device=device)
    network.load_state_dict(tensors)
    return network.requires_grad_(False)


def checkpoint_config(path: str | Path) -> Config:
    """The network that a checkpoint says it is for: stored by `save_checkpoint`, or else told by its names."""
    path = Path(path)
    tensors, stored = _read(path)
    return stored or _CONFIGS[_family(path, tensors)]()


def save_checkpoint(network: GeometryNetwork, path: str | Path) -> None:
    """Write a network's weights and configuration as one safetensors file, which `load_network` reads as it is."""
    state = {name: t.detach().contiguous() for name, t in network.state_dict().items()}
    save_file(state, path, metadata={_METADATA_KEY: json.dumps(network.config.to_dict())})


def default_dtype(device: torch.device | str) -> torch.dtype:
    """What matrix weights are best held in: bfloat16 on CUDA (float16 before it had that), float32 elsewhere."""
    device = torch.device(device)
    if device.type != "cuda":
        return torch.float32
    return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16


def _fitting(path: Path, config: Config | None) -> tuple[dict[str, Tensor], Config]:
    """The tensors of a file that a network needs, all of them checked, and that network's configuration."""
    tensors, stored = _read(path)
    config = config or stored or _CONFIGS[_family(path, tensors)]()
    tensors = {name: t for name, t in tensors.items() if not name.startswith(UNUSED_PREFIXES[config.family])}
    _check(path, tensors, config)
    return tensors, config


def _read(path: Path) -> tuple[dict[str, Tensor], Config | None]:
    """All tensors of a file, and the configuration stored with them."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint at {path}")
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(
            f"{path} is not a file of tensors alone, and is not opened in any other way "
            f"(safetensors are read from files ending in .safetensors): {reason}"
        ) from error
    for wrapper in ("model", "state_dict"):
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    return _tensors_only(path, content), None


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], Config | None]:
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise CheckpointError(f"{path} is not a safetensors file: {error}") from error
    if _METADATA_KEY not in metadata:
        return tensors, None
    try:
        data = json.loads(metadata[_METADATA_KEY])
        return tensors, _CONFIGS[data["family"]].from_dict(data)
    except (ValueError, TypeError, KeyError) as error:
        raise CheckpointError(f"{path} holds a configuration that cannot be used: {error}") from error


def _tensors_only(path: Path, content: Any) -> dict[str, Tensor]:
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, not a mapping from names to tensors")
    others = [str(name) for name, value in content.items() if not isinstance(value, Tensor)]
    if others:
        raise CheckpointError(f"{path} holds things that are no tensors: {_some(others)}")
    return dict(content)


def _family(path: Path, tensors: Mapping[str, Tensor]) -> str:
    found = {family for mark, family in _FAMILY_MARKS.items() if any(name.startswith(mark) for name in tensors)}
    if len(found) != 1:
        raise CheckpointError(
            f"{path} is no checkpoint of VGGT or VGGT-Omega: "
            f"one of {' or '.join(f'{mark}*' for mark in _FAMILY_MARKS)} has to be in it"
        )
    return found.pop()


def _check(path: Path, tensors: Mapping[str, Tensor], config: Config) -> None:
    with torch.device("meta"):
        expected = NETWORKS[config.family](config).state_dict()
    faults = []
    if missing := [name for name in expected if name not in tensors]:
        faults.append(f"{len(missing)} missing: {_some(missing)}")
    if unexpected := sorted(name for name in tensors if name not in expected):
        faults.append(f"{len(unexpected)} unexpected: {_some(unexpected)}")
    both = [name for name in expected if name in tensors]
    if misshapen := [
        f"{name} {list(tensors[name].shape)} instead of {list(expected[name].shape)}"
        for name in both
        if tensors[name].shape != expected[name].shape
    ]:
        faults.append(f"{len(misshapen)} of another shape: {_some(misshapen)}")
    if unreal := [name for name in both if not tensors[name].is_floating_point()]:
        faults.append(f"{len(unreal)} not floating point: {_some(unreal)}")
    if faults:
        raise CheckpointError(f"{path} does not fit {type(config).__name__}; {'; '.join(faults)}")


def _some(names: list[str], limit: int = 8) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
