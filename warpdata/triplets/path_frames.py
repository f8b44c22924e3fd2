"""A view's points seen from any cameras: the splats of triplets whose targets were never photographed."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import UInt8
from torch import Tensor

from warpdata.camera import Camera
from warpdata.config import RenderOptions
from warpdata.errors import GeometryError
from warpdata.geometry.types import ContentBox, FrameCamera, FrameGeometry
from warpdata.sources.fit import Fit, fit_image
from warpdata.triplets.frames import FrameCache
from warpdata.triplets.inputs import PairInputs, prepare_pair
from warpdata.triplets.render import SplatPicture, render_splat
from warpdata.triplets.scene_pairs import ScenePairs


class PathFrames:
    """The splats of one reference in many cameras, each rendered when it is asked for.

    A frame goes the way of a triplet's splat, so that at a view's own camera it is that splat, byte for byte.

    Args:
        pairs: of the scene; its size and filters hold.
        reference: number of the reference's frame.
        cameras: of the frames, each for a whole picture, which is fitted to the triplets' size as a target is.
        options: of the warp.
        device: where to render.
        backend: of the renderer.

    Attributes:
        cameras: of the frames as they are rendered, at the triplets' size.
    """

    def __init__(
        self,
        pairs: ScenePairs,
        reference: int,
        cameras: Sequence[Camera],
        options: RenderOptions,
        *,
        device: torch.device,
        backend: str = "auto",
    ):
        self._pairs, self._reference = pairs, pairs.entry.frame(reference)
        self._picture = pairs.pictures[reference]
        self._asked = cameras
        self._options, self._device, self._backend = options, device, backend
        self._decoded = FrameCache(2)
        mode = pairs.size.preprocess_mode
        self.cameras = [fit_image(camera.hw, pairs.output_hw, mode).map_camera(camera) for camera in cameras]

    def __len__(self) -> int:
        return len(self._asked)

    def __getitem__(self, number: int) -> SplatPicture:
        """One frame.

        Raises:
            ViewError: the reference's picture cannot be decoded.
        """
        return self.seen_from(self._asked[number], name=f"{number:05d}")

    def seen_from(self, camera: Camera, *, name: str = "frame") -> SplatPicture:
        """The splat in any camera, for a whole picture; raises as for a frame of the list."""
        inputs = self._inputs(name, camera).to(self._device)
        return render_splat(inputs, self._options, backend=self._backend)

    def _inputs(self, name: str, camera: Camera) -> PairInputs:
        height, width = camera.hw
        whole = ContentBox(left=0.0, top=0.0, right=float(width), bottom=float(height))
        return prepare_pair(
            f"{self._pairs.entry.scene_id}/{name}",
            self._reference,
            FrameCamera(name=name, camera=camera, image_hw=camera.hw, content_box=whole),
            lambda fit: self._decoded.load(self._picture, fit),
            _unknown,
            output_hw=self._pairs.output_hw,
            size=self._pairs.size,
            filters=self._pairs.effective_filters,
        )


def _unknown(fit: Fit) -> UInt8[Tensor, "3 H W"]:
    """The picture of a target that nobody took; no splat depends on it."""
    return torch.zeros(3, *fit.output_hw, dtype=torch.uint8)


def depth_of_points(frame: FrameGeometry, confidence_threshold: float) -> float:
    """Median depth of the points that a frame contributes, in scene units.

    Raises:
        GeometryError: there are none.
    """
    points = frame.depth[(frame.depth > 0) & (frame.confidence >= confidence_threshold)]
    if not points.numel():
        raise GeometryError(
            f"{frame.name} has no point: no pixel of it has depth with a confidence of {confidence_threshold:g} or "
            "more; lower `confidence_threshold`, or choose another view"
        )
    return points.median().item()
