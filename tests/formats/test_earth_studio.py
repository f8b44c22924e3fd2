"""Tracks of Earth Studio: two real exports whose headings are known, geodesy by known numbers, and refusals."""

import json
import math

import pytest
import torch

from warpdata.camera import project
from warpdata.formats.earth_studio import Place, read_track


def frame(latitude=31.2, longitude=121.7, altitude=500.0, rotation=(159.3, 67.2, 45.7), fov=20.0, **changes):
    position = Place(latitude, longitude, altitude).earth_centred.tolist() if abs(latitude) <= 90 else [0, 0, 0]
    content = {
        "position": dict(zip("xyz", position, strict=True)),
        "rotation": dict(zip("xyz", rotation, strict=True)),
        "coordinate": {"latitude": latitude, "longitude": longitude, "altitude": altitude},
        "fovVertical": fov,
    }
    return content | changes


def write(tmp_path, frames, **content):
    path = tmp_path / "track.json"
    path.write_text(json.dumps({"name": "x", "width": 1920, "height": 1080, "cameraFrames": frames} | content))
    return path


def axes(track, index=0):
    """Right, down and forward of a camera in east, north, up."""
    camera = track.frames[index].camera(track.hw, track.frames[index].place)
    return camera.world_from_cam[:3, :3].T


def test_straight_down_with_north_up(tmp_path):
    track = read_track(write(tmp_path, [frame(33.9165151812, 0.0, rotation=(180, -56.0834848188, -89.9999999998))]))
    expected = torch.tensor([[1.0, 0, 0], [0, -1, 0], [0, 0, -1]], dtype=torch.float64)
    torch.testing.assert_close(axes(track), expected, atol=1e-9, rtol=0)


def test_a_known_heading_and_pitch(tmp_path):
    rotation = (159.34465662912814, 67.17562316976208, 45.669011717197826)
    track = read_track(write(tmp_path, [frame(31.23933153689792, 121.73286024286688, 20695.0, rotation)]))
    east, north, up = axes(track)[2].tolist()
    assert math.degrees(math.atan2(east, north)) % 360 == pytest.approx(270.12, abs=0.02)
    assert math.degrees(math.asin(up)) == pytest.approx(-44.61, abs=0.01)


def test_metres_east_north_and_up(tmp_path):
    """The numbers of COLMAP's own conversion."""
    track = read_track(write(tmp_path, [frame(48.8584, 2.2945, 300.0), frame(48.8594, 2.2965, 420.0)]))
    centre = track.frames[1].camera(track.hw, track.origin()).world_from_cam[:3, 3]
    assert centre.tolist() == pytest.approx([146.76470968, 111.21626279, 119.99734419], abs=1e-6)
    given = track.frames[1].camera(track.hw, track.origin("48.8594,2.2965,420"))
    assert given.world_from_cam[:3, 3].abs().max() < 1e-9
    middle = track.origin("centroid")
    assert (middle.latitude, middle.altitude) == pytest.approx((48.8589, 360.0))


def test_the_field_of_view_is_the_pictures_height(tmp_path):
    """A point at the edge of the vertical field of view lies on the first row's upper edge."""
    track = read_track(write(tmp_path, [frame(fov=40.0)], width=400, height=300))
    camera = track.frames[0].camera((300, 400), track.origin())
    above = torch.tensor([[0.0, -math.tan(math.radians(20)), 1.0]], dtype=torch.float64)
    world = above @ camera.world_from_cam[:3, :3].T + camera.world_from_cam[:3, 3]
    xy, _ = project(world, camera)
    assert xy[0].tolist() == pytest.approx([200.0, 0.0], abs=1e-9)


@pytest.mark.parametrize(
    ("frames", "content", "message"),
    [
        ([frame(position={"x": 1.0, "y": 2.0, "z": 3.0})], {}, r"frame 0: .*local coordinates.*Global"),
        ([frame(), frame(rotation=(1.0, math.nan, 2.0))], {}, r"frame 1: its `rotation\.y` is nan"),
        ([frame(fovVertical=180)], {}, "`fovVertical` is 180"),
        ([frame(coordinate={"latitude": 91, "longitude": 0, "altitude": 0})], {}, "latitude 91.*is not a place"),
        ([frame(coordinate={"latitude": "north"})], {}, "`coordinate.latitude` is 'north'"),
        ([], {}, "has 0 frames"),
        ([frame()], {"width": 20_000}, "`width` is 20000"),
        ([frame()], {"height": 1080.5}, "`height` is 1080.5"),
        (None, {}, "no list `cameraFrames`"),
        ([3], {}, "frame 0"),
    ],
)
def test_what_is_no_track_is_refused_with_its_place(tmp_path, frames, content, message):
    with pytest.raises(ValueError, match=message):
        read_track(write(tmp_path, frames, **content))


def test_more_frames_than_are_read(tmp_path):
    with pytest.raises(ValueError, match="100,001 frames"):
        read_track(write(tmp_path, [{}] * 100_001))


def test_origins_that_are_none(tmp_path):
    track = read_track(write(tmp_path, [frame()]))
    for said in ("last", "1,2", "1,2,x", "91,0,0"):
        with pytest.raises(ValueError, match="`origin` is"):
            track.origin(said)
