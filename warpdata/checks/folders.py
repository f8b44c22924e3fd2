"""Checks of the layouts that pair files by their names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from warpdata.checks.finding import Finding
from warpdata.checks.manifest import has_references
from warpdata.checks.samples import Sample, check_gaps, check_samples

IMAGES = (".jpg", ".jpeg", ".png", ".webp")


def check_triplets(root: Path, multiple: int) -> Iterator[Finding]:
    """The triplet folder: `<scene>/<name>_<role>.<ext>`."""
    samples = []
    suffixes = ("_splats", "_reference") if any(root.glob("*/*_reference.*")) or has_references(root) else ("_splats",)
    for scene in sorted(path for path in root.glob("*") if path.is_dir() and path.name[0] != "."):
        targets = _by_suffix(scene, "_target")
        controls_of = {suffix: _by_suffix(scene, suffix) for suffix in suffixes}
        for stem, path in targets.items():
            controls = tuple(
                found.get(stem, scene / f"{stem}{suffix}{path.suffix}") for suffix, found in controls_of.items()
            )
            samples.append(Sample(f"{scene.name}/{stem}", path, controls))
        for found in controls_of.values():
            yield from _orphans(found, targets)
    yield from check_samples(root, samples, multiple=multiple)


def check_modelscope(root: Path, multiple: int) -> Iterator[Finding]:
    """Numbered pairs in a flat folder."""
    targets = {int(path.stem[:-4]): path for path in _images(root) if re.fullmatch(r"\d+_end", path.stem)}
    controls = {path.stem: path for path in _images(root) if re.fullmatch(r"\d+_start_\d+", path.stem)}
    yield from check_gaps(root, targets)
    samples = []
    for number, path in sorted(targets.items()):
        stems = [f"{number}_start_{control}" for control in (1, 2)]
        paths = tuple(controls.pop(stem, root / f"{stem}{path.suffix}") for stem in stems)
        samples.append(Sample(str(number), path, paths, root / f"{number}.txt"))
    yield from _orphans(controls, {})
    yield from check_samples(root, samples, multiple=multiple)


def check_aitoolkit(root: Path, multiple: int) -> Iterator[Finding]:
    """AI Toolkit: `target/` and up to three folders of controls, paired by stem."""
    folders = sorted(path for path in root.glob("control*") if path.is_dir())
    controls = [{path.stem: path for path in _images(folder)} for folder in folders]
    targets = {path.stem: path for path in _images(root / "target")}
    for path in sorted((root / "target").rglob("*")):
        known = path.suffix.lower() in (*IMAGES, ".txt") or path.name in (".aitk_size.json", "_latent_cache")
        if path.is_file() and not known and "_latent_cache" not in path.parts:
            yield Finding(str(path), "WD206", "only targets and their captions may be here")
    if targets and not folders:
        yield Finding(str(root), "WD201", "there is no folder control1")
    samples = [
        Sample(
            stem,
            path,
            tuple(
                found.get(stem, folder / f"{stem}{path.suffix}")
                for folder, found in zip(folders, controls, strict=True)
            ),
            path.with_suffix(".txt"),
        )
        for stem, path in targets.items()
    ]
    for found in controls:
        yield from _orphans(found, targets)
    yield from check_samples(root, samples, multiple=multiple)


def check_musubi(root: Path, multiple: int) -> Iterator[Finding]:
    """musubi-tuner: `images/<stem>` with `control/<stem>_<k>`."""
    targets = {path.stem: path for path in _images(root / "images")}
    found: dict[str, dict[int, Path]] = {}
    for path in _images(root / "control"):
        stem, _, number = path.stem.rpartition("_")
        whole = path.stem in targets
        found.setdefault(path.stem if whole else stem, {})[0 if whole or not number.isdigit() else int(number)] = path
    for stem in targets:
        base, _, number = stem.rpartition("_")
        if number.isdigit() and base in targets:
            yield Finding(str(targets[stem]), "WD403", f"reads as control {number} of {base}; rename it")
    count = max((max(numbers) + 1 for numbers in found.values()), default=0)
    samples = []
    for stem, path in targets.items():
        numbers = found.pop(stem, {})
        controls = (numbers.get(k, root / "control" / f"{stem}_{k}{path.suffix}") for k in range(max(count, 1)))
        samples.append(Sample(stem, path, tuple(controls), path.with_suffix(".txt")))
    for numbers in found.values():
        for path in numbers.values():
            yield Finding(str(path), "WD202", "belongs to no picture in images/")
    yield from check_samples(root, samples, multiple=multiple)


def _images(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.glob("*") if path.is_file() and path.suffix.lower() in IMAGES and path.name[0] != "."
    )


def _by_suffix(folder: Path, suffix: str) -> dict[str, Path]:
    return {path.stem.removesuffix(suffix): path for path in _images(folder) if path.stem.endswith(suffix)}


def _orphans(controls: dict[str, Path], targets: dict[str, Path]) -> Iterator[Finding]:
    for stem, path in controls.items():
        if stem not in targets:
            yield Finding(str(path), "WD202", "no target has this name")
