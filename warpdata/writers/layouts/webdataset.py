"""WebDataset shards: plain USTAR files whose bytes depend on the samples and options alone, with an index for wids."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from collections.abc import Sequence
from functools import partial
from io import RawIOBase
from pathlib import Path
from typing import Any

from warpdata.errors import OutputError
from warpdata.files.atomic import write_atomic
from warpdata.files.bounded_json import dump_json
from warpdata.formats.manifest import IMAGE_ROLES, Record
from warpdata.plugins import deferred
from warpdata.writers.layouts.card import dataset_card
from warpdata.writers.layouts.layout import LayoutOptions, LayoutRow, Place, Samples, Shard, Written
from warpdata.writers.layouts.tree import write_text
from warpdata.writers.output.shards import in_shard, pack, plan_shards, shard_key

SPLIT = "train"
BLOCK = tarfile.BLOCKSIZE
END_OF_TAR = bytes(2 * BLOCK)

MAX_BASE_NAME = 100
"""Longest base name that a USTAR header holds."""

MAX_SUFFIX = len(".confidence.jpeg")

PICTURE_KINDS = ("jpg", "jpeg", "png")
ALIAS = re.compile(r"[a-z0-9]{1,10}(\.[a-z0-9]{1,10})?")


def plan_webdataset(samples: Samples, options: LayoutOptions) -> list[Shard]:
    """The shards, in order: a function of the samples and options alone."""
    content = _Content(samples, options.shared.shard_alias)
    plans = plan_shards(
        samples.records,
        options.shared.shard_samples,
        options.shared.shard_bytes - len(END_OF_TAR),
        content.sample_bytes,
    )
    return [
        Shard(
            path=f"{SPLIT}-{number:06d}.tar",
            records=records,
            key=shard_key(records, content.extensions),
            write=partial(content.write, records),
        )
        for number, records in enumerate(plans)
    ]


def write_webdataset(samples: Samples, options: LayoutOptions, place: Place) -> Written:
    """Write `train-%06d.tar`, `index.json` and the card; see `LayoutRow`."""
    content = _Content(samples, options.shared.shard_alias)
    shards = plan_webdataset(samples, options)
    files: dict[str, Any] = pack(shards, place, options.shared.shard_url)
    index = {
        "__kind__": "wids-shard-index-v1",
        "wids_version": 1,
        "name": SPLIT,
        "shardlist": [
            {"url": path, "md5sum": about["md5"], "nsamples": about["samples"], "filesize": about["bytes"]}
            for path, about in files.items()
        ],
    }
    texts = {
        "README.md": dataset_card(samples.records, data_files=f"{SPLIT}-*.tar"),
        "index.json": dump_json(index, indent=1) + "\n",
    }
    place.begin(texts)
    for path, text in texts.items():
        files[path] = write_text(place.root / path, text)
    where = options.shared.shard_url or place.root
    last = f"{len(shards) - 1:06d}"
    return Written(
        records=[
            in_shard(record, shard.path, samples.common_roles, content.names(record))
            for shard in shards
            for record in shard.records
        ],
        files=files,
        commands=(
            f'webdataset: WebDataset("{where}/{SPLIT}-{{000000..{last}}}.tar")\n'
            f'datasets: load_dataset("webdataset", data_files={{"train": "{where}/{SPLIT}-*.tar"}})\n'
            f"energon: energon prepare {where} --non-interactive --split-parts "
            f"'{SPLIT}:{SPLIT}-{{000000..{last}}}.tar' --sample-type CrudeWebdataset"
        ),
    )


class _Content:
    """What the members of a sample are: the same extensions for every sample, as readers take them from the first."""

    def __init__(self, samples: Samples, aliases: Sequence[str]):
        self._samples = samples
        extensions = sorted({record.extension for record in samples.records})
        if len(extensions) > 1:
            raise OutputError(
                f"{samples.root} holds {' and '.join(extensions)} pictures, and all samples of shards have the same "
                "members; make the triplets again with one `output_format`"
            )
        self._roles = {
            f"{role}{extensions[0] if role in IMAGE_ROLES else '.png'}": role for role in samples.common_roles
        }
        for alias in aliases:
            extension, _, role = alias.partition("=")
            self._roles[extension] = role
        self._has_prompts = any(record.prompt is not None for record in samples.records)
        self._no_geometry = _common_columns([record.geometry for record in samples.records])
        self._no_warp = _common_columns([record.warp for record in samples.records])

    @property
    def extensions(self) -> list[str]:
        """Of all members of a sample, sorted."""
        return sorted([*self._roles, "json", *(["txt"] if self._has_prompts else [])])

    def names(self, record: Record) -> dict[str, str]:
        """Role -> name of its member."""
        return {role: f"{member_key(record)}.{extension}" for extension, role in reversed(self._roles.items())}

    def sample_bytes(self, record: Record) -> int:
        """How much of a shard a sample takes, headers and padding included."""
        return sum(BLOCK + -(-self._length(record, extension) // BLOCK) * BLOCK for extension in self.extensions)

    def write(self, records: Sequence[Record], file: RawIOBase) -> None:
        """Write a shard: members in the order of the samples and, in each, of their names."""
        tar = tarfile.TarFile(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT)
        for record in records:
            for extension in self.extensions:
                data = self._data(record, extension)
                member = tarfile.TarInfo(f"{member_key(record)}.{extension}")  # no owner, no time, mode 0644
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        file.write(END_OF_TAR)  # closing `tar` would fill the file up to a whole record of tapes

    def _length(self, record: Record, extension: str) -> int:
        if extension in self._roles:
            return record.bytes[self._roles[extension]]
        return len(self._data(record, extension))

    def _data(self, record: Record, extension: str) -> bytes:
        if extension in self._roles:
            return self._samples.path(record, self._roles[extension]).read_bytes()
        if extension == "txt":
            return (record.prompt or "").encode()
        line = record.as_json()
        del line["sha256"], line["bytes"]
        line["files"] = self.names(record)
        line["prompt"] = record.prompt or ""
        line["geometry"] = self._no_geometry | _stated(record.geometry)
        line["warp"] = self._no_warp | _stated(record.warp)
        return dump_json(line).encode()


def _stated(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _common_columns(samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Every key of any sample with what stands for "not stated": readers that make columns of the keys need the same
    ones in every sample, and take a column's type from the first few, so a text is empty rather than null."""
    columns: dict[str, Any] = {}
    for values in samples:
        for key, value in values.items():
            columns[key] = "" if isinstance(value, str) else columns.get(key)
    return columns


def member_key(record: Record) -> str:
    """What a sample's members are called up to their extension: its id, shortened where USTAR cannot hold it."""
    if len(record.name) + MAX_SUFFIX <= MAX_BASE_NAME:
        return record.id
    digest = hashlib.sha256(record.id.encode()).hexdigest()[:12]
    return f"{record.scene}/{record.name[: MAX_BASE_NAME - MAX_SUFFIX - 13]}_{digest}"


def extract_member(shard: Path, member: str, path: Path) -> bool:
    """Write one member of a shard to a file of its own; False when the shard or the member cannot be read."""
    try:
        with tarfile.open(shard, "r:") as tar:
            data = tar.extractfile(member).read()
    except (OSError, tarfile.TarError, KeyError):
        return False
    write_atomic(path, data)
    return True


def alias_refusal(options: LayoutOptions, roles: Sequence[str]) -> str | None:
    """Why an alias cannot be a member of a sample of these roles, or None."""
    taken = {f"{role}.{kind}" for role in roles for kind in PICTURE_KINDS} | {"json", "txt"}
    for alias in options.shared.shard_alias:
        extension, _, role = alias.partition("=")
        if role not in roles or extension in taken or not ALIAS.fullmatch(extension):
            return (
                f"`shard_alias` {alias}: give a new extension of small letters and digits, =, and one of "
                f"{', '.join(roles)}"
            )
        taken.add(extension)
    return None


ROW = LayoutRow(
    name="webdataset",
    about="WebDataset: USTAR shards with an index for wids",
    write=write_webdataset,
    needs_reference=False,
    shows_masks=True,
    uses_shard_options=True,
    plan=plan_webdataset,
    takes_url=True,
    extract=extract_member,
    mark="*.tar",
    check=deferred("warpdata.checks.shards:check_webdataset"),
    refusal=alias_refusal,
)
