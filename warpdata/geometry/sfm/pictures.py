"""The scene's pictures as structure from motion takes them: upright, converted, reduced, in the working folder."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from warpdata.camera import Camera
from warpdata.errors import ViewError
from warpdata.files.atomic import atomic_file
from warpdata.geometry.masks import view_mask
from warpdata.geometry.types import Progress
from warpdata.geometry.usable import load_usable
from warpdata.sources.fit import limit_megapixels
from warpdata.sources.orientation import upright_camera
from warpdata.sources.picture import Picture
from warpdata.sources.scene import View

FOCAL_LENGTH_35MM_TAG = 0xA405
CAMERA_MODEL_TAGS = (0x010F, 0x0110)
EXIF_FOLDER_TAG = 0x8769

WIDTH_OF_35MM_FILM = 36.0
"""Millimetres, of the longer side."""


@dataclass(frozen=True, kw_only=True)
class ReducedPicture:
    """One view's picture in the working folder.

    Attributes:
        view: the view it shows; `view.name` + ".png" is its file.
        path: of the reduced PNG.
        hw: its height and width.
        image_hw: of the upright original.
        focal_px: focal length in pixels of the reduced picture as EXIF states it, or None.
        camera_model: make and model as EXIF states them; views of one model and size share one camera.
    """

    view: View
    path: Path
    hw: tuple[int, int]
    image_hw: tuple[int, int]
    focal_px: float | None
    camera_model: str

    @property
    def known_camera(self) -> Camera | None:
        """The camera the view brings, at the size of the reduced picture."""
        if self.view.camera is None:
            return None
        return self.view.camera.resized(self.hw)


def prepare_pictures(
    views: Sequence[View], folder: Path, *, megapixels: float, cameras_known: bool = False, progress: Progress
) -> tuple[list[ReducedPicture], dict[str, str]]:
    """Write every picture, reduced to `megapixels`, into `folder`.

    Args:
        cameras_known: the views' own cameras are used, and so must be those of the upright pictures.

    Returns:
        The pictures in the order of the views, and the views left out with the reason: those that cannot be read,
        that are too small, those whose mask or known camera belongs to another picture, and those whose pixels equal
        another's, since a picture seen twice says nothing about depth.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pictures: list[ReducedPicture] = []
    left_out: dict[str, str] = {}
    first_with: dict[bytes, str] = {}
    for done, view in enumerate(views):
        progress("reading pictures", done, len(views))
        try:
            rgb = load_usable(view)
            exif = Exif() if cameras_known else read_exif(view.picture)
            image_hw = (rgb.shape[1], rgb.shape[2])
            view_mask(view, image_hw)
            if cameras_known:
                upright_camera(view, image_hw)
        except ViewError as error:
            left_out[view.name] = str(error)
            continue
        digest = hashlib.sha256(str(rgb.shape).encode() + rgb.numpy().tobytes()).digest()
        if digest in first_with:
            left_out[view.name] = f"its picture is identical to that of {first_with[digest]}"
            continue
        first_with[digest] = view.name
        hw = limit_megapixels(image_hw, megapixels)
        path = folder / f"{view.name}.png"
        write_png(rgb.permute(1, 2, 0).numpy(), hw, path)
        focal_px = None if exif.focal_length_35mm is None else exif.focal_length_35mm / WIDTH_OF_35MM_FILM * max(hw)
        pictures.append(
            ReducedPicture(
                view=view, path=path, hw=hw, image_hw=image_hw, focal_px=focal_px, camera_model=exif.camera_model
            )
        )
    progress("reading pictures", len(views), len(views))
    return pictures, left_out


@dataclass(frozen=True, kw_only=True)
class Exif:
    """What a picture says about its camera. `focal_length_35mm` is in millimetres, None when it is not stated."""

    focal_length_35mm: float | None = None
    camera_model: str = ""


def read_exif(picture: Picture) -> Exif:
    """The camera's model and focal length, as far as the picture's file states them; never an error."""
    try:
        with Image.open(io.BytesIO(picture.read_bytes())) as image:
            # PngImageFile.getexif decodes the whole picture when no tag stands before the pixels.
            tags = Image.Image.getexif(image)
            focal = float(tags.get_ifd(EXIF_FOLDER_TAG).get(FOCAL_LENGTH_35MM_TAG, 0))
            model = " ".join(str(tags.get(tag, "")).strip("\0 ") for tag in CAMERA_MODEL_TAGS).strip()
    except Exception:  # decoders raise anything on damaged tags, and a picture without them is as good
        return Exif()
    return Exif(focal_length_35mm=focal if 0 < focal < 10_000 else None, camera_model=model)


def write_png(rgb: np.ndarray, hw: tuple[int, int], path: Path) -> None:
    """A picture, reduced if need be; whole or not at all."""
    picture = Image.fromarray(rgb)
    if (picture.height, picture.width) != hw:
        picture = picture.resize((hw[1], hw[0]), Image.Resampling.BICUBIC)
    with atomic_file(path) as file:
        picture.save(file, format="png", compress_level=1)
