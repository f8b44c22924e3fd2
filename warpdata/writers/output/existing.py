"""The complete exports that an output folder holds: whether they are ours, whole, and how to take them apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from warpdata.files.atomic import output_errors, part_path, place_file, sync_folder
from warpdata.formats.manifest import DATASET, MANIFEST, REQUIRED_ROLES, Record, read_dataset, read_manifest
from warpdata.writers.layouts.layout import PROMPT
from warpdata.writers.layouts.table import LAYOUTS
from warpdata.writers.output.journal import STATE_FOLDER
from warpdata.writers.output.remote import Remote
from warpdata.writers.output.triplet_files import FolderLayout

SCENES_FOLDER = "scenes"


def layout_roots(root: Path, layouts: Sequence[str], scene_formats: Sequence[str]) -> dict[str, Path]:
    """Where everything goes: a single layout into the output folder itself, several into a sub-folder each, and scenes
    into a folder of their own."""
    roots = {layouts[0]: root} if len(layouts) == 1 else {layout: root / layout for layout in layouts}
    return roots | {name: root / SCENES_FOLDER / name for name in scene_formats}


@dataclass(frozen=True)
class Export:
    """A complete export."""

    root: Path
    about: dict[str, Any]
    records: list[Record]

    @property
    def layout(self) -> str:
        return self.about["layout"]

    @property
    def files(self) -> dict[str, int]:
        """Path below the root -> length in bytes, of every file but the manifest and `dataset.json`."""
        files = {path: entry["bytes"] for path, entry in self.about["files"].items()}
        for record in self.records:
            if record.shard is None:
                files |= {path: record.bytes[role] for role, path in record.files.items()}
        return files

    def scene(self, scene_id: str) -> dict[str, Any]:
        """What is known of a scene that the export holds: key, left_out, and files."""
        files = {path: file for path, file in self.about["files"].items() if path.startswith(f"{scene_id}/")}
        return {**self.about["scenes"][scene_id], "files": files}

    @property
    def url(self) -> str | None:
        """Where its shards are, if not below the root."""
        return (self.about["options"].get("shards") or {}).get("url")

    def missing(self) -> Iterator[str]:
        """Paths of files that are absent or of another length.

        Raises:
            OutputError: its shards are at a URL that cannot be reached.
        """
        shards = {path for path, about in self.about["files"].items() if "key" in about} if self.url else set()
        for path, length in self.files.items():
            if path in shards:
                there = Remote(self.url).length(path) == length
            else:
                there = has_length(self.root / path, length)
            if not there:
                yield path


def find_exports(root: Path) -> list[Export]:
    """The complete exports in an output folder and its sub-folders of layouts.

    Raises:
        OutputError: one is damaged or of another version.
    """
    return [Export(folder, about, read_manifest(folder)) for folder, about in find_datasets(root)]


def find_datasets(root: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Where complete exports are in an output folder, and what their `dataset.json` says.

    Raises:
        OutputError: one is damaged or of another version.
    """
    for folder in (root, *sorted(root.glob("*")), *sorted((root / SCENES_FOLDER).glob("*"))):
        about = read_dataset(folder) if folder.is_dir() else None
        if about is not None:
            yield folder, about


def restore(exports: list[Export], store: Path, layout: FolderLayout) -> Iterator[Record]:
    """Bring samples of complete exports back into a triplet folder.

    Yields:
        Records of the samples whose files are all there, as the folder names them. Roles that no export shows are left
        out. Exports that packed samples in a way which cannot be undone here give nothing.
    """
    by_id: dict[str, list[tuple[Export, Record]]] = {}
    for export in exports:
        for record in export.records:
            by_id.setdefault(record.id, []).append((export, record))
    for sample_id, shown in by_id.items():
        wanted = layout.files(sample_id)
        found: dict[str, tuple[str, int]] = {}
        for role, path in wanted.items():
            for export, record in shown:
                if role in record.files and _bring_back(export, record, role, store / path):
                    found[role] = (record.sha256[role], record.bytes[role])
                    break
        shown_roles = {role for _, record in shown for role in record.files} - {PROMPT}
        if found.keys() == shown_roles & wanted.keys() and found.keys() >= set(REQUIRED_ROLES):
            sync_folder((store / wanted["target"]).parent)
            yield replace(
                shown[0][1],
                files={role: wanted[role] for role in found},
                sha256={role: sha256 for role, (sha256, _) in found.items()},
                bytes={role: length for role, (_, length) in found.items()},
                index=None,
                shard=None,
            )


def restorable(exports: list[Export]) -> set[str]:
    """Ids of the samples that `restore` can bring back from exports in which no file is missing."""
    roles: dict[str, set[str]] = {}
    for export in exports:
        for record in export.records:
            if record.shard is None or (export.url is None and _extractor(export) is not None):
                roles.setdefault(record.id, set()).update(record.files)
    shown = {record.id: set() for export in exports for record in export.records}
    for export in exports:
        for record in export.records:
            shown[record.id] |= record.files.keys() - {PROMPT}
    return {
        sample_id for sample_id, found in roles.items() if shown[sample_id] <= found and found >= set(REQUIRED_ROLES)
    }


def _extractor(export: Export) -> Callable[[Path, str, Path], bool] | None:
    return LAYOUTS[export.layout].extract if export.layout in LAYOUTS else None


def _bring_back(export: Export, record: Record, role: str, path: Path) -> bool:
    if has_length(path, record.bytes[role]):
        return True
    if record.shard is not None:
        extract = _extractor(export)
        return extract is not None and extract(export.root / record.shard, record.files[role], path)
    source = export.root / record.files[role]
    if not has_length(source, record.bytes[role]):
        return False
    place_file(source, path, link=True)
    return True


def holds_others_files(root: Path, *, ours: Sequence[str] = ()) -> bool:
    """Whether a folder holds anything and is no output folder of ours.

    Args:
        ours: names of files that do not count.
    """
    if not root.is_dir() or (root / STATE_FOLDER).exists() or next(find_datasets(root), None) is not None:
        return False
    return any(entry.name not in ours for entry in root.iterdir())


def has_length(path: Path, length: int) -> bool:
    """Whether a file is there with all its bytes."""
    try:
        return path.stat().st_size == length
    except OSError:
        return False


def remove_files(root: Path, paths: Iterable[str]) -> None:
    """Remove files of ours, what a kill left of them, and the folders that become empty; nothing else.

    Raises:
        OutputError: one cannot be removed.
    """
    folders = set()
    for path in paths:
        file = root / path
        with output_errors(file):
            file.unlink(missing_ok=True)
            part_path(file).unlink(missing_ok=True)
        folders.update(folder for folder in file.parents if folder.is_relative_to(root) and folder != root)
    for folder in sorted(folders, key=lambda folder: -len(folder.parts)):
        with suppress(OSError):  # not empty, or gone
            folder.rmdir()


def remove_export(export: Export) -> None:
    """Remove a complete export, here and at its URL; nothing else.

    Raises:
        OutputError: a file cannot be removed.
    """
    paths = [DATASET, MANIFEST, *export.files]
    remove_files(export.root, paths)
    if export.url is not None:
        remote = Remote(export.url)
        for path in paths:
            remote.remove(path)


def all_paths(root: Path, exports: Iterable[Export]) -> list[str]:
    """Paths below the output folder of everything that exports in it consist of."""
    return [
        (export.root / path).relative_to(root).as_posix()
        for export in exports
        for path in (DATASET, MANIFEST, *export.files)
    ]
