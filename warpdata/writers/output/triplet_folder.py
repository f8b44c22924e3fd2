"""Reading a triplet folder back: by its manifest, or by its file names where another program wrote it."""

from __future__ import annotations

import logging
from pathlib import Path

from warpdata.errors import OutputError
from warpdata.files.digests import file_sha256
from warpdata.formats.manifest import IMAGE_ROLES, MASK_ROLES, Record, read_dataset, read_manifest, scene_of
from warpdata.sources.decode import image_size
from warpdata.sources.naming import unique_names
from warpdata.writers.layouts.table import LAYOUTS
from warpdata.writers.output.existing import has_length
from warpdata.writers.output.journal import STATE_FOLDER

log = logging.getLogger(__name__)

EXTENSIONS = (".jpg", ".jpeg", ".png")


def read_triplet_folder(folder: Path) -> list[Record]:
    """The triplets of a folder, sorted by id.

    Raises:
        OutputError: it is no triplet folder, it is unfinished, or one of its files is missing.
        ViewError: a picture of a folder without manifest cannot be read.
    """
    if (folder / STATE_FOLDER).exists():
        raise OutputError(f"{folder} is unfinished; run the command that made it again, then export it")
    about = read_dataset(folder)
    if about is None:
        return _read_by_names(folder)
    if about["layout"] not in LAYOUTS or not LAYOUTS[about["layout"]].is_triplet_folder:
        raise OutputError(f"{folder} is an export in the layout {about['layout']}; export from a triplet folder")
    records = read_manifest(folder)
    for record in records:
        for role, path in record.files.items():
            if not has_length(folder / path, record.bytes[role]):
                raise OutputError(f"{folder / path} is missing or cut short; run the command that made it again")
    return records


def _read_by_names(folder: Path) -> list[Record]:
    found: dict[str, tuple[str, dict[str, Path]]] = {}
    scenes = sorted(path for path in folder.glob("*") if path.is_dir() and not path.name.startswith("."))
    scene_names = unique_names({scene.name: scene.name for scene in scenes})
    for scene in scenes:
        splats = {path.stem.removesuffix("_splats"): path for path in sorted(scene.glob("*_splats.*"))}
        splats = {stem: path for stem, path in splats.items() if path.suffix.lower() in EXTENSIONS}
        names = unique_names({stem: stem for stem in splats})
        for stem, splat in splats.items():
            files = {role: scene / f"{stem}_{role}{splat.suffix}" for role in IMAGE_ROLES}
            missing = [path.name for path in files.values() if not path.is_file()]
            if missing:
                log.warning("left out %s: %s is missing", scene / stem, " and ".join(missing))
                continue
            files |= {role: path for role in MASK_ROLES if (path := scene / f"{stem}_{role}.png").is_file()}
            found[f"{scene_names[scene.name]}/{names[stem]}"] = (stem, files)
    if not found:
        raise OutputError(f"{folder} holds no triplets: expected <scene>/<name>_splats.jpg, _reference and _target")
    return [_record(folder, sample_id, *found[sample_id]) for sample_id in sorted(found)]


def _record(folder: Path, sample_id: str, stem: str, files: dict[str, Path]) -> Record:
    height, width = image_size(files["target"])
    return Record(
        id=sample_id,
        scene=scene_of(sample_id),
        reference="",
        target=stem,
        size=(width, height),
        files={role: path.relative_to(folder).as_posix() for role, path in files.items()},
        sha256={role: file_sha256(path) for role, path in files.items()},
        bytes={role: path.stat().st_size for role, path in files.items()},
    )
