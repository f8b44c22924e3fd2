"""The bundle unpacked from its chunks: read as one stream, every member checked, resumed where it stopped."""

from __future__ import annotations

import io
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from warpdata.errors import ArchiveError, OutputError, SourceError, ViewError
from warpdata.files.archives import ArchiveLimits, Member, Refused, walk_tar
from warpdata.files.atomic import output_errors, part_path
from warpdata.files.chain import ChainedFile
from warpdata.files.paths import resolve_inside

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".npy", ".json", ".txt"})
"""Types of file that the bundle holds."""

CHUNK = re.compile(r"(.+_)([a-z]{2,})")
"""Name of a chunk, as `split` gives it."""

BLOCK_BYTES = 2**20


@dataclass(kw_only=True)
class UnpackReport:
    """What came of a bundle.

    Attributes:
        written: files written now, by their first folder.
        there: files that were there already, of the same size.
        num_bytes: of both.
        passed_over: files of other folders than those asked for.
        refused: members that are not used, as the archive spells them, and why.
    """

    written: Counter[str] = field(default_factory=Counter)
    there: Counter[str] = field(default_factory=Counter)
    num_bytes: Counter[str] = field(default_factory=Counter)
    passed_over: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)

    def lines(self) -> list[str]:
        """For a person."""
        folders = sorted(self.written | self.there)
        lines = [
            f"{folder}: {self.written[folder] + self.there[folder]:,} files, {self.num_bytes[folder]:,} bytes"
            + (f", {self.there[folder]:,} of them from before" if self.there[folder] else "")
            for folder in folders
        ]
        if self.passed_over:
            lines.append(f"{self.passed_over:,} files of other folders were passed over")
        return lines or ["the bundle holds no file that is asked for"]


def find_chunks(folder: Path) -> list[Path]:
    """The chunks of a bundle in order, or the one archive that it is.

    Raises:
        SourceError: there are none, chunks of two bundles, a gap, or suffixes of two lengths.
    """
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise SourceError(f"{folder} does not exist; give the folder of the chunks, or the archive")
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    chunks = {name: found for name in names if (found := CHUNK.fullmatch(name)) and "chunk" in found[1]}
    if not chunks:
        archives = [name for name in names if name.lower().endswith((".tar.gz", ".tgz", ".tar"))]
        if len(archives) == 1:
            return [folder / archives[0]]
        raise SourceError(
            f"{folder} holds {len(archives) or 'no'} archives and no chunks; expected "
            "SpaceVista_preview_chunk_aa, _ab, ... or one .tar.gz"
        )
    stems = sorted({found[1] for found in chunks.values()})
    if len(stems) > 1:
        raise SourceError(f"{folder} holds chunks of {len(stems)} bundles ({', '.join(stems)}); give a folder for each")
    suffixes = [found[2] for found in chunks.values()]
    lengths = sorted({len(suffix) for suffix in suffixes})
    if len(lengths) > 1:
        raise SourceError(f"chunks in {folder} have suffixes of {lengths[0]} and {lengths[-1]} letters; are two mixed?")
    for number, suffix in enumerate(suffixes):
        if suffix != (wanted := suffix_of(number, lengths[0])):
            raise SourceError(
                f"the chunk {stems[0]}{wanted} is missing in {folder}, before {stems[0]}{suffix}; download it again"
            )
    return [folder / name for name in chunks]


def suffix_of(number: int, length: int) -> str:
    """The suffix that `split` gives its chunk of a number: aa, ab, ..., az, ba."""
    letters = []
    for _ in range(length):
        number, letter = divmod(number, 26)
        letters.append(chr(ord("a") + letter))
    return "".join(reversed(letters))


def unpack(
    chunks: list[Path],
    output: Path | None,
    *,
    only: tuple[str, ...] = (),
    limits: ArchiveLimits | None = None,
    say: Callable[[str], None] = lambda line: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> UnpackReport:
    """Write the files of a bundle below a folder; those that are there in the same size stay.

    Args:
        chunks: in order.
        output: None to write nothing and say every member.
        only: folders at the bundle's top, such as DL3DV_frames; empty for all.
        limits: of the archive.
        say: is told of members: all where nothing is written, else those refused.
        progress: is told how many bytes of the chunks are read, of how many.

    Raises:
        ArchiveError: the archive is damaged, cut short, or passes a limit; names the member.
        OutputError: a file cannot be written.
    """
    report = UnpackReport()
    with ChainedFile(chunks) as packed:
        if output is not None:
            _check_space(output, packed.length, only)
            output = output.resolve()
        limits = limits or ArchiveLimits(suffixes=SUFFIXES)
        try:
            for number, found in enumerate(walk_tar(packed, limits, into=output)):
                if number % 64 == 0:
                    progress(packed.tell(), packed.length)
                if isinstance(found, Refused):
                    _refuse(report, found.name, found.reason, say)
                elif not found.is_folder:
                    _take(found, output, only, report, say)
        except ArchiveError as error:
            raise ArchiveError(f"{_named(chunks, packed.tell())}: {error}") from error
        progress(packed.length, packed.length)
    return report


def _named(chunks: list[Path], position: int) -> str:
    """The bundle, and how far into which chunk it was read, for an error."""
    if len(chunks) == 1:
        return str(chunks[0])
    left, number = position, 0
    while number < len(chunks) - 1 and left > chunks[number].stat().st_size:
        left -= chunks[number].stat().st_size
        number += 1
    last = ", the last there is: is there one more to download?" if number == len(chunks) - 1 else ""
    return f"the bundle of {len(chunks)} chunks in {chunks[0].parent}, read as far as into {chunks[number].name}{last}"


def _refuse(report: UnpackReport, name: str, reason: str, say: Callable[[str], None]) -> None:
    report.refused.append((name, reason))
    say(f"refused {name!r}: it is {reason}")


def _take(
    member: Member, output: Path | None, only: tuple[str, ...], report: UnpackReport, say: Callable[[str], None]
) -> None:
    parts = PurePosixPath(member.name).parts
    if only and not set(only) & set(parts[:2]):
        report.passed_over += 1
        return
    folder = parts[0] if len(parts) > 1 else "."
    if output is None:
        say(f"{member.size:>14,}  {member.name}")
        report.written[folder] += 1
        report.num_bytes[folder] += member.size
        return
    try:
        path = resolve_inside(output, member.name)
    except ViewError as error:
        _refuse(report, member.name, f"not below the folder ({error})", say)
        return
    try:
        size = path.lstat().st_size
    except FileNotFoundError:
        _write(path, member)
        report.written[folder] += 1
    except NotADirectoryError:
        _refuse(report, member.name, "below what is a file already", say)
        return
    else:
        if path.is_symlink() or not path.is_file() or size != member.size:
            was = "a link" if path.is_symlink() else "no file" if not path.is_file() else f"{size:,} bytes long"
            _refuse(report, member.name, f"there already and is {was}, not {member.size:,} bytes: it stays", say)
            return
        report.there[folder] += 1
    report.num_bytes[folder] += member.size


def _write(path: Path, member: Member) -> None:
    """Write a file under another name and rename it. Millions of small files are not each forced to the disk."""
    part = part_path(path)
    with output_errors(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                copied = _copy(member.content, file)
            if copied != member.size:
                raise OutputError(f"{member.name}: {copied:,} of {member.size:,} bytes could be read")
            os.replace(part, path)
        except BaseException:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise


def _copy(content: io.IOBase, file: io.IOBase) -> int:
    count = 0
    while data := content.read(BLOCK_BYTES):
        file.write(data)
        count += len(data)
    return count


def _check_space(output: Path, packed_bytes: int, only: tuple[str, ...]) -> None:
    """Refuse to begin where the whole bundle cannot fit; frames hardly shrink, so it is at least as long unpacked."""
    if only or (output.is_dir() and any(output.iterdir())):
        return
    there = next(parent for parent in (output, *output.resolve().parents) if parent.exists())
    free = shutil.disk_usage(there).free
    if free < packed_bytes:
        raise OutputError(
            f"{there} has {free:,} bytes free, and the bundle has {packed_bytes:,} packed; free space, choose another "
            "folder, or take a part of it with `only`"
        )
