"""From `--weights` to a checkpoint file on this machine whose digest and licence are known.

A checkpoint is a local file, or a file of a Hugging Face repository (`hub.py` says how those are pinned and checked).
No digest of a public checkpoint is written down here: those of gated files cannot be known without access to them. The
expected digest is what the hub states for the file at its commit, and commit and digest are part of the provenance, so
that `--weights owner/name/file@commit` gives the same bytes again.
"""

from __future__ import annotations

import json
import pickle
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from warpdata.errors import WeightsError
from warpdata.files.digests import remembered_sha256
from warpdata.geometry.network.hub import FileNotInRepo, Hub, HubFile

NetworkName = Literal["vggt", "vggt-omega"]

SUFFIXES = (".safetensors", ".pt")
UNKNOWN_LICENSE = "unknown: see where the file comes from"
MAX_HEADER_BYTES = 100 * 2**20
"""The limit that the safetensors format itself sets for its header."""

_MARKS: dict[str, NetworkName] = {"depth_head.": "vggt", "dense_head.": "vggt-omega"}
"""What a checkpoint's depth head is called tells which network it is for."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A public repository of weights: its files, the first of which is the one meant when none is named."""

    network: NetworkName
    files: tuple[str, ...]
    license: str


CHECKPOINTS: dict[str, Checkpoint] = {
    "facebook/VGGT-1B": Checkpoint(
        network="vggt", files=("model.safetensors", "model.pt"), license="CC BY-NC 4.0 (non-commercial)"
    ),
    "facebook/VGGT-1B-Commercial": Checkpoint(
        network="vggt",
        files=("model.safetensors", "model.pt"),
        license="VGGT License (commercial use under its acceptable use policy)",
    ),
    "facebook/VGGT-Omega": Checkpoint(
        network="vggt-omega",
        files=("vggt_omega_1b_512.pt", "vggt_omega_1b_416_reproduce.pt", "vggt_omega_1b_256_text.pt"),
        license="FAIR Noncommercial Research License",
    ),
}
"""In order of preference where several are at hand. The first of a network is fetched when none is."""

UNNAMED_FILES = ("model.safetensors", "model.pt")
"""Looked for, in this order, in a repository that is not in the table."""

_HUB_SPEC = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)(?:/(?P<file>[\w.-][\w./-]*))?(?:@(?P<revision>[\w./-]+))?")


@dataclass(frozen=True, kw_only=True)
class ResolvedWeights:
    """A checkpoint file, checked as far as its name table.

    Attributes:
        path: the file.
        id: its name, or `repository/file`: never a path of this machine.
        revision: commit of the repository, None for a local file.
        sha256: digest of its bytes.
        license: of the weights.
        network: what they are for.
    """

    path: Path
    id: str
    revision: str | None
    sha256: str
    license: str
    network: NetworkName


def resolve_weights(spec: str | None, network: NetworkName | None, *, hub: Hub | None = None) -> ResolvedWeights:
    """The checkpoint that `--weights` names, fetched if need be.

    Args:
        spec: a .safetensors or .pt file, or `owner/name[/file][@revision]`; None is the checkpoint that is on this
            machine, else the first of `CHECKPOINTS` for the network.
        network: what they must be for; None takes either.

    Raises:
        WeightsError: they cannot be had or are not what was asked for; the message says what to do.
    """
    hub = hub or Hub()
    if spec is None:
        spec = weights_at_hand(network, hub=hub) or default_repo(network or "vggt")
    path = Path(spec).expanduser()
    match = _HUB_SPEC.fullmatch(spec)
    if path.exists():
        weights = _local(path)
    elif match is None or (match["file"] is None and match["repo"].endswith(SUFFIXES)):
        raise WeightsError(
            f"`weights` {spec}: there is no such file; give the path of a .safetensors or .pt file, or a Hugging Face "
            "repository as owner/name"
        )
    else:
        weights = _from_hub(match["repo"], match["file"], match["revision"], hub)
    if network is not None and weights.network != network:
        raise WeightsError(
            f'`weights` {weights.id} is a checkpoint of {weights.network}, and `geometry="{network}"` was asked for; '
            f'use `geometry="{weights.network}"` or other weights'
        )
    return weights


def weights_at_hand(network: NetworkName | None = None, *, hub: Hub | None = None) -> str | None:
    """What to give `resolve_weights` for a known checkpoint that is on this machine already; asks no one."""
    hub = hub or Hub()
    for repo, known in CHECKPOINTS.items():
        for name in known.files:
            if network in (None, known.network) and hub.cached(HubFile(repo=repo, name=name)):
                return f"{repo}/{name}"
    return None


def default_repo(network: NetworkName) -> str:
    """The repository used where nothing else is said."""
    return next(repo for repo, known in CHECKPOINTS.items() if known.network == network)


def _local(path: Path) -> ResolvedWeights:
    if not path.is_file():
        raise WeightsError(f"`weights` {path} is a folder; give the .safetensors or .pt file in it")
    network = checkpoint_network(path)
    return ResolvedWeights(
        path=path, id=path.name, revision=None, sha256=remembered_sha256(path), license=UNKNOWN_LICENSE, network=network
    )


def _from_hub(repo: str, name: str | None, revision: str | None, hub: Hub) -> ResolvedWeights:
    known = CHECKPOINTS.get(repo)
    names = (name,) if name else known.files[:1] if known else UNNAMED_FILES
    for candidate in names[:-1]:
        try:
            return _fetched(HubFile(repo=repo, name=candidate, revision=revision), hub)
        except FileNotInRepo:
            continue
    return _fetched(HubFile(repo=repo, name=names[-1], revision=revision), hub)


def _fetched(file: HubFile, hub: Hub) -> ResolvedWeights:
    fetched = hub.fetch(file)
    known = CHECKPOINTS.get(file.repo)
    return ResolvedWeights(
        path=fetched.path,
        id=f"{file.repo}/{file.name}",
        revision=fetched.commit,
        sha256=fetched.sha256,
        license=known.license if known else UNKNOWN_LICENSE,
        network=checkpoint_network(fetched.path),
    )


def checkpoint_network(path: Path) -> NetworkName:
    """Which network a checkpoint is for, from the names of its tensors; reads none of them.

    Raises:
        WeightsError: the file is no checkpoint, or of neither network.
    """
    if path.suffix not in SUFFIXES:
        raise WeightsError(f"{path} is not a checkpoint by its name; weights are .safetensors or .pt files")
    names = _safetensors_names(path) if path.suffix == ".safetensors" else _torch_names(path)
    found = {network for mark, network in _MARKS.items() if any(name.startswith(mark) for name in names)}
    if len(found) != 1:
        raise WeightsError(
            f"{path} is a checkpoint of neither VGGT nor VGGT-Omega: no tensor's name begins with depth_head. or "
            f"dense_head.; its {len(names)} names begin with {', '.join(sorted(names)[:3]) or 'nothing'}"
        )
    return found.pop()


def _safetensors_names(path: Path) -> set[str]:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(MAX_HEADER_BYTES, path.stat().st_size - 8):
            raise _not_weights(path, "safetensors")
        header = file.read(length)
    try:
        content = json.loads(header)
    except ValueError as error:
        raise _not_weights(path, "safetensors") from error
    if not isinstance(content, dict):
        raise _not_weights(path, "safetensors")
    return set(content) - {"__metadata__"}


def _torch_names(path: Path) -> set[str]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise _not_weights(path, "PyTorch") from error
    for wrapper in ("model", "state_dict"):
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    return {str(name) for name in content} if isinstance(content, dict) else set()


def _not_weights(path: Path, kind: str) -> WeightsError:
    with path.open("rb") as file:
        beginning = file.read(24)
    if beginning.startswith(b"version https://git-lfs"):
        return WeightsError(
            f"{path} is a Git LFS pointer, not the weights themselves; fetch them with `git lfs pull` in its folder"
        )
    return WeightsError(
        f"{path} is not a {kind} file of tensors alone (it begins with {beginning!r}), and is not opened in any other "
        "way; download the weights again"
    )
