"""MapAnything (package mapanything, written for 1.1), for `--geometry map-anything`."""

from functools import lru_cache

from driver import locate_weights, read_pictures, serve, version_of

DEFAULT = "facebook/map-anything-apache"
WEIGHTS_FILE = "model.safetensors"
LICENSES = {"map-anything-apache": "Apache-2.0", "map-anything": "CC BY-NC 4.0 (non-commercial)"}
LONGEST_SIDE, PATCH = 518, 14


def describe(job):
    _, name, digest = locate_weights(job["weights"], DEFAULT, WEIGHTS_FILE)
    return {
        "name": "map-anything",
        "version": version_of("mapanything"),
        "weights": name,
        "weights_sha256": digest,
        "license": LICENSES.get(name.split("@")[0].split("/")[-1], "unknown: see where the weights come from"),
        "scale": "metric",
        "longest_side": LONGEST_SIDE,
        "multiple_of": PATCH,
    }


@lru_cache(maxsize=1)
def network(folder, device):
    from mapanything.models import MapAnything

    return MapAnything.from_pretrained(folder).to(device)


def estimate(job):
    import numpy as np
    import torch

    folder, _, _ = locate_weights(job["weights"], DEFAULT, WEIGHTS_FILE)
    net = network(str(folder), job["device"])
    # Normalised here, as the views it makes itself are: its own loader would resize them again.
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    deviation = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    views = []
    for index, picture in enumerate(read_pictures(job)):
        rgb = torch.from_numpy(picture.copy()).permute(2, 0, 1).float() / 255
        view = {"img": ((rgb - mean) / deviation)[None], "data_norm_type": ["dinov2"]}
        if job["cameras"]:
            pose = np.linalg.inv(np.array(job["cameras"]["cam_from_world"][index], dtype=np.float64))
            view["intrinsics"] = torch.tensor(job["cameras"]["K"][index], dtype=torch.float32)[None]
            view["camera_poses"] = torch.tensor(pose, dtype=torch.float32)[None]
            view["is_metric_scale"] = torch.tensor([False])
        views.append(view)
    found = net.infer(views, memory_efficient_inference=True, apply_mask=True, mask_edges=False)

    def stacked(name):
        return np.stack([view[name][0].float().cpu().numpy() for view in found])

    depth = stacked("depth_z")[..., 0]
    depth[~(stacked("mask")[..., 0] > 0.5)] = 0
    return {
        "depth": depth,
        "confidence": stacked("conf"),
        "K": stacked("intrinsics"),
        "cam_from_world": np.linalg.inv(stacked("camera_poses").astype(np.float64)),
    }


if __name__ == "__main__":
    serve(describe, estimate)
