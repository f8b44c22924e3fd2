"""A path in a scene's file finds the file it means, however the disk spells it, and never one outside."""

import os
import unicodedata

import pytest

from warpdata.errors import ViewError
from warpdata.sources.lookup import Lookup


@pytest.fixture
def root(tmp_path):
    return tmp_path.resolve() / "s"


def put(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def found(root, written):
    return Lookup(root, root / "images").picture(written).relative_to(root).as_posix()


@pytest.mark.parametrize(
    ("there", "written"),
    [
        ("images/0.png", "images/0.png"),
        ("images/0.png", "./images/0.png"),
        ("images/0.png", ".//images//0.png"),
        ("images/0.png", "images\\0.png"),
        ("images/0.png", ".\\images\\0.png"),
        ("images/0.png", "images/0"),
        ("images/000.JPG", "images/000"),
        ("images/000.JPG", "images/000.jpg"),
        ("images/img.jpg", "Images/IMG.JPG"),
        ("Images/0.png", "images/0.png"),
        ("images/0.png", "0.png"),
        ("images/0.png", "rgb/0.png"),
        ("images/0.JPEG", "rgb/0"),
        ("images/0.png.jpg", "images/0.png"),
        ("images/0.png", "other/../images/0.png"),
        ("images/0.png", "../s/images/0.png"),
        ("a.b/c.d.png", "a.b/c.d"),
    ],
)
def test_it_is_found(root, there, written):
    put(root, there)
    assert found(root, written) == there


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_either_unicode_form_is_found(root, form):
    other = "NFD" if form == "NFC" else "NFC"
    put(root, unicodedata.normalize(form, "images/Küche é.png"))
    assert unicodedata.normalize(form, found(root, unicodedata.normalize(other, "images/Küche é.png"))) == (
        unicodedata.normalize(form, "images/Küche é.png")
    )
    assert found(root, unicodedata.normalize(other, "images/KÜCHE É")).endswith(".png")


def test_the_exact_name_wins_and_doubt_is_said(root):
    put(root, "images/a.png", "images/A.png")
    assert found(root, "images/A.png") == "images/A.png"
    put(root, "images/b.png", "images/B.png")
    with pytest.raises(ViewError, match=r"does not exist; .*images holds B\.PNG?|holds B\.png, b\.png; rename one"):
        found(root, "images/b.PNG")


def test_absolute_paths_inside_are_used_by_either_name_of_the_folder(root, tmp_path):
    put(root, "images/0.png")
    os.symlink(root, tmp_path / "by_another_name")
    assert found(root, str(root / "images" / "0.png")) == "images/0.png"
    assert found(root, str(root / "images" / "0")) == "images/0.png"
    assert found(root, str(tmp_path / "by_another_name" / "images" / "0.png")) == "images/0.png"


@pytest.mark.parametrize(
    "written", ["/etc/passwd", "../0.png", "images/../../0.png", "C:\\0.png", "\\\\host\\a\\0.png"]
)
def test_paths_outside_are_refused_even_where_the_base_name_would_be_found(root, written):
    put(root, "images/0.png", "../0.png")
    with pytest.raises(ViewError, match=r"leads out of the scene's folder .*: write it relative to that folder"):
        found(root, written)


def test_a_link_out_of_the_folder_is_refused_under_any_spelling(root, tmp_path):
    (tmp_path / "secret.png").write_bytes(b"x")
    put(root, "images/0.png")
    os.symlink(tmp_path / "secret.png", root / "images" / "Link.png")
    for written in ("images/Link.png", "images/link.png", "images/LINK", "other/link.PNG"):
        with pytest.raises(ViewError, match="is a link that leads out"):
            found(root, written)


def test_what_is_there_instead_is_said(root):
    put(root, "images/frame_1.png", "images/frame_2.png", "notes.txt")
    with pytest.raises(ViewError, match=r"frame_01\.png does not exist; .*images holds frame_1\.png"):
        found(root, "images/frame_01.png")
    with pytest.raises(ViewError, match=r"has no folder rgb; it holds images, notes\.txt"):
        found(root, "rgb/7.png")


def test_other_files_need_not_exist(root):
    put(root, "depth/0.PNG")
    lookup = Lookup(root, root)
    assert lookup.file("depth/0.png") == root / "depth" / "0.PNG"
    assert lookup.file("depth/1.png") == root / "depth" / "1.png"


def test_a_picture_without_suffix_that_two_files_could_be_is_refused(root):
    put(root, "images/0.png", "images/0.jpg", "images/1.jpg")
    with pytest.raises(ViewError, match=r"may be 0\.jpg or 0\.png; write the suffix"):
        found(root, "images/0")
    assert found(root, "images/1") == "images/1.jpg"
