"""Lists of images: the published form, others, and files that want to be run."""

import io
import json
import os
import pickle
import zipfile

import numpy as np
import pytest

from warpdata.errors import SourceError
from warpdata.prepare.image_list import read_image_list
from warpdata.programs.main import main

LIST = {("0001", "0"): ["5008984_74a994ce1c_o.jpg", "b.png"], ("0022", "1"): ["c.jpg"]}


def published(path, value=LIST):
    array = np.empty((), dtype=object)
    array[()] = value
    np.savez(path, data=array)
    return path


def with_pickle(path, content, shape=()):
    """An array file whose header says "an object", with these bytes in place of its pickle."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.npy", header.getvalue() + content)
    return path


def test_the_published_form_becomes_json_and_that_is_read_again(tmp_path, capsys):
    source, out = published(tmp_path / "list.npz"), tmp_path / "list.json"
    assert main(["prepare", "image-list", str(source), str(out)]) == 0
    assert "3 images of 2 sub-scenes" in capsys.readouterr().out
    assert json.loads(out.read_text())["scenes"][0]["images"] == LIST["0001", "0"]
    assert read_image_list(out) == read_image_list(source)
    assert [(one.scene, one.subscene) for one in read_image_list(source)] == list(LIST)
    assert main(["prepare", "image-list", str(source), str(out)]) == 2
    assert main(["prepare", "image-list", str(source), str(out), "--overwrite"]) == 0


def test_csv(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("scene,subscene,image\n0001,0,a.jpg\n0002,0,b.jpg\n0001,0,c.jpg\n")
    assert [one.images for one in read_image_list(path)] == [("a.jpg", "c.jpg"), ("b.jpg",)]
    path.write_text("scene,image\n0001,a.jpg\n")
    with pytest.raises(SourceError, match="expected scene,subscene,image"):
        read_image_list(path)


class Hostile:
    def __init__(self, *what):
        self.what = what

    def __reduce__(self):
        return self.what


@pytest.mark.parametrize(
    "what",
    [
        Hostile(os.system, ("touch hostile",)),
        Hostile(getattr, ("text", "upper")),
        {("a", "b"): Hostile(eval, ("1",))},
    ],
)
def test_what_wants_to_be_run_is_refused(tmp_path, monkeypatch, what):
    monkeypatch.chdir(tmp_path)
    path = with_pickle(tmp_path / "list.npz", pickle.dumps(what))
    with pytest.raises(SourceError, match=r"it asks for .*, which a list of names does not need"):
        read_image_list(path)
    assert not (tmp_path / "hostile").exists()


def test_arrays_without_end_are_refused(tmp_path):
    """The names an array needs could still ask for 32 TiB."""
    array = Hostile(np._core.multiarray._reconstruct, (np.ndarray, (1 << 42,), b"d"))
    with pytest.raises(SourceError, match="asks for an array of shape"):
        read_image_list(with_pickle(tmp_path / "list.npz", pickle.dumps(array)))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({("0001", "0"): ["../a.jpg"]}, r"'\.\./a\.jpg' is not the name"),
        ({("..", "0"): ["a.jpg"]}, r"'\.\.' is not the name"),
        ({("0001", "0"): [3]}, "3 is not the name"),
        ({("0001", "0"): "a.jpg"}, "are str, not a list"),
        ({"0001": ["a.jpg"]}, "is not a scene and a sub-scene"),
        (["a.jpg"], "it holds list"),
    ],
)
def test_other_contents_are_named(tmp_path, value, message):
    with pytest.raises(SourceError, match=message):
        read_image_list(published(tmp_path / "list.npz", value))


def test_files_that_are_no_lists(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"PK nothing")
    np.savez(tmp_path / "b.npz", data=np.zeros(3))
    with_pickle(tmp_path / "c.npz", pickle.dumps({})[:-4])
    for name, message in (("a.npz", "no archive"), ("b.npz", "float64 of shape"), ("c.npz", "not read any further")):
        with pytest.raises(SourceError, match=message):
            read_image_list(tmp_path / name)
    with pytest.raises(SourceError, match=r"\.json, \.csv and \.npz are read"):
        read_image_list(tmp_path / "a.txt")
