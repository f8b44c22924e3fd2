"""The four layouts of MegaDepth and Aerial-MegaDepth, made of the sample's room, for tests."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from warpdata.formats.exr import write_depth_exr
from warpdata.formats.hdf5_depth import write_depth_h5
from warpdata.formats.pose_npz import write_pose

ROOM = Path(__file__).parent.parent / "samples" / "room"
CONTENT = json.loads((ROOM / "transforms.json").read_text())
WORLD_FROM_CAM = [np.array(frame["transform_matrix"]) @ np.diag([1, -1, -1, 1]) for frame in CONTENT["frames"]]
SIZE = (320, 240)
"""Width and height of the pictures, half those of the sample."""
K = np.array([[CONTENT["fl_x"], 0, CONTENT["cx"]], [0, CONTENT["fl_y"], CONTENT["cy"]], [0, 0, 2]]) / 2
"""The first pixel's centre is at (0.5, 0.5)."""

NAMES = ("0001_000.jpeg", "0001_001.jpeg", "5008984_74a_o.jpg.jpg", "9500000_o.png.jpg")
"""Two renders, two photographs."""


def picture(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(ROOM / CONTENT["frames"][number]["file_path"]) as image:
        image.resize(SIZE, Image.Resampling.LANCZOS).save(path, format="JPEG", quality=95)


def depth(number: int) -> np.ndarray:
    """Metres, of every second pixel."""
    with Image.open(ROOM / CONTENT["frames"][number]["depth_file_path"]) as image:
        return (np.array(image)[1::2, 1::2] / 1000).astype(np.float32)


def quaternion_line(number: int, name: str, camera: int) -> str:
    """A picture of `images.txt`, with its empty second line."""
    from warpdata.formats.colmap.quaternion import quaternion

    pose = np.linalg.inv(WORLD_FROM_CAM[number])
    values = [*quaternion(pose[:3, :3]), *pose[:3, 3]]
    return f"{number + 1} {' '.join(f'{value:.12f}' for value in values)} {camera} {name}\n\n"


def write_model(folder: Path, cameras: str, lines: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cameras.txt").write_text(f"# made here\n{cameras}")
    (folder / "images.txt").write_text("# made here\n" + "".join(lines))
    (folder / "points3D.txt").write_text("# made here\n")


def make_aerial(root: Path, layout: str = "sfm_sift") -> Path:
    """A localised scene `0001`; its folder."""
    dense = root / "0001" / "sfm_output_localization" / layout / "localized_dense_metric"
    fx, fy, cx, cy = K[0, 0], K[1, 1], K[0, 2], K[1, 2]
    for number, name in enumerate(NAMES):
        picture(dense / "images" / name, number)
        stored = dense / "depths" / f"{name.rpartition('.')[0]}.h5"
        stored.parent.mkdir(parents=True, exist_ok=True)
        write_depth_h5(depth(number), stored, about="planar z in metres")
    cameras = f"1 PINHOLE {SIZE[0]} {SIZE[1]} {fx} {fy} {cx} {cy}\n"
    write_model(dense / "sparse-txt", cameras, [quaternion_line(k, name, 1) for k, name in enumerate(NAMES)])
    return root / "0001"


def make_stored(folder: Path, *, centre: float, meta: bool = True) -> Path:
    """Pictures with `.npz` and `.exr` beside; the first pixel's centre is at `centre`."""
    stored = K.copy()
    stored[:2, 2] += centre - 0.5
    for number, name in enumerate(NAMES):
        picture(folder / f"{name}.jpg", number)
        write_pose(folder / f"{name}.npz", stored, WORLD_FROM_CAM[number])
        write_depth_exr(depth(number), folder / f"{name}.exr")
    if meta:
        (folder / "meta.json").write_text(json.dumps({"pixel_center": centre}))
    return folder


def make_original(root: Path, distortion: float = 0.0) -> Path:
    """MegaDepth as downloaded: scene 0007, sub-scene 0."""
    dense = root / "phoenix/S6/zl548/MegaDepth_v1/0007/dense0"
    for number, name in enumerate(("a.jpg", "b.jpg", "c.jpg")):
        picture(dense / "imgs" / name, number)
        (dense / "depths").mkdir(parents=True, exist_ok=True)
        write_depth_h5(depth(number), dense / "depths" / f"{name[0]}.h5", about="arbitrary")
    cameras = f"1 SIMPLE_RADIAL {SIZE[0]} {SIZE[1]} {K[0, 0]} 160 120 {distortion}\n"
    lines = [quaternion_line(k, f"{name}.jpg", 1) for k, name in enumerate("abcd")]
    write_model(root / "MegaDepth_v1_SfM/0007/sparse/manhattan/0", cameras, lines)
    return root
