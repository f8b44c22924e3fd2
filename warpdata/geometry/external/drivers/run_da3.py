"""Depth Anything 3 (package depth-anything-3, written for 0.1.1), for `--geometry da3`."""

from functools import lru_cache

from driver import locate_weights, read_pictures, serve, version_of

DEFAULT = "depth-anything/DA3-BASE"
WEIGHTS_FILE = "model.safetensors"
LICENSES = {
    "DA3-SMALL": "Apache-2.0",
    "DA3-BASE": "Apache-2.0",
    "DA3-LARGE": "CC BY-NC 4.0 (non-commercial)",
    "DA3-LARGE-1.1": "CC BY-NC 4.0 (non-commercial)",
    "DA3-GIANT": "CC BY-NC 4.0 (non-commercial)",
    "DA3-GIANT-1.1": "CC BY-NC 4.0 (non-commercial)",
    "DA3NESTED-GIANT-LARGE": "CC BY-NC 4.0 (non-commercial)",
    "DA3NESTED-GIANT-LARGE-1.1": "CC BY-NC 4.0 (non-commercial)",
}
LONGEST_SIDE, PATCH = 504, 14


def describe(job):
    _, name, digest = locate_weights(job["weights"], DEFAULT, WEIGHTS_FILE)
    kind = name.split("@")[0].split("/")[-1]
    return {
        "name": "da3",
        "version": version_of("depth-anything-3"),
        "weights": name,
        "weights_sha256": digest,
        "license": LICENSES.get(kind, "unknown: see where the weights come from"),
        "scale": "metric" if "NESTED" in kind else "arbitrary",
        "longest_side": LONGEST_SIDE,
        "multiple_of": PATCH,
    }


@lru_cache(maxsize=1)
def network(folder, device):
    from depth_anything_3.api import DepthAnything3

    return DepthAnything3.from_pretrained(folder).to(device)


def estimate(job):
    import numpy as np

    folder, _, _ = locate_weights(job["weights"], DEFAULT, WEIGHTS_FILE)
    net = network(str(folder), job["device"])
    pictures = list(read_pictures(job))
    # Told the longer side they have, it leaves their size as it is. The first view stays the first: with a view of
    # its own choosing in front, the order of the rest would matter.
    options = {"process_res": max(job["hw"]), "ref_view_strategy": "first"}
    found = None
    if job["cameras"] and len(pictures) > 2:
        try:
            found = net.inference(
                pictures,
                extrinsics=np.array(job["cameras"]["cam_from_world"], dtype=np.float64),
                intrinsics=np.array(job["cameras"]["K"], dtype=np.float64),
                **options,
            )
        except Exception as error:  # it refuses cameras on a line; without them it sees the pictures all the same
            print(f"the known cameras could not be used: {error}")
    if found is None:
        found = net.inference(pictures, **options)
    poses = np.tile(np.eye(4, dtype=np.float32), (len(pictures), 1, 1))
    poses[:, :3] = found.extrinsics[:, :3]
    # Its confidence begins at 1, as VGGT's does.
    arrays = {"depth": found.depth, "K": found.intrinsics, "cam_from_world": poses}
    if found.conf is not None:
        arrays["confidence"] = found.conf
    return arrays


if __name__ == "__main__":
    serve(describe, estimate)
