"""What undoing a lens costs: splats from distorted pictures against splats from the pinhole's own, on an exact scene.

    python -m benchmarks.lenses                           every model; prints Markdown
    python -m benchmarks.lenses --models OPENCV FOV       some
    python -m benchmarks.lenses --pictures FOLDER         and a picture a model: distorted | undone | seen by a pinhole

`samples/room` at half its size is seen through each lens by its own rays, picture and depth. Both ways the views are
warped onto their neighbours; PSNR is over the pixels shown both ways, on the way's own target.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks.visibility import sample_script
from warpdata.camera import Camera
from warpdata.lens import Lens
from warpdata.lens_models import LENS_MODELS
from warpdata.render import warp
from warpdata.sources.picture import PictureFile
from warpdata.sources.scene import DepthFile, View
from warpdata.sources.undistorted import undistorted_view

COEFFICIENTS = {
    "SIMPLE_RADIAL": (-0.15,),
    "RADIAL": (0.12, -0.05),
    "OPENCV": (-0.25, 0.06, 0.004, -0.006),
    "OPENCV_FISHEYE": (0.06, -0.02, 0.01, -0.003),
    "FULL_OPENCV": (-0.2, 0.05, 0.003, -0.002, 0.01, 0.03, -0.01, 0.005),
    "FOV": (0.8,),
    "SIMPLE_RADIAL_FISHEYE": (0.05,),
    "RADIAL_FISHEYE": (0.05, -0.03),
    "THIN_PRISM_FISHEYE": (0.05, -0.02, 0.003, -0.002, 0.004, -0.001, 0.01, -0.015),
    "RAD_TAN_THIN_PRISM_FISHEYE": (0.03, -0.02, 0.01, 0.0, 0.0, 0.0, 0.004, -0.003, 0.01, -0.002, -0.008, 0.001),
    "SIMPLE_DIVISION": (-0.2,),
    "DIVISION": (0.15,),
    "SIMPLE_FISHEYE": (),
    "FISHEYE": (),
    "EUCM": (0.6, 1.1),
    "BROWN": (-0.22, 0.05, -0.01, 0.002, 0.003, -0.002),
}
VIEWS = (4, 5, 6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=COEFFICIENTS, default=[*COEFFICIENTS])
    parser.add_argument("--pictures", type=Path)
    arguments = parser.parse_args()
    script = sample_script()
    print("| model | pinhole picture | PSNR undone | seen by a pinhole | undone, ms a picture |\n|---|---|---|---|---|")
    for model in arguments.models:
        measure(script, lens_of(script, model), arguments.pictures)


def lens_of(script: ModuleType, model: str) -> Lens:
    values = {"f": script.FX, "fx": script.FX, "fy": script.FY, "cx": script.CX, "cy": script.CY}
    names = [name for name in LENS_MODELS[model].parameters if name in values]
    return Lens(model=model, parameters=(*(values[name] for name in names), *COEFFICIENTS[model]), hw=script.HW)


def measure(script: ModuleType, lens: Lens, pictures: Path | None) -> None:
    undistortion = lens.undistortion
    plain = Lens(model="PINHOLE", parameters=(*undistortion.focal_xy, *undistortion.centre_xy), hw=undistortion.hw)
    with tempfile.TemporaryDirectory() as folder:
        distorted = [seen_through(script, lens, index, Path(folder)) for index in VIEWS]
        began = time.perf_counter()
        undone = [undistorted_view(view, lens) for view in distorted]
        loaded = [(view.picture.load(), view.depth.load(), view.camera) for view in undone]
        milliseconds = 1000 * (time.perf_counter() - began) / len(VIEWS)
        exact = [seen_through(script, plain, index, Path(folder)) for index in VIEWS]
        expected = [(view.picture.load(), view.depth.load(), view.camera) for view in exact]
        if pictures is not None:
            pictures.mkdir(parents=True, exist_ok=True)
            parts = [distorted[0].picture.load(), loaded[0][0], expected[0][0]]
            save_row(parts, pictures / f"{lens.model}.png")
    errors = np.zeros(2)
    pixels = 0
    for first, second in ((0, 1), (1, 2), (1, 0), (2, 1)):
        splats = [warp_pair(views[first], views[second]) for views in (loaded, expected)]
        shown = splats[0][1] & splats[1][1]
        pixels += shown.sum().item()
        for way, (splat, _) in enumerate(splats):
            target = (loaded, expected)[way][second][0]
            errors[way] += (splat.double() - target.double())[:, shown].square().mean(dim=0).sum().item()
    undone_psnr, exact_psnr = (10 * math.log10(255**2 * pixels / error) for error in errors)
    size = f"{undistortion.hw[1]}x{undistortion.hw[0]} of {lens.hw[1]}x{lens.hw[0]}"
    print(f"| {lens.model} | {size} | {undone_psnr:.2f} | {exact_psnr:.2f} | {milliseconds:.0f} |", flush=True)


def warp_pair(reference: tuple[Tensor, Tensor, Camera], target: tuple[Tensor, Tensor, Camera]) -> tuple[Tensor, Tensor]:
    """The splat (3, H, W) and where points are seen."""
    image, depth, camera = reference
    found = warp(image, depth, camera, target[2])
    return found.rgb, found.visible[0]


def seen_through(script: ModuleType, lens: Lens, index: int, folder: Path) -> View:
    """A view of the script's scene by the rays of a lens, its depth not rounded."""
    script.HW = lens.hw
    script.ROWS_AT_ONCE = next(rows for rows in range(24, 0, -1) if lens.hw[0] % rows == 0)

    def rays(world_from_cam: Tensor, x: Tensor, y: Tensor) -> Tensor:
        uv = torch.from_numpy(lens.rays(torch.stack([x, y], dim=-1).reshape(-1, 2).numpy())).reshape(*x.shape, 2)
        return torch.cat([uv, torch.ones_like(uv[..., :1])], dim=-1) @ world_from_cam[:3, :3].T

    script.rays = rays
    name = f"{lens.model}{index}"
    world_from_cam = script.pose(index)
    Image.fromarray(script.render(world_from_cam)).save(folder / f"{name}.png")
    np.save(folder / f"{name}.npy", script.cast_depth(world_from_cam).numpy().astype(np.float32))
    camera = Camera(K=lens.K, cam_from_world=torch.linalg.inv(world_from_cam), hw=lens.hw)
    depth = DepthFile(path=folder / f"{name}.npy")
    return View(name=str(index), picture=PictureFile(folder / f"{name}.png"), camera=camera, depth=depth)


def save_row(parts: list[Tensor], path: Path) -> None:
    height = max(part.shape[1] for part in parts)
    padded = [torch.nn.functional.pad(part, (0, 8, 0, height - part.shape[1])) for part in parts]
    Image.fromarray(torch.cat(padded, dim=2).permute(1, 2, 0).numpy()).save(path)


if __name__ == "__main__":
    main()
