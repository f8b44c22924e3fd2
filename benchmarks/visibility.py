"""What the warp shows that it should not, and hides though it is seen: both versions, on scenes with exact depth.

    python -m benchmarks.visibility                       everything; prints Markdown
    python -m benchmarks.visibility --scenes room         one scene
    python -m benchmarks.visibility --goldens FOLDER      and cases that were rendered elsewhere, by picture alone

A drawn pixel *leaks* when it shows something more than 2 % behind the true surface of the target, and it does so
*preventably* when the reference sees that surface. A drawn point is *truly visible* when it is not more than 2 % behind
it. Shares: leaks of the pixels shown, hidden ones of the drawn points that are truly visible, visible of all pixels.
PSNR is over the pixels shown, over those that do not leak and, to compare the ways over the same pixels, over those
that version 2 shows, with whatever each way fills in there.

`room` is samples/room. The others are made by its script, at half its size: `fence`, slats two to three pixels wide
close to the camera; `sparse fence`, the same with wide gaps; `walk`, straight ahead until the median depth is 1.5, 2
and 3 times nearer. Goldens come without the depth of their target, so that leaks cannot be told.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from warpdata.camera import Camera, unproject
from warpdata.config import RenderOptions
from warpdata.render import Rendering, warp

SAMPLES = Path(__file__).parent.parent / "samples"
LEAK = 1.02
OPENGL = torch.diag(torch.tensor([1, -1, -1, 1], dtype=torch.float64))
WAYS = {
    "no test": RenderOptions(version=1, occlusion_threshold=-10.0),
    "version 1": RenderOptions(version=1),
    "version 2": RenderOptions(version=2),
}
NEARER = (1.5, 2.0, 3.0)


@dataclass(frozen=True)
class View:
    """A picture (3, H, W) with exact depth (H, W)."""

    image: Tensor
    depth: Tensor
    camera: Camera


@dataclass
class Counts:
    """Sums over the pairs of a scene."""

    pixels: int = 0
    shown: int = 0
    leaks: int = 0
    preventable: int = 0
    truly_visible: int = 0
    wrongly_hidden: int = 0
    error: float = 0.0
    error_without_leaks: float = 0.0
    common: int = 0
    error_in_common: float = 0.0

    def add(self, reference: View, target: View, drawn: Rendering, common: Tensor, found: Rendering) -> None:
        """Count one rendering; `drawn` is the same without any point hidden, `common` the pixels all ways share."""
        shown, true_depth = found.visible[0], target.depth
        leak = shown & (found.depth[0] > LEAK * true_depth)
        seen_by_reference = sees(reference, unproject(true_depth, target.camera))
        truly = drawn.visible[0] & (drawn.depth[0] <= LEAK * true_depth)
        error = (found.rgb.double() - target.image.double()).square().mean(dim=0)
        self.pixels += shown.numel()
        self.shown += int(shown.sum())
        self.leaks += int(leak.sum())
        self.preventable += int((leak & seen_by_reference).sum())
        self.truly_visible += int(truly.sum())
        self.wrongly_hidden += int((truly & ~shown).sum())
        self.error += float(error[shown].sum())
        self.error_without_leaks += float(error[shown & ~leak].sum())
        self.common += int(common.sum())
        self.error_in_common += float(error[common].sum())

    def row(self) -> list[str]:
        unleaked = self.shown - self.leaks
        return [
            f"{100 * self.preventable / self.shown:.2f} %",
            f"{100 * self.wrongly_hidden / self.truly_visible:.2f} %",
            f"{100 * self.shown / self.pixels:.1f} %",
            f"{psnr(self.error / self.shown):.2f} dB",
            f"{psnr(self.error_without_leaks / unleaked):.2f} dB",
            f"{psnr(self.error_in_common / self.common):.2f} dB",
        ]


def psnr(mean_square: float) -> float:
    return float(10 * np.log10(255**2 / mean_square))


def sees(view: View, world: Tensor) -> Tensor:
    """Which world points (H, W, 3) lie on the surface that a view sees, within 2 %."""
    H, W = view.camera.hw
    pose = view.camera.cam_from_world
    points = world.double() @ pose[:3, :3].T + pose[:3, 3]
    z = points[..., 2]
    image = points @ view.camera.K.double().T
    column, row = (image[..., 0] / z).floor(), (image[..., 1] / z).floor()
    inside = (z > 0) & (column >= 0) & (column < W) & (row >= 0) & (row < H)
    depth = view.depth[row.clamp(0, H - 1).long(), column.clamp(0, W - 1).long()]
    return inside & ((depth / z - 1).abs() < LEAK - 1)


def sample_views() -> list[View]:
    """samples/room, as its files say."""
    room = SAMPLES / "room"
    content = json.loads((room / "transforms.json").read_text())
    K = torch.tensor([[content["fl_x"], 0, content["cx"]], [0, content["fl_y"], content["cy"]], [0, 0, 1]]).double()
    views = []
    for frame in content["frames"]:
        image = torch.from_numpy(np.array(Image.open(room / frame["file_path"]))).permute(2, 0, 1).contiguous()
        millimetres = np.array(Image.open(room / frame["depth_file_path"])).astype(np.float32)
        world_from_cam = torch.tensor(frame["transform_matrix"], dtype=torch.float64) @ OPENGL
        camera = Camera(K=K, cam_from_world=torch.linalg.inv(world_from_cam), hw=tuple(image.shape[1:]))
        views.append(View(image, torch.from_numpy(millimetres / 1000), camera))
    return views


def sample_script(things: list | None = None) -> ModuleType:
    """The script that makes the sample, at half its size, with other things in front of the room."""
    spec = importlib.util.spec_from_file_location("make_sample", SAMPLES / "make_sample.py")
    script = importlib.util.module_from_spec(spec)
    sys.modules["make_sample"] = script  # dataclasses look their module up
    spec.loader.exec_module(script)
    script.HW = (script.HW[0] // 2, script.HW[1] // 2)
    script.FX, script.FY, script.CX, script.CY = (value / 2 for value in (script.FX, script.FY, script.CX, script.CY))
    script.SCENE = script.SCENE + [getattr(script, kind)(*values) for kind, *values in things or []]
    return script


def cast(script: ModuleType, world_from_cam: Tensor) -> View:
    """A view of the script's scene, its depth not rounded to millimetres."""
    K = torch.tensor([[script.FX, 0, script.CX], [0, script.FY, script.CY], [0, 0, 1]], dtype=torch.float64)
    camera = Camera(K=K, cam_from_world=torch.linalg.inv(world_from_cam), hw=script.HW)
    image = torch.from_numpy(script.render(world_from_cam)).permute(2, 0, 1).contiguous()
    return View(image, script.cast_depth(world_from_cam).float(), camera)


def fence(pitch: float, width: float) -> list[tuple]:
    """Upright slats half a metre or so before the camera's way, with two rails."""
    count = int(3.6 / pitch)
    slats = [("Box", (pitch * (k - count / 2), -1.2, 1.3), (width, 0.001, 1.6), 0.0, "slat") for k in range(count)]
    return slats + [("Box", (0.0, -1.19, height), (3.6, 0.001, 0.012), 0.0, "slat") for height in (0.9, 1.7)]


Pairs = Iterable[tuple[str, View, View]]


def room_pairs() -> Pairs:
    views = sample_views()
    for name, step in (("next", 1), ("four on", 4), ("four back", -4)):
        for k in range(len(views)):
            if 0 <= k + step < len(views):
                yield name, views[k], views[k + step]


def fence_pairs(pitch: float, width: float) -> Pairs:
    script = sample_script(fence(pitch, width))
    views = [cast(script, script.pose(index)) for index in range(3, 8)]
    for k in range(3):
        yield "two on", views[k], views[k + 2]
        yield "two back", views[k + 2], views[k]


def walk_pairs() -> Pairs:
    script = sample_script()
    for index in (2, 4, 6):
        pose = script.pose(index)
        reference = cast(script, pose)
        for nearer in NEARER:
            ahead = pose.clone()
            ahead[:3, 3] += pose[:3, 2] * float(reference.depth.median()) * (1 - 1 / nearer)
            yield f"{nearer:g} x nearer", reference, cast(script, ahead)


SCENES = {
    "room": room_pairs,
    "fence": lambda: fence_pairs(0.03, 0.009),
    "sparse fence": lambda: fence_pairs(0.09, 0.011),
    "walk": walk_pairs,
}


def measure(scene: str, pairs: Pairs, backend: str) -> None:
    """Print the rows of one scene."""
    counts: dict[tuple[str, str], Counts] = {}
    for name, reference, target in pairs:
        render = {
            way: warp(
                *(reference.image, reference.depth, reference.camera, target.camera), options=options, backend=backend
            )
            for way, options in WAYS.items()
        }
        common = render["version 2"].visible[0]
        for way, found in render.items():
            counts.setdefault((name, way), Counts()).add(reference, target, render["no test"], common, found)
    for (name, way), count in counts.items():
        print("|", " | ".join([f"{scene}, {name}", way, *count.row()]), "|", flush=True)


def golden_picture(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(Image.open(io.BytesIO(array.tobytes())))).permute(2, 0, 1).contiguous()


def golden_camera(case: dict, side: str, hw: tuple[int, int]) -> Camera:
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3] = torch.from_numpy(case[f"E_{side}"]).double()[:3]
    return Camera(K=torch.from_numpy(case[f"K_{side}"]).double(), cam_from_world=pose, hw=hw)


def measure_golden(path: Path, backend: str) -> None:
    """Print what can be said of a case that comes with the target's picture and not its depth."""
    case = np.load(path)
    size = int(case["size"][1]), int(case["size"][0])
    depth = torch.from_numpy((case["depth_u16"].astype(np.float64) * float(case["depth_scale"])).astype(np.float32))
    image, truth = golden_picture(case["colors_png"]), golden_picture(case["target_png"])
    reference, target = (golden_camera(case, side, size) for side in ("ref", "tgt"))
    for way, options in WAYS.items():
        found = warp(image, depth, reference, target, options=options, backend=backend)
        shown = found.visible[0]
        error = (found.rgb.double() - truth.double()).square().mean(dim=0)[shown].mean().item()
        print(f"| golden {path.stem} | {way} | | | {100 * shown.double().mean():.1f} % | {psnr(error):.2f} dB | | |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", nargs="*", choices=list(SCENES), default=list(SCENES))
    parser.add_argument("--goldens", type=Path, help="folder with room_near.npz and occluder.npz")
    parser.add_argument("--backend", default="auto")
    arguments = parser.parse_args()
    print("| pair | | leaks, preventable | hidden though visible | visible", end=" ")
    print("| PSNR there | without leaks | where version 2 shows |\n|---|---|---|---|---|---|---|---|")
    for scene in arguments.scenes:
        measure(scene, SCENES[scene](), arguments.backend)
    for name in ("room_near", "occluder") if arguments.goldens else ():
        measure_golden(arguments.goldens / f"{name}.npz", arguments.backend)


if __name__ == "__main__":
    main()
