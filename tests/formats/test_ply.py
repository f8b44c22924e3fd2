"""Point clouds come back; other people's files are read, and lies about their length refused."""

import numpy as np
import pytest
import torch
from plyfile import PlyData, PlyElement

from warpdata.formats.ply import PointCloud, encode_ply, read_ply


def cloud(count: int) -> PointCloud:
    generator = torch.Generator().manual_seed(0)
    return PointCloud(
        xyz=torch.randn(count, 3, generator=generator),
        rgb=torch.randint(0, 256, (count, 3), generator=generator, dtype=torch.uint8),
        confidence=torch.rand(count, generator=generator) + 1,
    )


@pytest.mark.parametrize("count", [0, 1, 1000])
def test_a_cloud_comes_back(count, tmp_path):
    points = cloud(count)
    (tmp_path / "a.ply").write_bytes(encode_ply(points))
    back = read_ply(tmp_path / "a.ply")
    for name, value in vars(points).items():
        assert torch.equal(getattr(back, name), value)


@pytest.mark.parametrize("order", ["<", ">"])
def test_vertices_without_colours_and_a_mesh_behind_them(order, tmp_path):
    vertices = np.array([(1, 2, 3), (4, 5, 6)], [("x", "f8"), ("y", "f8"), ("z", "f8")])
    faces = np.empty(1, [("vertex_indices", "i4", (3,))])
    faces["vertex_indices"] = [0, 1, 0]
    elements = [PlyElement.describe(vertices, "vertex"), PlyElement.describe(faces, "face")]
    PlyData(elements, byte_order=order).write(str(tmp_path / "a.ply"))
    back = read_ply(tmp_path / "a.ply")
    assert back.xyz.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert back.rgb.tolist() == [[255] * 3] * 2
    assert back.confidence.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("solid cube", "not a PLY file"),
        ("ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nend_header\n", "ascii"),
        ("ply\nformat binary_little_endian 1.0\nelement vertex 4000000000\nproperty float x\nend_header\n", "promised"),
        ("ply\nformat binary_little_endian 1.0\nelement vertex -1\nproperty float x\nend_header\n", "no vertices"),
        ("ply\nformat binary_little_endian 1.0\nelement vertex 0\nproperty float x\nend_header\n", "expected x, y"),
        ("ply\nformat binary_little_endian 1.0\nelement face 1\nproperty float x\nend_header\n", "expected vertex"),
        ("ply\nformat binary_little_endian 1.0\nelement vertex 1\nproperty object x\nend_header\n", "unknown type"),
        ("ply\nformat binary_little_endian 1.0\nelement vertex 1\nproperty list uchar int x\nend_header\n", "lists"),
        ("ply\n" + "comment of any length\n" * 4000, "does not end"),
        ("ply\nformat binary_little_endian 1.0\n", "does not end"),
    ],
)
def test_what_is_no_cloud_is_refused(header, reason, tmp_path):
    (tmp_path / "a.ply").write_bytes(header.encode())
    with pytest.raises(ValueError, match=reason):
        read_ply(tmp_path / "a.ply")
