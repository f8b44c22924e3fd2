"""What `--edge-threshold` takes away and what it costs: points that hang between two surfaces, where depth is known.

    python -m benchmarks.flying_pixels                  the tables of RESULTS.md, in Markdown
    python -m benchmarks.flying_pixels --sfm CACHE      structure from motion of the pictures of samples/room, as CACHE
                                                        has it after `python -m warpdata.materialize --geometry sfm`

A network's depth is imitated: the exact depth is reduced bilinearly to 518 columns, and brought back to the picture's
size bilinearly ("enlarged") or used as it is, with a point a pixel ("518 wide"). A point *flies* when no pixel of the
exact depth in the 7 x 7 around it is within 2 % of its depth, and it lies between the nearest and the farthest of them.
Flying: share of the splat's drawn pixels that show such a point. Coverage: share of the target that shows a point.
PSNR is over the pixels that show one.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.visibility import (
    Pairs,
    View,
    cast,
    fence_pairs,
    psnr,
    room_pairs,
    sample_script,
    sample_views,
    walk_pairs,
)
from warpdata.cache import CacheEntry, GeometryCache
from warpdata.config import RenderOptions
from warpdata.geometry.filters.flying import beside_silhouettes
from warpdata.render import warp

NETWORK_WIDTH = 518
AGREEING = 0.02
REACH = 3
THRESHOLDS = (None, 0.05, 0.1, 0.15, 0.2, 0.3)


@dataclass
class Counts:
    """Sums over the pairs of a scene."""

    pixels: int = 0
    shown: int = 0
    flying: int = 0
    error: float = 0.0

    def row(self) -> list[str]:
        return [
            f"{100 * self.flying / self.shown:.2f} %",
            f"{100 * self.shown / self.pixels:.1f} %",
            f"{psnr(self.error / self.shown):.2f} dB",
        ]


def resized(depth: Tensor, hw: tuple[int, int]) -> Tensor:
    return F.interpolate(depth[None, None], size=hw, mode="bilinear", align_corners=False, antialias=True)[0, 0]


def blurred(view: View) -> View:
    """A view whose depth a network of 518 columns could have given, at the picture's size."""
    return replace(view, depth=resized(resized(view.depth, network_hw(view)), view.camera.hw))


def coarse(view: View) -> View:
    """The same without enlarging: picture, depth and camera at the network's size."""
    hw = network_hw(view)
    picture = F.interpolate(view.image[None].float(), size=hw, mode="bilinear", antialias=True)[0]
    return View(picture.round().to(torch.uint8), resized(view.depth, hw), view.camera.resized(hw))


def network_hw(view: View) -> tuple[int, int]:
    height, width = view.camera.hw
    return round(height * NETWORK_WIDTH / width), NETWORK_WIDTH


def flies(depth: Tensor, exact: Tensor) -> Tensor:
    """Which pixels have a depth that no surface near them has, between two that are there."""
    H, W = exact.shape
    h, w = depth.shape
    rows = ((torch.arange(h) + 0.5) * H / h).long()
    columns = ((torch.arange(w) + 0.5) * W / w).long()
    reach = REACH
    padded = F.pad(exact[None, None], [reach] * 4, mode="replicate")[0, 0]
    agrees, nearer, farther = (torch.zeros(h, w, dtype=torch.bool) for _ in range(3))
    for y in range(2 * reach + 1):
        for x in range(2 * reach + 1):
            there = padded[rows + y][:, columns + x]
            ratio = depth / there
            agrees |= (ratio - 1).abs() <= AGREEING
            nearer |= ratio > 1
            farther |= ratio < 1
    return (depth > 0) & ~agrees & nearer & farther


def orbit_pairs() -> Pairs:
    """The sample's own walk at half its size, every second view."""
    script = sample_script()
    views = [cast(script, script.pose(index)) for index in range(0, 10, 2)]
    for reference, target in pairwise(views):
        yield "next but one", reference, target


SCENES: dict[str, Callable[[], Pairs]] = {
    "room": lambda: (pair for pair in room_pairs() if pair[0] == "four on"),
    "room, half its size": orbit_pairs,
    "fence": lambda: fence_pairs(0.03, 0.009),
    "walk": walk_pairs,
}
WAYS: dict[str, Callable[[View], View]] = {"exact": lambda view: view, "enlarged": blurred, "518 wide": coarse}


def measured(way: Callable[[View], View], pairs: Pairs, thresholds: tuple[float | None, ...]) -> Iterator[list[str]]:
    """Rows of one scene and way of making depth, one a threshold."""
    counts = {threshold: Counts() for threshold in thresholds}
    for _, exact, target in pairs:
        reference = way(exact)
        flying = flies(reference.depth, exact.depth)
        truth = target if reference.camera.hw == target.camera.hw else coarse(target)
        for threshold, count in counts.items():
            depth = reference.depth
            if threshold is not None:
                depth = depth.where(~beside_silhouettes(depth, threshold), 0)
            found = warp(reference.image, depth, reference.camera, truth.camera)
            marked = warp(255 * flying.to(torch.uint8).expand(3, -1, -1), depth, reference.camera, truth.camera)
            shown = found.visible[0]
            error = (found.rgb.double() - truth.image.double()).square().mean(dim=0)
            count.pixels += shown.numel()
            count.shown += int(shown.sum())
            count.flying += int((shown & (marked.rgb[0] == 255)).sum())
            count.error += float(error[shown].sum())
    for threshold, count in counts.items():
        yield ["off" if threshold is None else f"{threshold:g}", *count.row()]


def sfm_rows(cache: Path) -> Iterator[list[str]]:
    """Rows of depth by structure from motion, in the unit of the sample by the median of their ratios."""
    views = {f"{index:03d}": view for index, view in enumerate(sample_views())}
    paths = [path for path in sorted(GeometryCache(cache).entry_folder.glob("*")) if path.is_file()]
    entry = next((one for one in map(CacheEntry, paths) if one.provenance.estimator == "sfm"), None)
    if entry is None:
        raise SystemExit(f"{cache} has no geometry by sfm; make triplets of samples/room's pictures with it first")
    counts = {threshold: [0, 0, 0] for threshold in THRESHOLDS}
    for name in entry.names:
        frame, exact = entry.frame(entry.names.index(name)), views[name].depth
        points = (frame.depth > 0) & (frame.confidence >= RenderOptions().confidence_threshold)
        at_its_size = F.interpolate(exact[None, None], size=frame.depth.shape, mode="nearest-exact")[0, 0]
        depth = frame.depth * (at_its_size / frame.depth)[points].median()
        flying = flies(depth, exact) & points
        for threshold, count in counts.items():
            kept = points & ~beside_silhouettes(depth, threshold) if threshold else points
            for place, number in enumerate((kept, kept & flying, torch.ones_like(kept))):
                count[place] += int(number.sum())
    for threshold, (kept, flying, pixels) in counts.items():
        shares = f"{100 * flying / kept:.2f} %", f"{100 * kept / pixels:.1f} %"
        yield ["off" if threshold is None else f"{threshold:g}", *shares, ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", nargs="*", choices=list(SCENES), default=list(SCENES))
    parser.add_argument("--ways", nargs="*", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--sfm", type=Path, metavar="CACHE", help="measure the geometry of a cache, of its points")
    arguments = parser.parse_args()
    print("| scene, depth | threshold | flying | coverage | PSNR there |\n|---|---|---|---|---|")
    if arguments.sfm:
        for row in sfm_rows(arguments.sfm):
            print("|", " | ".join(["room, sfm, its points", *row]), "|", flush=True)
        return
    for scene in arguments.scenes:
        for way in arguments.ways:
            for row in measured(WAYS[way], SCENES[scene](), THRESHOLDS):
                print("|", " | ".join([f"{scene}, {way}", *row]), "|", flush=True)


if __name__ == "__main__":
    main()
