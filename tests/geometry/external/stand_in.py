"""A foreign estimator that knows the truth: `stand_in.py DRIVERS TRUTH.npz WAY`, where WAY may be a fault."""

import os
import signal
import sys
import time

drivers, truth, way = sys.argv[1:4]
if way == "import-error":
    import a_package_that_is_not_there  # noqa: F401
sys.path.insert(0, drivers)

import numpy as np  # noqa: E402
from driver import read_pictures, serve  # noqa: E402

print("a banner that a package prints")
print("warpdata: done", file=sys.stderr)  # not an answer yet: nothing was asked


def describe(job):
    said = {
        "name": "stand-in",
        "version": "3.2",
        "weights": "made/up@1",
        "weights_sha256": "5" * 64,
        "license": "CC0-1.0",
        "scale": "metric",
        "longest_side": 26,
        "gives_poses": way != "no-poses",
    }
    if way == "odd-description":
        said["longest_side"] = 0
    return said


def estimate(job):
    print("warpdata: done")  # a package's own words, which go with the errors
    known = np.load(truth)
    frames = [int(r) + 256 * int(g) for r, g, _ in read_pictures(job)[:, 0, 0]]
    arrays = {name: known[name][frames] for name in ("depth", "confidence", "K", "cam_from_world")}
    if way == "fails":
        raise RuntimeError("the network said no")
    if way == "killed" or (way == "killed-once" and not os.path.exists(truth + ".again")):
        open(truth + ".again", "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    if way == "slow":
        time.sleep(60)
    if way == "large":
        held = np.ones(50_000_000)
        time.sleep(20)
        return {"depth": held}
    if way == "wrong-shape":
        arrays["depth"] = arrays["depth"][:, :-1]
    if way == "no-intrinsics":
        del arrays["K"]
    if way == "nan-pose":
        arrays["cam_from_world"][1, 0, 3] = np.nan
    if way == "nan-depth":
        arrays["depth"][:] = np.nan
    if way == "holes":
        arrays["depth"][:, :4] = -1
        arrays["depth"][:, 4] = np.inf
    if way == "no-poses":
        del arrays["cam_from_world"]
    if way == "with-cameras":
        np.testing.assert_allclose(job["cameras"]["K"], known["K"][frames], rtol=1e-6)
        np.testing.assert_allclose(job["cameras"]["cam_from_world"], known["cam_from_world"][frames], atol=1e-6)
    return arrays


if way == "half-written":
    import driver

    def write_half(path, content):
        path.write_bytes(content if path.suffix == ".json" else content[: len(content) // 2])

    driver.write_whole = write_half
if way == "nothing-written":
    import driver

    whole = driver.write_whole
    driver.write_whole = lambda path, content: whole(path, content) if path.suffix == ".json" else None

serve(describe, estimate)
