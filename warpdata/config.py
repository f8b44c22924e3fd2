"""Every option of warpdata and the only home of its default value.

The command line flags are made from these fields: a field's docstring is its help text. Names follow the program
whose data sets warpdata continues, so that its commands keep working.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

SEED_S0 = 0.005
"""The fixed neighbourhood size of earlier data sets, in scene units; what `--no-auto-s0` falls back to."""

MAX_IMAGE_PIXELS = 400_000_000
"""Images and depth maps with more pixels than this are refused before their pixels are decoded."""

MIN_IMAGE_SIDE = 16
"""Views with a shorter side are left out: nothing can be learned from them, and they would shrink the whole scene."""

MAX_JSON_BYTES = 256 * 2**20
"""Longest `transforms.json`, manifest or header that is read."""


def default_cache_dir() -> Path:
    """Where geometry is kept when nobody says otherwise: WARPDATA_CACHE, or the platform's place for user caches."""
    if folder := os.environ.get("WARPDATA_CACHE"):
        return Path(folder)
    if sys.platform == "win32":
        caches = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        caches = Path.home() / "Library" / "Caches"
    else:
        caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "warpdata"


@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """Which views are taken from the input."""

    input_dir: Path = Path("input")
    """Folder with one sub-folder a scene, or with the images of a single scene."""
    skip_every: int = 1
    """Use every Nth view, counted from the first (1: all). Not together with --auto-skip."""
    auto_skip: bool = False
    """Choose views by the overlap of the cameras in transforms.json."""
    target_overlap: float = 0.5
    """Overlap wanted between consecutive views with --auto-skip, 0 to 1."""
    limit: int = 0
    """Use only the first N views of each scene, after the selection above (0: all; 1 leaves no pair and is refused)."""

    def __post_init__(self) -> None:
        if self.skip_every < 1:
            raise ValueError(f"--skip-every is {self.skip_every}; it must be at least 1")
        if not 0 <= self.target_overlap <= 1:
            raise ValueError(f"--target-overlap is {self.target_overlap}; it must lie between 0 and 1")
        if self.limit < 0 or self.limit == 1:
            raise ValueError(f"--limit is {self.limit}; a pair needs two views: use 0 for all, or 2 and more")
        if self.auto_skip and self.skip_every > 1:
            raise ValueError("--auto-skip and --skip-every both choose views; give one of them")


@dataclass(frozen=True, kw_only=True)
class SizeOptions:
    """The one size of splat, reference and target."""

    max_megapixels: float = 1.0
    """Largest output in millions of pixels; larger views are reduced, in memory, once (0: no limit)."""
    resize_width: int = 0
    """Output width in pixels, together with --resize-height; reduced if above --max-megapixels (0: the views' own)."""
    resize_height: int = 0
    """Output height in pixels, together with --resize-width (0: the views' own)."""
    multiple: int = 1
    """Make both sides multiples of N by rounding down; many trainers want 16 or 32."""
    preprocess_mode: Literal["crop", "pad"] = "crop"
    """How a view is fitted to a size of another aspect ratio, for the network and for the output alike:
    crop fills the frame and cuts what hangs over; pad keeps the whole picture on white, which never becomes points."""
    upsample_depth: bool = False
    """Bring depth to the output size before rendering, sharp at silhouettes. Without it the splat is rendered at the
    depth's own size, if that is smaller, and the picture is enlarged."""

    def __post_init__(self) -> None:
        if not self.max_megapixels >= 0:
            raise ValueError(f"--max-megapixels is {self.max_megapixels}; use 0 for no limit or a positive number")
        if (self.resize_width > 0) != (self.resize_height > 0) or min(self.resize_width, self.resize_height) < 0:
            raise ValueError(
                f"--resize-width {self.resize_width} and --resize-height {self.resize_height} go together: "
                "give both as positive numbers, or neither"
            )
        if self.multiple < 1:
            raise ValueError(f"--multiple is {self.multiple}; it must be at least 1")


@dataclass(frozen=True, kw_only=True)
class RenderOptions:
    """How points become a picture: the parameters of the warp."""

    sigma: float = 20.0
    """Reach of the fade into holes, in pixels of the size that is rendered: the picture is multiplied by
    exp(-(distance / sigma)^2), where distance is to the nearest visible point."""
    confidence_threshold: Annotated[float, tyro.conf.arg(name="depth-conf-threshold")] = 1.01
    """Drop points with confidence below this; a higher threshold drops more. All estimators of warpdata give 1 to
    what they cannot vouch for and more to the rest."""
    s0: float | Literal["auto"] = "auto"
    """Neighbourhood of the hidden-point test, in scene units; auto takes the reference's median pixel footprint."""
    occlusion_threshold: float = 0.1
    """A point is hidden when the mean openness of the space before it is below this, 0 to 2; higher hides more."""
    near: float = 0.01
    """Points nearer to the target camera are dropped, in scene units."""
    far: float = 1e6
    """Points farther from the target camera are dropped, in scene units."""
    background: tuple[int, int, int] = (0, 0, 0)
    """Colour (R, G, B) of holes beyond the fade."""
    compat: bool = False
    """Keep the earlier program's half-pixel shift, pixel rule and byte truncation, to continue a data set of it."""

    def __post_init__(self) -> None:
        if not self.sigma >= 0:
            raise ValueError(f"--sigma is {self.sigma}; it must be 0 or more, in pixels")
        if self.s0 != "auto" and not self.s0 > 0:
            raise ValueError(f"--s0 is {self.s0}; it must be auto or a positive number of scene units")
        if not 0 < self.near < self.far:
            raise ValueError(f"--near {self.near} and --far {self.far} must satisfy 0 < near < far")
        if any(not 0 <= channel <= 255 for channel in self.background):
            raise ValueError(f"--background is {self.background}; each channel must lie between 0 and 255")


@dataclass(frozen=True, kw_only=True)
class FilterOptions:
    """Which reference pixels never become points, besides those without depth."""

    filter_sky: bool = False
    """Drop sky, found by a segmentation network (extra `sky`)."""
    sky_model: str = "JianyuanWang/skyseg/skyseg.onnx"
    """Network for --filter-sky: an .onnx file, or one of a Hugging Face repository, `owner/name/file[@revision]`."""
    filter_black_bg: bool = False
    """Drop nearly black pixels: R + G + B < 16."""
    filter_white_bg: bool = False
    """Drop nearly white pixels: R, G and B all above 240."""


@dataclass(frozen=True, kw_only=True)
class GeometryOptions:
    """Where depth and cameras come from, and where they are kept."""

    geometry: Literal["auto", "given", "vggt", "vggt-omega", "sfm"] = "auto"
    """auto takes what the scene ships, else a network whose weights are at hand, else structure from motion; given,
    vggt, vggt-omega and sfm insist on one."""
    weights: str | None = None
    """Network weights: a .safetensors or .pt file, or a Hugging Face repository, `owner/name[/file][@revision]`. By
    default those of the estimator that are on this machine, else facebook/VGGT-1B or facebook/VGGT-Omega, which only
    --geometry vggt and vggt-omega download."""
    poses: Literal["estimated", "given"] = "estimated"
    """given keeps the cameras the scene ships and estimates depth alone."""
    window_frames: int = 100
    """Frames the network sees at a time; longer scenes are joined from windows. Fewer need less memory."""
    window_overlap: int = 25
    """Frames that consecutive windows share, by which they are joined."""
    cache_dir: Path | None = None
    """Where geometry is kept between runs. By default the environment variable WARPDATA_CACHE, or else the folder
    `warpdata` among the user's caches."""

    def __post_init__(self) -> None:
        if not 1 <= self.window_overlap < self.window_frames:
            raise ValueError(
                f"--window-overlap is {self.window_overlap} and --window-frames {self.window_frames}; windows must "
                "share at least 1 frame and fewer than they have"
            )


@dataclass(frozen=True, kw_only=True)
class SfmOptions:
    """How structure from motion and the stereo after it are run."""

    match_megapixels: float = 1.6
    """Features are found in pictures reduced to this many millions of pixels."""
    depth_megapixels: float = 0.25
    """Size of the depth maps, in millions of pixels; never larger than the picture."""
    sources: int = 6
    """Views that each view's depth is computed from."""
    threads: int = 0
    """Threads of feature extraction and matching (0: one a core). The result does not depend on it."""
    time_limit_s: float = 3600.0
    """Seconds that a run of pycolmap may take before it is given up; a scene has a few of them."""

    def __post_init__(self) -> None:
        if not (self.match_megapixels > 0 and self.depth_megapixels > 0 and self.time_limit_s > 0):
            raise ValueError(
                f"match_megapixels {self.match_megapixels}, depth_megapixels {self.depth_megapixels} and time_limit_s "
                f"{self.time_limit_s} must be positive"
            )
        if self.sources < 1 or self.threads < 0:
            raise ValueError(f"sources is {self.sources} and threads {self.threads}; at least 1 and 0 are needed")


@dataclass(frozen=True, kw_only=True)
class PairOptions:
    """Which views are paired."""

    pairs: Literal["next", "window", "all", "overlap"] = "next"
    """next: each view with the one after it; window: with the next K; all: every two views; overlap: chosen by the
    measured share of the target that the reference covers."""
    pair_window: int = 3
    """K of --pairs window, and how far apart --pairs overlap looks (0: any distance)."""
    pair_overlap: tuple[float, float] = (0.3, 0.9)
    """Least and greatest covered share of the target with --pairs overlap."""
    overlap_histogram: tuple[float, ...] = ()
    """Wanted shares of pairs with --pairs overlap, as relative numbers for equal steps of the covered share from least
    to greatest: 1 1 2 takes as many pairs from the lowest and middle third, and twice as many from the highest. Each
    scene gives as many pairs as these shares allow; a step without any pair in a scene is passed over. Without it, all
    pairs are used."""
    both_directions: bool = False
    """Use every pair in both directions."""

    def __post_init__(self) -> None:
        if self.pair_window < 0 or (self.pairs == "window" and self.pair_window == 0):
            raise ValueError(f"--pair-window is {self.pair_window}; it must be at least 1")
        low, high = self.pair_overlap
        if not 0 <= low < high <= 1:
            raise ValueError(f"--pair-overlap is {low} {high}; it must be two numbers with 0 <= low < high <= 1")
        if self.overlap_histogram:
            if self.pairs != "overlap":
                raise ValueError(f"--overlap-histogram goes with --pairs overlap, not {self.pairs}")
            if not (min(self.overlap_histogram) >= 0 and 0 < sum(self.overlap_histogram) < float("inf")):
                shares = " ".join(map(str, self.overlap_histogram))
                raise ValueError(f"--overlap-histogram is {shares}; none may be negative, and one must be positive")


LayoutName = Literal[
    "folder",
    "webdataset",
    "modelscope",
    "diffsynth",
    "aitoolkit",
    "musubi",
    "hf",
    "hf-parquet",
    "litdata",
    "sharegpt",
]
"""Names of the layouts in which triplets can be written."""

SceneFormatName = Literal["colmap", "nerfstudio", "wai", "nsvf", "idr", "shards"]
"""Names of the formats in which a scene's own cameras, pictures and depth can be written; shards is a tar a scene."""


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """What is written."""

    output_dir: Path = Path("output")
    """Folder for the triplets."""
    output_format: Literal["jpg", "jpeg", "png"] = "jpg"
    """Format of splat, reference and target: jpg (quality 95, 4:4:4) or png. Masks are always PNG."""
    confidence: bool = True
    """Write the reference's confidence as PNG, on the fixed scale 255 (1 - 1/c); 0 where there is no depth."""
    coverage: bool = True
    """Write the splat's coverage as PNG: 255 where a point is seen, fading to 0 in holes."""
    save_ply: bool = False
    """Write the reference's points, those the renderer uses, as a binary PLY file."""
    export_scenes: tuple[SceneFormatName, ...] = ()
    """Also write the scenes themselves, pictures, cameras and depth, in these formats, below `scenes/`."""
    write_threads: int = 0
    """Threads that compress pictures (0: one a core)."""
    overwrite: bool = False
    """Replace an output folder that was made with other options or inputs."""


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """In which layouts triplets are written, and what their trainer is told."""

    layout: tuple[LayoutName, ...] = ("folder",)
    """Layouts of the triplets. One goes into the output folder itself; several go into a sub-folder each, made from one
    rendering."""
    prompt: str | None = None
    """Text that goes with every triplet."""
    prompt_file: Path | None = None
    """Texts by scene or by sample: JSON {"<scene>": "...", "<scene>/<name>": "..."}, or lines of id, tab, text (.tsv).
    A sample's own text goes before its scene's, and that before --prompt."""
    shard_samples: int = 1000
    """Most samples in a shard (webdataset, hf-parquet)."""
    shard_bytes: int = 1_000_000_000
    """Most bytes in a shard; a single larger sample still gets one (webdataset, hf-parquet, litdata)."""
    shard_url: str | None = None
    """Write shards (webdataset, hf-parquet) there instead of into the output folder: any fsspec URL, such as
    s3://bucket/folder."""
    shard_alias: tuple[str, ...] = ()
    """Extra members in shards for readers with fixed names, such as jpg=target."""
    worker: tuple[int, int] = (0, 1)
    """This process's number and how many processes share the output; scene i is made by process i mod N, and the
    last process to finish completes the output."""

    def __post_init__(self) -> None:
        if not self.layout or len(set(self.layout)) != len(self.layout):
            raise ValueError(f"--layout is {' '.join(self.layout) or 'empty'}; name each layout once, at least one")
        if self.shard_samples < 1 or self.shard_bytes < 1:
            raise ValueError(
                f"--shard-samples {self.shard_samples} and --shard-bytes {self.shard_bytes} must be at least 1"
            )
        if self.shard_url is not None and not {"webdataset", "hf-parquet"} & set(self.layout):
            raise ValueError(f"--shard-url needs --layout webdataset or hf-parquet, not {' '.join(self.layout)}")
        number, count = self.worker
        if not 0 <= number < count:
            raise ValueError(f"--worker is {number} {count}; it must be two numbers with 0 <= number < count")
