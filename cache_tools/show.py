"""What a cache holds: scenes, frames, bytes, how they were made and under which licences."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.filesize import decimal

from cache_tools.survey import Found, Kind, survey


@dataclass(frozen=True, kw_only=True)
class Contents:
    """A cache's files."""

    root: Path
    found: list[Found]

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        entries = [_entry_as_json(found) for found in self.found if found.entry]
        others = [
            {"path": str(found.path), "kind": found.kind.value, "bytes": found.num_bytes, "reason": found.reason}
            for found in self.found
            if found.kind not in (Kind.ENTRY, Kind.DIGESTS, Kind.OVERLAPS, Kind.SKY, Kind.FRAMES)
        ]
        frames = [found for found in self.found if found.kind is Kind.FRAMES]
        sky = [found.num_bytes for found in self.found if found.kind is Kind.SKY]
        return {
            "root": str(self.root),
            "scenes": len(entries),
            "frames": sum(entry["frames"] for entry in entries),
            "bytes": sum(entry["bytes"] for entry in entries),
            "entries": entries,
            "sky": {"pictures": len(sky), "bytes": sum(sky)},
            "videos": {
                "videos": len({found.path.parent for found in frames}),
                "bytes": sum(found.num_bytes for found in frames),
            },
            "other_files": others,
        }

    def lines(self) -> list[str]:
        """For a person."""
        content = self.as_json()
        lines = [f"{self.root}: {content['scenes']} scenes, {content['frames']} frames, {decimal(content['bytes'])}"]
        for entry in content["entries"]:
            left_out = f", {entry['left_out']} left out" if entry["left_out"] else ""
            licences = f"pictures: {entry['source_license'] or 'licence not stated'}"
            if entry["weights"] or entry["weights_license"]:
                licences += f"; weights {entry['weights']}: {entry['weights_license'] or 'licence not stated'}"
            lines.append(
                f"  {entry['key'][:12]}  {entry['scene']}: {entry['frames']} frames{left_out}, "
                f"{decimal(entry['bytes'])}, {entry['estimator']}, {entry['scale']} scale ({licences})"
            )
        if content["sky"]["pictures"]:
            lines.append(f"  sky scores of {content['sky']['pictures']} pictures, {decimal(content['sky']['bytes'])}")
        if content["videos"]["videos"]:
            videos = content["videos"]
            lines.append(f"  frames of {videos['videos']} videos, {decimal(videos['bytes'])}")
        for other in content["other_files"]:
            reason = f": {other['reason']}" if other["reason"] else ""
            lines.append(f"  {other['path']} ({decimal(other['bytes'])}) is {other['kind']}{reason}")
        return lines


def show(root: Path) -> Contents:
    """List a cache; reads the entries' headers.

    Raises:
        OSError: the folder cannot be listed.
    """
    return Contents(root=root, found=survey(root))


def _entry_as_json(found: Found) -> dict[str, Any]:
    entry = found.entry
    provenance = entry.provenance
    return {
        "key": entry.key,
        "path": str(found.path),
        "scene": entry.scene_id,
        "frames": len(entry),
        "left_out": len(entry.left_out),
        "bytes": found.num_bytes,
        "scale": entry.scale,
        "estimator": provenance.estimator,
        "version": provenance.version,
        "weights": provenance.weights,
        "weights_license": provenance.weights_license,
        "source": entry.header.source_root,
        "source_license": entry.header.source_license,
    }
