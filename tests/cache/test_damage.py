"""Damaged, truncated and hostile entries are refused with CacheError, quickly and without taking memory."""

import hashlib
import json
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cache.known import make_geometry, make_scene
from warpdata.cache import CacheEntry, GeometryCache
from warpdata.errors import CacheError


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """The bytes of a good entry."""
    folder = tmp_path_factory.mktemp("good")
    scene = make_scene(folder / "scene")
    return GeometryCache(folder / "cache").put(scene, make_geometry(scene)).path.read_bytes()


def read_all(path):
    """Read everything an entry offers; memory stays within a megabyte."""
    tracemalloc.start()
    try:
        entry = CacheEntry(path)
        entry.verify()
        return entry.names, entry.key
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2**20


def metadata(content: bytes) -> dict[str, str]:
    """The free text of a safetensors file."""
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length])["__metadata__"]


def rebuild(content: bytes, change, *, redo_digest: bool = True) -> bytes:
    """The entry with a changed header: what someone who knows the format could write."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    record = json.loads(header["__metadata__"]["warpdata"])
    replaced = change(record, header)
    text = json.dumps(record if replaced is None else replaced)
    if header.get("__metadata__"):
        header["__metadata__"]["warpdata"] = text
        if redo_digest:
            header["__metadata__"]["warpdata_sha256"] = hashlib.sha256(text.encode()).hexdigest()
    encoded = json.dumps(header).encode()
    return len(encoded).to_bytes(8, "little") + encoded + content[8 + length :]


def test_an_unchanged_header_is_accepted(content, tmp_path):
    """The cases below fail for what they change, not for how they are built."""
    path = tmp_path / "entry.safetensors"
    path.write_bytes(rebuild(content, lambda record, header: None))
    assert read_all(path)[0] == ("v0", "v1")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_flipped_bit_is_noticed_or_harmless(content, tmp_path, data):
    expected = ("v0", "v1"), json.loads(metadata(content)["warpdata"])["key"]
    position = data.draw(st.integers(0, len(content) - 1))
    damaged = bytearray(content)
    damaged[position] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path / "entry.safetensors"
    path.write_bytes(damaged)
    with suppress(CacheError):
        assert read_all(path) == expected  # a bit of the padding, or of a tensor's dtype, which nothing depends on


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_truncated_entry_is_refused(content, tmp_path, data):
    path = tmp_path / "entry.safetensors"
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(CacheError, match="prune"):
        read_all(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_bytes_are_refused(tmp_path, blob):
    path = tmp_path / "entry.safetensors"
    path.write_bytes(blob)
    with pytest.raises(CacheError):
        read_all(path)


@pytest.mark.parametrize("length", [0, 7, 2**20, 2**40, 2**63, 2**64 - 1])
def test_a_header_longer_than_the_file_is_refused(content, tmp_path, length):
    path = tmp_path / "entry.safetensors"
    path.write_bytes(length.to_bytes(8, "little") + content[8:])
    with pytest.raises(CacheError):
        read_all(path)


def in_frame(**changes):
    return lambda record, header: record["frames"][0].update(changes)


def in_depth(**changes):
    return lambda record, header: record["frames"][0]["depth"].update(changes)


def in_record(**changes):
    return lambda record, header: record.update(changes)


def in_tensor(**changes):
    return lambda record, header: header["000000.depth"].update(changes)


@pytest.mark.parametrize(
    "change",
    [
        in_frame(hw=[10**9, 10**9]),
        in_frame(hw=[20_000, 19_000]),
        in_frame(hw=[0, 5]),
        in_frame(hw=[-13, -22]),
        in_frame(hw=[13.0, 22.0]),
        in_frame(hw=[13]),
        in_frame(hw=None),
        in_frame(hw=[22, 13, 1]),
        in_frame(image_hw=[2**70, 2**70]),
        in_frame(K=[[1.0]]),
        in_frame(K="K"),
        in_frame(K=[[10**400] * 3] * 3),
        in_frame(K={}),
        in_frame(cam_from_world=[[[]]]),
        in_frame(content_box={"left": 0.0}),
        in_frame(content_box={"left": "0", "top": 0.0, "right": 1.0, "bottom": 1.0}),
        in_frame(name=5),
        in_frame(name="v1"),
        in_frame(depth=[]),
        in_depth(planes=4),
        in_depth(planes=2**62),
        in_depth(encoding="constant", value=1e300),
        in_depth(encoding="exec"),
        in_depth(sha256="00"),
        in_depth(sha256=None),
        in_record(frames={}),
        in_record(frames=[[]]),
        in_record(inputs={"../../etc/passwd": "00"}),
        in_record(inputs={"/etc/passwd": "00"}),
        in_record(inputs={"a.png": 5}),
        in_record(provenance={"estimator": "vggt", "unknown": 1}),
        in_record(provenance=[]),
        in_record(scale="furlong"),
        in_record(left_out=[]),
        in_record(key=None),
        in_record(format="1"),
        in_record(format=2),
        in_record(format=0),
        in_record(report={"figure": float("nan")}),
        lambda record, header: [record],
        lambda record, header: record.clear(),
        lambda record, header: header.update(__metadata__={}),
        lambda record, header: header.update(__metadata__=[]),
        lambda record, header: header["__metadata__"].update(number=5),
        lambda record, header: header.pop("000000.depth") and None,
        in_tensor(data_offsets=[0, 10**15], shape=[10**15]),
        in_tensor(data_offsets=[-8, 0], shape=[8]),
        in_tensor(data_offsets=[5, 0], shape=[-5]),
        in_tensor(data_offsets=[0, 10], shape=[2**62]),
        in_tensor(data_offsets=[0, 10], shape=[10]),
        in_tensor(data_offsets=["0", "10"]),
        in_tensor(data_offsets=None),
        lambda record, header: header.update({"000000.depth": 7}),
    ],
)
def test_a_hostile_header_is_refused(content, tmp_path, change):
    path = tmp_path / "entry.safetensors"
    path.write_bytes(rebuild(content, change))
    with pytest.raises(CacheError):
        read_all(path)


def test_a_header_edited_by_hand_is_noticed(content, tmp_path):
    path = tmp_path / "entry.safetensors"
    path.write_bytes(rebuild(content, in_record(scale="arbitrary"), redo_digest=False))
    with pytest.raises(CacheError, match="digest"):
        read_all(path)


def test_deep_json_is_refused(tmp_path):
    path = tmp_path / "entry.safetensors"
    text = b"[" * 100_000
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    with pytest.raises(CacheError):
        CacheEntry(path).names  # noqa: B018


def test_an_entry_that_is_gone_or_a_folder_says_so(tmp_path):
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "nothing.safetensors", tmp_path / "folder"):
        with pytest.raises(CacheError, match="cannot be read"):
            len(CacheEntry(path))


def test_one_damaged_frame_costs_that_frame(content, tmp_path):
    path = tmp_path / "entry.safetensors"
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    entry = CacheEntry(path)
    assert entry.frame(0).name == "v0"
    with pytest.raises(CacheError, match="frame v1"):
        entry.frame(1)
