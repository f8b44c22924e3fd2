"""A pair of views made ready for the renderer: decoded, brought to one size, on the CPU. Never touches a GPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from warpdata.camera import Camera, stack_cameras
from warpdata.config import FilterOptions, SizeOptions
from warpdata.geometry.filters.flying import beside_silhouettes
from warpdata.geometry.maths.fit import fit_depth, point_size
from warpdata.geometry.types import ContentBox, FrameCamera, FrameGeometry
from warpdata.sources.fit import Fit, fit_image

BLACK_SUM = 16
"""A pixel is background for --filter-black-bg when R + G + B is below this."""

WHITE_LEVEL = 240
"""A pixel is background for --filter-white-bg when R, G and B are all above this."""

Rectangle = tuple[int, int, int, int]
"""left, top, right, bottom, in pixels."""

Sizes = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
"""Height and width of the output, of the grid of points, and of the depth map."""

LoadImage = Callable[[Fit], Tensor]
"""Loads a view's picture brought to a size: Fit -> (3, H, W) uint8."""


@dataclass(frozen=True, kw_only=True)
class PairInputs:
    """All the renderer needs for one triplet, or with a leading dimension for a batch of them.

    Points are made at (h, w), which is the output size (H, W) unless depth is coarser and is not to be enlarged;
    pictures with borders always make them at the output size.

    Attributes:
        id: `<scene>/<name>`; in a batch a list, as are all names.
        reference: the reference picture at the output size; None where there is none.
        target: the target picture at the output size.
        point_image: the reference picture at the size at which points are made; with a drawn camera the target picture.
        depth: (dh, dw), its z-depth over the area of `point_image`, at (h, w) or at a coarser size of its own which the
            renderer enlarges; 0 where there is none.
        confidence: (dh, dw).
        reference_camera: of `reference`.
        target_camera: of `target`.
        reference_content: the part of `reference` that is picture, not border; in a batch a list.
        target_content: the same of `target`.
        drawn_camera: from which the target is seen, and back, with `--pairs reproject`; at the output size. None where
            the reference is warped.
    """

    id: str | list[str]
    reference_name: str | list[str]
    target_name: str | list[str]
    reference: UInt8[Tensor, "*batch 3 H W"] | None
    target: UInt8[Tensor, "*batch 3 H W"]
    point_image: UInt8[Tensor, "*batch 3 h w"]
    depth: Float[Tensor, "*batch dh dw"]
    confidence: Float[Tensor, "*batch dh dw"]
    reference_camera: Camera | None
    target_camera: Camera
    reference_content: Rectangle | list[Rectangle] | None
    target_content: Rectangle | list[Rectangle]
    drawn_camera: Camera | None = None

    @property
    def point_camera(self) -> Camera:
        """The camera of the picture whose points are drawn, at the output size."""
        return self.reference_camera if self.drawn_camera is None else self.target_camera

    @property
    def seeing_camera(self) -> Camera:
        """The camera that saw the points which the splat shows: the reference's, or the drawn one."""
        return self.reference_camera if self.drawn_camera is None else self.drawn_camera

    @property
    def output_hw(self) -> tuple[int, int]:
        return tuple(self.target.shape[-2:])

    @property
    def point_hw(self) -> tuple[int, int]:
        return tuple(self.point_image.shape[-2:])

    @property
    def sizes(self) -> Sizes:
        """What must be equal among the pairs of one batch: the sizes of the output, the points and the depth."""
        return self.output_hw, self.point_hw, tuple(self.depth.shape[-2:])

    def to(self, device: torch.device, *, non_blocking: bool = False) -> PairInputs:
        """The same inputs with pictures and depths on a device; cameras stay, the renderer reads them on the CPU."""
        moved = {
            field.name: value.to(device, non_blocking=non_blocking)
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), Tensor)
        }
        return self._with(moved)

    def pin_memory(self) -> PairInputs:
        """The same inputs in page-locked memory, from which copies to a GPU run asynchronously."""
        pinned = {
            field.name: value.pin_memory()
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), Tensor)
        }
        return self._with(pinned)

    def _with(self, tensors: dict[str, Tensor]) -> PairInputs:
        """The same inputs with other tensors; a picture that stood for two goes on to."""
        if (shown := self.shown_as_points) is not None:
            tensors["point_image"] = tensors[shown]
        return replace(self, **tensors)

    @property
    def shown_as_points(self) -> str | None:
        """The field whose picture is that of the points as well; None where that is a picture of its own."""
        return next((name for name in ("reference", "target") if getattr(self, name) is self.point_image), None)


def prepare_pair(
    sample_id: str,
    reference: FrameGeometry,
    target: FrameCamera,
    load_reference: LoadImage,
    load_target: LoadImage,
    *,
    output_hw: tuple[int, int],
    size: SizeOptions,
    filters: FilterOptions,
) -> PairInputs:
    """Decode a pair's pictures and bring pictures, depth and cameras to the output size.

    Args:
        sample_id: `<scene>/<name>`.
        reference: geometry of the view to warp.
        target: the view to warp it into.
        load_reference: loads the reference's picture for a fit; called once or twice.
        load_target: the same for the target.
        output_hw: the one size of the triplet's pictures, see `output_size`.
        filters: which pixels never become points; an edge threshold of auto counts as off here, where it is not known
            what gave the depth.

    Raises:
        ViewError: a picture cannot be decoded.
    """
    reference = without_edges(reference, filters)
    plan = plan_fits(
        reference.camera.hw, reference.content_box, reference.image_hw, target.image_hw, output_hw, size, filters
    )
    reference_image = load_reference(plan.reference)
    point_image = reference_image if plan.points == plan.reference else load_reference(plan.points)
    depth, confidence = points_depth(reference, plan, point_image, filters)
    return PairInputs(
        id=sample_id,
        reference_name=reference.name,
        target_name=target.name,
        reference=reference_image,
        target=load_target(plan.target),
        point_image=point_image,
        depth=depth,
        confidence=confidence,
        reference_camera=plan.reference.map_camera(reference.image_camera),
        target_camera=plan.target.map_camera(target.image_camera),
        reference_content=plan.reference.place,
        target_content=plan.target.place,
    )


def without_edges(frame: FrameGeometry, filters: FilterOptions) -> FrameGeometry:
    """A frame without the pixels beside silhouettes that the filters drop."""
    if filters.edge_threshold in ("auto", "off"):
        return frame
    kept = ~beside_silhouettes(frame.depth, filters.edge_threshold)
    return replace(frame, depth=frame.depth.where(kept, 0))


def points_depth(
    frame: FrameGeometry, plan: FitPlan, point_image: UInt8[Tensor, "3 h w"], filters: FilterOptions
) -> tuple[Float[Tensor, "dh dw"], Float[Tensor, "dh dw"]]:
    """Depth and confidence of a frame over the area of its points; no depth where the filters take the picture for
    background."""
    if plan.takes_depth_as_it_is:
        return frame.depth, frame.confidence
    depth, confidence = fit_depth(frame, plan.points)
    return depth.where(~background(point_image, filters), 0), confidence


@dataclass(frozen=True, kw_only=True)
class FitPlan:
    """How a pair's pictures and depth come to their sizes; known from headers alone.

    Attributes:
        reference: of the reference picture, to the output size.
        target: of the target picture, to the output size.
        points: of the reference picture, to the size at which points are made.
        takes_depth_as_it_is: whether the depth map spans exactly the points' area, so that the renderer takes it as
            it is and enlarges it where needed; otherwise it is brought to the points' size beforehand.
    """

    reference: Fit
    target: Fit
    points: Fit
    takes_depth_as_it_is: bool

    def sizes(self, depth_hw: tuple[int, int]) -> Sizes:
        """Sizes of output, points and depth of the inputs that come of it."""
        hw = self.points.output_hw
        return self.reference.output_hw, hw, depth_hw if self.takes_depth_as_it_is else hw


def plan_fits(
    depth_hw: tuple[int, int],
    content_box: ContentBox,
    reference_hw: tuple[int, int],
    target_hw: tuple[int, int],
    output_hw: tuple[int, int],
    size: SizeOptions,
    filters: FilterOptions,
) -> FitPlan:
    """How a pair comes to the output size.

    Args:
        depth_hw: size of the reference's depth map.
        content_box: what part of the reference picture the map spans.
        reference_hw: size of the upright original reference picture.
        target_hw: size of the upright original target picture.
        output_hw: the one size of the triplet's pictures.
    """
    reference_fit = fit_image(reference_hw, output_hw, size.preprocess_mode)
    target_fit = fit_image(target_hw, output_hw, size.preprocess_mode)
    point_fit = reference_fit
    if fills_output(reference_fit) and fills_output(target_fit):
        point_hw = point_size(output_hw, depth_hw, size.upsample_depth)
        point_fit = replace(reference_fit, output_hw=point_hw, place=(0, 0, point_hw[1], point_hw[0]))
    box = (content_box.left, content_box.top, content_box.right, content_box.bottom)
    by_color = filters.filter_black_bg or filters.filter_white_bg
    return FitPlan(
        reference=reference_fit,
        target=target_fit,
        points=point_fit,
        takes_depth_as_it_is=box == point_fit.span and not by_color,
    )


def fills_output(fit: Fit) -> bool:
    """Whether the picture covers its whole output, without borders."""
    return fit.place == (0, 0, fit.output_hw[1], fit.output_hw[0])


def background(image: UInt8[Tensor, "3 h w"], filters: FilterOptions) -> Tensor:
    """(h, w) bool: pixels that never become points for their colour."""
    drop = torch.zeros(image.shape[-2:], dtype=torch.bool)
    if filters.filter_black_bg:
        drop |= image.sum(dim=0, dtype=torch.int32) < BLACK_SUM
    if filters.filter_white_bg:
        drop |= (image > WHITE_LEVEL).all(dim=0)
    return drop


def collate_inputs(pairs: list[PairInputs]) -> PairInputs:
    """A batch of pairs whose sizes agree.

    Raises:
        ValueError: the sizes differ; group the pairs by `sizes` first.
    """
    sizes = {pair.sizes for pair in pairs}
    if len(sizes) != 1:
        raise ValueError(f"pairs of one batch share the sizes of output, points and depth, found {sorted(sizes)}")
    batch: dict[str, object] = {}
    for field in fields(PairInputs):
        values = [getattr(pair, field.name) for pair in pairs]
        if isinstance(values[0], Tensor):
            batch[field.name] = torch.stack(values)
        elif isinstance(values[0], Camera):
            batch[field.name] = stack_cameras(values)
        else:
            batch[field.name] = None if values[0] is None else values
    shown = {pair.shown_as_points for pair in pairs}
    if len(shown) == 1 and None not in shown:
        batch["point_image"] = batch[shown.pop()]
    return PairInputs(**batch)
