"""A picture made ready to be seen from a drawn camera and back, with a reference beside it or none."""

from __future__ import annotations

from dataclasses import replace

from warpdata.config import FilterOptions, SizeOptions
from warpdata.geometry.types import FrameCamera, FrameGeometry
from warpdata.sources.fit import fit_image
from warpdata.triplets.drawn_cameras import CameraDraw, draw_camera
from warpdata.triplets.inputs import LoadImage, PairInputs, plan_fits, points_depth, without_edges


def prepare_reprojected(
    sample_id: str,
    frame: FrameGeometry,
    load: LoadImage,
    reference: FrameCamera | None,
    load_reference: LoadImage | None,
    *,
    draw: CameraDraw,
    scene_id: str,
    index: int,
    epoch: int,
    output_hw: tuple[int, int],
    size: SizeOptions,
    filters: FilterOptions,
) -> PairInputs:
    """Decode a picture, and its reference, bring them to the output size, and draw a camera.

    Args:
        sample_id: `<scene>/<name>`.
        frame: geometry of the picture.
        load: loads the picture for a fit; called once or twice.
        reference: the view to show beside it; None for none.
        load_reference: loads its picture.
        draw, scene_id, index, epoch: see `draw_camera`.
        output_hw: the one size of the triplet's pictures.

    Raises:
        ViewError: a picture cannot be decoded.
    """
    frame = without_edges(frame, filters)
    plan = plan_fits(frame.camera.hw, frame.content_box, frame.image_hw, frame.image_hw, output_hw, size, filters)
    picture = load(plan.target)
    point_image = picture if plan.points == plan.target else load(plan.points)
    depth, confidence = points_depth(frame, plan, point_image, filters)
    camera = plan.target.map_camera(frame.image_camera)

    # The camera is drawn for what is picture, without borders; depth has these only at the output size.
    left, top, right, bottom = plan.target.place
    bordered = depth.shape == output_hw
    inside = (slice(top, bottom), slice(left, right)) if bordered else (slice(None), slice(None))
    drawn = draw_camera(
        depth[inside],
        confidence[inside],
        camera.cropped(plan.target.place).resized(tuple(depth[inside].shape)),
        draw,
        scene_id=scene_id,
        index=index,
        epoch=epoch,
    )
    fit = None if reference is None else fit_image(reference.image_hw, output_hw, size.preprocess_mode)
    return PairInputs(
        id=sample_id,
        reference_name="" if reference is None else reference.name,
        target_name=frame.name,
        reference=None if fit is None else load_reference(fit),
        target=picture,
        point_image=point_image,
        depth=depth,
        confidence=confidence,
        reference_camera=None if fit is None else fit.map_camera(reference.image_camera),
        target_camera=camera,
        reference_content=None if fit is None else fit.place,
        target_content=plan.target.place,
        drawn_camera=replace(camera, cam_from_world=drawn.cam_from_world),
    )
