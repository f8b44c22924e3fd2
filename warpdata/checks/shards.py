"""Checks of shards: WebDataset's, read through; LitData's chunks, held against their index."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

from warpdata.checks.finding import Finding
from warpdata.checks.pictures import check_picture
from warpdata.checks.samples import check_names
from warpdata.files.bounded_json import read_json
from warpdata.formats.manifest import IMAGE_ROLES, MASK_ROLES

PICTURES = ("jpg", "jpeg", "png", "webp")


def check_webdataset(root: Path, multiple: int) -> Iterator[Finding]:
    """Every shard below a folder, and the index that lists them."""
    shards = sorted(root.glob("*.tar"))
    if not shards:
        yield Finding(str(root), "WD101", "no shard was found")
        return
    yield from _check_index(root, shards)
    expected: set[str] | None = None
    names: list[str] = []
    for shard in shards:
        samples: dict[str, set[str]] = {}
        yield from _check_shard(shard, samples, multiple)
        names += samples
        for key, extensions in samples.items():
            expected = expected or extensions
            if extensions != expected:
                difference = ", ".join(sorted(extensions ^ expected))
                yield Finding(f"{shard}/{key}", "WD605", f"differs from the first sample in {difference}")
    yield from check_names(root, names)


def _check_shard(shard: Path, samples: dict[str, set[str]], multiple: int) -> Iterator[Finding]:
    last = None
    sizes: dict[str, dict[str, tuple[int, int]]] = {}
    try:
        with tarfile.open(shard, "r:") as tar:
            for member in tar:
                if not member.isfile():
                    continue
                where = f"{shard}/{member.name}"
                if member.pax_headers or member.mtime != 0:
                    yield Finding(where, "WD606", "has PAX headers or a time; write plain USTAR with time 0")
                folder, _, base = member.name.rpartition("/")
                stem, _, extension = base.partition(".")
                key = f"{folder}/{stem}" if folder else stem
                if key in samples and key != last:
                    yield Finding(where, "WD604", f"other samples stand between the members of {key}")
                last = key
                samples.setdefault(key, set()).add(extension)
                role, _, kind = extension.rpartition(".")
                if kind in PICTURES:
                    content = tar.extractfile(member)
                    picture = check_picture(where, content, multiple=multiple, rgb=role not in MASK_ROLES)
                    yield from picture.findings
                    if picture.size is not None and role in IMAGE_ROLES:
                        sizes.setdefault(key, {})[role] = picture.size
                elif kind == "txt" and not tar.extractfile(member).read(1):
                    yield Finding(where, "WD502", "empty")
    except (OSError, tarfile.TarError) as error:
        yield Finding(str(shard), "WD603", f"cannot be read to its end: {error}")
    if not _ends_well(shard):
        yield Finding(str(shard), "WD603", "the end of the archive is missing")
    for key, found in sizes.items():
        if len(set(found.values())) > 1:
            yield Finding(f"{shard}/{key}", "WD301", f"sizes differ: {found}")


def _ends_well(shard: Path) -> bool:
    """Whether the two empty blocks are there that end a tar file: readers do not miss them, but samples may follow."""
    with shard.open("rb") as file:
        length = file.seek(0, 2)
        if length < 2 * tarfile.BLOCKSIZE or length % tarfile.BLOCKSIZE:
            return False
        file.seek(-2 * tarfile.BLOCKSIZE, 2)
        return not any(file.read())


def _check_index(root: Path, shards: list[Path]) -> Iterator[Finding]:
    path = root / "index.json"
    try:
        listed = {entry["url"]: entry.get("filesize") for entry in read_json(path)["shardlist"]}
    except FileNotFoundError:
        yield Finding(str(root), "WD601", "there is no index.json; the last run may be unfinished")
        return
    except (ValueError, KeyError, TypeError) as error:
        yield Finding(str(path), "WD701", f"cannot be read: {error}")
        return
    for shard in shards:
        if shard.name not in listed:
            yield Finding(str(shard), "WD601", "is not in index.json")
    for name, length in listed.items():
        if "://" not in name and not (root / name).is_file():
            yield Finding(str(root / name), "WD602", "is in index.json and missing")
        elif "://" not in name and length is not None and (root / name).stat().st_size != length:
            yield Finding(
                str(root / name), "WD602", f"has {(root / name).stat().st_size} bytes, the index says {length}"
            )


def check_litdata(root: Path, multiple: int) -> Iterator[Finding]:
    """The chunks that LitData's index lists. What is in them only the library can read, so pictures are not looked at:
    `warpdata verify` holds the chunks against their digests."""
    path = root / "index.json"
    try:
        listed = [str(chunk["filename"]) for chunk in read_json(path)["chunks"]]
    except FileNotFoundError:
        yield Finding(str(root), "WD601", "there is no index.json; the last run may be unfinished")
        return
    except (ValueError, KeyError, TypeError) as error:
        yield Finding(str(path), "WD701", f"cannot be read: {error!r}")
        return
    chunks = {chunk.name: chunk.stat().st_size for chunk in root.glob("chunk-*.bin")}
    if not listed:
        yield Finding(str(root), "WD101", "the index lists no chunk")
        return
    for name in sorted(chunks.keys() - set(listed)):
        yield Finding(str(root / name), "WD601", "is not in index.json")
    for name in listed:
        if not chunks.get(name):
            yield Finding(str(root / name), "WD602", "is in index.json and missing or empty")
