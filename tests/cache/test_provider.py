"""Geometry is made once, with the filters asked for, by as few decodings as there can be."""

import json
from collections import Counter
from pathlib import Path

import pytest
import torch
from PIL import ImageFile

from tests.geometry.exact import hall
from tests.geometry.pictures import KnowingNetwork, numbered
from tests.scenes import write_scene
from warpdata.cache.provider import GeometryProvider
from warpdata.config import FilterOptions, GeometryOptions, SizeOptions, SourceOptions
from warpdata.errors import GeometryError
from warpdata.sources import open_source

CPU = torch.device("cpu")


def provider(tmp_path, *, filters=None, **geometry):
    options = GeometryOptions(cache_dir=tmp_path / "cache", **geometry)
    return GeometryProvider(options, SizeOptions(), filters or FilterOptions(), CPU)


def scene_in(folder):
    source = open_source(SourceOptions(input_dir=folder))
    return source.scene(source.scene_ids()[0])


@pytest.fixture
def shipped(tmp_path):
    write_scene(tmp_path / "in" / "s", 4)
    return scene_in(tmp_path / "in")


@pytest.fixture
def decoded(monkeypatch):
    """File name -> how often its pixels were decoded."""
    counts = Counter()
    prepare = ImageFile.ImageFile.load_prepare

    def counted(image):
        counts[Path(getattr(image.fp, "name", image.filename)).relative_to(folder_of[0]).as_posix()] += 1
        return prepare(image)

    folder_of = [Path()]
    monkeypatch.setattr(ImageFile.ImageFile, "load_prepare", counted)

    def below(folder):
        folder_of[0] = folder
        return counts

    return below


def test_given_geometry_decodes_each_picture_once(tmp_path, shipped, decoded):
    """To see that it is whole; its depth is a picture too."""
    counts = decoded(shipped.root)
    provider(tmp_path)(shipped)
    assert {name: count for name, count in counts.items() if name.startswith("images/")} == {
        f"images/{index}.png": 1 for index in range(4)
    }
    counts.clear()
    assert provider(tmp_path)(shipped).cached
    assert not counts


def test_a_network_decodes_each_picture_once(tmp_path, monkeypatch, decoded):
    """In windows that share frames; what it cannot decode is the check."""
    names = [numbered(tmp_path / f"{index:04d}.png", index, (36, 52)).name for index in range(12)]
    scene = scene_in(photo_folder(tmp_path, names))
    broken = scene.views[5].picture.path
    broken.write_bytes(broken.read_bytes()[:60])  # its header is whole
    network = KnowingNetwork(hall(12))
    monkeypatch.setattr("warpdata.geometry.network.network.shared_network", lambda *_, **__: network)
    counts = decoded(scene.root)
    weights = tiny_checkpoint(tmp_path)
    known = provider(tmp_path, geometry="vggt", weights=weights, window_frames=5, window_overlap=2)(scene)
    assert len(known.entry) == 11
    assert list(known.entry.left_out) == ["0005"]
    assert counts == {name: 1 for name in names}


def photo_folder(tmp_path, names):
    folder = tmp_path / "photos" / "s"
    folder.mkdir(parents=True)
    for name in names:
        (tmp_path / name).rename(folder / name)
    return tmp_path / "photos"


def tiny_checkpoint(tmp_path):
    from safetensors.torch import save_file

    save_file({"depth_head.norm.weight": torch.ones(1)}, tmp_path / "tiny.safetensors")
    return str(tmp_path / "tiny.safetensors")


def test_the_sky_filter_is_part_of_what_geometry_is_known_by(tmp_path, shipped):
    pytest.importorskip("onnxruntime", reason="the sky filter needs the extra `sky`")
    (tmp_path / "sky.onnx").write_bytes(b"not opened before it is needed")
    filters = FilterOptions(filter_sky=True, sky_model=str(tmp_path / "sky.onnx"))
    provenance = provider(tmp_path, filters=filters).provenance(shipped)
    assert provenance.estimator == "given"
    assert provenance.options["filter_sky"]["model"] == "sky.onnx"
    assert provider(tmp_path).provenance(shipped).options == {}


def test_the_header_says_what_it_always_said(tmp_path, shipped):
    """Entries made by earlier versions are those that are made now, byte by byte."""
    entry = provider(tmp_path)(shipped).entry
    header = entry.header
    assert (header.left_out, list(header.report)) == ({}, ["consistency"])
    assert list(header.report["consistency"]) == ["agreeing", "reprojection_error_px", "frames"]
    assert list(header.report["consistency"]["frames"]) == ["0", "1", "2", "3"]
    assert json.dumps(header.provenance.options) == "{}"


def test_left_out_views_stand_in_the_scenes_order_whatever_the_reason(tmp_path, shipped):
    shipped.views[3].depth.path.unlink()
    shipped.views[1].picture.path.write_bytes(b"")
    entry = provider(tmp_path)(shipped).entry
    assert list(entry.left_out) == ["1", "3"]
    assert entry.names == ("0", "2")


def test_known_geometry_makes_nothing(tmp_path, shipped):
    with pytest.raises(GeometryError, match="has no geometry in"):
        provider(tmp_path).known(shipped)
    made = provider(tmp_path)(shipped).entry
    assert provider(tmp_path).known(shipped).key == made.key


def test_several_estimators_are_tried_in_their_order(tmp_path, shipped, monkeypatch):
    """The report says which and why; later starts ask for what is in the cache."""
    monkeypatch.setenv("WARPDATA_ESTIMATORS", str(tmp_path / "none"))
    made = provider(tmp_path, geometry="da3, given")(shipped)
    assert made.entry.provenance.estimator == "given"
    assert made.reason.startswith("given, as asked for; not da3: ")
    assert "prepare estimator da3" in made.reason
    both = provider(tmp_path, geometry="moge,given")
    assert both(shipped).cached
    assert both.known(shipped).provenance.estimator == "given"
    with pytest.raises(GeometryError, match=r"^da3: .*environment.*; moge: .*environment"):
        provider(tmp_path, geometry="da3,moge")(shipped)
    with pytest.raises(ValueError, match="names an estimator twice"):
        provider(tmp_path, geometry="sfm,sfm")
    with pytest.raises(ValueError, match="there is no such estimator"):
        provider(tmp_path, geometry="sfm,dust3r")


def test_what_fails_while_it_is_estimated_is_passed_over_too(tmp_path, shipped):
    shipped.views[0].depth.path.write_bytes(b"no depth")
    for view in shipped.views[1:]:
        view.depth.path.write_bytes(b"no depth")
    with pytest.raises(GeometryError, match=r"^given: .*; external: .*needs `estimator`"):
        provider(tmp_path, geometry="given,external")(shipped)
