"""Scenes exported beside the triplets of the same run: `scenes/<format>/<scene>/`, resumed and completed with them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from warpdata.errors import OutputError, SceneError
from warpdata.files.atomic import output_errors, sync_file, sync_folder, write_atomic
from warpdata.files.bounded_json import dump_json, read_json
from warpdata.files.digests import file_sha256
from warpdata.plugins import OwnOptions
from warpdata.writers.output.existing import has_length
from warpdata.writers.output.output_folder import OutputFolder
from warpdata.writers.scenes.frames import SceneFrames
from warpdata.writers.scenes.table import SCENE_FORMATS


class SceneExports:
    """Exports of the scenes of a run.

    Args:
        folder: the run's output.
        formats: names of `SCENE_FORMATS`.
        overwrite: whether scenes made from another input may be replaced.
        own: options of single formats.
    """

    def __init__(self, folder: OutputFolder, formats: Sequence[str], *, overwrite: bool, own: OwnOptions):
        self._folder, self._formats, self._overwrite, self._own = folder, formats, overwrite, own

    def missing(self, scene_id: str, key: str) -> list[str]:
        """Formats in which a scene is still to be written.

        Args:
            key: what the scene's geometry is known by.

        Raises:
            OutputError: it was written from other geometry, and may not be replaced.
        """
        missing = []
        for name in self._formats:
            note = self._note(name, scene_id)
            if note is not None and note["key"] != key:
                if not self._overwrite:
                    raise OutputError(
                        f"{self._root(name) / scene_id} was made from another input; use `overwrite=True`, "
                        "or choose another output folder"
                    )
                note = None
            root = self._root(name)
            if note is None or not all(has_length(root / path, file["bytes"]) for path, file in note["files"].items()):
                missing.append(name)
        return missing

    def holds(self, scene_id: str) -> bool:
        """Whether a complete export has a scene in any format."""
        return any(scene_id in export.about.get("scenes", ()) for export in self._folder.exports)

    def write(self, frames: SceneFrames, formats: Sequence[str]) -> dict[str, str]:
        """Write a scene in some formats.

        Returns:
            What was left out, and why: a view by its name, or the whole scene by the name of a format.

        Raises:
            OutputError: a file cannot be written; names it.
        """
        left_out = {}
        for name in formats:
            row = SCENE_FORMATS[name]
            draft = self._folder.state(name) / "draft" / frames.scene_id
            with output_errors(draft):
                shutil.rmtree(draft, ignore_errors=True)
                draft.mkdir(parents=True)
                refused = None
                try:
                    row.write(frames, draft, None if row.options is None else self._own.of(row.options))
                except SceneError as error:
                    refused = left_out[f"scenes/{name}"] = str(error)
                    shutil.rmtree(draft)
                files = self._move(draft, name, frames.scene_id)
            note = {"key": frames.key, "left_out": refused, "files": files}
            write_atomic(self._folder.scene_note(name, frames.scene_id), dump_json(note))
        return left_out | frames.left_out

    def complete(self) -> None:
        """Say of every format that it is complete."""
        for name in self._formats:
            notes = {}
            for path in sorted(self._folder.scene_note(name, "").parent.glob("*.json")):
                notes[path.stem] = read_json(path)
            files = {path: file for note in notes.values() for path, file in note["files"].items()}
            scenes = {scene: {key: note[key] for key in ("key", "left_out")} for scene, note in notes.items()}
            self._folder.complete_scenes(name, files, scenes)

    def _note(self, name: str, scene_id: str) -> dict[str, Any] | None:
        for export in self._folder.exports:
            if export.layout == name and scene_id in export.about["scenes"]:
                return export.scene(scene_id)
        try:
            return read_json(self._folder.scene_note(name, scene_id))
        except FileNotFoundError:
            return None

    def _root(self, name: str) -> Path:
        return self._folder.roots[name]

    def _move(self, draft: Path, name: str, scene_id: str) -> dict[str, Any]:
        """Give a finished scene its final place, each file whole."""
        root = self._root(name)
        drafts = sorted(path for path in draft.rglob("*") if path.is_file())
        paths = [f"{scene_id}/{path.relative_to(draft).as_posix()}" for path in drafts]
        self._folder.begin(root, paths)
        files = {}
        for source, path in zip(drafts, paths, strict=True):
            sync_file(source)
            files[path] = {"sha256": file_sha256(source), "bytes": source.stat().st_size}
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            os.replace(source, root / path)
        for folder in sorted({(root / path).parent for path in paths}):
            sync_folder(folder)
        return files
