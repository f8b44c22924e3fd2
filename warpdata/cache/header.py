"""What an entry says about itself: everything about a scene's geometry but its depth and confidence maps."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from warpdata.cache.tensor_file import TensorFile, read_tensor_file
from warpdata.camera import Camera
from warpdata.config import MAX_IMAGE_PIXELS
from warpdata.geometry.types import ContentBox, FrameCamera, Provenance

FORMAT_VERSION = 1
"""Of the entries' format and of the key; raised whenever either changes, so that older entries are not found."""

_METADATA_KEY = "warpdata"
_DIGEST_KEY = "warpdata_sha256"


class ForeignFileError(ValueError):
    """A file is a safetensors file, but no entry of a geometry cache."""


class OtherVersionError(ValueError):
    """An entry was written by a version of warpdata with another format."""

    def __init__(self, found: int):
        super().__init__(f"it has format {found}, and this version of warpdata reads format {FORMAT_VERSION}")
        self.found = found


@dataclass(frozen=True, kw_only=True)
class FrameHeader(FrameCamera):
    """A frame without its maps.

    Attributes:
        depth: how its map is encoded, see `codec`, with the digest of its bytes.
        confidence: the same for confidence - 1.
    """

    depth: dict[str, Any]
    confidence: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class EntryHeader:
    """An entry without its frames' maps.

    Attributes:
        key: of the content that the geometry was made from, see `key`.
        scene_id: of the scene it was made for; a scene of the same content may have another name.
        source_root: folder of that scene.
        source_license: licence of its pictures.
        source: name of the source that read it, None where that is not known, as in entries of version 0.1.
        inputs: file, relative to the folder -> SHA-256 of its bytes, None when it could not be read.
    """

    key: str
    scene_id: str
    scale: str
    provenance: Provenance
    left_out: dict[str, str]
    report: dict[str, Any]
    source_root: str
    source_license: str | None
    inputs: dict[str, str | None]
    frames: tuple[FrameHeader, ...]
    source: str | None = None


def tensor_name(index: int, kind: str) -> str:
    """Name of a frame's map in the safetensors file; `kind` is `depth` or `confidence`."""
    return f"{index:06d}.{kind}"


def read_header(path: Path) -> tuple[EntryHeader, TensorFile]:
    """An entry's header, and where its maps lie in the file.

    Raises:
        OSError: the file cannot be read.
        ForeignFileError: it is no entry.
        OtherVersionError: it has another format.
        ValueError: it is damaged.
    """
    tensors = read_tensor_file(path)
    return header_from_metadata(tensors.metadata), tensors


def header_as_metadata(header: EntryHeader) -> dict[str, str]:
    """A header as the free text of a safetensors file.

    Raises:
        ValueError: it holds NaN or infinite numbers.
    """
    text = json.dumps({"format": FORMAT_VERSION} | _as_json(header), allow_nan=False, separators=(",", ":"))
    return {_METADATA_KEY: text, _DIGEST_KEY: hashlib.sha256(text.encode()).hexdigest()}


def header_from_metadata(metadata: dict[str, str]) -> EntryHeader:
    """The header that `header_as_metadata` was given, every value checked.

    Raises:
        ForeignFileError: the metadata is not an entry's.
        OtherVersionError: the entry has another format.
        ValueError: it is damaged.
    """
    text = metadata.get(_METADATA_KEY)
    if text is None:
        raise ForeignFileError("it is a safetensors file, but no entry of a geometry cache")
    if hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest() != metadata.get(_DIGEST_KEY):
        raise ValueError("its header does not match the header's digest")
    try:
        record = json.loads(text, parse_constant=_refuse_constant)
        if not isinstance(record["format"], int) or record["format"] != FORMAT_VERSION:
            raise OtherVersionError(record["format"])
        return _from_json(record)
    except OtherVersionError:
        raise
    except (KeyError, TypeError, ValueError, RecursionError, RuntimeError, OverflowError) as error:
        raise ValueError(f"its header is malformed: {type(error).__name__}: {error}") from error


def _as_json(header: EntryHeader) -> dict[str, Any]:
    record = {name: getattr(header, name) for name in EntryHeader.__dataclass_fields__}
    frames = [
        {
            "name": frame.name,
            "hw": frame.camera.hw,
            "K": frame.camera.K.tolist(),
            "cam_from_world": frame.camera.cam_from_world.tolist(),
            "image_hw": frame.image_hw,
            "content_box": {side: float(value) for side, value in asdict(frame.content_box).items()},
            "depth": frame.depth,
            "confidence": frame.confidence,
        }
        for frame in header.frames
    ]
    if header.source is None:
        del record["source"]
    return record | {"provenance": asdict(header.provenance), "frames": frames}


def _from_json(record: dict[str, Any]) -> EntryHeader:
    if record["scale"] not in ("metric", "arbitrary"):
        raise ValueError(f"scale is {record['scale']!r}")
    inputs = _typed(record["inputs"], dict)
    for file, digest in inputs.items():
        _typed(digest, str, type(None))
        if os.path.isabs(file) or os.path.splitdrive(file)[0] or os.path.normpath(file).split(os.sep)[0] == "..":
            raise ValueError(f"input {file!r} lies outside its scene's folder")
    frames = _frames_from_json(_typed(record["frames"], list))
    if len({frame.name for frame in frames}) != len(frames):
        raise ValueError("two frames have the same name")
    return EntryHeader(
        key=_typed(record["key"], str),
        scene_id=_typed(record["scene_id"], str),
        scale=record["scale"],
        provenance=Provenance(**record["provenance"]),
        left_out=_typed(record["left_out"], dict),
        report=_typed(record["report"], dict),
        source_root=_typed(record["source_root"], str),
        source_license=_typed(record["source_license"], str, type(None)),
        source=_typed(record.get("source"), str, type(None)),
        inputs=inputs,
        frames=frames,
    )


def _frames_from_json(records: list[Any]) -> tuple[FrameHeader, ...]:
    # All frames' numbers at once: a tensor each would be most of the time that opening an entry takes.
    K = torch.tensor([frame["K"] for frame in records], dtype=torch.float64).reshape(-1, 3, 3)
    cam_from_world = torch.tensor([frame["cam_from_world"] for frame in records], dtype=torch.float64).reshape(-1, 4, 4)
    return tuple(
        _frame_from_json(record, Camera(K=frame_K, cam_from_world=pose, hw=_size(record["hw"])))
        for record, frame_K, pose in zip(records, K.unbind(), cam_from_world.unbind(), strict=True)
    )


def _frame_from_json(record: dict[str, Any], camera: Camera) -> FrameHeader:
    box = _typed(record["content_box"], dict)
    return FrameHeader(
        name=_typed(record["name"], str),
        camera=camera,
        image_hw=_size(record["image_hw"]),
        content_box=ContentBox(**{side: _typed(value, float) for side, value in box.items()}),
        depth=_typed(record["depth"], dict),
        confidence=_typed(record["confidence"], dict),
    )


def _typed(value: Any, *types: type) -> Any:
    if not isinstance(value, types):
        raise TypeError(f"{value!r:.80} is no {' or '.join(wanted.__name__ for wanted in types)}")
    return value


def _size(value: Any) -> tuple[int, int]:
    height, width = _typed(value, list)
    if min(_typed(height, int), _typed(width, int)) < 1 or height * width > MAX_IMAGE_PIXELS:
        raise ValueError(f"a size is {width}x{height} pixels; 1 to {MAX_IMAGE_PIXELS:,} pixels are allowed")
    return height, width


def _refuse_constant(name: str) -> float:
    raise ValueError(f"it holds the number {name}")
