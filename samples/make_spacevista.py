"""Make a tiny preview set as SpaceVista's: three data sets, every kind of item, in the three forms of the format.

    python samples/make_spacevista.py DIR

Frames are the sample's own photographs at half their size, cameras and masks come from its geometry, so that every
answer is true. `meta.json` holds nested and flattened items, `benchmark.json` those of the benchmark's form.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import numpy as np
from PIL import Image

ROOM = Path(__file__).parent / "room"
DL3DV = "DL3DV_frames/1K/0a1b2c3d/images_8"
UCO3D = "uco3d_frames/furniture/table/1-2-3"
WILDRGBD = "wildrgbd_frames/ball/scene_001/rgb"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="gets the set")
    root = parser.parse_args().folder
    make(root)
    print(f"{root}: {len(json.loads((root / 'meta.json').read_text()))} items, and a benchmark of 4")


def make(root: Path) -> None:
    """Write the set into a folder."""
    content = json.loads((ROOM / "transforms.json").read_text())
    frames = {name: [] for name in (DL3DV, UCO3D, WILDRGBD)}
    for number, frame in enumerate(content["frames"]):
        picture = Image.open(ROOM / frame["file_path"]).convert("RGB")
        picture = picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.LANCZOS)
        for folder, pattern in ((DL3DV, "frame_{:05d}.png"), (UCO3D, "frame{:06d}.jpg"), (WILDRGBD, "{:05d}.png")):
            path = root / folder / pattern.format(number + 1)
            path.parent.mkdir(parents=True, exist_ok=True)
            picture.save(path, quality=95)
            frames[folder].append(path.relative_to(root).as_posix())
    write_cameras(root, content)
    write_masks(root, content)
    (root / "meta.json").write_text(json.dumps(items(frames, content), indent=1))
    (root / "benchmark.json").write_text(json.dumps(benchmark(frames, content), indent=1))


def write_cameras(root: Path, content: dict) -> None:
    """DL3DV's cameras are for `images/` at full size, beside frames in `images_8/`."""
    keys = ("fl_x", "fl_y", "cx", "cy", "w", "h")
    listed = [
        {"file_path": f"images/frame_{k + 1:05d}.png", "transform_matrix": frame["transform_matrix"]}
        for k, frame in enumerate(content["frames"])
    ]
    cameras = {key: content[key] for key in keys if key in content} | {"frames": listed}
    (root / DL3DV).parent.joinpath("transforms.json").write_text(json.dumps(cameras, indent=1))


def depth(content: dict, number: int) -> np.ndarray:
    """Of a frame, in metres, at half its size."""
    return np.array(Image.open(ROOM / content["frames"][number]["depth_file_path"]))[1::2, 1::2] / 1000


def write_masks(root: Path, content: dict) -> None:
    """What is near (object 1) and far (object 2): as numbers, as truth values, and as a channel an object."""
    far = depth(content, 0) > np.median(depth(content, 0))
    numbers = np.where(far, 2, 1).astype(np.uint8)
    masks = {
        "DL3DV_masks/1K/0a1b2c3d/frame_00001.npy": numbers,
        "uco3d_masks/table/1-2-3/frame000001.npy": ~far,
        "wildrgbd_mask/ball/scene_001/00001.npy": np.stack([~far, far]),
    }
    for path, mask in masks.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        np.save(root / path, mask)


def item(number: int, frames: list[str], question: str, answer: str, info: dict) -> dict:
    return {
        "problem_id": f"made_{number}",
        "messages": [
            {"role": "user", "content": f"<video>\nQuestion:\n{question}"},
            {"role": "assistant", "content": f"<answer>{answer}</answer>"},
        ],
        "videos": [frames],
        "extra_info": info,
    }


def rotation_deg(content: dict, first: int, second: int) -> float:
    """Angle between two cameras' axes."""
    a, b = (np.array(content["frames"][k]["transform_matrix"])[:3, :3] for k in (first, second))
    return math.degrees(math.acos(min(1.0, max(-1.0, (np.trace(a.T @ b) - 1) / 2))))


def items(frames: dict[str, list[str]], content: dict) -> list[dict]:
    """Nested, flattened, with each kind of mark."""
    here, there = (depth(content, 0)[y, x] for y, x in ((150, 60), (60, 200)))
    table, ball = frames[UCO3D], frames[WILDRGBD]
    mixed = [path.replace("/images_8/", "/images/") if k % 2 else path for k, path in enumerate(frames[DL3DV])]
    point = {"image_path": frames[DL3DV][0], "points": [[150, 60]]}
    two = {"image_path": table[0], "points": [[150, 60], [60, 200]]}
    box = {"image_path": ball[0], "bboxes": [{"x1": 150, "y1": 70, "x2": 40, "y2": 20}]}
    pair = {
        "image_path_1": ball[0],
        "bbox_1": {"x1": 120, "y1": 90, "x2": 150, "y2": 120},
        "image_path_2": ball[5],
        "bboxes_2": [{"x1": 10 + 60 * k, "y1": 90, "x2": 50 + 60 * k, "y2": 130} for k in range(4)],
    }
    mask = {"image_path": frames[DL3DV][0], "mask_path": "DL3DV_masks/1K/0a1b2c3d/frame_00001.npy", "object_ids": [1]}
    made = [
        (
            "How far away is the red point, in metres?",
            f"{here:.2f}",
            "DEPTH",
            "Image+point+text",
            {"input_point": point},
        ),
        (
            "Which point is nearer, A (red) or B (blue)?",
            "A" if here < there else "B",
            "COMPARISON_HEIGHT",
            "Image+point+text",
            {"input_point": two},
        ),
        ("What is in the red box?", "a picture", "EXISTENCE", "Image+bbox+text", {"input_bbox": box}),
        ("Which box shows the red one?", "B", "OBJECT_MATCHING", "Image+bbox+text", {"input_bbox": pair}),
        ("Is the marked part near?", "yes", "EXISTENCE", "Image+mask+text", {"input_mask": mask}),
        (
            "By how many degrees did the camera turn?",
            f"{rotation_deg(content, 0, 1):.1f}",
            "CAMERA_ROTATION",
            "Image+text",
            {"reference_answer": {"unit": "degrees"}},
        ),
    ]
    shown = (mixed, table, ball, ball, frames[DL3DV], frames[DL3DV][:2])
    nested = [
        item(k, list(listed), question, answer, {"task_type": task, "input_type": kind, **marks})
        for k, (listed, (question, answer, task, kind, marks)) in enumerate(zip(shown, made, strict=True))
    ]
    return nested + [flattened(one, 10 + k) for k, one in enumerate(nested[:5])]


def flattened(one: dict, number: int) -> dict:
    """The same item as their `flatten` step writes it: lists and objects as texts, one of them with Python's True."""
    info = {}
    for key, value in one["extra_info"].items():
        if key.startswith("input_") and isinstance(value, dict):
            part = key.removeprefix("input_")
            for name, inner in value.items():
                info[f"{part}_{name}"] = inner if isinstance(inner, str) else json.dumps(inner)
        else:
            info[key] = value if isinstance(value, str) else json.dumps(value)
    if "mask_object_ids" in info:
        info["mask_object_ids"] = "[True]"
        info["mask_mask_path"] = "uco3d_masks/table/1-2-3/frame000001.npy"
    return {**one, "problem_id": f"made_{number}", "extra_info": info}


def benchmark(frames: dict[str, list[str]], content: dict) -> list[dict]:
    """Items of the benchmark's form."""
    ball = frames[WILDRGBD]
    about = {"category": "Indoor", "scale": "m", "original_type": "DEPTH"}
    marks = [
        ("image_point_text", {"points": [{"coords": [150, 60], "image_index": 0}]}),
        ("image_bbox_text", {"bboxes": [{"coords": [40, 20, 150, 70], "image_index": 1}]}),
        (
            "image_mask_text",
            {
                "masks": [
                    {
                        "image_path": ball[0],
                        "mask_path": "wildrgbd_mask/ball/scene_001/00001.npy",
                        "object_ids": [False, True],
                    }
                ]
            },
        ),
        (
            "image_bbox_text",
            {
                "dual_bbox": {
                    "source_image": ball[0],
                    "source_bbox": [40, 20, 150, 70],
                    "target_image": ball[2],
                    "target_bboxes": [[10, 10, 60, 60], [80, 10, 130, 60]],
                }
            },
        ),
    ]
    return [
        {
            "id": f"bench_{k}",
            "videos": [ball],
            "question": "How far away is it?",
            "answer": f"{depth(content, 0)[150, 60]:.2f}",
            "input_type": kind,
            "metadata": about,
            "annotations": annotations,
        }
        for k, (kind, annotations) in enumerate(marks)
    ]


if __name__ == "__main__":
    main()
