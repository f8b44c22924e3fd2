"""Names that are safe in every file system, archive and exporter, and unique; and the order people expect."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from natsort import natsort_keygen, ns

MAX_NAME_LENGTH = 80
"""Longer names are cut and get a hash: `<target>__<reference>_reference.jpg` must still fit into 255 bytes."""

_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9_-]")
_WINDOWS_DEVICES = re.compile(r"con|prn|aux|nul|com[0-9]|lpt[0-9]", re.IGNORECASE)


_natural = natsort_keygen(alg=ns.IGNORECASE)


def natural_key(text: str) -> tuple:
    """Sort key under which `frame_2` comes before `frame_10`; case matters only between names equal without it."""
    return _natural(text), text


def clean_name(text: str) -> str:
    """`text` with everything but `A-Z a-z 0-9 _ -` replaced by `_`; dots and spaces too."""
    return _NOT_ALLOWED.sub("_", text) or "_"


def unique_names(stems: Mapping[str, str]) -> dict[str, str]:
    """A clean, unique name for each key, made from its stem.

    Stems that become equal (case aside: not every file system tells `A` from `a`) all get a short hash of their key, so
    that a name does not depend on the order of the keys. So do names that Windows reserves and names too long.

    Args:
        stems: what identifies each thing (for example its path) -> what it should be called.
    """
    cleaned = {key: clean_name(stem) for key, stem in stems.items()}
    count = Counter(name.casefold() for name in cleaned.values())
    needs_hash = {key for key, name in cleaned.items() if count[name.casefold()] > 1 or not _fits_alone(name)}
    for digits in (8, 64):
        names = {key: _with_hash(name, key, digits) if key in needs_hash else name for key, name in cleaned.items()}
        if len({name.casefold() for name in names.values()}) == len(names):
            break
    return names


def _fits_alone(name: str) -> bool:
    return len(name) <= MAX_NAME_LENGTH and not _WINDOWS_DEVICES.fullmatch(name)


def _with_hash(name: str, key: str, digits: int) -> str:
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:digits]
    return f"{name[: MAX_NAME_LENGTH - 1 - digits]}_{digest}"


def named_files(root: Path, paths: Iterable[Path]) -> list[tuple[str, Path]]:
    """Unique names for files, made from their stems, in natural order of their paths below `root`."""
    by_key = {path.relative_to(root).as_posix(): path for path in paths}
    names = unique_names({key: PurePosixPath(key).stem for key in by_key})
    return [(names[key], by_key[key]) for key in sorted(by_key, key=natural_key)]
