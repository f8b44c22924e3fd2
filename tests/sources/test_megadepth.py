"""MegaDepth, its processed folder, localised scenes and the training format as scenes: cameras, depth, domains."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.megadepth_trees import (
    NAMES,
    SIZE,
    WORLD_FROM_CAM,
    K,
    depth,
    make_aerial,
    make_original,
    make_stored,
)
from warpdata.config import GeometryOptions, OutputOptions, PairOptions, SourceOptions
from warpdata.errors import SceneError, SourceError, ViewError
from warpdata.plugins import OwnOptions
from warpdata.run.materialize import materialize
from warpdata.run.options import MaterializeOptions
from warpdata.sources import Workplace, open_source
from warpdata.sources.megadepth.domains import domain_of
from warpdata.sources.megadepth.options import MegaDepthOptions

h5py = pytest.importorskip("h5py", reason="the extra `megadepth` is not installed")

HW = SIZE[::-1]
TAGS = [("rendered",), ("rendered",), ("photo",), ("photo",)]


def scenes_of(root, **own):
    options = SourceOptions(input_dir=root)
    return open_source(options, OwnOptions(MegaDepthOptions(**own)), work=Workplace(cache_dir=root / "none"))


def scene_of(root, **own):
    source = scenes_of(root, **own)
    (scene_id,) = source.scene_ids()
    return source.scene(scene_id)


def assert_views(views, *, K_expected=K) -> None:
    """The cameras and the depth of the sample."""
    for number, view in enumerate(views):
        torch.testing.assert_close(view.camera.K, torch.tensor(K_expected), rtol=0, atol=1e-6)
        pose = torch.tensor(WORLD_FROM_CAM[number])
        torch.testing.assert_close(view.camera.world_from_cam, pose, rtol=0, atol=1e-6)
        np.testing.assert_array_equal(view.depth.load().numpy(), depth(number))


class TestAerial:
    def test_from_the_scene_or_any_folder_around(self, tmp_path):
        folder = make_aerial(tmp_path / "data")
        inside = folder / "sfm_output_localization" / "sfm_sift"
        for given in (tmp_path / "data", folder, folder / "sfm_output_localization", inside):
            scene = scene_of(given)
            assert scene.source == "aerial-megadepth"
            assert scene.scale == "metric"
            assert "non-commercial" in scene.license
            assert [view.tags for view in scene.views] == TAGS
            assert_views(scene.views)

    def test_simple_pinholes_are_read_as_well(self, tmp_path):
        dense = make_aerial(tmp_path) / "sfm_output_localization/sfm_sift/localized_dense_metric"
        (dense / "sparse-txt/cameras.txt").write_text(f"1 SIMPLE_PINHOLE {SIZE[0]} {SIZE[1]} 280 170 110\n")
        camera = scene_of(tmp_path).views[0].camera
        assert camera.K.tolist() == [[280, 0, 170], [0, 280, 110], [0, 0, 1]]

    def test_the_newest_layout_is_read_or_the_one_that_is_named(self, tmp_path):
        make_aerial(tmp_path, "sfm_old")
        make_aerial(tmp_path, "sfm_new")
        old = tmp_path / "0001/sfm_output_localization/sfm_old/localized_dense_metric"
        os.utime(old / "sparse-txt/images.txt", (1, 1))
        scene = scene_of(tmp_path)
        assert "sfm_new" in scene.views[0].picture.label
        assert any("`layout_name`" in note for note in scene.notes)
        assert "sfm_old" in scene_of(tmp_path, layout_name="sfm_old").views[0].picture.label
        with pytest.raises(SceneError, match="it has sfm_new, sfm_old"):
            scene_of(tmp_path, layout_name="other")

    def test_a_view_without_depth_stays_and_is_named(self, tmp_path):
        dense = make_aerial(tmp_path) / "sfm_output_localization/sfm_sift/localized_dense_metric"
        (dense / "depths/0001_001.h5").unlink()
        (dense / "images" / NAMES[3]).unlink()
        scene = scene_of(tmp_path)
        assert [view.depth is None for view in scene.views] == [False, True, False]
        assert "does not exist" in scene.left_out[NAMES[3]]
        assert any("1 of 3 views have no depth" in note for note in scene.notes)

    def test_names_that_lead_out_cost_themselves(self, tmp_path):
        dense = make_aerial(tmp_path / "set") / "sfm_output_localization/sfm_sift/localized_dense_metric"
        model = dense / "sparse-txt/images.txt"
        model.write_text(model.read_text().replace(NAMES[0], "../../../../../../secret.jpg"))
        scene = scene_of(tmp_path / "set")
        assert len(scene.views) == 3
        assert len(scene.left_out) == 1

    def test_triplets_are_made_of_renders_and_photographs(self, tmp_path):
        make_aerial(tmp_path / "data")
        options = MaterializeOptions(
            source=SourceOptions(input_dir=tmp_path / "data"),
            geometry=GeometryOptions(cache_dir=tmp_path / "cache"),
            output=OutputOptions(output_dir=tmp_path / "out"),
        )
        (scene,) = materialize(options).scenes
        assert scene.geometry.startswith("given")
        assert len(scene.scores) == 3
        assert all(scores["psnr"] > 26 and scores["hole_fraction"] < 0.25 for scores in scene.scores)

    def test_a_photograph_is_splatted_from_a_render(self, tmp_path):
        make_aerial(tmp_path / "data")
        options = MaterializeOptions(
            source=SourceOptions(input_dir=tmp_path / "data"),
            geometry=GeometryOptions(cache_dir=tmp_path / "cache"),
            pairs=PairOptions(pairs="all", pairs_domain="across"),
            output=OutputOptions(output_dir=tmp_path / "out"),
        )
        materialize(options)
        lines = [json.loads(line) for line in (tmp_path / "out/manifest.jsonl").read_text().splitlines()]
        assert len(lines) == 4
        assert {line["reference"] for line in lines} == {"0001_000", "0001_001"}


class TestStored:
    @pytest.mark.parametrize(("name", "centre"), [("aerial-training", 0.5), ("megadepth-processed", 0.0)])
    def test_half_a_pixel_is_where_the_folder_says(self, tmp_path, name, centre):
        make_stored(tmp_path / "0001", centre=centre)
        scene = scene_of(tmp_path)
        assert (scene.source, scene.scale) == (name, "metric" if centre else "arbitrary")
        assert_views(scene.views)

    def test_renders_tell_what_a_folder_is_that_says_nothing(self, tmp_path):
        make_stored(tmp_path / "0001", centre=0.5, meta=False)
        scene = scene_of(tmp_path)
        assert scene.source == "aerial-training"
        assert [view.tags for view in scene.views] == TAGS
        assert any("is taken to be at 0.5" in note for note in scene.notes)
        assert_views(scene.views)

    def test_a_camera_that_is_none_costs_its_view(self, tmp_path):
        folder = make_stored(tmp_path / "0001", centre=0.5)
        np.savez(folder / f"{NAMES[0]}.npz", intrinsics=K, cam2world=np.array([object()], dtype=object))
        (folder / f"{NAMES[1]}.npz").write_bytes(b"PK")
        np.savez(folder / f"{NAMES[2]}.npz", intrinsics=K, cam2world=2 * np.eye(4))
        left_out = scene_of(tmp_path).left_out
        assert set(left_out) == {f"{name}.jpg" for name in NAMES[:3]}
        assert all("holds no camera" in left_out[f"{name}.jpg"] for name in NAMES[:2])
        assert "not a rotation" in left_out[f"{NAMES[2]}.jpg"]

    @pytest.mark.parametrize("source", ["aerial-training", "megadepth-processed"])
    @pytest.mark.parametrize("centre", [0.0, 0.5])
    def test_either_can_be_insisted_on_and_the_folder_still_says_where_pixels_are(self, tmp_path, source, centre):
        make_stored(tmp_path / "0001", centre=centre)
        found = open_source(SourceOptions(input_dir=tmp_path, source=source)).scene("0001")
        assert (found.source, found.scale) == (source, "metric" if source == "aerial-training" else "arbitrary")
        assert_views(found.views)

    def test_a_sidecar_that_says_something_else_costs_the_scene(self, tmp_path):
        folder = make_stored(tmp_path / "0001", centre=0.5)
        (folder / "meta.json").write_text(json.dumps({"pixel_center": 7}))
        source = scenes_of(tmp_path)
        with pytest.raises(SceneError, match=r"it is 0 or 0\.5"):
            source.scene(source.scene_ids()[0])


class TestOriginal:
    def test_photographs_of_the_model_with_their_depth(self, tmp_path):
        scene = scene_of(make_original(tmp_path))
        assert (scene.id, scene.source, scene.scale) == ("0007_0", "megadepth", "arbitrary")
        assert [view.name for view in scene.views] == ["a", "b", "c"]
        centred = np.array([[K[0, 0], 0, 160], [0, K[0, 0], 120], [0, 0, 1]])
        np.testing.assert_allclose(scene.views[0].camera.K.numpy(), centred, rtol=0.005)
        assert scene.views[0].camera.K[0, 2] == 160
        assert scene.views[0].camera.K[1, 2] == 120
        np.testing.assert_array_equal(scene.views[1].depth.load().numpy(), depth(1))

    @pytest.mark.parametrize("k", [-0.1, 0.1])
    def test_the_undistorted_photograph_fills_its_frame_and_no_more(self, tmp_path, k):
        """Its border, distorted again, lies in the photograph as taken and touches its edge."""
        camera = scene_of(make_original(tmp_path, distortion=k)).views[0].camera
        assert camera.K[0, 2] == 160
        W, H = SIZE
        along_x, along_y = np.arange(W + 1.0), np.arange(H + 1.0)
        border = np.concatenate(
            [np.stack(np.broadcast_arrays(along_x, y), -1) for y in (0.0, H)]
            + [np.stack(np.broadcast_arrays(x, along_y), -1) for x in (0.0, W)]
        )
        rays = (border - camera.K[:2, 2].numpy()) / camera.K.diagonal()[:2].numpy()
        bent = rays * (1 + k * (rays**2).sum(-1, keepdims=True)) * K[0, 0] + (160, 120)
        room = np.concatenate([bent, np.array(SIZE) - bent], axis=-1)
        assert room.min() > -1.5  # OpenCV looks at a grid of nine by nine
        assert room.min() < 1.5

    def test_a_half_of_it_is_named(self, tmp_path):
        make_original(tmp_path)
        (tmp_path / "phoenix").rename(tmp_path / "elsewhere")
        (tmp_path / "phoenix").mkdir()
        with pytest.raises(SourceError, match="side by side"):
            scenes_of(tmp_path).scene_ids()


class TestLimits:
    def depths(self, tmp_path, **own):
        return scene_of(tmp_path, **own).views[0].depth.load().numpy()

    def test_far_depth_is_dropped_where_there_are_metres(self, tmp_path):
        make_aerial(tmp_path)
        known = depth(0)
        limit = float(np.median(known))
        np.testing.assert_array_equal(self.depths(tmp_path, max_depth=limit), np.where(known > limit, 0, known))
        np.testing.assert_array_equal(self.depths(tmp_path, max_depth=0.0), known)

    def test_depth_in_an_arbitrary_unit_has_no_limit(self, tmp_path):
        make_original(tmp_path)
        np.testing.assert_array_equal(self.depths(tmp_path, max_depth=0.001), depth(0))

    def test_the_farthest_of_a_map(self, tmp_path):
        make_aerial(tmp_path)
        known = depth(0)
        kept = np.where(known > np.percentile(known, 90), 0, known)
        np.testing.assert_array_equal(self.depths(tmp_path, depth_percentile=90.0), kept)

    def test_sky_of_a_segmentation(self, tmp_path):
        make_aerial(tmp_path / "data")
        classes = np.full((24, 32), 7, np.uint8)
        classes[:12] = 2
        (tmp_path / "sky/0001").mkdir(parents=True)
        Image.fromarray(classes).save(tmp_path / "sky/0001" / f"{NAMES[0]}.png")
        found = self.depths(tmp_path / "data", sky_masks=tmp_path / "sky")
        assert (found[:120] == 0).all()
        np.testing.assert_array_equal(found[120:], depth(0)[120:])

    @pytest.mark.parametrize("own", [{"max_depth": -1.0}, {"depth_percentile": 0.0}, {"layout_name": "../x"}])
    def test_options_that_cannot_be_are_refused(self, own):
        with pytest.raises(ValueError, match=f"`{next(iter(own))}`"):
            MegaDepthOptions(**own)

    def test_geometry_with_another_limit_is_another(self, tmp_path):
        make_aerial(tmp_path / "data")
        keys = set()
        for limit in (2000.0, 3.0):
            options = MaterializeOptions(
                source=SourceOptions(input_dir=tmp_path / "data"),
                geometry=GeometryOptions(cache_dir=tmp_path / "cache"),
                output=OutputOptions(output_dir=tmp_path / f"out{limit:g}"),
                own=OwnOptions(MegaDepthOptions(max_depth=limit)),
            )
            materialize(options)
            line = (tmp_path / f"out{limit:g}/manifest.jsonl").read_text().splitlines()[0]
            keys.add(json.loads(line)["geometry"]["key"])
        assert len(keys) == 2


class TestHdf5:
    def stored(self, tmp_path, write) -> Path:
        path = make_aerial(tmp_path) / "sfm_output_localization/sfm_sift/localized_dense_metric/depths/0001_000.h5"
        path.unlink()
        with h5py.File(path, "w") as file:
            write(file)
        return path

    @pytest.mark.parametrize(
        ("write", "said"),
        [
            (lambda file: file.update({"a": [1], "b": [1]}), "no data set `depth`"),
            (lambda file: file.create_dataset("depth", data=np.zeros(4)), "of shape"),
            (lambda file: file.create_dataset("depth", data=np.array([[b"x"]])), "expected numbers"),
            (lambda file: file.create_dataset("depth", shape=(10**6, 10**6), chunks=(64, 64), dtype="f4"), "1000000"),
            (lambda file: file.__setitem__("depth", h5py.ExternalLink("/etc/passwd", "x")), "no data set `depth`"),
        ],
    )  # fmt: skip
    def test_what_is_no_depth_is_refused_before_memory_is_taken(self, tmp_path, write, said):
        self.stored(tmp_path, write)
        with pytest.raises(ViewError, match=said):
            scene_of(tmp_path).views[0].depth.load()

    def test_negative_numbers_and_nan_are_no_depth(self, tmp_path):
        values = np.array([[1, -3], [np.nan, np.inf]], np.float32)
        self.stored(tmp_path, lambda file: file.create_dataset("depth", data=values))
        assert scene_of(tmp_path).views[0].depth.load().tolist() == [[1, 0], [0, 0]]

    def test_a_damaged_file_is_named_and_closed(self, tmp_path):
        path = self.stored(tmp_path, lambda file: file.create_dataset("depth", data=np.zeros((4, 4))))
        path.write_bytes(path.read_bytes()[:100])
        with pytest.raises(ViewError, match=r"0001_000\.h5"):
            scene_of(tmp_path).views[0].depth.load()
        open_files = Path("/proc/self/fd")
        if open_files.is_dir():
            assert not [link for link in open_files.iterdir() if link.exists() and link.resolve() == path]


@pytest.mark.parametrize(
    ("name", "scene", "domain"),
    [
        ("0001_000.jpeg", "0001", "rendered"),
        ("0001_000.jpeg.jpg", "0001", "rendered"),
        ("0001_1234.png", "0001", "rendered"),
        ("0001_000.jpeg", "0002", "photo"),
        ("0001_00.jpeg", "0001", "photo"),
        ("5008984_74a994ce1c_o.jpg.jpg", "0001", "photo"),
    ],
)
def test_domains(name, scene, domain):
    assert domain_of(name, scene) == domain
