"""What `sfm` makes of a folder of photographs, and how well a view's points show the next view.

    python -m benchmarks.sfm PHOTOS [PHOTOS ...] [--pictures OUT.png]

For each folder: views registered, points a view, the verdict of each attempt, seconds and peak memory, and for
consecutive views the PSNR of the warped view against the next, over pixels on which a point is seen, with the share of
those pixels, and the share within two pixels of one. A scene with its own geometry (a transforms.json with cameras and
depth) is estimated from its pictures alone, and compared with the truth.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch
from PIL import Image

from warpdata.camera import Camera
from warpdata.config import SourceOptions
from warpdata.errors import GeometryError
from warpdata.geometry.given import GivenEstimator
from warpdata.geometry.maths.fit import fit_depth
from warpdata.geometry.maths.sim3 import align_cameras, rotation_angle
from warpdata.geometry.sfm.estimator import SfmEstimator
from warpdata.geometry.types import FrameGeometry
from warpdata.render import warp
from warpdata.sources import open_source
from warpdata.sources.fit import Fit
from warpdata.sources.scene import Scene

GOOD_DEPTH = (0.01, 0.05)
"""Relative depth errors whose share of pixels is reported."""

COVERED = 252
"""Coverage of a pixel at most two pixels from one on which a point is seen, with the default fade."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="folders of photographs, or scenes with transforms.json")
    parser.add_argument("--pictures", type=Path, help="folder for a picture of each scene: image, depth, splat, target")
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    for folder in arguments.folders:
        print(f"\n## {folder.name}")
        measure(open_scene(folder), arguments.device, arguments.pictures)


def open_scene(folder: Path) -> Scene:
    source = open_source(SourceOptions(input_dir=folder))
    return source.scene(source.scene_ids()[0])


def measure(scene: Scene, device: str, pictures: Path | None) -> None:
    hidden = replace(scene, views=tuple(replace(view, camera=None, depth=None) for view in scene.views))
    began = time.perf_counter()
    try:
        geometry = SfmEstimator(device=device)(hidden)
    except GeometryError as error:
        print(f"refused after {time.perf_counter() - began:.1f} s: {error}")
        return
    posed = time.perf_counter()
    frames = list(geometry.frames)
    done = time.perf_counter()
    report = geometry.report
    print(f"views {report['views']} of {report['of_views']}, points {report['points']}")
    print(f"points seen a view: {', '.join(map(str, report['points_seen'].values()))}")
    print(f"reprojection error, pixels: {report['reprojection_error_px']}")
    for attempt in report["attempts"]:
        print(f"attempt: {attempt}")
    for name, reason in geometry.left_out.items():
        print(f"left out: {name}: {reason}")
    height, width = frames[0].depth.shape
    print(
        f"seconds: cameras {posed - began:.1f}, depth {done - posed:.1f}, "
        f"a frame of {width}x{height} {(done - began) / len(frames):.2f}; "
        f"peak memory {peak_memory_mb(resource.RUSAGE_SELF)} MB, "
        f"of pycolmap {peak_memory_mb(resource.RUSAGE_CHILDREN)} MB"
    )
    images = load_images(scene, frames)
    shown = show_pairs("sfm", frames, images)
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
        save_strip(frames, images, shown, pictures / f"{scene.id}.png")
    if scene.ships_geometry:
        compare(scene, frames, images)


def peak_memory_mb(who: int) -> int:
    """Highest resident memory of this process, or of its largest child, so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(who).ru_maxrss * unit // 2**20


def load_images(scene: Scene, frames: list[FrameGeometry]) -> list[torch.Tensor]:
    """The pictures at the size of the depth maps."""
    pictures = {view.name: view.picture for view in scene.views}
    images = []
    for frame in frames:
        (height, width), hw = frame.image_hw, tuple(frame.depth.shape)
        fit = Fit(source_hw=frame.image_hw, output_hw=hw, box=(0, 0, width, height), place=(0, 0, hw[1], hw[0]))
        images.append(pictures[frame.name].load(fit))
    return images


def show_pairs(title: str, frames: list[FrameGeometry], images: list[torch.Tensor]) -> list[torch.Tensor]:
    """Warp each view to the next and print the figures; returns the splats."""
    rows, splats = [], []
    for index in range(len(frames) - 1):
        reference, target = frames[index], frames[index + 1]
        out = warp(images[index], reference.depth, reference.camera, target.camera, confidence=reference.confidence)
        error = ((out.rgb.float() - images[index + 1]) / 255).square().mean(dim=0)
        unwarped = -10 * torch.log10(((images[index].float() - images[index + 1]) / 255).square().mean())
        visible, covered = out.visible[0], out.coverage[0] >= COVERED
        rows.append(
            torch.stack(
                [
                    -10 * torch.log10(error[visible].mean()),
                    visible.float().mean(),
                    -10 * torch.log10(error[covered].mean()),
                    covered.float().mean(),
                    unwarped,
                ]
            )
        )
        splats.append(out.rgb)
    table = torch.stack(rows)
    print(f"{title}: pair  PSNR visible  share visible  PSNR covered  share covered  PSNR unwarped")
    for index, row in enumerate([*table, table.mean(dim=0)]):
        name = f"{frames[index].name} > {frames[index + 1].name}" if index < len(table) else "mean"
        print(f"{name:>24}  {row[0]:6.2f}  {row[1]:6.3f}  {row[2]:6.2f}  {row[3]:6.3f}  {row[4]:6.2f}")
    return splats


def save_strip(frames: list[FrameGeometry], images: list[torch.Tensor], splats: list[torch.Tensor], path: Path) -> None:
    """A row a pair: reference, its inverse depth, what of it is confirmed, splat, target."""
    rows = []
    for index, splat in enumerate(splats):
        inverse = frames[index].depth.reciprocal()
        low, high = torch.quantile(inverse, torch.tensor([0.02, 0.98]))
        grey = (((inverse - low) / (high - low)).clamp(0, 1) * 255).byte().expand(3, -1, -1)
        confirmed = grey.where(frames[index].confidence > 1, torch.tensor([[[90]], [[0]], [[0]]], dtype=torch.uint8))
        rows.append(torch.cat([images[index], grey, confirmed, splat, images[index + 1]], dim=2))
    width = min(row.shape[2] for row in rows)
    strip = torch.cat([row[:, :, :width] for row in rows], dim=1)
    Image.fromarray(strip.permute(1, 2, 0).numpy()).save(path)


def compare(scene: Scene, frames: list[FrameGeometry], images: list[torch.Tensor]) -> None:
    """Against the geometry that the scene ships: poses after similarity alignment, depth after the scale that fits it
    best (one for the scene), and the splats from both."""
    truth = {frame.name: frame for frame in GivenEstimator()(scene).frames}
    true_frames = [at_size(truth[frame.name], tuple(frame.depth.shape)) for frame in frames]
    ours, theirs = (torch.stack([frame.camera.world_from_cam for frame in side]) for side in (frames, true_frames))
    true_from_ours = align_cameras(ours, theirs)
    extent = torch.cdist(theirs[:, :3, 3], theirs[:, :3, 3]).max()
    centre = (true_from_ours.apply(ours[:, :3, 3]) - theirs[:, :3, 3]).norm(dim=-1)
    rotation = rotation_angle((true_from_ours.rotation @ ours[:, :3, :3]).mT @ theirs[:, :3, :3])
    focal = torch.stack([a.camera.K[0, 0] / b.camera.K[0, 0] - 1 for a, b in zip(frames, true_frames, strict=True)])
    print(
        f"poses against truth: rotation median {rotation.median():.3f} deg (max {rotation.max():.3f}), centre median "
        f"{centre.median() / extent:.2%} of the extent (max {centre.max() / extent:.2%}), focal {focal.mean():+.2%}"
    )
    ratios = torch.cat([(b.depth / a.depth)[b.depth > 0] for a, b in zip(frames, true_frames, strict=True)])
    depth_scale = ratios.median()
    for title, least in (("all pixels", 0.0), ("confirmed pixels", 1.01)):
        errors = torch.cat(
            [
                (a.depth * depth_scale / b.depth - 1).abs()[(b.depth > 0) & (a.confidence >= least)]
                for a, b in zip(frames, true_frames, strict=True)
            ]
        )
        pixels = sum((frame.depth > 0).sum() for frame in true_frames)
        within = ", ".join(f"{(errors < limit).float().mean():.1%} within {limit:.0%}" for limit in GOOD_DEPTH)
        print(f"depth, {title} ({len(errors) / pixels:.1%}): median error {errors.median():.2%}, {within}")
    show_pairs("from the true geometry", true_frames, images)


def at_size(frame: FrameGeometry, hw: tuple[int, int]) -> FrameGeometry:
    """True geometry at the size of ours."""
    height, width = frame.image_hw
    fit = Fit(source_hw=frame.image_hw, output_hw=hw, box=(0, 0, width, height), place=(0, 0, hw[1], hw[0]))
    depth, confidence = fit_depth(frame, fit)
    camera: Camera = fit.map_camera(frame.image_camera)
    return replace(frame, depth=depth, confidence=confidence, camera=camera)


if __name__ == "__main__":
    main()
