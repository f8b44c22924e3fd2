"""MoGe-2 (package moge, written for 2.0), for `--geometry moge`: metric depth of single pictures, no cameras."""

import math
from functools import lru_cache

from driver import locate_weights, read_pictures, serve, version_of

DEFAULT = "Ruicheng/moge-2-vitl"
WEIGHTS_FILE = "model.pt"
LONGEST_SIDE = 1022


def describe(job):
    _, name, digest = locate_weights(job["weights"], DEFAULT, WEIGHTS_FILE)
    known = name.startswith("Ruicheng/moge-2-")
    return {
        "name": "moge",
        "version": version_of("moge"),
        "weights": name,
        "weights_sha256": digest,
        "license": "MIT" if known else "unknown: see where the weights come from",
        "scale": "metric",
        "longest_side": LONGEST_SIDE,
        "gives_poses": False,
    }


@lru_cache(maxsize=1)
def network(path, device):
    import torch
    from moge.model.v2 import MoGeModel

    # The package would load the file with pickle; of what it holds, tensors and plain values are all that is needed.
    content = torch.load(path, map_location="cpu", weights_only=True)
    net = MoGeModel(**content["model_config"])
    missing, _ = net.load_state_dict(content["model"], strict=False)
    if missing:
        raise ValueError(f"the weights lack {len(missing)} tensors of the network, such as {missing[0]}")
    return net.to(device).eval()


def estimate(job):
    import numpy as np
    import torch

    folder, _, _ = locate_weights(job["weights"], DEFAULT, WEIGHTS_FILE)
    net = network(str(folder / WEIGHTS_FILE), job["device"])
    height, width = job["hw"]
    depths, intrinsics = [], []
    for index, picture in enumerate(read_pictures(job)):
        image = torch.from_numpy(picture.copy()).permute(2, 0, 1).float().to(job["device"]) / 255
        fov = None
        if job["cameras"]:
            fov = math.degrees(2 * math.atan(width / (2 * job["cameras"]["K"][index][0][0])))
        with torch.no_grad():
            found = net.infer(image, fov_x=fov)
        depths.append(found["depth"].float().cpu().numpy())
        # Its intrinsics are in units of the picture's sides.
        intrinsics.append(found["intrinsics"].float().cpu().numpy() * np.array([[width], [height], [1]]))
    return {"depth": np.nan_to_num(np.stack(depths), posinf=0.0), "K": np.stack(intrinsics)}


if __name__ == "__main__":
    serve(describe, estimate)
