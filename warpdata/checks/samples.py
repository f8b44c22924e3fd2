"""Rules about samples whose pictures are files: a target, its controls in order, and a caption."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from warpdata.checks.finding import Finding
from warpdata.checks.pictures import check_picture
from warpdata.sources.naming import clean_name

THREADS = 4


@dataclass(frozen=True)
class Sample:
    """A training example as files.

    Attributes:
        name: what the trainer pairs its files by.
        target: the target's file.
        controls: the files of the controls that the layout asks for, in their order; they need not exist.
        caption: the file of its caption, None where the layout keeps captions elsewhere.
    """

    name: str
    target: Path
    controls: tuple[Path, ...]
    caption: Path | None = None


def check_samples(root: Path, samples: Sequence[Sample], *, multiple: int) -> Iterator[Finding]:
    """All rules that hold for any layout of files."""
    if not samples:
        yield Finding(str(root), "WD101", "no sample was found")
        return
    yield from check_names(root, (sample.name for sample in samples))
    yield from _check_captions(samples)
    with ThreadPoolExecutor(THREADS, thread_name_prefix="check") as pool:
        for findings in pool.map(lambda sample: _check_pictures(sample, multiple), samples):
            yield from findings


def check_names(root: Path, names: Iterable[str]) -> Iterator[Finding]:
    """Names that a trainer, an archive or a file system would mix up."""
    seen: dict[str, str] = {}
    for name in sorted(names):
        where = str(root / name)
        for part in name.split("/"):
            if clean_name(part) != part:
                yield Finding(where, "WD401", "use letters of ASCII, digits, _ and - alone")
                break
        plain = clean_name(name.replace("/", "_")).casefold()
        if plain in seen:
            yield Finding(where, "WD402", f"collides with {seen[plain]}")
        seen[plain] = name


def check_gaps(root: Path, numbers: Iterable[int]) -> Iterator[Finding]:
    """Numbers that do not run from 1 without gaps."""
    numbers = set(numbers)
    missing = sorted(set(range(1, max(numbers, default=0) + 1)) - numbers)
    if missing:
        yield Finding(str(root), "WD205", f"{len(missing)} numbers are missing, the first is {missing[0]}")


def read_caption(path: Path) -> str | None:
    """A caption's text, None when it is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def _check_captions(samples: Sequence[Sample]) -> Iterator[Finding]:
    captions = [sample.caption for sample in samples if sample.caption is not None]
    expected = any(path.exists() for path in captions)
    for path in captions:
        if not path.exists():
            if expected:
                yield Finding(str(path), "WD501", "other samples have a caption")
            continue
        text = read_caption(path)
        if text is None:
            yield Finding(str(path), "WD503", "not UTF-8; save it again as UTF-8")
        elif not text.strip():
            yield Finding(str(path), "WD502", "empty; write a caption, or remove all of them")


def _check_pictures(sample: Sample, multiple: int) -> list[Finding]:
    findings, sizes = [], {}
    for path in (sample.target, *sample.controls):
        if not path.exists():
            code = "WD702" if path == sample.target else "WD201"
            findings.append(Finding(str(path), code, f"missing; sample {sample.name} is incomplete without it"))
            continue
        picture = check_picture(str(path), path, multiple=multiple)
        findings += picture.findings
        if picture.size is not None:
            sizes[path] = picture.size
    if len(set(sizes.values())) > 1:
        shown = ", ".join(f"{path.name} {width}x{height}" for path, (width, height) in sizes.items())
        findings.append(Finding(str(sample.target), "WD301", f"sizes differ: {shown}"))
    return findings
