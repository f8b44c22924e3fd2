"""Structure from motion with pycolmap, in a process of its own: `python worker.py REQUEST.json`.

The only file that imports pycolmap. It is started by its path, not as a module, so that neither warpdata nor torch is
loaded. The request is JSON; results are a database and `.npz` files of plain arrays. Its last lines on stderr are what
the parent shows when it fails.
"""

import json
import os
import shutil
import sys
import zlib  # noqa: F401  before pycolmap: its wheel corrupts the heap when it is the first to load the system's zlib
from pathlib import Path

import numpy as np
import pycolmap

RANDOM_SEED = 0

POLISH_ERRORS_PX = (4.0, 2.0, 1.5)
POLISH_LOSS_PX = 0.5
POLISH_MIN_ANGLE_DEG = 1.0

PLANAR_CONFIGURATIONS = {
    int(pycolmap.TwoViewGeometryConfiguration.PLANAR),
    int(pycolmap.TwoViewGeometryConfiguration.PANORAMIC),
    int(pycolmap.TwoViewGeometryConfiguration.PLANAR_OR_PANORAMIC),
}


def extract_and_match(request: dict) -> None:
    """Features of every picture and verified matches of the pairs, into the database at `request["database"]`.

    Images are imported before anything runs in parallel, in the order of the request: ids, and with them every later
    result, do not depend on the timing of threads.
    """
    database = Path(request["database"])
    pictures = Path(request["pictures"])
    unfinished = database.with_suffix(".tmp")
    unfinished.unlink(missing_ok=True)
    pycolmap.Database.open(unfinished).close()
    names = []
    for group in request["cameras"]:
        reader = pycolmap.ImageReaderOptions()
        reader.camera_model = group["model"]
        reader.camera_params = ",".join(repr(value) for value in group["params"])
        pycolmap.import_images(
            unfinished,
            pictures,
            camera_mode=pycolmap.CameraMode.SINGLE,
            image_names=group["names"],
            options=reader,
        )
        names += group["names"]

    extraction = pycolmap.FeatureExtractionOptions()
    extraction.num_threads = request["threads"]
    extraction.use_gpu = False
    for name, value in request["sift"].items():
        setattr(extraction.sift, name, value)
    pycolmap.extract_features(
        unfinished, pictures, image_names=names, extraction_options=extraction, device=pycolmap.Device.cpu
    )

    matching = pycolmap.FeatureMatchingOptions()
    matching.num_threads = request["threads"]
    matching.use_gpu = False
    matching.guided_matching = request["guided_matching"]
    verification = pycolmap.TwoViewGeometryOptions()
    verification.ransac.random_seed = RANDOM_SEED
    pairs_path = database.with_suffix(".pairs.txt")
    pairs_path.write_text("".join(f"{a} {b}\n" for a, b in request["pairs"]), encoding="utf-8")
    pairing = pycolmap.ImportedPairingOptions()
    pairing.match_list_path = pairs_path
    pycolmap.match_image_pairs(
        unfinished,
        matching_options=matching,
        pairing_options=pairing,
        verification_options=verification,
        device=pycolmap.Device.cpu,
    )
    write_verified_pairs(unfinished, database.with_suffix(".pairs.npz"))
    os.replace(unfinished, database)


def write_verified_pairs(database_path: Path, path: Path) -> None:
    """Features of every picture; of every verified pair its inliers, and whether a mere homography explains them."""
    database = pycolmap.Database.open(database_path)
    name_of = {image.image_id: image.name for image in database.read_all_images()}
    features = {name: database.num_keypoints_for_image(image_id) for image_id, name in name_of.items()}
    rows = []
    for pair_id, geometry in zip(*database.read_two_view_geometries(), strict=True):
        first, second = pycolmap.pair_id_to_image_pair(pair_id)
        flat = geometry.config in PLANAR_CONFIGURATIONS
        rows.append((name_of[first], name_of[second], len(geometry.inlier_matches), flat))
    database.close()
    rows.sort()
    np.savez(
        path,
        names=np.array([row[:2] for row in rows], dtype=np.str_).reshape(-1, 2),
        inliers=np.array([row[2] for row in rows], dtype=np.int64),
        homography=np.array([row[3] for row in rows], dtype=bool),
        views=np.array(sorted(features), dtype=np.str_),
        features=np.array([features[name] for name in sorted(features)], dtype=np.int64),
    )


def map_scene(request: dict) -> None:
    """Both mappers on one database; their models into `request["models"]`.

    One thread and a fixed seed: with more the poses differ in the third digit from run to run.
    """
    database, pictures = Path(request["database"]), Path(request["pictures"])
    scratch = Path(request["scratch"])
    arrays: dict[str, np.ndarray] = {}
    for mapper in ("global", "incremental"):
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        if mapper == "global":
            options = pycolmap.GlobalPipelineOptions()
            models = run_quietly(pycolmap.global_mapping, database, pictures, scratch, with_seed(options))
        else:
            options = pycolmap.IncrementalPipelineOptions()
            options.min_model_size = 3
            # The defaults, 16 degrees and 100 inliers, find no first pair among views that all look the same way.
            options.mapper.init_min_tri_angle = 4
            options.mapper.init_min_num_inliers = 50
            models = run_quietly(pycolmap.incremental_mapping, database, pictures, scratch, with_seed(options))
        for index, key in enumerate(sorted(models)):
            polish(models[key])
            arrays |= model_arrays(models[key], f"{mapper}.{index}.")
    shutil.rmtree(scratch, ignore_errors=True)
    write_arrays(Path(request["models"]), arrays)


def triangulate(request: dict) -> None:
    """Points from known cameras and the database's matches; the model into `request["models"]`."""
    reconstruction = pycolmap.Reconstruction()
    database = pycolmap.Database.open(request["database"])
    for camera in database.read_all_cameras():
        reconstruction.add_camera_with_trivial_rig(camera)
    for image in sorted(database.read_all_images(), key=lambda image: image.image_id):
        pose = np.array(request["cam_from_world"][image.name])
        reconstruction.add_image_with_trivial_frame(
            pycolmap.Image(name=image.name, camera_id=image.camera_id, image_id=image.image_id),
            pycolmap.Rigid3d(pose),
        )
    database.close()
    scratch = Path(request["scratch"])
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    options = with_seed(pycolmap.IncrementalPipelineOptions())
    # With cameras that are certain, two views fix a point.
    options.triangulation.ignore_two_view_tracks = False
    model = pycolmap.triangulate_points(
        reconstruction,
        request["database"],
        request["pictures"],
        scratch,
        options=options,
    )
    shutil.rmtree(scratch, ignore_errors=True)
    write_arrays(Path(request["models"]), model_arrays(model, "given.0."))


def polish(model) -> None:
    """Bundle adjustment that wrong matches cannot bend: a Cauchy loss, observations with large errors dropped.

    It halves the median reprojection error that the mappers leave (0.40 to 0.19 pixels on a table top).
    """
    options = pycolmap.BundleAdjustmentOptions()
    options.print_summary = False
    options.ceres.loss_function_type = pycolmap.LossFunctionType.CAUCHY
    options.ceres.loss_function_scale = POLISH_LOSS_PX
    options.ceres.solver_options.num_threads = 1
    for largest_error_px in POLISH_ERRORS_PX:
        pycolmap.bundle_adjustment(model, options)
        pycolmap.ObservationManager(model).filter_all_points3D(largest_error_px, POLISH_MIN_ANGLE_DEG)


def run_quietly(mapper, *arguments) -> dict:
    """The mapper's models; none where it finds no way to begin, which it reports as an error."""
    try:
        return mapper(*arguments)
    except (RuntimeError, ValueError) as error:
        print(f"{mapper.__name__}: {error}", file=sys.stderr)
        return {}


def with_seed(options):
    options.num_threads = 1
    options.random_seed = RANDOM_SEED
    return options


def model_arrays(model, prefix: str) -> dict[str, np.ndarray]:
    """A reconstruction as plain arrays, images by name and points by id."""
    images = sorted((image for image in model.images.values() if image.has_pose), key=lambda image: image.name)
    point_ids = sorted(model.points3D)
    row_of_point = {point_id: row for row, point_id in enumerate(point_ids)}
    views, points, positions = [], [], []
    for view, image in enumerate(images):
        for observation in image.points2D:
            if observation.has_point3D():
                views.append(view)
                points.append(row_of_point[observation.point3D_id])
                positions.append(observation.xy)
    arrays = {
        "names": np.array([image.name for image in images], dtype=np.str_),
        "K": np.array([image.camera.calibration_matrix() for image in images], dtype=np.float64).reshape(-1, 3, 3),
        "hw": np.array([(image.camera.height, image.camera.width) for image in images], dtype=np.int64).reshape(-1, 2),
        "cam_from_world": np.array([image.cam_from_world().matrix() for image in images], dtype=np.float64).reshape(
            -1, 3, 4
        ),
        "points": np.array([model.points3D[point].xyz for point in point_ids], dtype=np.float64).reshape(-1, 3),
        "observed_view": np.array(views, dtype=np.int64),
        "observed_point": np.array(points, dtype=np.int64),
        "observed_xy": np.array(positions, dtype=np.float64).reshape(-1, 2),
    }
    return {prefix + name: array for name, array in arrays.items()}


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    unfinished = path.with_suffix(".tmp.npz")
    np.savez(unfinished, **arrays)
    os.replace(unfinished, path)


TASKS = {"match": extract_and_match, "map": map_scene, "triangulate": triangulate}


def main() -> None:
    request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    pycolmap.logging.minloglevel = 3
    TASKS[request["task"]](request)


if __name__ == "__main__":
    main()
