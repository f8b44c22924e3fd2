"""The drivers against stand-ins of the interfaces they were written for, each in a process as in use."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from warpdata.geometry.external.environment import DRIVERS

HW = (28, 42)
K = [[30.0, 0, 20], [0, 33, 15], [0, 0, 1]]

STAND_INS = {
    "da3": {
        "depth_anything_3/__init__.py": "",
        "depth_anything_3/api.py": """
import numpy as np
class Prediction: pass
class DepthAnything3:
    @classmethod
    def from_pretrained(cls, folder): return cls()
    def to(self, device): return self
    def inference(self, image, extrinsics=None, intrinsics=None, *, process_res, ref_view_strategy):
        assert process_res == max(image[0].shape[:2]) and ref_view_strategy == "first"
        if extrinsics is not None and np.ptp(extrinsics[:, 1, 3]) == 0: raise ValueError("cameras on a line")
        found = Prediction()
        found.depth = np.stack([picture[..., 0].astype(np.float32) / 10 for picture in image])
        found.conf = np.full_like(found.depth, 1.5 if extrinsics is None else 2.5)
        found.extrinsics = np.tile(np.eye(4)[:3], (len(image), 1, 1))
        found.extrinsics[:, 0, 3] = np.arange(len(image))
        found.intrinsics = np.tile(np.array([[30.0, 0, 20], [0, 33, 15], [0, 0, 1]]), (len(image), 1, 1))
        return found
""",
        "depth_anything_3-0.1.1.dist-info/METADATA": "Metadata-Version: 2.1\nName: depth-anything-3\nVersion: 0.1.1\n",
    },
    "map_anything": {
        "mapanything/__init__.py": "",
        "mapanything/models.py": """
import torch
class MapAnything:
    @classmethod
    def from_pretrained(cls, folder): return cls()
    def to(self, device): return self
    def infer(self, views, *, memory_efficient_inference, apply_mask, mask_edges):
        found = []
        for index, view in enumerate(views):
            assert view["data_norm_type"] == ["dinov2"]
            red = view["img"][:, 0] * 0.229 + 0.485
            pose = torch.eye(4)[None].clone()
            pose[:, 0, 3] = -float(index)
            mask = torch.ones_like(red)[..., None]
            mask[:, 0] = 0
            found.append({"depth_z": red[..., None] * 25.5, "conf": torch.full_like(red, 1.5),
                "intrinsics": torch.tensor([[[30.0, 0, 20], [0, 33, 15], [0, 0, 1]]]), "camera_poses": pose,
                "mask": mask})
        return found
""",
        "mapanything-1.1.dist-info/METADATA": "Metadata-Version: 2.1\nName: mapanything\nVersion: 1.1\n",
    },
    "moge": {
        "moge/__init__.py": "",
        "moge/model/__init__.py": "",
        "moge/model/v2.py": """
import torch
class MoGeModel(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.zeros(width))
    def infer(self, image, fov_x=None):
        depth = image[0] * 25.5 * self.gain[0]
        depth[0] = torch.inf
        normalised = torch.tensor([[30 / 42, 0, 20 / 42], [0, 33 / 28, 15 / 28], [0, 0, 1]])
        return {"depth": depth, "intrinsics": normalised, "mask": torch.isfinite(depth)}
""",
        "moge-2.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: moge\nVersion: 2.0\n",
    },
}


@pytest.fixture(params=list(STAND_INS))
def driver(request, tmp_path):
    """Runs jobs through a driver whose package is a stand-in, and gives its answers."""
    for name, content in STAND_INS[request.param].items():
        path = tmp_path / "packages" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    weights = tmp_path / "weights"
    weights.mkdir()
    if request.param == "moge":
        torch.save({"model_config": {"width": 2}, "model": {"gain": torch.ones(2)}}, weights / "model.pt")
    else:
        save_file({"a": torch.zeros(1)}, weights / "model.safetensors")

    def run(*jobs):
        paths = []
        for index, job in enumerate(jobs):
            paths.append(tmp_path / f"{index}.json")
            paths[-1].write_text(json.dumps({"protocol": 1, "weights": str(weights), "device": "cpu", **job}))
        finished = subprocess.run(
            [sys.executable, str(DRIVERS / f"run_{request.param}.py")],
            input="".join(f"{path}\n" for path in paths),
            capture_output=True,
            text=True,
            timeout=60,
            env={"PYTHONPATH": str(tmp_path / "packages"), "PATH": ""},
            check=True,
        )
        return finished.stdout.splitlines()

    run.name = request.param
    return run


def pictures(tmp_path, count=3):
    """Pictures whose red value in each row is ten times the depth that the stand-ins read there."""
    paths = []
    for index in range(count):
        pixels = np.zeros((*HW, 3), np.uint8)
        pixels[..., 0] = 10 + index + np.arange(HW[0])[:, None]
        paths.append(tmp_path / f"picture{index}.png")
        Image.fromarray(pixels).save(paths[-1])
    return [str(path) for path in paths]


def test_a_driver_says_what_it_is_and_gives_what_its_package_gives(driver, tmp_path):
    cameras = {"K": [K] * 3, "cam_from_world": np.tile(np.eye(4), (3, 1, 1)).tolist()}
    for index in range(3):
        cameras["cam_from_world"][index][1][3] = index
    said, found, posed = tmp_path / "said.json", tmp_path / "found.safetensors", tmp_path / "posed.safetensors"
    job = {"task": "estimate", "pictures": pictures(tmp_path), "hw": HW, "cameras": None, "result": str(found)}
    answers = driver({"task": "describe", "result": str(said)}, job, {**job, "cameras": cameras, "result": str(posed)})
    assert [line for line in answers if "progress" not in line] == ["warpdata: done"] * 3
    description = json.loads(said.read_text())
    assert description["version"] in ("0.1.1", "1.1", "2.0")
    assert description["license"].startswith("unknown")  # weights of a folder say nothing of theirs
    assert len(description["weights_sha256"]) == 64
    for path in (found, posed):
        arrays = load_file(path)
        rows = (10 + torch.arange(3)[:, None] + torch.arange(HW[0])) / 10
        expected = rows[..., None].expand(3, *HW).clone()
        if driver.name != "da3":
            expected[:, 0] = 0  # what the package masks or gives no finite depth
        torch.testing.assert_close(arrays["depth"], expected, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(arrays["K"], torch.tensor([K] * 3), rtol=1e-5, atol=1e-4)
        if driver.name != "moge":
            shifts = torch.arange(3.0)
            torch.testing.assert_close(arrays["cam_from_world"][:, 0, 3], shifts)
    if driver.name == "da3":
        assert load_file(found)["confidence"].unique() == 1.5
        assert load_file(posed)["confidence"].unique() == 2.5


def test_jobs_of_another_protocol_and_broken_pictures_fail_by_name_and_the_next_goes_on(driver, tmp_path):
    good = pictures(tmp_path)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    job = {"task": "estimate", "hw": HW, "cameras": None, "result": str(tmp_path / "found.safetensors")}
    answers = driver(
        {**job, "pictures": good, "protocol": 7},
        {**job, "pictures": [str(tmp_path / "broken.png")]},
        {**job, "pictures": good},
    )
    verdicts = [line for line in answers if "progress" not in line]
    assert "speaks protocol 1, the job 7" in verdicts[0]
    assert verdicts[1].startswith("warpdata: failed UnidentifiedImageError")
    assert verdicts[2] == "warpdata: done"
