"""Rules that need the manifest: controls that changed places since it was written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from warpdata.checks.finding import Finding
from warpdata.errors import OutputError
from warpdata.files.digests import file_sha256
from warpdata.formats.manifest import IMAGE_ROLES, MANIFEST, read_manifest

NOTHING_SEEN = 0.99
"""Share of a target from which on its splat shows nothing: the rest is a stray point or two."""


def check_manifest(root: Path) -> Iterator[Finding]:
    """Samples whose splat shows nothing, and those in which a file of one role has the content of another.

    Plain damage is what `warpdata.verify` finds.
    """
    if not (root / MANIFEST).exists():
        return
    try:
        records = read_manifest(root)
    except OutputError as error:
        yield Finding(str(root / MANIFEST), "WD701", str(error))
        return
    for record in records:
        holes = record.warp.get("hole_fraction")
        if isinstance(holes, int | float) and holes >= NOTHING_SEEN:
            where = root / (record.shard or record.files.get("splats", MANIFEST))
            yield Finding(
                str(where),
                "WD306",
                f"{1 - holes:.1%} of the target of {record.id} is seen: no point of the reference falls into the "
                "target; do poses and depth have one unit?",
            )
        if record.shard is not None:
            continue
        pictures = [role for role in IMAGE_ROLES if role in record.files]
        role_of = {record.sha256[role]: role for role in pictures if role in record.sha256}
        for role in pictures:
            path = root / record.files[role]
            if not path.is_file() or len(role_of) < len(pictures):
                continue
            found = role_of.get(file_sha256(path), role)
            if found != role:
                yield Finding(str(path), "WD203", f"holds the {found} of {record.id}, and should hold its {role}")


def has_references(root: Path) -> bool:
    """Whether the samples of a data set have references: all do, but where the manifest names none."""
    try:
        records = read_manifest(root)
    except OutputError:
        return True
    return any("reference" in record.files for record in records)
