"""The networks and their functions against vectors of the published implementation."""

import hashlib
import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from warpdata_vggt import (
    RopeTable,
    VGGTConfig,
    VGGTOmegaConfig,
    decode_pose,
    encode_pose,
    invert_pose,
    load_network,
    omega_rope_table,
    position_map,
    preprocess,
    preprocess_omega,
    resample_position_embedding,
    rope_table,
    rotate,
    unproject_depth,
)

TINY = {
    "tiny_dino": ("b1s3_56x70", "b1s1_84x56", "b1s2_70x70", "b2s2_42x56", "b1s10_28x42"),
    "tiny_conv": ("b1s3_56x70", "b1s1_70x42"),
    "tiny_eps": ("b1s2_28x42",),
    "tiny_omega": ("b1s3_48x80", "b1s1_64x32", "b2s2_32x48"),
}


@pytest.fixture(scope="session")
def golden(shared):
    return shared / "vggt" / "golden"


@pytest.fixture(scope="session")
def manifest(golden):
    """Entries of the manifest by file name."""
    entries = json.loads((golden / "manifest.json").read_text())["entries"]
    return {entry["file"]: entry for entry in entries}


def assert_close(got, want, tolerance, name=""):
    """The measure of the vectors: the largest difference, relative to the largest value if that is above 1."""
    got, want = got.detach().double().cpu(), want.double()
    assert got.numel() == want.numel(), name
    error = (got.reshape(want.shape) - want).abs().max() / max(1.0, want.abs().max())
    assert error <= tolerance, f"{name}: {error:.3g}"


def results(output, probe):
    """Everything the vectors may name."""
    return {**probe, "pose_enc": output.pose_enc, "depth": output.depth, "depth_conf": output.depth_conf} | (
        {}
        if output.camera_and_register_tokens is None
        else {"camera_and_register_tokens": output.camera_and_register_tokens}
    )


@pytest.mark.parametrize(("name", "case"), [(name, case) for name, cases in TINY.items() for case in cases])
def test_a_tiny_network_gives_every_published_tensor(golden, manifest, device, name, case):
    file = f"{name}.{case}.safetensors"
    data = json.loads((golden / f"{name}.config.json").read_text())
    config = (VGGTOmegaConfig if data.get("family") == "omega" else VGGTConfig).from_dict(data)
    network = load_network(golden / f"{name}.weights.safetensors", config, device=device, dtype=torch.float32)
    vectors = load_file(golden / file)
    images = vectors.pop("images").to(device)
    probe = {}
    output = network(images, probe)
    got = results(output, probe)
    tolerance = manifest[file]["tol"] * (5 if device.type == "cuda" else 1)
    assert len(vectors) > 5
    for key, want in vectors.items():
        assert_close(got[key.removeprefix("out.")], want, tolerance, key)
    # Without a probe fewer tensors exist, and the results are the same to the bit.
    plain = network(images)
    for key in ("pose_enc", "depth", "depth_conf"):
        assert torch.equal(getattr(plain, key), getattr(output, key))


def test_rope(golden, manifest):
    vectors = load_file(golden / "rope2d.safetensors")
    entry = manifest["rope2d.safetensors"]
    for case in entry["cases"]:
        x, pos, want = (vectors[f"case{case['case']}.{key}"] for key in ("x", "pos", "y"))
        table = rope_table(pos, case["head_dim"], case["base"])
        assert_close(rotate(x, RopeTable(table.cos[:, None], table.sin[:, None])), want, entry["tol"])
    positions = torch.arange(48)[:, None].expand(-1, 2)
    table = rope_table(positions, 64)
    for got, key in ((table.cos, "table.cos"), (table.sin, "table.sin")):
        for axis in (0, 1):
            assert_close(torch.cat((got[:, axis], got[:, axis]), dim=-1), vectors[key], entry["tol"], key)


def test_omega_rope(golden, manifest):
    vectors = load_file(golden / "omega_rope.safetensors")
    entry = manifest["omega_rope.safetensors"]
    for case in entry["cases"]:
        key = f"case{case['case']}"
        table = omega_rope_table((case["grid_h"], case["grid_w"]), vectors[f"{key}.periods"])
        for got, name in ((table.cos, "cos"), (table.sin, "sin")):
            rows = got[:: case["row_stride"], 0]
            assert_close(torch.cat((rows, rows), dim=-1), vectors[f"{key}.{name}"], entry["tol"], name)


def test_position_embedding(golden, manifest):
    vectors = load_file(golden / "posembed_interp.safetensors")
    entry = manifest["posembed_interp.safetensors"]
    for gh, gw in entry["sizes"]:
        got = resample_position_embedding(vectors["pos_embed"], (gh, gw))
        assert_close(got, vectors[f"out_{gh}x{gw}"], entry["tol"], f"{gh}x{gw}")


def test_position_map(golden, manifest):
    vectors = load_file(golden / "dpt_posembed.safetensors")
    entry = manifest["dpt_posembed.safetensors"]
    for case in entry["cases"]:
        got = position_map(case["channels"], (case["map_h"], case["map_w"]), (case["image_h"], case["image_w"]))
        assert_close(got, vectors[f"case{case['case']}"], entry["tol"], str(case))


def test_pose_codec(golden, manifest):
    vectors = load_file(golden / "pose_codec.safetensors")
    entry = manifest["pose_codec.safetensors"]
    tolerance, hw = entry["tol"], tuple(entry["encode_image_hw"])
    encoding = encode_pose(vectors["encode.extrinsics"], vectors["encode.intrinsics"], hw)
    assert_close(encoding, vectors["encode.pose_enc"], tolerance)
    cam_from_world, K = decode_pose(encoding, hw)
    assert_close(cam_from_world, vectors["encode.roundtrip_extrinsics"], tolerance)
    assert_close(K, vectors["encode.roundtrip_intrinsics"], tolerance)
    for hw in ((294, 518), (518, 518)):
        cam_from_world, K = decode_pose(vectors["decode.pose_enc"], hw)
        assert_close(cam_from_world, vectors[f"decode_{hw[0]}x{hw[1]}.extrinsics"], tolerance)
        assert_close(K, vectors[f"decode_{hw[0]}x{hw[1]}.intrinsics"], tolerance)
    assert_close(invert_pose(vectors["inverse.extrinsics"]), vectors["inverse.cam_to_world"], tolerance)


def test_unprojection(golden, manifest):
    vectors = load_file(golden / "unproject.safetensors")
    got = unproject_depth(vectors["depth"][..., 0], vectors["extrinsics"], vectors["intrinsics"])
    assert_close(got, vectors["world_points"], manifest["unproject.safetensors"]["tol"])


def check_pictures(golden, cases, run):
    for case in cases:
        pictures = [Image.open(golden / path) for path in case["inputs"]]
        images, boxes = run(pictures, case)
        assert list(images.shape) == case["shape"], case
        pixels = (images * 255).round().byte().numpy()
        assert torch.equal(images, torch.from_numpy(pixels).float() / 255)
        for image, box, facts in zip(pixels, boxes, case["per_image"], strict=True):
            for y, x, *rgb in facts["probes_y_x_r_g_b"]:
                assert np.abs(image[:, y, x].astype(int) - rgb).max() <= 1, case
            if "rows_all_white_top" in facts:
                x0, y0, x1, y1 = box.box
                padding = (y0, image.shape[1] - y1, x0, image.shape[2] - x1)
                # Transparent and white pictures are white further in.
                white = [facts[side] for side in WHITE_SIDES]
                assert all(p <= w for p, w in zip(padding, white, strict=True)), case
        # Another version of Pillow may round a pixel otherwise; the probes above allow for that, bytes do not.
        if Image.__version__.startswith("13."):
            assert hashlib.sha256(pixels.tobytes()).hexdigest() == case["sha256_uint8_nchw"], case
        for path, image in zip(case.get("expected_png", ()), pixels, strict=False):
            want = np.asarray(Image.open(golden / path)).astype(int)
            assert np.abs(image.transpose(1, 2, 0) - want).max() <= 1


WHITE_SIDES = ("rows_all_white_top", "rows_all_white_bottom", "cols_all_white_left", "cols_all_white_right")


def test_preprocessing(golden):
    cases = json.loads((golden / "preprocess" / "preprocess.json").read_text())["cases"]
    check_pictures(golden, cases, lambda pictures, case: preprocess(pictures, case["mode"]))


def test_omega_preprocessing(golden):
    cases = json.loads((golden / "preprocess_omega" / "preprocess.json").read_text())["cases"]
    check_pictures(
        golden,
        cases,
        lambda pictures, case: preprocess_omega(pictures, case["mode"], resolution=case["image_resolution"]),
    )
