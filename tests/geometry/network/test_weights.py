"""`--weights` to a checked file: local files, and the real download code against a local server that speaks the hub."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save, save_file

from tests.geometry.hub_server import COMMIT, OLDER_COMMIT, running_hub
from warpdata.errors import WeightsError
from warpdata.geometry.network.hub import Hub
from warpdata.geometry.network.weights import CHECKPOINTS, default_repo, resolve_weights, weights_at_hand

VGGT_TENSORS = {"depth_head.norm.weight": torch.ones(3)}
OMEGA_TENSORS = {"dense_head.norm.weight": torch.ones(3)}
PUBLIC, GATED = "facebook/VGGT-1B", "facebook/VGGT-1B-Commercial"


@pytest.fixture
def server(monkeypatch, tmp_path):
    """The hub, with the published VGGT repositories in it, and a visitor without login."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with running_hub() as hub:
        hub.put(PUBLIC, "model.safetensors", save(VGGT_TENSORS))
        hub.put(GATED, "model.safetensors", save(VGGT_TENSORS, metadata={"kind": "commercial"}))
        hub.gated.add(GATED)
        yield hub


@pytest.fixture
def hub(server, tmp_path) -> Hub:
    return Hub(endpoint=server.endpoint, cache_dir=tmp_path / "hub")


def refusal(spec, hub, network="vggt") -> str:
    with pytest.raises(WeightsError) as caught:
        resolve_weights(spec, network, hub=hub)
    return str(caught.value)


def test_a_repository_is_fetched_once_pinned_and_described(server, hub):
    assert weights_at_hand("vggt", hub=hub) is None
    weights = resolve_weights(PUBLIC, "vggt", hub=hub)
    content = server.files[f"{PUBLIC}/model.safetensors"]
    assert weights.path.read_bytes() == content
    assert weights.sha256 == hashlib.sha256(content).hexdigest()
    assert weights.revision == COMMIT
    assert weights.id == f"{PUBLIC}/model.safetensors"
    assert "non-commercial" in weights.license
    assert weights.network == "vggt"
    # From now on the hub is not asked, and nothing that changes there changes the result.
    server.requests.clear()
    server.put(PUBLIC, "model.safetensors", save(VGGT_TENSORS, metadata={"kind": "newer"}))
    server.revisions["main"] = OLDER_COMMIT
    assert resolve_weights(PUBLIC, "vggt", hub=hub) == weights
    assert resolve_weights(f"{PUBLIC}@{COMMIT}", "vggt", hub=hub) == weights
    assert resolve_weights(None, "vggt", hub=hub) == weights
    assert weights_at_hand("vggt", hub=hub) == f"{PUBLIC}/model.safetensors"
    assert weights_at_hand("vggt-omega", hub=hub) is None
    assert server.requests == []


def test_a_branch_asked_for_by_name_is_looked_up_again(server, hub):
    resolve_weights(PUBLIC, "vggt", hub=hub)
    newer = save(VGGT_TENSORS, metadata={"kind": "newer"})
    server.put(PUBLIC, "model.safetensors", newer)
    server.revisions["main"] = OLDER_COMMIT
    weights = resolve_weights(f"{PUBLIC}@main", "vggt", hub=hub)
    assert weights.revision == OLDER_COMMIT
    assert weights.path.read_bytes() == newer


def test_without_a_spec_the_default_repository_is_fetched(hub):
    assert default_repo("vggt") == PUBLIC
    assert default_repo("vggt-omega") == "facebook/VGGT-Omega"
    assert resolve_weights(None, "vggt", hub=hub).id.startswith(PUBLIC)


def test_a_file_of_a_repository_can_be_named(server, hub):
    server.put("somebody/weights", "sub/small.safetensors", save(OMEGA_TENSORS))
    weights = resolve_weights(f"somebody/weights/sub/small.safetensors@{COMMIT}", "vggt-omega", hub=hub)
    assert weights.id == "somebody/weights/sub/small.safetensors"
    assert weights.revision == COMMIT
    assert "unknown" in weights.license


def test_a_repository_that_holds_only_a_pt_file(server, hub, tmp_path):
    torch.save(VGGT_TENSORS, tmp_path / "model.pt")
    server.put("somebody/weights", "model.pt", (tmp_path / "model.pt").read_bytes())
    assert resolve_weights("somebody/weights", "vggt", hub=hub).id == "somebody/weights/model.pt"


def test_a_gated_repository_opens_to_a_granted_token_and_the_token_stays_with_the_hub(server, hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "granted")
    assert resolve_weights(GATED, "vggt", hub=hub).license == CHECKPOINTS[GATED].license
    assert server.storage_tokens
    assert set(server.storage_tokens) == {None}


def test_no_login_for_a_gated_repository(server, hub):
    message = refusal(GATED, hub)
    assert "gated" in message
    assert "not logged in" in message
    assert "HF_TOKEN" in message


def test_terms_not_accepted(server, hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "stranger")
    message = refusal(GATED, hub)
    assert "accept its terms" in message
    assert f"https://huggingface.co/{GATED}" in message
    assert "not logged in" not in message


def test_an_invalid_token(server, hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "mistyped")
    assert "refuses your token" in refusal(PUBLIC, hub)


def test_a_token_without_the_permission(server, hub):
    server.status = 403
    assert "token may not read it" in refusal(PUBLIC, hub)


def test_no_such_repository(server, hub, monkeypatch):
    assert "there is no repository nobody/nothing, or it is private" in refusal("nobody/nothing", hub)
    monkeypatch.setenv("HF_TOKEN", "stranger")
    assert "your login does not open it" in refusal("nobody/nothing", hub)


def test_no_such_revision(hub):
    assert "no revision 'v9'" in refusal(f"{PUBLIC}@v9", hub)


def test_no_such_file(server, hub):
    assert "no file other.pt" in refusal(f"{PUBLIC}/other.pt", hub)
    server.put("somebody/weights", "README.md", b"-")
    assert "no file model.pt" in refusal("somebody/weights", hub)


def test_the_hub_is_down(server, hub):
    server.status = 503
    assert "answers 503" in refusal(PUBLIC, hub)


def test_no_network(tmp_path, server):
    nowhere = Hub(endpoint="http://127.0.0.1:9", cache_dir=tmp_path / "hub")
    message = refusal(PUBLIC, nowhere)
    assert "cannot be reached" in message
    assert "give its path" in message


def test_offline_and_not_here(hub, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    message = refusal(PUBLIC, hub)
    assert "offline" in message
    assert "HF_HUB_OFFLINE" in message


def test_offline_and_here(hub, server, monkeypatch):
    online = resolve_weights(PUBLIC, "vggt", hub=hub)
    server.requests.clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert resolve_weights(PUBLIC, "vggt", hub=hub) == online
    assert resolve_weights(f"{PUBLIC}@main", "vggt", hub=hub) == online
    assert server.requests == []


def test_bytes_other_than_the_hub_states(server, hub):
    server.stated_digest = "ab" * 32
    message = refusal(PUBLIC, hub)
    assert "ab" * 32 in message
    assert "delete" in message


def test_a_server_that_states_no_digest(server, hub):
    server.stated_digest = "v1"
    assert "cannot be checked" in refusal(PUBLIC, hub)


def test_a_small_file_has_the_digest_of_git(server, hub):
    content = server.files[f"{PUBLIC}/model.safetensors"]
    server.stated_digest = hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
    assert resolve_weights(PUBLIC, "vggt", hub=hub).sha256 == hashlib.sha256(content).hexdigest()
    assert resolve_weights(PUBLIC, "vggt", hub=hub).revision == COMMIT


def test_a_cache_that_cannot_be_written(server, tmp_path):
    (tmp_path / "occupied").write_text("a file where the folder should be")
    message = refusal(PUBLIC, Hub(endpoint=server.endpoint, cache_dir=tmp_path / "occupied"))
    assert "cannot be written here" in message
    assert "HF_HOME" in message


def test_a_cache_without_links(hub):
    """As on Windows: the file lies in the snapshot itself."""
    weights = resolve_weights(PUBLIC, "vggt", hub=hub)
    content = weights.path.read_bytes()
    weights.path.unlink()
    weights.path.write_bytes(content)
    assert resolve_weights(PUBLIC, "vggt", hub=hub) == weights


def test_a_blob_that_is_a_link_into_a_shared_store(hub, tmp_path):
    weights = resolve_weights(PUBLIC, "vggt", hub=hub)
    blob, shared = weights.path.resolve(), tmp_path / ("cd" * 32)
    blob.rename(shared)
    blob.symlink_to(shared)
    assert resolve_weights(PUBLIC, "vggt", hub=hub) == weights


def test_a_file_damaged_after_its_download(hub):
    weights = resolve_weights(PUBLIC, "vggt", hub=hub)
    content = bytearray(weights.path.read_bytes())
    content[-1] ^= 1
    weights.path.resolve().write_bytes(content)
    assert "damaged" in refusal(PUBLIC, hub)


def test_weights_of_the_other_network(server, hub):
    server.put("somebody/omega", "model.safetensors", save(OMEGA_TENSORS))
    message = refusal("somebody/omega", hub)
    assert "checkpoint of vggt-omega" in message
    assert '`geometry="vggt-omega"`' in message
    assert resolve_weights("somebody/omega", None, hub=hub).network == "vggt-omega"


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_a_local_file(tmp_path, suffix):
    path = tmp_path / f"mine{suffix}"
    save_file(VGGT_TENSORS, path) if suffix == ".safetensors" else torch.save({"model": VGGT_TENSORS}, path)
    weights = resolve_weights(str(path), None)
    assert weights.path == path
    assert weights.id == path.name
    assert weights.revision is None
    assert weights.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert weights.network == "vggt"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("model.bin", b"x", "are .safetensors or .pt files"),
        ("page.safetensors", b"<!doctype html><title>Sign in</title>", "not a safetensors file"),
        ("page.pt", b"<!doctype html><title>Sign in</title>", "not a PyTorch file"),
        ("empty.safetensors", b"", "not a safetensors file"),
        ("list.safetensors", b"\x02\0\0\0\0\0\0\0[]", "not a safetensors file"),
        ("lfs.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "git lfs pull"),
        ("other.safetensors", save({"unet.weight": torch.ones(2)}), "neither VGGT nor VGGT-Omega"),
    ],
)
def test_local_files_that_are_no_weights(tmp_path, name, content, says):
    path = tmp_path / name
    path.write_bytes(content)
    assert says in refusal(str(path), None)


def test_a_pt_file_that_would_run_code_is_not_opened(tmp_path):
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"depth_head.norm.weight": Evil()}, tmp_path / "evil.pt")
    assert "not a PyTorch file of tensors alone" in refusal(str(tmp_path / "evil.pt"), None)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("spec", ["weights/model.safetensors", "model.pt", "/no/where/model.pt"])
def test_a_local_file_that_is_missing(spec, hub, server):
    assert "no such file" in refusal(spec, hub)
    assert server.requests == []


def test_a_folder(tmp_path):
    assert "is a folder" in refusal(str(tmp_path), None)


def test_the_environment_is_honoured(server, tmp_path):
    """HF_ENDPOINT, HF_HOME, HF_TOKEN and HF_HUB_OFFLINE, as a user sets them for a program."""
    program = (
        "from warpdata.geometry.network.weights import resolve_weights\n"
        f"print(resolve_weights({GATED!r}, 'vggt').path.read_bytes()[-4:].hex())"
    )
    environment = {**os.environ, "HF_ENDPOINT": server.endpoint, "HF_HOME": str(tmp_path / "home")}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)

    def run(**more):
        child = subprocess.run(
            [sys.executable, "-c", program], env={**environment, **more}, capture_output=True, text=True, timeout=120
        )
        return child.stdout.strip(), child.stderr

    assert "offline mode is on" in run(HF_HUB_OFFLINE="1", HF_TOKEN="granted")[1]
    expected = server.files[f"{GATED}/model.safetensors"][-4:].hex()
    assert run(HF_TOKEN="granted")[0] == expected
    server.requests.clear()
    assert run(HF_HUB_OFFLINE="1")[0] == expected
    assert server.requests == []
