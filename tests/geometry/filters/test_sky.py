"""The sky filter with a tiny ONNX network made here: blue is sky."""

import builtins
import itertools

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from PIL import Image

from tests.geometry.hub_server import COMMIT, running_hub
from tests.geometry.pictures import scene_of
from warpdata.camera import Camera
from warpdata.errors import BackendError, WeightsError
from warpdata.geometry.filters.sky import SkyFiltered, resolve_sky_model
from warpdata.geometry.network.hub import Hub
from warpdata.geometry.types import ContentBox, FrameFailure, FrameGeometry, Provenance, SceneGeometry
from warpdata.sources import PictureFile


def blue_detector(path, *, side=32, gain=20.0, last="Sigmoid"):
    """Writes a network: sky where the blue channel, in ImageNet's units, is above 1."""
    weights = np.zeros((1, 3, 1, 1), dtype=np.float32)
    weights[0, 2] = gain
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["picture", "weights", "bias"], ["logit"]),
            helper.make_node(last, ["logit"], ["sky"]),
        ],
        "sky",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, side, side])],
        [helper.make_tensor_value_info("sky", TensorProto.FLOAT, [1, 1, side, side])],
        [
            onnx.numpy_helper.from_array(weights, "weights"),
            onnx.numpy_helper.from_array(np.float32([-gain]), "bias"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


def landscape(path, hw=(64, 96)):
    """The upper half is blue, the lower half green."""
    pixels = np.zeros((*hw, 3), dtype=np.uint8)
    pixels[: hw[0] // 2] = (30, 60, 250)
    pixels[hw[0] // 2 :] = (40, 120, 20)
    Image.fromarray(pixels).save(path)
    return path


class Flat:
    """An estimator that puts every pixel at depth 2, on a map that spans `box`."""

    def __init__(self, box, hw=(8, 12), image_hw=(64, 96)):
        self.box, self.hw, self.image_hw = box, hw, image_hw

    @property
    def provenance(self):
        return Provenance(estimator="flat", options={"box": list(self.box)})

    def __call__(self, scene, *, progress=None):
        camera = Camera(K=torch.eye(3).double(), cam_from_world=torch.eye(4).double(), hw=self.hw)
        frames = (
            FrameGeometry(
                name=view.name,
                depth=torch.full(self.hw, 2.0),
                confidence=torch.full(self.hw, 5.0),
                camera=camera,
                image_hw=self.image_hw,
                content_box=ContentBox(**dict(zip(("left", "top", "right", "bottom"), self.box, strict=True))),
            )
            for view in scene.views
        )
        return SceneGeometry(scene_id=scene.id, outcomes=frames, scale="arbitrary", provenance=self.provenance)


@pytest.fixture
def model(tmp_path):
    return resolve_sky_model(str(blue_detector(tmp_path / "sky.onnx")))


WHOLE = (0.0, 0.0, 96.0, 64.0)


@pytest.mark.parametrize(
    ("box", "first_ground_row"),
    [
        (WHOLE, 4),
        ((0.0, 16.0, 96.0, 48.0), 4),  # cropped above and below: the horizon stays in the middle
        ((0.0, 0.0, 96.0, 32.0), 8),  # the sky half alone
        ((0.0, 32.0, 96.0, 64.0), 0),  # the ground half alone
        ((0.0, -64.0, 96.0, 64.0), 6),  # padded above by as much as the picture's height
    ],
)
def test_sky_has_no_depth_wherever_the_map_lies_in_the_picture(tmp_path, model, box, first_ground_row):
    scene = scene_of([landscape(tmp_path / "a.png")])
    geometry = SkyFiltered(Flat(box), model, tmp_path / "sky")(scene)
    (frame,) = geometry.frames
    inside = torch.arange(8) * (box[3] - box[1]) / 8 + box[1] >= 0
    ground = (torch.arange(8) >= first_ground_row) | ~inside
    assert torch.equal(frame.depth > 0, ground[:, None].expand(8, 12))
    assert torch.equal(frame.confidence, torch.where(frame.depth > 0, 5.0, 1.0))
    assert geometry.report["sky_fraction"] == pytest.approx((~ground).double().mean().item())


def test_an_upright_mask_for_a_picture_that_is_stored_on_its_side(tmp_path, model):
    upright = Image.open(landscape(tmp_path / "upright.png"))
    tag = Image.Exif()
    tag[0x0112] = 6
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "side.jpg", exif=tag, quality=98)
    (frame,) = SkyFiltered(Flat(WHOLE), model, tmp_path / "sky")(scene_of([tmp_path / "side.jpg"])).frames
    assert (frame.depth[:4] == 0).all()
    assert (frame.depth[4:] > 0).all()


def test_scores_are_kept_by_content_of_picture_and_network(tmp_path, model, monkeypatch):
    runs = []
    scores = type(model).scores
    monkeypatch.setattr(type(model), "scores", lambda self, picture: runs.append(1) or scores(self, picture))
    folder = tmp_path / "sky"
    picture = landscape(tmp_path / "a.png")
    filtered = SkyFiltered(Flat(WHOLE), model, folder)
    first = filtered.scores(PictureFile(picture))
    assert torch.equal(filtered.scores(PictureFile(picture)), first)
    assert len(runs) == 1
    landscape(tmp_path / "renamed.png")
    assert torch.equal(filtered.scores(PictureFile(tmp_path / "renamed.png")), first)
    assert len(runs) == 1
    Image.new("RGB", (96, 64), (0, 0, 255)).save(picture)  # another picture under the old name
    assert not torch.equal(filtered.scores(PictureFile(picture)), first)
    assert len(runs) == 2
    other = resolve_sky_model(str(blue_detector(tmp_path / "other.onnx", gain=5.0)))
    SkyFiltered(Flat(WHOLE), other, folder).scores(PictureFile(picture))
    assert len(runs) == 3
    assert len(list(folder.iterdir())) == 3


def test_a_damaged_score_file_is_made_again(tmp_path, model):
    filtered = SkyFiltered(Flat(WHOLE), model, tmp_path / "sky")
    first = filtered.scores(PictureFile(landscape(tmp_path / "a.png")))
    (kept,) = (tmp_path / "sky").iterdir()
    whole = kept.read_bytes()
    for damaged in (b"", b"no picture", whole[: len(whole) // 2]):
        kept.write_bytes(damaged)
        assert torch.equal(filtered.scores(PictureFile(tmp_path / "a.png")), first)
        assert kept.read_bytes() == whole


def test_failures_pass_and_a_picture_that_broke_meanwhile_is_one(tmp_path, model):
    class WithFailure(Flat):
        def __call__(self, scene, *, progress=None):
            outcomes = [
                FrameFailure(name="a", reason="too flat") if frame.name == "a" else frame
                for frame in super().__call__(scene)
            ]
            return super().__call__(scene).transformed(outcomes)

    scene = scene_of([landscape(tmp_path / f"{name}.png") for name in "abc"])
    scene.views[1].picture.path.write_bytes(b"")
    geometry = SkyFiltered(WithFailure(WHOLE), model, tmp_path / "sky")(scene)
    assert [frame.name for frame in geometry.frames] == ["c"]
    assert geometry.left_out["a"] == "too flat"
    assert "b.png" in geometry.left_out["b"]
    assert geometry.report["sky_fraction"] == pytest.approx(0.5)


def test_provenance_names_the_network(tmp_path, model):
    provenance = SkyFiltered(Flat(WHOLE), model, tmp_path).provenance
    assert provenance.estimator == "flat"
    assert provenance.options["box"] == list(WHOLE)
    assert provenance.options["filter_sky"]["model"] == "sky.onnx"
    assert provenance.options["filter_sky"]["sha256"] == model.sha256
    other = resolve_sky_model(str(blue_detector(tmp_path / "other.onnx", gain=5.0)))
    assert SkyFiltered(Flat(WHOLE), other, tmp_path).provenance != provenance


def test_the_network_is_fetched_from_the_hub_and_checked(tmp_path, monkeypatch):
    content = blue_detector(tmp_path / "sky.onnx").read_bytes()
    with running_hub() as server:
        server.put("someone/skyseg", "skyseg.onnx", content)
        hub = Hub(endpoint=server.endpoint, cache_dir=tmp_path / "hub")
        model = resolve_sky_model("someone/skyseg/skyseg.onnx", hub=hub)
        assert model.id == f"someone/skyseg/skyseg.onnx@{COMMIT}"
        assert model.path.read_bytes() == content
        server.stated_digest = "00" * 32
        with pytest.raises(WeightsError, match="damaged"):
            resolve_sky_model(
                "someone/skyseg/skyseg.onnx", hub=Hub(endpoint=server.endpoint, cache_dir=tmp_path / "second")
            )


def test_without_the_extra_the_install_line_is_given(tmp_path, monkeypatch):
    path = blue_detector(tmp_path / "sky.onnx")
    real = builtins.__import__

    def without(name, *rest, **more):
        if name == "onnxruntime":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(BackendError, match=r"pip install 'warpdata\[sky\]'"):
        resolve_sky_model(str(path))


def test_files_that_are_no_sky_network(tmp_path):
    (tmp_path / "text.onnx").write_text("no network")
    picture = torch.zeros(3, 8, 8, dtype=torch.uint8)
    with pytest.raises(WeightsError, match="not an ONNX network"):
        resolve_sky_model(str(tmp_path / "text.onnx")).scores(picture)
    logits = resolve_sky_model(str(blue_detector(tmp_path / "logits.onnx", last="Identity")))
    with pytest.raises(WeightsError, match="map of probabilities was expected"):
        logits.scores(picture)
    with pytest.raises(WeightsError, match="no such file"):
        resolve_sky_model("missing.onnx")


def test_frames_stay_a_stream(tmp_path, model):
    """One frame is taken from the estimator for each that is asked for."""
    taken = []

    class Counting(Flat):
        def __call__(self, scene, *, progress=None):
            geometry = super().__call__(scene)
            return geometry.transformed(taken.append(frame.name) or frame for frame in geometry)

    scene = scene_of([landscape(tmp_path / f"{name}.png") for name in "abc"])
    frames = SkyFiltered(Counting(WHOLE), model, tmp_path / "sky")(scene).frames
    list(itertools.islice(frames, 1))
    assert taken == ["a"]
